import { expect, it } from "vitest";

import { text } from "./search";

it("takes what is named and can be meant", () => {
  expect(text({ q: "spring", status: "", tag: 2026, other: "x", archived: { a: 1 } }, "q", "status", "tag", "archived")).toEqual({ q: "spring", tag: "2026" });
});
