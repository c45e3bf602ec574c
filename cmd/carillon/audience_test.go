package main

import (
	"testing"

	"github.com/stretchr/testify/require"
)

func TestPropertiesByHand(t *testing.T) {
	f := newFixture(t)
	require.Contains(t, f.ok("properties", "create", "age", "--type", "number", "--rule", ">=0 <=130", "--default", "18", "--label", "Age"), "age")
	require.Contains(t, f.ok("properties", "create", "plan", "--type", "enum", "--rule", "free,plus", "--default", "free", "--filterable"), "free")
	out := f.ok("properties", "ls")
	require.Regexp(t, `age\s+number\s+>=0 <=130\s+18\s+for ever\s+Age`, out)
	require.Contains(t, out, "filterable")
	code, _, errs := f.run("properties", "create", "age", "--type", "text")
	require.Equal(t, exitRefused, code)
	require.Contains(t, errs, "key")
	code, _, errs = f.run("properties", "create", "height", "--type", "number", "--rule", "tall")
	require.Equal(t, exitRefused, code)
	require.Contains(t, errs, "operator")
	require.Contains(t, f.ok("properties", "set", "plan", "--rule", "free,plus,team", "--expires", "60", "--dry-run"), "Would be converted")
	require.Contains(t, f.ok("properties", "set", "plan", "--rule", "free,plus,team"), "team")
	code, _, errs = f.run("properties", "rm", "age")
	require.Equal(t, exitRefused, code)
	require.Contains(t, errs, "--yes")
	f.tty, f.stdin = true, "no\n"
	f.run("properties", "rm", "age")
	require.Contains(t, f.ok("properties", "ls"), "age")
	f.stdin = "yes\n"
	f.ok("properties", "rm", "age")
	require.NotContains(t, f.ok("properties", "ls"), "age")
	require.Contains(t, f.ok("properties", "rm", "plan", "--yes"), "deleted")
}
