// The account as programs and recipients meet it: keys that are bound, and the pages in its colors.
import assert from "node:assert/strict";

import { ask, at, button, heading, known, to, visitor } from "./person.mjs";

// What the API answers a program that comes with a key.
const program = (key, method, path, body) =>
  fetch(to.base + path, { method, headers: { Authorization: `Bearer ${key}`, "Content-Type": "application/json" }, ...(body ? { body: JSON.stringify(body) } : {}) });

export const steps = {
  async "a key is bound to a channel, to networks, and to a rate"() {
    const { page } = known.first;
    const { items: [{ id: channel, name }] } = await ask(page, "GET", "/v1/channels");
    const other = await ask(page, "POST", "/v1/channels", { name: "Beside", provider: "sandbox" });
    await at("/settings/keys");
    await heading("Keys");
    // Makes a key by the form, and returns it.
    const make = async (called, networks) => {
      await page.getByRole("textbox", { name: "Name" }).fill(called);
      await page.getByLabel("For the channel").selectOption({ label: name });
      await page.getByRole("combobox", { name: "From networks" }).fill(networks);
      await page.keyboard.press("Enter");
      await page.getByLabel("Requests a second").fill("3");
      await button("Make the key").click();
    };
    await make("Shop", "nowhere");
    await page.getByText(/^is neither an address nor a network/).waitFor();
    await page.getByRole("combobox", { name: "From networks" }).fill("");
    await page.keyboard.press("Backspace");
    await page.getByRole("combobox", { name: "From networks" }).fill("127.0.0.0/8");
    await page.keyboard.press("Enter");
    await page.getByRole("combobox", { name: "From networks" }).fill("::1");
    await page.keyboard.press("Enter");
    await button("Make the key").click();
    const shown = page.getByRole("status").filter({ hasText: "The key Shop" }).locator("pre, code").first();
    const key = (await shown.innerText()).trim();
    await page.getByRole("cell", { name: new RegExp(`channel ${channel}, from .*127\\.0\\.0\\.0/8.*, 3 a second`) }).waitFor();
    const kept = (await ask(page, "GET", "/v1/keys")).items.find((k) => k.name === "Shop");
    assert.deepEqual([kept.channel_id, kept.networks, kept.rate_per_second], [channel, ["127.0.0.0/8", "::1/128"], 3]);

    // It does what it is for, and nothing beside.
    const message = (through) => ({ channel_id: through, to: "order@example.org", content: { subject: "Order", text: "It is on its way." } });
    assert.equal((await program(key, "POST", "/v1/messages", message(channel))).status, 202);
    assert.equal((await program(key, "POST", "/v1/messages", message(other.id))).status, 403);
    const answers = await Promise.all(Array.from({ length: 12 }, () => program(key, "GET", "/v1/channels")));
    assert.ok(answers.some(({ status }) => status === 429), "more than three requests a second are too many");

    await button("I have it").click();
    await make("Elsewhere", "192.0.2.0/24");
    const barred = (await page.getByRole("status").filter({ hasText: "The key Elsewhere" }).locator("pre, code").first().innerText()).trim();
    assert.equal((await program(barred, "GET", "/v1/channels")).status, 403, "it opens from its networks alone");
    await button("Revoke Elsewhere").click();
    await page.getByRole("dialog").getByRole("button", { name: "Revoke" }).click();
    await button("Revoke Elsewhere").waitFor({ state: "detached" });
    assert.equal((await program(barred, "GET", "/v1/channels")).status, 401);
    await ask(page, "DELETE", `/v1/channels/${other.id}`);
  },
  async "the pages of recipients are as they were previewed"() {
    const { page } = known.first;
    await at("/settings");
    const preview = page.getByRole("figure", { name: "How the pages look" });
    const color = (of) => of.evaluate((e) => [getComputedStyle(e).backgroundColor, getComputedStyle(e).color]);
    await page.getByLabel("Who writes").fill("Bell Foundry & Sons");
    await page.getByLabel("Color of the pages").and(page.locator("input")).fill("#7b1fa2");
    await page.keyboard.press("Escape");
    await preview.getByText("Bell Foundry & Sons").waitFor();
    const small = preview.getByText("Unsubscribe", { exact: true });
    await page.waitForFunction((e) => getComputedStyle(e).backgroundColor === "rgb(123, 31, 162)", await small.locator("xpath=ancestor-or-self::*[contains(@class, 'Button-root')]").elementHandle());
    await button("Save").click();
    await page.getByText("The settings are saved.").waitFor();
    const settings = await ask(page, "GET", "/v1/settings");
    assert.deepEqual([settings.brand_name, settings.brand_color], ["Bell Foundry & Sons", "#7b1fa2"]);

    // The page behind a link of a message.
    const { items: [{ id: channel_id }] } = await ask(page, "GET", "/v1/channels");
    const draft = await ask(page, "POST", "/v1/campaigns", { name: "Link", channel_id, audience: { all: true }, content: { subject: "x", text: "{{ unsubscribe_url }}" } });
    const { samples } = await ask(page, "GET", `/v1/campaigns/${draft.id}/preview?count=false`);
    await ask(page, "DELETE", `/v1/campaigns/${draft.id}`);
    const recipient = await visitor();
    await recipient.page.goto(samples[0].content.text.trim());
    await recipient.page.getByRole("banner").getByText("Bell Foundry & Sons").waitFor();
    const real = recipient.page.getByRole("button", { name: "Unsubscribe" });
    assert.deepEqual(await color(real), await color(small.locator("xpath=ancestor-or-self::*[contains(@class, 'Button-root')]")));
    await recipient.close();
  },
};
