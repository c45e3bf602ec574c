import { expect, it } from "vitest";

import { readValue } from "./value";

it("reads JSON, and texts as they are", () => {
  expect([readValue("3", undefined), readValue('{"a":[1]}', undefined), readValue("Mo to Fr", undefined), readValue("", undefined)]).toEqual([3, { a: [1] }, "Mo to Fr", ""]);
  expect([readValue("3", "2"), readValue("true", false)]).toEqual(["3", true]);
});
