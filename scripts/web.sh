#!/usr/bin/env bash
# Builds the console (web/) into what the program embeds, if anything that it is
# made of was changed since. Where Node.js 20 or newer is not there, it says how
# to get it and succeeds: the program works without, and says so at /.
# `scripts/web.sh modules` installs only what the console is made with.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../web"

version=$(node --version 2>/dev/null || true)
major=${version#v}
major=${major%%.*}
if [[ ! $major =~ ^[0-9]+$ ]] || ((major < 20)) || ! command -v npm >/dev/null; then
  echo "The console is not built: it needs Node.js 20 or newer with npm${version:+, and this is $version}." >&2
  echo "Get it from your system (on Debian 13 or Ubuntu 25.04: sudo apt-get install -y nodejs npm), and run make build again." >&2
  echo "Everything else works without; the page at / says so." >&2
  [[ ${1:-} != modules ]]
  exit
fi

# What was installed is of the lock file as it is now.
kept=node_modules/.carillon-lock
if ! cmp -s package-lock.json "$kept"; then
  npm ci --no-audit --no-fund --loglevel=error
  cp package-lock.json "$kept"
fi
if [[ ${1:-} == modules ]]; then exit; fi

newest=$(find src public scripts index.html package.json package-lock.json tsconfig.json vite.config.ts ../api/testdata/openapi.json \
  -type f -not -name schema.d.ts -newer dist/index.html -print -quit 2>/dev/null || echo none)
if [[ -n $newest ]]; then npm run --silent build; fi
