import { describe, expect, it } from "vitest";

import { empty, inputOf, typed } from "./bulkForm";
import { choices, textOf, valueOf } from "./values";

describe("a value of a property", () => {
  it("is sent as its type has it", () => {
    expect(valueOf("number", " 12.5 ")).toBe(12.5);
    expect(valueOf("checkbox", "false")).toBe(false);
    expect(valueOf("collection", "a, b,,c ")).toEqual(["a", "b", "c"]);
    expect(valueOf("word", "007")).toBe("007");
    expect(valueOf("text", "  ")).toBeNull();
  });

  it("is left to the server where it is none of the type", () => {
    expect(valueOf("number", "twelve")).toBe("twelve");
    expect(valueOf("number", "Infinity")).toBe("Infinity");
    expect(valueOf("checkbox", "perhaps")).toBe("perhaps");
  });

  it("is shown as it is written", () => {
    expect(textOf(["a", "b"])).toBe("a, b");
    expect(textOf(0)).toBe("0");
    expect(textOf(false)).toBe("false");
    expect(textOf(null)).toBe("");
  });

  it("is chosen where the rule names all that there are", () => {
    expect(choices("enum", "red, green")).toEqual(["red", "green"]);
    expect(choices("number", ">=2 <=9")).toEqual([]);
    expect(choices("enum", undefined)).toEqual([]);
  });
});

describe("what is done to many", () => {
  const age = { key: "age", type: "number" } as never;

  it("is asked for once it is whole", () => {
    expect(inputOf(empty, { all: true }, [])).toBeUndefined();
    expect(inputOf({ ...empty, list: "7" }, { q: "ada" }, [])).toEqual({ q: "ada", action: "add", list: 7 });
    expect(inputOf({ ...empty, action: "block", list: "7" }, { contacts: [1] }, [])).toEqual({ contacts: [1], action: "block" });
    expect(inputOf({ ...empty, action: "set" }, { all: true }, [age])).toBeUndefined();
    expect(inputOf({ ...empty, action: "set", property: "age", value: "" }, { all: true }, [age])).toEqual({ all: true, action: "set", property: "age", value: null });
  });

  it("has its number typed above a thousand", () => {
    expect(typed(1000)).toBeUndefined();
    expect(typed(1001)).toBe("1001");
  });
});
