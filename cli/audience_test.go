package cli

import (
	"regexp"
	"strings"
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

func TestContactsByHand(t *testing.T) {
	f := newFixture(t)
	f.ok("properties", "create", "zip", "--type", "text")
	f.ok("properties", "create", "age", "--type", "number", "--rule", ">=0")
	f.ok("properties", "create", "tags", "--type", "collection", "--expires", "3600")
	f.ok("properties", "create", "vip", "--type", "checkbox", "--default", "false")
	out := f.ok("contacts", "create", "--first-name", "Ada", "--email", "Ada@Example.org", "--address", "telegram=123456789",
		"--attribute", "zip=12345", "--attribute", "age=36", "--attribute", "tags=a| b")
	require.Regexp(t, `E-mail\s+ada@example.org`, out)
	require.Regexp(t, `telegram\s+123456789`, out)
	require.Regexp(t, `attributes.zip\s+12345`, out)
	require.Regexp(t, `attributes.tags\s+\["a","b"\] \(until `, out)
	require.Regexp(t, `attributes.vip\s+false`, out)
	code, _, errs := f.run("contacts", "create", "--email", "ada@example.org")
	require.Equal(t, exitRefused, code)
	require.Contains(t, errs, "contact 1")
	code, _, errs = f.run("contacts", "set", "1", "--attribute", "age=-1")
	require.Equal(t, exitRefused, code)
	require.Contains(t, errs, "attributes.age")
	require.Contains(t, errs, ">=0")
	out = f.ok("contacts", "set", "1", "--last-name", "Lovelace", "--attribute", "age=", "--address", "telegram=", "--phone", "0151 12345678", "--country", "DE")
	require.NotContains(t, out, "attributes.age")
	require.NotContains(t, out, "telegram")
	require.Contains(t, out, "+4915112345678")
	require.Contains(t, f.ok("contacts", "ls", "--address", "phone=+4915112345678"), "Ada Lovelace")
	f.ok("contacts", "rm", "1")
	require.NotContains(t, f.ok("contacts", "ls"), "Ada")
	require.Contains(t, f.ok("contacts", "ls", "--status", "deleted"), "Ada")
	require.Contains(t, f.ok("contacts", "set", "1", "--status", "active"), "active")
	code, _, _ = f.run("contacts", "set", "1", "--attribute", "age")
	require.Equal(t, exitUsage, code)
}

func TestListsByHand(t *testing.T) {
	f := newFixture(t)
	f.ok("contacts", "create", "--first-name", "Ada", "--email", "ada@example.org")
	for _, kind := range []string{"groups", "categories", "labels"} {
		out := f.ok(kind, "create", "First", "--description", "of all")
		require.Contains(t, out, "of all")
		id := strings.TrimSpace(regexp.MustCompile(`Id of the \w+\s+(\d+)`).FindStringSubmatch(out)[1])
		require.Contains(t, f.ok(kind, "set", id, "--name", "Second"), "Second")
		require.Regexp(t, `1`, f.ok(kind, "add", id, "1"))
		require.Contains(t, f.ok(kind, "members", id), "Ada")
		require.Regexp(t, `Second\s+1`, f.ok(kind, "ls"))
		f.ok(kind, "remove", id, "1")
		code, _, errs := f.run(kind, "add", id, "99")
		require.Equal(t, exitRefused, code)
		require.Contains(t, errs, "no such contact")
		code, _, _ = f.run(kind, "rm", id)
		require.Equal(t, exitRefused, code)
		f.ok(kind, "rm", id, "--yes")
		require.NotContains(t, f.ok(kind, "ls"), "Second")
	}
}

func TestBulkByHand(t *testing.T) {
	f := newFixture(t)
	f.ok("contacts", "create", "--first-name", "Ada", "--email", "ada@example.org")
	f.ok("contacts", "create", "--first-name", "Bob", "--email", "bob@example.org")
	f.ok("properties", "create", "plan", "--type", "enum", "--rule", "free,plus")
	code, _, errs := f.run("contacts", "bulk", "stop", "--all")
	require.Equal(t, exitRefused, code)
	require.Contains(t, errs, "2 contacts")
	f.tty, f.stdin = true, "y\n"
	code, out, errs := f.run("contacts", "bulk", "stop", "--contacts", "1,2")
	require.Zero(t, code, errs)
	require.Regexp(t, `Changed\s+2`, out)
	require.Contains(t, errs, "100%")
	require.Contains(t, f.ok("contacts", "ls", "--status", "inactive"), "Ada")
	f.tty = false
	require.Regexp(t, `plan = "free"`, f.ok("contacts", "bulk", "set", "--set", "plan=free", "--all", "--yes"))
	require.Regexp(t, `finished\s+2\s+2\s+2`, f.ok("jobs", "ls"))
	require.Contains(t, f.ok("jobs", "show", "1", "--watch"), "finished")
	require.Contains(t, f.ok("contacts", "show", "2"), "free")
	rule := f.file("rule.json", `{"condition":"AND","rules":[{"field":"first_name","operator":"equal","value":"ada"}]}`)
	require.Regexp(t, `Changed\s+1`, f.ok("contacts", "bulk", "start", "--rule", rule, "--yes"))
	code, _, _ = f.run("contacts", "bulk", "start", "--rule", f.file("none.json", "ada"), "--yes")
	require.Equal(t, exitRefused, code)
	code, _, errs = f.run("contacts", "bulk", "set", "--set", "plan=gold", "--all", "--yes")
	require.Equal(t, exitRefused, code)
	require.Contains(t, errs, "free,plus")
}

func TestMergeByHand(t *testing.T) {
	f := newFixture(t)
	f.ok("contacts", "create", "--first-name", "Ada", "--email", "ada@example.org")
	f.ok("contacts", "create", "--last-name", "Lovelace", "--address", "telegram=42")
	require.Contains(t, f.ok("contacts", "merge", "1", "2", "--dry-run"), "nothing was changed")
	code, _, errs := f.run("contacts", "merge", "1", "2")
	require.Equal(t, exitRefused, code)
	require.Contains(t, errs, "1 addresses")
	require.Contains(t, f.ok("contacts", "merge", "1", "2", "--yes"), "telegram 42")
	require.Contains(t, f.ok("contacts", "show", "2"), "deleted")
}
