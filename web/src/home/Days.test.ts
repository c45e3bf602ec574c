import { expect, it } from "vitest";

import { byDay } from "./Days";

it("adds channels up by their days, in order", () => {
  const row = (start: string, sent: number, failed: number, rejected: number) => ({ start, sent, failed, rejected });
  const rows = [row("2026-03-03", 5, 1, 0), row("2026-03-01T00:00:00", 1, 0, 2), row("2026-03-03", 2, 0, 1)];
  expect(byDay(rows, "2026-02-28", "2026-03-03")).toEqual([
    { start: "2026-02-28", sent: 0, failed: 0 },
    { start: "2026-03-01", sent: 1, failed: 2 },
    { start: "2026-03-02", sent: 0, failed: 0 },
    { start: "2026-03-03", sent: 7, failed: 2 },
  ]);
});
