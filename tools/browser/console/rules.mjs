// Rules: who is meant, built by mouse and by the keyboard, counted, saved, and used by campaigns.
import assert from "node:assert/strict";

import { ask, at, button, heading, known, picture } from "./person.mjs";

const box = (name) => known.first.page.getByRole("combobox", { name, exact: true });

// Chooses from a list by what it says.
async function choose(name, option) {
  await box(name).click();
  await box(name).fill(option);
  await known.first.page.getByRole("option", { name: option, exact: true }).click();
}

// Goes on by the tab key until something of a name has the focus.
async function tabTo(name) {
  const focused = () =>
    known.first.page.evaluate(() => {
      const e = document.activeElement;
      return e.getAttribute("aria-label") ?? e.labels?.[0]?.textContent ?? e.textContent;
    });
  for (let i = 0; i < 80; i++) {
    await known.first.page.keyboard.press("Tab");
    if ((await focused())?.startsWith(name)) return;
  }
  assert.fail(`the tab key does not lead to ${name}`);
}

// Writes over what stands where the focus is.
async function type(text) {
  await known.first.page.keyboard.press("Control+a");
  await known.first.page.keyboard.type(text);
}

async function pick(text) {
  await type(text);
  await known.first.page.getByRole("option", { name: text, exact: true }).waitFor();
  await known.first.page.keyboard.press("ArrowDown");
  await known.first.page.keyboard.press("Enter");
}

let list;

export const steps = {
  async "a rule is built by mouse, and says how many it holds for"() {
    const { page } = known.first;
    await at("/targeting");
    await page.getByText("No targeting lists yet").waitFor();
    await page.getByRole("link", { name: "New targeting list" }).first().click();
    await heading("New targeting list");
    await page.getByLabel("Name").fill("Those like Grace");
    await button("Add a condition").click();
    await page.getByText("1 condition is without a value yet.").waitFor();
    assert.ok(await button("Save").isDisabled());
    await choose("How it compares, in condition 1", "begins with");
    await page.getByRole("textbox", { name: "Value of condition 1" }).fill("gra");
    await page.getByText(/It holds for 1 of \d+ contacts/).waitFor();
    await button("Add a condition").click();
    await choose("Of what, in condition 2", "Created");
    await choose("How it compares, in condition 2", "is after");
    await page.getByLabel("How the time is said, in condition 2").selectOption("days ago");
    await page.getByLabel("Value of condition 2").fill("7");
    await page.getByText("Its days begin in the time zone").waitFor();
    await button("Add a group").click();
    await page.getByLabel("How these belong together (Group 3)").selectOption("At least one of these holds");
    await choose("Of what, in condition 3.1", "Address: email");
    await choose("How it compares, in condition 3.1", "ends with");
    await page.getByRole("textbox", { name: "Value of condition 3.1" }).fill("example.org");
    await page.getByText(/It holds for 1 of \d+ contacts/).waitFor();
    await page.getByRole("table", { name: "The first of them" }).getByRole("link", { name: "Grace" }).waitFor();
    // What stands there is there after a reload.
    await page.reload();
    await page.getByText(/It holds for 1 of \d+ contacts/).waitFor();
    assert.equal(await page.getByLabel("Value of condition 2").inputValue(), "7");
    assert.equal(await page.getByLabel("Name").inputValue(), "Those like Grace");
    await picture("targeting");
  },
  async "what is wrong with a rule stands at it"() {
    const { page } = known.first;
    const third = page.getByRole("group", { name: "Condition 3.1" });
    await choose("Of what, in condition 3.1", "Id");
    await page.getByRole("textbox", { name: "Value of condition 3.1" }).fill("many");
    await third.getByText(/is not a number such as 7/).waitFor();
    assert.equal(await page.getByRole("alert").count(), 0, "it is said once");
    await page.getByRole("textbox", { name: "Value of condition 3.1" }).fill("0");
    await choose("How it compares, in condition 3.1", "is at least");
    await page.getByText(/It holds for 1 of \d+ contacts/).waitFor();
    await button("Save").click();
    await heading("Those like Grace");
    list = new URL(page.url()).pathname;
    // What the builder can't show is kept when something else is changed.
    const { rule } = await ask(page, "GET", `/v1${list}`);
    rule.rules.push({ field: "messages_received_45d", operator: "less", value: 100 });
    await ask(page, "PATCH", `/v1${list}`, { rule });
    const before = (await ask(page, "GET", `/v1${list}`)).rule;
    await page.reload();
    await page.getByText("1 condition is kept as it is: this page can't show it.").waitFor();
    await page.getByLabel("Name").fill("Like Grace");
    await button("Save").click();
    await heading("Like Grace");
    assert.deepEqual((await ask(page, "GET", `/v1${list}`)).rule, before);
    await button("Remove condition 4").click();
    await page.getByText("1 condition is kept").waitFor({ state: "detached" });
    await button("Save").click();
    await page.getByText("Saved", { exact: true }).waitFor();
    assert.equal((await ask(page, "GET", `/v1${list}`)).rule.rules.length, 3);
  },
  async "a campaign goes to a targeting list and a rule of its own, but not to who got another"() {
    const { page } = known.first;
    await page.getByRole("link", { name: "New campaign for these" }).click();
    await heading("New campaign");
    await page.getByLabel("Name").fill("By a rule");
    await page.getByText("Like Grace").first().waitFor();
    await page.getByLabel("Subject").fill("Again");
    await page.getByLabel("Text", { exact: true }).fill("Hello!");
    await page.getByText("1 of 1 will get it.").waitFor();
    await button("Add a rule of its own").click();
    await button("Add a condition").click();
    await page.getByRole("textbox", { name: "Value of condition 1" }).fill("ada");
    await page.getByText(/It holds for 1 of \d+ contacts/).waitFor();
    await page.getByText("2 of 2 will get it.").waitFor();
    const { items } = await ask(page, "GET", "/v1/campaigns?q=Newsletter");
    const newsletter = items.find((c) => known.newsletter.endsWith(`/${c.id}`));
    await choose("But not to who got one of these campaigns", newsletter.name);
    await page.keyboard.press("Escape");
    await page.getByText("0 of 2 will get it.").waitFor();
    await page.getByText("Saved", { exact: true }).waitFor();
    await button("Upload a file").click();
    await page.locator("input[type=file]").setInputFiles({ name: "friends.csv", mimeType: "text/csv", buffer: Buffer.from("email,first_name\nfriend@example.net,Friend\n") });
    await button("Take 1 person in").click();
    await button("Choose it").click();
    await page.getByText("1 of 3 will get it.").waitFor();
    await picture("campaign-audience");
    const kept = (await ask(page, "GET", "/v1/campaigns?q=By%20a%20rule")).items[0];
    assert.deepEqual(kept.audience.exclude, { campaigns: [newsletter.id] });
    assert.deepEqual(kept.audience.targeting.map((id) => `/targeting/${id}`), [list]);
    assert.equal(kept.audience.uploads.length, 1);
    assert.equal(kept.audience.rule.rules[0].value, "ada");
    known.pages.push(`/campaigns/${kept.id}/edit`);
    // A list that is used is not deleted, and says by what it is used.
    await at(list);
    await button("Delete").click();
    await page.getByRole("dialog").getByRole("button", { name: "Delete" }).click();
    await page.getByRole("dialog").getByText(/campaign/).filter({ hasText: String(kept.id) }).first().waitFor();
    await button("Leave it").click();
  },
  async "contacts are found by a rule that stands in the address"() {
    const { page } = known.first;
    await at("/contacts");
    await page.getByRole("link", { name: "By a rule" }).click();
    await heading("Contacts by a rule");
    await button("Add a condition").click();
    await choose("Of what, in condition 1", "Targeting list");
    await choose("Value of condition 1", "Like Grace");
    await page.getByRole("link", { name: "Grace" }).waitFor();
    await page.reload();
    await page.getByRole("link", { name: "Grace" }).waitFor();
    known.pages.push("/targeting", list, "/targeting/new", new URL(page.url()).pathname + new URL(page.url()).search);
    await page.getByRole("link", { name: "Save as a targeting list" }).click();
    await heading("New targeting list");
    await page.getByText(/It holds for 1 of \d+ contacts/).waitFor();
  },
  async "a rule is built by the keyboard alone"() {
    const { page } = known.first;
    await at("/");
    await heading("Home");
    await page.keyboard.press("g");
    await page.keyboard.press("t");
    await heading("Targeting lists");
    await tabTo("New targeting list");
    await page.keyboard.press("Enter");
    await heading("New targeting list");
    await tabTo("Name");
    await page.keyboard.type("By keys");
    await tabTo("Add a condition");
    await page.keyboard.press("Enter");
    await box("Of what, in condition 1").and(page.locator(":focus")).waitFor();
    await page.keyboard.press("Tab");
    await pick("begins with");
    await page.keyboard.press("Tab");
    await page.keyboard.type("gra");
    await page.getByText(/It holds for 1 of \d+ contacts/).waitFor();
    await tabTo("Add a group");
    await page.keyboard.press("Enter");
    await box("Of what, in condition 2.1").and(page.locator(":focus")).waitFor();
    await pick("Created");
    await page.keyboard.press("Tab");
    await pick("is known");
    await page.getByText(/It holds for 1 of \d+ contacts/).waitFor();
    await tabTo("Add a condition (Group 2)");
    await page.keyboard.press("Enter");
    await tabTo("Remove condition 2.2");
    await page.keyboard.press("Enter");
    // Whoever takes something away goes on where it was.
    await button("Add a condition (Group 2)").and(page.locator(":focus")).waitFor();
    await tabTo("Save");
    await page.keyboard.press("Enter");
    await heading("By keys");
    await tabTo("Delete");
    await page.keyboard.press("Enter");
    await page.getByRole("dialog").waitFor();
    await tabTo("Delete");
    await page.keyboard.press("Enter");
    await heading("Targeting lists");
    assert.equal(await page.getByRole("link", { name: "By keys" }).count(), 0);
  },
};
