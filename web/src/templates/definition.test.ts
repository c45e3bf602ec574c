import { describe, expect, it } from "vitest";

import { Problem } from "@/api/problem";

import { dark, definitionOf, elsewhere, emptyTranslation, here, saidOf, type Template, within, withTranslation } from "./definition";

const template = {
  id: 1,
  name: "spring",
  version: 3,
  category: "utility",
  kinds: ["email", "sms"],
  default_language: "en",
  fallback: ["de"],
  parameters: [{ name: "1", value: "{{ contact.name }}", sample: "Ada" }],
  translations: [
    { language: "de", body: "Hallo", email: { subject: "Hallo", mjml: "<mjml></mjml>" } },
    { language: "en", body: "Hello {{1}}", header: { text: "x" }, buttons: [{ type: "url", text: "Go", url: "https://x" }], email: { subject: "Hi" } },
  ],
  statuses: [],
  created_at: "",
  changed_at: "",
} as unknown as Template;

describe("a template", () => {
  it("is kept whole when a translation is changed", () => {
    const { id, name, version, statuses, created_at, changed_at, ...rest } = template;
    expect([id, name, version, statuses, created_at, changed_at]).toHaveLength(6);
    expect(definitionOf(template)).toEqual(rest);
    const changed = withTranslation(definitionOf(template), { language: "de", body: "Servus" });
    expect(changed.translations?.map((tr) => tr.body)).toEqual(["Servus", "Hello {{1}}"]);
    expect(withTranslation(changed, { language: "pl", body: "x" }).translations?.map((tr) => tr.language)).toEqual(["de", "en", "pl"]);
  });

  it("has translations that come back as they were", () => {
    for (const tr of template.translations ?? []) expect(saidOf(tr)).toEqual(tr);
    expect(saidOf({ language: "pl", header: {}, body: "", footer: "", buttons: [], email: { subject: "", html: "" } })).toEqual({ language: "pl", email: { subject: "" } });
    expect(emptyTranslation("pl", ["email"])).toEqual({ language: "pl", email: { subject: "" } });
    expect(emptyTranslation("pl", ["sms"])).toEqual({ language: "pl", body: "" });
  });

  it("shows what is wrong with a translation as if it stood alone", () => {
    const problem = new Problem({ code: "invalid", status: 422, detail: "", errors: [{ location: "body.translations[1].email.mjml", message: "no" }, { location: "body.translations[0].body", message: "other" }] });
    const alone = within(problem, definitionOf(template), "en");
    expect(alone?.at("email.mjml")).toBe("no");
    expect(alone?.besides("email")).toEqual(["translations[0].body: other"]);
    expect(within(new Error("x"), definitionOf(template), "en")).toBeUndefined();
  });
});

describe("a preview", () => {
  const origin = "http://127.0.0.1:8080";
  it("loads uploaded pictures of this server, whatever its public address is", () => {
    const html = here('<img src="https://news.example/files/abcdefghijklmnopqrstuvwx/a.png">', origin);
    expect(html).toBe('<img src="http://127.0.0.1:8080/files/abcdefghijklmnopqrstuvwx/a.png">');
    expect(elsewhere(html, origin)).toBe(false);
    expect(elsewhere('<img alt="x" src="https://cdn.example/a.png">', origin)).toBe(true);
    expect(elsewhere('<a href="https://x.example">x</a>', origin)).toBe(false);
  });

  it("is dark where a head is, and where none is", () => {
    expect(dark("<html><head></head><body>x</body></html>")).toContain("invert(1) hue-rotate(180deg);background:#fff}img");
    expect(dark("<p>x</p>")).toMatch(/^<style>.*<p>x<\/p>$/);
  });
});
