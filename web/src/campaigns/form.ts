// A campaign as the page to make one holds it, and the way there and back. What the page does not
// show is kept as it is.
import type { Schema } from "@/api/client";
import { type Json, unfilled } from "@/targeting/rule";
import { zoneHere } from "@/ui/here";

import { type ExperimentForm, experimentInput, experimentOf, noExperiment } from "./experiment";
import { once } from "./policies";
import { isEmpty, said } from "./said";

type Campaign = Schema<"Campaign">;
type Audience = Schema<"Audience">;
type Content = Schema<"MessageContent">;
type Schedule = Schema<"Schedule">;

/** Kinds of lists that an audience may be made of. */
export const lists = ["targeting", "categories", "groups", "labels", "uploads"] as const;
export type ListKind = (typeof lists)[number];

/** Lists that are chosen: "groups:7". */
export type Chosen = `${ListKind}:${number}`;

export const weekdays = ["mon", "tue", "wed", "thu", "fri", "sat", "sun"] as const;
type Weekday = (typeof weekdays)[number];

export type WhenKind = "now" | "at" | "week" | "month" | "cron" | "other";

export interface When {
  kind: WhenKind;
  /** A wall-clock time, such as 2026-12-01T09:00. */
  at: string;
  days: Weekday[];
  /** Days of the month; -1 is the last. */
  dates: number[];
  /** Time of day of a week's or month's days. */
  time: string;
  cron: string;
  timezone: string;
}

export interface Form {
  name: string;
  /** The channel's id; 0 for none yet. */
  channel: number;
  all: boolean;
  include: Chosen[];
  exclude: Chosen[];
  /** A rule of its own that people are chosen by beside the lists; undefined for none. */
  rule: Json | undefined;
  /** Whoever was sent one of these campaigns is left out. */
  sent: number[];
  /** Of the audience, what the page does not show. */
  audience: Audience;
  source: "own" | "template";
  template: string;
  subject: string;
  preheader: string;
  text: string;
  html: string;
  buttons: Schema<"MessageButton">[];
  /** A file that goes along; undefined for none. */
  attachment: Schema<"Attachment"> | undefined;
  /** Of the content, what the page does not show. */
  content: Content;
  when: When;
  /** Of the schedule, what the page does not show. */
  schedule: Schedule;
  /** Messages a second at most; empty leaves it to the channel. */
  perSecond: string;
  throttle: Schema<"Throttle">;
  experiment: ExperimentForm;
}

const never: When = { kind: "now", at: "", days: [], dates: [], time: "09:00", cron: "0 9 * * MON", timezone: "" };

/** A campaign that says nothing yet. */
export const blank = (): Form => ({
  name: "",
  channel: 0,
  all: false,
  include: [],
  exclude: [],
  rule: undefined,
  sent: [],
  audience: {},
  source: "own",
  template: "",
  subject: "",
  preheader: "",
  text: "",
  html: "",
  buttons: [],
  attachment: undefined,
  content: {},
  when: { ...never, timezone: zoneHere() },
  schedule: {},
  perSecond: "",
  throttle: {},
  experiment: noExperiment,
});

const chosen = (from: { [K in ListKind]?: number[] | null }): Chosen[] => lists.flatMap((kind) => (from[kind] ?? []).map((id): Chosen => `${kind}:${id}`));

/** The same without some of its parts. */
export function without<T extends object, K extends keyof T>(from: T, ...keys: K[]): Omit<T, K> {
  const left: PropertyKey[] = keys;
  return Object.fromEntries(Object.entries(from).filter(([key]) => !left.includes(key))) as Omit<T, K>;
}

const shownOfWhen = ["at", "cron", "calendar", "timezone"] as const;

/** When a schedule fires, as one of the tabs shows it; other where none does. */
export function whenOf(schedule: Schedule): { when: When; rest: Schedule } {
  const rest = said(without(schedule, ...shownOfWhen));
  const base = { ...never, timezone: schedule.timezone ?? zoneHere() };
  const crons = isEmpty(schedule.cron) ? [] : [schedule.cron].flat().filter((c) => c !== undefined);
  const calendar = schedule.calendar ?? [];
  const others = !isEmpty(schedule.every) || !isEmpty(schedule.dates);
  const other = { when: { ...base, kind: "other" as const }, rest: said(schedule) };
  if (others || crons.length > 1 || calendar.length > 1 || [schedule.at, crons[0], calendar[0]].filter(Boolean).length > 1) return other;
  if (schedule.at) return { when: { ...base, kind: "at", at: schedule.at }, rest };
  if (crons[0]) return { when: { ...base, kind: "cron", cron: crons[0] }, rest };
  const rule = calendar[0];
  if (!rule) return { when: base, rest };
  const time = rule.times?.[0];
  const days = rule.weekdays ?? [];
  if (rule.times?.length !== 1 || !time || !isEmpty(rule.months)) return other;
  if (days.length > 0 && isEmpty(rule.days) && days.every((d) => !d.nth && weekdays.some((w) => w === d.day))) {
    return { when: { ...base, kind: "week", days: days.map((d) => d.day as Weekday), time }, rest };
  }
  if (days.length === 0 && rule.days && rule.days.length > 0) return { when: { ...base, kind: "month", dates: rule.days, time }, rest };
  return other;
}

/** The schedule of a tab. */
export function scheduleOf(when: When, rest: Schedule): Schedule {
  const timezone = when.timezone;
  switch (when.kind) {
    case "now":
      return once(rest);
    case "other":
      return rest;
    case "at":
      return { ...once(rest), at: when.at, timezone };
    case "cron":
      return { ...rest, cron: when.cron, timezone };
    case "week":
      return { ...rest, calendar: [{ weekdays: when.days.map((day) => ({ day })), times: [when.time] }], timezone };
    case "month":
      return { ...rest, calendar: [{ days: when.dates, times: [when.time] }], timezone };
  }
}

/** Reports whether it fires again and again. */
export const recurs = (when: When) => when.kind === "week" || when.kind === "month" || when.kind === "cron" || when.kind === "other";

/** Texts of a content. */
const words = ["subject", "preheader", "text", "html"] as const;

export function formOf(c: Pick<Campaign, "name" | "channel_id" | "audience" | "content" | "schedule" | "throttle" | "experiment">): Form {
  const { when, rest } = whenOf(c.schedule);
  const { exclude, ...audience } = c.audience;
  return {
    name: c.name,
    channel: c.channel_id,
    all: audience.all === true,
    include: chosen(audience),
    exclude: chosen(exclude ?? {}),
    rule: (audience.rule ?? undefined) as Json | undefined,
    sent: exclude?.campaigns ?? [],
    audience: said({ ...without(audience, "all", "rule", ...lists), exclude: exclude && said(without(exclude, "campaigns", ...lists)) }) as Audience,
    source: c.content.template ? "template" : "own",
    template: c.content.template?.name ?? "",
    subject: c.content.subject ?? "",
    preheader: c.content.preheader ?? "",
    text: c.content.text ?? "",
    html: c.content.html ?? "",
    // Beside a template they are not shown.
    buttons: c.content.template ? [] : (c.content.buttons ?? []),
    attachment: c.content.template ? undefined : c.content.attachment,
    content: said(c.content.template ? without(c.content, ...words) : without(c.content, ...words, "buttons", "attachment")),
    when,
    schedule: rest,
    perSecond: c.throttle.per_second ? String(c.throttle.per_second) : "",
    throttle: said(without(c.throttle, "per_second")),
    experiment: experimentOf(c.experiment),
  };
}

/** The ids of a kind that are chosen. */
function ids(from: Chosen[], kind: ListKind): number[] {
  return from.filter((c) => c.startsWith(`${kind}:`)).map((c) => Number(c.slice(kind.length + 1)));
}

const byKind = (from: Chosen[]) => said(Object.fromEntries(lists.map((kind) => [kind, ids(from, kind)])) as Record<ListKind, number[]>);

/** What the server is given to keep. */
export function inputOf(f: Form): Schema<"CampaignInput"> {
  const { exclude, ...audience } = f.audience;
  const left = { ...exclude, ...byKind(f.exclude), ...said({ campaigns: f.sent }) };
  const some = { ...byKind(f.include), ...said({ rule: f.rule }) };
  const own = { subject: f.subject, preheader: f.preheader, text: f.text, html: f.html, buttons: f.buttons, ...(f.attachment ? { attachment: f.attachment } : {}) };
  const template = f.content.template?.name === f.template ? f.content.template : { name: f.template };
  const content = said<Content>(f.source === "template" ? { ...f.content, template } : { ...without(f.content, "template"), ...own });
  const throttle = { ...f.throttle, ...(f.perSecond ? { per_second: Number(f.perSecond) } : {}) };
  return {
    name: f.name,
    channel_id: f.channel,
    audience: { ...audience, ...(f.all ? { all: true } : some), ...(isEmpty(Object.keys(left)) ? {} : { exclude: left }) },
    content,
    schedule: scheduleOf(f.when, f.schedule),
    throttle,
    experiment: experimentInput(f.experiment),
  };
}

/** What is missing before it can be kept, by the sections of the page. */
export function missing(f: Form, subject: boolean): ("name" | "channel" | "audience" | "content" | "when")[] {
  const list: ReturnType<typeof missing> = [];
  if (f.name.trim() === "") list.push("name");
  if (f.channel === 0) list.push("channel");
  const nobody = f.include.length === 0 && f.rule === undefined && isEmpty(Object.keys(without(f.audience, "exclude")));
  if (!f.all && (nobody || unfilled(f.rule) > 0)) list.push("audience");
  const own = (f.text || f.html || f.buttons.length > 0 || f.attachment || !isEmpty(Object.keys(without(f.content, "template")))) && (!subject || f.subject);
  if (f.source === "template" ? f.template === "" : !own) list.push("content");
  const { kind, at, days, dates, cron } = f.when;
  if ((kind === "at" && !at) || (kind === "week" && days.length === 0) || (kind === "month" && dates.length === 0) || (kind === "cron" && !cron.trim())) list.push("when");
  return list;
}
