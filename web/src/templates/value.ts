/** The value of what was typed: JSON where it is such, and else the text itself. What was a text stays one, even if it looks like a number. */
export function readValue(text: string, before: unknown): unknown {
  if (typeof before === "string") return text;
  try {
    return JSON.parse(text) as unknown;
  } catch {
    return text;
  }
}
