package store_test

import (
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/stretchr/testify/require"
)

// sources are the Go files of the store and of the packages below it.
func sources(t *testing.T) []string {
	t.Helper()
	here, err := filepath.Glob("*.go")
	require.NoError(t, err)
	below, err := filepath.Glob("*/*.go")
	require.NoError(t, err)
	require.Greater(t, len(here), 50)
	require.NotEmpty(t, below)
	return append(here, below...)
}

// A line is read as a whole, and a call that passes more than four things besides
// its context is not: what belongs together becomes a struct.
func TestLinesAndParametersAreFew(t *testing.T) {
	const widest, most = 160, 4
	for _, path := range sources(t) {
		text, err := os.ReadFile(path)
		require.NoError(t, err)
		for i, line := range strings.Split(string(text), "\n") {
			if !strings.Contains(line, "`json:\"") {
				require.LessOrEqual(t, utf8.RuneCountInString(line), widest, "%s:%d", path, i+1)
			}
		}
		fset := token.NewFileSet()
		file, err := parser.ParseFile(fset, path, text, 0)
		require.NoError(t, err)
		ast.Inspect(file, func(n ast.Node) bool {
			f, ok := n.(*ast.FuncType)
			if !ok {
				return true
			}
			parameters := 0
			for _, field := range f.Params.List {
				if of, ok := field.Type.(*ast.SelectorExpr); !ok || of.Sel.Name != "Context" {
					parameters += max(1, len(field.Names))
				}
			}
			require.LessOrEqual(t, parameters, most, "%s", fset.Position(f.Pos()))
			return true
		})
	}
}

// What is sealed elsewhere than in a column that a rotation of the master key knows would be
// lost with the key.
func TestNothingIsSealedBesideTheRotation(t *testing.T) {
	sealing := 0
	for _, path := range sources(t) {
		if strings.HasSuffix(path, "_test.go") {
			continue
		}
		file, err := parser.ParseFile(token.NewFileSet(), path, nil, 0)
		require.NoError(t, err)
		ast.Inspect(file, func(n ast.Node) bool {
			if of, ok := n.(*ast.SelectorExpr); ok && of.Sel.Name == "Seal" {
				sealing++
				require.Equal(t, "masterkey.go", path, "seal by conn.seal, for one of sealedColumns")
			}
			return true
		})
	}
	require.Equal(t, 4, sealing, "conn.seal, two canaries and what is sealed anew")
}
