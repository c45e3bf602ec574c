// What the server found wrong with a rule, by the place that it names.
import { Problem } from "@/api/problem";

import type { Path } from "./rule";

export interface Mark {
  /** The condition or group, by its place in the groups around it. */
  path: Path;
  /** The part of it, such as operator or value[1]; empty for all of it. */
  part: string;
  message: string;
}

/** What is wrong with the rule that stands in a field of the body, such as "rule" or "audience.rule". */
export function marksOf(error: unknown, field: string): Mark[] {
  if (!(error instanceof Problem)) return [];
  const whole = `body.${field}`;
  return error.errors.flatMap(({ location = "", message = "" }) => {
    const rest = location.slice(whole.length);
    if (!location.startsWith(whole) || !/^($|[.[])/.test(rest)) return [];
    const place = /^((?:\.rules\[\d+\])*)\.?(.*)$/.exec(rest);
    if (!place) return [];
    const path = [...(place[1] ?? "").matchAll(/\d+/g)].map(Number);
    return [{ path, part: place[2] ?? "", message }];
  });
}

/** What is wrong with one of the parts of what stands at a place; their own parts count as well. */
export function markAt(marks: readonly Mark[], path: Path, ...parts: string[]): string | undefined {
  const here = marks.filter((m) => m.path.length === path.length && m.path.every((n, i) => n === path[i]));
  return here.find((m) => parts.some((part) => m.part === part || (part !== "" && /^[.[]/.test(m.part.slice(part.length)) && m.part.startsWith(part))))?.message;
}
