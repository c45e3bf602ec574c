// Reads MJML as a tree that forgets nothing: each element knows where it stands in the source, so
// that whatever blocks can't show is kept letter by letter. Liquid is passed over as it stands.

/** Attributes as they are written, in their order; entities stay. */
export type Attributes = Record<string, string>;

export interface Element {
  name: string;
  attributes: Attributes;
  children: Node[];
  /** What stands between its tags, and the whole of it. */
  inner: string;
  source: string;
}

/** Anything else: text, comments, Liquid between elements. */
interface Words {
  source: string;
}

export type Node = Element | Words;

export const isElement = (node: Node): node is Element => "name" in node;
export const isBlank = (node: Node) => !isElement(node) && node.source.trim() === "";

const liquid = /\{\{[\s\S]*?\}\}|\{%[\s\S]*?%\}/y;
const opening = /<([a-z][a-z0-9-]*)/y;
const attribute = /\s+([a-zA-Z][\w:-]*)\s*=\s*/y;
const tagEnd = /\s*(\/?)>/y;
const closing = /<\/([a-z][a-z0-9-]*)\s*>/y;

/** Elements of MJML whose content is text or HTML, which is not looked into. */
const leaves = ["mj-text", "mj-button", "mj-raw", "mj-style", "mj-table", "mj-title", "mj-preview", "mj-social-element", "mj-navbar-link", "mj-accordion-title", "mj-accordion-text"];

class Unreadable extends Error {}

class Reader {
  at = 0;
  constructor(readonly text: string) {}

  take(what: RegExp): RegExpExecArray | null {
    what.lastIndex = this.at;
    const found = what.exec(this.text);
    if (found) this.at = what.lastIndex;
    return found;
  }

  value(): string {
    const quote = this.text[this.at];
    if (quote !== '"' && quote !== "'") throw new Unreadable();
    const from = ++this.at;
    while (this.at < this.text.length) {
      if (this.take(liquid)) continue;
      if (this.text[this.at] === quote) return this.text.slice(from, this.at++);
      this.at++;
    }
    throw new Unreadable();
  }

  element(): Element {
    const from = this.at;
    const name = this.take(opening)?.[1];
    if (!name) throw new Unreadable();
    const attributes: Attributes = {};
    for (let found = this.take(attribute); found; found = this.take(attribute)) {
      const key = found[1] ?? "";
      if (key in attributes) throw new Unreadable();
      attributes[key] = this.value();
    }
    const end = this.take(tagEnd);
    if (!end) throw new Unreadable();
    const begin = this.at;
    if (end[1]) return { name, attributes, children: [], inner: "", source: this.text.slice(from, this.at) };
    const children = leaves.includes(name) ? this.leaf(name) : this.nodes();
    const inner = this.text.slice(begin, this.at);
    if (this.take(closing)?.[1] !== name) throw new Unreadable();
    return { name, attributes, children, inner, source: this.text.slice(from, this.at) };
  }

  leaf(name: string): Node[] {
    const from = this.at;
    const end = this.text.indexOf(`</${name}`, this.at);
    if (end < 0) throw new Unreadable();
    this.at = end;
    return from === end ? [] : [{ source: this.text.slice(from, end) }];
  }

  nodes(): Node[] {
    const list: Node[] = [];
    let from = this.at;
    const words = () => {
      if (from < this.at) list.push({ source: this.text.slice(from, this.at) });
    };
    while (this.at < this.text.length) {
      const start = this.at;
      const here = this.text.startsWith("<", this.at);
      if (this.text.startsWith("<!--", this.at)) {
        const end = this.text.indexOf("-->", this.at);
        if (end < 0) throw new Unreadable();
        words();
        from = this.at;
        this.at = end + 3;
        words();
        from = this.at;
      } else if (here && this.text[this.at + 1] === "/") break;
      else if (here) {
        words();
        list.push(this.element());
        from = this.at;
      } else if (!this.take(liquid)) this.at++;
      else {
        const end = this.at;
        this.at = start;
        words();
        list.push({ source: this.text.slice(start, end) });
        this.at = from = end;
      }
    }
    words();
    return list;
  }
}

/** The tree of a source; undefined where it is not well-formed. */
export function read(source: string): Node[] | undefined {
  const reader = new Reader(source);
  try {
    const nodes = reader.nodes();
    return reader.at === source.length ? nodes : undefined;
  } catch (e) {
    if (e instanceof Unreadable) return undefined;
    throw e;
  }
}

/** The pieces of a text: Liquid, and what stands between. */
export function pieces(text: string): { liquid: boolean; text: string }[] {
  const list: { liquid: boolean; text: string }[] = [];
  let from = 0;
  for (const found of text.matchAll(/\{\{[\s\S]*?\}\}|\{%[\s\S]*?%\}/g)) {
    if (found.index > from) list.push({ liquid: false, text: text.slice(from, found.index) });
    list.push({ liquid: true, text: found[0] });
    from = found.index + found[0].length;
  }
  if (from < text.length) list.push({ liquid: false, text: text.slice(from) });
  return list;
}

const outside = (text: string, change: (part: string) => string) =>
  pieces(text)
    .map((piece) => (piece.liquid ? piece.text : change(piece.text)))
    .join("");

/** A text as it is written between tags or in an attribute; Liquid stays. */
export const escape = (text: string) =>
  outside(text, (part) => part.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;").replaceAll('"', "&quot;"));

/** Letters as HTML has them, whatever they are. */
export const escapeHTML = (text: string) => text.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;");

const entities: Record<string, string> = { "&amp;": "&", "&lt;": "<", "&gt;": ">", "&quot;": '"', "&#39;": "'" };

/** What an escaped text says. */
export const unescape = (text: string) => outside(text, (part) => part.replace(/&(?:amp|lt|gt|quot|#39);/g, (entity) => entities[entity] ?? entity));

/** Attributes with another value of one; without it where that is empty. */
export const withAttribute = (attributes: Attributes, name: string, value: string): Attributes =>
  value === "" ? Object.fromEntries(Object.entries(attributes).filter(([key]) => key !== name)) : { ...attributes, [name]: value };

/** Attributes as they stand in a tag. */
export function written(attributes: Attributes): string {
  return Object.entries(attributes)
    .map(([name, value]) => (outside(value, (part) => part.replaceAll('"', "")) === value ? ` ${name}="${value}"` : ` ${name}='${value}'`))
    .join("");
}
