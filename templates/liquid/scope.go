package liquid

import (
	"encoding/json"
	"fmt"
	"maps"
	"strings"
	"unicode/utf8"
)

// scope is the values of one rendering; what is costly to make is made when it
// is first asked for.
type scope struct {
	vars *Vars

	row      map[string]any
	rowError error
	rowRead  bool

	attributes     map[string]any
	attributesRead bool

	// mentioned are the contact's fields and the links that are bound.
	mentioned []string
	bound     map[string]any
	meter     *meter

	// out has the text at hand, and scratch a part of it.
	out     output
	scratch []byte
}

// maxKept bounds the memory that a scope keeps for the next rendering, in bytes.
const maxKept = 256 << 10

// clear forgets everything but the memory.
func (s *scope) clear() {
	text, cuts, scratch := s.out.b, s.out.cuts, s.scratch
	if cap(text)+cap(scratch)+cutBytes*cap(cuts) > maxKept {
		text, cuts, scratch = nil, nil, nil
	}
	*s = scope{out: output{b: text[:0], cuts: cuts[:0]}, scratch: scratch[:0]}
}

// column is a value of the upload's row.
func (s *scope) column(name string) (string, error) {
	if err := s.readRow(); err != nil {
		return "", err
	}
	return shown(s.row[name]), nil
}

func (s *scope) readRow() error {
	if !s.rowRead {
		s.rowRead = true
		s.row, s.rowError = parseRow(s.vars.Row)
	}
	return s.rowError
}

// parseRow reads a JSON object: the texts of an upload's line, or what a program gives of
// its own, whose values may be of any kind.
func parseRow(source string) (map[string]any, error) {
	if source == "" {
		return nil, nil
	}
	if row, ok := parseFlatRow(source); ok {
		return row, nil
	}
	decoder := json.NewDecoder(strings.NewReader(source))
	decoder.UseNumber()
	var row map[string]any
	if err := decoder.Decode(&row); err != nil {
		return nil, fmt.Errorf("the recipient's row can't be read: %w", err)
	}
	tidied(row)
	return row, nil
}

// CheckRow says what is wrong with values that a program gives for templates to see as row,
// as it is written; empty for nothing.
func CheckRow(raw []byte) (wrong string) {
	if len(raw) > MaxRowBytes {
		return fmt.Sprintf("has %d bytes, and at most %d are allowed", len(raw), MaxRowBytes)
	}
	if err := boundFeed(raw); err != nil {
		return err.Error()
	}
	return ""
}

// MaxRowBytes bounds what a program gives for templates to see as row: an order with a
// thousand items.
const MaxRowBytes = 256 << 10

// parseFlatRow reads what the importer writes, an object of texts without
// escapes and white space, several times faster than encoding/json; ok is false
// for everything else.
func parseFlatRow(s string) (row map[string]any, ok bool) {
	if len(s) < 2 || s[0] != '{' || s[len(s)-1] != '}' || !utf8.ValidString(s) {
		return nil, false
	}
	s = s[1 : len(s)-1]
	row = make(map[string]any, 8)
	for len(s) > 0 {
		name, rest, ok := flatString(s)
		if !ok || len(rest) == 0 || rest[0] != ':' {
			return nil, false
		}
		value, rest, ok := flatString(rest[1:])
		if !ok {
			return nil, false
		}
		row[name] = value
		switch {
		case rest == "":
			return row, true
		case rest[0] == ',' && len(rest) > 1:
			s = rest[1:]
		default:
			return nil, false
		}
	}
	return row, true
}

func flatString(s string) (value, rest string, ok bool) {
	if len(s) < 2 || s[0] != '"' {
		return "", "", false
	}
	for i := 1; i < len(s); i++ {
		switch c := s[i]; {
		case c == '"':
			return s[1:i], s[i+1:], true
		case c == '\\' || c < 0x20:
			return "", "", false
		}
	}
	return "", "", false
}

// bindings are the variables as the Liquid engine wants them; it copies the map
// and changes nothing in it. Empty values are left out: they count as missing.
func (s *scope) bindings(needRow bool) (map[string]any, error) {
	if s.bound == nil {
		bound, err := s.bind()
		if err != nil {
			return nil, err
		}
		s.bound = bound
	}
	if _, ok := s.bound["row"]; ok || !needRow {
		return s.bound, nil
	}
	if err := s.readRow(); err != nil {
		return nil, err
	}
	row := make(map[string]any, len(s.row))
	for name, value := range s.row {
		if !isNothing(value) {
			row[name] = value
		}
	}
	s.bound["row"] = row
	return s.bound, nil
}

func (s *scope) bind() (map[string]any, error) {
	v := s.vars
	contact := make(map[string]any, len(s.mentioned))
	vars := map[string]any{"contact": contact, meterKey: s.meter}
	for _, name := range s.mentioned {
		if link := links[name]; link != nil {
			if value := link(v); value != "" {
				vars[name] = value
			}
		} else if name == attributesKey {
			if err := s.readAttributes(); err != nil {
				return nil, err
			}
			contact[name] = s.attributes
		} else if value := contactFields[name](&v.Contact); value != "" {
			contact[name] = value
		}
	}
	if v.Answers != "" {
		answers, err := decodeObject(v.Answers)
		if err != nil {
			return nil, fmt.Errorf("read answers: %w", err)
		}
		vars[answersKey] = answers
	}
	maps.Copy(vars, v.Of.bound())
	return vars, nil
}

// answersKey is where templates find what was answered in a flow.
const answersKey = "answers"

// attributesKey is where templates find the values of properties, under contact.
const attributesKey = "attributes"

// attribute is a property's value as a text; empty where there is none.
func (s *scope) attribute(key string) (string, error) {
	if err := s.readAttributes(); err != nil {
		return "", err
	}
	return shown(s.attributes[key]), nil
}

// shown is a value as it is printed where no engine is needed for it.
func shown(value any) string {
	items, ok := value.([]any)
	if !ok {
		return toText(value)
	}
	texts := make([]string, len(items))
	for i, item := range items {
		texts[i] = toText(item)
	}
	return strings.Join(texts, ", ")
}

// readAttributes reads the values once. Empty ones are left out: they count as
// missing.
func (s *scope) readAttributes() error {
	if s.attributesRead || s.vars.Contact.Attributes == "" {
		return nil
	}
	values, err := decodeObject(s.vars.Contact.Attributes)
	if err != nil {
		return fmt.Errorf("the contact's attributes can't be read: %w", err)
	}
	s.attributes, s.attributesRead = values, true
	return nil
}

// contactFields are the fields that templates may name under contact.
var contactFields = map[string]func(*Contact) string{
	"first_name":  func(c *Contact) string { return c.FirstName },
	"last_name":   func(c *Contact) string { return c.LastName },
	"name":        func(c *Contact) string { return c.Name },
	"external_id": func(c *Contact) string { return c.ExternalID },
	"language":    func(c *Contact) string { return c.Language },
	"timezone":    func(c *Contact) string { return c.Timezone },
	"address":     func(c *Contact) string { return c.Address },
}

// decodeObject reads values: without the empty ones, and numbers such that the engine
// prints them in digits alone.
func decodeObject(object string) (map[string]any, error) {
	decoder := json.NewDecoder(strings.NewReader(object))
	decoder.UseNumber()
	var values map[string]any
	if err := decoder.Decode(&values); err != nil {
		return nil, err
	}
	for key, value := range values {
		switch v := value.(type) {
		case nil:
			delete(values, key)
		case string:
			if v == "" {
				delete(values, key)
			}
		case []any:
			if len(v) == 0 {
				delete(values, key)
			}
		case json.Number:
			if whole, err := v.Int64(); err == nil {
				values[key] = whole
			} else if fraction, err := v.Float64(); err == nil {
				values[key] = decimal(fraction)
			}
		}
	}
	return values, nil
}
