// What an e-mail is made of in the editor: blocks, which are kept as MJML (mjml.ts).
import type { Attributes } from "./source";

export type TextKind = "text" | "footer" | "social";

/** A block has the attributes of its MJML element as they are written there; whatever is absent is as MJML has it. */
export type Block = { id: string; attributes: Attributes } & (
  | { type: "heading"; level: 1 | 2 | 3; html: string }
  | { type: TextKind; html: string }
  | { type: "button"; html: string }
  | { type: "image" | "divider" | "spacer" }
  | { type: "columns"; columns: { attributes: Attributes; blocks: Block[] }[] }
  | { type: "raw"; source: string }
);

export type BlockType = Block["type"];

export interface Mail {
  /** Attributes of mjml and mj-body. */
  root: Attributes;
  body: Attributes;
  /** The font of everything; undefined where the head is kept as it is. */
  font: string | undefined;
  /** The head as it is written, where it has more than a font; empty for none. */
  head: string;
  blocks: Block[];
}

let made = 0;
const nextId = () => `b${++made}`;

/** The texts that new blocks begin with. */
interface Starts {
  heading: string;
  text: string;
  button: string;
  footer: string;
}

export const addable = ["heading", "text", "image", "button", "divider", "spacer", "columns", "social", "footer"] as const;
export type Addable = (typeof addable)[number];

/** A new block. */
export function fresh(type: Addable, starts: Starts, columns = 2): Block {
  const id = nextId();
  switch (type) {
    case "heading":
      return { id, type, level: 1, attributes: {}, html: starts.heading };
    case "text":
      return { id, type, attributes: {}, html: starts.text };
    case "footer":
      return { id, type, attributes: { "css-class": "footer", "font-size": "12px", color: "#555555", align: "center" }, html: starts.footer };
    case "social":
      return { id, type, attributes: { "css-class": "social", align: "center" }, html: "" };
    case "button":
      return { id, type, attributes: { href: "", "background-color": "#0b7285", color: "#ffffff" }, html: starts.button };
    case "image":
      return { id, type, attributes: { src: "", alt: "" } };
    case "divider":
      return { id, type, attributes: { "border-width": "1px", "border-color": "#cccccc" } };
    case "spacer":
      return { id, type, attributes: { height: "24px" } };
    case "columns":
      return { id, type, attributes: {}, columns: Array.from({ length: columns }, () => ({ attributes: {}, blocks: [] })) };
  }
}

/** A block that was read. */
export const known = <T extends Omit<Block, "id">>(block: T): T & { id: string } => ({ ...block, id: nextId() });

export const blank = (): Mail => ({ root: {}, body: { width: "600px", "background-color": "#ffffff" }, font: "Arial, sans-serif", head: "", blocks: [] });

/** Carries a change to every list of blocks: the outer one, and those of columns. */
function lists(blocks: Block[], change: (list: Block[]) => Block[]): Block[] {
  return change(blocks).map((b) => (b.type === "columns" ? { ...b, columns: b.columns.map((c) => ({ ...c, blocks: lists(c.blocks, change) })) } : b));
}

/** Blocks with one of them changed. */
export const changed = (blocks: Block[], id: string, change: (b: Block) => Block) => lists(blocks, (list) => list.map((b) => (b.id === id ? change(b) : b)));

export const removed = (blocks: Block[], id: string) => lists(blocks, (list) => list.filter((b) => b.id !== id));

/** Blocks with one of them one place further up (-1) or down (1) in its list, as far as that goes. */
export function moved(blocks: Block[], id: string, by: -1 | 1): Block[] {
  return lists(blocks, (list) => {
    const at = list.findIndex((b) => b.id === id);
    const block = list[at];
    const other = list[at + by];
    if (!block || !other) return list;
    const next = [...list];
    next[at] = other;
    next[at + by] = block;
    return next;
  });
}

/** The same block as another one. */
export function copy(b: Block): Block {
  const id = nextId();
  return b.type === "columns" ? { ...b, id, columns: b.columns.map((c) => ({ ...c, blocks: c.blocks.map(copy) })) } : { ...b, id };
}

/** Blocks with another behind one of them; at the end of a column, or of everything, where after is empty. */
export function added(blocks: Block[], block: Block, after: string): Block[] {
  if (after === "") return [...blocks, block];
  return lists(blocks, (list) => list.flatMap((b) => (b.id === after ? [b, block] : [b])));
}

/** Blocks with another at the end of a column. */
export const addedWithin = (blocks: Block[], block: Block, columns: string, column: number) =>
  changed(blocks, columns, (b) =>
    b.type === "columns" ? { ...b, columns: b.columns.map((c, i) => (i === column ? { ...c, blocks: [...c.blocks, block] } : c)) } : b,
  );
