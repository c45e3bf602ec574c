import { describe, expect, it, vi } from "vitest";

vi.mock("@/api/client", () => ({ queries: {}, refresh: () => Promise.resolve() }));
const { take } = await import("./live");

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
