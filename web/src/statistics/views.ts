// What each view of the statistics shows: which rows of /v1/stats, in which columns, and what of them over time.
import type { ParseKeys } from "i18next";

/** A subject of /v1/stats with rows for windows. */
export type Subject = "campaigns" | "notifications" | "channels" | "errors" | "links" | "lists" | "people" | "contacts" | "flows" | "arrivals";

export const viewIDs = ["campaigns", "notifications", "channels", "errors", "arrivals", "links", "lists", "people", "contacts", "flows", "hours", "notes"] as const;
export type ViewID = (typeof viewIDs)[number];

interface Metric {
  key: string;
  label: ParseKeys;
  /** A part from 0 to 1. */
  share?: boolean;
  /** Left out where the window is narrow. */
  wide?: boolean;
}

export interface View {
  subject: Subject;
  /** What a row of the table is of; a window where there is none. */
  of?: "campaign" | "template" | "channel" | "link" | "list";
  metrics: readonly Metric[];
  /** Which of them are drawn over time. */
  lines: readonly string[];
  /** Which are steps of each other. */
  funnel?: readonly string[];
}

const count = (key: string, label: ParseKeys, wide = false): Metric => ({ key, label, ...(wide ? { wide } : {}) });
const part = (key: string, label: ParseKeys): Metric => ({ key, label, share: true, wide: true });

export const views: Record<Exclude<ViewID, "hours" | "notes">, View> = {
  campaigns: {
    subject: "campaigns",
    of: "campaign",
    lines: ["sent", "delivered", "opened", "clicked", "failed"],
    funnel: ["total", "sent", "delivered", "opened", "clicked", "converted"],
    metrics: [
      count("total", "stats.total", true),
      count("sent", "stats.sent"),
      count("delivered", "stats.delivered", true),
      count("opened", "stats.opened"),
      count("clicked", "stats.clicked"),
      count("converted", "stats.converted", true),
      count("failed", "stats.failed", true),
      count("rejected", "stats.rejected", true),
      count("skipped", "stats.skipped", true),
      count("opted_out", "stats.optedOut", true),
      part("delivery_rate", "stats.deliveryRate"),
      part("click_rate", "stats.clickRate"),
      part("failure_rate", "stats.failureRate"),
    ],
  },
  notifications: {
    subject: "notifications",
    of: "template",
    lines: ["total_sent", "total_delivered", "total_read", "total_failed"],
    metrics: [
      count("total", "stats.total", true),
      count("total_sent", "stats.sent"),
      count("total_undelivered", "stats.undelivered", true),
      count("total_delivered", "stats.delivered"),
      count("total_read", "stats.read"),
      count("total_failed", "stats.failed"),
    ],
  },
  channels: {
    subject: "channels",
    of: "channel",
    lines: ["sent", "delivered", "failed", "rejected", "replied"],
    metrics: [
      count("total", "stats.total", true),
      count("sent", "stats.sent"),
      count("delivered", "stats.delivered", true),
      count("read", "stats.read", true),
      count("failed", "stats.failed"),
      count("rejected", "stats.rejected", true),
      count("unknown", "stats.unknown", true),
      count("skipped", "stats.skipped", true),
      count("replied", "stats.replied", true),
      part("delivery_rate", "stats.deliveryRate"),
      part("failure_rate", "stats.failureRate"),
      part("reply_rate", "stats.replyRate"),
    ],
  },
  errors: { subject: "errors", of: "channel", lines: ["tries"], metrics: [count("tries", "stats.tries")] },
  arrivals: {
    subject: "arrivals",
    of: "channel",
    lines: ["arrived"],
    metrics: [count("arrived", "stats.arrived")],
  },
  links: {
    subject: "links",
    of: "link",
    lines: ["people", "clicks"],
    metrics: [count("people", "stats.people"), count("clicks", "stats.clicks"), count("machine_clicks", "stats.machineClicks", true)],
  },
  lists: { subject: "lists", of: "list", lines: ["joined", "left"], metrics: [count("joined", "stats.joined"), count("left", "stats.left"), count("total", "stats.inIt")] },
  people: { subject: "people", lines: ["reached", "active"], metrics: [count("reached", "stats.reached"), count("active", "stats.active")] },
  contacts: {
    subject: "contacts",
    lines: ["created", "removed", "opted_out", "bounced"],
    metrics: [
      count("created", "stats.created"),
      count("removed", "stats.removed", true),
      count("opted_out", "stats.optedOut"),
      count("opted_in", "stats.optedIn", true),
      count("bounced", "stats.bounced", true),
      count("complained", "stats.complained", true),
      count("total", "stats.atTheEnd"),
    ],
  },
  flows: {
    subject: "flows",
    of: "campaign",
    lines: ["entered", "answered", "ended"],
    metrics: [count("entered", "stats.entered"), count("answered", "stats.answered", true), count("ended", "stats.ended")],
  },
};

/** How long messages took to arrive, the shortest first, as the fields of a row name it. */
export const arrivals = ["within_1s", "within_5s", "within_15s", "within_1m", "within_5m", "within_15m", "within_1h", "within_6h", "within_24h", "longer"] as const;

/** Why providers refused, as they are named. */
export const errorKinds = ["temporary", "recipient_busy", "throttled", "recipient", "content", "auth", "sender", "account", "quota", "in_doubt"] as const;
