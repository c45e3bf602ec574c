// The account's settings as their page holds them, and what is changed of them.
import type { Schema } from "@/api/client";

type Settings = Schema<"AccountSettings">;
type Change = Schema<"SettingsChange">;

export interface Form {
  timezone: string;
  country: string;
  publicURL: string;
  brandName: string;
  brandColor: string;
  from: string;
  to: string;
  quietTransactional: boolean;
  approval: boolean;
  /** The channel for mails about the account; 0 for none. */
  channel: number;
  /** Who gets them, an address a line. */
  mailTo: string;
  weekly: boolean;
  troubles: boolean;
}

export function formOf(s: Settings): Form {
  return {
    timezone: s.timezone,
    country: s.country ?? "",
    publicURL: s.public_url ?? "",
    brandName: s.brand_name ?? "",
    brandColor: s.brand_color ?? "",
    from: s.quiet_hours?.from ?? "",
    to: s.quiet_hours?.to ?? "",
    quietTransactional: s.quiet_transactional,
    approval: s.approval.required,
    channel: s.report_mail.channel_id ?? 0,
    mailTo: (s.report_mail.to ?? []).join("\n"),
    weekly: s.report_mail.weekly,
    troubles: s.report_mail.troubles,
  };
}

/** Addresses, one a line or between commas. */
const addresses = (text: string) => text.split(/[\s,;]+/).filter(Boolean);

function whole(f: Form): Required<Pick<Change, "timezone" | "country" | "public_url" | "brand_name" | "brand_color" | "quiet_hours" | "quiet_transactional" | "approval" | "report_mail">> {
  return {
    timezone: f.timezone,
    country: f.country,
    public_url: f.publicURL,
    brand_name: f.brandName,
    brand_color: f.brandColor,
    quiet_hours: f.from !== "" || f.to !== "" ? { from: f.from, to: f.to } : {},
    quiet_transactional: f.quietTransactional,
    approval: { required: f.approval },
    report_mail: { channel_id: f.channel, to: addresses(f.mailTo), weekly: f.weekly, troubles: f.troubles },
  };
}

/** What was changed, and nothing else: another admin may change the rest meanwhile. */
export function changeOf(before: Form, after: Form): Change {
  const was = whole(before);
  return Object.fromEntries(Object.entries(whole(after)).filter(([key, value]) => JSON.stringify(value) !== JSON.stringify(was[key as keyof typeof was])));
}
