// Writes what Twilio's client for Node.js signs, for the test of providers/twilio, and how long
// Twilio's own counter says that texts are as SMS, for the test of templates:
// `npm ci && npm run vectors`. Both are read by the tests and not made by them: the client has
// 30 MB.
import { writeFileSync } from "node:fs";
import { strict as assert } from "node:assert";
import twilio from "twilio";
import { SegmentedMessage } from "sms-segments-calculator";

const token = "a-token-that-only-shows-the-form";
const hook = "https://news.example.org/hooks/3";
const sid = "SM00000000000000000000000000000007", account = "AC00000000000000000000000000000001";
const inbound = { MessageSid: sid, SmsSid: sid, AccountSid: account, From: "+4916000000007", To: "+15005550006", NumMedia: "0", SmsStatus: "received" };

const requests = [
  ["a status", hook, { MessageSid: sid, MessageStatus: "delivered", SmsSid: sid, SmsStatus: "delivered", AccountSid: account, From: "+15005550006", To: "+4916000000007", ApiVersion: "2010-04-01" }],
  ["a failure", hook, { MessageSid: sid, MessageStatus: "undelivered", ErrorCode: "30003" }],
  ["a message", hook, { ...inbound, Body: "STOP ✋ \"now\"\nplease" }],
  ["empty values", hook, { ...inbound, Body: "", FromCity: "", FromZip: "" }],
  ["letters that a form escapes", hook, { ...inbound, Body: "a+b c&d=e%20f;g ü € 😀 '()*~!" }],
  ["a name twice", hook, { ...inbound, Body: ["b", "a", "b"] }],
  ["capitals before small letters", hook, { b: "1", B: "2", a: "3", A: "4", Body: "x", MessageSid: sid, From: "+1" }],
  ["no parameters", hook, {}],
  ["with the port", "https://news.example.org:443/hooks/3", { ...inbound, Body: "x" }],
  ["another port", "https://news.example.org:8443/hooks/3", { ...inbound, Body: "x" }],
  ["without TLS", "http://news.example.org/hooks/3", { ...inbound, Body: "x" }],
  ["without TLS, with the port", "http://news.example.org:80/hooks/3", { ...inbound, Body: "x" }],
  ["IPv6", "https://[2001:db8::1]:443/hooks/3", { ...inbound, Body: "x" }],
  ["below a path", "https://example.org/a%20b/hooks/3", { ...inbound, Body: "x" }],
];

const encode = (parameters) => new URLSearchParams(Object.entries(parameters).flatMap(([k, v]) => [v].flat().map((one) => [k, one]))).toString();

const signed = requests.map(([name, url, parameters]) => {
  const signature = twilio.getExpectedTwilioSignature(token, url, parameters);
  const among = [hook, hook.replace("https", "http"), url].filter((address) => twilio.validateRequest(token, signature, address, parameters));
  assert.ok(among.includes(url));
  return { name, url, body: encode(parameters), signature, among: [...new Set(among)] };
});

const of = (letter, n) => letter.repeat(n);
const texts = [
  "", "a", of("a", 159), of("a", 160), of("a", 161), of("a", 305), of("a", 306), of("a", 307), of("a", 459), of("a", 460), of("a", 1600),
  // The basic alphabet, whole; the letters of the extension, alone and where a part ends.
  "@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞÆæßÉ !\"#¤%&'()*+,-./0123456789:;<=>?¡ABCDEFGHIJKLMNOPQRSTUVWXYZÄÖÑÜ§¿abcdefghijklmnopqrstuvwxyzäöñüà",
  "\f^{}\\[~]|€", of("€", 1), of("€", 79), of("€", 80), of("€", 81), of("€", 152), of("€", 153), of("€", 154), of("€", 228), of("€", 229), "a" + of("€", 79), "a" + of("€", 80),
  of("a", 152) + "€" + of("a", 10), of("a", 152) + "€" + of("a", 152), of("a", 153) + "€" + of("a", 151), of("a", 153) + "€" + of("a", 152),
  of("a", 305) + "{" + of("a", 10), of("a", 151) + of("[", 80), of("a", 158) + "^", of("a", 159) + "^",
  // What is in no alphabet of GSM makes all of it UCS-2.
  "ç", "ñandú", "Grüße", "“", "‘", "–", "…", "\t", "`", "´", "\u00a0", "ż", of("ż", 69), of("ż", 70), of("ż", 71), of("ż", 134), of("ż", 135), of("ż", 201), of("ż", 202),
  of("a", 69) + "ż", of("a", 70) + "ż", of("€", 69) + "ż", of("€", 70) + "ż",
  // Letters of four bytes are never torn.
  "😀", of("😀", 34), of("😀", 35), of("😀", 36), of("😀", 66), of("😀", 67), of("😀", 99), of("😀", 100), of("a", 66) + "😀" + of("a", 3), of("a", 66) + "😀" + of("a", 66), of("a", 67) + "😀" + of("a", 66), of("a", 65) + "😀" + of("a", 68), of("a", 133) + "😀" + of("a", 10),
  "Привет, мир", "你好，世界", of("你", 70), of("你", 71), "مرحبا", "नमस्ते", "Ελλάδα",
  // Letters of several: Twilio keeps them together, as far as they are one to the eye.
  "👍🏽", "👨‍👩‍👧‍👦", "🇩🇪", "e\u0301", of("e\u0301", 35), of("e\u0301", 36), of("🇩🇪", 17), of("🇩🇪", 18), of("a", 65) + "🇩🇪" + of("a", 3), of("a", 60) + "👨‍👩‍👧‍👦" + of("a", 10), "a\r\nb",
  of("a", 65) + "🇩🇪" + of("a", 65),
];

const counted = texts.map((text) => {
  const m = new SegmentedMessage(text);
  const bits = m.encodingName === "UCS-2" ? 16 : 7;
  return { text, encoding: m.encodingName === "UCS-2" ? "ucs2" : "gsm7", units: m.messageSize / bits, segments: m.segmentsCount };
});

const lines = (of) => "[\n" + of.map((one) => "  " + JSON.stringify(one)).join(",\n") + "\n]\n";
writeFileSync("../../providers/twilio/testdata/signed.json", lines(signed));
writeFileSync("../../templates/testdata/segments.json", lines(counted));
console.log(`${signed.length} signatures, ${counted.length} texts`);
