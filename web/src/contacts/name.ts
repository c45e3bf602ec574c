import type { Schema } from "@/api/client";

/** What a contact is called: by name, else an address, else its id. */
export function nameOf(c: Pick<Schema<"Contact">, "id" | "name" | "first_name" | "last_name" | "addresses" | "external_id">): string {
  const parts = [c.first_name, c.last_name].filter(Boolean).join(" ");
  return c.name || parts || Object.values(c.addresses).find(Boolean) || c.external_id || `#${c.id}`;
}
