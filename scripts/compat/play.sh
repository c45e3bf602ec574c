#!/usr/bin/env bash
# Plays sessions of the APIs of others against this program: each file of a folder that
# holds them with their runner (run.py), against a server of its own with nothing in it.
# Steps that are known to fail, and why, are in known.txt; bodies of our own API that the
# sessions could only guess are put right by correct.py. Anything else that fails, fails.
#
#   scripts/compat/play.sh FOLDER [carillon]
set -euo pipefail
folder=$(realpath "$1")
carillon=$(realpath "${2:-bin/carillon}")
here=$(realpath "$(dirname "${BASH_SOURCE[0]}")")
work=$(mktemp -d)
server=
stop() {
  if [[ -n $server ]]; then
    kill "$server" 2>/dev/null || true
    wait "$server" 2>/dev/null || true
    server=
  fi
}
trap 'stop; rm -rf "$work"' EXIT

failed=0
for session in "$folder"/*.json; do
  name=$(basename "$session" .json)
  data="$work/$name"
  mkdir "$data"
  python3 "$here/correct.py" "$session" >"$data/session.json"
  CARILLON_ALLOW_PRIVATE_ADDRESSES=true "$carillon" serve --data-dir "$data" --listen 127.0.0.1:0 >"$data/out" 2>"$data/log" &
  server=$!
  url=
  for _ in {1..300}; do
    url=$(grep -ohE 'http://127\.0\.0\.1:[0-9]+' "$data/out" "$data/log" | head -1 || true)
    if [[ -n $url && -s $data/admin.key ]]; then break; fi
    sleep 0.1
  done
  python3 "$folder/run.py" "$data/session.json" --host "$url" --admin-key "$(cat "$data/admin.key")" >"$data/result" 2>&1 || true
  tail -1 "$data/result" | sed "s|.*session.json|$name|"
  while IFS= read -r line; do
    step=${line#FAIL }
    if grep -qF "$name: $step: " "$here/known.txt"; then
      echo "  known: $step"
    else
      failed=$((failed + 1))
      grep -F -A1 -- "$line" "$data/result" | cut -c1-500
    fi
  done < <(grep '^FAIL ' "$data/result" || true)
  if ! grep -qE ' steps, [0-9]+ failed' "$data/result"; then
    echo "$name was not played to its end:"
    tail -5 "$data/result"
    failed=$((failed + 1))
  fi
  stop
done
if ((failed > 0)); then
  echo "$failed steps failed that are not known to."
  exit 1
fi
