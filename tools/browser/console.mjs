// Walks through the console in Debian's Chromium, as people do who make newsletters. It takes a
// JSON object with the server's address, the first person's link, a viewer and a folder for
// pictures, if any are wanted. It prints what it saw, a line for each step; whatever is not as it
// should be ends it with an error.
import assert from "node:assert/strict";
import { createHmac } from "node:crypto";
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { join } from "node:path";
import { chromium } from "playwright-core";

const to = JSON.parse(process.argv[2]);
const axe = readFileSync(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");
const browser = await chromium.launch({ executablePath: to.chromium, args: ["--no-sandbox", "--disable-dev-shm-usage"] });
const password = "a sentence that nobody else says";

// A person's browser. What its pages ask of others, what the policy forbids them, and every error ends the walk.
async function visitor(options = {}) {
  const context = await browser.newContext({ locale: "en-GB", timezoneId: "Europe/Berlin", viewport: { width: 1280, height: 900 }, ...options });
  context.setDefaultTimeout(15_000);
  const wrong = [];
  context.on("request", (r) => {
    if (!/^(data|blob|about):/.test(r.url()) && !r.url().startsWith(to.base + "/")) wrong.push(`asked ${r.url()}`);
  });
  context.on("weberror", (e) => wrong.push(String(e.error())));
  context.on("console", (m) => {
    if (/Content Security Policy|Warning:/.test(m.text())) wrong.push(m.text());
  });
  const page = await context.newPage();
  return {
    context,
    page,
    async close() {
      await context.close();
      assert.deepEqual(wrong, []);
    },
  };
}

let first; // who came first, signed in
const at = (path) => first.page.goto(to.base + path);
const heading = (name, page = first.page) => page.getByRole("heading", { name, level: 1 }).waitFor();
const button = (name, page = first.page) => page.getByRole("button", { name, exact: true });

async function picture(name) {
  if (to.pictures) await first.page.screenshot({ path: join(to.pictures, `${name}.png`), animations: "disabled" });
}

async function signIn(page, email) {
  await page.getByLabel("E-mail").fill(email);
  await page.getByRole("textbox", { name: "Password" }).fill(password);
  await button("Sign in", page).click();
}

// What a script of the page is answered by the API.
function ask(page, method, path, body) {
  return page.evaluate(async ([method, path, body]) => {
    const answer = await fetch(path, { method, body: body && JSON.stringify(body), headers: body ? { "Content-Type": "application/json" } : {} });
    if (!answer.ok) throw new Error(`${method} ${path}: ${await answer.text()}`);
    return answer.status === 204 ? undefined : answer.json();
  }, [method, path, body]);
}

// The code of an authenticator app (RFC 6238) at a time.
function code(secret, at) {
  const alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";
  const bits = [...secret].map((c) => alphabet.indexOf(c).toString(2).padStart(5, "0")).join("");
  const key = Buffer.from(bits.match(/.{8}/g).map((b) => parseInt(b, 2)));
  const counter = Buffer.alloc(8);
  counter.writeBigUInt64BE(BigInt(Math.floor(at / 30_000)));
  const hash = createHmac("sha1", key).update(counter).digest();
  const from = hash[19] & 15;
  return String((hash.readUInt32BE(from) & 0x7fffffff) % 1_000_000).padStart(6, "0");
}

let newsletter; // the path of the first campaign

const steps = {
  async "the first person comes by the link"() {
    first = await visitor();
    await first.page.goto(to.link);
    await heading("Welcome to Carillon");
    assert.equal(new URL(first.page.url()).hash, "", "what opens is taken out of the address");
    await picture("welcome");
    await first.page.getByLabel("E-mail").fill("ada@example.org");
    await first.page.getByLabel("Name").fill("Ada");
    await first.page.getByRole("textbox", { name: "Password" }).fill("short");
    await button("Come in").click();
    await first.page.getByText("at least 10 characters", { exact: false }).last().waitFor();
    await first.page.getByRole("textbox", { name: "Password" }).fill(password);
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
    const { page } = first;
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
    newsletter = new URL(page.url()).pathname;
    await ask(page, "POST", `/v1${newsletter}/start`, { now: true });
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
    const { page } = first;
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
  async "an import with errors"() {
    const { page } = first;
    await at("/contacts/import");
    const file = "email,first_name,phone\nlinus@example.org,Linus,12\nmargaret@example.org,Margaret,+49 151 23456789\nnobody,Nobody,\n";
    await page.locator("input[type=file]").setInputFiles({ name: "more.csv", mimeType: "text/csv", buffer: Buffer.from(file) });
    await page.getByText(/^phone: /).waitFor();
    await picture("import");
    await page.getByText(/^phone: /).locator("xpath=ancestor::*[@role='alert'][1]").getByRole("button", { name: "Leave the column out" }).click();
    await page.getByText("Left out: phone").waitFor();
    await button("Take 2 people in").click();
    await page.getByText("The file is taken in").waitFor();
    const [download] = await Promise.all([page.waitForEvent("download"), page.getByRole("link", { name: "What was refused, as CSV" }).click()]);
    assert.match(readFileSync(await download.path(), "utf8"), /nobody/);
    await page.getByRole("link", { name: "Contacts", exact: true }).last().click();
    await page.getByLabel("Name, address or id").fill("margaret");
    await page.getByRole("link", { name: "Margaret" }).click();
    await heading("Margaret");
    await picture("contact");
    await button("Do not write any more").click();
    await page.getByRole("dialog").getByRole("button", { name: "Do not write any more" }).click();
    await page.getByRole("cell", { name: "opt_out" }).waitFor();
  },
  async "a start is undone"() {
    const { page } = first;
    await at(newsletter);
    await button("Duplicate").click();
    await heading("Edit the campaign");
    await page.getByLabel("Name").fill("Second thoughts");
    await page.getByText("Saved", { exact: true }).waitFor();
    await button("Start").click();
    await button("Undo").click();
    await heading("Edit the campaign");
    assert.equal(await page.getByLabel("Name").inputValue(), "Second thoughts");
    const { items } = await ask(page, "GET", "/v1/campaigns?q=Second&archived=all");
    assert.deepEqual(items.map((c) => c.status).sort(), ["canceled", "draft"]);
    assert.equal((await ask(page, "GET", "/v1/messages")).items.length, 2, "nobody has got anything");
  },
  async "a recurring campaign, with its instants"() {
    const { page } = first;
    await page.getByRole("tab", { name: "Weekly" }).click();
    await page.getByText("Mon", { exact: true }).click();
    await page.getByText("Sun", { exact: true }).click();
    await page.getByLabel("Time", { exact: true }).fill("02:30");
    await page.getByText(/The next times, on a clock in Europe\/Berlin/).waitFor();
    const instants = page.getByText(/\(\+0[12]:00\)/);
    await instants.nth(9).waitFor();
    await picture("campaign-recurring");
    await page.getByText("Saved", { exact: true }).waitFor();
    await page.reload();
    assert.equal(await page.getByLabel("Time", { exact: true }).inputValue(), "02:30", "it is kept");
    await button("Start the schedule").click();
    await page.getByText("Fires").waitFor();
    await at("/campaigns?status=scheduled");
    await page.getByRole("link", { name: "Second thoughts" }).waitFor();
    await picture("campaigns");
    await at("/");
    await page.getByRole("link", { name: "Second thoughts" }).first().waitFor();
    await picture("home");
  },
  async "by the keyboard alone"() {
    const { page } = first;
    await at("/");
    await heading("Home");
    await page.keyboard.press("g");
    await page.keyboard.press("c");
    await heading("Campaigns");
    await page.keyboard.press("Control+k");
    await page.getByPlaceholder("A page or a campaign").waitFor();
    await page.keyboard.type("second thoughts");
    await page.getByRole("button", { name: /Second thoughts/ }).first().waitFor();
    await page.keyboard.press("ArrowDown");
    await page.keyboard.press("Enter");
    await heading("Second thoughts");
    await page.keyboard.press("Control+k");
    await page.getByPlaceholder("A page or a campaign").waitFor();
    await page.keyboard.press("Escape");
    await page.getByPlaceholder("A page or a campaign").waitFor({ state: "detached" });
    await page.keyboard.press("?");
    await page.getByRole("heading", { name: "Shortcuts" }).waitFor();
    await page.keyboard.press("Escape");
    await page.getByRole("dialog").waitFor({ state: "detached" });
    await page.keyboard.press("g");
    await page.keyboard.press("p");
    await heading("Contacts");
    // The way into the page is the first stop of the tab key.
    await page.reload();
    await heading("Contacts");
    await page.keyboard.press("Tab");
    assert.equal(await page.evaluate(() => document.activeElement.textContent), "To the content");
    await page.keyboard.press("Enter");
    await page.keyboard.press("Tab");
    assert.equal(await page.evaluate(() => document.activeElement.textContent), "Upload a file");
  },
  async "a second factor is set up and asked for"() {
    const { page } = first;
    await at("/me");
    await button("Set up an app").click();
    const secret = await page.locator("code").filter({ hasText: /^[A-Z2-7]{16,}$/ }).innerText();
    const part = page.locator("section").filter({ hasText: "Authenticator app" });
    await part.getByLabel("Code").fill(code(secret, Date.now()));
    await part.getByRole("textbox", { name: "Password" }).fill(password);
    await button("Take the app").click();
    await page.getByText("Recovery codes", { exact: true }).waitFor();
    const recovery = await page.getByRole("status").filter({ hasText: "Recovery codes" }).locator("code").allInnerTexts();
    assert.equal(recovery.length, 10);
    await picture("me");
    await page.getByRole("button", { name: /account and sign-out/ }).click();
    await page.getByRole("menuitem", { name: "Sign out" }).click();
    await heading("Sign in");
    await picture("sign-in");
    await signIn(page, "ada@example.org");
    await page.getByLabel("Code").fill("000000");
    await button("Sign in").click();
    await page.getByRole("alert").filter({ hasText: "That did not work" }).waitFor();
    await page.getByLabel("Code").fill(recovery[0]);
    await button("Sign in").click();
    await heading("Home");
  },
  async "a viewer looks and changes nothing, in another language"() {
    const invited = await visitor();
    await invited.page.goto(`${to.base}/invitation#${encodeURIComponent(to.invitation)}`);
    await invited.page.getByText(/has invited you/).waitFor();
    assert.equal(await invited.page.getByLabel("E-mail").inputValue(), to.viewer);
    await invited.page.getByLabel("Name").fill("Vera");
    await invited.page.getByRole("textbox", { name: "Password" }).fill(password);
    await button("Come in", invited.page).click();
    await heading("Home", invited.page);
    await invited.close();

    const { page, close } = await visitor({ locale: "de-DE" });
    await page.goto(to.base + newsletter);
    await page.getByRole("heading", { name: "Anmelden" }).waitFor();
    await page.getByLabel("E-Mail").fill(to.viewer);
    await page.getByRole("textbox", { name: "Passwort" }).fill(password);
    await button("Anmelden", page).click();
    // The sign-in leads to where the link led.
    await page.getByText("Der letzte Lauf").waitFor();
    assert.equal(new URL(page.url()).pathname, newsletter);
    assert.equal(await button("Duplizieren", page).count(), 0);
    await page.goto(to.base + "/campaigns");
    await page.getByRole("link", { name: "Second thoughts" }).waitFor();
    assert.equal(await page.getByRole("link", { name: "Neue Kampagne" }).count(), 0);
    await close();
  },
  async "two browsers see the same at once"() {
    const other = await visitor();
    await other.page.goto(to.base + "/sign-in");
    await signIn(other.page, to.viewer);
    await heading("Home", other.page);
    await other.page.goto(to.base + "/campaigns?status=paused");
    await other.page.getByText("No campaign is like that").waitFor();
    await at("/campaigns?q=Second&status=scheduled");
    await first.page.getByRole("link", { name: "Second thoughts" }).click();
    await button("Pause").click();
    await first.page.getByText(/Paused by/).waitFor();
    await other.page.reload();
    await other.page.getByRole("link", { name: "Second thoughts" }).waitFor();
    await button("Go on").click();
    await other.close();
  },
  async "the server is restarted under an open page"() {
    const { page } = first;
    await at(newsletter);
    await page.getByText("live", { exact: true }).waitFor();
    await fetch(to.restart, { method: "POST" });
    await page.getByText("live", { exact: true }).waitFor({ timeout: 30_000 });
    await page.getByText("Finished").first().waitFor();
    await button("Prove it").click();
    await page.getByText("2 planned, 2 accounted for.").waitFor();
  },
  async "a sign-in that was ended elsewhere leads to the sign-in, and back"() {
    const { page, close } = await visitor();
    await page.goto(to.base + "/sign-in");
    await signIn(page, to.viewer);
    await heading("Home", page);
    await ask(page, "DELETE", "/v1/session");
    await page.getByRole("link", { name: "Contacts" }).click();
    await page.getByText(/You were signed out/).waitFor();
    await signIn(page, to.viewer);
    await heading("Contacts", page);
    await close();
  },
  async "every page is for everybody"() {
    const { items } = await ask(first.page, "GET", "/v1/campaigns?q=Second&archived=all");
    const paths = [
      "/", "/campaigns", "/campaigns/new", newsletter, `/campaigns/${items.find((c) => c.status === "scheduled").id}/edit`, "/contacts", "/contacts/1", "/contacts/import",
      "/messages", "/messages/1", "/me", "/nothing-here", ...to.pages,
    ];
    const state = await first.context.storageState();
    const wrong = [];
    const checked = async (page, path, look) => {
      await page.goto(to.base + path);
      await page.getByRole("heading", { level: 1 }).or(page.getByText("There is nothing at this address")).first().waitFor();
      await page.getByLabel("Loading").first().waitFor({ state: "detached" });
      await page.evaluate(axe);
      const { violations } = await page.evaluate(() => globalThis.axe.run());
      const where = `${path}, ${look.colorScheme}, ${look.viewport.width} px`;
      for (const v of violations) wrong.push(`${where}: ${v.id}: ${v.nodes.map((n) => `${n.html} ${n.failureSummary}`).join(" ")}`);
      const wide = await page.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth);
      if (wide > 0) wrong.push(`${where}: is wider than that`);
    };
    for (const colorScheme of ["light", "dark"]) {
      for (const width of [1280, 375]) {
        const look = { colorScheme, viewport: { width, height: 900 }, reducedMotion: "reduce" };
        const inside = await browser.newContext({ ...look, storageState: state, locale: "en-GB", bypassCSP: true });
        const page = await inside.newPage();
        for (const path of paths) await checked(page, path, look);
        await inside.close();
        const outside = await browser.newContext({ ...look, locale: "en-GB", bypassCSP: true });
        const stranger = await outside.newPage();
        for (const path of ["/sign-in", "/forgotten", "/reset", "/invitation"]) await checked(stranger, path, look);
        await outside.close();
      }
    }
    assert.deepEqual(wrong, []);
    await first.close();
  },
};

for (const [step, go] of Object.entries(steps)) {
  await go().catch(async (e) => {
    await picture("failed");
    throw new Error(`${step}: ${e.stack}\n${await first.page.locator("body").innerText()}`);
  });
  console.log(step);
}
await browser.close();
