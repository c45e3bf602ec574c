import { expect, test } from "vitest";

import { matching, meant, type Offer, offersOf } from "./offers";

const campaigns: Offer[] = [
  { value: "17", name: "Spring sale", hint: "#17" },
  { value: "18", name: "Summer" },
  { value: "19", name: "Spring letter" },
];

test("every word that was typed occurs somewhere in an offer", () => {
  expect(matching(campaigns, "").length).toBe(3);
  expect(matching(campaigns, "spr").map((o) => o.value)).toEqual(["17", "19"]);
  expect(matching(campaigns, "LETTER spring").map((o) => o.value)).toEqual(["19"]);
  expect(matching(campaigns, "#17").map((o) => o.value)).toEqual(["17"]);
  expect(matching(campaigns, "autumn")).toEqual([]);
});

test("each value is offered once, and not more than there is room for", () => {
  const many = Array.from({ length: 300 }, (_, i) => ({ value: String(i % 100) }));
  const found = matching(many, "");
  expect(found.length).toBe(50);
  expect(new Set(found.map((o) => o.value)).size).toBe(50);
});

test("what was typed means what is called so, or itself", () => {
  expect(meant(campaigns, " spring SALE ")).toBe("17");
  expect(meant(campaigns, "18")).toBe("18");
  expect(meant(campaigns, "create-*")).toBe("create-*");
  expect(meant([{ value: "create-key" }], "  ")).toBeUndefined();
  // A value comes before a name that is the same.
  expect(meant([{ value: "1", name: "2" }, { value: "2", name: "Other" }], "2")).toBe("2");
});

test("there is an offer for each value that there is", () => {
  expect(offersOf(["b", "a", undefined, "", "b"])).toEqual([{ value: "a" }, { value: "b" }]);
});
