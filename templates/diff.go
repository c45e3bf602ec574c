package templates

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/aymanbagabas/go-udiff"
)

// Change is a field in which two versions of a template differ.
type Change struct {
	Field string `json:"field" doc:"Where it is, such as translations.pl.body."`
	Diff  string `json:"diff" doc:"The change as a unified diff."`
}

// Diff are the fields in which one version of a template differs from another, by name.
func (s *Catalogue) Diff(ctx context.Context, of TemplateRef, from int) ([]Change, error) {
	before, err := s.store.GetTemplate(ctx, of.AccountID, of.ID, from)
	if err != nil {
		return nil, err
	}
	after, err := s.store.GetTemplate(ctx, of.AccountID, of.ID, of.Version)
	if err != nil {
		return nil, err
	}
	return diff(before.Template, after.Template)
}

func diff(before, after Template) ([]Change, error) {
	x, err := before.Definition.flat()
	if err != nil {
		return nil, err
	}
	y, err := after.Definition.flat()
	if err != nil {
		return nil, err
	}
	names := slices.Collect(maps.Keys(x))
	for name := range y {
		if _, both := x[name]; !both {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	changes := []Change{}
	for _, name := range names {
		if x[name] != y[name] {
			changes = append(changes, Change{Field: name, Diff: udiff.Unified(fmt.Sprintf("version %d", before.Version), fmt.Sprintf("version %d", after.Version),
				lines(x[name]), lines(y[name]))})
		}
	}
	return changes, nil
}

// lines ends a text with a line break, because a diff says where there is none.
func lines(text string) string {
	if text == "" || strings.HasSuffix(text, "\n") {
		return text
	}
	return text + "\n"
}

// flat is a definition as texts by their places: translations and parameters are named
// and not counted, so that one more changes no other.
func (d Definition) flat() (map[string]string, error) {
	named := struct {
		Definition
		Parameters   map[string]Parameter   `json:"parameters"`
		Translations map[string]Translation `json:"translations"`
	}{d, map[string]Parameter{}, map[string]Translation{}}
	for _, p := range d.Parameters {
		named.Parameters[p.Name] = p
	}
	for _, t := range d.Translations {
		named.Translations[t.Language] = t
	}
	raw, err := json.Marshal(named)
	if err != nil {
		return nil, fmt.Errorf("encode template: %w", err)
	}
	var tree any
	if err := json.Unmarshal(raw, &tree); err != nil {
		return nil, fmt.Errorf("read template: %w", err)
	}
	flat := map[string]string{}
	flatten(flat, "", tree)
	return flat, nil
}

func flatten(into map[string]string, name string, value any) {
	below := func(part string) string { return strings.TrimPrefix(name+"."+part, ".") }
	switch v := value.(type) {
	case map[string]any:
		for part, inner := range v {
			flatten(into, below(part), inner)
		}
	case []any:
		for i, inner := range v {
			flatten(into, at(name, i), inner)
		}
	case nil:
	default:
		into[name] = fmt.Sprint(v)
	}
}
