// A property as its form holds it, and as the API takes it.
import type { Schema } from "@/api/client";
import { type PropertyType, textOf, valueOf } from "@/contacts/values";

type Property = Schema<"Property">;
type Fields = Schema<"PropertyFields">;

export interface Form {
  key: string;
  label: string;
  type: PropertyType;
  rule: string;
  default: string;
  /** How many days a value stays; empty for ever. */
  days: string;
  editable: boolean;
  hidden: boolean;
  filterable: boolean;
}

const day = 86_400; // seconds

export function formOf(p: Property | undefined): Form {
  if (!p) return { key: "", label: "", type: "text", rule: "", default: "", days: "", editable: true, hidden: false, filterable: false };
  return {
    key: p.key,
    label: p.label ?? "",
    type: p.type,
    rule: p.rule ?? "",
    default: textOf(p.default),
    days: p.expires_seconds > 0 ? String(p.expires_seconds / day) : "",
    editable: p.editable,
    hidden: p.hidden,
    filterable: p.filterable,
  };
}

function whole(f: Form): Required<Omit<Fields, "name" | "position">> {
  const days = Number(f.days);
  return {
    label: f.label.trim() || null,
    type: f.type,
    rule: f.rule.trim() || null,
    default: valueOf(f.type, f.default),
    expires_seconds: f.days.trim() === "" ? -1 : Number.isFinite(days) ? Math.round(days * day) : 0, // 0 is refused with the reason
    editable: f.editable,
    hidden: f.hidden,
    filterable: f.filterable,
  };
}

/** What a new one is made of. */
export const inputOf = (f: Form): Schema<"PropertyInput"> => ({
  key: f.key.trim(),
  ...Object.fromEntries(Object.entries(whole(f)).filter(([, value]) => value !== null)),
});

/** What was changed. */
export function changeOf(before: Form, after: Form): Fields {
  const was = whole(before);
  return Object.fromEntries(Object.entries(whole(after)).filter(([key, value]) => JSON.stringify(value) !== JSON.stringify(was[key as keyof typeof was])));
}
