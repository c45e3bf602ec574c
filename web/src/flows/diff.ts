import type { Step } from "./graph";

/** What became of a step from one version to another. */
interface Difference {
  step: string;
  what: "added" | "removed" | "changed";
  /** What of it was changed, such as content or next. */
  parts: string[];
}

/** A value with its keys in one order, and without what says nothing. */
function plain(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(plain);
  if (!value || typeof value !== "object") return value;
  return Object.fromEntries(
    Object.entries(value)
      .filter(([, one]) => one !== null && one !== undefined)
      .sort(([a], [b]) => (a < b ? -1 : 1))
      .map(([key, one]) => [key, plain(one)]),
  );
}

const same = (a: unknown, b: unknown) => JSON.stringify(plain(a)) === JSON.stringify(plain(b));

/** Steps that came, went or were changed, in the order of the flow. */
export function diff(before: readonly Step[], after: readonly Step[]): Difference[] {
  const old = new Map(before.map((s) => [s.id, s]));
  const is = new Set(after.map((s) => s.id));
  const list = after.flatMap((step): Difference[] => {
    const was = old.get(step.id);
    if (!was) return [{ step: step.id, what: "added", parts: [] }];
    const keys = [...new Set([...Object.keys(was), ...Object.keys(step)])] as (keyof Step)[];
    const parts = keys.filter((key) => !same(was[key], step[key]));
    return parts.length > 0 ? [{ step: step.id, what: "changed", parts }] : [];
  });
  return [...list, ...before.filter((s) => !is.has(s.id)).map((s): Difference => ({ step: s.id, what: "removed", parts: [] }))];
}
