// What its first page costs a browser that has never seen the console, on a slow processor. It is asked for by name
// (make bench/web).
import assert from "node:assert/strict";

import { browser, known, to } from "./person.mjs";

const rate = (n) => Math.round(n).toLocaleString("en");
const usable = 1500; // ms until the first page can be used, at most
const slower = 4; // times slower than this machine's processor

// How long a page takes in a browser that has never seen it, by the browser's own timing: until the largest of it is
// painted and the main thread is free. Nothing else is evaluated meanwhile, as that would be as slow, and counted.
async function first(path, name, storageState) {
  const context = await browser.newContext({ locale: "en-GB", viewport: { width: 1280, height: 900 }, storageState });
  const page = await context.newPage();
  const devtools = await context.newCDPSession(page);
  await devtools.send("Emulation.setCPUThrottlingRate", { rate: slower });
  await page.goto(to.base + path, { waitUntil: "commit" });
  await new Promise((done) => setTimeout(done, 4 * usable));
  await devtools.send("Emulation.setCPUThrottlingRate", { rate: 1 });
  await page.getByRole("heading", { name, level: 1 }).waitFor();
  const took = await page.evaluate(async () => {
    let end = 0;
    for (const type of ["largest-contentful-paint", "longtask"]) {
      new PerformanceObserver((list) => {
        for (const { startTime, duration } of list.getEntries()) end = Math.max(end, startTime + duration);
      }).observe({ type, buffered: true });
    }
    await new Promise((done) => setTimeout(done, 100)); // what was kept is told at once
    return end;
  });
  const bytes = await page.evaluate(() => performance.getEntriesByType("resource").reduce((sum, r) => sum + r.transferSize, 0));
  await context.close();
  return { took, bytes };
}

export const steps = {
  async "the first page, cold and four times slower"() {
    const inside = await first("/", "Home", await known.first.context.storageState());
    const outside = await first("/sign-in", "Sign in", { cookies: [], origins: [] });
    for (const { took } of [inside, outside]) assert.ok(took < usable, `${Math.round(took)} ms`);
    return `home ${rate(inside.took)} ms (${rate(inside.bytes / 1024)} KiB), sign-in ${rate(outside.took)} ms (${rate(outside.bytes / 1024)} KiB)`;
  },
};
