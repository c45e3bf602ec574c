import { spawnSync } from "node:child_process";
import { copyFileSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { gunzipSync } from "node:zlib";
import { afterEach, beforeEach, expect, test } from "vitest";

let folder;
const asset = (name) => join(folder, "dist/assets", name);

// What Vite leaves, as small as it can be.
function build(...scripts) {
  const manifest = { "index.html": { file: `assets/${scripts[0]}`, isEntry: true, css: ["assets/index.css"] } };
  for (const name of scripts.slice(1)) manifest[`src/${name}`] = { file: `assets/${name}`, isDynamicEntry: true, imports: ["index.html"] };
  writeFileSync(join(folder, "dist/.vite/manifest.json"), JSON.stringify(manifest));
  for (const name of [...scripts, "index.css", "scheme.js", "carillon.svg"]) writeFileSync(asset(name), `contents of ${name}`);
  const { status, stderr } = spawnSync(process.execPath, [join(folder, "scripts/finish.mjs")], { encoding: "utf8" });
  expect(stderr).toBe("");
  expect(status).toBe(0);
}

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "carillon-finish-"));
  for (const name of ["scripts", "dist/.vite", "dist/assets"]) mkdirSync(join(folder, name), { recursive: true });
  copyFileSync(new URL("finish.mjs", import.meta.url), join(folder, "scripts/finish.mjs"));
});
afterEach(() => rmSync(folder, { recursive: true }));

test("every file is packed as it is now, also where its name stayed since the build before", () => {
  build("index-a.js", "old-b.js");
  build("index-a.js", "new-c.js");
  const files = ["carillon.svg", "index-a.js", "index.css", "new-c.js", "scheme.js"];
  expect(readdirSync(join(folder, "dist/assets")).sort()).toEqual(files.flatMap((name) => [name, `${name}.gz`]));
  for (const name of files) expect(gunzipSync(readFileSync(asset(`${name}.gz`))).toString()).toBe(`contents of ${name}`);
});
