import { describe, expect, it } from "vitest";

import { add, addFallback, begin, connect, edge, exits, free, type Graph, graphOf, kinds, remove, removeWay, addWay, rename, type Step, stepsOf, way } from "./graph";

/** Numbers that are the same in every run (mulberry32). */
function numbers(seed: number) {
  return (below: number) => {
    seed = (seed + 0x6d2b79f5) | 0;
    let t = Math.imul(seed ^ (seed >>> 15), 1 | seed);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) % below;
  };
}

/** A flow of any form that the server takes, and of some that it refuses. */
function made(seed: number): Step[] {
  const n = numbers(seed);
  const size = 1 + n(8);
  const name = (i: number) => `s${i}`;
  const any = () => name(n(size));
  return Array.from({ length: size }, (_, i): Step => {
    const kind = kinds[n(kinds.length)] ?? "send";
    const step: Step = { id: name(i), kind };
    if (kind !== "end" && (i === size - 1 || n(2))) step.next = any();
    const some = exits[kind].filter(() => n(2) === 0);
    if (some.length > 0) step.exits = Object.fromEntries(some.map((exit) => [exit, any()]));
    if (kind === "branch") step.branches = Array.from({ length: 1 + n(3) }, () => (n(2) ? { share: 10, next: any() } : { rule: { condition: "AND" }, next: any() }));
    if (kind === "send") step.content = { subject: "s", text: `{{ answers.${any()} }}`, buttons: [] };
    if (kind === "end") step.outcome = "done";
    return step;
  });
}

const seeds = Array.from({ length: 300 }, (_, i) => i);
const plain = (g: Graph, without: string) =>
  g.edges
    .filter((e) => e.from !== without && e.to !== without)
    .map((e) => `${e.from} ${e.exit} ${e.to}`)
    .sort();
const again = (g: Graph) => graphOf(stepsOf(g));

describe("a flow", () => {
  it("comes back from its graph as it was", () => {
    for (const seed of seeds) expect(stepsOf(graphOf(made(seed)))).toEqual(made(seed));
  });

  it("has who was not reached tried by another step, and others go on as before", () => {
    for (const seed of seeds) {
      const g = graphOf(made(seed));
      const from = g.nodes.find((s) => s.kind === "send");
      if (!from) continue;
      const to = edge(g, from.id, "next")?.to;
      const after = again(addFallback(g, from.id, { id: "other", kind: "send" }));
      const leads = (id: string, exit: string) => edge(after, id, exit)?.to;
      const wait = `${from.id}_arrived`;
      expect([leads(from.id, "next"), leads(from.id, "skipped"), leads(from.id, "failed")]).toEqual([wait, "other", "other"]);
      expect([leads(wait, "next"), leads(wait, "timeout"), leads(wait, "failed"), leads("other", "next")]).toEqual([to, "other", "other", to]);
    }
  });

  it("keeps all ways that a new step is not on", () => {
    for (const seed of seeds) {
      const g = graphOf(made(seed));
      const e = g.edges[seed % Math.max(1, g.edges.length)];
      if (!e) continue;
      const after = again(add(g, e.from, e.exit, { id: "new", kind: "set" }));
      const kept = plain(after, "new");
      const before = plain(g, "");
      expect(kept).toEqual(before.filter((line) => line !== `${e.from} ${e.exit} ${e.to}`));
      expect([edge(after, e.from, e.exit)?.to, edge(after, "new", "next")?.to]).toEqual(["new", e.to]);
      expect(stepsOf(remove(after, "new")).map((s) => s.id)).toEqual(g.nodes.map((s) => s.id));
      expect(plain(again(remove(after, "new")), "")).toEqual(before);
    }
  });

  it("is entered at a step that is put before the others", () => {
    for (const seed of seeds) {
      const g = graphOf(made(seed));
      const after = again(begin(g, { id: "new", kind: "wait" }));
      expect(after.nodes[0]?.id).toBe("new");
      expect(edge(after, "new", "next")?.to).toBe("s0");
      expect(plain(after, "new")).toEqual(plain(g, ""));
    }
  });

  it("keeps the other steps and their ways where one is taken out", () => {
    for (const seed of seeds) {
      const steps = made(seed);
      const gone = `s${seed % steps.length}`;
      const g = graphOf(steps);
      const cut = remove(g, gone);
      const after = again(cut);
      expect(after.nodes.filter((s) => s.id === gone)).toEqual([]);
      expect(after.edges.filter((e) => e.to === gone || e.from === gone)).toEqual([]);
      for (const line of plain(g, gone)) expect(plain(after, "")).toContain(line);
      for (const node of after.nodes) expect(node).toEqual(g.nodes.find((one) => one.id === node.id));
      // Who came there goes on to where it led.
      const to = edge(g, gone, "next")?.to;
      if (to && to !== gone) for (const e of g.edges.filter((one) => one.to === gone && one.from !== gone)) expect(edge(after, e.from, e.exit)?.to).toBe(to);
    }
  });

  it("is entered where the first step led once that is taken out", () => {
    const steps: Step[] = [{ id: "a", kind: "set", next: "c" }, { id: "b", kind: "end" }, { id: "c", kind: "wait", next: "b" }];
    expect(stepsOf(remove(graphOf(steps), "a")).map((s) => s.id)).toEqual(["c", "b"]);
  });

  it("leads elsewhere by one exit alone", () => {
    for (const seed of seeds) {
      const g = graphOf(made(seed));
      const e = g.edges[0];
      if (!e) continue;
      const after = again(connect(g, e.from, e.exit, "s0"));
      expect(edge(after, e.from, e.exit)?.to).toBe("s0");
      const others = (of: Graph) => plain({ nodes: [], edges: of.edges.filter((one) => one.from !== e.from || one.exit !== e.exit) }, "");
      expect(others(after)).toEqual(others(g));
    }
  });

  it("has ways of a branch that come and go", () => {
    const g = graphOf([{ id: "b", kind: "branch", branches: [{ share: 10, next: "x" }, { share: 20, next: "y" }] }, { id: "x", kind: "end" }, { id: "y", kind: "end" }]);
    const more = addWay(g, "b", { share: 30, next: "" });
    expect(edge(more, "b", way(2))?.to).toBe("x");
    expect(stepsOf(removeWay(more, "b", 0))[0]?.branches).toEqual([{ share: 20, next: "y" }, { share: 30, next: "x" }]);
  });

  it("is renamed where it is named, and nowhere else", () => {
    const rule = { condition: "AND", rules: [{ field: "answers.color", operator: "equal", value: "red" }] };
    const steps: Step[] = [
      { id: "color", kind: "ask", exits: { timeout: "end" } },
      { id: "b", kind: "branch", branches: [{ rule, next: "color" }] },
      { id: "say", kind: "send", content: { text: "{{ answers.color }} {{ answers.color_2 }} color" } },
      { id: "end", kind: "end" },
    ];
    const after = stepsOf(rename(graphOf(steps), "color", "shade"));
    expect(after[0]).toEqual({ id: "shade", kind: "ask", exits: { timeout: "end" } });
    expect(JSON.stringify(after[1])).toContain('"answers.shade"');
    expect(after[1]?.branches?.[0]?.next).toBe("shade");
    expect(after[2]?.content?.text).toBe("{{ answers.shade }} {{ answers.color_2 }} color");
  });

  it("has no name twice", () => {
    expect(free([{ id: "send", kind: "send" }, { id: "send_2", kind: "send" }], "send")).toBe("send_3");
    expect(free([], "end")).toBe("end");
  });
});
