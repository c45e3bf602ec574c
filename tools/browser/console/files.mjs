// Files that go along: uploaded where a mail is written, chosen again in another place, looked after.
import assert from "node:assert/strict";

import { ask, at, button, heading, known } from "./person.mjs";

const dialog = () => known.first.page.getByRole("dialog");
const file = (name, mimeType, text) => ({ name, mimeType, buffer: Buffer.from(text) });

export const steps = {
  async "a file is uploaded where a mail is written, and chosen again for a template"() {
    const { page } = known.first;
    const campaign = await ask(page, "POST", "/v1/campaigns", { name: "Menu", channel_id: 1, audience: { all: true }, content: { subject: "Menu", text: "Our menu" } });
    await at(`/campaigns/${campaign.id}/edit`);
    await button("Choose or upload a file").click();
    await dialog().locator("input[type=file]").setInputFiles(file("menu.pdf", "application/pdf", "%PDF-1.7 our menu"));
    await dialog().waitFor({ state: "detached" });
    await page.getByLabel("The uploaded file").and(page.locator("[value='menu.pdf']")).waitFor();
    await page.getByText("Saved", { exact: true }).waitFor();
    const [menu] = (await ask(page, "GET", "/v1/media")).items;
    assert.deepEqual((await ask(page, "GET", `/v1/campaigns/${campaign.id}`)).content.attachment, { media_id: menu.id, filename: "menu.pdf" });

    const template = await ask(page, "POST", "/v1/templates", {
      name: "with_menu", category: "utility", kinds: ["whatsapp"], default_language: "en", translations: [{ language: "en", body: "Our menu" }],
    });
    await at(`/templates/${template.id}`);
    await page.getByLabel("Above the text").selectOption({ label: "A picture or a file" });
    await button("Choose or upload a file").click();
    await dialog().getByRole("row", { name: /menu\.pdf/ }).getByText("application/pdf").waitFor();
    await dialog().getByRole("button", { name: "Choose menu.pdf" }).click();
    await dialog().waitFor({ state: "detached" });
    await button("Save English").click();
    await page.getByText("Version 2", { exact: false }).first().waitFor();
    const [english] = (await ask(page, "GET", `/v1/templates/${template.id}`)).translations;
    assert.deepEqual(english.header.media, { type: "document", media_id: menu.id, filename: "menu.pdf" });
    known.pages.push(`/campaigns/${campaign.id}/edit`, `/templates/${template.id}`);
    const open = async (page) => {
      await button("Choose or upload a file", page).click();
      await page.getByRole("dialog").getByRole("button", { name: "Choose menu.pdf" }).waitFor();
    };
    known.opened.push({ path: `/campaigns/${campaign.id}/edit`, name: "the files", open }, { path: `/templates/${template.id}`, name: "the files", open });
  },
  async "what uses a file is said, and what nothing uses is deleted"() {
    const { page } = known.first;
    await at("/templates?tab=files");
    await heading("Templates");
    const menu = page.getByRole("row", { name: /menu\.pdf/ });
    await menu.getByRole("link", { name: /Campaign \d/ }).waitFor();
    await menu.getByRole("link", { name: /Template \d/ }).waitFor();
    assert.equal(await menu.getByRole("button", { name: "Delete menu.pdf" }).count(), 0, "what is used stays");
    await page.getByRole("tabpanel").locator("input[type=file]").setInputFiles(file("spare.txt", "text/plain", "nothing says this"));
    await page.getByRole("row", { name: /spare\.txt/ }).waitFor();
    await page.getByLabel("Only those that nothing uses").check();
    await menu.waitFor({ state: "detached" });
    await button("Delete spare.txt").click();
    await dialog().getByRole("button", { name: "Delete" }).click();
    await page.getByText("Something uses every file").waitFor();
    assert.ok(!(await ask(page, "GET", "/v1/media")).items.some((one) => one.name === "spare.txt"));
    known.pages.push("/templates?tab=files");
  },
};
