// The time that statistics are of, as it stands in the address. Days are those of the account's clock, by which
// the server counts; here is only their arithmetic in the calendar, without hours.

export const ranges = ["today", "7", "30", "90", "month", "own"] as const;
type Range = (typeof ranges)[number];

export const intervals = ["hour", "day", "week", "month"] as const;
export type Interval = (typeof intervals)[number];

/** Days such as 2026-11-01, the last one included. */
export interface Span {
  from: string;
  to: string;
}

export interface Chosen {
  range?: string | undefined;
  from?: string | undefined;
  to?: string | undefined;
  interval?: string | undefined;
}

const day = 24 * 3600 * 1000; // ms: of days of UTC, which are all as long

const isDay = (text: string | undefined): text is string => /^\d{4}-\d{2}-\d{2}$/.test(text ?? "") && !Number.isNaN(Date.parse(text ?? ""));

/** A day so many days after another. */
export const plus = (date: string, days: number): string => new Date(Date.parse(date) + days * day).toISOString().slice(0, 10);

/** How many days there are in a span. */
export const daysOf = ({ from, to }: Span): number => Math.round((Date.parse(to) - Date.parse(from)) / day) + 1;

/** What day it is in a zone. */
export function today(now: Date, zone: string): string {
  const parts = Object.fromEntries(
    new Intl.DateTimeFormat("en", { timeZone: zone, year: "numeric", month: "2-digit", day: "2-digit" }).formatToParts(now).map(({ type, value }) => [type, value]),
  );
  return `${parts["year"] ?? ""}-${parts["month"] ?? ""}-${parts["day"] ?? ""}`;
}

export const rangeOf = (chosen: Chosen): Range => ranges.find((range) => range === chosen.range) ?? "30";

/** The days that are meant; own ones only where both are days, in order. */
export function spanOf(chosen: Chosen, now: string): Span {
  const range = rangeOf(chosen);
  switch (range) {
    case "today":
      return { from: now, to: now };
    case "month":
      return { from: `${now.slice(0, 7)}-01`, to: now };
    case "own":
      if (isDay(chosen.from) && isDay(chosen.to) && chosen.from <= chosen.to) return { from: chosen.from, to: chosen.to };
      return { from: plus(now, -29), to: now };
    default:
      return { from: plus(now, 1 - Number(range)), to: now };
  }
}

/** As many days, right before. */
export const before = (span: Span): Span => ({ from: plus(span.from, -daysOf(span)), to: plus(span.from, -1) });

/** How long the windows are: as chosen, else what shows a course in so many days. */
export function intervalOf(chosen: Chosen, span: Span): Interval {
  const given = intervals.find((interval) => interval === chosen.interval);
  if (given) return given;
  const days = daysOf(span);
  return days <= 2 ? "hour" : days <= 100 ? "day" : "week";
}
