package docstest

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// root is the repository, seen from this package.
const root = "../.."

// block is a fenced piece of a page.
type block struct {
	line     int
	language string
	text     string
	// server says that its lines are programs that run on; notRun why it is not run.
	server bool
	notRun string
}

// section is what stands under a heading of the second level.
type section struct {
	title  string
	blocks []block
}

// readPage cuts a page into sections.
func readPage(t *testing.T, name string) []section {
	t.Helper()
	source, err := os.ReadFile(filepath.Join(root, name))
	require.NoError(t, err)
	sections, err := parsePage(string(source))
	require.NoError(t, err, name)
	return sections
}

func parsePage(source string) ([]section, error) {
	sections := []section{{title: "beginning"}}
	var open *block
	mark := block{}
	for i, line := range strings.Split(source, "\n") {
		last := &sections[len(sections)-1]
		fence, isFence := strings.CutPrefix(strings.TrimSpace(line), "```")
		switch {
		case open != nil && isFence:
			last.blocks = append(last.blocks, *open)
			open = nil
		case open != nil:
			open.text += line + "\n"
		case isFence:
			if !slices.Contains([]string{"shell", "text", "json", "go", "yaml", "sql", "javascript"}, fence) {
				return nil, fmt.Errorf("line %d: a block of %q: name one of shell, text, json, go, yaml, sql, javascript", i+1, fence)
			}
			mark.line, mark.language = i+1, fence
			open, mark = &block{mark.line, mark.language, "", mark.server, mark.notRun}, block{}
		case strings.HasPrefix(line, "## "):
			sections = append(sections, section{title: strings.TrimPrefix(line, "## ")})
		case line == "<!-- server -->":
			mark.server = true
		case strings.HasPrefix(line, "<!-- not run: "):
			mark.notRun = strings.TrimSuffix(strings.TrimPrefix(line, "<!-- not run: "), " -->")
		case line != "" && (mark.server || mark.notRun != ""):
			return nil, fmt.Errorf("line %d: a mark must stand right before its block", i+1)
		}
	}
	if open != nil {
		return nil, fmt.Errorf("line %d: the block has no end", open.line)
	}
	return sections, nil
}

// pages are all pages of the repository that are written for people.
func pages(t *testing.T) []string {
	t.Helper()
	names := []string{"README.md", "CHANGELOG.md"}
	for _, pattern := range []string{"docs/*.md", "docs/*/*.md"} {
		found, err := filepath.Glob(filepath.Join(root, pattern))
		require.NoError(t, err)
		for _, path := range found {
			name, err := filepath.Rel(root, path)
			require.NoError(t, err)
			names = append(names, name)
		}
	}
	return names
}

func TestParsePage(t *testing.T) {
	sections, err := parsePage("# A\n## B\n\n<!-- server -->\n```shell\nx\ny\n```\n```json\n{}\n```\n<!-- not run: because -->\n```shell\nz\n```\n")
	require.NoError(t, err)
	require.Equal(t, []section{{title: "beginning"}, {"B", []block{
		{5, "shell", "x\ny\n", true, ""}, {9, "json", "{}\n", false, ""}, {13, "shell", "z\n", false, "because"},
	}}}, sections)
	for _, wrong := range []string{"```\nx\n```\n", "```shell\nx\n", "<!-- server -->\ntext\n```shell\n```\n", "```bash\n```\n"} {
		_, err := parsePage(wrong)
		require.Error(t, err, wrong)
	}
}
