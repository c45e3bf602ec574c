// axe on every page, light and dark, wide and narrow. The short form looks at each page light and
// wide, and dark and narrow: how a page is built hangs on its width, its colors on the scheme.
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { join } from "node:path";

import { browser, known, to } from "./person.mjs";

const axe = readFileSync(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");

// The rules of axe that hang on the scheme.
const colors = { runOnly: ["color-contrast", "link-in-text-block"] };

// Pages of docs/console.md of which no journey takes a picture.
const pictures = {
  "/contacts": "contacts", "/lists": "lists", "/properties": "properties", "/uploads": "uploads", "/suppressions": "suppressions", "/replies": "replies",
  "/jobs": "jobs", "/targeting": "targeting-lists", "/flows": "flows", "/templates": "templates", "/channels": "channels", "/settings": "settings",
  "/settings/people": "people", "/settings/keys": "keys", "/settings/audit": "audit", "/settings/caps": "caps", "/settings/webhooks": "webhooks",
};

export const steps = {
  async "every page is for everybody"() {
    if (known.flow) for (const view of ["who", "people", "simulate", "versions"]) pictures[`/flows/${known.flow}?view=${view}`] = `flow-${view}`;
    // What every walk has is looked at in one of them.
    const everywhere = to.everywhere ? [
      "/", "/campaigns", "/campaigns/new", known.newsletter, "/contacts", "/contacts/1", "/contacts/import",
      "/messages", "/messages/1", "/me", "/nothing-here", "/channels", "/channels/new", "/channels/1", "/queue",
      "/settings", "/settings/people", "/settings/keys", "/settings/audit",
    ] : [];
    const wrong = [];
    // What is wrong with a page, or with what is open on it, in one look.
    const look = async (page, path, colorScheme, width, rules) => {
      await page.setViewportSize({ width, height: 900 });
      await page.emulateMedia({ colorScheme, reducedMotion: "reduce" });
      await page.waitForFunction((scheme) => document.documentElement.dataset.mantineColorScheme === scheme, colorScheme);
      await page.evaluate(() => new Promise((drawn) => requestAnimationFrame(() => requestAnimationFrame(drawn))));
      if (to.pictures && pictures[path] && width === 1280 && colorScheme === "light") await page.screenshot({ path: join(to.pictures, `${pictures[path]}.png`), animations: "disabled" });
      const { violations } = await page.evaluate((rules) => globalThis.axe.run({ resultTypes: ["violations"], ...rules }), rules);
      const where = `${path}, ${colorScheme}, ${width} px${(await page.evaluate(() => localStorage.getItem("carillon-look"))) ?? ""}`;
      for (const v of violations) wrong.push(`${where}: ${v.id}: ${v.nodes.map((n) => `${n.html} ${n.failureSummary}`).join(" ")}`);
      const wide = await page.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth);
      if (wide > 0) wrong.push(`${where}: is wider than that`);
    };
    const checked = async (page, path, what) => {
      await page.goto(to.base + path);
      await page.getByRole("heading", { level: 1 }).or(page.getByText("There is nothing at this address")).first().waitFor();
      await page.getByLabel("Loading").first().waitFor({ state: "detached" });
      if (what) {
        await page.setViewportSize({ width: 1280, height: 900 });
        await what.open(page);
        await page.getByLabel("Loading").first().waitFor({ state: "detached" });
      }
      await page.evaluate(axe);
      await page.addStyleTag({ content: "* { transition: none !important }" }); // nothing is half way between two schemes
      const shown = what ? `${path}: ${what.name}` : path;
      await look(page, shown, "light", 1280);
      if (to.long) {
        await look(page, shown, "light", 375);
        await look(page, shown, "dark", 1280, colors);
      }
      await look(page, shown, "dark", 375, to.long && colors);
    };
    const inside = await browser.newContext({ storageState: await known.first.context.storageState(), locale: "en-GB", bypassCSP: true });
    // Two at a time, as most machines have two processors at least.
    const left = [...everywhere, ...known.pages];
    const some = async () => {
      const page = await inside.newPage();
      for (let path = left.shift(); path; path = left.shift()) await checked(page, path);
    };
    await Promise.all([some(), some()]);
    const page = await inside.newPage();
    for (const what of known.opened) await checked(page, what.path, what);
    if (to.everywhere) {
      // Lists as somebody else wants them: dense, over the whole width, with columns of their own.
      await inside.addInitScript(() => localStorage.setItem("carillon-look", JSON.stringify({ dense: true, wide: true, shares: { "choose name addresses status active": [9, 40, 31, 10, 10] } })));
      const dense = await inside.newPage();
      for (const path of ["/contacts", "/messages", "/campaigns"]) await checked(dense, path);
      const outside = await browser.newContext({ locale: "en-GB", bypassCSP: true });
      const stranger = await outside.newPage();
      for (const path of ["/sign-in", "/forgotten", "/reset", "/invitation"]) await checked(stranger, path);
      await outside.close();
    }
    await inside.close();
    assert.deepEqual(wrong, []);
    await known.first.close();
  },
};
