import { Graph as Drawn, layout } from "@dagrejs/dagre";

import type { Graph } from "./graph";

export const box = { width: 200, height: 76 };

interface Point {
  x: number;
  y: number;
}

/** Where the steps stand, from the top down, and how their ways lead past the others: by the step and the exit. */
export interface Layout {
  steps: ReadonlyMap<string, Point>;
  ways: ReadonlyMap<string, { points: Point[]; name: Point }>;
}

export const wayKey = (from: string, exit: string) => `${from} ${exit}`;

export function layOut(g: Graph): Layout {
  const drawn = new Drawn({ multigraph: true });
  drawn.setGraph({ rankdir: "TB", nodesep: 36, ranksep: 56 });
  drawn.setDefaultEdgeLabel(() => ({}));
  for (const n of g.nodes) drawn.setNode(n.id, { ...box });
  const known = new Set(g.nodes.map((n) => n.id));
  const edges = g.edges.filter((e) => known.has(e.to));
  for (const e of edges) drawn.setEdge(e.from, e.to, { width: 120, height: 24, labelpos: "c" }, e.exit);
  layout(drawn);
  const steps = g.nodes.map((n): [string, Point] => {
    const { x, y } = drawn.node(n.id) as Point;
    return [n.id, { x: x - box.width / 2, y: y - box.height / 2 }];
  });
  const ways = edges.map((e): [string, { points: Point[]; name: Point }] => {
    const { points, x, y } = drawn.edge({ v: e.from, w: e.to, name: e.exit }) as unknown as Point & { points: Point[] };
    return [wayKey(e.from, e.exit), { points: points.slice(1, -1), name: { x, y } }];
  });
  return { steps: new Map(steps), ways: new Map(ways) };
}

/** A line through points that leaves and comes by each from above. */
export function line(points: readonly Point[]): string {
  return points
    .map(({ x, y }, i) => {
      const before = points[i - 1];
      if (!before) return `M ${x} ${y}`;
      const half = (before.y + y) / 2;
      return `C ${before.x} ${half} ${x} ${half} ${x} ${y}`;
    })
    .join(" ");
}
