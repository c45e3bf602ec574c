package archtest

import (
	"go/ast"
	"go/parser"
	"go/token"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestFunctionsTakeFewParameters(t *testing.T) {
	var violations []string
	eachFile(t, func(name string, file *ast.File, set *token.FileSet) {
		violations = append(violations, checkParameters(name, file, set)...)
	})
	require.Empty(t, violations, strings.Join(violations, "\n"))
}

func TestParametersAreCounted(t *testing.T) {
	for source, want := range map[string]string{
		`func f(a, b, c, d int) {}`:                                         "",
		`func f(a, b, c, d, e int) {}`:                                      "f takes 5",
		`func (x T) m(a, b int, c, d string, e ...any) {}`:                  "m takes 5",
		`func f(int, int, int, int, int) {}`:                                "f takes 5",
		`func f(ctx context.Context, a, b, c, d int) {}`:                    "",
		`func f(_ context.Context, a, b, c, d, e int) {}`:                   "f takes 5",
		`func f(a, b, c, d int, ctx context.Context) {}`:                    "f takes 5",
		`func f(t *testing.T, a, b, c, d int) {}`:                           "f takes 5",
		`type T interface { m(a, b, c, d, e int) }; func g() (a, b, c int)`: "",
	} {
		set := token.NewFileSet()
		file, err := parser.ParseFile(set, "x.go", "package x\n"+source, parser.SkipObjectResolution)
		require.NoError(t, err, source)
		found := checkParameters("cli/x_test.go", file, set)
		if want == "" {
			require.Empty(t, found, source)
			continue
		}
		require.Len(t, found, 1, source)
		require.Contains(t, found[0], want)
	}
}
