import { describe, expect, it } from "vitest";

import { Problem } from "@/api/problem";

import { markAt, marksOf } from "./marks";
import { begun, type Branch, type Field, fitted, hasDays, inZone, isBranch, keptIn, toBuilder, toRule, unfilled, zoneOf } from "./rule";

const blank = (zone: string) => begun(undefined, fields, zone) as Branch;

const equality = ["equal", "not_equal", "in", "not_in"];
const order = ["less", "less_or_equal", "greater", "greater_or_equal", "between", "not_between"];
const parts = ["begins_with", "not_begins_with", "contains", "not_contains", "ends_with", "not_ends_with"];
const presence = ["is_empty", "is_not_empty", "is_null", "is_not_null"];

const field = (name: string, comparison: string, type: Field["type"], operators: string[]): Field => ({
  id: name,
  field: name,
  label: name,
  type,
  input: "text",
  comparison,
  operators,
  filterable: false,
});

/** Fields of every comparison that there is. */
const fields: Field[] = [
  field("first_name", "text", "string", [...equality, ...order, ...parts, ...presence]),
  field("language", "code", "string", [...equality, ...order, ...parts, ...presence]),
  field("id", "number", "integer", [...equality, ...order, ...presence]),
  field("attributes.score", "number", "double", [...equality, ...order, ...presence]),
  field("attributes.vip", "boolean", "boolean", ["equal", "not_equal", ...presence]),
  field("attributes.birthday", "date", "date", [...equality, ...order, ...presence]),
  field("attributes.wakes", "time", "time", [...equality, ...order, ...presence]),
  field("attributes.hobbies", "set", "string", [...equality, ...parts, ...presence]),
  field("created_at", "instant", "datetime", [...equality, ...order, ...presence]),
  field("group", "id", "integer", [...equality, ...presence]),
  field("targeting", "id", "integer", equality),
];

/** Numbers that look random and are the same each time (mulberry32). */
function dice(seed: number) {
  let state = seed;
  const next = () => {
    state = (state + 0x6d2b79f5) | 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 4294967296;
  };
  const below = (n: number) => Math.floor(next() * n);
  return { below, one: <T>(of: readonly T[]): T => of[below(of.length)] as T };
}

type Dice = ReturnType<typeof dice>;

function valueOf(d: Dice, f: Field): unknown {
  switch (f.comparison) {
    case "number":
      return d.one([0, -3, 7, 12.5, 999999999999999]);
    case "id":
      return d.below(50) + 1;
    case "boolean":
      return d.one([true, false]);
    case "date":
      return d.one<unknown>(["2026-02-28", { days_before: 7 }, { days_before: -1 }]);
    case "time":
      return "08:30:00";
    case "instant":
      return d.one<unknown>(["2026-02-28", "2026-02-28T08:30", "2026-02-28T08:30:00Z", "2026-02-28T08:30:00.250Z", { days_before: 0 }]);
    default:
      return d.one(["gold", "", "a, b", "ÉCOLE", "10"]);
  }
}

/** Conditions as the server writes them; every few one that the builder does not know. */
function conditionOf(d: Dice): unknown {
  const strange = d.below(6);
  const f = strange === 0 ? field(d.one(["messages_received_45d", "event.order.3d", "attributes.gone"]), "number", "integer", ["less"]) : d.one(fields);
  const operator = strange === 1 ? d.one(["begins_with", "between", "sounds_like"]) : d.one(f.operators ?? []);
  const value = presence.includes(operator)
    ? null
    : /between$/.test(operator)
      ? [valueOf(d, f), valueOf(d, f)]
      : /^(not_)?in$/.test(operator)
        ? Array.from({ length: d.below(4) + 1 }, () => valueOf(d, f))
        : valueOf(d, f);
  return { id: f.id, field: f.field, type: f.type, input: f.input, operator, value };
}

function ruleOf(d: Dice, depth: number, outermost = true): Record<string, unknown> {
  const rules = Array.from({ length: d.below(4) + 1 }, () => (depth > 0 && d.below(3) === 0 ? ruleOf(d, depth - 1, false) : conditionOf(d)));
  return { condition: d.one(["AND", "OR"]), not: d.one([true, false]), rules, ...(outermost && d.below(2) === 0 ? { timezone: "Europe/Berlin" } : {}) };
}

describe("a rule", () => {
  it("comes back from the builder as it was, whatever it is", () => {
    for (let seed = 1; seed <= 300; seed++) {
      const rule = ruleOf(dice(seed), 4);
      const built = toBuilder(rule, fields);
      if (!built) throw new Error(`seed ${seed} is not shown`);
      expect(toRule(built, fields), `seed ${seed}`).toEqual(rule);
      expect(toRule(fitted(built), fields), `seed ${seed}, after something was changed`).toEqual(rule);
    }
  });

  it("comes back as it was even where nobody knows any field", () => {
    for (let seed = 1; seed <= 200; seed++) {
      const rule = ruleOf(dice(seed), 3);
      const built = toBuilder(rule, []);
      expect(built && toRule(built, []), `seed ${seed}`).toEqual(rule);
    }
  });

  it("keeps what whoever wrote it by hand has written", () => {
    const rule = { condition: "or", flags: { a: 1 }, rules: [{ field: "first_name", operator: "equal", value: "Ada", data: [1] }] };
    const built = toBuilder(rule, fields);
    expect(built && toRule(built, fields)).toEqual(rule);
  });

  it("is not shown where it is of another form", () => {
    for (const other of [undefined, null, [], "x", {}, { payload: [] }, { condition: "XOR", rules: [] }, { condition: "AND" }, { condition: "AND", rules: [7] }]) {
      expect(toBuilder(other, fields), JSON.stringify(other)).toBeUndefined();
    }
  });

  it("says how much of it is kept as it is", () => {
    const built = toBuilder({ condition: "AND", rules: [{ field: "gone", operator: "equal", value: 1 }, { condition: "OR", rules: [{ field: "id", operator: "contains", value: 1 }] }] }, fields);
    expect(built && keptIn(built)).toBe(2);
  });

  it("is none before it says something", () => {
    expect(toRule(blank("UTC"), fields)).toBeUndefined();
  });

  it("begins its days where its viewer is as long as it says nothing, and where it says else", () => {
    const days: Branch["rules"] = [{ id: "1", field: "first_name", operator: "is_null", value: null }];
    const zone = (rule: unknown) => {
      const built = begun(rule, fields, "Asia/Tokyo");
      return built && toRule({ ...built, rules: [...built.rules, ...days] }, fields)?.["timezone"];
    };
    expect(zone(undefined)).toBe("Asia/Tokyo");
    expect(zone({ condition: "AND", rules: [] })).toBe("Asia/Tokyo"); // one of a flow that was emptied
    expect(zone({ condition: "AND", rules: [], timezone: "Europe/Paris" })).toBe("Europe/Paris");
    expect(zone({ condition: "AND", rules: [{ field: "first_name", operator: "equal", value: "Ada" }] })).toBeUndefined(); // its days begin in UTC, and go on to
    expect(begun({ payload: [] }, fields, "Asia/Tokyo")).toBeUndefined();
  });

  it("takes type and input from a field that is chosen, and the zone that is chosen", () => {
    const built: Branch = { ...inZone(blank("UTC"), "Asia/Tokyo"), rules: [{ id: "1", field: "group", operator: "equal", value: 4, given: { field: "id", type: "x" } }] };
    expect(zoneOf(built)).toBe("Asia/Tokyo");
    expect(toRule(built, fields)).toEqual({
      condition: "AND",
      not: false,
      timezone: "Asia/Tokyo",
      rules: [{ id: "group", field: "group", type: "integer", input: "text", operator: "equal", value: 4 }],
    });
    expect(hasDays(built, fields)).toBe(false);
    expect(hasDays({ ...built, rules: [built] }, fields)).toBe(false);
    expect(hasDays({ ...built, rules: [{ id: "1", field: "created_at", operator: "less", value: null }] }, fields)).toBe(true);
  });
});

describe("values", () => {
  it.each([
    ["equal", ["a", "b"], "a"],
    ["equal", [], null],
    ["in", "a", ["a"]],
    ["in", null, []],
    ["in", [null, "b"], ["b"]],
    ["between", "a", ["a", null]],
    ["between", [1, 2, 3], [1, 2]],
    ["is_null", "a", null],
    ["equal", { days_before: 7 }, { days_before: 7 }],
    ["in", { days_before: 7 }, [{ days_before: 7 }]],
  ])("go with %s", (operator, before, after) => {
    const [node] = fitted({ ...blank("UTC"), rules: [{ id: "1", field: "first_name", operator, value: before }] }).rules;
    expect(node && !isBranch(node) && node.value).toEqual(after);
  });

  it("are missing where there are none", () => {
    const of = (operator: string, value: unknown) => unfilled({ condition: "AND", rules: [{ condition: "OR", rules: [{ field: "x", operator, value }] }] });
    expect(of("equal", null)).toBe(1);
    expect(of("in", [])).toBe(1);
    expect(of("between", [1, null])).toBe(1);
    expect(of("between", [1, 0])).toBe(0);
    expect(of("equal", "")).toBe(0);
    expect(of("is_null", null)).toBe(0);
    expect(unfilled(undefined)).toBe(0);
  });
});

describe("what the server found wrong", () => {
  const problem = new Problem({
    code: "invalid",
    status: 422,
    detail: "the input is not valid",
    errors: [
      { location: "body.rule.rules[1].rules[0].operator", message: "does not go" },
      { location: "body.rule.rules[1].rules[1].value[2]", message: "no group 4" },
      { location: "body.rule.rules[2].rules", message: "names no rule" },
      { location: "body.rule.rules[3]", message: "strange" },
      { location: "body.rule.timezone", message: "no zone" },
      { location: "body.rules", message: "of something else" },
      { location: "body.name", message: "taken" },
    ],
  });
  const marks = marksOf(problem, "rule");

  it("stands at the rule that it names", () => {
    expect(marks).toHaveLength(5);
    expect(markAt(marks, [1, 0], "operator")).toBe("does not go");
    expect(markAt(marks, [1, 1], "value")).toBe("no group 4");
    expect(markAt(marks, [1, 1], "field", "")).toBeUndefined();
    expect(markAt(marks, [2], "rules", "condition", "")).toBe("names no rule");
    expect(markAt(marks, [3], "field", "")).toBe("strange");
    expect(markAt(marks, [], "timezone")).toBe("no zone");
    expect(markAt(marks, [1], "operator", "value", "")).toBeUndefined();
  });

  it("is nothing where nothing failed, or something else did", () => {
    expect(marksOf(null, "rule")).toEqual([]);
    expect(marksOf(new Error("x"), "rule")).toEqual([]);
    expect(marksOf(problem, "audience.rule")).toEqual([]);
  });
});
