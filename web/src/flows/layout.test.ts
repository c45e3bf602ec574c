import { expect, it } from "vitest";

import { graphOf } from "./graph";
import { box, layOut, line } from "./layout";

it("puts what follows below, and leads ways past the steps between", () => {
  const g = graphOf([
    { id: "b", kind: "branch", branches: [{ share: 10, next: "end" }] },
    { id: "a", kind: "wait" },
    { id: "end", kind: "end" },
  ]);
  const { steps, ways } = layOut(g);
  const [b, a, end] = ["b", "a", "end"].map((id) => steps.get(id) ?? { x: 0, y: 0 });
  expect([b, a, end].map((p) => p?.y)).toEqual([b, a, end].map((p) => p?.y).toSorted((x = 0, y = 0) => x - y));
  const around = ways.get("b branch:0");
  for (const p of around?.points ?? []) {
    const inside = a && p.x > a.x && p.x < a.x + box.width && p.y > a.y && p.y < a.y + box.height;
    expect(inside).toBe(false);
  }
  expect(around?.points.length).toBeGreaterThan(2);
});

it("draws a line through all points", () => {
  expect(line([{ x: 0, y: 0 }, { x: 4, y: 10 }])).toBe("M 0 0 C 0 5 4 5 4 10");
});
