package cli

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestConversations(t *testing.T) {
	f := newFixture(t)
	code, _, errs := f.run("conversations", "ls")
	require.Zero(t, code)
	require.Contains(t, errs, "carillon conversations create", "says how there comes to be one")
	f.ok("channel", "create", "chat", "--provider", "sandbox")
	f.ok("contacts", "create", "--first-name", "Ada", "--email", "ada@example.org")
	require.Contains(t, f.ok("conversations", "create", "--channel", "chat", "--contact", "1", "--label", "vip"), "open")
	require.Contains(t, f.ok("conversations", "show", "1"), "carillon conversations say 1")
	require.Contains(t, f.ok("conversations", "say", "1", "--subject", "Hello", "--text", "Dear {{ contact.first_name }}"), "messages show 1")
	f.ok("conversations", "note", "1", "Was angry.")
	shown := f.ok("conversations", "show", "1")
	require.Less(t, strings.Index(shown, "Dear Ada"), strings.Index(shown, "Was angry."), "the oldest first")
	code, out, errs := f.run("conversations", "show", "1", "--last", "1")
	require.Zero(t, code)
	require.NotContains(t, out, "Dear Ada")
	require.Contains(t, errs, "--last")
	f.ok("conversations", "hide", "1", "2", "--yes")
	require.NotContains(t, f.ok("conversations", "show", "1", "--output", "json"), "angry")
	require.Contains(t, f.ok("conversations", "set", "1", "--status", "resolved", "--label", ""), "resolved")
	require.NotContains(t, f.ok("conversations", "ls", "--status", "resolved"), "vip", "an empty label takes all off")
	require.NotContains(t, f.ok("conversations", "ls", "--status", "open"), "resolved")
	code, _, errs = f.run("conversations", "set", "1", "--attributes", "[1]")
	require.Equal(t, exitUsage, code)
	require.Contains(t, errs, "JSON object")
}

func TestPagesOfContacts(t *testing.T) {
	f := newFixture(t)
	for _, name := range []string{"Cy", "Ada", "Bob"} {
		f.ok("contacts", "create", "--name", name, "--email", strings.ToLower(name)+"@example.org")
	}
	code, out, errs := f.run("contacts", "ls", "--order", "-name", "--page", "2", "--limit", "2")
	require.Zero(t, code, errs)
	require.Contains(t, out, "Ada")
	require.NotContains(t, out, "Bob")
	require.Contains(t, errs, "Page 2 of 2; 3 contacts in all.")
	require.Contains(t, f.ok("contacts", "ls", "--page", "1", "--output", "json"), `"total": 3`)
	code, _, errs = f.run("contacts", "ls", "--order", "colour")
	require.Equal(t, exitRefused, code)
	require.Contains(t, errs, "last_activity_at")
	code, _, _ = f.run("contacts", "ls", "--page", "1", "--limit", "0")
	require.NotZero(t, code)
}

func TestAttributesAndFilters(t *testing.T) {
	f := newFixture(t)
	_, _, errs := f.run("attributes", "ls")
	require.Contains(t, errs, "carillon attributes create")
	require.Contains(t, f.ok("attributes", "create", "Shoe-Size", "--display", "number", "--pattern", "^[0-9]+$"), "shoex2dsize")
	f.ok("attributes", "create", "topic", "--of", "conversation", "--display", "list", "--choice", "refund")
	require.Contains(t, f.ok("attributes", "set", "1", "--description", "European"), "^[0-9]+$")
	require.Contains(t, f.ok("attributes", "ls"), "topic")
	f.ok("contacts", "create", "--first-name", "Ada", "--number", "+4915112345678", "--loose", "--attribute", "shoex2dsize=42", "--attribute", "source=shop")
	shown := f.ok("contacts", "show", "1")
	require.Contains(t, shown, "free.source")
	require.Contains(t, shown, "whatsapp")
	require.Contains(t, f.ok("contacts", "value", "shoex2dsize", "43", "1"), "1")
	require.Contains(t, f.ok("contacts", "show", "1"), "43")
	require.Contains(t, f.ok("contacts", "written", "1", "phone", "0151 1234-5678"), "0151 1234-5678")
	require.Contains(t, f.ok("contacts", "addresses", "1"), "0151 1234-5678")
	f.ok("groups", "create", "Readers")
	require.Contains(t, f.ok("groups", "create", "Readers", "--alike"), "Readers (2)")

	_, _, errs = f.run("filters", "ls")
	require.Contains(t, errs, "carillon filters create")
	f.ok("filters", "create", "Adas", "--rule", `{"condition":"AND","rules":[{"field":"first_name","operator":"equal","value":"Ada"}]}`)
	require.Contains(t, f.ok("filters", "count", "1", "--kind", "phone"), "Can be reached")
	require.Contains(t, f.ok("filters", "use", "1"), "Ada")
	require.Contains(t, f.ok("filters", "set", "1", "--name", "Countess"), "Countess")
	f.ok("filters", "rm", "1")
	f.ok("attributes", "rm", "1", "--yes")
	require.NotContains(t, f.ok("properties", "ls"), "shoex2dsize")
}
