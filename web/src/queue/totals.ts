// What waits, as the rows of a table: each channel, and below it what it consists of.
import type { Schema } from "@/api/client";

type Total = Schema<"QueueTotal">;

export interface Row {
  key: string;
  total: Total;
  /** What of the channel the row is of; the whole of it where it is absent. */
  priority?: Schema<"QueuePriority">["priority"];
  waiting: Pick<Total, "pending" | "queued" | "sending" | "oldest_at" | "oldest_wait_seconds">;
}

export const rows = (totals: readonly Total[]): Row[] =>
  totals.flatMap((total) => [
    { key: String(total.channel_id), total, waiting: total },
    ...(total.priorities ?? []).map((waiting) => ({ key: `${total.channel_id} ${waiting.priority}`, total, priority: waiting.priority, waiting })),
  ]);
