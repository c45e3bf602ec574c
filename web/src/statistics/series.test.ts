import { describe, expect, it } from "vitest";

import { alongside, changeOf, seriesOf, totalOf } from "./series";

const rows = [
  { start: "2026-03-28T00:00:00+01:00", channel: "news", sent: 5, delivery_rate: 1 },
  { start: "2026-03-28T00:00:00+01:00", channel: "sms", sent: 2 },
  { start: "2026-03-30T00:00:00+02:00", channel: "news", sent: 3 },
];

describe("figures", () => {
  it("are added up over rows, and only counts", () => {
    expect(totalOf(rows, "sent")).toBe(10);
    expect(totalOf(rows, "channel")).toBe(0);
    expect(totalOf([], "sent")).toBe(0);
  });

  it("are laid into the windows that the server cut, over a change of the clock", () => {
    const starts = ["2026-03-27T23:00:00Z", "2026-03-29T00:00:00+01:00", "2026-03-30T00:00:00+02:00"];
    expect(seriesOf(rows, starts, "sent")).toEqual([7, 0, 3]);
  });

  it("of the time before stand beside them, as far as they go", () => {
    expect(alongside([1, 2, 3], 2)).toEqual([1, 2]);
    expect(alongside([1], 3)).toEqual([1, null, null]);
  });

  it("have changed by a part of what was", () => {
    expect([changeOf(3, 2), changeOf(0, 4), changeOf(5, 0)]).toEqual([0.5, -1, undefined]);
  });
});
