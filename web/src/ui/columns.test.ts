import { expect, test } from "vitest";

import { bounds, lookOf, moved, sharesOf } from "./columns";

const sum = (shares: readonly number[]) => shares.reduce((all, share) => all + share, 0);

test("what a column gets the next one gives", () => {
  expect(moved([50, 30, 20], 0, 60)).toEqual([60, 20, 20]);
  expect(moved([50, 30, 20], 1, 10)).toEqual([50, 10, 40]);
});

test("a column keeps something, and the table its width", () => {
  expect(moved([50, 30, 20], 0, 500)).toEqual([75, 5, 20]);
  expect(moved([50, 30, 20], 0, -500)).toEqual([5, 75, 20]);
  expect(bounds([50, 30, 20], 0)).toEqual({ min: 5, max: 75 });
  // One that is narrower already does not jump.
  expect(bounds([3, 4, 93], 0)).toEqual({ min: 3, max: 3 });
  for (const to of [-1, 0, 7, 33, 99]) expect(sum(moved([50, 30, 20], 1, to))).toBeCloseTo(100);
});

test("shares are of the whole", () => {
  expect(sharesOf([100, 300])).toEqual([25, 75]);
  expect(sharesOf([0, 0])).toEqual([50, 50]); // nothing is drawn yet
});

test("what was kept is read, and nothing else", () => {
  expect(lookOf(null)).toEqual({ dense: false, wide: false, shares: {} });
  const look = { dense: true, wide: false, shares: { "name status": [70, 30] } };
  expect(lookOf(JSON.stringify(look))).toEqual(look);
  for (const text of ["{", "7", "null", "[]", '"dense"', '{"dense":1,"shares":7}', '{"shares":{"a":["1"],"b":[0,100],"c":null}}']) {
    expect(lookOf(text)).toEqual({ dense: false, wide: false, shares: {} });
  }
});
