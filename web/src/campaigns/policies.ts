// Policies of a schedule: what it says beside when it fires. The drawer shows them in parts, and changes the schedule itself.
import type { Schema } from "@/api/client";

import { said } from "./said";

type Schedule = Schema<"Schedule">;

/** The parts of the drawer, with what each is about. */
export const parts = {
  people: ["hours", "spread_over", "expires_after"],
  bounds: ["from", "until", "count"],
  days: ["exclude", "on_excluded"],
  runs: ["catch_up", "catch_up_within", "while_running", "jitter"],
  clock: ["gap", "overlap"],
  guards: ["guards"],
} as const satisfies Record<string, readonly (keyof Schedule)[]>;
type PolicyPart = keyof typeof parts;

/** What only a schedule has that fires again and again: to others the server refuses it. */
const recurring: readonly (keyof Schedule)[] = ["phase", ...parts.bounds, ...parts.days, ...parts.runs, ...parts.clock];

/** A schedule that fires once, without what only recurring ones have: of guards, what compares runs with each other. */
export function once(schedule: Schedule): Schedule {
  const kept: Schedule = Object.fromEntries(Object.entries(schedule).filter(([key]) => !recurring.includes(key as keyof Schedule)));
  const { guards } = kept;
  return changed(kept, { guards: guards && changed(guards, { failed_runs: undefined, audience: changed(guards.audience, { change: undefined }) }) }) ?? {};
}

/** The parts in which a schedule says something, of those that count for it. */
export function told(schedule: Schedule, recurs: boolean): PolicyPart[] {
  const counts = said(recurs ? schedule : once(schedule));
  return (Object.keys(parts) as PolicyPart[]).filter((part) => parts[part].some((key) => key in counts));
}

type Change<T> = { [K in keyof T]?: T[K] | undefined };

/** A thing with some of it changed; undefined where it says nothing any more. */
export function changed<T extends object>(from: T | null | undefined, change: Change<T>): T | undefined {
  const next = said({ ...from, ...change } as T);
  return Object.keys(next).length > 0 ? next : undefined;
}

/** A share of the API as percent of a field, and back; empty for none. Four digits are as exact as it takes them. */
export const percentOf = (share: number | undefined): number | "" => (share ? Number((share * 100).toFixed(4)) : "");
export const shareOf = (percent: number | string): number | undefined => (Number(percent) > 0 ? Number((Number(percent) / 100).toFixed(6)) : undefined);

/** A number of a field; undefined for none. */
export const numberOf = (value: number | string): number | undefined => (value === "" ? undefined : Number(value));
