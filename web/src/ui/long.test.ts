import { describe, expect, it } from "vitest";

import { begins, count, type Known, learn, near, nothing, pagesOf, pageSize, room } from "./long";

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

  it("moves its room on and back by half, and by all where one leaps", () => {
    const rows = 3 * room;
    const walks = { first: room - near - 40, last: room - near, leapt: false };
    expect(begins(0, rows, { ...walks, last: room - near - 1 })).toBe(0);
    expect(begins(0, rows, walks)).toBe(room / 2);
    expect(begins(0, rows, { ...walks, leapt: true })).toBe(2.5 * room);
    expect(begins(2.5 * room, rows, walks)).toBe(2.5 * room);
    const back = { first: near - 1, last: near + 40, leapt: false };
    expect(begins(0, rows, back)).toBe(0);
    expect(begins(room, rows, { ...back, first: near })).toBe(room);
    expect(begins(room, rows, back)).toBe(room / 2);
    expect(begins(room, rows, { ...back, leapt: true })).toBe(0);
  });

  it("shows every row in some room, whose ends are seldom near after it moved", () => {
    for (const rows of [1, room, room + 1, room + pageSize + 7, 2.5 * room + 3]) {
      let begin = 0;
      let moves = 0;
      for (let row = 0; row < rows; row += near / 2) {
        const sight = () => ({ first: Math.max(0, row - begin - 20), last: Math.min(row - begin + 20, Math.min(room, rows - begin) - 1), leapt: false });
        const next = begins(begin, rows, sight());
        if (next !== begin) moves++;
        begin = next;
        expect(begin % pageSize).toBe(0);
        expect(row - begin).toBeGreaterThanOrEqual(0);
        expect(row - begin).toBeLessThan(room);
        expect(begins(begin, rows, sight()), "it stays where it has moved to").toBe(begin);
      }
      expect(moves).toBeLessThanOrEqual(Math.floor(rows / (room / 2)));
    }
  });

  it("stays at the end of what is known while more of it is read", () => {
    let rows = 3 * room;
    let begin = begins(0, rows, { first: room - 40, last: room - 1, leapt: true });
    for (let moves = 0; rows < 5 * room; rows += pageSize) {
      const last = Math.min(rows - begin, room) - 1;
      const next = begins(begin, rows, { first: last - 40, last, leapt: false });
      if (next !== begin) moves++;
      begin = next;
      expect(moves).toBeLessThan(5);
    }
  });

  it("comes back where the list has become shorter", () => {
    expect(begins(2 * room, room + 3, { first: 5000, last: 5040, leapt: false })).toBe(room / 2 + pageSize);
    expect(begins(2 * room, 3, { first: 0, last: 3, leapt: false })).toBe(0);
  });
});
