// Flows: drawn from nothing, played, started, changed while somebody is inside; and drawn by the keyboard alone.
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";

import { ask, at, button, heading, known, picture } from "./person.mjs";

const box = (within, name) => within.getByRole("combobox", { name, exact: true });

// Chooses from a list by what it says.
async function choose(within, name, option) {
  await box(within, name).click();
  await box(within, name).fill(option);
  await known.first.page.getByRole("option", { name: option, exact: true }).click();
}

const list = (page) => page.getByRole("list", { name: "Steps" });
const stepOf = (page, name) => list(page).getByRole("button", { name: new RegExp(`^${name} `) });
const saved = (page) => page.getByText("Saved", { exact: true }).waitFor();
const panel = (page, name) => page.getByRole("region", { name: `Settings of ${name}` });

// Adds a step of a kind behind another, in its panel.
async function add(page, after, kind) {
  await panel(page, after).getByRole("button", { name: "Add a step" }).click();
  await page.getByRole("menuitem", { name: kind, exact: true }).click();
}

export const steps = {
  async "a flow is drawn from nothing"() {
    const { page } = known.first;
    await at("/");
    await heading("Home");
    await page.keyboard.press("g");
    await page.keyboard.press("f");
    await heading("Flows");
    await page.getByText("No flows yet").waitFor();
    await button("From nothing").click();
    await page.getByRole("dialog").getByLabel("Name").fill("Survey");
    await button("Make a draft").click();
    await heading("Survey");
    await saved(page);
    // A question is put before the end: what it lacks is said at the step, and nothing is kept.
    await button("Add at the beginning").last().click();
    await page.getByRole("menuitem", { name: "Question", exact: true }).click();
    await panel(page, "ask").waitFor();
    await page.getByText("Not saved", { exact: true }).waitFor();
    await stepOf(page, "ask").getByText(/give content/).first().waitFor();
    await page.locator(".react-flow__node[data-id=ask]").getByText("1 mistake").waitFor();
    await panel(page, "ask").getByLabel("Subject").fill("Stars");
    await panel(page, "ask").getByLabel("Text", { exact: true }).fill("How many stars?");
    await panel(page, "ask").getByLabel("Kind of answer").selectOption("number");
    await saved(page);
    // Behind it a branch by the answer, a wait and a message.
    await add(page, "ask", "Branch");
    await panel(page, "branch").getByText("By rules").click();
    // What it asks is chosen as for any rule. Without a value it is refused, at that value.
    assert.equal(await box(panel(page, "branch"), "Of what, in condition 1").inputValue(), "Answer: ask");
    await page.locator(".react-flow__node[data-id=branch]").getByText("1 mistake").waitFor();
    await choose(panel(page, "branch"), "How it compares, in condition 1", "is at least");
    await panel(page, "branch").getByRole("textbox", { name: "Value of condition 1" }).fill("many");
    await panel(page, "branch").getByText(/is not a number such as/).first().waitFor();
    await panel(page, "branch").getByRole("textbox", { name: "Value of condition 1" }).fill("4");
    await saved(page);
    await panel(page, "branch").getByRole("button", { name: "Add a condition" }).click();
    await choose(panel(page, "branch"), "Of what, in condition 2", "What became of ask");
    await choose(panel(page, "branch"), "Value of condition 2", "read");
    await panel(page, "branch").getByRole("combobox", { name: "How these belong together" }).selectOption({ label: "At least one of these holds" });
    await saved(page);
    await add(page, "branch", "Wait");
    await panel(page, "wait").getByLabel("How long", { exact: true }).fill("soon");
    await stepOf(page, "wait").getByText(/must be a duration/).waitFor();
    await panel(page, "wait").getByLabel("How long", { exact: true }).fill("2d");
    await saved(page);
    await add(page, "wait", "Message");
    await panel(page, "send").getByLabel("Subject").fill("Sorry");
    await panel(page, "send").getByLabel("Text", { exact: true }).fill("Only {{ answers.ask }} stars?");
    await saved(page);
    const { items } = await ask(page, "GET", "/v1/flows?search=Survey");
    known.flow = items[0].id;
    assert.deepEqual(items[0].steps.map((s) => s.id), ["ask", "branch", "wait", "send", "end"]);
    const { condition, rules } = items[0].steps[1].branches[0].rule;
    assert.equal(condition, "OR");
    assert.deepEqual(rules.map((r) => [r.field, r.operator, r.value]), [["answers.ask", "greater_or_equal", 4], ["steps.ask", "equal", "read"]]);
    // What is taken out comes back.
    await panel(page, "send").getByRole("button", { name: "Take the step out" }).click();
    await stepOf(page, "send").waitFor({ state: "detached" });
    await saved(page);
    await page.keyboard.press("Control+z");
    await stepOf(page, "send").waitFor();
    await saved(page);
    await page.keyboard.press("Control+Shift+z");
    await stepOf(page, "send").waitFor({ state: "detached" });
    await button("Undo").click();
    await stepOf(page, "send").waitFor();
    await saved(page);
    assert.deepEqual((await ask(page, "GET", `/v1/flows/${known.flow}`)).steps, items[0].steps, "all is as it was");
    await picture("flow");
    // Who comes into a list enters, and who has what it is for leaves.
    await ask(page, "POST", "/v1/groups", { name: "Buyers" });
    await page.getByRole("tab", { name: "Who enters" }).click();
    await button("Coming into a list").click();
    await page.getByText("Not saved", { exact: true }).waitFor();
    await page.getByRole("combobox", { name: "Coming into a list" }).click();
    await page.getByRole("option", { name: "Buyers" }).click();
    await saved(page);
    await button("Add a goal").click();
    const goal = page.getByRole("group", { name: "Goal 1" });
    await choose(goal, "Of what, in condition 1", "Answer: ask");
    await choose(goal, "How it compares, in condition 1", "is known");
    await goal.getByLabel("Outcome").fill("answered");
    await saved(page);
    const kept = await ask(page, "GET", `/v1/flows/${known.flow}`);
    assert.equal(kept.triggers[0].joins.groups.length, 1);
    assert.equal(kept.goals[0].rule.timezone, "Europe/Berlin", "its days begin where its author is");
    assert.deepEqual(kept.goals.map((g) => [g.outcome, g.rule.rules[0].field, g.rule.rules[0].operator]), [["answered", "answers.ask", "is_not_null"]]);
    // Emptied and built anew, too.
    await goal.getByRole("button", { name: "Remove condition 1" }).click();
    await page.getByText("Not saved", { exact: true }).waitFor();
    await goal.getByRole("button", { name: "Add a condition" }).click();
    await choose(goal, "Of what, in condition 1", "Answer: ask");
    await choose(goal, "How it compares, in condition 1", "is known");
    await saved(page);
    assert.equal((await ask(page, "GET", `/v1/flows/${known.flow}`)).goals[0].rule.timezone, "Europe/Berlin");
    await button("Take the goal out").click();
    await page.getByRole("button", { name: /^Leave out/ }).click();
    await saved(page);
    await page.getByRole("tab", { name: "Steps" }).click();
    known.pages.push("/flows", `/flows/${known.flow}`, ...["who", "people", "simulate", "versions"].map((view) => `/flows/${known.flow}?view=${view}`));
  },
  async "it is played, started, and changed while somebody is inside"() {
    const { page } = known.first;
    await page.getByRole("tab", { name: "Simulate" }).click();
    await page.getByLabel("Answer at ask").fill("2");
    await page.getByRole("combobox", { name: "For whom" }).fill("grace");
    await page.getByRole("listbox").getByRole("option").first().click();
    // WhatsApp would be told by this whether they may be sent anything but templates.
    await page.getByLabel("When they wrote last").selectOption({ label: "All so long before they enter" });
    await page.getByLabel("How long before they enter").fill("soon");
    await button("Play it").click();
    await page.getByText("must be never, or a duration such as 90m or 30h").waitFor();
    await page.getByLabel("When they wrote last").selectOption({ label: "Nobody has ever written" });
    const asked = page.waitForRequest((r) => r.url().endsWith("/simulate"));
    await button("Play it").click();
    assert.equal((await asked).postDataJSON().wrote, "never");
    await page.getByText("1 person goes through it").waitFor();
    await page.getByRole("cell", { name: /Only 2 stars/ }).waitFor();
    assert.ok((await page.locator(".react-flow__edge-path.flow-on").count()) >= 3, "the way is shown");
    await button("Start").click();
    await page.getByRole("dialog").getByRole("button", { name: "Start" }).click();
    await page.getByRole("main").getByText("Running").first().waitFor();
    await page.getByRole("tab", { name: "People" }).click();
    await page.getByLabel("Let somebody enter").fill("grace@example.org");
    await button("Let in").click();
    await page.getByText("It is entered.").waitFor();
    await page.getByLabel("Who stands at").selectOption({ label: "ask (1)" });
    await page.locator(".react-flow__node[data-id=ask]").getByText("1 here").waitFor();
    await page.getByRole("cell", { name: "ask, asked" }).waitFor();
    await button("Prove it").click();
    await page.getByText("1 person entered, and is accounted for.").waitFor();
    await page.getByRole("tab", { name: "Steps" }).click();
    await stepOf(page, "end").click();
    await panel(page, "end").getByLabel("Outcome").fill("done");
    await saved(page);
    await button("Put in force").click();
    await page.getByRole("dialog").getByText("What becomes of the one inside?").waitFor();
    await page.getByRole("dialog").getByRole("button", { name: "Put in force" }).click();
    await page.getByRole("tab", { name: "Versions" }).click();
    await page.getByRole("heading", { name: "Version 2, in force" }).waitFor();
    await page.getByText("end was changed: outcome.").waitFor();
    await button("Move 1 person").click();
    await page.getByRole("dialog").getByLabel("1 at ask goes to").waitFor();
    await page.getByRole("dialog").getByRole("button", { name: "Move 1 person" }).click();
    await page.getByRole("dialog").waitFor({ state: "detached" });
    await button("Move 1 person").waitFor({ state: "detached" });
    const { items } = await ask(page, "GET", `/v1/flows/${known.flow}/versions`);
    assert.deepEqual(items.map((v) => v.inside), [1, 0]);
    await button("Pause").click();
    await button("Go on").click();
    await button("Cancel it").click();
    await page.getByText("The one inside leaves, and gets nothing more.").waitFor();
    await page.getByRole("dialog").getByRole("button", { name: "Cancel it" }).click();
    await page.getByRole("main").getByText("Canceled").first().waitFor();
  },
  async "what somebody answered is kept, and nobody enters any more"() {
    const { page } = known.first;
    const channel = await ask(page, "POST", "/v1/channels", { name: "Talk", provider: "sandbox", config: { replies: { "How many stars": ["5"] } } });
    const person = await ask(page, "POST", "/v1/contacts", { first_name: "Hedy", addresses: { email: "hedy@example.org" } });
    const flow = await ask(page, "POST", "/v1/flows", {
      name: "Stars", channel_id: channel.id,
      steps: [
        { id: "stars", kind: "ask", content: { subject: "Stars", text: "How many stars?" }, question: { type: "number", timeout: "3d" } },
        { id: "rest", kind: "wait", wait: { for: "1d" } },
        { id: "end", kind: "end" },
      ],
    });
    await ask(page, "POST", `/v1/flows/${flow.id}/start`);
    await at(`/flows/${flow.id}?view=people`);
    await page.getByLabel("Let somebody enter").fill("hedy@example.org");
    await button("Let in").click();
    await page.getByText("It is entered.").waitFor();
    const answers = page.getByRole("table", { name: "Answers" });
    await answers.getByRole("row", { name: `#${person.id} stars 5` }).waitFor();
    const [download] = await Promise.all([page.waitForEvent("download"), page.getByRole("link", { name: "Answers as CSV" }).click()]);
    const lines = readFileSync(await download.path(), "utf8").trim().split("\n");
    assert.equal(lines.length, 2, lines.join("\n"));
    const cells = Object.fromEntries(lines[0].trim().split(",").map((column, i) => [column, lines[1].trim().split(",")[i]]));
    assert.equal(cells.contact_id, String(person.id));
    assert.equal(cells.step, "stars");
    assert.equal(cells.value, "5");

    // It stands with whoever gave it.
    await answers.getByRole("link", { name: `#${person.id}` }).click();
    await heading("Hedy");
    await page.getByRole("table", { name: "What it answered" }).getByRole("row", { name: /How many stars\? 5/ }).waitFor();
    assert.deepEqual((await ask(page, "GET", `/v1/contacts/${person.id}/answers`)).items.map((a) => [a.step, a.value]), [["stars", 5]]);

    await at(`/flows/${flow.id}?view=people`);
    await button("Close").click();
    const dialog = page.getByRole("dialog");
    await dialog.getByText("The one inside goes on to the end.").waitFor();
    await dialog.getByRole("button", { name: "Close", exact: true }).last().click();
    await dialog.waitFor({ state: "detached" });
    await button("Close").waitFor({ state: "detached" });
    await page.getByLabel("Let somebody enter").waitFor({ state: "detached" });
    const closed = await ask(page, "GET", `/v1/flows/${flow.id}`);
    assert.ok(closed.closed_at);
    assert.deepEqual([closed.status, closed.inside], ["running", 1], "who is inside stays");
    await assert.rejects(ask(page, "POST", `/v1/flows/${flow.id}/enter`, { contacts: [{ address: "grace@example.org" }] }));
    // Later journeys find one channel, and nobody but those whom they know.
    await ask(page, "POST", `/v1/flows/${flow.id}/cancel`);
    await ask(page, "DELETE", `/v1/contacts/${person.id}`);
    await ask(page, "DELETE", `/v1/channels/${channel.id}`);
  },
  async "who is not reached is tried on another channel"() {
    const { page } = known.first;
    const { items } = await ask(page, "GET", "/v1/channels");
    const made = await ask(page, "POST", "/v1/flows", {
      name: "Two ways",
      channel_id: items[0].id,
      steps: [{ id: "send", kind: "send", content: { subject: "Tonight", text: "At eight" } }, { id: "end", kind: "end", outcome: "told" }],
    });
    await at(`/flows/${made.id}`);
    await heading("Two ways");
    await stepOf(page, "send").click();
    await panel(page, "send").getByRole("button", { name: "Try another channel with who is not reached" }).click();
    await panel(page, "send_other").waitFor();
    await panel(page, "send_other").getByLabel("Subject").fill("Tonight");
    await panel(page, "send_other").getByLabel("Text", { exact: true }).fill("At eight, by the other way");
    await saved(page);
    const { steps: drawn } = await ask(page, "GET", `/v1/flows/${made.id}`);
    const of = (id) => drawn.find((s) => s.id === id);
    assert.deepEqual(drawn.map((s) => s.id).sort(), ["end", "send", "send_arrived", "send_other"]);
    assert.deepEqual(of("send").exits, { skipped: "send_other", failed: "send_other" });
    assert.deepEqual(of("send_arrived").exits, { timeout: "send_other", failed: "send_other" });
    assert.deepEqual(of("send_arrived").wait, { delivered: true, at_most: "1h" });
    await ask(page, "DELETE", `/v1/flows/${made.id}`);
  },
  async "a flow is drawn by the keyboard alone"() {
    const { page } = known.first;
    const key = (...keys) => keys.reduce((before, k) => before.then(() => page.keyboard.press(k)), Promise.resolve());
    const focused = () => page.evaluate(() => globalThis.document.activeElement.dataset.id ?? globalThis.document.activeElement.textContent);
    const { items } = await ask(page, "GET", "/v1/channels");
    const made = await ask(page, "POST", "/v1/flows", { name: "Keys", channel_id: items[0].id, steps: [{ id: "end", kind: "end" }] });
    await at(`/flows/${made.id}`);
    await heading("Keys");
    await page.locator(".react-flow__node[data-id=end]").waitFor();
    // Goes on by the tab key until something has the focus.
    const tabTo = async (what) => {
      for (let i = 0; i < 60; i++) {
        await page.keyboard.press("Tab");
        if ((await focused())?.startsWith(what)) return;
      }
      assert.fail(`no tab leads to ${what}`);
    };
    await tabTo("Add at the beginning");
    await key("Enter");
    await page.getByRole("menuitem", { name: "Message", exact: true }).waitFor();
    for (let i = 0; i < 10 && (await focused()) !== "Message"; i++) await key("ArrowDown");
    await key("Enter");
    await panel(page, "send").waitFor();
    const tabToField = async (label) => {
      const field = panel(page, "send").getByRole("textbox", { name: label });
      for (let i = 0; i < 30 && !(await field.evaluate((e) => e === globalThis.document.activeElement)); i++) await page.keyboard.press("Tab");
    };
    await tabToField("Subject");
    await page.keyboard.type("Hello");
    await tabToField("Text");
    await page.keyboard.type("By the keys");
    await saved(page);
    await key("Escape");
    await panel(page, "send").waitFor({ state: "detached" });
    // On the canvas: from step to step, taken out, and back.
    assert.equal(await focused(), "send");
    await key("ArrowDown");
    assert.equal(await focused(), "end");
    await key("ArrowUp");
    assert.equal(await focused(), "send");
    await key("Enter");
    await panel(page, "send").waitFor();
    await key("Escape");
    await key("Delete");
    await page.locator(".react-flow__node[data-id=send]").waitFor({ state: "detached" });
    await key("Control+z");
    await page.locator(".react-flow__node[data-id=send]").waitFor();
    await saved(page);
    const { steps } = await ask(page, "GET", `/v1/flows/${made.id}`);
    assert.deepEqual(steps.map((s) => [s.id, s.content?.text]), [["send", "By the keys"], ["end", undefined]]);
    await ask(page, "DELETE", `/v1/flows/${made.id}`);
    await at("/flows");
    await heading("Flows");
  },
};
