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

// between returns what stands between two lines of a page, and the page with
// something else there.
func between(t *testing.T, page, begin, end, other string) (found, changed string) {
	t.Helper()
	before, rest, ok := strings.Cut(page, begin)
	require.True(t, ok, "the page lacks %s", begin)
	found, after, ok := strings.Cut(rest, end)
	require.True(t, ok, "the page lacks %s", end)
	return found, before + begin + other + end + after
}

func TestSettingsTable(t *testing.T) {
	path := filepath.Join(root, "README.md")
	page, err := os.ReadFile(path)
	require.NoError(t, err)
	found, changed := between(t, string(page), settingsBegin, settingsEnd, settingsTable())
	if *update {
		require.NoError(t, os.WriteFile(path, []byte(changed), 0o644))
		return
	}
	require.Equal(t, settingsTable(), found, "write it anew with: go test ./internal/docstest -update")
}
