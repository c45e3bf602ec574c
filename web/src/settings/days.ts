// Days off as people write them down: one a line, with what they are called.
import type { Schema } from "@/api/client";

type Day = NonNullable<Schema<"HolidaysInput">["dates"]>[number];

/** Days from lines such as "2026-12-25 Christmas Day"; what is no day the server refuses by its line. */
export function daysOf(text: string): Day[] {
  return text
    .split("\n")
    .map((line) => line.trim())
    .filter(Boolean)
    .map((line) => {
      const [date = "", ...name] = line.split(/[\s,;]+/);
      const called = name.join(" ");
      return called ? { date, name: called } : date;
    });
}

/** The same days as lines. */
export const linesOf = (days: readonly Day[]): string => days.map((day) => (typeof day === "string" ? day : [day.date, day.name].filter(Boolean).join(" "))).join("\n");
