import { describe, expect, it } from "vitest";

import golden from "../../../api/testdata/providers.txt?raw";

import { type Config, configOf, demanded, isKept, labelOf, mask, settingsOf, type Setting, type Values, valuesOf, withPair } from "./settings";

interface Described {
  name: string;
  config: Config;
}

// What GET /v1/providers answers, as the tests of the API hold it.
const { items } = JSON.parse(golden.slice(golden.indexOf("\n{"))) as { items: Described[] };
const schemas = new Map(items.map((p) => [p.name, settingsOf(p.config)]));
const of = (provider: string) => schemas.get(provider) ?? [];
const one = (provider: string, name: string): Setting => {
  const found = of(provider).find((s) => s.name === name);
  if (!found) throw new Error(`${provider} has no ${name}`);
  return found;
};
const text = (values: Values, name: string, value: string): Values => ({ ...values, texts: { ...values.texts, [name]: value } });

describe("the settings of every provider", () => {
  it("are all shown, each by a field that fits it", () => {
    expect(items.length).toBeGreaterThan(5);
    for (const { name, config } of items) {
      const properties = config["properties"] as Record<string, { type: string; writeOnly?: boolean; enum?: string[] }>;
      expect(of(name).map((s) => s.name).sort(), name).toEqual(Object.keys(properties).sort());
      for (const s of of(name)) {
        const p = properties[s.name];
        expect(s.kind === "secret" || s.kind === "secrets", `${name}.${s.name}`).toBe(p?.writeOnly === true);
        expect(s.kind === "choice", `${name}.${s.name}`).toBe(p?.enum !== undefined);
        expect(s.kind === "pairs" || s.kind === "secrets", `${name}.${s.name}`).toBe(p?.type === "object");
        expect(s.kind === "number", `${name}.${s.name}`).toBe(p?.type === "number" || p?.type === "integer");
        expect(s.description, `${name}.${s.name}`).not.toBe("");
      }
    }
  });

  it("begin with what has to be said", () => {
    for (const { name, config } of items) {
      const required = config["required"] as string[];
      expect(of(name).slice(0, required.length).map((s) => s.name), name).toEqual(required);
      expect(of(name).filter((s) => s.required).length, name).toBe(required.length);
    }
  });

  it("say nothing that counts anyway", () => {
    for (const { name } of items) {
      const said = Object.entries(configOf(of(name), valuesOf(of(name), {}))).filter(([, value]) => JSON.stringify(value) !== "{}");
      expect(said, name).toEqual([]);
    }
  });

  it("come back as they were, but for secrets, which stay by being left out", () => {
    for (const { name } of items) {
      const config: Config = {};
      for (const s of of(name)) {
        if (s.kind === "number") config[s.name] = s.maximum ?? 7;
        else if (s.kind === "choice") config[s.name] = s.choices.find((c) => c !== s.fallback);
        else if (s.kind === "switch") config[s.name] = s.fallback !== "true";
        else if (s.kind === "pairs") config[s.name] = { a: "1", "": "2" };
        else if (s.kind === "secrets") config[s.name] = { "X-Key": mask };
        else config[s.name] = s.kind === "secret" ? mask : "words";
      }
      const expected = { ...config };
      for (const s of of(name)) if (s.kind === "secret") expected[s.name] = undefined;
      expect(configOf(of(name), valuesOf(of(name), config)), name).toEqual(expected);
    }
  });
});

describe("a setting", () => {
  it("is called by its words", () => {
    expect(["timeout_ms", "url", "api_key", "from_name", "channel_id"].map(labelOf)).toEqual(["Timeout (ms)", "URL", "API key", "From name", "Channel ID"]);
  });

  it("has its bounds, its default and its choices", () => {
    expect(one("smtp", "max_connections")).toMatchObject({ kind: "number", whole: true, minimum: 1, maximum: 200, fallback: "20", required: false });
    expect(one("smtp", "tls")).toMatchObject({ kind: "choice", choices: ["starttls", "implicit", "none"], fallback: "starttls", destination: true });
    expect(one("smtp", "ca_certificates").kind).toBe("lines");
    expect([one("fcm", "service_account").kind, one("fcm", "service_account").lines]).toEqual(["secret", true]);
    expect(one("webpush", "private_key").lines).toBe(false);
    expect(one("sandbox", "fail_rate")).toMatchObject({ whole: false, maximum: 1 });
  });

  it("that is a number is sent as one, a zero as well, and what is none as it was typed", () => {
    const settings = of("smtp");
    const values = valuesOf(settings, {});
    expect(configOf(settings, text(values, "port", "2525"))).toEqual({ port: 2525 });
    expect(configOf(settings, text(values, "port", "0"))).toEqual({ port: 0 });
    expect(configOf(settings, text(values, "port", "many"))).toEqual({ port: "many" });
  });
});

describe("secrets", () => {
  const settings = of("webhook");
  const stored: Config = { url: "https://example.org/hook", secret: mask, headers: { Authorization: mask } };
  const values = valuesOf(settings, stored);

  it("are never shown, and stay where nothing is written", () => {
    expect(JSON.stringify(values)).not.toContain(mask);
    expect(configOf(settings, values)).toEqual({ url: "https://example.org/hook", headers: { Authorization: mask } });
    expect(isKept(one("webhook", "secret"), stored)).toBe(true);
    expect(isKept(one("webhook", "secret"), {})).toBe(false);
    expect(isKept(one("webhook", "headers"), { headers: {} })).toBe(false);
    expect(isKept(one("webhook", "url"), stored)).toBe(false);
  });

  it("are written, added and dropped", () => {
    const written = { ...values, secrets: { secret: { given: "whsec_new", drop: false } } };
    expect(configOf(settings, written)).toMatchObject({ secret: "whsec_new" });
    expect(configOf(settings, { ...values, secrets: { secret: { given: "whsec_new", drop: true } } })).toMatchObject({ secret: "" });
    const added = withPair(values.pairs["headers"] ?? []).map((p) => (p.name === "" ? { ...p, name: "X-Key", value: "k" } : p));
    expect(configOf(settings, { ...values, pairs: { headers: added } })).toMatchObject({ headers: { Authorization: mask, "X-Key": "k" } });
    expect(configOf(settings, { ...values, pairs: { headers: [] } })).toMatchObject({ headers: {} });
  });

  it("are needed anew where they would go elsewhere", () => {
    expect(demanded(settings, stored, values)).toEqual([]);
    const moved = text(values, "url", "https://example.com/hook");
    expect(demanded(settings, stored, moved)).toEqual(["secret", "headers"]);
    const given: Values = {
      ...moved,
      secrets: { secret: { given: "whsec_new", drop: false } },
      pairs: { headers: [{ key: 0, name: "Authorization", value: "new", kept: true }] },
    };
    expect(demanded(settings, stored, given)).toEqual([]);
    expect(demanded(settings, { url: "https://example.org/hook" }, moved)).toEqual([]);
  });

  it("go to the same place where a default is written out", () => {
    const smtp = of("smtp");
    const config: Config = { host: "mail.example.org", from: "a@example.org", password: mask };
    const same = text(text(valuesOf(smtp, config), "port", "0"), "tls", "starttls");
    expect(demanded(smtp, config, same)).toEqual([]);
    expect(demanded(smtp, config, text(same, "port", "587"))).toEqual(["password"]);
  });
});

it("pairs are told apart while they have no names yet", () => {
  const pairs = withPair(withPair([]));
  expect(pairs.map((p) => p.key)).toEqual([0, 1]);
  expect(withPair(pairs.slice(1)).map((p) => p.key)).toEqual([1, 2]);
});
