// The filters of the audit trail, as the address and the API have them.

export interface Filters {
  actor?: string | undefined;
  action?: string | undefined;
  target?: string | undefined;
  /** Times on the clock of the browser, such as 2026-12-01T09:00. */
  from?: string | undefined;
  to?: string | undefined;
}

export interface Query {
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
