// What every journey through the console uses: people's browsers, and the first person's, who is signed in.
import assert from "node:assert/strict";
import { createHmac } from "node:crypto";
import { join } from "node:path";
import { chromium } from "playwright-core";

import { byKeyboard } from "./keys.mjs";

export const to = JSON.parse(process.argv[2]);
export const browser = await chromium.launch({ executablePath: to.chromium, args: ["--no-sandbox", "--disable-dev-shm-usage"] });
export const password = "a sentence that nobody else says";

// A person's browser. What its pages ask of others, but for origins that are named, what the policy forbids them, and
// every error ends the walk.
export async function visitor(options = {}, others = []) {
  const context = await browser.newContext({ locale: "en-GB", timezoneId: "Europe/Berlin", viewport: { width: 1280, height: 900 }, ...options });
  context.setDefaultTimeout(15_000);
  const wrong = [];
  context.on("request", (r) => {
    if (!/^(data|blob|about):/.test(r.url()) && ![to.base, ...others].some((origin) => r.url().startsWith(origin + "/"))) wrong.push(`asked ${r.url()}`);
  });
  context.on("weberror", (e) => wrong.push(String(e.error())));
  context.on("console", (m) => {
    if (/Content Security Policy|Warning:/.test(m.text())) wrong.push(m.text());
  });
  const page = await context.newPage();
  if (to.keyboard) byKeyboard(page);
  return {
    context,
    page,
    async close() {
      await context.close();
      assert.deepEqual(wrong, []);
    },
  };
}

// Who came first, signed in; the path of the first campaign; and the pages that journeys have made,
// which axe looks at in the end, with what opens on them: { path, name, open }, of which open has a
// page show it, and returns when it is there.
export const known = { first: undefined, newsletter: undefined, pages: [], opened: [] };
export const at = (path) => known.first.page.goto(to.base + path);
export const heading = (name, page = known.first.page) => page.getByRole("heading", { name, level: 1 }).waitFor();
export const button = (name, page = known.first.page) => page.getByRole("button", { name, exact: true });

// Chooses how tables look.
export async function look(role, name) {
  const { page } = known.first;
  await button("View").click();
  await page.getByRole(role, { name }).click();
  await page.keyboard.press("Escape");
  await page.getByRole("menu").waitFor({ state: "detached" });
}

export async function picture(name) {
  if (to.pictures) await known.first.page.screenshot({ path: join(to.pictures, `${name}.png`), animations: "disabled" });
}

export async function signIn(page, email) {
  await page.getByLabel("E-mail").fill(email);
  await page.getByRole("textbox", { name: "Password" }).fill(password);
  await button("Sign in", page).click();
}

// What a script of the page is answered by the API.
export function ask(page, method, path, body) {
  return page.evaluate(async ([method, path, body]) => {
    const answer = await fetch(path, { method, body: body && JSON.stringify(body), headers: body ? { "Content-Type": "application/json" } : {} });
    if (!answer.ok) throw new Error(`${method} ${path}: ${await answer.text()}`);
    return answer.status === 204 ? undefined : answer.json();
  }, [method, path, body]);
}

// The code of an authenticator app (RFC 6238) at a time.
export function code(secret, at) {
  const alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";
  const bits = [...secret].map((c) => alphabet.indexOf(c).toString(2).padStart(5, "0")).join("");
  const key = Buffer.from(bits.match(/.{8}/g).map((b) => parseInt(b, 2)));
  const counter = Buffer.alloc(8);
  counter.writeBigUInt64BE(BigInt(Math.floor(at / 30_000)));
  const hash = createHmac("sha1", key).update(counter).digest();
  const from = hash[19] & 15;
  return String((hash.readUInt32BE(from) & 0x7fffffff) % 1_000_000).padStart(6, "0");
}
