import { expect, it } from "vitest";

import type { Schema } from "@/api/client";

import { formOf, inputOf } from "./form";

const flow = {
  id: 1,
  name: "Survey",
  channel_id: 2,
  audience: { groups: [7], exclude: { labels: [3] } },
  schedule: { cron: "0 9 * * MON", timezone: "UTC" },
  throttle: {},
  steps: [{ id: "a", kind: "send", content: { text: "x", masked: true }, exits: { failed: "end" } }, { id: "end", kind: "end", outcome: "ended" }],
  reentry: { allow: "always", gap: "1d" },
  triggers: [{ keyword: "survey" }, { joins: { groups: [7] } }],
  goals: [{ rule: { condition: "AND", rules: [{ field: "answers.a", operator: "is_not_null" }] }, outcome: "bought" }],
} as unknown as Schema<"Flow">;

it("is given to the server as it came", () => {
  const { name, channel_id, audience, schedule, steps, reentry, triggers, goals } = flow;
  expect(inputOf(formOf(flow), true)).toEqual({ name, channel_id, audience, schedule, steps, reentry, triggers, goals });
});

it("leaves out what stays once it was started, and nobody enters by an audience that was taken away", () => {
  const form = formOf(flow);
  expect(inputOf({ ...form, enters: false }, false)).toEqual({ name: "Survey", steps: flow.steps, audience: {}, reentry: flow.reentry, triggers: flow.triggers, goals: flow.goals });
});
