package docstest

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

var link = regexp.MustCompile(`\]\(([^)\s]+)\)`)

// TestLinks checks that what a page points at inside the repository is there.
func TestLinks(t *testing.T) {
	for _, page := range pages(t) {
		source, err := os.ReadFile(filepath.Join(root, page))
		require.NoError(t, err)
		for _, found := range link.FindAllStringSubmatch(string(source), -1) {
			target, _, _ := strings.Cut(found[1], "#")
			if target == "" || strings.Contains(target, "://") {
				continue
			}
			_, err := os.Stat(filepath.Join(root, filepath.Dir(page), target))
			require.NoError(t, err, "%s points at %s", page, found[1])
		}
	}
}
