// By the keyboard alone.
import assert from "node:assert/strict";

import { at, heading, known } from "./person.mjs";

export const steps = {
  async "by the keyboard alone"() {
    const { page } = known.first;
    await at("/");
    await heading("Home");
    await page.keyboard.press("g");
    await page.keyboard.press("c");
    await heading("Campaigns");
    await page.keyboard.press("Control+k");
    await page.getByPlaceholder("A page or a campaign").waitFor();
    await page.keyboard.type("second thoughts");
    await page.getByRole("button", { name: /Second thoughts/ }).first().waitFor();
    await page.keyboard.press("ArrowDown");
    await page.keyboard.press("Enter");
    await heading("Second thoughts");
    await page.keyboard.press("Control+k");
    await page.getByPlaceholder("A page or a campaign").waitFor();
    await page.keyboard.press("Escape");
    await page.getByPlaceholder("A page or a campaign").waitFor({ state: "detached" });
    await page.keyboard.press("?");
    await page.getByRole("heading", { name: "Shortcuts" }).waitFor();
    await page.keyboard.press("Escape");
    await page.getByRole("dialog").waitFor({ state: "detached" });
    await page.keyboard.press("g");
    await page.keyboard.press("p");
    await heading("Contacts");
    // The way into the page is the first stop of the tab key.
    await page.reload();
    await heading("Contacts");
    await page.keyboard.press("Tab");
    assert.equal(await page.evaluate(() => document.activeElement.textContent), "To the content");
    await page.keyboard.press("Enter");
    await page.keyboard.press("Tab");
    assert.equal(await page.evaluate(() => document.activeElement.textContent), "Upload a file");
  },
};
