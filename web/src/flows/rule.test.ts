import { expect, it } from "vitest";

import type { Step } from "./graph";
import { about, asking, sameForm, valueOf } from "./rule";

it("tells what was typed from what was built", () => {
  const rule = about("answers.a", "x");
  expect(sameForm(rule, about("answers.a", "xy"))).toBe(true);
  expect(sameForm(rule, about("answers.b", "x"))).toBe(false);
  expect(sameForm(rule, { ...rule, condition: "OR" })).toBe(false);
  expect(sameForm(rule, { condition: "AND", rules: [...(rule["rules"] as []), ...(rule["rules"] as [])] })).toBe(false);
  expect(sameForm(undefined, rule)).toBe(false);
});

it("begins its days where its author is", () => {
  expect(about("language")["timezone"]).toBe(new Intl.DateTimeFormat("en").resolvedOptions().timeZone);
});

it("asks for the fields of what people and programs answer, whatever is said meanwhile", () => {
  const steps: Step[] = [
    { id: "a", kind: "ask", content: { text: "How many?" }, question: { type: "number", timeout: "3d" }, next: "b" },
    { id: "b", kind: "call", call: { url: "https://example.org", answers: ["x"] } },
    { id: "c", kind: "send", content: { text: "Thanks" } },
    { id: "d", kind: "wait", wait: { for: "1d" } },
    { id: "e", kind: "ask" },
  ];
  expect(asking(steps)).toEqual([
    { id: "a", kind: "ask", question: { type: "number", timeout: "3d" } },
    { id: "b", kind: "call", call: { url: "https://example.org", answers: ["x"] } },
    { id: "c", kind: "send" },
    { id: "e", kind: "ask" },
  ]);
});

it("takes what JSON has as such, and words as words", () => {
  expect(["3", "-2.5", "true", "null", '"3"', "[1]", "007", "3 stars", "[not", ""].map(valueOf)).toEqual([3, -2.5, true, null, "3", [1], "007", "3 stars", "[not", ""]);
});
