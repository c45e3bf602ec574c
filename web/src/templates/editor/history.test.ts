import { expect, it } from "vitest";

import { begin, change, redo, undo } from "./history";

it("undoes and redoes, and forgets what was undone once something else is done", () => {
  let h = change(change(begin(1), 2), 3);
  h = undo(h);
  expect(h.now).toBe(2);
  expect(redo(h).now).toBe(3);
  h = change(h, 4);
  expect(redo(h).now).toBe(4);
  expect(undo(undo(undo(h))).now).toBe(1);
});

it("undoes what was typed in one place at once", () => {
  let h = begin("");
  for (const text of ["H", "Hi", "Hi!"]) h = change(h, text, "title");
  h = change(h, "Hi! And", "text");
  expect(undo(h).now).toBe("Hi!");
  expect(undo(undo(h)).now).toBe("");
});
