package templates

import (
	"fmt"
	"html"
	"reflect"
	"regexp"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/osteele/liquid/expressions"
	"github.com/osteele/liquid/filters"
	"github.com/osteele/liquid/render"
	"github.com/osteele/liquid/values"
	"github.com/osteele/tuesday"
)

// filterNames are the filters that a template may use.
var filterNames = []string{
	"abs", "append", "capitalize", "ceil", "compact", "concat", "date", "default", "divided_by", "downcase", "escape",
	"escape_once", "first", "floor", "join", "json", "last", "lstrip", "map", "minus", "modulo", "newline_to_br", "plus",
	"prepend", "raw", "remove", "remove_first", "replace", "replace_first", "reverse", "round", "rstrip", "size", "slice",
	"sort", "sort_natural", "split", "strip", "strip_html", "strip_newlines", "times", "truncate", "truncatewords", "uniq",
	"upcase", "url_decode", "url_encode",
}

// addFilters adds the library's filters, each bounded, and our own in place of
// those that are wrong or unbounded there.
func addFilters(c *render.Config, m mode) {
	bounded := boundedFilters{c}
	filters.AddStandardFilters(bounded)
	bounded.AddFilter("capitalize", capitalize)
	bounded.AddFilter("date", formatDate)
	bounded.AddFilter("join", join)
	bounded.AddFilter("replace", replaceAll)
	bounded.AddFilter("strip_html", func(s string) string { return htmlTag.ReplaceAllString(s, "") })
	bounded.AddFilter("truncate", truncate)
	bounded.AddFilter("truncatewords", truncateWords)
	bounded.AddFilter("newline_to_br", func(s string) string {
		if m == htmlText {
			s = html.EscapeString(s)
		}
		return strings.ReplaceAll(strings.ReplaceAll(s, "\r\n", "\n"), "\n", "<br>")
	})
	// raw is taken off before compiling; the filter exists for the check of the
	// unchanged source.
	bounded.AddFilter("raw", func(value any) any { return value })
	c.AddFilter(autoEscape, escapeValue)
}

// boundedFilters wraps filters so that no argument and no result is larger than
// maxValueBytes and maxItems.
type boundedFilters struct{ config *render.Config }

// AddFilter adds a filter with the bounds around it.
func (b boundedFilters) AddFilter(name string, fn any) {
	inner := reflect.ValueOf(fn)
	tooLarge := expressions.FilterError{FilterName: name, Err: errValueTooLong}
	wrapped := reflect.MakeFunc(inner.Type(), func(args []reflect.Value) []reflect.Value {
		for _, arg := range args {
			if !smallEnough(arg) {
				panic(tooLarge)
			}
		}
		results := inner.Call(args)
		if !smallEnough(results[0]) {
			panic(tooLarge)
		}
		return results
	})
	b.config.AddFilter(name, wrapped.Interface())
}

func smallEnough(v reflect.Value) bool {
	for v.IsValid() && v.Kind() == reflect.Interface {
		v = v.Elem()
	}
	if !v.IsValid() {
		return true
	}
	switch v.Kind() {
	case reflect.String:
		return v.Len() <= maxValueBytes
	case reflect.Slice, reflect.Array:
		if v.Type().Elem().Kind() == reflect.Uint8 {
			return v.Len() <= maxValueBytes
		}
		return v.Len() <= maxItems
	}
	return true
}

// capitalize is right for letters outside ASCII, unlike the library's.
func capitalize(s string) string {
	first, size := utf8.DecodeRuneInString(s)
	if size == 0 {
		return s
	}
	return string(unicode.ToUpper(first)) + s[size:]
}

// width matches a strftime directive with a field width of more than two digits.
var width = regexp.MustCompile(`%[-_^#0:]*\d{3}`)

// formatDate leaves a missing date empty.
func formatDate(value any, format func(string) string) (any, error) {
	var at time.Time
	switch v := value.(type) {
	case nil:
		return nil, nil
	case time.Time:
		at = v
	default:
		s := strings.TrimSpace(toText(v))
		if s == "" {
			return nil, nil
		}
		var err error
		if at, err = values.ParseDate(s); err != nil {
			return nil, fmt.Errorf("%q is no date", s)
		}
	}
	layout := format("%a, %b %d, %y")
	if width.MatchString(layout) {
		return nil, fmt.Errorf("%q has too wide a field", layout)
	}
	return tuesday.Strftime(layout, at)
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

func replaceAll(s, old, replacement string) (string, error) {
	if n := strings.Count(s, old); len(s)+n*(len(replacement)-len(old)) > maxValueBytes {
		return "", errValueTooLong
	}
	return strings.ReplaceAll(s, old, replacement), nil
}

var htmlTag = regexp.MustCompile(`<[^>]*>`)

// truncate counts letters, the ellipsis included.
func truncate(s string, length func(int) int, ellipsis func(string) string) string {
	mark, letters := []rune(ellipsis("...")), []rune(s)
	n := max(length(50), 0)
	if len(letters) <= n {
		return s
	}
	return string(letters[:max(n-len(mark), 0)]) + string(mark)
}

func truncateWords(s string, count func(int) int, ellipsis func(string) string) string {
	words := strings.Fields(s)
	n := max(count(15), 1)
	if len(words) <= n {
		return s
	}
	return strings.Join(words[:n], " ") + ellipsis("...")
}
