import { fileURLToPath } from "node:url";
import react from "@vitejs/plugin-react";
import { defineConfig } from "vitest/config";

// Where `npm run dev` finds the server.
const server = process.env["CARILLON_URL"] ?? "http://127.0.0.1:8080";

export default defineConfig({
  plugins: [react()],
  resolve: { alias: { "@": fileURLToPath(new URL("./src", import.meta.url)) } },
  build: {
    manifest: true,
    target: "es2022",
    // What is small is a file of its own all the same: the policy of the page lets no script be inlined.
    assetsInlineLimit: 0,
    emptyOutDir: false,
    modulePreload: { polyfill: false },
    // A file costs a slow machine more than what is in it: the libraries that every page begins with are one.
    rolldownOptions: { output: { codeSplitting: { groups: [{ name: "begin", tags: ["$initial"], test: /node_modules/ }] } } },
  },
  server: { proxy: { "^/(v1|sign-in/|openapi.json|docs|readyz|healthz)": { target: server, changeOrigin: false } } },
  test: { include: ["src/**/*.test.ts", "scripts/*.test.mjs"], environment: "node" },
});
