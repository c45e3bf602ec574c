import { describe, expect, it } from "vitest";

import { distance, format, parts } from "./format";

describe("times", () => {
  it("are told in the largest unit that fits", () => {
    expect(distance(-59)).toEqual({ value: -59, unit: "second" });
    expect(distance(-60)).toEqual({ value: -1, unit: "minute" });
    expect(distance(3 * 3600 + 59 * 60)).toEqual({ value: 3, unit: "hour" });
    expect(distance(-86_400 * 400)).toEqual({ value: -1, unit: "year" });
    expect(distance(0)).toEqual({ value: 0, unit: "second" });
  });

  it("last as long as their two largest parts, next to each other", () => {
    expect(parts(3 * 3600 + 20 * 60 + 5)).toEqual([[3, "hour"], [20, "minute"]]);
    expect(parts(86_400 + 5)).toEqual([[1, "day"]]);
    expect(parts(0.2)).toEqual([[0, "second"]]);
    expect(parts(-5)).toEqual([[0, "second"]]);
  });

  it("are in the zone that is asked for", () => {
    const { instant } = format("en");
    expect(instant("2026-03-29T00:30:00Z", "Europe/Berlin")).toContain("1:30");
    expect(instant("2026-03-29T01:30:00Z", "Europe/Berlin")).toContain("3:30"); // over the hour that is not there
  });
});

describe("numbers", () => {
  it("are written as the language does", () => {
    expect(format("en").number(1234567)).toBe("1,234,567");
    expect(format("de").number(1234567)).toBe("1.234.567");
    expect(format("de").percent(0.1234)).toMatch(/^12,3\s%$/);
    expect(format("en").bytes(1_500_000)).toBe("1.5 MB");
  });
});
