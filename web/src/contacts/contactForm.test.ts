import { describe, expect, it } from "vitest";

import { changeOf, formOf } from "./contactForm";

const contact = {
  id: 7,
  status: "active",
  name: "Ada",
  addresses: { email: "ada@example.org", phone: "+4915112345678" },
  attributes: { age: 36, colors: ["red", "blue"] },
  created_at: "",
  updated_at: "",
} as const;
const properties = [
  { key: "age", type: "number" },
  { key: "colors", type: "collection" },
  { key: "vip", type: "checkbox" },
] as never[];

describe("a contact's form", () => {
  const form = formOf({ ...contact, attributes: { ...contact.attributes } }, properties);

  it("changes nothing that was not changed", () => {
    expect(changeOf(form, form, properties)).toEqual({});
    expect(changeOf(form, { ...form, fields: { ...form.fields, last_name: " Lovelace " } }, properties)).toEqual({ last_name: "Lovelace" });
  });

  it("takes away what is emptied", () => {
    const emptied = { ...form, fields: { ...form.fields, name: "" }, addresses: { ...form.addresses, phone: " " }, values: { ...form.values, age: "" } };
    expect(changeOf(form, emptied, properties)).toEqual({ name: null, addresses: { phone: null }, attributes: { age: null } });
  });

  it("sends values as their types have them", () => {
    const changed = { ...form, values: { age: "37", colors: "red", vip: "true" } };
    expect(changeOf(form, changed, properties)).toEqual({ attributes: { age: 37, colors: ["red"], vip: true } });
  });

  it("brings a deleted one back by another status", () => {
    expect(changeOf({ ...form, status: "deleted" }, { ...form, status: "active" }, properties)).toEqual({ status: "active" });
  });
});
