// Blocks as MJML, and back. What blocks can't show stays letter by letter: as a block of its own
// where it can, and else the whole opens as code.
import { type Block, known, type Mail, type TextKind } from "./blocks";
import { type Attributes, type Element, isBlank, isElement, type Node, pieces, read, written } from "./source";

/** Why a document can't be shown in blocks. */
type Unshown = "unreadable" | "outside";

const wrapping: Attributes = { padding: "0" };

const same = (a: Attributes, b: Attributes) => JSON.stringify(a) === JSON.stringify(b);

/** HTML that the editor of texts can show: these tags, a few attributes of links, and no Liquid that a tag would tear. */
const tags = /^(?:<(?:\/?(?:p|strong|em|u|s|ul|ol|li|h[1-3])|br\s*\/?|a href="[^"<>]*"(?: target="_blank")?|\/a)>|[^<>])*$/;
const plain = /^[^<>]*$/;

/** A text without what Liquid prints; tags of Liquid that ask for more than a value are not for the editor. */
const bare = (html: string) =>
  pieces(html)
    .map((piece) => (piece.liquid ? (piece.text.startsWith("{%") && /[<>&]/.test(piece.text) ? "<liquid>" : "x") : piece.text))
    .join("");

const isRich = (html: string) => tags.test(bare(html));
const isPlain = (html: string) => plain.test(bare(html));

const heading = /^<h([1-3]) style="margin:0">([\s\S]*)<\/h\1>$/;

function ofText(e: Element): Block | undefined {
  const html = e.inner.trim();
  const found = heading.exec(html);
  const level = Number(found?.[1]) as 1 | 2 | 3;
  if (found?.[2] !== undefined && isPlain(found[2])) return known({ type: "heading", level, attributes: e.attributes, html: found[2] });
  if (!isRich(html)) return undefined;
  const type: TextKind = e.attributes["css-class"] === "footer" || e.attributes["css-class"] === "social" ? e.attributes["css-class"] : "text";
  return known({ type, attributes: e.attributes, html });
}

/** A block of an element within a column; raw where nothing else shows it. */
function inColumn(node: Node): Block {
  const raw = () => known({ type: "raw", attributes: {}, source: node.source.trim() } as const);
  if (!isElement(node)) return raw();
  switch (node.name) {
    case "mj-text":
      return ofText(node) ?? raw();
    case "mj-button":
      return isPlain(node.inner) ? known({ type: "button", attributes: node.attributes, html: node.inner.trim() }) : raw();
    case "mj-image":
      return node.inner.trim() === "" ? known({ type: "image", attributes: node.attributes }) : raw();
    case "mj-divider":
      return node.inner.trim() === "" ? known({ type: "divider", attributes: node.attributes }) : raw();
    case "mj-spacer":
      return node.inner.trim() === "" ? known({ type: "spacer", attributes: node.attributes }) : raw();
    default:
      return raw();
  }
}

const maxColumns = 4;

/** A block of an element of the body. */
function inBody(node: Node): Block {
  const raw = known({ type: "raw", attributes: {}, source: node.source.trim() } as const);
  if (!isElement(node) || node.name !== "mj-section") return raw;
  const columns = node.children.filter((child) => !isBlank(child));
  if (columns.length === 0 || columns.length > maxColumns || !columns.every((c) => isElement(c) && c.name === "mj-column")) return raw;
  const read = (columns as Element[]).map((c) => ({ attributes: c.attributes, blocks: c.children.filter((child) => !isBlank(child)).map(inColumn) }));
  const [only] = read;
  const [block] = only?.blocks ?? [];
  if (only && block && read.length === 1 && only.blocks.length === 1 && block.type !== "raw" && same(node.attributes, wrapping) && same(only.attributes, {})) return block;
  return known({ type: "columns", attributes: node.attributes, columns: read });
}

/** The font, if the head says that and nothing more. */
function fontOf(head: Element): string | undefined {
  const one = (e: Element | undefined, name: string) => {
    const inside = e?.children.filter((child) => !isBlank(child)) ?? [];
    const [child] = inside;
    return inside.length === 1 && child && isElement(child) && child.name === name ? child : undefined;
  };
  const all = one(one(head, "mj-attributes"), "mj-all");
  const font = all?.attributes["font-family"];
  const alone = Object.keys(head.attributes).length === 0 && all && Object.keys(all.attributes).length === 1 && all.inner.trim() === "";
  return alone && font ? font : undefined;
}

/** The blocks of a document, or why it has none. */
export function blocksOf(mjml: string): Mail | Unshown {
  const tree = read(mjml.trim());
  if (!tree) return "unreadable";
  const [root, ...others] = tree.filter((node) => !isBlank(node));
  if (!root || !isElement(root) || root.name !== "mjml" || others.length > 0) return "outside";
  const parts = root.children.filter((node) => !isBlank(node));
  const body = parts.at(-1);
  const head = parts.length === 2 ? parts[0] : undefined;
  if (!body || !isElement(body) || body.name !== "mj-body" || parts.length > 2) return "outside";
  if (head && (!isElement(head) || head.name !== "mj-head")) return "outside";
  const font = head && isElement(head) ? fontOf(head) : "";
  return {
    root: root.attributes,
    body: body.attributes,
    font,
    head: font === undefined && head ? head.source : "",
    blocks: body.children.filter((node) => !isBlank(node)).map(inBody),
  };
}

function element(b: Block): string {
  switch (b.type) {
    case "heading":
      return `<mj-text${written(b.attributes)}><h${b.level} style="margin:0">${b.html}</h${b.level}></mj-text>`;
    case "text":
    case "footer":
    case "social":
      return `<mj-text${written(b.attributes)}>${b.html}</mj-text>`;
    case "button":
      return `<mj-button${written(b.attributes)}>${b.html}</mj-button>`;
    case "image":
    case "divider":
    case "spacer":
      return `<mj-${b.type}${written(b.attributes)} />`;
    case "raw":
      return b.source;
    case "columns":
      return section(b);
  }
}

const indented = (lines: string[]) => lines.map((line) => `  ${line}`).join("\n");

function section(b: Block): string {
  if (b.type === "raw") return b.source;
  const [attributes, columns] = b.type === "columns" ? [b.attributes, b.columns] : [wrapping, [{ attributes: {}, blocks: [b] }]];
  const inside = columns.map((c) => `<mj-column${written(c.attributes)}>\n${c.blocks.map((block) => `${element(block)}\n`).join("")}</mj-column>`);
  return `<mj-section${written(attributes)}>\n${inside.join("\n")}\n</mj-section>`;
}

/** The document of blocks. */
export function mjmlOf(mail: Mail): string {
  const font = mail.font ? `<mj-head>\n${indented([`<mj-attributes><mj-all${written({ "font-family": mail.font })} /></mj-attributes>`])}\n</mj-head>` : "";
  const parts = [`<mjml${written(mail.root)}>`, mail.font === undefined ? mail.head : font, `<mj-body${written(mail.body)}>`, ...mail.blocks.map(section), "</mj-body>", "</mjml>"];
  return parts.filter((part) => part !== "").join("\n");
}
