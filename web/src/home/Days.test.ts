import { expect, it } from "vitest";

import { byDay } from "./Days";

it("adds channels up by their days, in order", () => {
  const row = (start: string, sent: number, failed: number, rejected: number) => ({ start, sent, failed, rejected });
  expect(byDay([row("2026-03-02", 5, 1, 0), row("2026-03-01", 1, 0, 2), row("2026-03-02", 2, 0, 1)])).toEqual([
    { start: "2026-03-01", sent: 1, failed: 2 },
    { start: "2026-03-02", sent: 7, failed: 2 },
  ]);
});
