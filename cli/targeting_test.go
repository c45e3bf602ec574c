package cli

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestTargetingByHand(t *testing.T) {
	f := newFixture(t)
	f.ok("properties", "create", "plan", "--type", "enum", "--rule", "gold,silver", "--filterable")
	f.ok("contacts", "create", "--first-name", "Ada", "--email", "ada@example.org", "--attribute", "plan=gold")
	f.ok("contacts", "create", "--first-name", "Bob", "--phone", "+491701234567", "--attribute", "plan=gold")
	f.ok("contacts", "create", "--first-name", "Cy", "--email", "cy@example.org", "--attribute", "plan=silver")
	const gold = `{"condition": "AND", "rules": [{"field": "attributes.plan", "operator": "equal", "value": "Gold"}]}`
	file := filepath.Join(t.TempDir(), "gold.json")
	require.NoError(t, os.WriteFile(file, []byte(gold), 0o600))

	require.Regexp(t, `Name\s+Gold`, f.ok("targeting", "create", "Gold", "--rule", "@"+file))
	require.Regexp(t, `1\s+Gold`, f.ok("targeting", "ls"))
	require.Contains(t, f.ok("targeting", "show", "1"), `"attributes.plan"`)
	out := f.ok("targeting", "contacts", "1")
	require.Contains(t, out, "Ada")
	require.NotContains(t, out, "Cy")
	require.Regexp(t, `Contacts\s+2`, f.ok("targeting", "count", "1"))
	out = f.ok("targeting", "count", "--rule", gold, "--kind", "email")
	require.Regexp(t, `Reachable\s+1`, out)
	require.Contains(t, out, "no_address")
	require.Regexp(t, `attributes.plan\s+text\s+yes\s+equal`, f.ok("targeting", "fields"))
	f.ok("targeting", "update", "1", "--name", "Golden")
	require.Contains(t, f.ok("targeting", "ls"), "Golden")

	code, _, errs := f.run("targeting", "update", "1", "--rule", `{"condition": "AND", "rules": [{"field": "attributes.plan", "operator": "like", "value": "x"}]}`)
	require.Equal(t, exitRefused, code)
	require.Contains(t, errs, "rule.rules[0].operator")
	for _, wrong := range [][]string{
		{"targeting", "create", "x"}, {"targeting", "create", "x", "--rule", "{"}, {"targeting", "update", "1"}, {"targeting", "count"},
		{"targeting", "count", "1", "--rule", gold}, {"targeting", "count", "1", "--kind", "email", "--channel", "x"},
	} {
		code, _, _ := f.run(wrong...)
		require.Equal(t, exitUsage, code, wrong)
	}
	f.ok("channel", "create", "mail", "--provider", "sandbox")
	require.Regexp(t, `Reachable\s+1`, f.ok("targeting", "count", "1", "--channel", "mail"))
	f.ok("campaign", "create", "--name", "Spring", "--channel", "mail", "--targeting", "1", "--exclude-rule", file, "--subject", "s", "--text", "t")
	require.Regexp(t, `Recipients\s+2`, f.ok("campaign", "preview", "1"))
	code, _, errs = f.run("targeting", "rm", "1")
	require.Equal(t, exitRefused, code)
	require.Contains(t, errs, "campaign 1 (Spring)")
	f.ok("campaign", "create", "--name", "Summer", "--channel", "mail", "--rule", file, "--subject", "s", "--text", "t")
	require.Regexp(t, `Will be sent to\s+1`, f.ok("campaign", "preview", "2"))
	f.ok("targeting", "create", "Spare", "--rule", gold)
	require.Contains(t, f.ok("targeting", "rm", "2"), "deleted")
}
