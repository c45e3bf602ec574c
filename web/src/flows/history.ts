/** What something was, is, and was before it was undone. */
interface History<T> {
  past: readonly T[];
  now: T;
  future: readonly T[];
  /** By what it was changed last: what changes the same again is one change. */
  by: string | undefined;
}

const most = 200; // changes that can be undone

export const begun = <T>(now: T): History<T> => ({ past: [], now, future: [], by: undefined });

export function put<T>(h: History<T>, now: T, by?: string): History<T> {
  const same = by !== undefined && by === h.by;
  return { past: same ? h.past : [...h.past, h.now].slice(-most), now, future: [], by };
}

export function undo<T>(h: History<T>): History<T> {
  const last = h.past.at(-1);
  return last === undefined ? h : { past: h.past.slice(0, -1), now: last, future: [h.now, ...h.future], by: undefined };
}

export function redo<T>(h: History<T>): History<T> {
  const [next, ...rest] = h.future;
  return next === undefined ? h : { past: [...h.past, h.now], now: next, future: rest, by: undefined };
}
