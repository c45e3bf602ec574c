// A template as the page holds it, and how what the server says of it is shown.
import { Problem } from "@/api/problem";
import type { Schema } from "@/api/client";

export type Template = Schema<"Template">;
export type Translation = Schema<"Translation">;
type Definition = Schema<"TemplateChange">;

/** Kinds of channels that a template may be for. */
export const kinds = ["email", "sms", "whatsapp", "telegram", "viber", "facebook", "instagram", "push", "web", "phone", "custom"] as const;
export type Kind = (typeof kinds)[number];

/** What is kept of a template, without what the server says beside. */
export const definitionOf = (t: Template): Definition => ({
  kinds: t.kinds,
  default_language: t.default_language,
  translations: t.translations,
  ...(t.category ? { category: t.category } : {}),
  ...(t.fallback?.length ? { fallback: t.fallback } : {}),
  ...(t.parameters?.length ? { parameters: t.parameters } : {}),
});

/** A template with a translation, new or instead of the one into its language. */
export function withTranslation(d: Definition, tr: Translation): Definition {
  const list = d.translations ?? [];
  const translations = list.some((other) => other.language === tr.language) ? list.map((other) => (other.language === tr.language ? tr : other)) : [...list, tr];
  return { ...d, translations };
}

/** A problem of a whole template as one of a translation of it: what is wrong there is named as if it stood alone. */
export function within(error: unknown, d: Definition, language: string): Problem | undefined {
  if (!(error instanceof Problem)) return undefined;
  const at = (d.translations ?? []).findIndex((tr) => tr.language === language);
  const prefix = `body.translations[${at}].`;
  const errors = error.errors.map((e) => (e.location?.startsWith(prefix) ? { ...e, location: `body.${e.location.slice(prefix.length)}` } : e));
  return new Problem({ code: error.code, status: error.status, detail: error.detail, errors, ...(error.requestID ? { requestID: error.requestID } : {}) });
}

/** An empty translation of what a template is for. */
export function emptyTranslation(language: string, of: readonly string[]): Translation {
  return { language, ...(of.some((kind) => kind !== "email") ? { body: "" } : {}), ...(of.includes("email") ? { email: { subject: "" } } : {}) };
}

/** Leaves out of a translation what says nothing. */
export function saidOf(tr: Translation): Translation {
  const { header, body, footer, buttons, email } = tr;
  const emptyHeader = !header || (!header.text && !header.media);
  return {
    language: tr.language,
    ...(emptyHeader ? {} : { header }),
    ...(body ? { body } : {}),
    ...(footer ? { footer } : {}),
    ...(buttons?.length ? { buttons } : {}),
    ...(email ? { email: Object.fromEntries(Object.entries(email).filter(([key, value]) => key === "subject" || value)) as typeof email } : {}),
  };
}

/** A language by its name in the console's language. */
export function languageName(tag: string, speaking: string): string {
  try {
    return new Intl.DisplayNames(speaking, { type: "language" }).of(tag) ?? tag;
  } catch {
    return tag; // no tag of a language
  }
}

const fileAddress = /https?:\/\/[^\s/"'<>]+\/files\/([A-Za-z0-9_-]{16,}\/)/g;

/** HTML whose uploaded pictures are asked of this server by the address under which the console is open. */
export const here = (html: string, origin: string) => html.replace(fileAddress, `${origin}/files/$1`);

const picture = /<img\b[^>]*?\bsrc\s*=\s*["']?\s*((?:https?:)?\/\/[^"'\s>]+)/gi;

/** Reports whether HTML has pictures that lie elsewhere, which the page does not load. */
export const elsewhere = (html: string, origin: string) => [...html.matchAll(picture)].some(([, src]) => !src?.startsWith(`${origin}/`));

const turned = "<style>html{filter:invert(1) hue-rotate(180deg);background:#fff}img,video{filter:invert(1) hue-rotate(180deg)}</style>";

/** HTML as a reader shows it in the dark, who turns the colors around. */
export const dark = (html: string) => (/<\/head>/i.test(html) ? html.replace(/<\/head>/i, `${turned}</head>`) : turned + html);
