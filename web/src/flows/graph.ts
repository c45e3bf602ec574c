// The steps of a flow as a graph, and the way there and back: what is not touched comes back as it was.
import type { Schema } from "@/api/client";

export type Step = Schema<"Step">;
export type Kind = Step["kind"];

/** A way from a step: "next", an exit such as "timeout", or "branch:0". */
export interface Edge {
  from: string;
  exit: string;
  to: string;
  /** The way on may be left unsaid where its end is the step behind. */
  implied: boolean;
}

/** Steps in their order without their ways, and their ways. */
export interface Graph {
  nodes: Step[];
  edges: Edge[];
}

const branch = "branch:";
export const way = (i: number) => `${branch}${i}`;

/** The exits of a kind of step besides the way on. */
export const exits: Record<Kind, readonly string[]> = {
  send: ["skipped", "failed"],
  ask: ["timeout", "invalid", "skipped", "failed"],
  wait: ["timeout", "failed"],
  branch: [],
  set: [],
  call: ["failed"],
  start: [],
  end: [],
};

/** The exits of a step: those of its kind, and of a wait those that it can have. */
export const exitsOf = (s: Step): readonly string[] =>
  s.kind !== "wait" || s.wait?.delivered ? exits[s.kind] : s.wait?.event !== undefined ? ["timeout"] : [];

export const kinds = Object.keys(exits) as Kind[];

export function graphOf(steps: readonly Step[]): Graph {
  const edges: Edge[] = [];
  const nodes = steps.map(({ next, exits, ...step }, i): Step => {
    const behind = steps[i + 1]?.id;
    if (next) edges.push({ from: step.id, exit: "next", to: next, implied: false });
    else if (behind && step.kind !== "end") edges.push({ from: step.id, exit: "next", to: behind, implied: true });
    for (const [exit, to] of Object.entries(exits ?? {})) edges.push({ from: step.id, exit, to, implied: false });
    (step.branches ?? []).forEach((one, j) => {
      if (one.next) edges.push({ from: step.id, exit: way(j), to: one.next, implied: false });
    });
    return step.branches ? { ...step, branches: step.branches.map((one) => ({ ...one, next: "" })) } : step;
  });
  return { nodes, edges };
}

export const edge = (g: Graph, from: string, exit: string) => g.edges.find((e) => e.from === from && e.exit === exit);

/** The step to which an exit leads: its own, or the way on. */
const follows = (g: Graph, from: string, exit: string) => (edge(g, from, exit) ?? edge(g, from, "next"))?.to;

export function stepsOf(g: Graph): Step[] {
  return g.nodes.map((node, i) => {
    const next = edge(g, node.id, "next");
    const said = next && !(next.implied && next.to === g.nodes[i + 1]?.id);
    const others = g.edges.filter((e) => e.from === node.id && e.exit !== "next" && !e.exit.startsWith(branch));
    return {
      ...node,
      ...(said ? { next: next.to } : {}),
      ...(others.length > 0 ? { exits: Object.fromEntries(others.map((e) => [e.exit, e.to])) } : {}),
      ...(node.branches ? { branches: node.branches.map((one, j) => ({ ...one, next: edge(g, node.id, way(j))?.to ?? "" })) } : {}),
    };
  });
}

/** A name that no step has yet. */
export function free(steps: readonly Step[], kind: string): string {
  const taken = new Set(steps.map((s) => s.id));
  for (let n = 1; ; n++) {
    const name = n === 1 ? kind : `${kind}_${n}`;
    if (!taken.has(name)) return name;
  }
}

/** Leads an exit to a step; without one, it is as the way on. */
export function connect(g: Graph, from: string, exit: string, to: string | undefined): Graph {
  const rest = g.edges.filter((e) => e.from !== from || e.exit !== exit);
  return { nodes: g.nodes, edges: to ? [...rest, { from, exit, to, implied: exit === "next" }] : rest };
}

/** Puts a step on a way: it leads to where that led. */
export function add(g: Graph, from: string, exit: string, step: Step): Graph {
  const to = follows(g, from, exit);
  const at = g.nodes.findIndex((n) => n.id === from) + 1;
  const nodes = [...g.nodes.slice(0, at), step, ...g.nodes.slice(at)];
  const made = connect({ nodes, edges: g.edges }, from, exit, step.id);
  if (!to || step.kind === "end") return made;
  return (step.branches ?? []).reduce((all, _, j) => connect(all, step.id, way(j), to), connect(made, step.id, "next", to));
}

/**
 * Has who was not reached by a step tried by another: at once where it can't be sent, and after a wait where no
 * receipt comes. Who was reached goes on as before.
 */
export function addFallback(g: Graph, id: string, step: Step): Graph {
  const to = follows(g, id, "next");
  const wait: Step = { id: free([...g.nodes, step], `${id}_arrived`), kind: "wait", wait: { delivered: true, at_most: "1h" } };
  let made = add(add(g, id, "next", step), id, "next", wait);
  for (const [from, exit] of [
    [id, "skipped"],
    [id, "failed"],
    [wait.id, "timeout"],
    [wait.id, "failed"],
  ] as const)
    made = connect(made, from, exit, step.id);
  return connect(made, wait.id, "next", to);
}

/** Puts a step before all others: everybody enters there. */
export function begin(g: Graph, step: Step): Graph {
  const first = g.nodes[0];
  const made = { nodes: [step, ...g.nodes], edges: g.edges };
  if (!first || step.kind === "end") return made;
  return (step.branches ?? []).reduce((all, _, j) => connect(all, step.id, way(j), first.id), connect(made, step.id, "next", first.id));
}

/** Takes a step out: what led to it leads to where it led. */
export function remove(g: Graph, id: string): Graph {
  const next = edge(g, id, "next")?.to;
  const to = next === id ? undefined : next;
  const first = g.nodes[0]?.id === id;
  const left = g.nodes.filter((n) => n.id !== id);
  const entered = first && to ? left.find((n) => n.id === to) : undefined;
  return {
    nodes: entered ? [entered, ...left.filter((n) => n !== entered)] : left,
    edges: g.edges
      .filter((e) => e.from !== id && (e.to !== id || to))
      .map((e) => (e.to === id && to ? { ...e, to, implied: e.exit === "next" } : e)),
  };
}

/** Changes a step by what it is besides its ways. */
export function change(g: Graph, id: string, by: (step: Step) => Step): Graph {
  return { nodes: g.nodes.map((n) => (n.id === id ? by(n) : n)), edges: g.edges };
}

/** Adds a way to a branch, which leads to where everybody else goes. */
export function addWay(g: Graph, id: string, made: Schema<"BranchWay">): Graph {
  const n = g.nodes.find((one) => one.id === id)?.branches?.length ?? 0;
  return connect(change(g, id, (s) => ({ ...s, branches: [...(s.branches ?? []), made] })), id, way(n), follows(g, id, "next"));
}

/** Takes a way from a branch; those behind it stand one place before. */
export function removeWay(g: Graph, id: string, i: number): Graph {
  const left = change(g, id, (s) => ({ ...s, branches: (s.branches ?? []).filter((_, j) => j !== i) }));
  return {
    nodes: left.nodes,
    edges: left.edges.flatMap((e) => {
      if (e.from !== id || !e.exit.startsWith(branch)) return [e];
      const j = Number(e.exit.slice(branch.length));
      return j === i ? [] : [j > i ? { ...e, exit: way(j - 1) } : e];
    }),
  };
}

/** Gives a step another name, also where texts and rules of the others name it. */
export function rename(g: Graph, old: string, name: string): Graph {
  const named = new RegExp(`\\b(answers|steps)\\.${old}(?![a-z0-9_])`, "g");
  const within = (value: unknown): unknown => {
    if (typeof value === "string") return value.replaceAll(named, `$1.${name}`);
    if (Array.isArray(value)) return value.map(within);
    if (value && typeof value === "object") return Object.fromEntries(Object.entries(value).map(([key, one]) => [key, within(one)]));
    return value;
  };
  return {
    nodes: g.nodes.map((n) => ({ ...(within(n) as Step), id: n.id === old ? name : n.id })),
    edges: g.edges.map((e) => ({ ...e, from: e.from === old ? name : e.from, to: e.to === old ? name : e.to })),
  };
}
