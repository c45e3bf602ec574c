import { describe, expect, it } from "vitest";

import { changeOf, formOf } from "./form";

const kept = {
  apis: [],
  approval: { required: false },
  masked: {},
  quiet_transactional: false,
  report_mail: { channel_id: 3, to: ["ada@example.org"], troubles: true, weekly: false },
  timezone: "Europe/Rome",
  quiet_hours: { from: "20:00", to: "08:00" },
};

describe("the account's settings", () => {
  const form = formOf(kept);

  it("change nothing that was not changed", () => {
    expect(changeOf(form, form)).toEqual({});
    expect(changeOf(form, { ...form, country: "IT" })).toEqual({ country: "IT" });
  });

  it("take quiet hours away, and the channel of mails", () => {
    expect(changeOf(form, { ...form, from: "", to: "" })).toEqual({ quiet_hours: {} });
    expect(changeOf(form, { ...form, channel: 0 })).toEqual({ report_mail: { channel_id: 0, to: ["ada@example.org"], troubles: true, weekly: false } });
  });

  it("read addresses as people write them", () => {
    const to = "ada@example.org, bob@example.org\n\ncleo@example.org;";
    expect(changeOf(form, { ...form, mailTo: to }).report_mail?.to).toEqual(["ada@example.org", "bob@example.org", "cleo@example.org"]);
  });
});
