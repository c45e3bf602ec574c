package chatwoot

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"maps"
	"net/http"
	"slices"
	"strconv"
	"strings"

	"carillon/api/compat/params"
)

// given is what a call is given: of the query and of the body, which wins. Its values are
// texts, json.Number, bool, nil, []any and map[string]any.
type given map[string]any

// Bounds of what a call is given, beside those of params.
const (
	maxNested = 6
	maxListed = 1000
)

// read takes what a request gives. A body may be wrapped in its resource's name. In JSON null
// says that something is to go, which is why that is read here.
func read(r *http.Request, wrapped string, a *asked) error {
	a.given = given{}
	query, err := params.Read(r, params.Query)
	if err != nil {
		return err
	}
	if err := a.given.nested(query); err != nil {
		return err
	}
	whole, err := io.ReadAll(r.Body)
	if err != nil {
		return err
	}
	body := given{}
	if text := bytes.TrimSpace(whole); len(text) > 0 && text[0] == '{' {
		if body, err = objectOf(text); err != nil {
			return refuse("the body is no JSON object")
		}
	} else {
		r.Body = io.NopCloser(bytes.NewReader(whole))
		if a.form, err = params.Read(r, params.Body); err != nil {
			return err
		}
		if err := body.nested(a.form); err != nil {
			return err
		}
	}
	if inner, ok := body[wrapped].(map[string]any); ok && wrapped != "" {
		delete(body, wrapped)
		maps.Copy(body, inner)
	}
	if wrapped != "" && len(body) == 0 {
		return refuse("param is missing or the value is empty: " + wrapped)
	}
	maps.Copy(a.given, body)
	return nil
}

// nested takes parameters: a[b] is a value in an object, a[] one of a list.
func (g given) nested(p params.Params) error {
	for _, name := range p.Names() {
		value := p.Value(name)
		head, rest, _ := strings.Cut(name, "[")
		if rest == "" {
			g[head] = value
			continue
		}
		path := strings.Split(strings.TrimSuffix(rest, "]"), "][")
		if len(path) > maxNested {
			return refuse("the field " + head + " is nested too deeply")
		}
		g[head] = nest(g[head], path, value)
	}
	return nil
}

// nest is a value with another in it, at a path. Of lists of objects each field is a list.
func nest(in any, path []string, value any) any {
	if len(path) == 0 {
		return value
	}
	if path[0] == "" {
		list, _ := in.([]any)
		return append(list, nest(nil, path[1:], value))
	}
	object, ok := in.(map[string]any)
	if !ok {
		object = map[string]any{}
	}
	object[path[0]] = nest(object[path[0]], path[1:], value)
	return object
}

// objectOf reads a JSON object, its numbers as they are written.
func objectOf(text []byte) (map[string]any, error) {
	d := json.NewDecoder(bytes.NewReader(text))
	d.UseNumber()
	var object map[string]any
	if err := d.Decode(&object); err != nil {
		return nil, err
	}
	if _, err := d.Token(); err != io.EOF {
		return nil, errors.New("something stands behind it")
	}
	return object, nil
}

// has reports whether a name was given, null included.
func (g given) has(name string) bool {
	_, has := g[name]
	return has
}

// text is a value as a text; empty for none.
func (g given) text(name string) string { return textOf(g[name]) }

func textOf(value any) string {
	switch value := value.(type) {
	case string:
		return value
	case json.Number:
		return value.String()
	case bool:
		return strconv.FormatBool(value)
	default:
		return ""
	}
}

// number is a value as a whole number; 0 for none.
func (g given) number(name string) int64 {
	n, _ := strconv.ParseInt(strings.TrimSpace(g.text(name)), 10, 64)
	return n
}

// boolean is a value as Rails takes it: what says no is false, nothing is otherwise.
func (g given) boolean(name string, otherwise bool) bool {
	text := strings.ToLower(strings.TrimSpace(g.text(name)))
	if text == "" {
		return otherwise
	}
	return !slices.Contains([]string{"0", "f", "false", "off", "no"}, text)
}

// texts is a list of texts; one text is a list of it.
func (g given) texts(name string) (list []string) {
	switch value := g[name].(type) {
	case []any:
		for _, item := range value[:min(len(value), maxListed)] {
			list = append(list, textOf(item))
		}
	case nil:
	default:
		if text := textOf(value); text != "" {
			list = append(list, text)
		}
	}
	return list
}

// object is an object, also one that is written as a JSON text; nil for none.
func (g given) object(name string) map[string]any {
	switch value := g[name].(type) {
	case map[string]any:
		return value
	case string:
		if object, err := objectOf([]byte(value)); err == nil {
			return object
		}
	}
	return nil
}

// list is a list of objects, also one that is written as a JSON text.
func (g given) list(name string) (list []any) {
	switch value := g[name].(type) {
	case []any:
		list = value
	case string:
		d := json.NewDecoder(strings.NewReader(value))
		d.UseNumber()
		if d.Decode(&list) != nil {
			return nil
		}
	}
	return list[:min(len(list), maxListed)]
}

// encoded is a value as JSON.
func encoded(value any) json.RawMessage {
	text, err := json.Marshal(value)
	if err != nil {
		return json.RawMessage("null")
	}
	return text
}
