import { describe, expect, it } from "vitest";

import de from "./de";
import en from "./en";

type Tree = { [key: string]: string | Tree };

/** Every text by its path. */
function flat(tree: Tree, prefix = ""): Map<string, string> {
  const texts = new Map<string, string>();
  for (const [key, value] of Object.entries(tree)) {
    if (typeof value === "string") texts.set(prefix + key, value);
    else for (const [path, text] of flat(value, `${prefix}${key}.`)) texts.set(path, text);
  }
  return texts;
}

const filled = (text: string) => [...text.matchAll(/\{\{\s*(\w+)/g)].map((m) => m[1]).sort();

describe("texts", () => {
  const english = flat(en);
  const german = flat(de);

  it("have the same keys in every language", () => {
    expect([...german.keys()].sort()).toEqual([...english.keys()].sort());
  });

  it("are not empty, and are filled with the same values", () => {
    for (const [path, text] of english) {
      expect(text.trim(), path).not.toBe("");
      const other = german.get(path) ?? "";
      expect(other.trim(), path).not.toBe("");
      expect(filled(other), path).toEqual(filled(text));
    }
  });

  it("have both numbers where they count", () => {
    for (const path of english.keys()) {
      if (path.endsWith("_one")) expect(english.has(path.replace(/_one$/, "_other")), path).toBe(true);
      if (path.endsWith("_other")) expect(english.has(path.replace(/_other$/, "_one")), path).toBe(true);
    }
  });
});
