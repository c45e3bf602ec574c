import type { Problem } from "@/api/problem";

/** What the server finds wrong with a source, and in which line, if it says so. */
export interface Mistake {
  line: number | undefined;
  words: string;
}

const place = /^(?:[^:\n]{0,20}: )?line (\d+)(?:, column \d+)?: ?([\s\S]*)$/;

/** Reads "line 4: …" of a message. */
function mistakeOf(message: string): Mistake {
  const found = place.exec(message);
  return found ? { line: Number(found[1]), words: found[2] || message } : { line: undefined, words: message };
}

/** What is wrong with a source, such as "email.mjml". */
export const mistakesOf = (problem: Problem | undefined, field: string): Mistake[] =>
  (problem?.errors ?? []).filter(({ location }) => location === `body.${field}`).map(({ message }) => mistakeOf(message ?? ""));
