package liquid

import (
	"encoding/base64"
	"errors"
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
	"github.com/osteele/liquid/values"
	"github.com/osteele/tuesday"
)

// filterNames are the filters that a template may use.
var filterNames = []string{
	"abs", "append", "at_least", "at_most", "base64_decode", "base64_encode", "base64_url_safe_decode", "base64_url_safe_encode",
	"capitalize", "ceil", "compact", "concat", "date", "default", "divided_by", "downcase", "escape",
	"escape_once", "find", "find_index", "first", "floor", "has", "join", "json", "last", "lstrip", "map", "minus", "modulo", "newline_to_br", "plus",
	"prepend", "raw", "reject", "remove", "remove_first", "remove_last", "replace", "replace_first", "replace_last", "reverse", "round", "rstrip",
	"size", "slice", "sort", "sort_natural", "split", "squish", "strip", "strip_html", "strip_newlines", "sum", "times", "truncate", "truncatewords",
	"uniq", "upcase", "url_decode", "url_encode", "where",
}

// addFilters adds the library's filters, each bounded, and our own in place of
// those that are wrong, slow or missing there.
func addFilters(e *engine, m mode) {
	bounded := boundedFilters{e}
	filters.AddStandardFilters(bounded)
	addNumbers(bounded)
	addLists(bounded)
	addTexts(bounded)
	bounded.AddFilter("date", formatDate)
	bounded.AddFilter("default", defaultValue)
	bounded.AddFilter("newline_to_br", func(s string) string {
		if m == htmlText {
			s = html.EscapeString(s)
		}
		return strings.ReplaceAll(strings.ReplaceAll(s, "\r\n", "\n"), "\n", "<br>")
	})
	// raw is taken off before compiling; the filter exists for the check of the
	// unchanged source.
	bounded.AddFilter("raw", func(value any) any { return value })
	e.config.AddFilter(autoEscape, e.escape)
}

// escape is what every value of an HTML text goes through.
func (e *engine) escape(value any) (any, error) {
	if value == nil {
		return nil, nil
	}
	text, err := e.meter.escapable(value)
	if err != nil {
		return nil, err
	}
	return html.EscapeString(text), nil
}

// escapable is a value as the text that is escaped, which is charged for.
func (m *meter) escapable(value any) (string, error) {
	text := toText(value)
	if len(text) > MaxRenderedBytes {
		return "", m.end(errTooLong)
	}
	return text, m.charge(len(text) / workBytes)
}

// addTexts adds filters of texts.
func addTexts(b boundedFilters) {
	b.AddFilter("capitalize", capitalize)
	b.AddFilter("replace", replaceAll)
	b.AddFilter("replace_last", replaceLast)
	b.AddFilter("remove_last", func(s, old string) string { return replaceLast(s, old, "") })
	b.AddFilter("squish", func(s string) string { return strings.Join(strings.Fields(s), " ") })
	b.AddFilter("strip_html", func(s string) string { return htmlTag.ReplaceAllString(s, "") })
	b.AddFilter("truncate", truncate)
	b.AddFilter("truncatewords", truncateWords)
	b.AddFilter("base64_encode", func(s string) string { return base64.StdEncoding.EncodeToString([]byte(s)) })
	b.AddFilter("base64_url_safe_encode", func(s string) string { return base64.URLEncoding.EncodeToString([]byte(s)) })
	b.AddFilter("base64_decode", func(s string) (string, error) { return decodeBase64(base64.StdEncoding, s) })
	b.AddFilter("base64_url_safe_decode", func(s string) (string, error) { return decodeBase64(base64.URLEncoding, s) })
}

// boundedFilters wraps filters so that no argument and no result is larger than
// maxValueBytes and maxItems, and so that each is charged for.
type boundedFilters struct{ engine *engine }

// heavyFilters look at each of their items again and again: they are charged for
// that many times.
var heavyFilters = map[string]int{"sort": 12, "sort_natural": 12, "uniq": 2, "where": 2, "reject": 2, "find": 2, "has": 2, "date": 8}

// AddFilter adds a filter with the bounds around it.
func (b boundedFilters) AddFilter(name string, fn any) {
	inner, times := reflect.ValueOf(fn), max(1, heavyFilters[name])
	call := inner.Call
	if inner.Type().IsVariadic() {
		call = inner.CallSlice
	}
	wrapped := reflect.MakeFunc(inner.Type(), func(args []reflect.Value) []reflect.Value {
		b.charge(name, args, times)
		results := call(args)
		if len(results) == 2 && !results[1].IsNil() {
			if err, ok := results[1].Interface().(error); ok && errors.Is(err, errValueTooLong) {
				b.refuse(name, b.engine.meter.end(errValueTooLong))
			}
			return results
		}
		b.charge(name, results[:1], 1)
		return results
	})
	b.engine.config.AddFilter(name, wrapped.Interface())
}

// charge charges for values, or ends the rendering.
func (b boundedFilters) charge(name string, list []reflect.Value, times int) {
	work := 1
	for _, value := range list {
		w := weight{bytes: maxValueBytes, items: maxItems}
		if !w.add(value) {
			b.refuse(name, b.engine.meter.end(errValueTooLong))
		}
		work += (maxValueBytes - w.bytes + 8*(maxItems-w.items)) / workBytes
	}
	if err := b.engine.meter.charge(work * times); err != nil {
		b.refuse(name, err)
	}
}

// refuse ends an expression in the way that the engine takes from its filters.
func (b boundedFilters) refuse(name string, err error) {
	panic(expressions.FilterError{FilterName: name, Err: err})
}

// weight is what a value with everything in it may still hold.
type weight struct{ bytes, items int }

// add takes a value and says whether there was room for it.
func (w *weight) add(v reflect.Value) bool {
	for v.IsValid() && (v.Kind() == reflect.Interface || v.Kind() == reflect.Pointer) {
		v = v.Elem()
	}
	if !v.IsValid() {
		return true
	}
	switch v.Kind() {
	case reflect.String:
		w.bytes -= v.Len()
	case reflect.Slice, reflect.Array:
		if v.Type().Elem().Kind() == reflect.Uint8 {
			w.bytes -= v.Len()
			break
		}
		if w.items -= v.Len(); w.items < 0 {
			return false
		}
		for i := range v.Len() {
			if !w.add(v.Index(i)) {
				return false
			}
		}
	case reflect.Map:
		if w.items -= v.Len(); w.items < 0 {
			return false
		}
		for _, key := range v.MapKeys() {
			if !w.add(key) || !w.add(v.MapIndex(key)) {
				return false
			}
		}
	}
	return w.bytes >= 0
}

// defaultValue stands in for what is missing, empty or false; with allow_false,
// false is a value like others.
func defaultValue(value, fallback, allowFalse any) any {
	if whether, ok := value.(bool); ok && (whether || allowFalse == true) {
		return value
	}
	if value == nil || values.IsEmpty(value) {
		return fallback
	}
	return value
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

// maxLayout bounds the format of a date, in bytes.
const maxLayout = 1000

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
	if len(layout) > maxLayout {
		return nil, fmt.Errorf("the format of a date is longer than %d bytes", maxLayout)
	}
	if width.MatchString(layout) {
		return nil, fmt.Errorf("%q has too wide a field", layout)
	}
	return tuesday.Strftime(layout, at)
}

func replaceAll(s, old, replacement string) (string, error) {
	if n := strings.Count(s, old); len(s)+n*(len(replacement)-len(old)) > maxValueBytes {
		return "", errValueTooLong
	}
	return strings.ReplaceAll(s, old, replacement), nil
}

func replaceLast(s, old, replacement string) string {
	at := strings.LastIndex(s, old)
	if at < 0 {
		return s
	}
	return s[:at] + replacement + s[at+len(old):]
}

func decodeBase64(encoding *base64.Encoding, s string) (string, error) {
	raw, err := encoding.DecodeString(strings.TrimSpace(s))
	if err != nil {
		return "", errors.New("the value is no base64")
	}
	return strings.ToValidUTF8(string(raw), "\uFFFD"), nil
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
