import { describe, expect, it } from "vitest";

import { before, daysOf, intervalOf, plus, rangeOf, spanOf, today } from "./range";

describe("the time of statistics", () => {
  it("begins with the account's day, which may be another than ours", () => {
    const now = new Date("2026-03-01T23:30:00Z");
    expect([today(now, "UTC"), today(now, "Europe/Berlin"), today(now, "America/New_York")]).toEqual(["2026-03-01", "2026-03-02", "2026-03-01"]);
  });

  it("counts days over the ends of months and changes of the clock", () => {
    expect(plus("2026-03-01", -1)).toBe("2026-02-28");
    expect(daysOf({ from: "2026-03-28", to: "2026-03-30" })).toBe(3);
  });

  it("is the last thirty days where nothing sensible is said", () => {
    const whole = { from: "2026-02-09", to: "2026-03-10" };
    expect(spanOf({}, "2026-03-10")).toEqual(whole);
    expect(spanOf({ range: "never" }, "2026-03-10")).toEqual(whole);
    expect(spanOf({ range: "own", from: "2026-03-05", to: "2026-03-01" }, "2026-03-10")).toEqual(whole);
    expect(spanOf({ range: "own", from: "soon", to: "2026-03-01" }, "2026-03-10")).toEqual(whole);
    expect(rangeOf({ range: "7" })).toBe("7");
  });

  it("is what is chosen, with today", () => {
    expect(spanOf({ range: "today" }, "2026-03-10")).toEqual({ from: "2026-03-10", to: "2026-03-10" });
    expect(spanOf({ range: "7" }, "2026-03-10")).toEqual({ from: "2026-03-04", to: "2026-03-10" });
    expect(spanOf({ range: "month" }, "2026-03-10")).toEqual({ from: "2026-03-01", to: "2026-03-10" });
    expect(spanOf({ range: "own", from: "2026-01-01", to: "2026-01-31" }, "2026-03-10")).toEqual({ from: "2026-01-01", to: "2026-01-31" });
  });

  it("is compared with as many days before", () => {
    expect(before({ from: "2026-03-04", to: "2026-03-10" })).toEqual({ from: "2026-02-25", to: "2026-03-03" });
    expect(before({ from: "2026-03-10", to: "2026-03-10" })).toEqual({ from: "2026-03-09", to: "2026-03-09" });
  });

  it("is cut so that a course is seen", () => {
    expect(intervalOf({}, { from: "2026-03-10", to: "2026-03-10" })).toBe("hour");
    expect(intervalOf({}, { from: "2026-03-01", to: "2026-03-10" })).toBe("day");
    expect(intervalOf({}, { from: "2025-03-01", to: "2026-03-10" })).toBe("week");
    expect(intervalOf({ interval: "month" }, { from: "2026-03-10", to: "2026-03-10" })).toBe("month");
  });
});
