// What a campaign tries out, as the page to make one holds it, and the way there and back.
import type { Schema } from "@/api/client";

type Experiment = Schema<"Experiment">;
type Variant = Schema<"Variant">;
type Rule = Schema<"WinnerRule">;

export interface VariantForm {
  name: string;
  subject: string;
  text: string;
  /** What the page does not show of it. */
  rest: Variant;
}

export interface ExperimentForm {
  variants: VariantForm[];
  /** Percent; empty for none. */
  holdout: string;
  /** Percent of the test; empty for everybody. */
  testShare: string;
  by: string;
  /** A duration such as 4h. */
  after: string;
  /** What the page does not show of it. */
  rest: Experiment;
  winner: Rule;
}

/** What counts for the winner; a person chooses with the last. */
export const metrics = ["clicked", "opened", "read", "delivered", "replied", "converted", "person"] as const;

export const noExperiment: ExperimentForm = { variants: [], holdout: "", testShare: "", by: "clicked", after: "4h", rest: {}, winner: {} };

const letters = ["A", "B", "C", "D", "E", "F", "G", "H", "I", "J"];

/** Most variants of a campaign; the server says the same. */
export const mostVariants = letters.length;

/**
 * One more variant, named by the first letter that is free, which says what the campaign says until it is changed. The
 * first has no content of its own: one has to be the campaign's.
 */
export function oneMore(variants: readonly VariantForm[], content: Schema<"Wording">): VariantForm[] {
  const name = letters.find((letter) => !variants.some((v) => v.name === letter)) ?? "";
  if (variants.length === 0) return oneMore([{ name, subject: "", text: "", rest: { name } }], content);
  return [...variants, { name, subject: content.subject ?? "", text: content.text ?? "", rest: { name, content } }];
}

const omit = <T extends object>(from: T, ...keys: string[]) => Object.fromEntries(Object.entries(from).filter(([key]) => !keys.includes(key))) as Partial<T>;

const percent = (n: number | undefined) => (n ? String(n) : "");

export function experimentOf(given: Experiment | undefined): ExperimentForm {
  if (!given) return noExperiment;
  return {
    variants: (given.variants ?? []).map((v) => ({ name: v.name, subject: v.content?.subject ?? "", text: v.content?.text ?? "", rest: v })),
    holdout: percent(given.holdout),
    testShare: percent(given.test_share),
    by: given.winner?.by ?? noExperiment.by,
    after: given.winner?.after ?? noExperiment.after,
    rest: omit(given, "variants", "holdout", "test_share", "winner"),
    winner: omit(given.winner ?? {}, "by", "after"),
  };
}

/** What the server is given: an empty object where nothing is tried out, which takes away what was. */
export function experimentInput(f: ExperimentForm): Experiment {
  const variants = f.variants.map((v): Variant => {
    const content = { ...omit(v.rest.content ?? {}, "subject", "text"), ...(v.subject ? { subject: v.subject } : {}), ...(v.text ? { text: v.text } : {}) };
    return { ...omit(v.rest, "content"), name: v.name, ...(Object.keys(content).length > 0 ? { content } : {}) };
  });
  const waits = variants.length > 0 && f.testShare !== "";
  return {
    ...f.rest,
    ...(variants.length > 0 ? { variants } : {}),
    ...(f.holdout ? { holdout: Number(f.holdout) } : {}),
    ...(waits ? { test_share: Number(f.testShare), winner: { ...f.winner, by: f.by, ...(f.by === "person" ? {} : { after: f.after }) } } : {}),
  };
}
