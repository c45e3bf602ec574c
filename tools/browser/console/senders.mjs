// What an admin does so that mailbox providers believe the mail: records, a key, and the next key.
import assert from "node:assert/strict";

import { ask, at, button, known, picture, to } from "./person.mjs";

const dialog = () => known.first.page.getByRole("dialog");
const record = (name) => known.first.page.getByRole("region", { name, exact: true });

async function publish(name, text) {
  const answer = await fetch(to.dns, { method: "POST", body: JSON.stringify({ name, text }) });
  assert.equal(answer.status, 200);
}

let mail;

const domain = () => ask(known.first.page, "GET", `/v1/channels/${mail}/domain`);

export const steps = {
  async "a domain is looked at, a key made, published and found"() {
    const { page } = known.first;
    const made = await ask(page, "POST", "/v1/channels", { name: "Letters", provider: "smtp", config: { host: "127.0.0.1", port: to.smtp, tls: "none", from: "news@bells.example" } });
    mail = made.id;
    await at(`/channels/${mail}`);
    await page.getByRole("heading", { name: "Sender domain bells.example" }).waitFor();
    await record("SPF").getByText("Not checked").waitFor();
    await record("DKIM").getByText("Nothing is signed here.", { exact: false }).waitFor();
    await button("Check now").click();
    await page.getByText("2 needed records are missing or wrong.").waitFor();
    await record("DMARC").getByText("Missing").waitFor();
    await button("Choose its name").click();
    await page.getByLabel("Selector").fill("under_score");
    await button("Make a signing key").click();
    await page.getByLabel("Selector").and(page.locator("[aria-invalid=true]")).waitFor();
    await page.getByLabel("Selector").fill("spring");
    await button("Make a signing key").click();
    await record("DKIM spring").getByText("spring._domainkey.bells.example").waitFor();
    await page.getByText("Waits for its record").waitFor();
    const { records } = await domain();
    for (const r of records.filter((r) => r.type === "TXT" && r.value)) {
      await record(r.selector ? `DKIM ${r.selector}` : r.purpose.toUpperCase()).getByText(r.value).waitFor(); // what is shown is what is asked for
      await publish(r.name, r.value);
    }
    await button("Check now").click();
    await page.getByText("Everything that large mailbox providers want is published.").waitFor();
    await page.getByText("Mail is signed with it.").waitFor();
    await picture("channel-domain");
    assert.equal((await domain()).signing_keys[0].state, "signing");
  },
  async "the key is exchanged, and the old one forgotten"() {
    const { page } = known.first;
    await button("Choose its name").click();
    await page.getByLabel("Selector").fill("autumn");
    await button("Make the next key").click();
    await page.getByText("Waits for its record").waitFor();
    const next = (await domain()).records.find((r) => r.selector === "autumn");
    await publish(next.name, next.value);
    await button("Check now").click();
    await page.getByText("Replaced", { exact: true }).waitFor();
    await button("Forget the key autumn").click();
    await dialog().getByText("Mail is signed with this key now", { exact: false }).waitFor();
    await page.keyboard.press("Escape");
    await dialog().waitFor({ state: "detached" });
    await button("Forget the key spring").click();
    await dialog().getByRole("button", { name: "Forget" }).click();
    await record("DKIM spring").waitFor({ state: "detached" });
    assert.deepEqual((await domain()).signing_keys.map((k) => [k.selector, k.state]), [["autumn", "signing"]]);
    known.pages.push(`/channels/${mail}`);
  },
};
