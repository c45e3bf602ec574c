package liquid

import (
	"strings"

	"github.com/osteele/liquid/values"
)

// addLists adds filters of lists.
func addLists(b boundedFilters) {
	b.AddFilter("join", join)
	b.AddFilter("uniq", uniq)
	b.AddFilter("sum", sum)
	b.AddFilter("where", func(items []any, key string, want ...any) []any {
		return choose(items, key, want, true)
	})
	b.AddFilter("reject", func(items []any, key string, want ...any) []any {
		return choose(items, key, want, false)
	})
	b.AddFilter("find", func(items []any, key string, want ...any) any {
		if at := find(items, key, want); at >= 0 {
			return items[at]
		}
		return nil
	})
	b.AddFilter("find_index", func(items []any, key string, want ...any) any {
		if at := find(items, key, want); at >= 0 {
			return at
		}
		return nil
	})
	b.AddFilter("has", func(items []any, key string, want ...any) bool { return find(items, key, want) >= 0 })
}

// property is a field of an item.
func property(item any, key string) any {
	return values.ValueOf(item).PropertyValue(values.ValueOf(key)).Interface()
}

// matches says whether an item's field is what is wanted, or is there at all.
func matches(item any, key string, want []any) bool {
	value := property(item, key)
	if len(want) == 0 {
		return value != nil && value != false
	}
	return values.Equal(value, want[0])
}

func choose(items []any, key string, want []any, matching bool) []any {
	chosen := []any{}
	for _, item := range items {
		if matches(item, key, want) == matching {
			chosen = append(chosen, item)
		}
	}
	return chosen
}

func find(items []any, key string, want []any) int {
	for i, item := range items {
		if matches(item, key, want) {
			return i
		}
	}
	return -1
}

// sum adds the items up, or a field of theirs.
func sum(items []any, key any) (any, error) {
	total := 0.0
	for _, item := range items {
		if name, ok := key.(string); ok {
			item = property(item, name)
		}
		n, err := number(item)
		if err != nil {
			return nil, err
		}
		total += n
	}
	return tidy(total), nil
}

// uniq keeps the first of equal items; what is printed alike is equal.
func uniq(items []any) []any {
	seen := make(map[string]bool, len(items))
	kept := []any{}
	for _, item := range items {
		if text := toText(item); !seen[text] {
			seen[text] = true
			kept = append(kept, item)
		}
	}
	return kept
}

func join(items []any, separator func(string) string) (string, error) {
	sep := separator(" ")
	size := 0
	texts := make([]string, 0, len(items))
	for _, item := range items {
		if item != nil {
			texts = append(texts, toText(item))
			size += len(texts[len(texts)-1]) + len(sep)
		}
	}
	if size > maxValueBytes+len(sep) {
		return "", errValueTooLong
	}
	return strings.Join(texts, sep), nil
}
