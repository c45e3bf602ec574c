// What a chart says, apart from how it is drawn.
import type { Format } from "./format";

export interface Line {
  label: string;
  /** One for each time; null where nothing is known. */
  values: readonly (number | null)[];
  /** Such as that of the time before, which is compared. */
  faint?: boolean;
}

/** How far times stand from each other, which says how finely they are written. */
export type Step = "minute" | "hour" | "day" | "week" | "month";

export type Unit = "count" | "share";

// Each keeps 3:1 against a white page and a dark one, as WCAG 2.2 asks of graphics (1.4.11), on paper as well.
const colors = ["#0c8599", "#d9480f", "#9775fa", "#2f9e44", "#e03131", "#1c7ed6", "#c2255c"] as const;
const faint = "#868e96";
/** Lines are told apart by more than their color: how long their dashes are, and the gaps between them. */
const dashes = [[], [8, 4], [2, 3], [12, 3, 2, 3], [5, 5], [16, 4], [1, 5]] as const;

/** How the nth line is drawn. */
export function strokeOf(lines: readonly Line[], n: number): { color: string; dash: number[] } {
  if (lines[n]?.faint) return { color: faint, dash: [4, 4] };
  const nth = lines.slice(0, n).filter((line) => !line.faint).length % colors.length;
  return { color: colors[nth] ?? faint, dash: [...(dashes[nth] ?? [])] };
}

/** A time as it stands under the chart and in its table, on the clock of a zone. */
export function timeOf(at: string, step: Step, format: Format, zone?: string): string {
  return step === "minute" || step === "hour" ? format.instant(at, zone) : format.date(at, zone);
}

export const valueOf = (value: number | null | undefined, unit: Unit, format: Format) =>
  value === null || value === undefined ? "–" : unit === "share" ? format.percent(value) : format.number(value);

/** Where a line is highest: the number of the time, or nothing where it has no value. */
export function highest(line: Line): number | undefined {
  let best: number | undefined;
  line.values.forEach((value, i) => {
    if (value !== null && (best === undefined || value > (line.values[best] ?? 0))) best = i;
  });
  return best;
}

/** Where an arrow key leads among so many times; nothing for any other key. */
export function moved(key: string, at: number | undefined, times: number): number | undefined {
  const last = times - 1;
  const step = (n: number) => (at === undefined ? (n > 0 ? 0 : last) : Math.min(last, Math.max(0, at + n)));
  switch (key) {
    case "ArrowRight":
    case "ArrowUp":
      return step(1);
    case "ArrowLeft":
    case "ArrowDown":
      return step(-1);
    case "PageUp":
      return step(7);
    case "PageDown":
      return step(-7);
    case "Home":
      return 0;
    case "End":
      return last;
    default:
      return undefined;
  }
}

/** What part each is of a whole; nothing of nothing. */
export const shareOf = (part: number, whole: number): number | undefined => (whole > 0 ? part / whole : undefined);
