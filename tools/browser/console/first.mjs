// From an empty installation to a newsletter that was sent.
import assert from "node:assert/strict";

import { ask, at, button, heading, known, password, picture, to, visitor } from "./person.mjs";

export const steps = {
  async "the first person comes by the link"() {
    known.first = await visitor();
    await known.first.page.goto(to.link);
    await heading("Welcome to Carillon");
    assert.equal(new URL(known.first.page.url()).hash, "", "what opens is taken out of the address");
    await picture("welcome");
    await known.first.page.getByLabel("E-mail").fill("ada@example.org");
    await known.first.page.getByLabel("Name").fill("Ada");
    await known.first.page.getByRole("textbox", { name: "Password" }).fill("short");
    await button("Come in").click();
    await known.first.page.getByText("at least 10 characters", { exact: false }).last().waitFor();
    await known.first.page.getByRole("textbox", { name: "Password" }).fill(password);
    await button("Come in").click();
    await heading("Home");
    await picture("home-empty");
  },
  async "the first newsletter takes nine actions"() {
    let actions = 0;
    const act = async (what) => {
      actions++;
      await what;
    };
    const { page } = known.first;
    await act(button("Try a sandbox").click());
    await page.getByText("A channel to send through").and(page.locator("[style*=line-through]")).waitFor();
    await act(page.getByRole("link", { name: "Upload a file" }).click());
    await act(page.locator("input[type=file]").setInputFiles({ name: "people.csv", mimeType: "text/csv", buffer: Buffer.from("email,first_name\nada@example.org,Ada\ngrace@example.org,Grace\n") }));
    await act(button("Take 2 people in").click());
    await act(page.getByRole("link", { name: "Write to them" }).click());
    await heading("New campaign");
    await act(page.getByLabel("Everybody").check());
    await act(page.getByLabel("Subject").fill("Spring"));
    await act(page.getByLabel("Text", { exact: true }).fill("Hello {{ contact.first_name }}!"));
    await page.getByText("2 of 2 will get it.").waitFor();
    await page.getByText("Hello Ada!").waitFor();
    await picture("campaign-edit");
    await act(button("Start").click());
    await page.getByText(/It begins in/).waitFor();
    assert.ok(actions <= 9, `${actions} actions`);
    known.newsletter = new URL(page.url()).pathname;
    await ask(page, "POST", `/v1${known.newsletter}/start`, { now: true });
    // The page is not touched: what happens comes by itself.
    await page.getByRole("main").getByText("Finished").first().waitFor();
    await page.getByRole("row", { name: /^Sent 2 100/ }).waitFor();
    await button("Prove it").click();
    await page.getByText("2 planned, 2 accounted for.").waitFor();
    await page.getByLabel("Did somebody get it").fill("grace@example.org");
    await button("Explain").click();
    await page.getByRole("link", { name: "grace@example.org" }).waitFor();
    await picture("campaign");
  },
  async "every number leads to its messages"() {
    const { page } = known.first;
    await page.getByRole("table", { name: "What became of them" }).getByRole("link", { name: "2", exact: true }).click();
    await heading("Messages");
    await page.getByRole("link", { name: "grace@example.org" }).waitFor();
    assert.equal(await page.getByRole("row").count(), 3, "two messages and the head");
    await picture("messages");
    await page.getByRole("link", { name: "grace@example.org" }).click();
    await page.getByText("What happened").waitFor();
    await picture("message");
    // A view can be sent to a colleague: it stands in the address.
    await at("/messages?state=failed");
    await page.getByText("No messages like that").waitFor();
  },
};
