// Signing in through an identity provider, a certified one, which is set up in the console.
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { createInterface } from "node:readline";

import { ask, at, button, heading, known, picture, to, visitor } from "./person.mjs";

const client = { client: "carillon", secret: "the secret of the client" };

// Starts the provider, and returns where it is.
async function provider() {
  const redirect = `${to.base}/sign-in/1/callback`;
  const people = { hedy: { email: "hedy@example.com", email_verified: true, name: "Hedy", groups: ["marketing"] } };
  const started = spawn("node", ["provider.mjs", JSON.stringify({ ...client, redirect, people, conform: false })], {
    cwd: new URL("../../openid", import.meta.url), stdio: ["pipe", "pipe", "ignore"],
  });
  started.unref();
  for await (const line of createInterface(started.stdout)) return { issuer: line.trim(), stop: () => started.stdin.end() };
  throw new Error("the provider did not start");
}

let corp;

export const steps = {
  async "an identity provider is set up"() {
    const { page } = known.first;
    corp = await provider();
    await at("/settings/identity-providers");
    await page.getByText("No identity providers").waitFor();
    await page.getByRole("textbox", { name: "Name" }).fill("Bell Foundry");
    await page.getByLabel("Issuer").fill(corp.issuer);
    await page.getByLabel("Client id").fill(client.client);
    await page.getByLabel("Client secret").fill(client.secret);
    await page.getByRole("combobox", { name: "Domains of addresses" }).fill("example.com");
    await page.keyboard.press("Enter");
    await page.getByRole("combobox", { name: "What is asked for" }).fill("groups");
    await page.keyboard.press("Enter");
    await button("Another group").click();
    await page.getByRole("textbox", { name: "Group", exact: true }).fill("marketing");
    await page.getByLabel("Role", { exact: true }).last().selectOption("editor");
    await picture("identity-provider");
    await button("Make the identity provider").click();
    await page.getByText("The identity provider Bell Foundry").waitFor();
    await page.getByText(`${to.base}/sign-in/1/callback`).waitFor();
    const { items: [made] } = await ask(page, "GET", "/v1/identity-providers");
    assert.deepEqual([made.name, made.domains, made.roles], ["Bell Foundry", ["example.com"], [{ group: "marketing", role: "editor" }]]);
    // The secret is written, and never read.
    assert.equal(await page.getByLabel("Client secret").inputValue(), "");
    await page.getByLabel("Client secret").fill(client.secret);
    await button("Save").click();
    await page.getByText("The identity provider Bell Foundry is saved.").waitFor();
    known.pages.push("/settings/identity-providers?provider=1");
  },
  async "somebody signs in through it"() {
    // The pages of this provider, not ours, want a font of somebody else, which they don't get.
    const font = "https://fonts.googleapis.com";
    const { context, page, close } = await visitor({}, [corp.issuer, font]);
    await context.route(font + "/**", (route) => route.abort());
    await page.goto(to.base + "/campaigns");
    await heading("Sign in", page);
    await page.getByRole("link", { name: "Through Bell Foundry" }).click();
    await page.getByPlaceholder("Enter any login").fill("hedy");
    await page.getByPlaceholder("and password").fill("any");
    await page.getByRole("button", { name: "Sign-in" }).click();
    await page.getByRole("button", { name: "Continue" }).click();
    await page.getByRole("button", { name: /^Hedy/ }).waitFor();
    const session = await ask(page, "GET", "/v1/session");
    assert.deepEqual([session.email, session.account.role, session.methods], ["hedy@example.com", "editor", ["oidc"]]);
    // Who signed in so is one of the people, and is shown the door like everybody.
    await at("/settings/people");
    await button("Sign-ins: Hedy", known.first.page).click();
    await known.first.page.getByRole("dialog").getByRole("button", { name: "Sign out everywhere" }).click();
    await known.first.page.getByText("Signed in nowhere.").waitFor();
    await page.getByRole("link", { name: "Contacts" }).click();
    await page.getByText(/You were signed out/).waitFor();
    await close();
    corp.stop();
  },
};
