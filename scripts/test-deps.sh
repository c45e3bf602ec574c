#!/usr/bin/env bash
# Installs the servers that the tests start for themselves: Redis and
# PostgreSQL, curl, with which the README's commands are tried, Chromium with
# Node.js, which look at the pages of recipients, Prometheus, whose promtool
# checks metrics and rules, and nginx and Caddy, which run the examples of
# deploy/. Does nothing if all are there. As root on Debian or Ubuntu it
# installs what is missing; else it names the command and fails.
set -euo pipefail

has_redis() { command -v redis-server >/dev/null; }

has_postgres() {
  local initdb
  for initdb in "$(command -v initdb || true)" /usr/lib/postgresql/*/bin/initdb; do
    if [[ -x $initdb && -x ${initdb%/*}/postgres ]]; then return 0; fi
  done
  return 1
}

missing=()
has_redis || missing+=(redis-server)
has_postgres || missing+=(postgresql)
command -v curl >/dev/null || missing+=(curl)
[[ -x /usr/bin/chromium ]] || missing+=(chromium)
command -v npm >/dev/null || missing+=(nodejs npm)
command -v promtool >/dev/null || missing+=(prometheus)
[[ -x /usr/sbin/nginx ]] || missing+=(nginx-light)
[[ -x /usr/bin/caddy ]] || missing+=(caddy)
if ((${#missing[@]} == 0)); then exit 0; fi

if ((EUID != 0)) || ! command -v apt-get >/dev/null; then
  echo "The tests need these programs, which are not installed: ${missing[*]}." >&2
  echo "Install them: sudo apt-get update && sudo apt-get install -y ${missing[*]}" >&2
  exit 1
fi

# The packages start a server of their own on the well-known ports. The tests
# don't use it, so it is kept from starting: Debian asks policy-rc.d first, and
# 101 means no. It also keeps the installation from restarting a server that
# runs already. A policy that is there is put back afterwards.
policy=/usr/sbin/policy-rc.d
kept=
restore() {
  if [[ -n $kept ]]; then mv -f "$kept" "$policy"; else rm -f "$policy"; fi
}
if [[ -e $policy || -L $policy ]]; then
  kept=$(mktemp -u "$policy.kept.XXXXXX")
  mv "$policy" "$kept"
fi
trap restore EXIT
trap 'exit 1' HUP INT TERM
printf '#!/bin/sh\nexit 101\n' >"$policy"
chmod 0755 "$policy"

echo "Installing what the tests need: ${missing[*]}."
export DEBIAN_FRONTEND=noninteractive
apt-get update -q
apt-get install -y -q --no-install-recommends "${missing[@]}"

if ! has_redis || ! has_postgres; then
  echo "apt-get installed ${missing[*]}, but redis-server, initdb or postgres is still not found." >&2
  exit 1
fi
