import { expect, it } from "vitest";

import { rule, text } from "./search";

it("takes what is named and can be meant", () => {
  expect(text({ q: "spring", status: "", tag: 2026, other: "x", archived: { a: 1 } }, "q", "status", "tag", "archived")).toEqual({ q: "spring", tag: "2026" });
});

it("takes a rule where there is one", () => {
  const given = { condition: "AND", rules: [] };
  expect(rule({ rule: given, q: "x" })).toEqual({ rule: given });
  for (const other of [undefined, null, "x", 7, [given]]) expect(rule({ rule: other })).toEqual({});
});
