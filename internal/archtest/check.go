package archtest

import (
	"fmt"
	"slices"
	"strings"
)

// listed is what `go list -json` tells of a package.
type listed struct {
	ImportPath   string
	Imports      []string
	TestImports  []string
	XTestImports []string
	Error        *struct{ Err string }
}

// check returns one sentence for every import that breaks a rule, in the order
// of the packages.
func check(packages []listed) []string {
	var violations []string
	for _, p := range packages {
		own, found := layerOf(p.ImportPath)
		if !found {
			violations = append(violations, fmt.Sprintf(
				"%s belongs to no layer: add it to the table in internal/archtest and to ARCHITECTURE.md, or move it.", p.ImportPath))
			continue
		}
		for _, path := range p.Imports {
			violations = append(violations, checkImport(p.ImportPath, own, path, false)...)
		}
		tests := slices.Concat(p.TestImports, p.XTestImports)
		slices.Sort(tests)
		for _, path := range slices.Compact(tests) {
			violations = append(violations, checkImport(p.ImportPath, own, path, true)...)
		}
	}
	return violations
}

// checkImport judges one import of a package of the layer own.
func checkImport(importer string, own layer, path string, inTest bool) []string {
	verb, may := "imports", own.may
	if inTest {
		verb, may = "imports in a test", join(own.may, own.mayInTests)
	}
	if target, found := layerOf(path); found {
		if target.name == own.name || slices.Contains(may, target.name) {
			return nil
		}
		return []string{fmt.Sprintf("%s %s %s: %s may import %s, because %s.",
			importer, verb, path, own.name, orNothing(may), own.why)}
	}
	var violations []string
	for _, l := range libraries() {
		if hasAnyPrefix(path, l.prefixes) && !slices.Contains(l.owners, own.name) {
			violations = append(violations, fmt.Sprintf("%s %s %s: only %s may, because %s.",
				importer, verb, path, strings.Join(l.owners, ", "), l.why))
		}
	}
	for _, b := range bans() {
		if !inTest && b.layer == own.name && b.path == path {
			violations = append(violations, fmt.Sprintf("%s %s %s: %s may not, because %s.",
				importer, verb, path, own.name, b.why))
		}
	}
	return violations
}

// layerOf is the most special row that covers a package of the module.
func layerOf(path string) (layer, bool) {
	inside, found := strings.CutPrefix(path, module+"/")
	if !found {
		return layer{}, false
	}
	var best layer
	for _, l := range layers() {
		if (inside == l.name || strings.HasPrefix(inside, l.name+"/")) && len(l.name) > len(best.name) {
			best = l
		}
	}
	return best, best.name != ""
}

func hasAnyPrefix(path string, prefixes []string) bool {
	return slices.ContainsFunc(prefixes, func(prefix string) bool { return strings.HasPrefix(path, prefix) })
}

func orNothing(names []string) string {
	if len(names) == 0 {
		return "nothing else of this module"
	}
	return "only " + strings.Join(names, ", ")
}
