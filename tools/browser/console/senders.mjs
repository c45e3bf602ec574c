// What an admin does so that mailbox providers believe the mail: records, a key, and the next key; and no more of it than they bear.
import assert from "node:assert/strict";

import { ask, at, button, known, picture, to } from "./person.mjs";

const dialog = () => known.first.page.getByRole("dialog");
const record = (name) => known.first.page.getByRole("region", { name, exact: true });

async function publish(name, text) {
  const answer = await fetch(to.dns, { method: "POST", body: JSON.stringify({ name, text }) });
  assert.equal(answer.status, 200);
}

let mail;

const domain = () => ask(known.first.page, "GET", `/v1/channels/${mail}/domain`);

export const steps = {
  async "a domain is looked at, a key made, published and found"() {
    const { page } = known.first;
    const made = await ask(page, "POST", "/v1/channels", { name: "Letters", provider: "smtp", config: { host: "127.0.0.1", port: to.smtp, tls: "none", from: "news@bells.example" } });
    mail = made.id;
    await at(`/channels/${mail}`);
    await page.getByRole("heading", { name: "Sender domain bells.example" }).waitFor();
    await record("SPF").getByText("Not checked").waitFor();
    await record("DKIM").getByText("Nothing is signed here.", { exact: false }).waitFor();
    await button("Check now").click();
    await page.getByText("2 needed records are missing or wrong.").waitFor();
    await record("DMARC").getByText("Missing").waitFor();
    await button("Choose its name").click();
    await page.getByLabel("Selector").fill("under_score");
    await button("Make a signing key").click();
    await page.getByLabel("Selector").and(page.locator("[aria-invalid=true]")).waitFor();
    await page.getByLabel("Selector").fill("spring");
    await button("Make a signing key").click();
    await record("DKIM spring").getByText("spring._domainkey.bells.example").waitFor();
    await page.getByText("Waits for its record").waitFor();
    const { records } = await domain();
    for (const r of records.filter((r) => r.type === "TXT" && r.value)) {
      await record(r.selector ? `DKIM ${r.selector}` : r.purpose.toUpperCase()).getByText(r.value).waitFor(); // what is shown is what is asked for
      await publish(r.name, r.value);
    }
    await button("Check now").click();
    await page.getByText("Everything that large mailbox providers want is published.").waitFor();
    await page.getByText("Mail is signed with it.").waitFor();
    await picture("channel-domain");
    assert.equal((await domain()).signing_keys[0].state, "signing");
  },
  async "the key is exchanged, and the old one forgotten"() {
    const { page } = known.first;
    await button("Choose its name").click();
    await page.getByLabel("Selector").fill("autumn");
    await button("Make the next key").click();
    await page.getByText("Waits for its record").waitFor();
    const next = (await domain()).records.find((r) => r.selector === "autumn");
    await publish(next.name, next.value);
    await button("Check now").click();
    await page.getByText("Replaced", { exact: true }).waitFor();
    await button("Forget the key autumn").click();
    await dialog().getByText("Mail is signed with this key now", { exact: false }).waitFor();
    await page.keyboard.press("Escape");
    await dialog().waitFor({ state: "detached" });
    await button("Forget the key spring").click();
    await dialog().getByRole("button", { name: "Forget" }).click();
    await record("DKIM spring").waitFor({ state: "detached" });
    assert.deepEqual((await domain()).signing_keys.map((k) => [k.selector, k.state]), [["autumn", "signing"]]);
    known.pages.push(`/channels/${mail}`);
  },
  async "single mailbox providers get as much as they bear"() {
    const { page } = known.first;
    const limits = async () => (await ask(page, "GET", `/v1/channels/${mail}`)).limits.mailboxes;
    const of = (name) => page.getByRole("group", { name, exact: true });
    await at(`/channels/${mail}`);
    await button("Add a mailbox provider").click();
    await page.getByRole("textbox", { name: "Mailbox provider", exact: true }).fill("gogle");
    await of("gogle").getByLabel("Messages a second").fill("20");
    await of("gogle").getByLabel("Addresses in 24 hours").fill("5000");
    await button("Save").click();
    await of("gogle").getByText("is no mailbox provider", { exact: false }).waitFor();
    await of("gogle").getByRole("textbox", { name: "Mailbox provider", exact: true }).fill("google");
    await of("google").getByLabel("Warm up").check();
    await of("google").getByLabel("Addresses on the first day").fill("200");
    await button("Save").click();
    await of("google").getByText("must be from first (200)", { exact: false }).or(of("google").getByText("expected number >= 1")).waitFor();
    await of("google").getByLabel("Addresses a day, at the end").fill("50000");
    await button("Add limits for all others").click();
    await of("default").getByText("each mailbox provider that has no limits of its own", { exact: false }).waitFor();
    await button("Add a mailbox provider").click();
    await of("unnamed").getByRole("textbox", { name: "Mailbox provider", exact: true }).fill("default");
    await page.getByText("It stands above already.").waitFor();
    assert.ok(await button("Save").isDisabled());
    await button("Take default away").last().click();
    await button("Save").click();
    await page.getByText("Letters is saved.").waitFor();
    await page.getByText("google warms up, with 200 people a day now").waitFor(); // beside what goes out now
    await page.getByText("Mailbox providers", { exact: true }).scrollIntoViewIfNeeded();
    await picture("channel-mailboxes");
    assert.deepEqual(await limits(), { google: { per_second: 20, recipients_per_day: 5000, warm_up: { first: 200, ceiling: 50000 } }, default: {} });
    await at(`/channels/${mail}`);
    await button("Take default away").click();
    await button("Save").click();
    await page.getByText("Letters is saved.").waitFor();
    assert.deepEqual(Object.keys(await limits()), ["google"]);
    const campaign = await ask(page, "POST", "/v1/campaigns", { name: "Bells", channel_id: mail, audience: { all: true }, content: { subject: "Bells", text: "They ring. {{ unsubscribe_url }}" } });
    await at(`/campaigns/${campaign.id}/edit`);
    await page.getByText("at other domains: who hosts them is found out when they are sent to", { exact: false }).waitFor();
    known.opened.push({ path: `/channels/${mail}`, name: "limits for mailbox providers", open: async (page) => {
      await button("Add limits for all others", page).click();
      await button("Add a mailbox provider", page).click();
      await page.getByRole("group", { name: "unnamed", exact: true }).getByLabel("Warm up").check();
    } });
  },
};
