// A rule of the server as the builder holds it, and the way there and back. What the builder does
// not show is kept as it is.
import type { Schema } from "@/api/client";

export type Field = Schema<"RuleField">;

/** A rule, or a part of one, as the server reads and writes it. */
export type Json = Readonly<Record<string, unknown>>;

/** A condition. */
export interface Row {
  id: string;
  field: string;
  operator: string;
  /** As many values as the operator takes; null where one is yet to be given. */
  value: unknown;
  /** As the server wrote it. */
  given?: Json;
  /** The builder can't show it. */
  kept?: boolean;
}

/** Conditions and groups of them, of which all are to hold, or any. */
export interface Branch {
  id: string;
  combinator: "and" | "or";
  not: boolean;
  rules: (Row | Branch)[];
  /** As the server wrote it, without its rules. */
  given?: Json;
}

export type Path = readonly number[];

const isObject = (value: unknown): value is Json => typeof value === "object" && value !== null && !Array.isArray(value);

export const isBranch = (node: Row | Branch): node is Branch => "rules" in node;

type Arity = "none" | "one" | "two" | "many";

/** How many values an operator takes. */
export function arity(operator: string): Arity {
  if (/^is_(not_)?(empty|null)$/.test(operator)) return "none";
  if (/^(not_)?between$/.test(operator)) return "two";
  return /^(not_)?in$/.test(operator) ? "many" : "one";
}

/** A day by its distance from today. */
export const isRelative = (value: unknown): value is { days_before: number } =>
  isObject(value) && Object.keys(value).length === 1 && typeof value["days_before"] === "number";

/** Whether values of a field are points in time that may be told by their distance from today. */
export const isMoment = (field: Pick<Field, "comparison">) => field.comparison === "date" || field.comparison === "instant";

function shows(field: Field | undefined, operator: string, value: unknown): boolean {
  if (!field?.operators?.includes(operator)) return false;
  const one = (v: unknown) => v === null || ["string", "number", "boolean"].includes(typeof v) || (isMoment(field) && isRelative(v));
  switch (arity(operator)) {
    case "none":
      return value === null || value === undefined;
    case "one":
      return one(value);
    case "two":
      return Array.isArray(value) && value.length === 2 && value.every(one);
    case "many":
      return Array.isArray(value) && value.every(one);
  }
}

const text = (value: unknown) => (typeof value === "string" ? value : "");

function rowOf(given: Json, fields: readonly Field[], id: string): Row {
  const field = text(given["field"]) || text(given["id"]);
  const operator = text(given["operator"]);
  const value = given["value"];
  const known = shows(
    fields.find((f) => f.field === field),
    operator,
    value,
  );
  return { id, field, operator, value: value ?? null, given, ...(known ? {} : { kept: true }) };
}

function branchOf(given: unknown, fields: readonly Field[], id: string): Branch | undefined {
  if (!isObject(given)) return undefined;
  const { rules, ...rest } = given;
  const combinator = text(rest["condition"]).toLowerCase();
  if ((combinator !== "and" && combinator !== "or") || !Array.isArray(rules)) return undefined;
  const nodes: (Row | Branch)[] = [];
  for (const [i, node] of (rules as unknown[]).entries()) {
    if (!isObject(node)) return undefined;
    const at = `${id}.${i}`;
    const made = "condition" in node || "rules" in node ? branchOf(node, fields, at) : rowOf(node, fields, at);
    if (!made) return undefined;
    nodes.push(made);
  }
  return { id, combinator, not: rest["not"] === true, rules: nodes, given: rest };
}

/** A rule in the builder; undefined if it is of a form of which the builder has nothing to show. */
export const toBuilder = (rule: unknown, fields: readonly Field[]): Branch | undefined => branchOf(rule, fields, "rule");

const saysNothing = (rule: unknown) => rule === undefined || (isObject(rule) && Array.isArray(rule["rules"]) && rule["rules"].length === 0 && !rule["timezone"]);

/** The same of a rule that may say nothing yet, whose days will begin in a zone then. */
export const begun = (rule: unknown, fields: readonly Field[], timezone: string): Branch | undefined =>
  saysNothing(rule) ? { id: "rule", combinator: "and", not: false, rules: [], given: { timezone } } : toBuilder(rule, fields);

function condition(row: Row, fields: readonly Field[]): Json {
  if (row.kept && row.given) return row.given;
  const given = row.given?.["field"] === row.field || row.given?.["id"] === row.field ? row.given : undefined;
  const field = fields.find((f) => f.field === row.field);
  const form = given ?? (field ? { id: field.id, field: field.field, type: field.type, input: field.input } : { id: row.field, field: row.field });
  return { ...form, operator: row.operator, value: row.value };
}

function group(branch: Branch, fields: readonly Field[]): Json {
  const given = branch.given ?? {};
  const said = text(given["condition"]);
  return {
    ...given,
    condition: said.toLowerCase() === branch.combinator ? said : branch.combinator.toUpperCase(),
    ...(branch.not || !said || "not" in given ? { not: branch.not } : {}),
    rules: branch.rules.map((node) => (isBranch(node) ? group(node, fields) : condition(node, fields))),
  };
}

/** The rule that is built; undefined as long as it says nothing. */
export const toRule = (branch: Branch, fields: readonly Field[]): Json | undefined => (branch.rules.length === 0 ? undefined : group(branch, fields));

/** The zone in which the days of a rule begin; empty for UTC. */
export const zoneOf = (branch: Branch): string => text(branch.given?.["timezone"]);

export const inZone = (branch: Branch, timezone: string): Branch => ({ ...branch, given: { ...branch.given, timezone } });

/** Everything in a rule, from the outside in. */
function* nodes(branch: Branch): Generator<Row | Branch> {
  yield branch;
  for (const node of branch.rules) {
    if (isBranch(node)) yield* nodes(node);
    else yield node;
  }
}

/** Whether a rule speaks of days, so that the zone matters in which they begin. */
export function hasDays(branch: Branch, fields: readonly Field[]): boolean {
  const moments = new Set(fields.filter(isMoment).map((f) => f.field));
  return [...nodes(branch)].some((node) => !isBranch(node) && moments.has(node.field));
}

/** How many conditions there are that the builder can't show. */
export const keptIn = (branch: Branch): number => [...nodes(branch)].filter((node) => !isBranch(node) && node.kept).length;

/** As many values as an operator takes, of those that there were. */
function fit(operator: string, value: unknown): unknown {
  const values: unknown[] = Array.isArray(value) ? value : value === null || value === undefined ? [] : [value];
  switch (arity(operator)) {
    case "none":
      return null;
    case "one":
      return values[0] ?? null;
    case "two":
      return [values[0] ?? null, values[1] ?? null];
    case "many":
      return values.filter((v) => v !== null);
  }
}

/** The same with values that go with their operators: whoever changes an operator keeps what was entered. */
export function fitted(branch: Branch): Branch {
  return {
    ...branch,
    rules: branch.rules.map((node) => {
      if (isBranch(node)) return fitted(node);
      return node.kept ? node : { ...node, value: fit(node.operator, node.value) };
    }),
  };
}

/** How many conditions of a rule are yet to be given a value. */
export function unfilled(rule: unknown): number {
  if (!isObject(rule)) return 0;
  if (Array.isArray(rule["rules"])) return (rule["rules"] as unknown[]).reduce((sum: number, node) => sum + unfilled(node), 0);
  const takes = arity(text(rule["operator"]));
  const value = rule["value"];
  const lacks = takes !== "none" && (value === null || (Array.isArray(value) && (value.length === 0 || value.includes(null))));
  return lacks ? 1 : 0;
}
