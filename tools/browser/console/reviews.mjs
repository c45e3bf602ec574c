// Templates that a provider has to look at: handed in from the catalogue, and taken over into it.
import assert from "node:assert/strict";

import { ask, at, button, heading, known, to } from "./person.mjs";

const dialog = () => known.first.page.getByRole("dialog");
const language = (name) => dialog().getByRole("region", { name, exact: true });

export const steps = {
  async "a template is handed in, and what can't be is said before"() {
    const { page } = known.first;
    const channel = await ask(page, "POST", "/v1/channels", {
      name: "Chat", provider: "whatsapp",
      config: { api: `${to.whatsapp}/v26.0`, phone_number_id: "106540352242922", business_account_id: "1", token: "a-token-of-a-fake-0123" },
    });
    const made = await ask(page, "POST", "/v1/templates", {
      name: "table_free", category: "utility", kinds: ["whatsapp"], default_language: "en",
      parameters: [{ name: "1", value: "{{ contact.first_name | default: 'you' }}", sample: "Ada" }],
      translations: [
        { language: "en", header: { text: "For {{1}}" }, body: "Hello {{1}}, your table is free.", footer: "The Bells" },
        { language: "fr", header: { media: { type: "image", url: "https://example.org/bell.png" } }, body: "Bonjour {{1}}, votre table est libre." },
      ],
    });
    await at(`/templates/${made.id}`);
    await heading("table_free");
    await button("Hand in for review").click();
    await language("English").getByText("Would be handed in").waitFor();
    await language("English").getByText("Hello {{1}}, your table is free.", { exact: false }).waitFor();
    await language("French").getByText("Can't be handed in").waitFor();
    await language("French").getByText("the header is a file", { exact: false }).waitFor();
    const kept = await ask(page, "POST", `/v1/channels/${channel.id}/templates/sync`, {});
    assert.ok(!kept.templates.some((one) => one.name === "table_free"), "looking hands nothing in");
    await dialog().getByRole("button", { name: "Hand in 1 language" }).click();
    await language("English").getByText("Handed in").waitFor();
    await language("English").getByText("Pending").waitFor();
    await language("French").getByText("Can't be handed in").waitFor();
    await dialog().getByRole("button", { name: "Close" }).last().click();
    await dialog().waitFor({ state: "detached" });
    await page.getByText("Pending").first().waitFor(); // beside the language
    await button("Hand in for review").click();
    await language("English").getByText("The provider has it").waitFor();
    await dialog().getByText("There is nothing to hand in.").waitFor();
    await page.keyboard.press("Escape");
    await dialog().waitFor({ state: "detached" });
    known.chat = channel.id;
    known.pages.push(`/templates/${made.id}`, `/channels/${channel.id}`);
    known.opened.push({ path: `/templates/${made.id}`, name: "handing in", open: async (page) => {
      await button("Hand in for review", page).click();
      await page.getByRole("dialog").getByText("Can't be handed in").waitFor();
    } });
  },
  async "a template of the provider's is taken over"() {
    const { page } = known.first;
    await at(`/channels/${known.chat}`);
    await button("Take over its templates").click();
    await page.getByRole("row", { name: /^welcome/ }).getByText("No template of this name and language").waitFor();
    await button("Take over what is missing here").click();
    await language("welcome").getByText("Would be taken over").waitFor();
    await language("welcome").getByText("{{1}} is filled with {{ row.value_1 }}", { exact: false }).waitFor();
    await dialog().getByRole("button", { name: "Take 1 template over" }).click();
    await language("welcome").getByText("Taken over", { exact: true }).waitFor();
    await language("welcome").getByRole("link", { name: "welcome" }).click();
    await heading("welcome");
    await page.getByText("Approved").first().waitFor();
    const taken = new URL(page.url()).pathname;
    known.pages.push(taken);
    known.opened.push({ path: `/channels/${known.chat}`, name: "taking over", open: async (page) => {
      await ask(page, "DELETE", `/v1${taken}`); // its name stays reserved, and so it is told of once more
      await button("Take over its templates", page).click();
      await button("Take over what is missing here", page).click();
      await page.getByRole("dialog").getByText("Can't be taken over").waitFor();
    } });
  },
};
