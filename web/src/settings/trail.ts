// The filters of the audit trail, as the address and the API have them.
import type { Schema } from "@/api/client";
import type { Offer } from "@/ui/offers";

interface Filters {
  actor?: string | undefined;
  action?: string | undefined;
  target?: string | undefined;
  /** Times on the clock of the browser, such as 2026-12-01T09:00. */
  from?: string | undefined;
  to?: string | undefined;
}

interface Query {
  actor?: string;
  action?: string;
  target?: string;
  from?: string;
  to?: string;
}

const instant = (local: string | undefined) => {
  const at = new Date(local ?? "");
  return Number.isNaN(at.getTime()) ? undefined : at.toISOString();
};

/** What the API is asked; a time that is none is left out. */
export function queryOf(f: Filters): Query {
  const all = { actor: f.actor, action: f.action, target: f.target, from: instant(f.from), to: instant(f.to) };
  return Object.fromEntries(Object.entries(all).filter(([, value]) => value));
}

/** Where the same entries are downloaded, all of them. */
export const exportOf = (f: Filters): string => `/v1/audit/export?${new URLSearchParams({ ...queryOf(f) }).toString()}`;

/** What entries say of who, what or to what, those of the newest first; what has a name is offered with it. */
export const offersIn = (entries: readonly Schema<"AuditEntry">[], key: "actor" | "action" | "target"): Offer[] =>
  entries.map((e) => ({ value: e[key], ...(key === "target" && e.target_name ? { hint: e.target_name } : {}) })).filter(({ value }) => value !== "");
