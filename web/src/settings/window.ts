// The length of a rolling window, in the largest unit that it is a whole number of.

export const units = { hour: 3600, day: 24 * 3600, week: 7 * 24 * 3600 } as const; // seconds
export type Unit = keyof typeof units;

/** Such as 2 weeks; what is no whole number of hours is told in parts of one. */
export function lengthOf(seconds: number): { n: number; unit: Unit } {
  const unit = (["week", "day", "hour"] as const).find((u) => seconds % units[u] === 0) ?? "hour";
  return { n: seconds / units[unit], unit };
}

export const secondsOf = (n: number, unit: Unit): number => Math.round(n * units[unit]);
