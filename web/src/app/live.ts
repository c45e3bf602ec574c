// What goes on, as the server tells it: one event stream for all pages.
import { useQuery } from "@tanstack/react-query";
import { useEffect, useState } from "react";

import { queries, refresh, type Schema } from "@/api/client";
import { without } from "@/campaigns/form";

export interface Live {
  /** Reports whether the server is heard; what is shown is old where it is not. */
  connected: boolean;
  runs: ReadonlyMap<number, Schema<"Run">>;
  queue: ReadonlyMap<number, Schema<"QueueDepth">>;
  channels: ReadonlyMap<number, Schema<"ChannelHealth">>;
}

const key = ["live"];
const nothing: Live = { connected: false, runs: new Map(), queue: new Map(), channels: new Map() };

const by = <T, K>(list: readonly T[] | null, id: (item: T) => K) => new Map((list ?? []).map((item) => [id(item), item]));
const put = <T>(map: ReadonlyMap<number, T>, id: number, item: T) => new Map(map).set(id, item);

/** Takes an event into what is known. */
export function take(live: Live, event: string, data: string): Live {
  switch (event) {
    case "snapshot": {
      const all = JSON.parse(data) as Schema<"EventSnapshot">;
      return {
        connected: true,
        runs: by(all.runs, (r) => r.id),
        queue: by(all.queue, (q) => q.channel_id),
        channels: by(all.channels, (c) => c.channel_id),
      };
    }
    case "run": {
      const run = JSON.parse(data) as Schema<"Run">;
      return { ...live, runs: put(live.runs, run.id, run) };
    }
    case "queue": {
      const depth = JSON.parse(data) as Schema<"QueueDepth">;
      return { ...live, queue: put(live.queue, depth.channel_id, depth) };
    }
    case "channel": {
      const channel = JSON.parse(data) as Schema<"ChannelHealth">;
      return { ...live, channels: put(live.channels, channel.channel_id, channel) };
    }
    default:
      return live;
  }
}

/** What is read anew once an event says that it is other than it was. */
function follow(before: Live, after: Live): void {
  // What happened while nothing was heard is read anew.
  if (!before.connected && after.connected && before !== nothing) void refresh("/v1/campaigns", "/v1/runs", "/v1/channels", "/v1/queue", "/v1/messages", "/v1/status");
  for (const run of after.runs.values()) {
    const old = before.runs.get(run.id);
    if (before.connected && old?.status !== run.status) void refresh("/v1/campaigns", "/v1/runs");
  }
  for (const channel of after.channels.values()) {
    const old = before.channels.get(channel.channel_id);
    if (old && (old.status !== channel.status || old.health.state !== channel.health.state)) void refresh("/v1/channels", "/v1/status");
  }
}

const change = (make: (live: Live) => Live) => {
  const before = queries.getQueryData<Live>(key) ?? nothing;
  const after = make(before);
  queries.setQueryData(key, after);
  follow(before, after);
};

const again = 2000; // ms

/** Listens while it is mounted and not paused. A browser connects again by itself, after the time that the server says. */
export function useListening(paused: boolean): void {
  const [attempt, setAttempt] = useState(0);
  useEffect(() => {
    if (paused) return;
    const source = new EventSource("/v1/events");
    for (const event of ["snapshot", "run", "queue", "channel"]) {
      source.addEventListener(event, (e: MessageEvent<string>) => change((live) => take(live, event, e.data)));
    }
    let later: ReturnType<typeof setTimeout> | undefined;
    source.onerror = () => {
      change((live) => ({ ...live, connected: false }));
      // A browser gives up where it was refused, such as while the server starts, or after the sign-in has ended.
      if (source.readyState !== EventSource.CLOSED) return;
      later = setTimeout(() => {
        void refresh("/v1/session");
        setAttempt((n) => n + 1);
      }, again);
    };
    return () => {
      clearTimeout(later);
      source.close();
      change((live) => ({ ...live, connected: false }));
    };
  }, [paused, attempt]);
}

/** What goes on now. */
export function useLive(): Live {
  return useQuery({ queryKey: key, queryFn: () => nothing, enabled: false, initialData: nothing, staleTime: Infinity }).data;
}

/** A run as it is now: what was read, or what was told since. */
export function useLiveRun(run: Schema<"Run"> | undefined): Schema<"Run"> | undefined {
  const told = useLive().runs.get(run?.id ?? 0);
  return told ?? run;
}

/** A channel as it is told of since it was read. */
export function tell(channel: Schema<"Channel">, told: Schema<"ChannelHealth"> | undefined): Schema<"Channel"> {
  if (!told || told.status === "deleted") return channel;
  const rest = without(channel, "status_reason", "standstill");
  const { status, health, status_reason, standstill } = told;
  return { ...rest, status, health, ...(status_reason ? { status_reason } : {}), ...(standstill ? { standstill } : {}) };
}
