import { describe, expect, it } from "vitest";

import type { Schema } from "@/api/client";

import { blank, formOf, inputOf, missing, recurs, scheduleOf, whenOf } from "./form";

type Schedule = Schema<"Schedule">;
type Campaign = Parameters<typeof formOf>[0];

/** Schedules that people and programs make. */
const schedules: [Schedule, string][] = [
  [{}, "now"],
  [{ at: "2026-12-01T09:00", timezone: "Europe/Berlin" }, "at"],
  [{ at: "2026-12-01T09:00", timezone: "Europe/Berlin", recipient_time: true, spread_over: "2h" }, "at"],
  [{ cron: "0 9 * * MON", timezone: "Asia/Kolkata", catch_up: "all" }, "cron"],
  [{ cron: ["0 9 * * MON", "0 10 * * TUE"], timezone: "UTC" }, "other"],
  [{ calendar: [{ weekdays: [{ day: "mon" }, { day: "fri" }], times: ["09:00"] }], timezone: "UTC" }, "week"],
  [{ calendar: [{ weekdays: [{ day: "fri", nth: -1 }], times: ["09:00"] }], timezone: "UTC" }, "other"],
  [{ calendar: [{ days: [1, -1], times: ["18:30"] }], timezone: "UTC" }, "month"],
  [{ calendar: [{ days: [1], months: [1], times: ["18:30"] }], timezone: "UTC" }, "other"],
  [{ calendar: [{ days: [1], weekdays: [{ day: "mon" }], times: ["18:30"] }], timezone: "UTC" }, "other"],
  [{ calendar: [{ days: [1], times: ["09:00", "18:30"] }], timezone: "UTC" }, "other"],
  [{ calendar: [{ days: [1], times: ["09:00"] }, { days: [2], times: ["09:00"] }] }, "other"],
  [{ every: "2h", from: "2026-01-01", timezone: "UTC" }, "other"],
  [{ dates: ["2026-12-24T10:00"], timezone: "UTC" }, "other"],
  [{ cron: "0 9 * * MON", dates: ["2026-12-24T10:00"], timezone: "UTC" }, "other"],
];

describe("a schedule", () => {
  it.each(schedules)("comes back as it was: %j", (schedule, kind) => {
    const { when, rest } = whenOf(schedule);
    expect(when.kind).toBe(kind);
    expect(scheduleOf(when, rest)).toEqual(schedule);
    expect(recurs(when)).toBe(kind !== "now" && kind !== "at");
  });

  it("keeps its other parts when it fires at another time", () => {
    const { when, rest } = whenOf({ cron: "0 9 * * MON", timezone: "UTC", catch_up: "all" });
    expect(scheduleOf({ ...when, kind: "week", days: ["tue"], time: "10:00" }, rest)).toEqual({
      calendar: [{ weekdays: [{ day: "tue" }], times: ["10:00"] }],
      timezone: "UTC",
      catch_up: "all",
    });
  });

  it("leaves behind what only recurring ones have when it fires once, and has it still when it recurs again", () => {
    const { when, rest } = whenOf({ cron: "0 9 * * MON", timezone: "UTC", count: 3, expires_after: "12h" });
    expect(scheduleOf({ ...when, kind: "now" }, rest)).toEqual({ expires_after: "12h" });
    expect(scheduleOf({ ...when, kind: "at", at: "2026-12-01T09:00" }, rest)).toEqual({ at: "2026-12-01T09:00", timezone: "UTC", expires_after: "12h" });
    expect(scheduleOf(when, rest)).toEqual({ cron: "0 9 * * MON", timezone: "UTC", count: 3, expires_after: "12h" });
  });
});

const campaigns: Campaign[] = [
  { name: "Spring", channel_id: 1, audience: { all: true }, content: { subject: "Hi", text: "Ho", html: "<p>Ho" }, schedule: {}, throttle: {} },
  {
    name: "Rule",
    channel_id: 2,
    audience: { rule: { condition: "AND", rules: [] }, groups: [3, 4], uploads: [9], exclude: { labels: [7], campaigns: [2], received: { by: "message", within: "7d" } } },
    content: { template: { name: "hello", language: "de", params: ["a"] } },
    schedule: { at: "2026-12-01T09:00", timezone: "Europe/Berlin" },
    throttle: { per_second: 5, batch: { size: 100, pause: "10m" } },
  } as unknown as Campaign,
  {
    name: "Cards",
    channel_id: 2,
    audience: { contacts: [1, 2] },
    content: { text: "Here", buttons: [{ type: "link", caption: "Open", info: "https://example.org" }], location: { latitude: 1, longitude: 2 } },
    schedule: {},
    throttle: {},
  } as unknown as Campaign,
  {
    name: "Picture",
    channel_id: 3,
    audience: { all: true },
    content: { text: "Look", attachment: { url: "https://example.org/a.png", type: "image", caption: "A" }, buttons: [{ type: "postback", caption: "Yes", info: "y" }], cards: [{ name: "Ada" }] },
    schedule: {},
    throttle: {},
  } as unknown as Campaign,
  {
    name: "Both",
    channel_id: 3,
    audience: { all: true },
    content: { template: { name: "hello" }, buttons: [{ type: "postback", caption: "Yes" }], attachment: { url: "https://example.org/a.png" } },
    schedule: {},
    throttle: {},
  } as unknown as Campaign,
];

describe("a campaign", () => {
  it.each(campaigns)("comes back as it was: $name", (campaign) => {
    expect(inputOf(formOf(campaign))).toEqual({ experiment: {}, ...campaign }); // an empty experiment takes away what was
  });

  it("loses nothing that the page does not show when something else is changed", () => {
    const [, rule] = campaigns;
    if (!rule) throw new Error("there is one");
    const changed = inputOf({ ...formOf(rule), name: "Other", include: ["labels:1"] });
    expect(changed.audience).toEqual({ ...rule.audience, groups: undefined, uploads: undefined, labels: [1] });
    expect(changed.content).toEqual(rule.content);
  });

  it("chooses people by a rule, and leaves out who got another campaign", () => {
    const rule = { condition: "AND", rules: [{ field: "language", operator: "equal", value: "de" }] };
    const form = { ...blank(), name: "x", channel: 1, text: "Hi", rule, sent: [4] };
    expect(inputOf(form).audience).toEqual({ rule, exclude: { campaigns: [4] } });
    expect(inputOf({ ...form, all: true }).audience).toEqual({ all: true, exclude: { campaigns: [4] } });
    expect(inputOf({ ...form, rule: undefined, include: ["groups:1"], sent: [] }).audience).toEqual({ groups: [1] });
  });

  it("loses neither its rule nor who is left out when other lists are chosen", () => {
    const [, given] = campaigns;
    if (!given) throw new Error("there is one");
    const form = formOf(given);
    expect(form.rule).toEqual({ condition: "AND", rules: [] });
    expect(form.sent).toEqual([2]);
    expect(form.audience).toEqual({ exclude: { received: { by: "message", within: "7d" } } });
    expect(inputOf({ ...form, sent: [] }).audience.exclude).toEqual({ labels: [7], received: { by: "message", within: "7d" } });
  });

  it("says its own words again once it has no template", () => {
    const [, rule] = campaigns;
    if (!rule) throw new Error("there is one");
    expect(inputOf({ ...formOf(rule), source: "own", text: "Hello" }).content).toEqual({ text: "Hello" });
    expect(inputOf({ ...formOf(rule), template: "bye" }).content).toEqual({ template: { name: "bye" } });
  });
});

describe("buttons and a file", () => {
  it("are changed and taken away, and count as something to say", () => {
    const picture = campaigns.find((c) => c.name === "Picture");
    if (!picture) throw new Error("there is one");
    const form = formOf(picture);
    expect(form.buttons).toHaveLength(1);
    expect(inputOf({ ...form, buttons: [], attachment: undefined }).content).toEqual({ text: "Look", cards: [{ name: "Ada" }] });
    expect(missing({ ...form, text: "", content: {} }, false)).toEqual([]);
    expect(missing({ ...form, text: "", content: {}, buttons: [], attachment: undefined }, false)).toEqual(["content"]);
  });
});

describe("what is missing", () => {
  it("is everything at first", () => {
    expect(missing(blank(), true)).toEqual(["name", "channel", "audience", "content"]);
  });

  it("is nothing where a campaign is kept", () => {
    for (const campaign of campaigns) expect(missing(formOf(campaign), false), campaign.name).toEqual([]);
  });

  it("is a value of its rule, as long as the rule is for something", () => {
    const rule = { condition: "AND", rules: [{ field: "language", operator: "equal", value: null }] };
    const form = { ...blank(), name: "x", channel: 1, text: "Hi", rule };
    expect(missing(form, false)).toEqual(["audience"]);
    expect(missing({ ...form, all: true }, false)).toEqual([]);
    expect(missing({ ...form, rule: { ...rule, rules: [{ field: "language", operator: "is_null", value: null }] } }, false)).toEqual([]);
  });

  it("is a subject on e-mail alone, and a time where there is to be one", () => {
    const form = { ...blank(), name: "x", channel: 1, all: true, text: "Hi" };
    expect(missing(form, false)).toEqual([]);
    expect(missing(form, true)).toEqual(["content"]);
    expect(missing({ ...form, when: { ...form.when, kind: "at" } }, false)).toEqual(["when"]);
    expect(missing({ ...form, when: { ...form.when, kind: "week" } }, false)).toEqual(["when"]);
  });
});
