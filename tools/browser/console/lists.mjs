// Lists as one wants them: filters that offer what there is, rows closer together, the whole width, wider columns.
import assert from "node:assert/strict";

import { ask, at, button, heading, known, look, to } from "./person.mjs";

const field = (label) => known.first.page.getByRole("main").getByLabel(label, { exact: true }).and(known.first.page.locator("input"));
const option = (name) => known.first.page.getByRole("option", { name });
const rows = () => known.first.page.getByRole("main").getByRole("row").filter({ hasNot: known.first.page.getByRole("columnheader") });
const table = (name) => known.first.page.getByRole("table", { name });
const line = (column) => known.first.page.getByRole("separator", { name: `Width of ${column}` });
const share = async (column) => Number(await line(column).getAttribute("aria-valuenow"));
const wide = async (locator) => (await locator.boundingBox()).width;

// Waits until a list has so many rows.
async function has(n) {
  const { page } = known.first;
  for (let tries = 0; (await rows().count()) !== n; tries++) {
    assert.ok(tries < 100, `${await rows().count()} rows, not ${n}`);
    await page.waitForTimeout(100);
  }
}

// Waits until something measured is as it should be: what is drawn follows a moment later.
async function near(measured, wanted, by, what) {
  let is = NaN;
  for (let tries = 0; tries < 60 && !(Math.abs(is - wanted) <= by); tries++, await known.first.page.waitForTimeout(50)) is = await measured();
  assert.ok(Math.abs(is - wanted) <= by, `${what}: ${is}, not ${wanted}`);
}

// Waits until a filter says what it filters by: what that is called is asked for.
async function says(label, wanted) {
  for (let tries = 0; (await field(label).inputValue()) !== wanted; tries++) {
    assert.ok(tries < 100, `${label}: ${await field(label).inputValue()}, not ${wanted}`);
    await known.first.page.waitForTimeout(50);
  }
}

export const steps = {
  async "filters offer what there is as one types"() {
    const { page } = known.first;
    const { items: [{ id: channel_id, name: channel }] } = await ask(page, "GET", "/v1/channels");
    const make = (name, tags) => ask(page, "POST", "/v1/campaigns", { name, tags, channel_id, audience: { all: true }, content: { subject: "x", text: "x" } });
    const drafts = [await make("Tulips for all", ["flowers", "press"]), await make("Bells for all", ["foundry"])];
    await at("/campaigns");
    await page.getByRole("link", { name: "Tulips for all" }).waitFor();
    await field("Tag").fill("flo");
    await option("flowers").waitFor();
    assert.equal(await option("foundry").count(), 0, "what was typed does not occur in it");
    await option("flowers").click();
    await page.waitForURL(/tag=flowers/);
    await has(1);
    await page.getByRole("link", { name: "Tulips for all" }).waitFor();
    await field("Tag").fill("");
    await page.getByRole("link", { name: "Bells for all" }).waitFor();
    assert.equal(new URL(page.url()).search, "");

    // By the name of what has an id, and by a reason in words.
    const newsletter = await ask(page, "GET", `/v1${known.newsletter}`);
    await at("/messages");
    await field("Campaign").fill(newsletter.name.slice(0, 6));
    await option(new RegExp(`#${newsletter.id}$`)).click();
    await page.waitForURL(new RegExp(`campaign=%22${newsletter.id}%22|campaign=${newsletter.id}`));
    await has(2);
    await says("Campaign", newsletter.name);
    await field("Address").fill("grac");
    await option(/^grace@example\.org/).click();
    await has(1);
    await field("Why").fill("opted");
    await option("They opted out").click();
    await page.getByText("No messages like that").waitFor();
    assert.match(page.url(), /reason=opted_out/);
    await button("All messages").click();
    await page.waitForURL(/messages$/);
    for (const label of ["Campaign", "Channel", "Why", "Address"]) await says(label, "");
    // What is not chosen is typed in full.
    await field("Channel").fill(channel);
    await page.keyboard.press("Enter");
    await page.waitForURL(/channel=/);
    await page.getByRole("link", { name: "grace@example.org" }).first().waitFor();

    const template = await ask(page, "POST", "/v1/templates", {
      name: "greeting", kinds: ["email"], default_language: "pl", translations: [{ language: "pl", email: { subject: "Cześć", mjml: "<mjml><mj-body><mj-section><mj-column><mj-text>x</mj-text></mj-column></mj-section></mj-body></mjml>" } }],
    });
    await at("/templates");
    await field("Language").fill("pol");
    await option(/^Polish/).click();
    await page.waitForURL(/language=pl/);
    await page.getByRole("link", { name: "greeting" }).waitFor();
    await ask(page, "DELETE", `/v1/templates/${template.id}`);

    await at("/queue");
    await field("Channel").fill(channel.slice(0, 3));
    await option(new RegExp(`^${channel}`)).click();
    await page.waitForURL(/channel=/);
    await field("Campaign").fill("tulips");
    await option(new RegExp(`#${drafts[0].id}$`)).click();
    await page.waitForURL(/campaign=/);
    await page.getByText("Nothing like that waits").waitFor();
    await says("Channel", channel);
    await says("Campaign", "Tulips for all");

    await at("/settings/audit");
    await field("What").fill("create-cam");
    await option("create-campaign").click();
    await page.getByRole("cell", { name: "create-campaign" }).first().waitFor();
    await page.getByRole("cell", { name: "create-template" }).waitFor({ state: "detached" });
    await field("To what").fill("tulips");
    await option(new RegExp(`^campaign ${drafts[0].id}\\D`)).click();
    await has(1);
    // From a campaign the way leads to its entries.
    await at(`/campaigns/${drafts[0].id}`);
    await page.getByRole("link", { name: "Who changed what" }).click();
    await heading("Who did what");
    await says("To what", `campaign ${drafts[0].id}`);
    await has(1);
    for (const { id } of drafts) await ask(page, "DELETE", `/v1/campaigns/${id}`);
  },
  async "tables are dense, wide, and their columns as one wants them"() {
    const { page } = known.first;
    await at("/contacts");
    await page.getByRole("link", { name: "Grace" }).waitFor();
    const row = table("Contacts").getByRole("row").last();
    const { height } = await table("Contacts").getByRole("row").nth(1).boundingBox();
    const before = await wide(table("Contacts"));
    await look("menuitemradio", "Dense");
    await look("menuitemcheckbox", "The whole width");
    await page.getByRole("navigation", { name: "Pages" }).waitFor({ state: "hidden" });
    await page.reload();
    await row.waitFor();
    assert.ok((await table("Contacts").getByRole("row").nth(1).boundingBox()).height < height, "it is kept");
    const whole = await wide(table("Contacts"));
    assert.ok(whole > before + 150, `${whole} px, and ${before} before`);
    // The pages are led to from the menu, which is there now.
    await button("Menu").click();
    await page.getByRole("link", { name: "Queue" }).waitFor();
    await button("Menu").click();

    // A column takes of the next one, by the arrows and by the mouse; the table stays as wide as it is.
    // While the menu folds away the table grows, and with it the share of what is not as wide as its text.
    await near(() => wide(table("Contacts")), whole, 1, "the whole width");
    await line("Name").click();
    const name = await share("Name");
    const addresses = await share("Addresses");
    await page.keyboard.press("ArrowRight");
    await page.keyboard.press("ArrowRight");
    await page.waitForFunction((at) => Number(document.activeElement.getAttribute("aria-valuenow")) === at, name + 4);
    await near(() => share("Addresses"), addresses - 4, 1, "the next one gave it");
    if (!to.keyboard) {
      const { x, y, height } = await line("Name").boundingBox();
      await page.mouse.move(x + 4, y + height / 2);
      await page.mouse.down();
      await page.mouse.move(x + 4 + whole / 10, y + height / 2, { steps: 5 });
      await page.mouse.up();
      await near(() => share("Name"), name + 14, 1, `from ${name + 4}`);
    }
    const kept = await share("Name");
    await near(() => wide(table("Contacts")), whole, 1, "the table is as wide as it was");
    await page.reload();
    await row.waitFor();
    await line("Name").waitFor();
    assert.equal(await share("Name"), kept, "it is kept");
    const head = page.getByRole("columnheader", { name: "Name", exact: true });
    await near(async () => (100 * (await wide(head))) / whole, kept, 1, "and drawn so");
    // On a telephone there is no room for that, and nothing of it.
    await page.setViewportSize({ width: 375, height: 900 });
    await line("Name").waitFor({ state: "hidden" });
    assert.equal(await page.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth), 0);
    for (const width of [768, 1280]) {
      await page.setViewportSize({ width, height: 900 });
      await line("Name").waitFor();
      assert.equal(await page.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth), 0, `${width} px`);
    }
    // As far as it goes, and back to what the table makes of it.
    await line("Name").focus();
    await page.keyboard.press("Home");
    assert.equal(await share("Name"), 5);
    await page.keyboard.press("Enter");
    await page.waitForFunction((at) => Math.abs(Number(document.activeElement.getAttribute("aria-valuenow")) - at) <= 1, name);
    await look("menuitemradio", "Roomy");
    await look("menuitemcheckbox", "The whole width");
    await page.getByRole("navigation", { name: "Pages" }).waitFor();
    await near(() => wide(table("Contacts")), before, 1, "the table has its place again");
    known.pages.push("/campaigns?tag=flowers", "/messages?reason=opted_out&campaign=1");
  },
};
