// Walks through the pages of recipients in Debian's Chromium. It takes a JSON object with the
// addresses of the pages and prints what it saw, a line for each step; whatever is not as it
// should be ends it with an error.
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { chromium } from "playwright-core";

const to = JSON.parse(process.argv[2]);
const axe = readFileSync(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");
const browser = await chromium.launch({ executablePath: to.chromium, args: ["--no-sandbox", "--disable-dev-shm-usage"] });

const looks = [];
for (const colorScheme of ["light", "dark"]) {
  for (const width of [1280, 375]) looks.push({ colorScheme, viewport: { width, height: 800 } });
}

// The pages allow no script, so that axe is run in a context that does not keep to that.
async function accessible(url, what) {
  for (const look of looks) {
    const context = await browser.newContext({ ...look, bypassCSP: true, locale: "en-US" });
    const page = await context.newPage();
    await page.goto(url);
    await page.evaluate(axe);
    const { violations } = await page.evaluate(() => globalThis.axe.run());
    const found = violations.map((v) => `${v.id}: ${v.nodes.map((n) => n.html).join(" ")}`);
    assert.deepEqual(found, [], `${what}, ${look.colorScheme}, ${look.viewport.width} px`);
    const wide = await page.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth);
    assert.equal(wide, 0, `${what} is wider than ${look.viewport.width} px`);
    await context.close();
  }
}

// A visitor whose browser reports whatever a page asks for beside itself, and every error.
async function visitor(options) {
  const context = await browser.newContext({ locale: "en-US", ...options });
  const page = await context.newPage();
  const asked = [];
  page.on("request", (r) => asked.push(r.url()));
  page.on("pageerror", (e) => assert.fail(String(e)));
  return { page, asked, close: () => context.close() };
}

const steps = {
  async "a click leads where the link stood"() {
    const { page, close } = await visitor();
    await page.goto(to.click);
    assert.equal(page.url(), to.target);
    await close();
  },
  async "the message in a browser"() {
    const { page, close } = await visitor();
    await page.goto(to.view);
    assert.match(await page.locator("body").innerText(), /Tulips/);
    await close();
  },
  async "categories and a language"() {
    const { page, asked, close } = await visitor();
    await page.goto(to.preferences);
    assert.equal(await page.locator("html").getAttribute("lang"), "en");
    assert.equal(await page.locator("header").innerText(), "Bell Foundry & Sons");
    await page.getByLabel("Offers").uncheck();
    await page.getByRole("combobox", { name: "Language" }).selectOption("de");
    await page.getByRole("button", { name: "Save" }).click();
    await page.getByRole("status").waitFor();
    assert.equal(await page.locator("html").getAttribute("lang"), "de");
    assert.equal(await page.getByLabel("Offers").isChecked(), false);
    await page.getByRole("link", { name: "English" }).click();
    assert.equal(await page.locator("html").getAttribute("lang"), "en");
    assert.deepEqual(asked.filter((url) => !url.startsWith(to.preferences)), [], "a page loads nothing");
    await close();
  },
  async "by keyboard alone"() {
    const { page, close } = await visitor();
    await page.goto(to.unsubscribe + "?lang=en");
    await page.keyboard.press("Tab");
    assert.equal(await page.evaluate(() => document.activeElement.innerText), "Unsubscribe");
    await page.keyboard.press("Enter");
    await page.getByRole("heading", { name: "You are unsubscribed" }).waitFor();
    await close();
  },
  async "unsubscribed, and a mistake"() {
    const { page, close } = await visitor();
    await page.goto(to.preferences + "?lang=en");
    await page.getByText("Nothing is sent to").waitFor();
    await page.goto(to.unsubscribe + "?lang=en");
    await page.getByRole("button", { name: "Unsubscribe" }).click();
    await page.getByRole("button", { name: "That was a mistake" }).click();
    await page.getByRole("status").waitFor();
    await close();
  },
  async "a link that was cut off, in the browser's language"() {
    const { page, close } = await visitor({ locale: "pl-PL" });
    const answer = await page.goto(to.broken);
    assert.equal(answer.status(), 404);
    await page.getByRole("heading", { name: "Ten odnośnik nie działa" }).waitFor();
    await close();
  },
  async "axe, light and dark, wide and narrow"() {
    for (const what of ["preferences", "unsubscribe", "broken", "view"]) await accessible(to[what], what);
  },
};

try {
  for (const [name, step] of Object.entries(steps)) {
    await step();
    console.log(name);
  }
} finally {
  await browser.close();
}
