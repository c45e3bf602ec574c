import { expect, it } from "vitest";

import { exportOf, queryOf } from "./trail";

it("the trail is asked for instants, and for nothing that is no time", () => {
  const from = new Date(2026, 11, 1, 9, 0).toISOString();
  expect(queryOf({ actor: "key 3 (deploy)", action: undefined, target: "", from: "2026-12-01T09:00", to: "soon" })).toEqual({ actor: "key 3 (deploy)", from });
});

it("the export has the filters of the list", () => {
  expect(exportOf({ actor: "key 3 (deploy)", action: "create-*" })).toBe("/v1/audit/export?actor=key+3+%28deploy%29&action=create-*");
});
