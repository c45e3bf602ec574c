import type { Schema } from "@/api/client";
import type { MessageState } from "@/ui/State";

type Counts = Schema<"Run">["counts"];

/** States in the order of a message's life. */
export const states: readonly MessageState[] = [
  "pending",
  "queued",
  "sending",
  "sent",
  "delivered",
  "read",
  "failed",
  "rejected",
  "unknown",
  "skipped",
  "canceled",
];

/** States that a message stays in but for what a receipt says; what is in doubt waits for a person. */
const waits: readonly MessageState[] = ["pending", "queued", "sending"];

const count = (counts: Counts, of: readonly MessageState[]) => of.reduce((sum, state) => sum + (counts[state] ?? 0), 0);

/** How many of a run's messages nothing is left to do for, of how many. */
export function progress(run: Schema<"Run">): { done: number; total: number } {
  const total = count(run.counts, states);
  return { done: total - count(run.counts, waits), total };
}

/** States that a message is in without a reason, as long as all goes well. */
const well: readonly MessageState[] = ["pending", "queued", "sending", "sent", "delivered", "read"];

/** Reports whether nothing of a run went another way than it should. */
export const plain = (run: Schema<"Run">): boolean => count(run.counts, states) === count(run.counts, well);

/** The steps on which fewer and fewer are left: whom it was meant for, who was asked for, sent, delivered, read. */
export function funnel(run: Schema<"Run">): { step: "planned" | "asked" | "sent" | "delivered" | "read"; n: number }[] {
  const c = run.counts;
  return [
    { step: "planned", n: count(c, states) },
    { step: "asked", n: count(c, ["sent", "delivered", "read", "failed", "rejected", "unknown"]) },
    { step: "sent", n: count(c, ["sent", "delivered", "read"]) },
    { step: "delivered", n: count(c, ["delivered", "read"]) },
    { step: "read", n: count(c, ["read"]) },
  ];
}
