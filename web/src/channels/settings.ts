// A provider's settings as a form, made of the JSON Schema that the server publishes, and the way there and back.

interface Property {
  type?: "string" | "integer" | "number" | "boolean" | "object";
  description?: string;
  default?: unknown;
  enum?: string[];
  minimum?: number;
  maximum?: number;
  examples?: unknown[];
  writeOnly?: boolean;
  contentMediaType?: string;
  "x-destination"?: boolean;
}

/** How a setting is entered: a secret is written and never shown, pairs are names with values. */
export type Kind = "text" | "lines" | "number" | "switch" | "choice" | "pairs" | "secret" | "secrets";

export interface Setting {
  name: string;
  label: string;
  kind: Kind;
  description: string;
  required: boolean;
  /** It says where the secrets go: changing it demands them anew. */
  destination: boolean;
  /** What counts where nothing is said. */
  fallback: string;
  /** Whole numbers alone. */
  whole: boolean;
  /** It is a file, and is written over several lines. */
  lines: boolean;
  minimum: number | undefined;
  maximum: number | undefined;
  choices: string[];
}

/** What the server shows in the place of a secret, and takes for the secret that it keeps. */
export const mask = "<redacted>";

/** A secret as it is changed; given nothing, it stays as it is. */
export interface Secret {
  given: string;
  drop: boolean;
}

export interface Pair {
  /** Tells it from the others while both its parts are written. */
  key: number;
  name: string;
  value: string;
  /** The server keeps a secret of this name, which stays where no value is written. */
  kept: boolean;
}

/** What stands in the fields, by the names of the settings. */
export interface Values {
  texts: Record<string, string>;
  switches: Record<string, boolean>;
  secrets: Record<string, Secret>;
  pairs: Record<string, Pair[]>;
}

export type Config = Record<string, unknown>;

const capitals = new Map([
  ["api", "API"],
  ["ca", "CA"],
  ["helo", "HELO"],
  ["id", "ID"],
  ["ms", "(ms)"],
  ["tls", "TLS"],
  ["ttl", "TTL"],
  ["uri", "URI"],
  ["url", "URL"],
]);

/** The words of a setting's name: max_connections is "Max connections". */
export function labelOf(name: string): string {
  const words = name
    .split("_")
    .map((word) => capitals.get(word) ?? word)
    .join(" ");
  return words.slice(0, 1).toUpperCase() + words.slice(1);
}

function kindOf(p: Property): Kind {
  if (p.type === "object") return p.writeOnly ? "secrets" : "pairs";
  if (p.writeOnly) return "secret";
  if (p.type === "boolean") return "switch";
  if (p.type === "integer" || p.type === "number") return "number";
  if (p.enum) return "choice";
  return p.contentMediaType ? "lines" : "text";
}

const textOf = (value: unknown) => (typeof value === "string" ? value : typeof value === "number" || typeof value === "boolean" ? String(value) : "");

/** The settings of a schema: first what has to be said, in the provider's order, then where it goes and its secrets, then the rest. */
export function settingsOf(schema: Config): Setting[] {
  const properties = (schema["properties"] ?? {}) as Record<string, Property>;
  const required = (schema["required"] ?? []) as string[];
  const list = Object.entries(properties).map(([name, p]): Setting => {
    return {
      name,
      label: labelOf(name),
      kind: kindOf(p),
      description: p.description ?? "",
      required: required.includes(name),
      destination: p["x-destination"] === true,
      fallback: textOf(p.default),
      whole: p.type === "integer",
      lines: p.contentMediaType !== undefined,
      minimum: p.minimum,
      maximum: p.maximum,
      choices: p.enum ?? [],
    };
  });
  const rank = (s: Setting) => (s.required ? required.indexOf(s.name) : required.length + (s.destination || s.kind === "secret" || s.kind === "secrets" ? 0 : 1));
  return list.sort((a, b) => rank(a) - rank(b));
}

const textKinds: readonly Kind[] = ["text", "lines", "number", "choice"];

/** What the fields show of a channel's configuration; of a new one nothing but what counts anyway. */
export function valuesOf(settings: Setting[], config: Config): Values {
  const values: Values = { texts: {}, switches: {}, secrets: {}, pairs: {} };
  for (const s of settings) {
    const given = config[s.name];
    if (textKinds.includes(s.kind)) values.texts[s.name] = textOf(given) || (s.kind === "choice" ? s.fallback : "");
    else if (s.kind === "switch") values.switches[s.name] = typeof given === "boolean" ? given : s.fallback === "true";
    else if (s.kind === "secret") values.secrets[s.name] = { given: "", drop: false };
    else {
      const pairs = Object.entries((given ?? {}) as Record<string, unknown>);
      values.pairs[s.name] = pairs.map(([name, value], key) => {
        return s.kind === "secrets" ? { key, name, value: "", kept: true } : { key, name, value: textOf(value), kept: false };
      });
    }
  }
  return values;
}

/** Adds a pair without a name. */
export const withPair = (pairs: Pair[]): Pair[] => [...pairs, { key: Math.max(-1, ...pairs.map((p) => p.key)) + 1, name: "", value: "", kept: false }];

/** The configuration that the fields say. What counts anyway is left out, as are secrets that stay. */
export function configOf(settings: Setting[], values: Values): Config {
  const config: Config = {};
  for (const s of settings) {
    const text = values.texts[s.name] ?? "";
    if (s.kind === "number") {
      // What is no number is sent as it is: the server says what is wrong with it.
      if (text !== "") config[s.name] = Number.isFinite(Number(text)) ? Number(text) : text;
    } else if (s.kind === "text" || s.kind === "lines") {
      if (text !== "") config[s.name] = text;
    } else if (s.kind === "choice") {
      if (text !== s.fallback) config[s.name] = text;
    } else if (s.kind === "switch") {
      const on = values.switches[s.name] === true;
      if (on !== (s.fallback === "true")) config[s.name] = on;
    } else if (s.kind === "secret") {
      const secret = values.secrets[s.name];
      if (secret?.drop) config[s.name] = "";
      else if (secret?.given) config[s.name] = secret.given;
    } else {
      // A name may be empty: to the sandbox it stands for every message.
      const pairs = (values.pairs[s.name] ?? []).filter((p) => p.name !== "" || p.value !== "");
      const kept = (p: Pair) => s.kind === "secrets" && p.kept && p.value === "";
      config[s.name] = Object.fromEntries(pairs.map((p) => [p.name, kept(p) ? mask : p.value]));
    }
  }
  return config;
}

const has = (value: unknown) => (typeof value === "object" && value !== null ? Object.keys(value).length > 0 : value !== undefined && value !== "");

/** Reports whether the server keeps a secret of a setting. */
export const isKept = (s: Setting, stored: Config): boolean => (s.kind === "secret" || s.kind === "secrets") && has(stored[s.name]);

const effective = (s: Setting, config: Config) => textOf(config[s.name]) || s.fallback;

/** Names of secrets that are needed anew, because a setting changes that says where they go. */
export function demanded(settings: Setting[], stored: Config, values: Values): string[] {
  const next = configOf(settings, values);
  if (!settings.some((s) => s.destination && effective(s, stored) !== effective(s, next))) return [];
  const open = (s: Setting) => {
    const secret = values.secrets[s.name];
    if (s.kind === "secret") return secret?.given === "" && !secret.drop;
    return (values.pairs[s.name] ?? []).some((p) => p.kept && p.value === "");
  };
  return settings.filter((s) => isKept(s, stored) && open(s)).map((s) => s.name);
}
