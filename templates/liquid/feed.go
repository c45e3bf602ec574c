package liquid

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"iter"
	"maps"
	"slices"
	"strings"
	"unicode/utf8"
)

// Bounds of data feeds.
const (
	// MaxFeedBytes bounds the document.
	MaxFeedBytes = 1 << 20
	// MaxFeedDepth bounds how deep lists and objects stand in each other, and
	// MaxFeedValues how many values there are in all.
	MaxFeedDepth  = 32
	MaxFeedValues = 100_000
)

// Feed is a data feed as templates see it, under the name feed. All recipients of a run
// share it, and nothing changes it.
type Feed struct {
	value any
	// empty are the paths of lists without items, which count as missing.
	empty map[string]bool
}

// ParseFeed reads a JSON document, a list or an object. Errors are one sentence.
func ParseFeed(raw []byte) (*Feed, error) {
	if len(raw) > MaxFeedBytes {
		return nil, fmt.Errorf("is larger than %d KiB", MaxFeedBytes>>10)
	}
	if !utf8.Valid(raw) {
		return nil, errors.New("is not valid UTF-8")
	}
	raw = bytes.TrimPrefix(raw, []byte("\uFEFF"))
	if len(bytes.TrimSpace(raw)) == 0 {
		return nil, errors.New("is empty")
	}
	if err := boundFeed(raw); err != nil {
		return nil, err
	}
	decoder := json.NewDecoder(bytes.NewReader(raw))
	decoder.UseNumber()
	var value any
	if err := decoder.Decode(&value); err != nil {
		return nil, fmt.Errorf("is no JSON: %w", err)
	}
	switch value.(type) {
	case map[string]any, []any:
		feed := &Feed{empty: map[string]bool{}}
		feed.noteEmpty(value, "")
		feed.value = tidied(value)
		return feed, nil
	}
	return nil, errors.New("is neither a JSON object nor a list")
}

// boundFeed refuses a document that is too deep, has too many values, or goes on behind
// its end, before anything is made of it.
func boundFeed(raw []byte) error {
	decoder := json.NewDecoder(bytes.NewReader(raw))
	decoder.UseNumber()
	depth, values := 0, 0
	for {
		token, err := decoder.Token()
		if errors.Is(err, io.EOF) && depth == 0 {
			return nil
		}
		if err != nil {
			return fmt.Errorf("is no JSON: %w", err)
		}
		switch token {
		case json.Delim('{'), json.Delim('['):
			if values > 0 && depth == 0 {
				return errors.New("has more than one JSON document")
			}
			depth++
		case json.Delim('}'), json.Delim(']'):
			depth--
			continue
		}
		if depth > MaxFeedDepth {
			return fmt.Errorf("has lists or objects more than %d deep in each other", MaxFeedDepth)
		}
		// The names of an object's fields count, too.
		if values++; values > MaxFeedValues {
			return fmt.Errorf("has more than %d values", MaxFeedValues)
		}
	}
}

// noteEmpty notes the lists without items that stand in objects alone.
func (f *Feed) noteEmpty(value any, path string) {
	switch v := value.(type) {
	case map[string]any:
		if path != "" {
			path += "."
		}
		for name, field := range v {
			f.noteEmpty(field, path+name)
		}
	case []any:
		if len(v) == 0 {
			f.empty[path] = true
		}
	}
}

// tidied is a JSON value as templates want it: numbers are printed in digits, and what is
// empty in an object is missing, as everywhere.
func tidied(value any) any {
	switch v := value.(type) {
	case map[string]any:
		for name, field := range v {
			if field = tidied(field); isNothing(field) {
				delete(v, name)
			} else {
				v[name] = field
			}
		}
	case []any:
		for i := range v {
			v[i] = tidied(v[i])
		}
	case string:
		return strings.ReplaceAll(v, "\x00", "")
	case json.Number:
		if whole, err := v.Int64(); err == nil {
			return whole
		}
		if fraction, err := v.Float64(); err == nil {
			return decimal(fraction)
		}
		return v.String()
	}
	return value
}

func isNothing(value any) bool {
	switch v := value.(type) {
	case nil:
		return true
	case string:
		return v == ""
	case []any:
		return len(v) == 0
	}
	return false
}

// At is the value at a path of names with dots between them; the whole document for the
// empty path. ok is false where there is nothing.
func (f *Feed) At(path string) (value any, ok bool) { return at(f.value, path) }

func at(value any, path string) (any, bool) {
	if path == "" {
		return value, true
	}
	for _, name := range strings.Split(path, ".") {
		object, isObject := value.(map[string]any)
		if value = object[name]; !isObject || value == nil {
			return nil, false
		}
	}
	return value, true
}

// Texts are the texts in the document, those of an object in the order of its fields' names.
func (f *Feed) Texts() iter.Seq[string] {
	return func(yield func(string) bool) { texts(f.value, yield) }
}

func texts(value any, yield func(string) bool) bool {
	switch v := value.(type) {
	case string:
		return yield(v)
	case map[string]any:
		for _, name := range slices.Sorted(maps.Keys(v)) {
			if !texts(v[name], yield) {
				return false
			}
		}
	case []any:
		for _, item := range v {
			if !texts(item, yield) {
				return false
			}
		}
	}
	return true
}

// Items are the items of the list at a path; ok is false where none is.
func (f *Feed) Items(path string) (items []any, ok bool) {
	value, _ := f.At(path)
	if items, ok = value.([]any); ok {
		return items, true
	}
	return nil, f.empty[path]
}

// ItemKey names an item: by the value of its field at a path, or else by all that it is.
func ItemKey(item any, path string) string {
	if path != "" {
		switch value, ok := at(item, path); value.(type) {
		case map[string]any, []any:
		default:
			if ok {
				return toText(value)
			}
		}
	}
	whole, err := json.Marshal(item)
	if err != nil {
		return "" // a document that was read can be written
	}
	return string(whole)
}

// names are the fields of the document, for what may be a misspelt one.
func (f *Feed) names() []string {
	if object, ok := f.value.(map[string]any); ok {
		return slices.Sorted(maps.Keys(object))
	}
	return []string{anyField}
}
