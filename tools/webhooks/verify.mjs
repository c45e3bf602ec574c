// Checks requests by the libraries that receivers use: lines of JSON with secret, headers
// and body on standard input; for each line one of "ok" or what is wrong, by library.
import { createInterface } from "node:readline";
import { Webhook as Standard } from "standardwebhooks";
import { Webhook as Svix } from "svix";

for await (const line of createInterface({ input: process.stdin })) {
  const { secret, headers, body } = JSON.parse(line);
  const said = {};
  for (const [name, Webhook] of Object.entries({ standardwebhooks: Standard, svix: Svix })) {
    try {
      new Webhook(secret).verify(body, headers);
      said[name] = "ok";
    } catch (error) {
      said[name] = error.message;
    }
  }
  console.log(JSON.stringify(said));
}
