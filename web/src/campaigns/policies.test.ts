import { describe, expect, it } from "vitest";

import type { Schema } from "@/api/client";

import { changed, once, percentOf, shareOf, told } from "./policies";

type Schedule = Schema<"Schedule">;

const all: Schedule = {
  from: "2026-01-01", until: "2026-12-31", count: 3, exclude: { weekdays: ["sat"] }, on_excluded: "next_day", catch_up: "all", catch_up_within: "2h",
  while_running: "skip", jitter: "5m", gap: "skip", overlap: "both", phase: "5m", guards: { failed_runs: 3 }, spread_over: "2h", expires_after: "12h",
  hours: { from: "09:00", to: "20:00" }, recipient_time: true,
};

describe("policies", () => {
  it("of what fires once are those of people alone", () => {
    expect(once(all)).toEqual({ spread_over: "2h", expires_after: "12h", hours: { from: "09:00", to: "20:00" }, recipient_time: true });
    expect(told(all, false)).toEqual(["people"]);
  });

  it("of what fires once have the guards that look at one run", () => {
    const guards = { failed_runs: 3, failures: { share: 0.2 }, audience: { empty: true, change: 0.5 } };
    expect(once({ guards })).toEqual({ guards: { failures: { share: 0.2 }, audience: { empty: true } } });
    expect(once({ guards: { audience: { change: 0.5 } } })).toEqual({});
    expect(told({ guards }, false)).toEqual(["guards"]);
  });

  it("are told by their parts", () => {
    expect(told({}, true)).toEqual([]);
    expect(told({ recipient_time: true, jitter: "" }, true)).toEqual([]);
    expect(told(all, true)).toEqual(["people", "bounds", "days", "runs", "clock", "guards"]);
    expect(told({ gap: "skip" }, true)).toEqual(["clock"]);
  });

  it("keep what is not changed, and leave out what says nothing", () => {
    expect(changed<Schedule>(all, { jitter: "", count: undefined })).toEqual(Object.fromEntries(Object.entries(all).filter(([key]) => key !== "jitter" && key !== "count")));
    expect(changed<Schema<"ExcludeRule">>({ weekdays: ["sat"], dates: ["2026-12-24"] }, { weekdays: [] })).toEqual({ dates: ["2026-12-24"] });
    expect(changed<Schema<"ExcludeRule">>({ weekdays: ["sat"] }, { weekdays: [] })).toBeUndefined();
    expect(changed<Schema<"Guards">>(null, { failed_runs: 2 })).toEqual({ failed_runs: 2 });
  });

  it("have shares as percent", () => {
    expect(percentOf(0.003)).toBe(0.3);
    expect(percentOf(0.07)).toBe(7);
    expect(percentOf(undefined)).toBe("");
    expect(shareOf("0.3")).toBe(0.003);
    expect(shareOf(7)).toBe(0.07);
    expect(shareOf("")).toBeUndefined();
    for (let share = 0.0001; share < 1; share += 0.0137) expect(shareOf(percentOf(Number(share.toFixed(6))))).toBe(Number(share.toFixed(6)));
  });
});
