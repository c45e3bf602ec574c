import { describe, expect, it } from "vitest";

import { addable, type Block, blank, fresh, type Mail } from "./blocks";
import { blocksOf, mjmlOf } from "./mjml";
import { escape, unescape } from "./source";

/** Numbers that come the same way each time (mulberry32). */
function dice(seed: number) {
  let state = seed;
  return (n: number) => {
    state = (state + 0x6d2b79f5) | 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) % n;
  };
}

const words = ["Spring", "a & b", "<3", 'say "hi"', "{{ contact.first_name | default: \"you > me\" }}", "ü", "it's", "{{ contact.attributes.city }}", "100%"];
const raws = [
  '<mj-table>\n<tr><td>{{ row.total }}</td></tr>\n</mj-table>',
  "<!-- a <note> -->",
  '<mj-text>A <b>bold</b> word</mj-text>',
  "<mj-navbar><mj-navbar-link href=\"x\">Go</mj-navbar-link></mj-navbar>",
  "{% if contact.language == 'de' %}",
];
const rawsOfBody = ["<mj-hero><mj-text>Hi</mj-text></mj-hero>", "<mj-wrapper padding=\"0\"><mj-section><mj-column></mj-column></mj-section></mj-wrapper>", "{% endif %}", "<mj-raw><hr></mj-raw>"];

/** Any mail that can be made in the editor. */
function any(seed: number): Mail {
  const roll = dice(seed);
  const pick = <T>(list: readonly T[]): T => list[roll(list.length)] as T;
  const phrase = () => escape(Array.from({ length: 1 + roll(4) }, () => pick(words)).join(" "));
  const rich = () => pick([phrase(), `<p>${phrase()}</p><p><strong>${phrase()}</strong></p>`, `<ul><li><p>${phrase()}</p></li></ul>`, `<p><a href="https://x.example/?a=1&amp;b=2">${phrase()}</a><br></p>`]);
  const starts = () => ({ heading: phrase(), text: rich(), button: phrase(), footer: rich() });
  const block = (within: boolean): Block => {
    if (roll(8) === 0) return { id: "r", type: "raw", attributes: {}, source: pick(within ? raws : rawsOfBody) };
    const type = pick(addable.filter((t) => !within || t !== "columns"));
    const made = fresh(type, starts(), 1 + roll(3));
    if (roll(2) === 0) made.attributes = { ...made.attributes, padding: "10px 0", title: phrase() };
    if (made.type === "columns") for (const c of made.columns) for (let n = roll(3); n > 0; n--) c.blocks.push(block(true));
    if (made.type === "heading") made.level = pick([1, 2, 3]);
    return made;
  };
  return {
    ...blank(),
    root: pick([{}, { lang: "de" }]),
    ...pick([{ font: "Georgia, serif", head: "" }, { font: "", head: "" }, { font: undefined, head: '<mj-head><mj-title>{{ campaign.name }}</mj-title><mj-style>a { color: red }</mj-style></mj-head>' }]),
    blocks: Array.from({ length: roll(6) }, () => block(false)),
  };
}

/** A mail without the marks by which the page tells blocks apart. */
const shape = (mail: unknown): unknown => JSON.parse(JSON.stringify(mail, (key, value: unknown) => (key === "id" ? undefined : value)));

describe("blocks as MJML", () => {
  it("come back as they were, whatever they are", () => {
    for (let seed = 0; seed < 500; seed++) {
      const mail = any(seed);
      const mjml = mjmlOf(mail);
      const back = blocksOf(mjml);
      expect(shape(back), mjml).toEqual(shape(mail));
      expect(mjmlOf(back as Mail)).toBe(mjml);
    }
  });

  it("are a document of their own when there are none", () => {
    expect(mjmlOf(blank())).toContain("<mj-body");
    expect(shape(blocksOf("<mjml><mj-body></mj-body></mjml>"))).toEqual({ root: {}, body: {}, font: "", head: "", blocks: [] });
  });
});

describe("MJML written by hand", () => {
  const within = (body: string) => blocksOf(`<mjml><mj-body>${body}</mj-body></mjml>`) as Mail;

  it("is shown where blocks can", () => {
    const { blocks } = within("<mj-section><mj-column>\n<mj-text>Dear {{ contact.name }}</mj-text>\n<mj-image src='a.png'></mj-image></mj-column></mj-section>");
    expect(shape(blocks)).toEqual([
      { type: "columns", attributes: {}, columns: [{ attributes: {}, blocks: [{ type: "text", attributes: {}, html: "Dear {{ contact.name }}" }, { type: "image", attributes: { src: "a.png" } }] }] },
    ]);
  });

  it.each([
    '<mj-section><mj-column><mj-text><span style="color:red">x</span></mj-text></mj-column></mj-section>',
    "<mj-section><mj-column><mj-button>Go <b>now</b></mj-button></mj-column></mj-section>",
    "<mj-section><mj-group><mj-column></mj-column></mj-group></mj-section>",
    "{% if row.vip %}<mj-section><mj-column></mj-column></mj-section>{% endif %}",
    "<mj-section><mj-column><mj-social><mj-social-element name=\"x\">X</mj-social-element></mj-social></mj-column></mj-section>",
    "<mj-section><mj-column><mj-text>{% if row.a < 3 %}few{% endif %}</mj-text></mj-column></mj-section>",
    "<mj-section a='\"'><mj-column><mj-text><!-- x --></mj-text></mj-column></mj-section>",
  ])("is kept letter by letter where they can't: %s", (body) => {
    const letters = (text: string) => text.replace(/\s+/g, "");
    expect(letters(mjmlOf(within(body)))).toBe(letters(`<mjml><mj-body>${body}</mj-body></mjml>`));
  });

  it.each([
    ["", "outside"],
    ["<p>Hi</p>", "outside"],
    ["<mjml><mj-body><mj-section></mj-body></mjml>", "unreadable"],
    ["<mjml><mj-body><mj-text a=1></mj-text></mj-body></mjml>", "unreadable"],
    ["{% if a %}<mjml><mj-body></mj-body></mjml>{% endif %}", "outside"],
    ["<mjml><mj-body></mj-body><mj-head></mj-head></mjml>", "outside"],
    ["<mjml><!-- x --><mj-head></mj-head><mj-body></mj-body></mjml>", "outside"],
    ["<mjml><mj-body></mj-body></mjml><!-- x -->", "outside"],
    ["<mjml><mj-body><mj-section", "unreadable"],
  ])("opens as code where it is no document of blocks: %s", (mjml, why) => {
    expect(blocksOf(mjml)).toBe(why);
  });
});

describe("texts", () => {
  it.each(["a & b < c", 'say "x"', '{{ a | default: "<b> & c" }}', "it's"])("are escaped around Liquid: %s", (text) => {
    expect(unescape(escape(text))).toBe(text);
  });
});
