import type { LinkProps } from "@tanstack/react-router";
import type { ParseKeys } from "i18next";

interface Entry {
  to: Extract<LinkProps["to"], string>;
  label: ParseKeys;
  /** For admins alone. */
  admin?: boolean;
  /** The second key of a shortcut that begins with g. */
  key?: string;
  /** The page of the menu that it is a part of, and by which the menu leads there. */
  within?: string;
}

/** Pages that the menu and the palette lead to. */
export const entries: readonly Entry[] = [
  { to: "/", label: "home.title", key: "h" },
  { to: "/campaigns", label: "campaigns.title", key: "c" },
  { to: "/calendar", label: "calendar.title", key: "d" },
  { to: "/flows", label: "flows.title", key: "f" },
  { to: "/contacts", label: "contacts.title", key: "p" },
  { to: "/targeting", label: "targeting.title", key: "t", within: "/contacts" },
  { to: "/lists", label: "list.title", key: "l", within: "/contacts" },
  { to: "/properties", label: "property.title", within: "/contacts" },
  { to: "/uploads", label: "uploads.title", within: "/contacts" },
  { to: "/suppressions", label: "suppressions.title", within: "/contacts" },
  { to: "/replies", label: "replies.title", key: "r", within: "/contacts" },
  { to: "/jobs", label: "job.title", within: "/contacts" },
  { to: "/templates", label: "templates.title", key: "e" },
  { to: "/messages", label: "messages.title", key: "m" },
  { to: "/queue", label: "queue.title", key: "q" },
  { to: "/statistics", label: "stats.title", key: "a" },
  { to: "/channels", label: "channels.title", key: "k" },
  { to: "/settings", label: "settings.title", admin: true, key: "s" },
];
