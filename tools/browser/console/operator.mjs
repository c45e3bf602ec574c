// What an operator does: a channel that is broken is found and mended, what waits is cleared, a reply is read.
import assert from "node:assert/strict";
import { createHmac } from "node:crypto";
import { createServer } from "node:http";

import { ask, at, button, heading, known, picture, to, visitor } from "./person.mjs";

const dialog = () => known.first.page.getByRole("dialog");

// A campaign to everybody through a channel, which has begun.
async function begun(name, channel) {
  const { page } = known.first;
  const { id } = await ask(page, "POST", "/v1/campaigns", { name, channel_id: channel, audience: { all: true }, content: { subject: name, text: `${name} {{ unsubscribe_url }}` } });
  await ask(page, "POST", `/v1/campaigns/${id}/start`, { now: true });
  return id;
}

let office;

// Has a provider hand in a reply, signed as its channel asks for (Standard Webhooks).
async function replied(channel, key, from, text) {
  const body = JSON.stringify({ replies: [{ id: `${from} ${text}`, from, text }] });
  const at = String(Math.floor(Date.now() / 1000));
  const signature = createHmac("sha256", Buffer.from(key, "base64")).update(`evt.${at}.${body}`).digest("base64");
  const headers = { "Content-Type": "application/json", "webhook-id": "evt", "webhook-timestamp": at, "webhook-signature": `v1,${signature}` };
  const answer = await fetch(`${to.base}/hooks/${channel}`, { method: "POST", headers, body });
  assert.equal(answer.status, 200, await answer.text());
}

export const steps = {
  async "a channel is made wrong, seen to be broken, and mended"() {
    const { page } = known.first;
    await at("/channels/new");
    await page.getByLabel("Provider").selectOption({ label: "E-mail (SMTP)" });
    await page.getByRole("textbox", { name: "Name", exact: true }).fill("Office");
    await page.getByRole("textbox", { name: "Host", exact: true }).fill("127.0.0.1");
    await page.getByRole("textbox", { name: "Port", exact: true }).fill("99999");
    await page.getByRole("textbox", { name: "From", exact: true }).first().fill("news@example.org");
    await page.getByLabel("TLS", { exact: true }).selectOption("none");
    await button("Make the channel").click();
    await page.getByRole("textbox", { name: "Port", exact: true }).and(page.locator("[aria-invalid=true]")).waitFor();
    await page.getByRole("textbox", { name: "Port", exact: true }).fill(String(to.closed)); // where nobody listens
    await button("Make the channel").click();
    await heading("Office");
    office = Number(new URL(page.url()).pathname.split("/").at(-1));
    const campaign = await begun("Broken", office);
    // Ten failures in a row are the provider's, and not those of single recipients.
    for (let i = 0; i < 12; i++) await ask(page, "POST", "/v1/messages", { channel_id: office, to: `order${i}@example.org`, content: { subject: "Your order", text: "It is on its way." } });
    // What is wrong is said where operators look: at home, in the queue, and at the channel, to which both lead.
    await at("/");
    await page.getByRole("main").getByText(/Office/).first().waitFor();
    await at("/queue");
    await page.getByRole("link", { name: /Office/ }).first().click();
    await heading("Office");
    await page.getByRole("status").filter({ hasText: /refused/ }).first().waitFor();
    await picture("channel-broken");
    await page.getByRole("textbox", { name: "Port", exact: true }).fill(String(to.smtp));
    await button("Save").click();
    await page.getByText("Office is saved.").waitFor();
    await at(`/campaigns/${campaign}`);
    await page.getByRole("main").getByText("Finished").first().waitFor();
    const { items: [run] } = await ask(page, "GET", `/v1/campaigns/${campaign}/runs`);
    assert.equal(run.counts.failed, 0, "nobody was given up on");
    assert.ok(run.counts.sent > 0);
    await at(`/channels/${office}`);
    await button("Ask the provider").click();
    await page.getByRole("status").getByText("It takes them").waitFor();
    await page.getByRole("textbox", { name: "Test to" }).fill("ada@example.org");
    await button("Send a test").click();
    await page.getByRole("status").getByText("Sent").waitFor();
  },
  async "what waits is cleared, after it was shown"() {
    const { page } = known.first;
    await button("Pause Office").click();
    await button("Go on with Office").waitFor();
    const campaign = await begun("Not that one", office);
    const other = await begun("Another", office);
    await at(`/queue?campaign=${campaign}`);
    const rows = page.getByRole("table", { name: "The first messages" }).getByRole("row");
    await rows.nth(2).waitFor();
    const waiting = (await rows.count()) - 1;
    // How much waits of what, why no faster, and what to do: by the button that stands beside it.
    const totals = page.getByRole("table", { name: "Queue" });
    await totals.getByRole("row", { name: /^Office Paused .*0 a second paused/ }).waitFor();
    await totals.getByRole("row", { name: new RegExp(`^Campaigns ${waiting} 0 0`) }).waitFor();
    await page.getByRole("status").filter({ hasText: "“Go on” lets it send again." }).waitFor();
    await picture("queue");
    await button("Clear").click();
    await dialog().getByText("This can't be undone.", { exact: false }).waitFor();
    await dialog().getByRole("listitem").first().waitFor();
    await page.keyboard.press("Escape");
    await dialog().waitFor({ state: "detached" });
    assert.equal((await ask(page, "GET", `/v1/queue?campaign_id=${campaign}`)).messages.length, waiting, "looking at it clears nothing");
    await button("Clear").click();
    await dialog().getByRole("button", { name: `Clear ${waiting} messages` }).click();
    await page.getByText(`${waiting} messages were cleared and are never sent.`).waitFor();
    await page.getByText("All are written down as canceled.").waitFor();
    await page.getByText("Nothing like that waits").waitFor();
    // The record says who it was, and stands in the address.
    await page.reload();
    await page.getByRole("status").filter({ hasText: /^The record of the clearing/ }).filter({ hasText: "(ada@example.org)" }).waitFor();
    await button("Close the record").click();
    await at(`/channels/${office}`);
    await button("Go on with Office").click();
    await button("Pause Office").waitFor();
    await at(`/campaigns/${other}`);
    await page.getByRole("main").getByText("Finished").first().waitFor();
    const { counts } = (await ask(page, "GET", `/v1/campaigns/${campaign}/runs`)).items[0];
    assert.equal(counts.canceled, waiting);
    assert.equal(counts.sent + counts.delivered, 0);
    await at(`/channels/${office}`);
    await button("Delete").click();
    await dialog().getByText("stay in the history", { exact: false }).waitFor();
    await dialog().getByRole("button", { name: "Delete" }).click();
    await heading("Channels");
    await page.getByRole("link", { name: "Office" }).waitFor({ state: "detached" });
  },
  async "what is in doubt is found in the queue, and settled"() {
    const { context, page } = known.first;
    // It takes what it is asked, and hangs up without an answer.
    const mute = createServer((request) => request.resume().on("end", () => request.socket.destroy()));
    await new Promise((listens) => mute.listen(0, "127.0.0.1", listens));
    const secret = `whsec_${Buffer.from("a key that nobody else has").toString("base64")}`;
    const config = { url: `http://127.0.0.1:${mute.address().port}/`, secret };
    const channel = await ask(page, "POST", "/v1/channels", { name: "Mute", provider: "webhook", in_doubt: "hold", config });
    const { id } = await ask(page, "POST", "/v1/messages", { channel_id: channel.id, to: "ada@example.org", content: { subject: "Your order", text: "It is on its way." } });
    await at("/queue");
    await page.getByRole("link", { name: "1 message in doubt" }).waitFor();
    const german = await visitor({ locale: "de-DE", storageState: await context.storageState() });
    await german.page.goto(to.base + "/queue");
    await german.page.getByRole("row", { name: /^Mute Aktiv 0 0 0 .*so schnell, wie der Anbieter antwortet/ }).waitFor();
    await german.page.goto(to.base + "/");
    await german.page.getByRole("link", { name: "1 Nachricht ist im Zweifel: Ob der Anbieter sie angenommen hat, ist nicht bekannt." }).waitFor();
    await german.close();
    await page.getByRole("link", { name: "1 message in doubt" }).click();
    await heading("Messages");
    await page.getByRole("link", { name: "Mute" }).waitFor();
    await page.getByRole("row", { name: /^ada@example.org In doubt/ }).waitFor();
    await button("They did not go out").click();
    await dialog().getByRole("button", { name: "Say so of 1 message" }).click();
    await page.getByText("It is being recorded.").waitFor();
    await at("/queue");
    await page.getByText("Nothing waits").waitFor();
    await page.getByRole("link", { name: "1 message in doubt" }).waitFor({ state: "detached" });
    assert.equal((await ask(page, "GET", `/v1/messages/${id}`)).state, "failed");
    await at("/messages?state=unknown");
    await page.getByText("No messages like that").waitFor();
    await ask(page, "DELETE", `/v1/channels/${channel.id}`);
    await new Promise((closed) => mute.close(closed));
  },
  async "a reply that is unclear is read, and binds"() {
    const { page } = known.first;
    const key = Buffer.from("a key that only this journey has").toString("base64");
    const inbox = await ask(page, "POST", "/v1/channels", { name: "Inbox", provider: "webhook", silent_opt_out: true, config: { url: `http://127.0.0.1:${to.closed}/`, secret: `whsec_${key}` } });
    const person = await ask(page, "POST", "/v1/contacts", { first_name: "Quentin", addresses: { email: "quentin@example.org" } });
    await replied(inbox.id, key, "quentin@example.org", "please stop");
    await at("/replies");
    await page.getByRole("cell", { name: "please stop" }).waitFor();
    await page.getByRole("button", { name: "quentin@example.org: No more" }).click();
    await page.getByText("Nothing waits to be read").waitFor();
    await page.getByLabel("Which replies").selectOption("all");
    await page.getByRole("row", { name: /quentin@example.org please stop .*No more/ }).waitFor();
    await page.getByRole("link", { name: "quentin@example.org" }).click();
    await heading("Quentin");
    await page.getByRole("cell", { name: "opt_out" }).waitFor();
    // Later journeys find one channel, and nobody but those whom they know.
    await ask(page, "DELETE", `/v1/contacts/${person.id}`);
    await ask(page, "DELETE", `/v1/channels/${inbox.id}`);
  },
};
