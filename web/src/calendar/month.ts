// Months as a calendar shows them: "2026-12", in weeks that begin on Monday.

const dayLength = 24 * 3600 * 1000; // ms
const week = 7; // days

const iso = (at: number) => new Date(at).toISOString().slice(0, 10);

/** Reports whether it is a month, such as 2026-12. */
export const isMonth = (given: string | undefined): given is string => given !== undefined && /^\d{4}-(0[1-9]|1[0-2])$/.test(given);

/** The month so many months after another. */
export function after(month: string, months: number): string {
  const [year = 0, number = 1] = month.split("-").map(Number);
  return iso(Date.UTC(year, number - 1 + months, 1)).slice(0, 7);
}

/** The last day of a month. */
export const lastDay = (month: string): string => iso(Date.parse(`${after(month, 1)}-01`) - dayLength);

/** The weeks in which a month lies, whole, Mondays first. */
export function weeksOf(month: string): string[][] {
  const first = Date.parse(`${month}-01`);
  const monday = first - ((new Date(first).getUTCDay() + 6) % week) * dayLength;
  const last = Date.parse(lastDay(month));
  const weeks: string[][] = [];
  for (let at = monday; at <= last; at += week * dayLength) {
    weeks.push(Array.from({ length: week }, (_, i) => iso(at + i * dayLength)));
  }
  return weeks;
}
