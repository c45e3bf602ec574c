package docstest

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// codeSpan is a piece of a page between backquotes that may be a path of the
// repository: it has a slash or is a file of Go, and no blanks.
var codeSpan = regexp.MustCompile("`([a-z][a-z0-9_]*(?:/[a-z0-9_.]+)+|[a-z_]+\\.go)`")

// The pages for maintainers name files; a file that has moved is named as it is
// called now.
func TestPathsOfTheMapAreThere(t *testing.T) {
	for _, page := range []string{"docs/architecture.md", "CONTRIBUTING.md"} {
		text, err := os.ReadFile(filepath.Join("..", "..", page))
		require.NoError(t, err)
		found := codeSpan.FindAllSubmatch(text, -1)
		require.NotEmpty(t, found, page)
		for _, span := range found {
			_, err := os.Stat(filepath.Join("..", "..", string(span[1])))
			require.NoError(t, err, "%s names %s", page, span[1])
		}
	}
}

// Every room of the house is on the map.
func TestEveryRoomIsOnTheMap(t *testing.T) {
	text, err := os.ReadFile(filepath.Join("..", "..", "docs", "architecture.md"))
	require.NoError(t, err)
	files, err := filepath.Glob(filepath.Join("..", "..", "*", "*.go"))
	require.NoError(t, err)
	require.NotEmpty(t, files)
	for _, file := range files {
		room := filepath.Base(filepath.Dir(file))
		require.Contains(t, string(text), "`"+room+"`", "docs/architecture.md")
	}
}

// So is what several packages test with.
func TestEveryFixtureIsOnTheMap(t *testing.T) {
	text, err := os.ReadFile(filepath.Join("..", "..", "docs", "architecture.md"))
	require.NoError(t, err)
	fixtures, err := filepath.Glob(filepath.Join("..", "..", "*", "*test"))
	require.NoError(t, err)
	require.NotEmpty(t, fixtures)
	for _, fixture := range fixtures {
		room, err := filepath.Rel(filepath.Join("..", ".."), fixture)
		require.NoError(t, err)
		if strings.HasPrefix(room, "internal") {
			continue // none of the product's rooms
		}
		require.Contains(t, string(text), "`"+filepath.ToSlash(room)+"`", "docs/architecture.md")
	}
}
