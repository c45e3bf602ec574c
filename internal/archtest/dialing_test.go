package archtest

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestOnlyTheDialerDials(t *testing.T) {
	var violations []string
	eachFile(t, func(name string, file *ast.File, set *token.FileSet) {
		violations = append(violations, checkDialing(name, file, set)...)
	})
	require.Empty(t, violations, strings.Join(violations, "\n"))
}

// eachFile hands on every Go file of the module, parsed, with its path inside the
// module.
func eachFile(t *testing.T, do func(name string, file *ast.File, set *token.FileSet)) {
	root := filepath.Join("..", "..")
	files := 0
	require.NoError(t, filepath.WalkDir(root, func(path string, entry fs.DirEntry, err error) error {
		name := entry.Name()
		switch {
		case err != nil:
			return err
		case entry.IsDir() && path != root && (strings.HasPrefix(name, ".") || slices.Contains([]string{"node_modules", "data", "bin", "tools"}, name)):
			return fs.SkipDir
		case filepath.Ext(name) != ".go":
			return nil
		}
		set := token.NewFileSet()
		file, err := parser.ParseFile(set, path, nil, parser.SkipObjectResolution)
		if err != nil {
			return err
		}
		files++
		inside, err := filepath.Rel(root, path)
		do(filepath.ToSlash(inside), file, set)
		return err
	}))
	require.Greater(t, files, 100, "the module's files were found")
}

func TestDialingIsFound(t *testing.T) {
	for source, want := range map[string]string{
		`import "net"; var _, _ = net.Dial("tcp", "x")`:                             "net.Dial",
		`import "net"; var d = &net.Dialer{}`:                                       "net.Dialer",
		`import n "net"; var _ = n.DialTimeout`:                                     "n.DialTimeout",
		`import "crypto/tls"; var _ = tls.Dial`:                                     "tls.Dial",
		`import "net/http"; var _, _ = http.Get("x")`:                               "http.Get",
		`import "net/http"; var c = http.Client{}`:                                  "http.Client",
		`import "net/http"; var c = http.Transport{DisableCompression: true}`:       "without a DialContext",
		`import "net/http"; var c = http.Transport{DialContext: nil}`:               "",
		`import mail "github.com/wneessen/go-mail/smtp"; var _ = mail.Dial`:         "mail.Dial",
		`import "github.com/wneessen/go-mail"; var _ = mail.NewClient`:              "mail.NewClient",
		`import "net"; var _, _ = net.Listen("tcp", ""); var _ = net.SplitHostPort`: "",
		`import net "carillon/somewhere"; var _ = net.Dial`:                         "",
	} {
		set := token.NewFileSet()
		file, err := parser.ParseFile(set, "x.go", "package x\n"+source, parser.SkipObjectResolution)
		require.NoError(t, err, source)
		for name, bound := range map[string]bool{"providers/smtp/dial.go": true, "app/x.go": true, "providers/dial.go": false, "cli/client.go": false,
			"api/x_test.go": false} {
			found := checkDialing(name, file, set)
			if want == "" || !bound {
				require.Empty(t, found, source)
				continue
			}
			require.NotEmpty(t, found, source)
			require.Contains(t, found[0], want)
		}
	}
}
