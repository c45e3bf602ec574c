// Rules and values as people write them.
import type { Json } from "@/targeting/rule";
import { zoneHere } from "@/ui/here";

import type { Step } from "./graph";

export type Rule = Json;

/** A rule without conditions. The server asks for one; without a rule, a way would be one of chance. */
export const nobody: Rule = { condition: "AND", rules: [] };

/** A rule about a field, which lacks its value unless one is given. Its days begin in the zone of the browser. */
export const about = (field: string, value: string | null = null): Rule => ({ condition: "AND", rules: [{ field, operator: "equal", value }], timezone: zoneHere() });

/** What there is of some steps for rules to speak of: questions, and messages. What they say does not matter. */
export function asking(steps: readonly Step[]): Step[] {
  return steps.flatMap(({ id, kind, question, call }): Step[] => {
    if (kind === "ask") return [{ id, kind, ...(question ? { question } : {}) }];
    if (kind === "call") return [{ id, kind, ...(call ? { call } : {}) }];
    return kind === "send" ? [{ id, kind }] : [];
  });
}

const form = (rule: unknown) => JSON.stringify(rule, (key, value: unknown) => (key === "value" ? undefined : value));

/** Reports whether two rules differ in what they compare with alone. */
export const sameForm = (a: unknown, b: unknown) => form(a) === form(b);

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
