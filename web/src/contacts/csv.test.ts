import { expect, it } from "vitest";

import { cells } from "./csv";

it("reads cells with commas, quotes and breaks in them", () => {
  expect(cells('line,field,value\n2,email,"a, ""b""\nc"\r\n3,,\n4,x,y', 9)).toEqual([
    ["line", "field", "value"],
    ["2", "email", 'a, "b"\nc'],
    ["3", "", ""],
    ["4", "x", "y"],
  ]);
  expect(cells("a\nb\nc\n", 2)).toEqual([["a"], ["b"]]);
  expect(cells("", 2)).toEqual([]);
});
