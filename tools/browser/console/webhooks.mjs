// Programs that are told what happens.
import assert from "node:assert/strict";
import { createHmac } from "node:crypto";
import { createServer } from "node:http";

import { ask, at, button, heading, known, picture } from "./person.mjs";

// A program of ours: what it was sent, and what it answers.
const program = { got: [], answer: 204 };
const server = createServer((request, response) => {
  const chunks = [];
  request.on("data", (chunk) => chunks.push(chunk));
  request.on("end", () => {
    program.got.push({ headers: request.headers, body: Buffer.concat(chunks).toString() });
    response.writeHead(program.answer).end("thank you");
  });
});

// Whether a request is signed by a secret (Standard Webhooks).
function signedBy(secret, { headers, body }) {
  const key = Buffer.from(secret.replace(/^whsec_/, ""), "base64");
  const signed = `${headers["webhook-id"]}.${headers["webhook-timestamp"]}.${body}`;
  return headers["webhook-signature"].split(" ").includes(`v1,${createHmac("sha256", key).update(signed).digest("base64")}`);
}

// Waits until the program was told so many times.
async function told(page, times) {
  for (let tries = 0; program.got.length < times; tries++) {
    assert.ok(tries < 150, `told ${program.got.length} times, not ${times}`);
    await page.waitForTimeout(100);
  }
}

const shown = async (page) => (await page.getByRole("status").locator("pre").filter({ hasText: /^whsec_/ }).innerText()).trim();

let first;

export const steps = {
  async "a webhook is made and tested"() {
    const { page } = known.first;
    await new Promise((done) => server.listen(0, "127.0.0.1", done));
    server.unref();
    const url = `http://127.0.0.1:${server.address().port}/told`;
    await at("/settings/webhooks");
    await page.getByText("No webhooks").waitFor();
    await page.getByRole("link", { name: "New webhook" }).first().click();
    await heading("New webhook");
    await page.getByLabel("Address").fill("ftp://example.org");
    await page.getByLabel("contact.created").check();
    await button("Make the webhook").click();
    await page.getByRole("textbox", { name: "Address" }).and(page.locator("[aria-invalid=true]")).waitFor();
    await page.getByLabel("Address").fill(url);
    await page.getByLabel("What it is for").fill("The shop");
    await button("Make the webhook").click();
    first = await shown(page);
    await button("I have it").click();
    await heading("The shop");
    await button("Test").click();
    await page.getByRole("status").getByText("HTTP 204").waitFor();
    await page.getByText('"type": "webhook.test"').waitFor();
    assert.ok(signedBy(first, program.got.at(-1)), "it is signed by the secret that was shown");
    await picture("webhook");
  },
  async "a request that failed is seen, and made again"() {
    const { page } = known.first;
    program.answer = 410;
    await button("Test").click();
    await page.getByRole("status").getByText("HTTP 410").waitFor();
    await page.getByText(/Nothing that happens now is told/).waitFor();
    program.answer = 200;
    await button("Go on").click();
    await page.getByText(/Nothing that happens now is told/).waitFor({ state: "detached" });
    await page.getByLabel("State").first().selectOption("failed");
    await page.waitForURL(/state=failed/);
    const table = page.getByRole("table", { name: "Requests" });
    await table.getByRole("row", { name: /failed 410/ }).waitFor();
    assert.equal(await table.getByRole("row").count(), 2, "that one and the head");
    await button("Make it again").click();
    await page.getByRole("status").getByText("HTTP 200").waitFor();
    // All of a time: it says how many before.
    await page.getByLabel("State").first().selectOption("");
    const before = program.got.length;
    await button("Make requests again").click();
    const dialog = page.getByRole("dialog");
    await dialog.getByText(/^0 requests are like that/).waitFor();
    await dialog.getByLabel("State").selectOption("delivered");
    await dialog.getByText(/^2 requests are like that/).waitFor();
    await dialog.getByRole("button", { name: "Make 2 again" }).click();
    await page.getByText("2 requests are made again.").waitFor();
    await told(page, before + 2);
  },
  async "another secret, both for a while"() {
    const { page } = known.first;
    await button("Another secret").click();
    await page.getByRole("dialog").getByLabel("The one before signs along").selectOption("hour");
    await page.getByRole("dialog").getByRole("button", { name: "Another secret" }).click();
    const second = await shown(page);
    assert.notEqual(second, first);
    await page.getByText("The secret before signs along").waitFor();
    const before = program.got.length;
    await button("Test").click();
    await told(page, before + 1);
    const both = program.got.at(-1);
    assert.ok(signedBy(first, both) && signedBy(second, both));
    await button("End the one before").click();
    await page.getByText("The secret before signs along").waitFor({ state: "detached" });
    await button("Test").click();
    await told(page, before + 2);
    assert.ok(signedBy(second, program.got.at(-1)) && !signedBy(first, program.got.at(-1)));
    await button("Pause").click();
    await page.getByText("paused", { exact: true }).last().waitFor();
    const [{ state }] = (await ask(page, "GET", "/v1/webhooks")).items;
    assert.equal(state, "paused");
    known.pages.push("/settings/webhooks", "/settings/webhooks/new", new URL(page.url()).pathname);
  },
};
