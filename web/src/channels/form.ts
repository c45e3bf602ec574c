// A channel as its page holds it, and the way there and back. What the page does not show is kept as it is.
import type { Schema } from "@/api/client";
import { zoneHere } from "@/ui/here";

import { type Row as MailboxRow, mailboxesOf, number, rowsOf, warmUpOf } from "./mailboxes";
import { configOf, type Setting, type Values, valuesOf } from "./settings";

type Channel = Schema<"Channel">;
type Limits = Schema<"Limits">;

export const policies = ["", "hold", "resend"] as const;
export type Policy = (typeof policies)[number];

export interface Form {
  name: string;
  values: Values;
  /** Numbers as they are typed; empty for what counts anyway. */
  perSecond: string;
  burst: string;
  concurrency: string;
  perRecipient: string;
  perRecipientBurst: string;
  perDay: string;
  /** The name of those that count the addresses of a day together. */
  pool: string;
  warm: boolean;
  first: string;
  factor: string;
  ceiling: string;
  mailboxes: MailboxRow[];
  /** Of the limits, what the page does not show. */
  limits: Limits;
  timezone: string;
  from: string;
  to: string;
  inDoubt: Policy;
  silent: boolean;
}

const typed = (n: number | string | undefined) => (n === undefined || n === 0 || n === "auto" ? "" : String(n));

type Shown = Partial<Pick<Channel, "name" | "config" | "limits" | "timezone" | "in_doubt" | "quiet_hours" | "silent_opt_out">>;

/** What the page shows of a channel; of none, a new one. */
export function formOf(settings: Setting[], c: Shown = {}): Form {
  const { per_second, burst, concurrency, per_recipient_seconds, per_recipient_burst, recipients_per_day, recipients_pool, warm_up, mailboxes, ...limits } = c.limits ?? {};
  return {
    name: c.name ?? "",
    values: valuesOf(settings, c.config ?? {}),
    perSecond: typed(per_second),
    burst: typed(burst),
    concurrency: typed(concurrency),
    perRecipient: typed(per_recipient_seconds),
    perRecipientBurst: typed(per_recipient_burst),
    perDay: typed(recipients_per_day),
    pool: recipients_pool ?? "",
    warm: warm_up !== undefined,
    first: typed(warm_up?.first),
    factor: typed(warm_up?.factor),
    ceiling: typed(warm_up?.ceiling),
    mailboxes: rowsOf(mailboxes),
    limits,
    timezone: c.timezone ?? zoneHere(),
    from: c.quiet_hours?.from ?? "",
    to: c.quiet_hours?.to ?? "",
    inDoubt: policies.find((p) => p === c.in_doubt) ?? "",
    silent: c.silent_opt_out === true,
  };
}

/** Reports whether a channel, as the form has it, takes limits for mailbox providers; usual is the provider's kind of address. */
export const pacesMailboxes = (usual: string, f: Form): boolean => (f.values.texts["address"] || usual) === "email" || f.mailboxes.length > 0;

export function limitsOf(f: Form): Limits {
  return {
    ...f.limits,
    ...number("per_second", f.perSecond),
    ...number("burst", f.burst),
    ...number("concurrency", f.concurrency),
    ...number("per_recipient_seconds", f.perRecipient),
    ...number("per_recipient_burst", f.perRecipientBurst),
    ...number("recipients_per_day", f.perDay),
    ...(f.pool === "" ? {} : { recipients_pool: f.pool }),
    ...(f.warm ? { warm_up: warmUpOf(f) } : {}),
    ...(f.mailboxes.length > 0 ? { mailboxes: mailboxesOf(f.mailboxes) } : {}),
  };
}

const quiet = (f: Form) => f.from !== "" || f.to !== "";

/** What a new channel is made of. */
export function inputOf(provider: string, settings: Setting[], f: Form): Schema<"ChannelInput"> {
  return {
    name: f.name,
    provider,
    config: configOf(settings, f.values),
    limits: limitsOf(f),
    timezone: f.timezone,
    in_doubt: f.inDoubt,
    ...(quiet(f) ? { quiet_hours: { from: f.from, to: f.to } } : {}),
    silent_opt_out: f.silent,
  };
}

/** What is changed of a channel: settings and limits are replaced as a whole, secrets stay where none are given. */
export function changeOf(settings: Setting[], f: Form): Schema<"ChannelChange"> {
  return {
    name: f.name,
    config: configOf(settings, f.values),
    limits: limitsOf(f),
    timezone: f.timezone,
    in_doubt: f.inDoubt,
    quiet_hours: quiet(f) ? { from: f.from, to: f.to } : {},
    silent_opt_out: f.silent,
  };
}
