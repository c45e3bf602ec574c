// Limits for single mailbox providers as rows of a form, and the way there and back.
import { Problem } from "@/api/problem";
import type { Schema } from "@/api/client";

type Mailboxes = NonNullable<Schema<"Limits">["mailboxes"]>;

/** Names each mailbox provider that is not named. */
export const others = "default";

/** A mailbox provider with its limits. Numbers are as they are typed; empty for none. */
export interface Row {
  /** Tells it from the others while its name is written. */
  key: number;
  name: string;
  perSecond: string;
  perDay: string;
  warm: boolean;
  first: string;
  ceiling: string;
  factor: string;
}

const blank = { name: "", perSecond: "", perDay: "", warm: false, first: "", ceiling: "", factor: "" };

/** Adds a row, with nothing in it but its name. */
export const withRow = (rows: Row[], name: string): Row[] => [...rows, { ...blank, key: Math.max(-1, ...rows.map((r) => r.key)) + 1, name }];

/** A number as it is typed; 0 is none. */
export const typed = (n: number | undefined) => (n === undefined || n === 0 ? "" : String(n));

export const rowsOf = (mailboxes: Mailboxes = {}): Row[] =>
  Object.entries(mailboxes).map(([name, { per_second, recipients_per_day, warm_up }], key) => ({
    key,
    name,
    perSecond: typed(per_second),
    perDay: typed(recipients_per_day),
    warm: warm_up !== undefined,
    first: typed(warm_up?.first),
    ceiling: typed(warm_up?.ceiling),
    factor: typed(warm_up?.factor),
  }));

/** A property that is there where a number is typed. */
export const number = <K extends string>(key: K, text: string) => (text === "" ? {} : { [key]: Number(text) }) as { [P in K]?: number };

/** A warm-up; what has to be said and is not is sent as 0, so that the server names it. */
export const warmUpOf = ({ first, ceiling, factor }: Pick<Row, "first" | "ceiling" | "factor">) => ({
  first: Number(first),
  ceiling: Number(ceiling),
  ...number("factor", factor),
});

/** What the rows say. */
export const mailboxesOf = (rows: Row[]): Mailboxes =>
  Object.fromEntries(
    rows.map((r) => [r.name, { ...number("per_second", r.perSecond), ...number("recipients_per_day", r.perDay), ...(r.warm ? { warm_up: warmUpOf(r) } : {}) }]),
  );

/** Reports whether a row's name stands above already: the two can't be sent. */
export const isTwice = (rows: Row[], row: Row): boolean => row.name !== "" && rows.some((r) => r.name === row.name && r.key < row.key);

export const someTwice = (rows: Row[]): boolean => rows.some((r) => isTwice(rows, r));

/**
 * What the server says of all rows, of one, or of one of its fields, and of nothing within that: names have dots in them, and
 * what is wrong with free.fr is not wrong with free.
 */
export function wrongIn(error: unknown, ...part: [] | [name: string] | [name: string, field: string]): string | undefined {
  const whole = ["body.limits.mailboxes", ...part].join(".");
  return error instanceof Problem ? error.errors.find(({ location }) => location === whole)?.message : undefined;
}
