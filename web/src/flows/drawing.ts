import type { Problem } from "@/api/problem";

import type { FlowForm } from "./form";
import { type Graph, graphOf, type Step, stepsOf } from "./graph";

/** What the parts of the page that show steps have in common. */
export interface Drawing {
  form: FlowForm;
  graph: Graph;
  /** The step whose settings are shown. */
  chosen: string | undefined;
  choose: (id: string | undefined) => void;
  /** Changes the steps; changes of the same thing, one after the other, are undone at once. */
  edit: (change: (g: Graph) => Graph, by?: string) => void;
  /** Nobody may change it: who looks, or how it stands. */
  fixed: boolean;
  problem: Problem | undefined;
  /** How many stand at each step. */
  here: ReadonlyMap<string, number>;
  /** The ways that somebody has gone in a simulation: "from to". */
  path: ReadonlySet<string>;
}

/** What the server found wrong with a step, by its place. */
export function faults(problem: Problem | undefined, steps: readonly Step[], id: string): string[] {
  const i = steps.findIndex((s) => s.id === id);
  const whole = `body.steps[${i}]`;
  return (problem?.errors ?? []).flatMap(({ location, message }) => (location === whole || location?.startsWith(`${whole}.`) ? [message ?? ""] : []));
}

/** The form after a change of its steps. */
export const edited = (form: FlowForm, change: (g: Graph) => Graph): FlowForm => ({ ...form, steps: stepsOf(change(graphOf(form.steps))) });

/** The ways between the steps that were left, and where one stands then. */
export function pathOf(left: readonly { step: string }[], stands: string): string[] {
  const all = [...left.map((m) => m.step), stands];
  return all.slice(1).map((to, i) => `${all[i] ?? ""} ${to}`);
}
