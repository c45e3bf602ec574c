// Campaigns: undone, recurring.
import assert from "node:assert/strict";

import { ask, at, button, heading, known, picture } from "./person.mjs";

export const steps = {
  async "a start is undone"() {
    const { page } = known.first;
    await at(known.newsletter);
    await button("Duplicate").click();
    await heading("Edit the campaign");
    await page.getByLabel("Name").fill("Second thoughts");
    await page.getByText("Saved", { exact: true }).waitFor();
    await button("Start").click();
    await button("Undo").click();
    await heading("Edit the campaign");
    assert.equal(await page.getByLabel("Name").inputValue(), "Second thoughts");
    const { items } = await ask(page, "GET", "/v1/campaigns?q=Second&archived=all");
    assert.deepEqual(items.map((c) => c.status).sort(), ["canceled", "draft"]);
    assert.equal((await ask(page, "GET", "/v1/messages")).items.length, 2, "nobody has got anything");
  },
  async "a recurring campaign, with its instants"() {
    const { page } = known.first;
    await page.getByRole("tab", { name: "Weekly" }).click();
    await page.getByText("Mon", { exact: true }).click();
    await page.getByText("Sun", { exact: true }).click();
    await page.getByLabel("Time", { exact: true }).fill("02:30");
    await page.getByText(/The next times, on a clock in Europe\/Berlin/).waitFor();
    const instants = page.getByText(/\(\+0[12]:00\)/);
    await instants.nth(9).waitFor();
    await picture("campaign-recurring");
    await page.getByText("Saved", { exact: true }).waitFor();
    await page.reload();
    assert.equal(await page.getByLabel("Time", { exact: true }).inputValue(), "02:30", "it is kept");
    known.pages.push(new URL(page.url()).pathname);
    await button("Start the schedule").click();
    await page.getByText("Fires").waitFor();
    await at("/campaigns?status=scheduled");
    await page.getByRole("link", { name: "Second thoughts" }).waitFor();
    await picture("campaigns");
    await at("/");
    await page.getByRole("link", { name: "Second thoughts" }).first().waitFor();
    await picture("home");
  },
};
