// The only place where the console adds figures up: over the rows of a window for its chart, and over all for totals.

/** A row of /v1/stats, whatever it counts. */
export type Row = Readonly<Record<string, string | number | undefined>>;

export const numberOf = (row: Row, key: string): number => {
  const value = row[key];
  return typeof value === "number" ? value : 0;
};

/** The sum of a count over rows. */
export const totalOf = (rows: readonly Row[], key: string): number => rows.reduce((sum, row) => sum + numberOf(row, key), 0);

/** The sums of a count for each window, which begin at these times; 0 where a window has no row. */
export function seriesOf(rows: readonly Row[], starts: readonly string[], key: string): number[] {
  const sums = new Map<number, number>();
  for (const row of rows) {
    const at = Date.parse(String(row["start"]));
    sums.set(at, (sums.get(at) ?? 0) + numberOf(row, key));
  }
  return starts.map((start) => sums.get(Date.parse(start)) ?? 0);
}

/** The values of another time, one for each window of this: windows begin at its beginning, and some may be missing. */
export const alongside = (values: readonly number[], windows: number): (number | null)[] => Array.from({ length: windows }, (_, i) => values[i] ?? null);

/** By what part a count has changed; nothing where there was none before. */
export const changeOf = (now: number, before: number): number | undefined => (before === 0 ? undefined : (now - before) / before);
