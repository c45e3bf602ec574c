// What a filter offers: things that exist, by the value that filters by them.

export interface Offer {
  value: string;
  /** What it is called, where that is not its value. */
  name?: string | undefined;
  /** What tells it from others beside. */
  hint?: string | undefined;
}

const most = 50; // offers at a time: whoever does not find it among them types on

const words = ({ value, name = "", hint = "" }: Offer) => [value, name, hint].map((word) => word.toLocaleLowerCase());

/** The offers in which every word occurs that was typed; each once, as far as there is room. */
export function matching(offers: readonly Offer[], typed: string): Offer[] {
  const wanted = typed.toLocaleLowerCase().split(/\s+/);
  const found = new Map<string, Offer>();
  for (const offer of offers) {
    if (found.size === most) break;
    if (!found.has(offer.value) && wanted.every((part) => words(offer).some((word) => word.includes(part)))) found.set(offer.value, offer);
  }
  return [...found.values()];
}

/** The value that somebody means who typed a text: of what is called so, or else the text itself; undefined for nothing. */
export function meant(offers: readonly Offer[], typed: string): string | undefined {
  const text = typed.trim();
  if (text === "") return undefined;
  const named = offers.find(({ value }) => value === text) ?? offers.find((offer) => words(offer).slice(0, 2).includes(text.toLocaleLowerCase()));
  return named?.value ?? text;
}

/** An offer for each value that there is, in their order. */
export const offersOf = (values: readonly (string | undefined)[]): Offer[] =>
  [...new Set(values)].filter((value) => value !== undefined && value !== "").sort((a, b) => (a ?? "").localeCompare(b ?? "")).map((value = "") => ({ value }));
