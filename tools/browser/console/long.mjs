// How it is to scroll through very many contacts: frame times, and what the page holds. It is asked for by name
// (make bench/web), after "many", and says figures instead of holding anything to them but what must not grow.
import assert from "node:assert/strict";

import { at, heading, known } from "./person.mjs";

const rate = (n) => Math.round(n).toLocaleString("en");

const metric = async (name) => (await known.devtools.send("Performance.getMetrics")).metrics.find((m) => m.name === name).value;

// The heap of scripts once what nobody holds is gone, in MB.
async function heap() {
  await known.devtools.send("HeapProfiler.collectGarbage");
  return (await metric("JSHeapUsedSize")) / 1e6;
}

// Scrolls by so many pixels a frame (or to the end of what is there) for some seconds or until the end is reached,
// and tells of the frames in milliseconds, and how long the page computed for each of them.
async function scroll(page, by, seconds) {
  const before = await metric("TaskDuration");
  const s = await page.evaluate(async ([by, seconds]) => {
    const frames = [];
    const began = performance.now();
    const table = document.querySelector("table.long");
    const reached = () => Math.max(...[...table.querySelectorAll("tr[aria-rowindex]")].map((row) => Number(row.getAttribute("aria-rowindex")) - 1));
    let last = began;
    let still = 0;
    let before = 0;
    while (last - began < seconds * 1000 && still < 200) {
      if (by) window.scrollBy(0, by);
      else window.scrollTo(0, document.documentElement.scrollHeight);
      const row = reached();
      still = row === before ? still + 1 : 0;
      before = row;
      const now = await new Promise((done) => requestAnimationFrame(done));
      frames.push(now - last);
      last = now;
    }
    frames.sort((a, b) => a - b);
    const share = (p) => frames[Math.min(frames.length - 1, Math.floor(frames.length * p))];
    return { frames: frames.length, median: share(0.5), p95: share(0.95), longest: frames.at(-1), seconds: (last - began) / 1000, reached: reached() };
  }, [by, seconds]);
  return { ...s, computed: (1000 * ((await metric("TaskDuration")) - before)) / s.frames };
}

const told = (s) =>
  `row ${rate(s.reached)} after ${s.seconds.toFixed(0)} s, ${s.frames} frames: median ${s.median.toFixed(1)} ms, 95th percentile ` +
  `${s.p95.toFixed(1)} ms, longest ${s.longest.toFixed(0)} ms; ${s.computed.toFixed(1)} ms of the processor for each`;

export const steps = {
  async "scrolling as a wheel does"() {
    const { context, page } = known.first;
    await at("/contacts");
    await heading("Contacts");
    await page.getByRole("table", { name: "Contacts" }).waitFor();
    known.devtools = await context.newCDPSession(page);
    // The processor's time says how heavy a frame is also where others keep the machine busy.
    await known.devtools.send("Performance.enable", { timeDomain: "threadTicks" });
    known.before = await heap();
    const s = await scroll(page, 120, 20);
    return `${told(s)}; heap ${known.before.toFixed(1)} MB before, ${(await heap()).toFixed(1)} MB after`;
  },
  async "as far as it goes"() {
    const { page } = known.first;
    const s = await scroll(page, 0, 900);
    await page.waitForTimeout(3000); // what is out of sight is let go
    const after = await heap();
    assert.ok(after < known.before + 40, `the heap has grown from ${known.before} to ${after} MB`);
    return `${told(s)}; heap ${after.toFixed(1)} MB`;
  },
  async "back to the beginning in one leap"() {
    const { page } = known.first;
    const began = Date.now();
    await page.evaluate(() => window.scrollTo(0, 0));
    await page.getByRole("link", { name: "Person 0", exact: true }).or(page.getByRole("link", { name: "Grace" })).first().waitFor();
    return `${Date.now() - began} ms`;
  },
};
