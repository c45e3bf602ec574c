// What is done to many contacts at once, as the form has it and as the API takes it.
import type { Schema } from "@/api/client";

import { valueOf } from "./values";

type Input = Schema<"BulkInput">;
export type Action = Input["action"];

/** Whose turn it is. */
export type Whom = Pick<Input, "contacts" | "q" | "rule" | "all">;

export const actions: Action[] = ["add", "remove", "set", "start", "stop", "block", "unblock", "delete"];

/** How many can be named one by one. */
export const mostChosen = 10_000;

export interface Form {
  action: Action;
  /** The list of add and remove by its id; empty for none. */
  list: string;
  property: string;
  value: string;
}

export const empty: Form = { action: "add", list: "", property: "", value: "" };

/** The request; undefined as long as something is missing. */
export function inputOf(form: Form, whom: Whom, properties: readonly Schema<"Property">[]): Input | undefined {
  switch (form.action) {
    case "add":
    case "remove":
      return form.list === "" ? undefined : { ...whom, action: form.action, list: Number(form.list) };
    case "set": {
      const property = properties.find(({ key }) => key === form.property);
      return property && { ...whom, action: form.action, property: property.key, value: valueOf(property.type, form.value) };
    }
    default:
      return { ...whom, action: form.action };
  }
}

/** What has to be typed before so many are changed. */
export const typed = (n: number) => (n > 1000 ? String(n) : undefined);
