import { expect, it } from "vitest";

import { diff } from "./diff";

it("says which steps came, went, and were changed in what", () => {
  const before = [{ id: "a", kind: "send", content: { text: "x", subject: "s" }, next: "b" }, { id: "b", kind: "wait", wait: { for: "1d" } }, { id: "end", kind: "end" }] as const;
  const after = [{ id: "a", kind: "send", content: { subject: "s", text: "y" } }, { id: "c", kind: "set" }, { kind: "end", id: "end" }] as const;
  expect(diff(before, after)).toEqual([
    { step: "a", what: "changed", parts: ["content", "next"] },
    { step: "c", what: "added", parts: [] },
    { step: "b", what: "removed", parts: [] },
  ]);
  expect(diff(before, before)).toEqual([]);
});
