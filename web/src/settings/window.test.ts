import { expect, it } from "vitest";

import { lengthOf, secondsOf } from "./window";

it("a window is told in its largest unit, and is as long afterwards", () => {
  expect([7 * 86_400, 2 * 86_400, 36 * 3600, 1800].map(lengthOf)).toEqual([
    { n: 1, unit: "week" },
    { n: 2, unit: "day" },
    { n: 36, unit: "hour" },
    { n: 0.5, unit: "hour" },
  ]);
  for (const seconds of [1800, 86_400, 604_800]) {
    const { n, unit } = lengthOf(seconds);
    expect(secondsOf(n, unit)).toBe(seconds);
  }
});
