import { describe, expect, it } from "vitest";

import { highest, type Line, moved, shareOf, strokeOf, timeOf, valueOf } from "./chart";
import { format } from "./format";

const english = format("en-GB");

describe("a chart", () => {
  it("draws no two lines alike, and those that are compared faintly", () => {
    const line = (faint = false): Line => ({ label: "x", values: [], faint });
    const lines = [line(), line(true), line(), line(true)];
    const [first, compared, second, other] = lines.map((_, n) => strokeOf(lines, n));
    expect(first).not.toEqual(second);
    expect(first?.dash).not.toEqual(second?.dash);
    expect(compared).toEqual(other);
    expect(compared).not.toEqual(first);
  });

  it("writes times on the zone's clock, and hours where they count", () => {
    const at = "2026-03-02T23:00:00Z";
    expect(timeOf(at, "day", english, "Europe/Berlin")).toBe("3 Mar 2026");
    expect(timeOf(at, "hour", english, "Europe/Berlin")).toBe("3 Mar 2026, 00:00");
  });

  it("says nothing of what is not known", () => {
    expect(valueOf(null, "count", english)).toBe("–");
    expect(valueOf(0, "share", english)).toBe("0%");
    expect(valueOf(1234, "count", english)).toBe("1,234");
  });

  it("knows its highest value, the first of several", () => {
    expect(highest({ label: "x", values: [null, 0, 3, 3] })).toBe(2);
    expect(highest({ label: "x", values: [-2, -1] })).toBe(1);
    expect(highest({ label: "x", values: [null] })).toBeUndefined();
  });

  it("is walked by the keyboard, and not out of", () => {
    expect(moved("ArrowRight", undefined, 3)).toBe(0);
    expect(moved("ArrowLeft", undefined, 3)).toBe(2);
    expect(moved("ArrowLeft", 0, 3)).toBe(0);
    expect(moved("PageUp", 0, 3)).toBe(2);
    expect(moved("End", 0, 3)).toBe(2);
    expect(moved("a", 0, 3)).toBeUndefined();
  });
});

it("a share of nothing is none", () => {
  expect([shareOf(1, 4), shareOf(0, 4), shareOf(0, 0)]).toEqual([0.25, 0, undefined]);
});
