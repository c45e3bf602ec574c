package cli

import (
	"testing"

	"github.com/stretchr/testify/require"
)

func TestThingsAreNamedByTheirNames(t *testing.T) {
	f := newFixture(t)
	f.newsletter() // campaign Spring, group Staff
	for _, kind := range []string{"categories", "labels", "groups"} {
		f.ok(kind, "create", "Kunden in "+kind)
		f.ok(kind, "add", "Kunden in "+kind, "1")
		require.Contains(t, f.ok(kind, "members", "kunden IN "+kind), "ada@example.org", "case alone makes no other name")
		require.Contains(t, f.ok("contacts", "ls", "--group", "Kunden in "+kind), "ada@example.org")
	}
	f.ok("targeting", "create", "Adas", "--rule", `{"condition":"AND","rules":[{"field":"first_name","operator":"is_empty"}]}`)
	require.Contains(t, f.ok("targeting", "show", "Adas"), "is_empty")
	f.ok("campaign", "create", "--name", "All kinds", "--channel", "news", "--group", "Kunden in groups", "--label", "Kunden in labels",
		"--to-category", "Kunden in categories", "--targeting", "Adas", "--exclude-campaign", "Spring", "--category", "Kunden in categories",
		"--text", "x", "--subject", "x")
	shown := f.ok("campaign", "show", "All kinds", "--output", "json")
	for _, want := range []string{`"groups": [`, `"labels": [`, `"categories": [`, `"targeting": [`, `"campaigns": [`, `"category_id": `} {
		require.Contains(t, shown, want)
	}
	f.ok("messages", "ls", "--campaign", "Spring", "--channel", "news")
	require.Contains(t, f.ok("queue", "ls", "--campaign", "Spring"), "Nothing waits")

	f.ok("campaign", "create", "--name", "Spring", "--channel", "news", "--all", "--text", "x", "--subject", "x")
	for want, args := range map[string][]string{
		`2 are a campaign "Spring": name one by its id: `:                  {"campaign", "start", "Spring"},
		`there is no group "Kundinnen": there are Staff, Kunden in groups`: {"groups", "members", "Kundinnen"},
		`there is no group or category or label or upload of this name`:    {"contacts", "ls", "--group", "Kundinnen"},
		`there is no channel of this name: there are news`:                 {"messages", "ls", "--channel", "old"},
		`there is no upload "people.csv": there is none yet`:               {"uploads", "show", "people.csv"},
		`--rule is no JSON`: {"targeting", "count", "--rule", "{field: email}"},
	} {
		code, _, stderr := f.run(args...)
		require.NotZero(t, code, args)
		require.Contains(t, stderr, want, args)
	}
}
