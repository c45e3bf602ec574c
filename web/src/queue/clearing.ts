// What a clearing of the queue would take, as the queue says it.
import type { Schema } from "@/api/client";

type Queue = Schema<"QueueView">;

/** From how many messages on a clearing asks for its number to be typed. */
const large = 1000;

/** What waits and is not claimed; what a provider is being asked about stays. */
export const waiting = (queue: Pick<Queue, "pending" | "queued">): number => queue.pending + queue.queued;

/** What has to be typed before so many are cleared; nothing where they are few. */
export const typed = (n: number): string | undefined => (n > large ? String(n) : undefined);

/** The first messages that would be cleared. */
export function examples(queue: Pick<Queue, "messages">, most = 5): Schema<"Message">[] {
  return (queue.messages ?? []).filter((m) => m.state !== "sending").slice(0, most);
}

/** Which part of the queue is cleared; all of it is said so. */
export function part(channel: string | undefined, campaign: string | undefined): { channel_id?: string; campaign_id?: string; all?: true } {
  if (!channel && !campaign) return { all: true };
  return { ...(channel ? { channel_id: channel } : {}), ...(campaign ? { campaign_id: campaign } : {}) };
}
