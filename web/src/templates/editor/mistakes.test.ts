import { expect, it } from "vitest";

import { Problem } from "@/api/problem";

import { mistakesOf } from "./mistakes";

it("finds the lines in what the server says of a source", () => {
  const problem = new Problem({
    code: "invalid",
    status: 422,
    detail: "",
    errors: [
      { location: "body.email.mjml", message: "line 4: <mj-txet>: Element mj-txet doesn't exist" },
      { location: "body.email.mjml", message: "line 2, column 7: no such filter" },
      { location: "body.email.mjml", message: "<mj-body> is never closed" },
      { location: "body.email.subject", message: "line 1: say something" },
    ],
  });
  expect(mistakesOf(problem, "email.mjml")).toEqual([
    { line: 4, words: "<mj-txet>: Element mj-txet doesn't exist" },
    { line: 2, words: "no such filter" },
    { line: undefined, words: "<mj-body> is never closed" },
  ]);
  expect(mistakesOf(undefined, "email.mjml")).toEqual([]);
});
