#!/usr/bin/env bash
# Fails if go.mod or go.sum of the product or the tools is not tidy. Where the
# modules that this needs can't be fetched it says so and passes.
set -euo pipefail

errors=$(mktemp)
trap 'rm -f "$errors"' EXIT
for dir in . tools; do
  if diff=$(go -C "$dir" mod tidy -diff 2>"$errors"); then continue; fi
  if [[ -n $diff ]]; then
    echo "$dir/go.mod or go.sum is not tidy; run: go -C $dir mod tidy" >&2
    grep '^[-+]' <<<"$diff" | head -n 40 >&2
    exit 1
  fi
  # No diff and no success: the answer needs modules that are out of reach.
  if ! grep -qE 'dial tcp|no such host|i/o timeout|connection refused|module lookup disabled|proxyconnect' "$errors"; then
    cat "$errors" >&2
    exit 1
  fi
  echo "$dir/go.mod was not checked: the modules that it takes can't be fetched here."
done
