import { describe, expect, it } from "vitest";

import { without } from "@/campaigns/form";

import { changeOf, formOf, inputOf, pacesMailboxes } from "./form";
import { settingsOf } from "./settings";

const settings = settingsOf({ properties: { url: { type: "string" } }, required: ["url"] });
const channel = {
  name: "News",
  config: { url: "https://example.org" },
  limits: {
    per_second: 0.5,
    burst: 3,
    concurrency: "auto" as const,
    per_recipient_seconds: 6,
    per_recipient_burst: 45,
    recipients_per_day: 1000,
    recipients_pool: "shop",
    refusals_in_a_row: 7,
    warm_up: { first: 50, ceiling: 5000 },
    mailboxes: { gmx: { per_second: 5 } },
  },
  timezone: "Europe/Rome",
  in_doubt: "hold",
  quiet_hours: { from: "20:00", to: "08:00" },
  silent_opt_out: true,
};

describe("a channel", () => {
  it("comes back as it was, with what the page does not show", () => {
    expect(changeOf(settings, formOf(settings, channel))).toEqual({ ...channel, limits: without(channel.limits, "concurrency") });
  });

  it("loses what is emptied", () => {
    const f = { ...formOf(settings, channel), perSecond: "", pool: "", from: "", to: "", warm: false, mailboxes: [] };
    expect(changeOf(settings, f)).toMatchObject({ limits: { burst: 3, refusals_in_a_row: 7 }, quiet_hours: {} });
    expect(changeOf(settings, f).limits).not.toHaveProperty("per_second");
    expect(changeOf(settings, f).limits).not.toHaveProperty("recipients_pool");
    expect(changeOf(settings, f).limits).not.toHaveProperty("warm_up");
    expect(changeOf(settings, f).limits).not.toHaveProperty("mailboxes");
  });

  it("that is new leaves to the server what is not said", () => {
    const f = { ...formOf(settings), name: "New", timezone: "UTC", concurrency: "12" };
    expect(inputOf("webhook", settings, f)).toEqual({
      name: "New",
      provider: "webhook",
      config: {},
      limits: { concurrency: 12 },
      timezone: "UTC",
      in_doubt: "",
      silent_opt_out: false,
    });
  });

  it("with half of its quiet hours sends both, so that the server names the one that lacks", () => {
    expect(inputOf("webhook", settings, { ...formOf(settings), from: "20:00" }).quiet_hours).toEqual({ from: "20:00", to: "" });
  });

  it("has limits for mailbox providers where it delivers to e-mail addresses, and where there are some to take away", () => {
    const either = settingsOf({ properties: { address: { type: "string", enum: ["email", "sms"], default: "email" } } });
    const pushes = { ...formOf(either), values: { ...formOf(either).values, texts: { address: "sms" } } };
    expect(pacesMailboxes("email", formOf(settings))).toBe(true);
    expect(pacesMailboxes("sms", formOf(settings))).toBe(false);
    expect(pacesMailboxes("sms", formOf(either))).toBe(true);
    expect(pacesMailboxes("email", pushes)).toBe(false);
    expect(pacesMailboxes("email", { ...pushes, mailboxes: formOf(settings, channel).mailboxes })).toBe(true);
  });
});
