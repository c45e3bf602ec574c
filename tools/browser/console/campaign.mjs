// One campaign: who did not get it and why, variants, approval, its schedule, its rate, notes; and the calendar of all.
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";

import { ask, at, button, heading, known, password, picture, to, visitor } from "./person.mjs";

const make = (page, given) => ask(page, "POST", "/v1/campaigns", { channel_id: 1, audience: { all: true }, content: { subject: "Hello", text: "Hello" }, ...given });
const start = (page, id) => ask(page, "POST", `/v1/campaigns/${id}/start`, {});
const finished = (page) => page.getByRole("main").getByText("Finished").first().waitFor();

export const steps = {
  async "who did not get it, why, and what can be done"() {
    const { page } = known.first;
    const { id } = await make(page, { name: "Summer" });
    await start(page, id);
    await at(`/campaigns/${id}`);
    await finished(page);
    const row = page.getByRole("row", { name: /They opted out/ });
    await row.getByText("Nothing: it is their wish.").waitFor();
    const [download] = await Promise.all([page.waitForEvent("download"), row.getByRole("link", { name: /^Messages of this line as CSV/ }).click()]);
    const lines = readFileSync(await download.path(), "utf8").trim().split("\n");
    assert.equal(lines.length, 2, lines.join("\n"));
    assert.match(lines[1], /margaret@example.org,skipped,opted_out/);
    await row.getByRole("button", { name: /^Send to these 1/ }).click();
    await page.getByRole("dialog").getByText(/1 of them are skipped/).waitFor();
    await page.keyboard.press("Escape");
    await row.getByRole("link", { name: "1", exact: true }).click();
    await heading("Messages");
    await page.getByRole("link", { name: "margaret@example.org" }).waitFor();
    assert.equal(await page.getByRole("row").count(), 2, "one message and the head");
    known.pages.push(`/campaigns/${id}`);
  },
  async "what goes to telephones and devices is shown as these show it, and says how long it is"() {
    const { page } = known.first;
    const person = await ask(page, "POST", "/v1/contacts", { first_name: "Zoë", addresses: { sms: "+4915112345678", push: "token-of-a-device" } });
    const over = (address) => ask(page, "POST", "/v1/channels", { name: `Phones ${address}`, provider: "sandbox", config: { address } });
    const buttons = [{ type: "link", caption: "Look", info: "https://example.org" }];
    const content = { text: "{{ contact.first_name }}, it has begun!", buttons };
    const phones = await over("sms");
    const text = await make(page, { name: "For telephones", channel_id: phones.id, audience: { contacts: [person.id] }, content });
    await at(`/campaigns/${text.id}/edit`);
    await page.getByText(/^Zoë, it has begun!/).waitFor();
    await page.getByText(/^1 SMS of special letters/).waitFor();
    await picture("campaign-sms");
    const devices = await over("push");
    const notice = await make(page, { name: "For devices", channel_id: devices.id, audience: { contacts: [person.id] }, content: { ...content, subject: "Spring" } });
    await at(`/campaigns/${notice.id}/edit`);
    await page.getByRole("group", { name: "The notification as devices show it" }).getByText("Zoë, it has begun!").waitFor();
    // Later journeys find one channel, and nobody but those whom they know.
    for (const { id } of [text, notice]) await ask(page, "DELETE", `/v1/campaigns/${id}`);
    await ask(page, "DELETE", `/v1/contacts/${person.id}`);
    for (const { id } of [phones, devices]) await ask(page, "DELETE", `/v1/channels/${id}`);
  },
  async "variants, with the interval of each"() {
    const { page } = known.first;
    const variants = [{ name: "Tulips" }, { name: "Roses", content: { subject: "Roses", text: "Roses" } }];
    const { id } = await make(page, { name: "Which flower", experiment: { variants } });
    await start(page, id);
    await at(`/campaigns/${id}`);
    await finished(page);
    const table = page.getByRole("table", { name: "Variants" });
    for (const name of ["Tulips", "Roses"]) await table.getByRole("cell", { name, exact: true }).waitFor();
    const { variants: told } = await ask(page, "GET", `/v1/runs/${(await ask(page, "GET", `/v1/campaigns/${id}`)).run_id}/variants`);
    for (const v of told) await table.getByRole("row", { name: new RegExp(`^${v.variant} .*${v.trials}`) }).waitFor();
    await picture("variants");
    known.pages.push(`/campaigns/${id}`);
  },
  async "a rate is changed while it goes out"() {
    const { page } = known.first;
    const { id } = await make(page, { name: "Slowly", throttle: { per_second: 0.01 } });
    await start(page, id);
    await at(`/campaigns/${id}`);
    await page.getByLabel("Messages a second at most").fill("100");
    await button("Set").click();
    await finished(page);
    await page.getByLabel("Notes", { exact: true }).fill("Was too slow at first.");
    await button("Save").click();
    await page.waitForFunction(async (id) => (await (await fetch(`/v1/campaigns/${id}`)).json()).notes === "Was too slow at first.", id);
  },
  async "one asks for approval, and another gives it"() {
    const { page } = known.first;
    const invitation = await ask(page, "POST", "/v1/invitations", { email: "edith@example.org", role: "editor", approver: true });
    await ask(page, "PATCH", "/v1/settings", { approval: { required: true } });
    const { id } = await make(page, { name: "Needs a second look" });
    await at(`/campaigns/${id}`);
    await page.getByText("It needs approval before it is started").waitFor();
    await button("Ask for approval").click();
    await page.getByLabel("What is there to say of it?").fill("Please look at the subject.");
    await page.getByRole("dialog").getByRole("button", { name: "Ask for approval" }).click();
    await page.getByText("It waits for approval").waitFor();
    assert.equal(await button("Approve").count(), 0, "it takes an approver");

    const other = await visitor();
    await other.page.goto(`${to.base}/invitation#${encodeURIComponent(invitation.token)}`);
    await other.page.getByText(/has invited you/).waitFor();
    await other.page.getByLabel("Name").fill("Edith");
    await other.page.getByRole("textbox", { name: "Password" }).fill(password);
    await button("Come in", other.page).click();
    await heading("Home", other.page);
    await other.page.goto(`${to.base}/campaigns/${id}`);
    await other.page.getByText("Please look at the subject.").waitFor();
    await button("Approve", other.page).click();
    await other.page.getByRole("dialog").getByRole("button", { name: "Approve" }).click();
    await other.page.getByText("It is approved").waitFor();
    await other.close();
    await page.reload();
    await page.getByText("It is approved").waitFor();
    await ask(page, "PATCH", "/v1/settings", { approval: { required: false } });
  },
  async "an instant is left out, and the calendar says so"() {
    const { page } = known.first;
    const { items } = await ask(page, "GET", "/v1/campaigns?q=Second&archived=all");
    const { id } = items.find((c) => c.status === "scheduled");
    await at(`/campaigns/${id}`);
    await button("Leave the next one out").click();
    await page.getByRole("dialog").getByRole("button", { name: "Leave the next one out" }).click();
    await page.getByRole("list").getByText("left out").first().waitFor();
    await at("/calendar");
    await heading("Calendar");
    await button("Later").click();
    await page.getByRole("link", { name: "Second thoughts" }).first().waitFor();
    assert.match(new URL(page.url()).search, /month=/);
    await picture("calendar");
    known.pages.push("/calendar", `/campaigns/${id}`);
  },
};
