// Templates: a mail of blocks, in two languages, as code, in a campaign, and by the keyboard alone.
import assert from "node:assert/strict";

import { ask, at, button, heading, known, picture } from "./person.mjs";

const pixel = Buffer.from("iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==", "base64");

const shown = () => known.first.page.frameLocator("iframe[title='The mail as it will be read']").first();

async function add(block) {
  const { page } = known.first;
  const item = page.getByRole("menuitem", { name: block, exact: true });
  await button("Add a block").first().click();
  await item.click();
  // The next button is where it will stay once the menu is gone and what edits the block has come.
  await page.getByRole("menu").waitFor({ state: "detached" });
  await page.getByRole("main").getByLabel("Loading").first().waitFor({ state: "detached" });
}

// Goes on by the tab key until something has the focus that is called so.
async function tabTo(name) {
  const { page } = known.first;
  for (let n = 0; n < 120; n++) {
    await page.keyboard.press("Tab");
    const called = await page.evaluate(() => {
      const at = document.activeElement;
      const label = at.labels?.[0] ?? document.getElementById(at.getAttribute("aria-labelledby") ?? "");
      return (at.getAttribute("aria-label") ?? label?.textContent ?? at.textContent).replace(/\s*\*$/, "").trim();
    });
    if (called === name) return;
  }
  throw new Error(`the tab key does not lead to ${name}`);
}

// Opens a menu by the keyboard, and chooses of it.
async function menu(name, item) {
  const { page } = known.first;
  await tabTo(name);
  await page.keyboard.press("Enter");
  await page.getByRole("menuitem", { name: item, exact: true }).waitFor();
  for (let n = 0; n < 30; n++) {
    await page.keyboard.press("ArrowDown");
    if ((await page.evaluate(() => document.activeElement.textContent)) === item) return page.keyboard.press("Enter");
  }
  throw new Error(`the arrows do not lead to ${item}`);
}

export const steps = {
  async "a mail of blocks, with a name and a picture"() {
    const { page } = known.first;
    await at("/templates?tab=files");
    await page.getByText("No files yet").waitFor();
    await at("/templates");
    await page.getByText("No templates yet").waitFor();
    await page.getByRole("link", { name: "New template" }).first().click();
    await heading("New template");
    await page.getByRole("textbox", { name: "Name", exact: true }).fill("spring_mail");
    await page.getByLabel("Subject").fill("Spring is here");
    await add("Heading");
    await page.getByRole("textbox", { name: "Heading" }).fill("Tulips & more");
    await add("Text");
    const text = page.getByRole("textbox", { name: "Text", exact: true });
    await text.click();
    await page.keyboard.press("Control+a");
    await page.keyboard.type("Dear ");
    await page.getByRole("region", { name: "Text, 2 of 2" }).getByRole("button", { name: "Insert a name" }).click();
    await page.getByRole("menuitem", { name: "first_name" }).click();
    await page.keyboard.type(", they bloom.");
    await add("Picture");
    await page.getByRole("region", { name: "Picture, 3 of 3" }).locator("xpath=descendant::input[@type='file'] | following::input[@type='file'][1]").first().setInputFiles({ name: "tulip.png", mimeType: "image/png", buffer: pixel });
    await page.getByLabel("In words").and(page.locator("[value=tulip]")).waitFor();
    await add("Button");
    await page.getByLabel("What stands on it").fill("See them");
    await page.getByLabel("Where it leads", { exact: true }).fill("https://example.org/tulips?a=1&b=2");
    await add("Footer");
    await shown().getByText("Tulips & more").waitFor();
    await page.getByRole("combobox", { name: "Reader" }).fill("grace");
    await page.getByRole("option", { name: "Grace" }).click();
    await shown().getByText("Dear Grace, they bloom.").waitFor();
    assert.equal(await shown().getByRole("img", { name: "tulip" }).evaluate((img) => img.naturalWidth), 1, "the picture is loaded");
    assert.equal(await shown().getByRole("link", { name: "See them" }).getAttribute("href"), "https://example.org/tulips?a=1&b=2");
    // One block up, and back by undoing it.
    await button("Up: Button, 4 of 5").click();
    await button("Up: Button, 3 of 5").waitFor();
    await page.keyboard.press("Control+z");
    await button("Up: Button, 4 of 5").waitFor();
  },
  async "on a telephone, and in the dark"() {
    const { page } = known.first;
    await page.locator("label", { hasText: /^Phone$/ }).click();
    const frame = page.locator("iframe[style*='375px']");
    await frame.waitFor();
    await page.getByRole("switch", { name: "Dark" }).click();
    await frame.and(page.locator("[srcdoc*='invert(1)']")).waitFor();
    await shown().getByText("Dear Grace, they bloom.").waitFor();
    await picture("template-edit");
    await button("Make the template").click();
    await heading("spring_mail");
    known.pages.push("/templates", "/templates/new", new URL(page.url()).pathname, "/templates?tab=snippets", "/templates?tab=variables");
  },
  async "in German, and for whom it is missing"() {
    const { page } = known.first;
    const { items } = await ask(page, "GET", "/v1/contacts?q=grace");
    await ask(page, "PATCH", `/v1/contacts/${items[0].id}`, { language: "pl" });
    await page.reload();
    await page.getByText("1 person has Polish and gets another language.").waitFor();
    await page.getByLabel("Another language").and(page.locator("input")).fill("de");
    await page.keyboard.press("Escape");
    await button("Add it").click();
    await page.getByLabel("Subject").fill("Der Frühling ist da");
    await page.getByRole("textbox", { name: "Heading" }).fill("Tulpen");
    await button("Save German").click();
    await page.getByText("Version 2", { exact: false }).first().waitFor();
    await page.getByRole("tab", { name: "German" }).click();
    assert.equal(await page.getByLabel("Subject").inputValue(), "Der Frühling ist da");
    await page.getByLabel("Beside it").selectOption({ label: "English" });
    await shown().getByText("Tulips & more").waitFor();
    await page.getByText("translations.de", { exact: false }).first().waitFor();
    await ask(page, "PATCH", `/v1/contacts/${items[0].id}`, { language: null });
  },
  async "broken as code, with the error at its line"() {
    const { page } = known.first;
    await page.getByRole("tab", { name: "English" }).click();
    await page.locator("label", { hasText: /^MJML$/ }).click();
    const code = page.getByRole("textbox", { name: "MJML" });
    await code.click();
    await page.keyboard.press("Control+End");
    for (let n = 0; n < 3; n++) await page.keyboard.press("ArrowUp");
    await page.keyboard.press("End");
    await page.keyboard.type("<mj-tulip>");
    await page.locator(".cm-mistake", { hasText: "mj-tulip" }).waitFor();
    await page.getByRole("alert").getByRole("button", { name: /^Line \d+$/ }).first().click();
    assert.match(await page.evaluate(() => document.activeElement.getAttribute("aria-label")), /MJML/, "the button leads to the line");
    await page.reload();
    await page.locator("label", { hasText: /^MJML$/ }).click();
    await code.click();
    // What blocks can't show is kept, and said.
    await page.keyboard.press("Control+Home");
    await page.keyboard.type("<!-- by hand -->");
    await page.locator("label", { hasText: /^Blocks$/ }).click();
    await page.getByText("Nothing was changed: it is written as MJML.").waitFor();
    await page.reload();
  },
  async "in a campaign"() {
    const { page } = known.first;
    await at("/campaigns/new");
    await heading("New campaign");
    await page.getByLabel("Name").fill("Blooms");
    await page.getByLabel("Everybody").check();
    await page.getByRole("radio", { name: "A template" }).check();
    await page.getByRole("combobox", { name: "A template" }).click();
    await page.getByRole("option", { name: "spring_mail" }).click();
    await shown().getByText("Tulips & more").waitFor();
    await page.getByText("Saved", { exact: true }).waitFor();
    const { items } = await ask(page, "GET", "/v1/campaigns?q=Blooms");
    await at("/templates");
    await page.getByRole("link", { name: "spring_mail" }).click();
    await page.getByRole("link", { name: "Blooms" }).waitFor();
    // In place, too: it becomes a template of its own.
    await at(`/campaigns/${items[0].id}/edit`);
    await button("Write it with blocks").click();
    const dialog = page.getByRole("dialog");
    await dialog.getByLabel("Subject").fill("In place");
    await dialog.getByRole("button", { name: "Add a block" }).click();
    await page.getByRole("menuitem", { name: "Heading" }).click();
    await dialog.getByRole("button", { name: "Make the template" }).click();
    await dialog.waitFor({ state: "detached" });
    await shown().getByText("A heading").waitFor();
    await page.getByText("Saved", { exact: true }).waitFor();
    assert.equal((await ask(page, "GET", `/v1/campaigns/${items[0].id}`)).content.template.name, "blooms");
    await ask(page, "DELETE", `/v1/campaigns/${items[0].id}`);
  },
  async "what a provider says of it stands at its language, and in the list"() {
    const { page } = known.first;
    const { items: [{ id: channel_id, name: channel }] } = await ask(page, "GET", "/v1/channels");
    const { items } = await ask(page, "GET", "/v1/templates?q=spring_mail");
    const said = (language, state, reason) => ask(page, "PUT", `/v1/templates/${items[0].id}/translations/${language}/status`, { channel_id, state, ...(reason ? { reason } : {}) });
    await said("en", "approved");
    await said("de", "rejected", "The picture is missing");
    await at("/templates");
    await page.getByLabel("What providers say").selectOption("rejected");
    await page.waitForURL(/state=rejected/);
    const row = page.getByRole("row", { name: /spring_mail/ });
    for (const state of ["Approved", "Rejected"]) await row.getByText(state, { exact: true }).waitFor();
    await page.getByLabel("What providers say").selectOption("disabled");
    await page.getByText("No template is like that").waitFor();
    await page.getByLabel("What providers say").selectOption("rejected");
    await row.getByRole("link", { name: "spring_mail" }).click();
    await heading("spring_mail");
    const panel = page.getByRole("tabpanel");
    await panel.getByText("Approved", { exact: true }).waitFor();
    await page.getByRole("tab", { name: "German" }).click();
    await panel.getByText("Rejected", { exact: true }).waitFor();
    await panel.getByText(`${channel}: The picture is missing`).waitFor();
    // What is written anew is a version of which nobody has said anything.
    await page.getByLabel("Subject").fill("Der Frühling ist endlich da");
    await button("Save German").click();
    await page.getByText("Version 3", { exact: false }).first().waitFor();
    const { statuses } = await ask(page, "GET", `/v1/templates/${items[0].id}`);
    assert.deepEqual((statuses ?? []).map((s) => [s.language, s.state]), [["en", "approved"]]);
    await page.getByRole("tab", { name: "German" }).click();
    await panel.getByText("Rejected", { exact: true }).waitFor({ state: "detached" });
  },
  async "by the keyboard alone"() {
    const { page } = known.first;
    await at("/");
    await heading("Home");
    await page.keyboard.press("g");
    await page.keyboard.press("e");
    await heading("Templates");
    await tabTo("New template");
    await page.keyboard.press("Enter");
    await heading("New template");
    await tabTo("Name");
    await page.keyboard.type("by_keyboard");
    await tabTo("Subject");
    await page.keyboard.type("By keyboard");
    await menu("Add a block", "Text");
    await menu("Insert a name", "first_name");
    const text = page.getByRole("textbox", { name: "Text", exact: true });
    await text.getByText("{{ contact.first_name }}").and(page.locator(":focus *")).waitFor();
    await page.keyboard.type(", good day. ");
    await text.getByText("{{ contact.first_name }}, good day. ").waitFor();
    await menu("Add a block", "Heading");
    await page.getByRole("region", { name: "Heading, 2 of 2" }).and(page.locator(":focus")).waitFor();
    await page.keyboard.press("Alt+ArrowUp");
    await page.getByRole("region", { name: "Heading, 1 of 2" }).and(page.locator(":focus")).waitFor();
    await page.keyboard.press("Control+z");
    await page.getByRole("region", { name: "Heading, 2 of 2" }).waitFor();
    await page.keyboard.press("Control+Shift+z");
    await page.getByRole("region", { name: "Heading, 1 of 2" }).waitFor();
    await shown().getByText("good day.").waitFor();
    await tabTo("Make the template");
    await page.keyboard.press("Enter");
    await heading("by_keyboard");
  },
};
