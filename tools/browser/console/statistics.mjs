// Figures of what was sent: they are the API's, in whatever time and view, as curve, table and file.
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";

import { ask, at, button, heading, known, picture } from "./person.mjs";

const total = (rows, key) => rows.reduce((sum, row) => sum + row[key], 0);

export const steps = {
  async "the figures of today are the API's"() {
    const { page } = known.first;
    await at("/");
    await heading("Home");
    await page.keyboard.press("g");
    await page.keyboard.press("a");
    await heading("Statistics");
    await page.getByLabel("Time", { exact: true }).selectOption("today");
    await page.waitForURL(/range=today/);
    const { timezone } = await ask(page, "GET", "/v1/settings");
    const day = await page.evaluate((timeZone) => new Intl.DateTimeFormat("sv-SE", { timeZone }).format(new Date()), timezone);
    const { items } = await ask(page, "GET", `/v1/stats/campaigns?from=${day}&to=${day}&interval=all`);
    const sent = total(items, "sent");
    assert.ok(sent >= 2, "the first newsletter is counted");
    await page.locator("dl").getByText("Sent", { exact: true }).locator("xpath=following-sibling::*[1]").filter({ hasText: new RegExp(`^${sent}$`) }).waitFor();
    await page.getByRole("table", { name: "Campaigns" }).getByRole("row", { name: new RegExp(`^${items[0].campaign} ${items[0].total} ${items[0].sent} `) }).waitFor();
    await page.getByLabel("Counted", { exact: true }).selectOption("day");
    await page.getByRole("switch", { name: "Compare with the time before" }).check();
    await page.getByText(/Compared with/).waitFor();
    await page.getByText("before: 0").first().waitFor();
    // A view can be sent to a colleague: all of it stands in the address.
    await page.reload();
    await page.getByText("before: 0").first().waitFor();
    assert.equal(new URL(page.url()).search, "?range=today&interval=day&compare=before");
  },
  async "a curve is read by the keyboard, and as a table"() {
    const { page } = known.first;
    await at("/statistics?view=channels&range=7&interval=day");
    const { items } = await ask(page, "GET", "/v1/stats/channels?interval=all");
    const sent = total(items, "sent");
    const curve = page.getByRole("slider", { name: "Channels over time" });
    await curve.locator("canvas").waitFor();
    await page.waitForFunction((sent) => document.querySelector("[role=slider]").getAttribute("aria-valuetext").includes(`Sent: at most ${sent},`), sent);
    await picture("statistics");
    await curve.focus();
    await page.keyboard.press("End");
    await page.waitForFunction((sent) => document.querySelector("[role=slider]").getAttribute("aria-valuetext").includes(`: Sent ${sent},`), sent);
    await page.keyboard.press("ArrowLeft");
    await page.waitForFunction(() => document.querySelector("[role=slider]").getAttribute("aria-valuetext").includes(": Sent 0,"));
    await button("As a table").click();
    const table = page.getByRole("table", { name: "Channels over time" });
    assert.equal(await table.getByRole("row").count(), 8, "seven days and the head");
    await table.getByRole("row", { name: new RegExp(` ${sent} `) }).waitFor();
    await button("As a chart").click();
    await curve.locator("canvas").waitFor();
    const wide = (await curve.boundingBox()).width;
    await page.setViewportSize({ width: 700, height: 900 });
    await page.waitForFunction((wide) => document.querySelector("[role=slider] canvas").clientWidth < wide, wide);
    await page.setViewportSize({ width: 1280, height: 900 });
  },
  async "every view is downloaded as it is shown"() {
    const { page } = known.first;
    await at("/statistics?view=channels&range=7&interval=day");
    const [download] = await Promise.all([page.waitForEvent("download"), page.getByRole("link", { name: "CSV" }).click()]);
    const lines = readFileSync(await download.path(), "utf8").trim().split("\n").map((line) => line.split(","));
    const column = lines[0].indexOf("sent");
    const { items } = await ask(page, "GET", "/v1/stats/channels?interval=all");
    assert.equal(lines.slice(1).reduce((sum, cells) => sum + Number(cells[column]), 0), total(items, "sent"));
    for (const [view, words] of [
      ["notifications", "without a template"], ["people", "People reached"], ["contacts", "There at the end"], ["hours", "When in the week"],
      ["notes", "Nothing is out of the ordinary"], ["flows", "Nothing was counted in this time"],
    ]) {
      await at(`/statistics?view=${view}&range=today`);
      await page.getByText(words).first().waitFor();
    }
    await at("/statistics?view=people&range=90&interval=hour");
    await page.getByText(/for at most 100 windows/).waitFor();
    // On paper there is neither menu nor button.
    await at("/statistics?range=7");
    await page.getByText("How far messages came").waitFor();
    await page.emulateMedia({ media: "print", colorScheme: "dark" });
    assert.equal(await page.getByRole("navigation").first().isVisible(), false);
    assert.equal(await button("As a table").isVisible(), false);
    const body = await page.evaluate(() => getComputedStyle(document.documentElement).getPropertyValue("--mantine-color-body").trim());
    assert.equal(body, "#fff");
    await page.emulateMedia({ media: "screen", colorScheme: "light" });
    known.pages.push("/statistics?range=7", "/statistics?view=channels&range=7&interval=day", "/statistics?view=hours&range=today", "/statistics?view=notes");
  },
};
