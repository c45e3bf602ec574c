// A run to everybody whom "many" took in, which is watched on its page.
import assert from "node:assert/strict";

import { ask, at, heading, known } from "./person.mjs";

const rate = (n) => Math.round(n).toLocaleString("en");
const held = 150 * 1024 * 1024; // bytes of scripts' heap, at most
const frame = 1000 / 60; // ms

export const steps = {
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
    await devtools.send("HeapProfiler.collectGarbage"); // what pages before it have left
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
