import { describe, expect, it } from "vitest";

import { Problem } from "@/api/problem";

import { isTwice, mailboxesOf, rowsOf, someTwice, withRow, wrongIn } from "./mailboxes";

const mailboxes = {
  google: { per_second: 20, recipients_per_day: 5000, warm_up: { first: 200, ceiling: 50000, factor: 1.2 } },
  "mimecast.com": { per_second: 0.5 },
  default: {},
};

describe("limits for mailbox providers", () => {
  it("come back as they were, with those of default that set none", () => {
    expect(mailboxesOf(rowsOf(mailboxes))).toEqual(mailboxes);
  });

  it("are added and taken away by rows, which keep their keys", () => {
    const rows = withRow(rowsOf(mailboxes), "gmx").filter((r) => r.name !== "google");
    expect(rows.map((r) => [r.key, r.name])).toEqual([
      [1, "mimecast.com"],
      [2, "default"],
      [3, "gmx"],
    ]);
    expect(mailboxesOf(rows)).toEqual({ "mimecast.com": { per_second: 0.5 }, default: {}, gmx: {} });
  });

  it("have a warm-up sent without its numbers, so that the server names them", () => {
    const rows = withRow([], "gmx").map((r) => ({ ...r, warm: true }));
    expect(mailboxesOf(rows)).toEqual({ gmx: { warm_up: { first: 0, ceiling: 0 } } });
  });

  it("tell the second of two rows of one name", () => {
    const rows = withRow(withRow(withRow(withRow([], "gmx"), ""), "gmx"), "");
    expect(rows.map((r) => isTwice(rows, r))).toEqual([false, false, true, false]);
    expect(someTwice(rows)).toBe(true);
    expect(someTwice(rows.slice(0, 2))).toBe(false);
  });

  it("show what is wrong at the row and the field that the server names", () => {
    const error = new Problem({
      code: "invalid",
      status: 422,
      detail: "",
      errors: [
        { location: "body.limits.mailboxes.free.fr.per_second", message: "must be from 0" },
        { location: "body.limits.mailboxes.gogle", message: "is no mailbox provider" },
      ],
    });
    expect(wrongIn(error, "free.fr", "per_second")).toBe("must be from 0");
    expect(wrongIn(error, "gogle")).toBe("is no mailbox provider");
    expect([wrongIn(error), wrongIn(error, "free"), wrongIn(error, "free.fr"), wrongIn(error, "gogle", "per_second")]).toEqual([undefined, undefined, undefined, undefined]);
  });
});
