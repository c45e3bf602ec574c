import { expect, it } from "vitest";

import { begun, put, redo, undo } from "./history";

it("goes back and forth, and a word that is typed is one change", () => {
  let h = put(begun("a"), "b");
  h = put(put(h, "bx", "text"), "bxy", "text");
  expect(undo(h).now).toBe("b");
  expect(redo(undo(h)).now).toBe("bxy");
  expect(undo(undo(undo(undo(h)))).now).toBe("a");
  expect(redo(put(undo(h), "c")).now).toBe("c");
  expect(put(undo(h), "bz", "text").past).toEqual(["a", "b"]);
});
