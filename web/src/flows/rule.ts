// Rules and values as people write them.
export interface Condition {
  field: string;
  operator: string;
  value?: string | number | boolean;
}
export interface Rule {
  condition: "AND" | "OR";
  rules: Condition[];
}

export const operators = ["equal", "not_equal", "less", "less_or_equal", "greater", "greater_or_equal", "contains", "begins_with", "is_null", "is_not_null"] as const;
/** Operators that take no value. */
export const bare = ["is_null", "is_not_null"];
/** What can have become of the message of a step. */
export const facts = ["sent", "delivered", "read", "clicked", "replied", "failed", "skipped"];

/** A rule as rows, where it is one list of conditions; others are shown as they are written. */
export function rowsOf(rule: unknown): Rule | undefined {
  if (!rule || typeof rule !== "object") return undefined;
  const { condition, rules, ...more } = rule as Record<string, unknown>;
  if ((condition !== "AND" && condition !== "OR") || !Array.isArray(rules) || Object.keys(more).length > 0) return undefined;
  const plain = (rules as unknown[]).every((one) => {
    if (!one || typeof one !== "object") return false;
    const { field, operator, value, ...rest } = one as Record<string, unknown>;
    const known = operators.some((o) => o === operator) && typeof field === "string" && Object.keys(rest).length === 0;
    return known && (value === undefined || ["string", "number", "boolean"].includes(typeof value));
  });
  return plain ? (rule as Rule) : undefined;
}

/** A value as JSON has it where it is one, such as 3 or true; a text else. */
export function valueOf(text: string): unknown {
  if (/^(true|false|null|-?(0|[1-9]\d*)(\.\d+)?)$/.test(text) || /^[[{"]/.test(text)) {
    try {
      return JSON.parse(text) as unknown;
    } catch {
      return text;
    }
  }
  return text;
}
