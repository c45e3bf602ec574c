import type { LinkProps } from "@tanstack/react-router";
import type { ParseKeys } from "i18next";

interface Entry {
  to: Extract<LinkProps["to"], string>;
  label: ParseKeys;
  /** For admins alone. */
  admin?: boolean;
  /** The second key of a shortcut that begins with g. */
  key: string;
}

/** Pages that the menu and the palette lead to. */
export const entries: readonly Entry[] = [
  { to: "/", label: "home.title", key: "h" },
  { to: "/campaigns", label: "campaigns.title", key: "c" },
  { to: "/calendar", label: "calendar.title", key: "d" },
  { to: "/contacts", label: "contacts.title", key: "p" },
  { to: "/messages", label: "messages.title", key: "m" },
  { to: "/queue", label: "queue.title", key: "q" },
  { to: "/channels", label: "channels.title", key: "k" },
  { to: "/settings", label: "settings.title", admin: true, key: "s" },
];
