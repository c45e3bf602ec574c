import { describe, expect, it } from "vitest";

import { changeOf, formOf, inputOf } from "./property";

describe("a property's form", () => {
  const form = formOf(undefined);

  it("makes one of what was said", () => {
    expect(inputOf({ ...form, key: " size ", type: "number", rule: ">=30", default: "42", days: "1.5" })).toEqual({
      key: "size",
      type: "number",
      rule: ">=30",
      default: 42,
      expires_seconds: 129_600,
      editable: true,
      hidden: false,
      filterable: false,
    });
    expect(inputOf({ ...form, key: "x" })).not.toHaveProperty("label");
    expect(inputOf({ ...form, key: "x", days: "soon" }).expires_seconds).toBe(0);
  });

  it("changes nothing that was not changed", () => {
    const kept = formOf({ key: "size", type: "number", rule: ">=30", default: 42, expires_seconds: 86_400, editable: true, hidden: false, filterable: true, position: 0, created_at: "", updated_at: "" });
    expect(changeOf(kept, kept)).toEqual({});
    expect(changeOf(kept, { ...kept, rule: "", days: "" })).toEqual({ rule: null, expires_seconds: -1 });
    expect(changeOf(kept, { ...kept, type: "text" })).toEqual({ type: "text", default: "42" });
  });
});
