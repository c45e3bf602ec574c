// Numbers and times as the viewer reads them: in the language of the console and the zone of the browser.
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

/** The value that belongs to a key, made when it is first asked for: the formatters of the platform are slow to make. */
function kept<T>(make: (key: string) => T): (key: string) => T {
  const values = new Map<string, T>();
  return (key) => {
    const value = values.get(key) ?? make(key);
    values.set(key, value);
    return value;
  };
}

/** Formats in a language, a BCP 47 tag; always the same of a language. */
export const format = kept((language): Format => {
  const numbers = (options: Intl.NumberFormatOptions) => {
    const of = kept((unit) => new Intl.NumberFormat(language, unit ? { ...options, unit } : options));
    return (n: number, unit = "") => of(unit).format(n);
  };
  const instants = (options: Intl.DateTimeFormatOptions) => {
    const of = kept((timeZone) => new Intl.DateTimeFormat(language, timeZone ? { ...options, timeZone } : options));
    return (at: string | Date, zone = "") => of(zone).format(new Date(at));
  };
  const whole = numbers({});
  const rate = numbers({ maximumFractionDigits: 1 });
  const percent = numbers({ style: "percent", maximumFractionDigits: 1 });
  const length = numbers({ style: "unit", unitDisplay: "short" });
  const size = numbers({ style: "unit", maximumFractionDigits: 1 });
  const relative = kept(() => new Intl.RelativeTimeFormat(language, { numeric: "auto" }));
  return {
    language,
    number: (n) => (Number.isInteger(n) ? whole : rate)(n),
    percent: (share) => percent(share),
    instant: instants({ dateStyle: "medium", timeStyle: "short" }),
    date: instants({ dateStyle: "medium" }),
    time: instants({ timeStyle: "short" }),
    ago: (at, now) => {
      const { value, unit } = distance((new Date(at).getTime() - now) / 1000);
      return relative("").format(value, unit);
    },
    duration: (seconds) =>
      parts(seconds)
        .map(([n, unit]) => length(n, unit))
        .join(" "),
    bytes: (n) => {
      const [value, unit] = n < 1000 ? [n, "byte"] : n < 1e6 ? [n / 1000, "kilobyte"] : [n / 1e6, "megabyte"];
      return size(value, unit);
    },
  };
});

/** Formats in the language that is spoken, as the viewer's country writes it. */
export function useFormat(): Format {
  const { i18n } = useTranslation();
  return format(navigator.languages.find((tag) => tag.startsWith(i18n.language)) ?? i18n.language);
}
