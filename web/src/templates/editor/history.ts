// What was, what is, and what was undone. Changes of one place that follow each other are undone together.
interface History<T> {
  past: T[];
  now: T;
  future: T[];
  /** The place of the last change, such as a block's text. */
  place: string;
}

const most = 100; // steps that can be undone

export const begin = <T>(now: T): History<T> => ({ past: [], now, future: [], place: "" });

export function change<T>(h: History<T>, now: T, place = ""): History<T> {
  const goesOn = place !== "" && place === h.place && h.past.length > 0;
  return { past: goesOn ? h.past : [...h.past, h.now].slice(-most), now, future: [], place };
}

export function undo<T>(h: History<T>): History<T> {
  const before = h.past.at(-1);
  return before === undefined ? h : { past: h.past.slice(0, -1), now: before, future: [h.now, ...h.future], place: "" };
}

export function redo<T>(h: History<T>): History<T> {
  const [next, ...future] = h.future;
  return next === undefined ? h : { past: [...h.past, h.now], now: next, future, place: "" };
}
