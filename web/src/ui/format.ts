// Numbers and times as the viewer reads them: in the language of the console and the zone of the browser.
import { useMemo } from "react";
import { useTranslation } from "react-i18next";

const second = 1;
const minute = 60 * second;
const hour = 60 * minute;
const day = 24 * hour;

/** From the largest that fits: the unit in which a distance is told. */
const units: [Intl.RelativeTimeFormatUnit, number][] = [
  ["year", 365 * day],
  ["month", 30 * day],
  ["day", day],
  ["hour", hour],
  ["minute", minute],
  ["second", second],
];

/** A distance from now in seconds, as a number of a unit. */
export function distance(seconds: number): { value: number; unit: Intl.RelativeTimeFormatUnit } {
  const [unit, length] = units.find(([, length]) => Math.abs(seconds) >= length) ?? ["second", second];
  return { value: Math.trunc(seconds / length), unit };
}

/** How long something takes, in its two largest parts, such as ["3", "hour"], ["20", "minute"]. */
export function parts(seconds: number): [number, Intl.RelativeTimeFormatUnit][] {
  let left = Math.max(0, Math.round(seconds));
  const list: [number, Intl.RelativeTimeFormatUnit][] = [];
  for (const [unit, length] of units.filter(([unit]) => unit !== "month" && unit !== "year")) {
    const n = Math.floor(left / length);
    left -= n * length;
    if (n > 0) list.push([n, unit]);
    else if (list.length > 0) break;
  }
  return list.length > 0 ? list.slice(0, 2) : [[0, "second"]];
}

export interface Format {
  /** The language in which all of it is, as a BCP 47 tag. */
  language: string;
  number: (n: number) => string;
  percent: (share: number) => string;
  /** A day and a time, to the minute, in the browser's zone or another. */
  instant: (at: string | Date, zone?: string) => string;
  date: (at: string | Date, zone?: string) => string;
  time: (at: string | Date, zone?: string) => string;
  /** How far from now. */
  ago: (at: string | Date, now: number) => string;
  duration: (seconds: number) => string;
  bytes: (n: number) => string;
}

export function format(language: string): Format {
  const number = new Intl.NumberFormat(language);
  const rate = new Intl.NumberFormat(language, { maximumFractionDigits: 1 });
  const percent = new Intl.NumberFormat(language, { style: "percent", maximumFractionDigits: 1 });
  const relative = new Intl.RelativeTimeFormat(language, { numeric: "auto" });
  const when = (options: Intl.DateTimeFormatOptions) => (at: string | Date, zone?: string) =>
    new Intl.DateTimeFormat(language, zone ? { ...options, timeZone: zone } : options).format(new Date(at));
  return {
    language,
    number: (n) => (Number.isInteger(n) ? number : rate).format(n),
    percent: (share) => percent.format(share),
    instant: when({ dateStyle: "medium", timeStyle: "short" }),
    date: when({ dateStyle: "medium" }),
    time: when({ timeStyle: "short" }),
    ago: (at, now) => {
      const { value, unit } = distance((new Date(at).getTime() - now) / 1000);
      return relative.format(value, unit);
    },
    duration: (seconds) =>
      parts(seconds)
        .map(([n, unit]) => new Intl.NumberFormat(language, { style: "unit", unit, unitDisplay: "short" }).format(n))
        .join(" "),
    bytes: (n) => {
      const [size, unit] = n < 1000 ? [n, "byte"] : n < 1e6 ? [n / 1000, "kilobyte"] : [n / 1e6, "megabyte"];
      return new Intl.NumberFormat(language, { style: "unit", unit, maximumFractionDigits: 1 }).format(size);
    },
  };
}

/** Formats in the language that is spoken, as the viewer's country writes it. */
export function useFormat(): Format {
  const { i18n } = useTranslation();
  return useMemo(() => format(navigator.languages.find((tag) => tag.startsWith(i18n.language)) ?? i18n.language), [i18n.language]);
}
