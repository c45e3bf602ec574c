// Holds passkeys against Debian's Chromium, with a virtual authenticator in it (WebAuthn Level 3, 11).
// It takes a JSON object with the server's address and a person. It prints what it saw, a line for
// each step; whatever is not as it should be ends it with an error.
import assert from "node:assert/strict";
import { chromium } from "playwright-core";

const to = JSON.parse(process.argv[2]);
const browser = await chromium.launch({ executablePath: to.chromium, args: ["--no-sandbox", "--disable-dev-shm-usage"] });
const context = await browser.newContext();
const page = await context.newPage();
// A page of the server without a policy of its own.
await page.goto(to.base + "/healthz");

const devtools = await context.newCDPSession(page);
await devtools.send("WebAuthn.enable");
const { authenticatorId } = await devtools.send("WebAuthn.addVirtualAuthenticator", {
  options: {
    protocol: "ctap2", transport: "internal", hasResidentKey: true, hasUserVerification: true, isUserVerified: true, automaticPresenceSimulation: true,
  },
});
const kept = async () => (await devtools.send("WebAuthn.getCredentials", { authenticatorId })).credentials;

// What a script of a page is answered.
function ask(method, path, body) {
  return page.evaluate(async ([method, path, body]) => {
    const answer = await fetch(path, { method, body: body && JSON.stringify(body), headers: body ? { "Content-Type": "application/json" } : {} });
    const text = await answer.text();
    return { status: answer.status, text, json: text.startsWith("{") ? JSON.parse(text) : undefined };
  }, [method, path, body]);
}

async function asked(want, method, path, body) {
  const answer = await ask(method, path, body);
  assert.equal(answer.status, want, `${method} ${path}: ${answer.text}`);
  return answer.json;
}

// What the browser answers to a request of the server, or the name of its error.
function create(options) {
  return page.evaluate(async (options) => {
    const publicKey = PublicKeyCredential.parseCreationOptionsFromJSON(options);
    return navigator.credentials.create({ publicKey }).then((made) => made.toJSON(), (e) => e.name);
  }, options);
}

function get(options) {
  return page.evaluate(async (options) => {
    const publicKey = PublicKeyCredential.parseRequestOptionsFromJSON(options);
    return navigator.credentials.get({ publicKey }).then((given) => given.toJSON(), (e) => e.name);
  }, options);
}

const begin = () => asked(200, "POST", "/v1/me/passkeys/begin", { password: to.password });

// Asks for a passkey to sign in with.
async function signed() {
  const { challenge_id, public_key } = await asked(200, "POST", "/v1/session/passkey/begin");
  return { challenge_id, credential: await get(public_key) };
}

const signOut = () => asked(204, "DELETE", "/v1/session");

let passkey;
const steps = {
  async "a passkey is made"() {
    await asked(200, "POST", "/v1/session", { email: to.email, password: to.password });
    const { challenge_id, public_key } = await begin();
    const credential = await create(public_key);
    assert.equal(typeof credential, "object", credential);
    passkey = await asked(201, "POST", "/v1/me/passkeys", { name: "Phone", challenge_id, credential });
    assert.equal(passkey.codes.length, 10);
    const [own] = await kept();
    assert.equal(own.isResidentCredential, true);
    assert.equal(own.rpId, "localhost");
    assert.equal(own.userName, to.email);
    assert.equal(Buffer.from(own.userHandle, "base64").length, 32);
    // The same keeper makes no second one of the same person.
    assert.equal(await create((await begin()).public_key), "InvalidStateError");
    await asked(204, "PATCH", `/v1/me/passkeys/${passkey.id}`, { name: "Old phone" });
  },
  async "a sign-in without address, password and code"() {
    await signOut();
    await asked(401, "GET", "/v1/session");
    const answer = await signed();
    const session = await asked(200, "POST", "/v1/session/passkey", answer);
    assert.equal(session.email, to.email);
    assert.deepEqual(session.methods, ["passkey"]);
    await asked(401, "POST", "/v1/session/passkey", answer);
    const [listed] = (await asked(200, "GET", "/v1/me/passkeys")).items;
    assert.equal(listed.name, "Old phone");
    assert.equal(listed.last_source, "127.0.0.1");
  },
  async "a second factor behind the password"() {
    await signOut();
    const refused = await asked(401, "POST", "/v1/session", { email: to.email, password: to.password });
    assert.equal(refused.code, "second_factor");
    const session = await asked(200, "POST", "/v1/session", { email: to.email, password: to.password, passkey: await signed() });
    assert.deepEqual(session.methods, ["password", "passkey"]);
  },
  async "nobody is signed in who was not verified"() {
    await devtools.send("WebAuthn.setUserVerified", { authenticatorId, isUserVerified: false });
    assert.equal((await signed()).credential, "NotAllowedError");
    await devtools.send("WebAuthn.setUserVerified", { authenticatorId, isUserVerified: true });
  },
  async "a copy is refused"() {
    const [own] = await kept();
    await devtools.send("WebAuthn.removeCredential", { authenticatorId, credentialId: own.credentialId });
    await devtools.send("WebAuthn.addCredential", { authenticatorId, credential: { ...own, signCount: 0 } });
    await asked(401, "POST", "/v1/session/passkey", await signed());
    await devtools.send("WebAuthn.removeCredential", { authenticatorId, credentialId: own.credentialId });
    await devtools.send("WebAuthn.addCredential", { authenticatorId, credential: { ...own, signCount: own.signCount + 1 } });
  },
  async "a passkey that was taken away opens nothing"() {
    await asked(204, "POST", `/v1/me/passkeys/${passkey.id}/drop`, { password: to.password });
    await signOut();
    await asked(401, "POST", "/v1/session/passkey", await signed());
    await asked(401, "GET", "/v1/session");
    const session = await asked(200, "POST", "/v1/session", { email: to.email, password: to.password });
    assert.deepEqual(session.methods, ["password"]);
    assert.equal(session.passkeys, 0);
  },
};

try {
  for (const [name, step] of Object.entries(steps)) {
    await step();
    console.log(name);
  }
} finally {
  await browser.close();
}
