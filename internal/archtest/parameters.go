package archtest

import (
	"fmt"
	"go/ast"
	"go/token"
)

// mostParameters is how many parameters a function takes beside a leading context.
// What needs more takes a struct, whose fields have names and comments.
const mostParameters = 4

// checkParameters returns one sentence for every function and method of a file that
// takes more than mostParameters. name is the file's path inside the module.
func checkParameters(name string, file *ast.File, set *token.FileSet) (violations []string) {
	for _, declaration := range file.Decls {
		f, ok := declaration.(*ast.FuncDecl)
		if !ok {
			continue
		}
		if n := parameters(f); n > mostParameters {
			violations = append(violations, fmt.Sprintf("%s: %s takes %d parameters beside its context, and %d are the most: give it a struct.",
				set.Position(f.Pos()), f.Name.Name, n, mostParameters))
		}
	}
	return violations
}

// parameters counts a function's parameters beside a leading context.
func parameters(f *ast.FuncDecl) int {
	n := f.Type.Params.NumFields()
	if n > 0 {
		if s, ok := f.Type.Params.List[0].Type.(*ast.SelectorExpr); ok && s.Sel.Name == "Context" {
			if x, ok := s.X.(*ast.Ident); ok && x.Name == "context" {
				n--
			}
		}
	}
	return n
}
