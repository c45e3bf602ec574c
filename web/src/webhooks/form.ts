// A webhook as its page holds it, and what is sent of it.
import type { Schema } from "@/api/client";

type Webhook = Schema<"Webhook">;
type Input = Schema<"WebhookInput">;
type Change = Schema<"WebhookChange">;

export interface Form {
  url: string;
  description: string;
  events: string[];
  content: boolean;
  /** Ids of channels; none for all. */
  channels: string[];
  /** Ids of campaigns; none for all. */
  campaigns: string[];
  most: number;
  within: number; // ms
  /** Headers to send along, such as "Authorization: Bearer x", one a line. What is kept is not shown. */
  headers: string;
}

export const blank: Form = { url: "", description: "", events: [], content: false, channels: [], campaigns: [], most: 1, within: 0, headers: "" };

export function formOf(w: Webhook): Form {
  return {
    url: w.url,
    description: w.description ?? "",
    events: [...(w.events ?? [])].sort(),
    content: w.content,
    channels: (w.channels ?? []).map(String),
    campaigns: (w.campaigns ?? []).map(String),
    most: w.batch.most,
    within: w.batch.within_ms ?? 0,
    headers: "",
  };
}

/** Headers by their names; a line without a colon is a name without a value, which the server refuses by its name. */
export function headersOf(text: string): Record<string, string> {
  const headers: Record<string, string> = {};
  for (const line of text.split("\n").filter((l) => l.trim() !== "")) {
    const [name = "", ...value] = line.split(":");
    headers[name.trim()] = value.join(":").trim();
  }
  return headers;
}

export function inputOf(f: Form): Input {
  return {
    url: f.url.trim(),
    description: f.description.trim(),
    events: [...f.events].sort(),
    content: f.content,
    channels: f.channels.map(Number),
    campaigns: f.campaigns.map(Number),
    batch: { most: f.most, ...(f.most > 1 ? { within_ms: f.within } : {}) },
    ...(f.headers.trim() ? { headers: headersOf(f.headers) } : {}),
  };
}

/** What was changed, and nothing else. */
export function changeOf(before: Form, after: Form): Change {
  const was: Record<string, unknown> = { ...inputOf(before) };
  return Object.fromEntries(Object.entries(inputOf(after)).filter(([key, value]) => JSON.stringify(value) !== JSON.stringify(was[key])));
}

/** Events by what they are of: message, campaign and so on. */
export function grouped(events: readonly string[]): [string, string[]][] {
  const groups = new Map<string, string[]>();
  for (const event of events) {
    const of = event.split(".")[0] ?? event;
    groups.set(of, [...(groups.get(of) ?? []), event]);
  }
  return [...groups];
}
