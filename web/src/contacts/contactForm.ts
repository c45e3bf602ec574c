// A contact as its form holds it, and what was changed of it.
import type { Schema } from "@/api/client";

import { textOf, valueOf } from "./values";

type Contact = Schema<"Contact">;
type Property = Schema<"Property">;
type Input = Schema<"ContactInput">;

export const fields = ["name", "first_name", "last_name", "external_id", "language"] as const;
export const addressKinds = ["email", "phone", "sms", "whatsapp", "telegram", "viber", "facebook", "instagram", "push", "web", "custom"] as const;

export interface Form {
  fields: Record<(typeof fields)[number], string>;
  timezone: string;
  status: Contact["status"];
  addresses: Record<string, string>;
  /** Values of properties as their fields show them. */
  values: Record<string, string>;
}

export function formOf(c: Contact, properties: readonly Property[]): Form {
  return {
    fields: { name: c.name ?? "", first_name: c.first_name ?? "", last_name: c.last_name ?? "", external_id: c.external_id ?? "", language: c.language ?? "" },
    timezone: c.timezone ?? "",
    status: c.status,
    addresses: Object.fromEntries(addressKinds.map((kind) => [kind, c.addresses[kind] ?? ""])),
    values: Object.fromEntries(properties.map(({ key }) => [key, textOf(c.attributes[key])])),
  };
}

/** What was changed of texts by their keys; an empty one is taken away. */
const texts = (before: Record<string, string>, after: Record<string, string>) =>
  Object.fromEntries(
    Object.entries(after)
      .filter(([key, text]) => text.trim() !== before[key])
      .map(([key, text]): [string, string | null] => [key, text.trim() || null]),
  );

/** What was changed, and nothing else: somebody else, or a program, may change the rest meanwhile. */
export function changeOf(before: Form, after: Form, properties: readonly Property[]): Input {
  const addresses = texts(before.addresses, after.addresses);
  const values = Object.fromEntries(
    properties.filter(({ key }) => after.values[key] !== before.values[key]).map(({ key, type }) => [key, valueOf(type, after.values[key] ?? "")]),
  );
  return {
    ...texts(before.fields, after.fields),
    ...(after.timezone !== before.timezone ? { timezone: after.timezone || null } : {}),
    ...(after.status !== before.status && after.status !== "deleted" ? { status: after.status } : {}),
    ...(Object.keys(addresses).length > 0 ? { addresses } : {}),
    ...(Object.keys(values).length > 0 ? { attributes: values } : {}),
  };
}
