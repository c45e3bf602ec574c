import { describe, expect, it } from "vitest";

import type { Schema } from "@/api/client";

import { examples, part, typed, waiting } from "./clearing";

const message = (id: number, state: Schema<"Message">["state"]): Schema<"Message"> => ({ id, state, channel_id: 1, address: `${id}@example.org`, attempt: 0, created_at: "" });

describe("a clearing", () => {
  it("takes what waits, and not what a provider is being asked about", () => {
    expect(waiting({ pending: 3, queued: 4 })).toBe(7);
    const messages = [message(1, "sending"), message(2, "queued"), message(3, "pending")];
    expect(examples({ messages }).map((m) => m.id)).toEqual([2, 3]);
    expect(examples({ messages }, 1).map((m) => m.id)).toEqual([2]);
    expect(examples({ messages: null })).toEqual([]);
  });

  it("of many has its number typed", () => {
    expect([0, 1000, 1001].map(typed)).toEqual([undefined, undefined, "1001"]);
  });

  it("says which part it means, and says so where it is all", () => {
    expect(part(undefined, undefined)).toEqual({ all: true });
    expect(part("3", undefined)).toEqual({ channel_id: "3" });
    expect(part("3", "9")).toEqual({ channel_id: "3", campaign_id: "9" });
  });
});
