// axe on every page, light and dark, wide and narrow.
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";

import { browser, known, to } from "./person.mjs";

const axe = readFileSync(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");

export const steps = {
  async "every page is for everybody"() {
    const paths = [
      "/", "/campaigns", "/campaigns/new", known.newsletter, "/contacts", "/contacts/1", "/contacts/import",
      "/messages", "/messages/1", "/me", "/nothing-here", "/channels", "/channels/new", "/channels/1", "/queue",
      "/settings", "/settings/people", "/settings/keys", "/settings/audit", ...known.pages,
    ];
    const state = await known.first.context.storageState();
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
    await known.first.close();
  },
};
