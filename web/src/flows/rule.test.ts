import { expect, it } from "vitest";

import { rowsOf, valueOf } from "./rule";

it("shows a list of conditions as rows, and nothing else", () => {
  const rule = { condition: "AND", rules: [{ field: "answers.a", operator: "equal", value: 4 }, { field: "name", operator: "is_null" }] };
  expect(rowsOf(rule)).toBe(rule);
  for (const other of [
    undefined,
    { ...rule, not: true },
    { ...rule, condition: "XOR" },
    { condition: "OR", rules: [rule] },
    { condition: "OR", rules: [{ field: "id", operator: "in", value: [1, 2] }] },
    { condition: "OR", rules: [{ field: "id", operator: "equal", value: [1] }] },
  ]) {
    expect(rowsOf(other)).toBeUndefined();
  }
});

it("takes what JSON has as such, and words as words", () => {
  expect(["3", "-2.5", "true", "null", '"3"', "[1]", "007", "3 stars", "[not", ""].map(valueOf)).toEqual([3, -2.5, true, null, "3", [1], "007", "3 stars", "[not", ""]);
});
