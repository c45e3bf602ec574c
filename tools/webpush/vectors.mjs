// Writes what the client web-push for Node.js encrypts and signs, for the test of
// providers/webpush: `npm ci && npm run vectors`. It is read by the test and not made by it. Its
// keys are made for it, and are nobody's.
import { writeFileSync } from "node:fs";
import { createECDH, randomBytes } from "node:crypto";
import webpush from "web-push";

const vapid = webpush.generateVAPIDKeys();
const vapidDetails = { subject: "mailto:ops@example.org", publicKey: vapid.publicKey, privateKey: vapid.privateKey };

const browser = (endpoint) => {
  const ecdh = createECDH("prime256v1");
  const p256dh = ecdh.generateKeys("base64url");
  return { subscription: { endpoint, keys: { p256dh, auth: randomBytes(16).toString("base64url") } }, privateKey: ecdh.getPrivateKey("base64url").padStart(43, "A") };
};

const sent = [
  ["one letter", "https://fcm.googleapis.com/fcm/send/abc:def", "a", { TTL: 60 }],
  ["JSON", "https://updates.push.services.mozilla.com/wpush/v2/gAAA", JSON.stringify({ id: "7-x", title: "Grüße 😀", body: "Hello" }), { TTL: 86400, urgency: "high", topic: "news" }],
  ["a port", "https://push.example.org:8443/x?y=1&z=2", "with a port", { TTL: 0, urgency: "very-low" }],
  ["as long as it may be", "https://web.push.apple.com/QAAA", "x".repeat(3993), { TTL: 2419200 }],
];

const vectors = sent.map(([name, endpoint, text, options]) => {
  const { subscription, privateKey } = browser(endpoint);
  const r = webpush.generateRequestDetails(subscription, text, { vapidDetails, contentEncoding: "aes128gcm", ...options });
  const { "Content-Length": length, ...headers } = r.headers;
  return { name, subscription, privateKey, text, headers, body: r.body.toString("base64url") };
});

writeFileSync("../../providers/webpush/testdata/sealed.json", "[\n" + vectors.map((one) => "  " + JSON.stringify(one)).join(",\n") + "\n]\n");
console.log(`${vectors.length} requests`);
