import { describe, expect, it, vi } from "vitest";

vi.mock("@/api/client", () => ({ queries: {}, refresh: () => Promise.resolve() }));
const { take, tell } = await import("./live");

const nothing = { connected: false, runs: new Map(), queue: new Map(), channels: new Map() };

describe("what goes on", () => {
  it("begins with a snapshot, which forgets what was before", () => {
    const old = take(nothing, "run", JSON.stringify({ id: 1, status: "sending" }));
    const live = take(old, "snapshot", JSON.stringify({ runs: [{ id: 2 }], queue: null, channels: [{ channel_id: 3 }] }));
    expect([...live.runs.keys()]).toEqual([2]);
    expect([...live.channels.keys()]).toEqual([3]);
    expect(live.queue.size).toBe(0);
    expect(live.connected).toBe(true);
  });

  it("is changed by what comes, without changing what was shown", () => {
    const before = take(nothing, "snapshot", JSON.stringify({ runs: [{ id: 2, planned: 1 }], queue: [], channels: [] }));
    const after = take(before, "run", JSON.stringify({ id: 2, planned: 5 }));
    expect(before.runs.get(2)?.planned).toBe(1);
    expect(after.runs.get(2)?.planned).toBe(5);
    expect(take(after, "queue", JSON.stringify({ channel_id: 7, pending: 9 })).queue.get(7)?.pending).toBe(9);
    expect(take(after, "heartbeat", "{}")).toBe(after);
  });
});

describe("a channel that is told of", () => {
  const read = { id: 3, name: "News", status: "paused", status_reason: "by Ada", health: { state: "ok" }, standstill: { reason: "channel_paused", words: "", remedy: "" } } as never;

  it("is as it was told, and forgets what holds no more", () => {
    expect(tell(read, { channel_id: 3, name: "News", status: "active", health: { state: "held" } })).toEqual({ id: 3, name: "News", status: "active", health: { state: "held" } });
  });

  it("stays as it was read where nothing was told, or that it is gone", () => {
    expect(tell(read, undefined)).toBe(read);
    expect(tell(read, { channel_id: 3, name: "News", status: "deleted", health: { state: "ok" } })).toBe(read);
  });
});
