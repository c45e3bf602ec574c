// Asking /v1/stats.
import { api } from "@/api/client";

import type { Interval, Span } from "./range";
import type { Row } from "./series";
import type { Subject } from "./views";

const fresh = 30_000; // ms: reading them again costs more than a row that is a little late

interface Asked {
  rows: Row[] | undefined;
  error: unknown;
  again: () => void;
}

/** The query of a span, for every subject. */
export const queryOf = (span: Span, interval: Interval | "all") => ({ from: span.from, to: span.to, interval });

/** Rows of a subject; nothing is asked without a span. */
export function useStats(subject: Subject | "hours", span: Span | undefined, interval: Interval | "all"): Asked {
  // Every subject takes the same query. What their rows are called the views know.
  const path = `/v1/stats/${subject}` as "/v1/stats/channels";
  const read = api.useQuery("get", path, { params: { query: span ? queryOf(span, interval) : {} } }, { staleTime: fresh, enabled: span !== undefined });
  const rows = typeof read.data === "object" ? ((read.data.items ?? []) as unknown as Row[]) : undefined;
  return { rows, error: read.error, again: () => void read.refetch() };
}

/** When the windows begin, as the server cuts the time: contacts have a row for each, whatever happened. */
export function useWindows(span: Span | undefined, interval: Interval): { starts: string[] | undefined; error: unknown } {
  const { rows, error } = useStats("contacts", span, interval);
  return { starts: rows?.map((row) => String(row["start"])), error };
}

/** Where the same is downloaded. */
export const csvOf = (subject: Subject | "hours", span: Span, interval: Interval | "all") =>
  `/v1/stats/${subject}?${new URLSearchParams({ ...queryOf(span, interval), format: "csv" }).toString()}`;
