#!/usr/bin/env bash
# Runs every fuzz target of the module for a while: $1, 10s if not given. One that
# fails does not end the others; all that failed are named at the end. What fails
# without an input that shows why, or because Go's "fuzzing process hung or
# terminated unexpectedly", is tried once more before it counts: the second time
# begins with the input, if there is one.
set -euo pipefail

duration=${1:-10s}
count=0
failed=()

# fuzz runs one target and keeps what it said in $log.
log=$(mktemp)
trap 'rm -f "$log"' EXIT
fuzz() {
  go test -run '^$' -fuzz "^$2\$" -fuzztime "$duration" "$1" 2>&1 | tee "$log"
}

# Only packages that have a target are compiled to be asked for its name.
while read -r dir package; do
  if ! grep -qs '^func Fuzz' "$dir"/*_test.go; then continue; fi
  if ! listed=$(go test -list '^Fuzz' "$package"); then
    echo "$listed"
    failed+=("$package (does not build)")
    continue
  fi
  for target in $(grep '^Fuzz' <<<"$listed" || true); do
    echo "fuzz $package $target for $duration"
    count=$((count + 1))
    if fuzz "$package" "$target"; then continue; fi
    if grep -q 'Failing input written to' "$log" && ! grep -q 'hung or terminated unexpectedly' "$log"; then
      failed+=("$package $target")
      continue
    fi
    echo "that need not be the fault of $target: once more"
    if ! fuzz "$package" "$target"; then failed+=("$package $target (twice)"); fi
  done
done < <(go list -f '{{.Dir}} {{.ImportPath}}' ./...)

if ((${#failed[@]})); then
  echo "${#failed[@]} of $count fuzz targets failed:"
  printf '  %s\n' "${failed[@]}"
  exit 1
fi
echo "$count fuzz targets found nothing."
