package configs

import (
	"fmt"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"

	"carillon/internal/fault"
)

// parseFile reads a YAML file of settings. It works on the document's nodes, so
// that every error can name the line.
func parseFile(path string, source []byte) (map[string]value, error) {
	refuse := func(line int, format string, args ...any) error {
		return fault.New(fault.Invalid, "%s:%d: %s", path, line, fmt.Sprintf(format, args...))
	}
	var document yaml.Node
	if err := yaml.Unmarshal(source, &document); err != nil {
		return nil, fault.New(fault.Invalid, "%s is no YAML: %v", path, err)
	}
	if len(document.Content) == 0 {
		return nil, nil
	}
	root := document.Content[0]
	if root.Kind == yaml.ScalarNode && root.Tag == "!!null" {
		return nil, nil
	}
	if root.Kind != yaml.MappingNode {
		return nil, refuse(root.Line, "must be a list of settings such as `listen: 127.0.0.1:8080`")
	}
	var names []string
	for _, s := range Settings() {
		names = append(names, s.Name)
		if s.Secret {
			names = append(names, s.Name+"_file")
		}
	}
	values := map[string]value{}
	for i := 0; i+1 < len(root.Content); i += 2 {
		key, node := root.Content[i], root.Content[i+1]
		name := key.Value
		if _, twice := values[name]; twice {
			return nil, refuse(key.Line, "%s stands here a second time", name)
		}
		if !slices.Contains(names, name) {
			hint := "`carillon config` lists the settings"
			if near := nearest(names, name); near != "" {
				hint = "did you mean " + near + "?"
			}
			return nil, refuse(key.Line, "there is no setting %q; %s", name, hint)
		}
		if node.Kind != yaml.ScalarNode {
			return nil, refuse(node.Line, "%s must be one value", name)
		}
		if node.Tag == "!!null" {
			continue
		}
		values[name] = value{node.Value, Origin{FromFile, fmt.Sprintf("%s:%d", path, key.Line)}}
	}
	return values, nil
}

// nearest is the name that a typing error most likely meant; empty if none is
// near.
func nearest(names []string, name string) string {
	best, least := "", 4
	for _, n := range names {
		if d := distance(n, strings.ToLower(strings.ReplaceAll(name, "-", "_"))); d < least {
			best, least = n, d
		}
	}
	return best
}

// distance is Levenshtein's.
func distance(a, b string) int {
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		diagonal := row[0]
		row[0] = i + 1
		for j := range len(b) {
			cost := 1
			if a[i] == b[j] {
				cost = 0
			}
			diagonal, row[j+1] = row[j+1], min(row[j+1]+1, row[j]+1, diagonal+cost)
		}
	}
	return row[len(b)]
}
