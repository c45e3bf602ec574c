#!/usr/bin/env bash
# Runs every fuzz target of the module for a while: $1, 10s if not given.
set -euo pipefail

duration=${1:-10s}
count=0
# Only packages that have a target are compiled to be asked for its name.
while read -r dir package; do
  if ! grep -qs '^func Fuzz' "$dir"/*_test.go; then continue; fi
  listed=$(go test -list '^Fuzz' "$package")
  for target in $(grep '^Fuzz' <<<"$listed" || true); do
    echo "fuzz $package $target for $duration"
    go test -run '^$' -fuzz "^$target\$" -fuzztime "$duration" "$package"
    count=$((count + 1))
  done
done < <(go list -f '{{.Dir}} {{.ImportPath}}' ./...)
echo "$count fuzz targets found nothing."
