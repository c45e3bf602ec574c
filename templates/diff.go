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

// FieldChange is a field in which two versions of a template differ.
type FieldChange struct {
	Field string `json:"field" doc:"Where it is, such as translations.pl.body."`
	Diff  string `json:"diff" doc:"The change as a unified diff."`
}

// Diff are the fields in which a version of a template differs from another, by name: 0
// stands for the latest, or for the one before.
func (s *Catalogue) Diff(ctx context.Context, of TemplateRef, since int) (from, to int, changes []FieldChange, err error) {
	after, err := s.store.GetTemplate(ctx, of.AccountID, of.ID, of.Version)
	if err != nil {
		return 0, 0, nil, err
	}
	if since == 0 {
		since = max(1, after.Version-1)
	}
	before, err := s.store.GetTemplate(ctx, of.AccountID, of.ID, since)
	if err != nil {
		return 0, 0, nil, err
	}
	changes, err = diff(before.Template, after.Template)
	return before.Version, after.Version, changes, err
}

func diff(before, after Template) ([]FieldChange, error) {
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
	changes := []FieldChange{}
	for _, name := range names {
		if x[name] != y[name] {
			changes = append(changes, FieldChange{Field: name, Diff: udiff.Unified(fmt.Sprintf("version %d", before.Version), fmt.Sprintf("version %d", after.Version),
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
		name := p.Name
		p.Name = "" // its place says it
		named.Parameters[name] = p
	}
	for _, t := range d.Translations {
		tag := t.Language
		t.Language = ""
		named.Translations[tag] = t
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
