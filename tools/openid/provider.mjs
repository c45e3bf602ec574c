// A certified OpenID provider (oidc-provider), for tests: it takes a JSON object with the client's
// id, secret and redirect address and with people, by their logins, and prints where it is. Whoever
// signs in says a login, and has to prove nothing.
import { createServer } from "node:http";
import { Provider } from "oidc-provider";

const to = JSON.parse(process.argv[2]);
const server = createServer();
await new Promise((done) => server.listen(0, "127.0.0.1", done));
const issuer = `http://127.0.0.1:${server.address().port}`;

const provider = new Provider(issuer, {
  clients: [{ client_id: to.client, client_secret: to.secret, redirect_uris: [to.redirect], response_types: ["code"], grant_types: ["authorization_code"] }],
  claims: { openid: ["sub"], email: ["email", "email_verified"], profile: ["name"], groups: ["groups"] },
  pkce: { required: () => true },
  cookies: { keys: ["of tests alone"] },
  features: { devInteractions: { enabled: true } },
  // By its standard the claims are told by the userinfo endpoint; conformIdTokenClaims says so.
  conformIdTokenClaims: to.conform,
  findAccount: (_, id) => to.people[id] && { accountId: id, claims: () => ({ sub: id, ...to.people[id] }) },
});
server.on("request", provider.callback());
console.log(issuer);
process.stdin.on("end", () => process.exit()).resume();
