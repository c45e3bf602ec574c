package archtest

import (
	"go/ast"
	"go/parser"
	"go/token"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestAdaptersKnowTheirHooks(t *testing.T) {
	var violations []string
	eachFile(t, func(name string, file *ast.File, set *token.FileSet) {
		violations = append(violations, checkHooked(name, file, set)...)
	})
	require.Empty(t, violations, strings.Join(violations, "\n"))
}

func TestAnAdapterWithoutItsHookIsFound(t *testing.T) {
	for source, want := range map[string]int{
		`var d = providers.Deps{ChannelID: 1}`:                         1,
		`var d = &providers.Deps{}`:                                    1,
		`var d = providers.Deps{HookURL: providers.HookURL("", 1)}`:    0,
		`var d = services.Deps{}; var e = Deps{}; var f = []int{1}`:    0,
		`func f() { g(providers.Deps{}, h.Deps{}, providers.Kind{}) }`: 1,
	} {
		set := token.NewFileSet()
		file, err := parser.ParseFile(set, "x.go", "package x\n"+source, parser.SkipObjectResolution)
		require.NoError(t, err, source)
		require.Len(t, checkHooked("app/x.go", file, set), want, source)
		require.Empty(t, checkHooked("app/x_test.go", file, set), source)
		require.Empty(t, checkHooked("providers/x/x.go", file, set), source)
	}
}
