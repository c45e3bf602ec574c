// Ends a build: packs each file, so that the server sends it as it is, and holds what a browser
// loads for a route to its budget.
import { readFileSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { extname, join } from "node:path";
import { gzipSync } from "node:zlib";

const dist = new URL("../dist/", import.meta.url).pathname;
const budget = { first: 260 * 1024, route: 450 * 1024 }; // bytes of packed script

const manifest = JSON.parse(readFileSync(join(dist, ".vite/manifest.json"), "utf8"));
const current = new Set(Object.values(manifest).flatMap((chunk) => [chunk.file, ...(chunk.css ?? []), ...(chunk.assets ?? [])]));
current.add("assets/scheme.js").add("assets/carillon.svg");

// What is left of builds before this one goes first, packed files too: one of the same name is made anew below.
for (const name of readdirSync(join(dist, "assets"))) if (!current.has(`assets/${name}`)) rmSync(join(dist, "assets", name));

const packed = new Map();
for (const name of readdirSync(join(dist, "assets"))) {
  const path = join(dist, "assets", name);
  const bytes = gzipSync(readFileSync(path), { level: 9 });
  packed.set(`assets/${name}`, bytes.length);
  writeFileSync(`${path}.gz`, bytes);
}

// What a chunk has loaded with it.
function closure(name, into = new Set()) {
  if (into.has(name)) return into;
  into.add(name);
  for (const other of manifest[name].imports ?? []) closure(other, into);
  return into;
}
function size(names) {
  let sum = packed.get("assets/scheme.js");
  for (const name of names) if (extname(manifest[name].file) === ".js") sum += packed.get(manifest[name].file);
  return sum;
}

const entry = Object.keys(manifest).find((name) => manifest[name].isEntry);
const begin = closure(entry);
const always = new Set(begin);
for (const name of manifest[entry].dynamicImports ?? []) if (/i18n\/en/.test(name)) closure(name, always);
const rows = Object.keys(manifest)
  .filter((name) => manifest[name].isDynamicEntry && !/i18n\//.test(name))
  .map((name) => ({ name, bytes: size(closure(name, new Set(always))) }))
  .sort((a, b) => b.bytes - a.bytes);
const first = rows.find((row) => row.name.includes("src/home/")) ?? { name: entry, bytes: size(always) };

const kib = (bytes) => `${(bytes / 1024).toFixed(0)} KiB`;
console.log(`script, packed: first route ${kib(first.bytes)} of ${kib(budget.first)}; heaviest ${rows[0]?.name} ${kib(rows[0]?.bytes)} of ${kib(budget.route)}`);
const over = rows.filter((row) => row.bytes > budget.route);
if (first.bytes > budget.first) over.push(first);
for (const row of over) console.error(`${row.name} loads ${kib(row.bytes)} of script, more than its budget`);
process.exit(over.length > 0 ? 1 : 0);
