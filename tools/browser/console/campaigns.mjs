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
  },
  async "its policies are in a drawer"() {
    const { page } = known.first;
    await button("Policies").click();
    const drawer = page.getByRole("dialog", { name: "Policies" });
    await drawer.getByLabel("Only at certain hours").check();
    await drawer.getByRole("group", { name: "Days of the week" }).getByText("Sun").click();
    await drawer.getByLabel("How many times").fill("2");
    await drawer.getByLabel("A time that comes while a run is under way").selectOption({ label: "It is left out" });
    await drawer.getByLabel("It would reach nobody").check();
    await drawer.getByLabel(/complain$/).fill("0.3");
    // What can't be meant is said at its field.
    const late = drawer.getByLabel("Starts later by up to");
    await late.fill("soon");
    await drawer.getByText("must be a duration from 1s to 24h, such as 5m").waitFor();
    await picture("campaign-policies");
    await late.fill("5m");
    await drawer.getByText("must be a duration").waitFor({ state: "detached" });
    await page.keyboard.press("Escape");
    await page.getByText(/^Set: Each recipient · Beginning and end · Days that are left out · When it can't simply go out · Pause by itself when$/).waitFor();
    await page.getByText("Saved", { exact: true }).waitFor();
    const { schedule } = await ask(page, "GET", new URL(page.url()).pathname.replace(/^(.*)\/edit$/, "/v1$1"));
    assert.deepEqual(
      { ...schedule, calendar: undefined },
      {
        calendar: undefined, timezone: "Europe/Berlin", count: 2, exclude: { weekdays: ["sun"] }, while_running: "skip", jitter: "5m",
        guards: { audience: { empty: true }, complaints: { share: 0.003 } }, hours: { from: "09:00", to: "20:00" },
      },
    );
    // Sundays are left out, and after two Mondays it is over.
    const instants = page.getByText(/\(\+0[12]:00\)/);
    await page.getByText("excluded").first().waitFor();
    const shown = await instants.allInnerTexts();
    assert.equal(shown.filter((i) => !/excluded/i.test(i)).length, 2, shown.join("\n"));
  },
  async "it goes out by a ramp"() {
    const { page } = known.first;
    await page.getByRole("button", { name: /^How fast/ }).click();
    await page.getByLabel("In batches of").fill("500");
    await page.getByLabel("A batch every").fill("10m");
    await page.getByLabel("Each batch is larger by").fill("1.01");
    await page.getByText("must be from 1.05 to 10", { exact: false }).waitFor();
    await page.getByLabel("Each batch is larger by").fill("1.5");
    await page.getByText("must be from 1.05 to 10", { exact: false }).waitFor({ state: "detached" });
    await page.getByText("Saved", { exact: true }).waitFor();
    const { throttle } = await ask(page, "GET", new URL(page.url()).pathname.replace(/^(.*)\/edit$/, "/v1$1"));
    assert.deepEqual(throttle.batch, { size: 500, every: "10m", growth: 1.5 });
  },
  async "some of those who get it are shown, and why"() {
    const { page } = known.first;
    await button("Show some of them").click();
    const some = page.getByRole("list", { name: "Some who will get it" });
    await some.getByText("Everybody gets it.").first().waitFor();
    const { reachable } = await ask(page, "GET", new URL(page.url()).pathname.replace(/^(.*)\/edit$/, "/v1$1/preview"));
    assert.equal(await some.getByRole("link").count(), Math.min(5, reachable));
    await button("Others").click();
    await some.getByRole("link").first().waitFor();
  },
  async "and it begins"() {
    const { page } = known.first;
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
