import { client, type Schema } from "@/api/client";

/** Reports whether this browser knows passkeys, and can read what the server asks for. */
export const hasPasskeys = () => "PublicKeyCredential" in window && "parseRequestOptionsFromJSON" in PublicKeyCredential;

/** Asks the person for a passkey to sign in with; undefined where they think better of it. */
export async function askPasskey(): Promise<Schema<"PasskeyAnswer"> | undefined> {
  const { data } = await client.POST("/v1/session/passkey/begin");
  if (!data) return undefined;
  const publicKey = PublicKeyCredential.parseRequestOptionsFromJSON(data.public_key as PublicKeyCredentialRequestOptionsJSON);
  return answer(data.challenge_id, () => navigator.credentials.get({ publicKey }));
}

/** Has the browser make a passkey; undefined where the person thinks better of it. */
export async function makePasskey(asked: Schema<"PasskeyRequest">): Promise<Schema<"PasskeyAnswer"> | undefined> {
  const publicKey = PublicKeyCredential.parseCreationOptionsFromJSON(asked.public_key as PublicKeyCredentialCreationOptionsJSON);
  return answer(asked.challenge_id, () => navigator.credentials.create({ publicKey }));
}

async function answer(challenge: string, ask: () => Promise<Credential | null>): Promise<Schema<"PasskeyAnswer"> | undefined> {
  try {
    const credential = await ask();
    return credential instanceof PublicKeyCredential ? { challenge_id: challenge, credential: credential.toJSON() as unknown } : undefined;
  } catch (e) {
    if (e instanceof DOMException && (e.name === "NotAllowedError" || e.name === "AbortError")) return undefined;
    throw e;
  }
}
