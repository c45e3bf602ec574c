// A list that is read page by page behind cursors, of which only the pages in sight are held.
// What stays of the others is where they begin.

/** A page as the API answers it. */
export interface Paged<T> {
  items: T[] | null;
  next_cursor: string;
}

/** What is known of a list: where its pages begin, and how many rows it has once its end was read. */
export interface Known {
  cursors: readonly string[];
  rows: number | undefined;
}

export const nothing: Known = { cursors: [""], rows: undefined };

/** How many rows a page of a long list has. */
export const pageSize = 200;

/**
 * How many rows there is room for at once, from one that the room begins with. Browsers end pages that are higher (Firefox
 * at 17,895,697 px, which are 497,102 rows), and what is held for each row stays small.
 */
export const room = 200_000;

/** Nearer than this many rows to the end of its room, the room moves on. Nobody scrolls by as many in a frame. */
export const near = 1000;

/** How many rows there are to be scrolled through: those that are known, and one that stands for what comes. */
export function count({ cursors, rows }: Known): number {
  return rows ?? (cursors.length - 1) * pageSize + 1;
}

/** Where somebody is in the room: the rows in sight, counted from the first in the room. */
interface Sight {
  first: number;
  last: number;
  /** Got there from afar, such as by the key End. */
  leapt: boolean;
}

/**
 * With which row the room begins for who sees some of it, of a list that is known so far. Half a room further on or back
 * where they come near its ends, and at the end or the beginning of the list where they leapt there. At the end half of it
 * is left for what is yet to be read.
 */
export function begins(begin: number, rows: number, { first, last, leapt }: Sight): number {
  const end = Math.max(0, Math.ceil((rows - room / 2) / pageSize) * pageSize);
  if (begin > end) return end;
  if (begin < end && last >= room - near) return leapt ? end : Math.min(end, begin + room / 2);
  if (begin > 0 && first < near) return leapt ? 0 : Math.max(0, begin - room / 2);
  return begin;
}

/** The pages that some rows are on, as far as their beginnings are known. */
export function pagesOf({ cursors }: Known, rows: readonly number[]): number[] {
  const pages = new Set(rows.map((row) => Math.floor(row / pageSize)));
  return [...pages].filter((page) => page < cursors.length).sort((a, b) => a - b);
}

/** What is known once a page was read; the same object where that is nothing new. */
export function learn(known: Known, page: number, { items, next_cursor }: Paged<unknown>): Known {
  if (next_cursor !== "") {
    if (known.cursors[page + 1] === next_cursor) return known;
    // Where the list was changed meanwhile, what lay behind lies elsewhere now.
    return { cursors: [...known.cursors.slice(0, page + 1), next_cursor], rows: undefined };
  }
  const rows = page * pageSize + (items ?? []).length;
  if (known.rows === rows && known.cursors.length === page + 1) return known;
  return { cursors: known.cursors.slice(0, page + 1), rows };
}
