import { describe, expect, it } from "vitest";

import { blank, changeOf, formOf, inputOf } from "./provider";

const kept = {
  id: 1,
  name: "corp",
  issuer: "https://login.example.org",
  client_id: "carillon",
  client_secret: "****",
  group_claim: "groups",
  domains: ["example.org"],
  scopes: ["email"],
  roles: [{ group: "marketing", role: "editor" as const }],
  secrets: {},
  enabled: true,
  created_at: "2026-03-01T00:00:00Z",
  updated_at: "2026-03-01T00:00:00Z",
};

describe("an identity provider", () => {
  const form = formOf(kept);

  it("changes nothing that was not changed, and its secret only where one is written", () => {
    expect(changeOf(form, form)).toEqual({});
    expect(form.secret).toBe("");
    expect(changeOf(form, { ...form, secret: "new" })).toEqual({ client_secret: "new" });
    expect(changeOf({ ...form, role: "viewer" }, form)).toEqual({ default_role: "none" });
  });

  it("is made with what is written alone", () => {
    expect(inputOf({ ...blank, name: " corp ", issuer: "https://a.example", clientID: "c", secret: "s" })).toEqual({
      name: "corp",
      issuer: "https://a.example",
      client_id: "c",
      client_secret: "s",
      domains: [],
      scopes: ["email", "profile"],
      roles: [],
    });
  });
});
