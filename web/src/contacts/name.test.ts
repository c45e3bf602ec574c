import { expect, it } from "vitest";

import { nameOf } from "./name";

it("calls a contact by what there is", () => {
  const base = { id: 7, addresses: { email: "ada@example.org" } };
  expect(nameOf({ ...base, name: "Countess", first_name: "Ada" })).toBe("Countess");
  expect(nameOf({ ...base, name: "", first_name: "Ada", last_name: "Lovelace" })).toBe("Ada Lovelace");
  expect(nameOf({ ...base, last_name: "" })).toBe("ada@example.org");
  expect(nameOf({ id: 7, addresses: {}, external_id: "k1" })).toBe("k1");
  expect(nameOf({ id: 7, addresses: {} })).toBe("#7");
});
