// Values of properties, as fields show them and as the API takes them. What they may be, the server says.
import type { Schema } from "@/api/client";

export type PropertyType = Schema<"Property">["type"];

export const types: PropertyType[] = ["text", "word", "number", "currency", "percent", "checkbox", "date", "time", "enum", "list", "collection", "link", "location"];

const numbers: readonly PropertyType[] = ["number", "currency", "percent"];

/** What is sent for a text in a field; null for none. What is no value of the type is sent as it is, and refused with the reason. */
export function valueOf(type: PropertyType, text: string): unknown {
  const given = text.trim();
  if (given === "") return null;
  if (numbers.includes(type)) return Number.isFinite(Number(given)) ? Number(given) : given;
  if (type === "checkbox") return given === "true" ? true : given === "false" ? false : given;
  if (type === "collection") {
    return given
      .split(",")
      .map((item) => item.trim())
      .filter(Boolean);
  }
  return given;
}

/** A value as a field shows it. */
export function textOf(value: unknown): string {
  if (value === null || value === undefined) return "";
  if (Array.isArray(value)) return value.map(textOf).join(", ");
  return typeof value === "string" ? value : JSON.stringify(value);
}

/** The values that a rule leaves to choose from; none for rules of another kind. */
export function choices(type: PropertyType, rule: string | undefined): string[] {
  if (type !== "enum" && type !== "list" && type !== "collection") return [];
  return (rule ?? "")
    .split(",")
    .map((item) => item.trim())
    .filter(Boolean);
}
