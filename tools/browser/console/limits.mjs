// The account's rules: caps, holidays, for how long what is kept.
import assert from "node:assert/strict";

import { ask, at, button, known, picture } from "./person.mjs";

export const steps = {
  async "caps, holidays, and for how long what is kept"() {
    const { page } = known.first;
    await at("/settings/caps");
    await page.getByText("No caps").waitFor();
    await page.getByLabel("Messages at most").fill("200");
    await page.getByLabel("Of", { exact: true }).selectOption("day");
    await button("Set the cap").click();
    await page.getByRole("cell", { name: "200 messages in 1 day", exact: true }).waitFor();
    assert.deepEqual((await ask(page, "GET", "/v1/frequency-caps")).items.map((c) => [c.max_messages, c.window_seconds, c.action]), [[200, 86_400, "defer"]]);

    await at("/settings/holidays");
    await page.getByRole("textbox", { name: "Name" }).fill("Bavaria");
    await page.getByLabel("Days", { exact: true }).fill("2026-12-25 Christmas Day\nsoon");
    await button("Make the calendar").click();
    await page.getByLabel("Days", { exact: true }).and(page.locator("[aria-invalid=true]")).waitFor();
    await page.getByLabel("Days", { exact: true }).fill("2026-12-25 Christmas Day\n2026-12-26");
    await button("Make the calendar").click();
    await page.getByText("Days of Bavaria").waitFor();
    await page.getByLabel("Days", { exact: true }).fill("2026-12-25 Christmas Day\n2026-12-26\n2027-01-06 Epiphany");
    await button("Save").click();
    await page.getByRole("cell", { name: "6 Jan 2027" }).waitFor();
    const { items: [{ id }] } = await ask(page, "GET", "/v1/holidays");
    const { dates } = await ask(page, "GET", `/v1/holidays/${id}`);
    assert.equal(dates.length, 3);
    await picture("holidays");

    // Another one comes from a file, and goes again.
    await at("/settings/holidays");
    const file = (text) => page.locator("input[type=file]").setInputFiles({ name: "feasts.ics", mimeType: "text/calendar", buffer: Buffer.from(text) });
    await file("not a calendar");
    await page.getByRole("textbox", { name: "Name" }).fill("Feasts");
    await button("Make the calendar").click();
    await page.getByText(/iCalendar/).and(page.locator("[class*=error]")).waitFor();
    await file("BEGIN:VCALENDAR\r\nVERSION:2.0\r\nBEGIN:VEVENT\r\nDTSTART;VALUE=DATE:20270101\r\nSUMMARY:New Year\r\nEND:VEVENT\r\nEND:VCALENDAR\r\n");
    await button("Make the calendar").click();
    await page.getByText("Days of Feasts").waitFor();
    await page.getByRole("cell", { name: "1 Jan 2027" }).waitFor();
    await button("Delete Feasts").click();
    await page.getByRole("dialog").getByRole("button", { name: "Delete" }).click();
    await button("Delete Feasts").waitFor({ state: "detached" });

    await at("/settings/retention");
    await page.getByLabel("Days: Requests to webhooks").fill("3");
    await button("See what would be removed").click();
    await page.getByRole("dialog").getByText("Nothing is too old then.").waitFor();
    await page.getByRole("dialog").getByRole("button", { name: "Save" }).click();
    await page.getByText("It is kept that long from now on.").waitFor();
    assert.equal((await ask(page, "GET", "/v1/retention")).items.find((k) => k.kind === "deliveries").days, 3);
    await picture("retention");
    await page.getByLabel("Days: Messages", { exact: true }).fill("2");
    await button("See what would be removed").click();
    await page.getByLabel("Days: Messages", { exact: true }).and(page.locator("[aria-invalid=true]")).waitFor();
    known.pages.push("/settings/caps", `/settings/holidays?calendar=${id}`, "/settings/retention");
  },
};
