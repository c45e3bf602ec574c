import { Graph as Drawn, layout } from "@dagrejs/dagre";

import type { Graph } from "./graph";

export const box = { width: 200, height: 76 };

/** Where each step stands on the canvas, from the top down. */
export function places(g: Graph): Map<string, { x: number; y: number }> {
  const drawn = new Drawn({ multigraph: true });
  drawn.setGraph({ rankdir: "TB", nodesep: 36, ranksep: 64 });
  drawn.setDefaultEdgeLabel(() => ({}));
  for (const n of g.nodes) drawn.setNode(n.id, { ...box });
  const known = new Set(g.nodes.map((n) => n.id));
  for (const e of g.edges) if (known.has(e.to)) drawn.setEdge(e.from, e.to, {}, e.exit);
  layout(drawn);
  return new Map(
    g.nodes.map((n) => {
      const { x, y } = drawn.node(n.id) as { x: number; y: number };
      return [n.id, { x: x - box.width / 2, y: y - box.height / 2 }];
    }),
  );
}
