// Second factors, roles, languages, sign-ins that end.
import assert from "node:assert/strict";

import { at, button, code, heading, known, password, picture, signIn, to, visitor } from "./person.mjs";

export const steps = {
  async "a second factor is set up and asked for"() {
    const { page } = known.first;
    await at("/me");
    await button("Set up an app").click();
    const secret = await page.locator("code").filter({ hasText: /^[A-Z2-7]{16,}$/ }).innerText();
    const part = page.locator("section").filter({ hasText: "Authenticator app" });
    await part.getByLabel("Code").fill(code(secret, Date.now()));
    await part.getByRole("textbox", { name: "Password" }).fill(password);
    await button("Take the app").click();
    await page.getByText("Recovery codes", { exact: true }).waitFor();
    const recovery = await page.getByRole("status").filter({ hasText: "Recovery codes" }).locator("code").allInnerTexts();
    assert.equal(recovery.length, 10);
    await picture("me");
    await page.getByRole("button", { name: /account and sign-out/ }).click();
    await page.getByRole("menuitem", { name: "Sign out" }).click();
    await heading("Sign in");
    await picture("sign-in");
    await signIn(page, "ada@example.org");
    await page.getByLabel("Code").fill("000000");
    await button("Sign in").click();
    await page.getByRole("alert").filter({ hasText: "That did not work" }).waitFor();
    await page.getByLabel("Code").fill(recovery[0]);
    await button("Sign in").click();
    await heading("Home");
  },
  async "a viewer looks and changes nothing, in another language"() {
    const invited = await visitor();
    await invited.page.goto(`${to.base}/invitation#${encodeURIComponent(to.invitation)}`);
    await invited.page.getByText(/has invited you/).waitFor();
    assert.equal(await invited.page.getByLabel("E-mail").inputValue(), to.viewer);
    await invited.page.getByLabel("Name").fill("Vera");
    await invited.page.getByRole("textbox", { name: "Password" }).fill(password);
    await button("Come in", invited.page).click();
    await heading("Home", invited.page);
    await invited.close();

    const { page, close } = await visitor({ locale: "de-DE" });
    await page.goto(to.base + known.newsletter);
    await page.getByRole("heading", { name: "Anmelden" }).waitFor();
    await page.getByLabel("E-Mail").fill(to.viewer);
    await page.getByRole("textbox", { name: "Passwort" }).fill(password);
    await button("Anmelden", page).click();
    // The sign-in leads to where the link led.
    await page.getByText("Der letzte Lauf").waitFor();
    assert.equal(new URL(page.url()).pathname, known.newsletter);
    assert.equal(await button("Duplizieren", page).count(), 0);
    await page.goto(to.base + "/campaigns");
    await page.getByRole("link", { name: "Second thoughts" }).waitFor();
    assert.equal(await page.getByRole("link", { name: "Neue Kampagne" }).count(), 0);
    await close();
  },
  async "two browsers see the same at once"() {
    const other = await visitor();
    await other.page.goto(to.base + "/sign-in");
    await signIn(other.page, to.viewer);
    await heading("Home", other.page);
    await other.page.goto(to.base + "/campaigns?status=paused");
    await other.page.getByText("No campaign is like that").waitFor();
    await at("/campaigns?q=Second&status=scheduled");
    await known.first.page.getByRole("link", { name: "Second thoughts" }).click();
    await button("Pause").click();
    await known.first.page.getByText(/Paused by/).waitFor();
    await other.page.reload();
    await other.page.getByRole("link", { name: "Second thoughts" }).waitFor();
    await button("Go on").click();
    await other.close();
  },
};
