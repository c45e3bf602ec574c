package store_test

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// texts are a file's strings by the lines that they begin in: what is added up is
// one, with an ellipsis where something else is added than strings.
func texts(t *testing.T, path string) map[int]string {
	t.Helper()
	fset := token.NewFileSet()
	file, err := parser.ParseFile(fset, path, nil, 0)
	require.NoError(t, err)
	found := map[int]string{}
	var flat func(e ast.Expr) (text string, strings bool)
	flat = func(e ast.Expr) (string, bool) {
		switch e := e.(type) {
		case *ast.BasicLit:
			text, err := strconv.Unquote(e.Value)
			return text, err == nil && e.Kind == token.STRING
		case *ast.BinaryExpr:
			left, isLeft := flat(e.X)
			right, isRight := flat(e.Y)
			return left + right, e.Op == token.ADD && (isLeft || isRight)
		}
		return "…", false
	}
	ast.Inspect(file, func(n ast.Node) bool {
		e, ok := n.(ast.Expr)
		if !ok {
			return true
		}
		text, ok := flat(e)
		if ok {
			found[fset.Position(e.Pos()).Line] += text
		}
		return !ok
	})
	return found
}

// The statements that move messages, and the numbers of states and phases, are in
// the ledger alone.
func TestTheLedgerAloneMovesMessages(t *testing.T) {
	update := regexp.MustCompile(`(?is)\bUPDATE\s+messages\b(?:\s+\w+)?\s+SET\b(.*)`)
	end := regexp.MustCompile(`(?i)\b(WHERE|RETURNING)\b`)
	state := regexp.MustCompile(`(?i)(^|[^.\w])state\s*=`)
	numbered := regexp.MustCompile(`(?i)\b(state|phase)\s*(=|<>|!=|<|>|<=|>=|(NOT\s+)?IN\s*\()\s*\d`)
	moving := map[string]int{}
	for _, path := range sources(t) {
		if strings.HasSuffix(path, "_test.go") {
			continue
		}
		for line, text := range texts(t, path) {
			at := fmt.Sprintf("%s:%d: %s", path, line, text)
			if path != "ledger.go" {
				require.NotRegexp(t, numbered, text, "%s\nsay is(messages.…) or phasePending", at)
			}
			set := update.FindStringSubmatch(text)
			if set == nil {
				continue
			}
			if state.MatchString(end.Split(set[1], 2)[0]) {
				require.True(t, strings.HasPrefix(path, "ledger"), "%s\nmove messages by ledger.swap", at)
				moving[path]++
			}
		}
	}
	// One helper, and the statements that carry a value for each message.
	require.Equal(t, map[string]int{"ledger.go": 1, "ledger_sqlite.go": 3, "ledger_postgres.go": 3}, moving)
}
