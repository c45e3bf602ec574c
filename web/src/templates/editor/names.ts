import type { Schema } from "@/api/client";

/** Names that templates may have, in the groups of the list from which they are inserted. */
export interface Name {
  group: "contact" | "property" | "link" | "parameter";
  name: string;
  liquid: string;
}

const fields = ["first_name", "last_name", "name", "language", "external_id"] as const;
const links = ["unsubscribe_url", "preferences_url", "view_url"] as const;

const plainKey = /^[A-Za-z_][\w-]*$/;

export function namesOf(properties: Pick<Schema<"Property">, "key" | "hidden">[], parameters: { name: string }[]): Name[] {
  return [
    ...parameters.map((p): Name => ({ group: "parameter", name: p.name, liquid: `{{${p.name}}}` })),
    ...fields.map((f): Name => ({ group: "contact", name: f, liquid: `{{ contact.${f} }}` })),
    ...properties.map((p): Name => ({ group: "property", name: p.key, liquid: plainKey.test(p.key) ? `{{ contact.attributes.${p.key} }}` : `{{ contact.attributes["${p.key}"] }}` })),
    ...links.map((l): Name => ({ group: "link", name: l, liquid: `{{ ${l} }}` })),
  ];
}
