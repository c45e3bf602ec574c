// How wide the columns of a table are: shares of its width in percent, so that they hold in any window and never add up to more.

/** The least that a column is left with. */
const least = 5;

/** How far the line behind a column can be moved, as the share that the column has then. */
export function bounds(shares: readonly number[], column: number): { min: number; max: number } {
  const [own = 0, next = 0] = shares.slice(column, column + 2);
  return { min: Math.min(least, own), max: Math.max(own, own + next - least) };
}

/** The shares once the line behind a column was moved, so that the column has a share: what it gets, the next one gives. */
export function moved(shares: readonly number[], column: number, to: number): number[] {
  const { min, max } = bounds(shares, column);
  const by = Math.min(max, Math.max(min, to)) - (shares[column] ?? 0);
  return shares.map((share, i) => (i === column ? share + by : i === column + 1 ? share - by : share));
}

/** Widths in pixels as shares. */
export function sharesOf(widths: readonly number[]): number[] {
  const all = widths.reduce((sum, width) => sum + width, 0);
  return all > 0 ? widths.map((width) => (100 * width) / all) : widths.map(() => 100 / widths.length);
}

/** How somebody wants tables to look. */
export interface Look {
  dense: boolean;
  /** Over the whole width of the window. */
  wide: boolean;
  /** The shares of columns, by the names of a table's columns. */
  shares: Readonly<Record<string, readonly number[]>>;
}

const isShares = (given: unknown): given is number[] => Array.isArray(given) && given.every((share) => typeof share === "number" && share > 0 && share < 100);

/** The look that was kept as JSON; what can't be read is as if nothing had been kept. */
export function lookOf(text: string | null): Look {
  let kept: Partial<Record<keyof Look, unknown>> = {};
  try {
    kept = Object(JSON.parse(text ?? "{}")) as typeof kept;
  } catch {
    // somebody else has written there
  }
  const shares = Object.fromEntries(Object.entries(Object(kept.shares) as object).filter((entry): entry is [string, number[]] => isShares(entry[1])));
  return { dense: kept.dense === true, wide: kept.wide === true, shares };
}
