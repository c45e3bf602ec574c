import { describe, expect, it } from "vitest";

import { blank, changeOf, formOf, grouped, headersOf, inputOf } from "./form";

const kept = {
  id: 1,
  url: "https://shop.example.org/",
  events: ["run.finished", "message.sent"],
  content: false,
  channels: [3],
  batch: { most: 10, within_ms: 500 },
  secrets: {},
  state: "on" as const,
  created_at: "2026-03-01T00:00:00Z",
  updated_at: "2026-03-01T00:00:00Z",
};

describe("a webhook", () => {
  it("changes nothing that was not changed, in whatever order events are ticked", () => {
    const form = formOf(kept);
    expect(changeOf(form, form)).toEqual({});
    expect(changeOf(form, { ...form, events: ["run.finished", "message.sent"] })).toEqual({});
    expect(changeOf(form, { ...form, channels: [], headers: "X-Shop: 5" })).toEqual({ channels: [], headers: { "X-Shop": "5" } });
  });

  it("waits for others only where several are told together", () => {
    expect(inputOf({ ...blank, most: 1, within: 500 }).batch).toEqual({ most: 1 });
    expect(inputOf({ ...blank, most: 5, within: 500 }).batch).toEqual({ most: 5, within_ms: 500 });
    expect("headers" in inputOf(blank)).toBe(false);
  });

  it("reads headers as people write them", () => {
    expect(headersOf("Authorization: Bearer a:b\n\n X-Shop :5\nbroken")).toEqual({ Authorization: "Bearer a:b", "X-Shop": "5", broken: "" });
  });
});

it("events stand by what they are of", () => {
  expect(grouped(["message.sent", "run.finished", "message.read"])).toEqual([
    ["message", ["message.sent", "message.read"]],
    ["run", ["run.finished"]],
  ]);
});
