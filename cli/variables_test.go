package cli

import (
	"testing"

	"github.com/stretchr/testify/require"
)

func TestVariablesByHand(t *testing.T) {
	f := newFixture(t)
	require.Regexp(t, `Value\s+\{"from":9\}`, f.ok("variables", "set", "support.hours", `{"from": 9}`, "--group", "support"))
	f.ok("variables", "set", "shop", "Our shop", "--disabled")
	require.Regexp(t, `shop\s+"Our shop"[^\n]*\nsupport.hours\s+\{"from":9\}\s+support`, f.ok("variables", "ls"))
	require.Regexp(t, `Disabled\s+(true|yes)`, f.ok("variables", "show", "shop"))
	require.Contains(t, f.ok("variables", "rm", "shop"), "Variable shop is deleted")
	code, _, _ := f.run("variables", "show", "shop")
	require.Equal(t, exitNotFound, code)
}

func TestSeriesByHand(t *testing.T) {
	f := newFixture(t)
	require.Regexp(t, `Series\s+1\nName\s+Invoices`, f.ok("series", "create", "Invoices", "--options", `{"a":1}`))
	require.Regexp(t, `1\s+Invoices`, f.ok("series", "ls"))
	require.Contains(t, f.ok("series", "show", "1"), "Invoices")
	code, _, _ := f.run("series", "create", "x", "--options", "[")
	require.Equal(t, exitUsage, code)
}
