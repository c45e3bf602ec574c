// What the editor of texts writes, and what is kept: Liquid is letters to the editor, which escapes them.
import { escapeHTML, pieces } from "./source";

const only = /^<p>((?:(?!<\/?(?:p|ul|ol|li|h[1-3])\b)[\s\S])*)<\/p>$/;

/** What is kept of what the editor writes: a single paragraph stands without its tags, and Liquid as it was typed. */
export function kept(written: string): string {
  const html = only.exec(written)?.[1] ?? written;
  return html.replace(/\{\{[\s\S]*?\}\}|\{%[\s\S]*?%\}/g, (piece) => piece.replaceAll("&lt;", "<").replaceAll("&gt;", ">").replaceAll("&quot;", '"').replaceAll("&amp;", "&"));
}

/** What the editor is given of what is kept. */
export const given = (html: string) =>
  pieces(html)
    .map((piece) => (piece.liquid && !within(html, piece.text) ? escapeHTML(piece.text) : piece.text))
    .join("");

/** Liquid in the address of a link is an attribute's, whose quotes end it. */
const within = (html: string, piece: string) => html.includes(`href="${piece}`);
