// Links to oneself elsewhere, as words: pictures of others' brands would be loaded from somewhere.
import { escape, unescape } from "./source";

export interface Place {
  name: string;
  address: string;
}

const between = " · ";
const link = /^<a href="([^"]*)">([^<]*)<\/a>$/;

/** The places that a text leads to; undefined where it is another text. */
export function placesOf(html: string): Place[] | undefined {
  if (html.trim() === "") return [];
  const found = html.split(between).map((part) => link.exec(part));
  if (found.some((f) => f === null)) return undefined;
  return found.map((f) => ({ name: unescape(f?.[2] ?? ""), address: unescape(f?.[1] ?? "") }));
}

export const htmlOf = (places: Place[]) => places.map((p) => `<a href="${escape(p.address)}">${escape(p.name)}</a>`).join(between);
