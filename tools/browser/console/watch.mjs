// What the console costs a browser: its first page, cold and on a slow processor, and a large run that is watched. It
// is asked for by name (make bench/web), after "long", whose contacts it writes to.
import assert from "node:assert/strict";

import { ask, at, browser, heading, known, to } from "./person.mjs";

const rate = (n) => Math.round(n).toLocaleString("en");
const usable = 1500; // ms until the first page can be used, at most
const slower = 4; // times slower than this machine's processor
const held = 150 * 1024 * 1024; // bytes of scripts' heap, at most
const frame = 1000 / 60; // ms

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
  async "a large run is watched"() {
    const { context, page } = known.first;
    const { id } = await ask(page, "POST", "/v1/campaigns", { name: "To all of them", channel_id: 1, audience: { all: true }, content: { subject: "Hello", text: "Hello {{ contact.first_name }}" } });
    await at(`/campaigns/${id}`);
    await heading("To all of them");
    const devtools = await context.newCDPSession(page);
    await devtools.send("Performance.enable", { timeDomain: "threadTicks" });
    const metrics = async () => Object.fromEntries((await devtools.send("Performance.getMetrics")).metrics.map((m) => [m.name, m.value]));
    await page.evaluate(() => {
      globalThis.longest = 0;
      new PerformanceObserver((list) => {
        for (const { duration } of list.getEntries()) globalThis.longest = Math.max(globalThis.longest, duration);
      }).observe({ type: "longtask" });
      globalThis.frames = [];
      let last = performance.now();
      const next = (now) => {
        globalThis.frames.push(now - last);
        last = now;
        requestAnimationFrame(next);
      };
      requestAnimationFrame(next);
    });
    const before = await metrics();
    const began = Date.now();
    const { run_id } = await ask(page, "POST", `/v1/campaigns/${id}/start`, {});
    let most = 0;
    for (let status = ""; status !== "finished"; ) {
      await page.waitForTimeout(1000);
      most = Math.max(most, (await metrics()).JSHeapUsedSize);
      ({ status } = await ask(page, "GET", `/v1/runs/${run_id}`));
      assert.ok(!["failed", "canceled", "paused"].includes(status), status);
    }
    const after = await metrics();
    await page.getByRole("main").getByText("Finished").first().waitFor();
    const { frames, longest } = await page.evaluate(() => ({ frames: globalThis.frames.sort((a, b) => a - b), longest: globalThis.longest }));
    const { planned } = await ask(page, "GET", `/v1/runs/${run_id}`);
    const work = (1000 * (after.TaskDuration - before.TaskDuration)) / frames.length;
    assert.ok(work < frame, `${work} ms of work a frame`);
    assert.ok(most < held, `${most} bytes`);
    return (
      `${rate(planned)} messages in ${((Date.now() - began) / 1000).toFixed(0)} s, ${frames.length} frames: ${work.toFixed(1)} ms of work each, ` +
      `95th percentile of their distance ${frames[Math.floor(frames.length * 0.95)].toFixed(1)} ms, longest task ${longest.toFixed(0)} ms; heap at most ${(most / 1048576).toFixed(1)} MiB`
    );
  },
};
