package archtest

import (
	"fmt"
	"go/ast"
	"go/token"
	"strings"
)

// checkHooked returns one sentence for every place in a file where an adapter is made without
// saying where its hook is reached: it would ask for no reports there, and believe none. name is the
// file's path inside the module.
func checkHooked(name string, file *ast.File, set *token.FileSet) []string {
	if strings.HasSuffix(name, "_test.go") || strings.HasPrefix(name, "providers/") {
		return nil
	}
	var violations []string
	ast.Inspect(file, func(n ast.Node) bool {
		literal, ok := n.(*ast.CompositeLit)
		if !ok {
			return true
		}
		selector, ok := literal.Type.(*ast.SelectorExpr)
		if !ok || selector.Sel.Name != "Deps" {
			return true
		}
		if x, ok := selector.X.(*ast.Ident); ok && x.Name == "providers" && !sets(literal, "HookURL") {
			violations = append(violations, fmt.Sprintf("%s: providers.Deps without a HookURL: some providers sign where they post to.", set.Position(literal.Pos())))
		}
		return true
	})
	return violations
}
