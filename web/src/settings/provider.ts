// An identity provider as its page holds it, and what is sent of it.
import type { Schema } from "@/api/client";
import type { Role } from "@/app/session";

type Provider = Schema<"IdentityProvider">;

export interface Form {
  name: string;
  issuer: string;
  clientID: string;
  /** Written, never read: empty leaves what is kept. */
  secret: string;
  domains: string[];
  scopes: string[];
  claim: string;
  /** The role of who is in none of the groups; empty lets nobody else in. */
  role: Role | "";
  groups: { group: string; role: Role }[];
  enabled: boolean;
}

export const blank: Form = { name: "", issuer: "", clientID: "", secret: "", domains: [], scopes: ["email", "profile"], claim: "", role: "", groups: [], enabled: true };

export const formOf = (p: Provider): Form => ({
  name: p.name,
  issuer: p.issuer,
  clientID: p.client_id,
  secret: "",
  domains: p.domains ?? [],
  scopes: p.scopes ?? [],
  claim: p.group_claim,
  role: (p.default_role ?? "") as Role | "",
  groups: p.roles ?? [],
  enabled: p.enabled,
});

export function inputOf(f: Form): Schema<"IdentityProviderInput"> {
  return {
    name: f.name.trim(),
    issuer: f.issuer.trim(),
    client_id: f.clientID.trim(),
    client_secret: f.secret,
    domains: f.domains,
    scopes: f.scopes,
    ...(f.claim ? { group_claim: f.claim } : {}),
    ...(f.role ? { default_role: f.role } : {}),
    roles: f.groups,
    ...(f.enabled ? {} : { disabled: true }),
  };
}

/** What was changed, and nothing else; the issuer never changes. */
export function changeOf(before: Form, after: Form): Schema<"IdentityProviderChange"> {
  const whole = (f: Form) => ({
    name: f.name.trim(),
    client_id: f.clientID.trim(),
    domains: f.domains,
    scopes: f.scopes,
    group_claim: f.claim,
    default_role: f.role || ("none" as const),
    roles: f.groups,
    enabled: f.enabled,
    ...(f.secret ? { client_secret: f.secret } : {}),
  });
  const was: Record<string, unknown> = whole(before);
  return Object.fromEntries(Object.entries(whole(after)).filter(([key, value]) => JSON.stringify(value) !== JSON.stringify(was[key])));
}
