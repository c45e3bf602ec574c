import { describe, expect, it } from "vitest";

import { count, type Known, learn, most, nothing, pagesOf, pageSize } from "./long";

const page = (n: number, next: string) => ({ items: Array.from({ length: n }), next_cursor: next });

describe("a long list", () => {
  it("grows by the pages that were read, until its end", () => {
    expect(count(nothing)).toBe(1);
    const one = learn(nothing, 0, page(pageSize, "a"));
    expect(count(one)).toBe(pageSize + 1);
    const two = learn(one, 1, page(3, ""));
    expect(two).toEqual({ cursors: ["", "a"], rows: pageSize + 3 });
    expect(count(two)).toBe(pageSize + 3);
    expect(learn(nothing, 0, { items: null, next_cursor: "" })).toEqual({ cursors: [""], rows: 0 });
  });

  it("stays what it is where nothing new was read", () => {
    const known = learn(learn(nothing, 0, page(pageSize, "a")), 1, page(3, ""));
    expect(learn(known, 0, page(pageSize, "a"))).toBe(known);
    expect(learn(known, 1, page(3, ""))).toBe(known);
  });

  it("forgets what lay behind a page that ends elsewhere now", () => {
    const known: Known = { cursors: ["", "a", "b"], rows: 2 * pageSize + 5 };
    expect(learn(known, 0, page(pageSize, "a2"))).toEqual({ cursors: ["", "a2"], rows: undefined });
    expect(learn(known, 1, page(7, ""))).toEqual({ cursors: ["", "a"], rows: pageSize + 7 });
  });

  it("holds the pages in sight alone", () => {
    const known: Known = { cursors: ["", "a", "b"], rows: undefined };
    expect(pagesOf(known, [0, pageSize - 1])).toEqual([0]);
    expect(pagesOf(known, [2 * pageSize, pageSize - 1, pageSize])).toEqual([0, 1, 2]);
    expect(pagesOf(known, [3 * pageSize])).toEqual([]);
  });

  it("ends where browsers have no room for more", () => {
    expect(count({ cursors: [""], rows: 2 * most })).toBe(most);
  });
});
