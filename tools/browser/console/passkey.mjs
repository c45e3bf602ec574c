// A passkey, made and used on the console's pages; its keeper is one that the browser plays.
import assert from "node:assert/strict";

import { ask, button, heading, known, password, signIn, to, visitor } from "./person.mjs";

const email = "katherine@example.org";

export const steps = {
  async "a passkey is made, and signs in"() {
    const { token } = await ask(known.first.page, "POST", "/v1/invitations", { email, role: "viewer" });
    const { context, page, close } = await visitor();
    const devtools = await context.newCDPSession(page);
    await devtools.send("WebAuthn.enable");
    await devtools.send("WebAuthn.addVirtualAuthenticator", {
      options: {
        protocol: "ctap2", transport: "internal", hasResidentKey: true, hasUserVerification: true, isUserVerified: true, automaticPresenceSimulation: true,
      },
    });
    await page.goto(`${to.base}/invitation#${encodeURIComponent(token)}`);
    await page.getByLabel("Name").fill("Katherine");
    await page.getByRole("textbox", { name: "Password" }).fill(password);
    await button("Come in", page).click();
    await heading("Home", page);
    await page.goto(to.base + "/me");
    await button("Add a passkey", page).click();
    const dialog = page.getByRole("dialog");
    await dialog.getByLabel(/^What to call it/).fill("Phone");
    await dialog.getByRole("textbox", { name: "Password" }).fill(password);
    await dialog.getByRole("button", { name: "Add a passkey" }).click();
    await page.getByRole("cell", { name: "Phone" }).waitFor();
    const leave = async () => {
      await page.getByRole("button", { name: /account and sign-out/ }).click();
      await page.getByRole("menuitem", { name: "Sign out" }).click();
      await heading("Sign in", page);
    };
    await leave();
    // By the passkey alone, and as a second factor behind the password.
    await button("With a passkey", page).click();
    await heading("Home", page);
    assert.deepEqual((await ask(page, "GET", "/v1/session")).methods, ["passkey"]);
    await leave();
    await signIn(page, email);
    await page.getByText(/One more thing/).waitFor();
    await button("With a passkey", page).click();
    await heading("Home", page);
    assert.deepEqual((await ask(page, "GET", "/v1/session")).methods, ["password", "passkey"]);
    await close();
  },
};
