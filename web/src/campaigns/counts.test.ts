import { expect, it } from "vitest";

import type { Schema } from "@/api/client";

import { funnel, plain, progress } from "./counts";

const run = (counts: Schema<"Run">["counts"]) => ({ counts }) as Schema<"Run">;

it("counts as done what nothing is left to do for", () => {
  expect(progress(run({ pending: 3, queued: 2, sending: 1, sent: 4, skipped: 5, unknown: 1 }))).toEqual({ done: 10, total: 16 });
  expect(progress(run({}))).toEqual({ done: 0, total: 0 });
});

it("narrows from step to step", () => {
  const steps = funnel(run({ pending: 1, sent: 4, delivered: 3, read: 2, failed: 1, skipped: 5, unknown: 1 }));
  expect(steps.map(({ n }) => n)).toEqual([17, 11, 9, 5, 2]);
  for (let i = 1; i < steps.length; i++) expect(steps[i]?.n).toBeLessThanOrEqual(steps[i - 1]?.n ?? 0);
});

it("knows a run in which nothing went wrong", () => {
  expect(plain(run({ pending: 1, sent: 4, read: 2 }))).toBe(true);
  for (const state of ["failed", "rejected", "skipped", "canceled", "unknown"]) expect(plain(run({ sent: 4, [state]: 1 }))).toBe(false);
});
