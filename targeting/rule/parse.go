package rule

import (
	"bytes"
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"carillon/contacts/property"
	"carillon/internal/fault"
	"carillon/internal/zone"
)

// Root is where the fields of an error begin, such as "rule.rules[2].value".
const Root = "rule"

// maxWrong is how many mistakes one answer names.
const maxWrong = 20

// Parse reads a rule in either form: an object with condition and rules is jQuery
// QueryBuilder's, an array of clauses, or an object whose payload is one, is
// Chatwoot's. The error is Invalid and names the place of every mistake, from
// Root on.
func Parse(data []byte, schema *Schema) (Rule, error) {
	p := parser{schema: schema}
	r := p.rule(data)
	if len(p.wrong) > 0 {
		return Rule{}, fault.InvalidFields(p.wrong)
	}
	return r, nil
}

// parser gathers what is wrong.
type parser struct {
	schema     *Schema
	conditions int
	wrong      []fault.Field
}

func (p *parser) refuse(at string, value any, format string, args ...any) {
	if len(p.wrong) < maxWrong {
		p.wrong = append(p.wrong, fault.Field{Location: at, Value: value, Message: fmt.Sprintf(format, args...)})
	}
}

// full says that looking for more mistakes is of no use.
func (p *parser) full() bool { return len(p.wrong) >= maxWrong }

func index(at string, i int) string { return at + "[" + strconv.Itoa(i) + "]" }

func (p *parser) rule(data []byte) Rule {
	const expected = `a rule is {"condition": "AND", "rules": […]}`
	data = bytes.TrimSpace(data)
	switch {
	case len(data) > MaxSize:
		p.refuse(Root, len(data), "is larger than %d bytes", MaxSize)
		return Rule{}
	case !utf8.Valid(data) || !json.Valid(data):
		p.refuse(Root, nil, "is no JSON in UTF-8: %s", expected)
		return Rule{}
	case data[0] == '[':
		return Rule{Root: p.flat(data, Root)}
	case data[0] != '{':
		p.refuse(Root, nil, "is no object: %s", expected)
		return Rule{}
	}
	object := p.object(data, Root)
	if payload, ok := object["payload"]; ok {
		p.unknown(object, Root, "payload", "timezone")
		return Rule{Root: p.flat(payload, Root+".payload"), Timezone: p.timezone(object)}
	}
	r := Rule{Timezone: p.timezone(object)}
	delete(object, "timezone")
	r.Root = p.group(object, Root, 1)
	return r
}

func (p *parser) object(data []byte, at string) map[string]json.RawMessage {
	var object map[string]json.RawMessage
	if err := json.Unmarshal(data, &object); err != nil || object == nil {
		p.refuse(at, nil, "is no object")
	}
	return object
}

// unknown refuses keys other than the known ones.
func (p *parser) unknown(object map[string]json.RawMessage, at string, known ...string) {
	var strange []string
	for key := range object {
		if !slices.Contains(known, key) {
			strange = append(strange, key)
		}
	}
	slices.Sort(strange)
	for _, key := range strange {
		p.refuse(at, key, "has no field %q: use %s", key, strings.Join(known, ", "))
	}
}

func (p *parser) timezone(object map[string]json.RawMessage) string {
	raw, ok := object["timezone"]
	if !ok {
		return ""
	}
	name, ok := p.text(raw, Root+".timezone")
	if !ok || name == "" {
		return ""
	}
	if _, err := zone.Load(name); err != nil {
		p.refuse(Root+".timezone", name, "%v", err)
	}
	return name
}

// text reads a string; null is an empty one.
func (p *parser) text(raw json.RawMessage, at string) (string, bool) {
	var s string
	if err := json.Unmarshal(raw, &s); err != nil {
		p.refuse(at, short(raw), "is no text")
		return "", false
	}
	return s, true
}

// short is a value as an error shows it.
func short(raw json.RawMessage) any {
	const most = 100
	var text string
	switch {
	case len(raw) > most || len(raw) == 0:
		return nil
	case json.Unmarshal(raw, &text) == nil:
		return text
	}
	return string(raw)
}

// groupKeys and conditionKeys are what QueryBuilder writes; what is not read has
// no meaning for who is meant.
var (
	groupKeys     = []string{"condition", "not", "rules", "id", "valid", "readonly", "flags", "data"}
	conditionKeys = []string{"id", "field", "type", "input", "operator", "value", "valid", "readonly", "flags", "data"}
	types         = []string{"string", "integer", "double", "date", "time", "datetime", "boolean"}
)

func (p *parser) group(object map[string]json.RawMessage, at string, depth int) *Group {
	if depth > MaxDepth {
		p.refuse(at, nil, "stands deeper than %d groups: take inner groups out into targeting lists", MaxDepth)
		return nil
	}
	p.unknown(object, at, groupKeys...)
	g := &Group{}
	if raw, ok := object["condition"]; ok {
		word, ok := p.text(raw, at+".condition")
		switch strings.ToUpper(word) {
		case "AND":
		case "OR":
			g.Any = true
		default:
			if ok {
				p.refuse(at+".condition", word, "is neither AND nor OR")
			}
		}
	} else {
		p.refuse(at+".condition", nil, "is missing: say AND or OR")
	}
	if raw, ok := object["not"]; ok {
		if err := json.Unmarshal(raw, &g.Not); err != nil {
			p.refuse(at+".not", short(raw), "is neither true nor false")
		}
	}
	var rules []json.RawMessage
	if err := json.Unmarshal(object["rules"], &rules); err != nil || len(rules) == 0 {
		p.refuse(at+".rules", nil, "names no rule: a group needs at least one")
		return g
	}
	for i, raw := range rules {
		if p.full() {
			break
		}
		p.node(g, raw, index(at+".rules", i), depth)
	}
	return g
}

func (p *parser) node(g *Group, raw json.RawMessage, at string, depth int) {
	object := p.object(raw, at)
	if object == nil {
		return
	}
	_, hasCondition := object["condition"]
	_, hasRules := object["rules"]
	if hasCondition || hasRules {
		if inner := p.group(object, at, depth+1); inner != nil {
			g.Nodes = append(g.Nodes, Node{Group: inner})
		}
		return
	}
	p.unknown(object, at, conditionKeys...)
	if c := p.condition(object, at); c != nil {
		g.Nodes = append(g.Nodes, Node{Condition: c})
	}
}

// count refuses one condition too many.
func (p *parser) count(at string) {
	if p.conditions++; p.conditions == MaxConditions+1 {
		p.refuse(at, nil, "is one rule too many: at most %d", MaxConditions)
	}
}

func (p *parser) condition(object map[string]json.RawMessage, at string) *Condition {
	p.count(at)
	where := "field"
	raw, ok := object["field"]
	if !ok {
		if raw, ok = object["id"]; !ok {
			p.refuse(at+".field", nil, "is missing: GET /v1/targeting/fields lists the fields")
			return nil
		}
		where = "id"
	}
	name, ok := p.text(raw, at+"."+where)
	if !ok {
		return nil
	}
	field, meant, ok := p.schema.named(name)
	if !ok {
		p.refuse(at+"."+where, name, "%s", noField(meant))
		return nil
	}
	if raw, ok := object["type"]; ok {
		if word, ok := p.text(raw, at+".type"); ok && word != "" && !slices.Contains(types, word) {
			p.refuse(at+".type", word, "is no type: use one of %s", strings.Join(types, ", "))
		}
	}
	word, ok := p.text(object["operator"], at+".operator")
	if !ok {
		return nil
	}
	operator := Operator(word)
	if !p.knows(field, operator, at+".operator") {
		return nil
	}
	c := &Condition{Field: field, Operator: operator, at: at + ".value"}
	c.Values = p.values(c, object["value"])
	return c
}

// knows refuses operators that a field does not have.
func (p *parser) knows(f Field, o Operator, at string) bool {
	known := f.Operators()
	if slices.Contains(known, o) {
		return true
	}
	words := make([]string, len(known))
	for i, k := range known {
		words[i] = string(k)
	}
	if !slices.Contains(Operators(), o) {
		p.refuse(at, string(o), "is no operator: use one of %s", strings.Join(words, ", "))
	} else {
		p.refuse(at, string(o), "does not go with %s: use one of %s", f.Name, strings.Join(words, ", "))
	}
	return false
}

// values reads as many values as the operator takes.
func (p *parser) values(c *Condition, raw json.RawMessage) []Value {
	switch c.Operator.arity() {
	case none:
		if len(raw) > 0 && !slices.Contains([]string{"null", `""`, "[]", "true"}, string(raw)) {
			p.refuse(c.at, short(raw), "%s takes no value", c.Operator)
		}
		return nil
	case single:
		// QueryBuilder's checkboxes and multiple selects hand a list over.
		var items []json.RawMessage
		if json.Unmarshal(raw, &items) == nil && len(items) == 1 {
			raw = items[0]
		}
		v, _ := p.value(c.Field, c.Operator, raw, c.at)
		return []Value{v}
	}
	var items []json.RawMessage
	err := json.Unmarshal(raw, &items)
	pairs := c.Operator.arity() == pair
	switch {
	case pairs && (err != nil || len(items) != 2):
		p.refuse(c.at, short(raw), "%s takes a list of two values, the lower one first", c.Operator)
		return nil
	case err != nil && len(raw) > 0 && raw[0] != '[':
		if looksSeveral(raw) {
			// Taken for one value it would be nobody's, and not_in would select everybody.
			p.refuse(c.at, short(raw), `is one text with a comma in it: write a list, such as ["a", "b"]; for one value with a comma, a list of it alone`)
			return nil
		}
		items = []json.RawMessage{raw}
	case len(items) == 0:
		p.refuse(c.at, short(raw), "%s takes a list of at least one value", c.Operator)
		return nil
	case len(items) > MaxValues:
		p.refuse(c.at, len(items), "has more than %d values: make a group or label of them", MaxValues)
		return nil
	}
	values := make([]Value, 0, len(items))
	whole := true
	for i, item := range items {
		if p.full() {
			break
		}
		v, ok := p.value(c.Field, c.Operator, item, index(c.at, i))
		values = append(values, v)
		whole = whole && ok
	}
	if pairs && whole && len(values) == 2 && above(c.Field, values[0], values[1]) {
		p.refuse(c.at, short(raw), "stands the wrong way round: %s takes the lower value first, and between these there is nothing", c.Operator)
	}
	return values
}

// looksSeveral reports whether a JSON text looks like several values in one.
func looksSeveral(raw json.RawMessage) bool {
	var text string
	return json.Unmarshal(raw, &text) == nil && strings.Contains(text, ",")
}

// above reports whether a value of a field certainly lies above another: days that
// are counted back from today can't be compared with the others.
func above(f Field, a, b Value) bool {
	switch {
	case a.Relative != b.Relative:
		return false
	case a.Relative:
		return a.Days < b.Days // fewer days ago is later
	}
	switch f.Compare {
	case AsNumber:
		return a.number() > b.number()
	case AsInstant:
		// Wherever the clocks are that they are read by, they are hours apart.
		utc := newCalendar("", time.Time{})
		return utc.span(a).from > utc.span(b).until+int64(2*24*time.Hour/time.Millisecond) || sameForm(a.Text, b.Text) && a.Text > b.Text
	case AsDate, AsTime:
		return a.Text > b.Text
	default:
		return property.Fold(a.Text) > property.Fold(b.Text)
	}
}

// sameForm reports whether two instants in normal form compare as their texts do.
func sameForm(a, b string) bool {
	return len(a) == len(b) && strings.HasSuffix(a, "Z") == strings.HasSuffix(b, "Z")
}
