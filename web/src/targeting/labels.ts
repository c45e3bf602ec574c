// What the fields and operators of rules are called. Properties and events have the names that people gave them.
import type { ParseKeys, TFunction } from "i18next";

import type { Field } from "./rule";

/** Fields that every account has. */
const known = [
  "campaign",
  "category",
  "created_at",
  "external_id",
  "first_name",
  "group",
  "id",
  "label",
  "language",
  "last_activity_at",
  "last_clicked_at",
  "last_delivered_at",
  "last_message_at",
  "last_name",
  "last_opened_at",
  "last_read_at",
  "last_replied_at",
  "name",
  "status",
  "targeting",
  "timezone",
  "upload",
] as const;

function fieldLabel(field: Pick<Field, "field" | "label">, t: TFunction): string {
  const name = field.field;
  const common = known.find((k) => k === name);
  if (common) return t(`targeting.fields.${common}`);
  if (name.startsWith("address.")) return t("targeting.fieldsAddress", { kind: name.slice("address.".length) });
  const own = /^(answers|steps)\.(.+)$/.exec(name);
  if (own) return t(`targeting.fieldsFlow.${own[1] as "answers" | "steps"}`, { step: own[2] ?? "" });
  const counted = /^messages_(received|opened|clicked)_(\d+)d$/.exec(name);
  if (counted) return t(`targeting.fieldsCount.${counted[1] as "received" | "opened" | "clicked"}`, { days: counted[2] ?? "" });
  return field.label;
}

const sections = ["flow", "contact", "attributes", "lists", "messages", "events", "address"] as const;

function section(name: string): (typeof sections)[number] {
  if (/^(answers|steps)\./.test(name)) return "flow";
  if (name.startsWith("attributes.")) return "attributes";
  if (name.startsWith("address.")) return "address";
  if (name.startsWith("event.")) return "events";
  if (["category", "group", "label", "upload", "targeting", "campaign"].includes(name)) return "lists";
  return /^(messages_|last_(message|delivered|read|opened|clicked)_)/.test(name) ? "messages" : "contact";
}

/** All fields, by what they are about, as a select lists them. */
export function fieldOptions(fields: readonly Field[], t: TFunction) {
  return sections
    .map((of) => ({
      group: t(`targeting.groups.${of}`),
      items: fields.filter((f) => section(f.field) === of).map((f) => ({ value: f.field, label: fieldLabel(f, t) })),
    }))
    .filter(({ items }) => items.length > 0);
}

const ofTime = ["less", "less_or_equal", "greater", "greater_or_equal"] as const;

export function operatorLabel(operator: string, comparison: string, t: TFunction): string {
  const timed = ofTime.find((o) => o === operator);
  if (timed && ["date", "time", "instant"].includes(comparison)) return t(`targeting.opTime.${timed}`);
  return t(`targeting.op.${operator}` as ParseKeys, { defaultValue: operator });
}
