package configs

import (
	"fmt"
	"slices"

	"go.yaml.in/yaml/v3"

	"carillon/internal/fault"
	"carillon/internal/near"
)

// parseFile reads a YAML file of settings and names what is wrong in it. It
// works on the document's nodes, so that every error can name the line. A value
// is not shown: under a name that is misspelt it may be a secret.
func parseFile(path string, source []byte) (values map[string]value, wrong []fault.Field) {
	refuse := func(line int, name, format string, args ...any) {
		wrong = append(wrong, fault.Field{Location: name, Message: fmt.Sprintf(format, args...), Source: fmt.Sprintf("%s:%d", path, line)})
	}
	var document yaml.Node
	if err := yaml.Unmarshal(source, &document); err != nil {
		return nil, []fault.Field{{Location: path, Message: "is no YAML: " + err.Error()}}
	}
	if len(document.Content) == 0 {
		return nil, nil
	}
	root := document.Content[0]
	if root.Kind == yaml.ScalarNode && root.Tag == "!!null" {
		return nil, nil
	}
	if root.Kind != yaml.MappingNode {
		return nil, []fault.Field{{Location: path, Message: "must be a list of settings such as `listen: 127.0.0.1:8080`",
			Source: fmt.Sprintf("%s:%d", path, root.Line)}}
	}
	var names []string
	for _, s := range Settings() {
		names = append(names, s.Name)
		if s.Secret {
			for _, w := range ways {
				names = append(names, s.Name+w.suffix)
			}
		}
	}
	values = map[string]value{}
	lines := map[string]int{}
	for i := 0; i+1 < len(root.Content); i += 2 {
		key, node := root.Content[i], root.Content[i+1]
		name := key.Value
		if first, twice := lines[name]; twice {
			refuse(key.Line, name, "stands here a second time, after line %d: take one of them away", first)
			continue
		}
		lines[name] = key.Line
		if !slices.Contains(names, name) {
			hint := "`carillon config` lists the settings"
			if meant := near.Name(name, names); meant != "" {
				hint = "did you mean " + meant + "?"
			}
			refuse(key.Line, name, "there is no such setting; %s", hint)
			continue
		}
		if node.Kind != yaml.ScalarNode {
			refuse(node.Line, name, "must be one value, not several")
			continue
		}
		if node.Tag == "!!null" {
			continue
		}
		values[name] = value{node.Value, Origin{FromFile, fmt.Sprintf("%s:%d", path, key.Line)}}
	}
	return values, wrong
}
