import { expect, it } from "vitest";

import { after, isMonth, lastDay, weeksOf } from "./month";

it("knows months", () => {
  expect(isMonth("2026-12")).toBe(true);
  for (const wrong of ["2026-13", "2026-1", "26-12", "", undefined]) expect(isMonth(wrong)).toBe(false);
});

it("goes from month to month over the year's end", () => {
  expect(after("2026-12", 1)).toBe("2027-01");
  expect(after("2026-01", -1)).toBe("2025-12");
  expect(after("2026-03", 0)).toBe("2026-03");
});

it("shows every day of a month once, in whole weeks from Monday on", () => {
  for (let month = "2023-12"; month < "2029-01"; month = after(month, 1)) {
    const weeks = weeksOf(month);
    const days = weeks.flat();
    for (const week of weeks) {
      expect(week).toHaveLength(7);
      expect(new Date(week[0] ?? "").getUTCDay()).toBe(1);
    }
    const inside = days.filter((d) => d.startsWith(month));
    expect(inside).toHaveLength(Number(lastDay(month).slice(8)));
    expect(new Set(days).size).toBe(days.length);
    expect(days).toEqual([...days].sort());
    expect(weeks[0]?.some((d) => d.startsWith(month))).toBe(true);
    expect(weeks.at(-1)?.some((d) => d.startsWith(month))).toBe(true);
  }
});
