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

/** How many rows one can scroll through; browsers have no room for more. */
export const most = 500_000;

/** How many rows there are to be scrolled through: those that are known, and one that stands for what comes. */
export function count({ cursors, rows }: Known): number {
  return Math.min(rows ?? (cursors.length - 1) * pageSize + 1, most);
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
