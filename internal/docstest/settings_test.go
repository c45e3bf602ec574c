package docstest

import (
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"carillon/configs"
)

var update = flag.Bool("update", false, "write the tables that are made from the code into the pages")

const (
	settingsBegin = "<!-- settings: go test ./internal/docstest -update writes this table -->\n"
	settingsEnd   = "<!-- end of settings -->\n"
)

// settingsTable is the configuration as README shows it.
func settingsTable() string {
	var b strings.Builder
	b.WriteString("| setting | variable | default | |\n|---|---|---|---|\n")
	for _, s := range configs.Settings() {
		value, doc := s.Default, s.Doc
		if value != "" {
			value = "`" + value + "`"
		}
		if s.Enum != nil {
			doc += " One of " + strings.Join(s.Enum, ", ") + "."
		}
		if s.Secret {
			doc += " *Secret.*"
		}
		b.WriteString("| `" + s.Name + "` | `" + s.Env() + "` | " + value + " | " + strings.ReplaceAll(doc, "|", "\\|") + " |\n")
	}
	return b.String()
}

// place is between two lines of a page.
type place struct{ page, begin, end string }

// requireTable checks that a table, made from the code, is in its place; with
// -update it writes it there.
func requireTable(t *testing.T, in place, table string) {
	t.Helper()
	page, begin, end := in.page, in.begin, in.end
	path := filepath.Join(root, page)
	source, err := os.ReadFile(path)
	require.NoError(t, err)
	before, rest, ok := strings.Cut(string(source), begin)
	require.True(t, ok, "%s lacks %s", page, begin)
	found, after, ok := strings.Cut(rest, end)
	require.True(t, ok, "%s lacks %s", page, end)
	if *update {
		require.NoError(t, os.WriteFile(path, []byte(before+begin+table+end+after), 0o644))
		return
	}
	require.Equal(t, table, found, "write it anew with: go test ./internal/docstest -update")
}

func TestSettingsTable(t *testing.T) {
	requireTable(t, place{"README.md", settingsBegin, settingsEnd}, settingsTable())
}
