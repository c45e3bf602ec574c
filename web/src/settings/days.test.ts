import { expect, it } from "vitest";

import { daysOf, linesOf } from "./days";

it("days off are read as they are written down, and written down again", () => {
  const days = daysOf("2026-12-25 Christmas Day\n\n  2026-12-26;\n2027-01-01, New Year\nsoon");
  expect(days).toEqual([{ date: "2026-12-25", name: "Christmas Day" }, "2026-12-26", { date: "2027-01-01", name: "New Year" }, "soon"]);
  expect(linesOf(days)).toBe("2026-12-25 Christmas Day\n2026-12-26\n2027-01-01 New Year\nsoon");
});
