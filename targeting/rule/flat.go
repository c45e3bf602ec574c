package rule

import (
	"encoding/json"
	"slices"
	"strings"
)

// flatNames are Chatwoot's names of fields that are called otherwise here.
var flatNames = map[string]string{
	"email":        addressPrefix + "email",
	"phone_number": addressPrefix + "phone",
	"identifier":   "external_id",
	"labels":       "label",
}

// blockedField stands for the status until its values are read.
var blockedField = Field{Name: "blocked", Source: Column, Key: "status", Compare: AsBoolean}

// flatOperators are Chatwoot's operators. With several values the positive ones
// hold if they hold for one of them, the negative ones if for none.
var flatOperators = map[string]Operator{
	"equal_to":         Equal,
	"not_equal_to":     NotEqual,
	"contains":         Contains,
	"does_not_contain": NotContains,
	"starts_with":      BeginsWith,
	"is_present":       IsNotEmpty,
	"is_not_present":   IsEmpty,
	"is_greater_than":  Greater,
	"is_less_than":     Less,
	"days_before":      Less,
}

var (
	clauseKeys     = []string{"attribute_key", "filter_operator", "values", "query_operator", "attribute_model", "custom_attribute_type"}
	flatVocabulary = "equal_to, not_equal_to, contains, does_not_contain, starts_with, is_present, is_not_present, is_greater_than, is_less_than, days_before"
)

// flat reads Chatwoot's form: clauses one after the other, each with the word
// that joins it to the next. AND binds tighter than OR, as in SQL.
func (p *parser) flat(data json.RawMessage, at string) *Group {
	var clauses []json.RawMessage
	if err := json.Unmarshal(data, &clauses); err != nil || len(clauses) == 0 {
		p.refuse(at, nil, `names no rule: a filter is [{"attribute_key", "filter_operator", "values", "query_operator"}, …]`)
		return nil
	}
	// The nodes between two ORs.
	var alternatives [][]Node
	var current []Node
	for i, raw := range clauses {
		if p.full() {
			break
		}
		here := index(at, i)
		object := p.object(raw, here)
		if object == nil {
			continue
		}
		p.unknown(object, here, clauseKeys...)
		if node, ok := p.clause(object, here); ok {
			current = append(current, node)
		}
		last := i == len(clauses)-1
		if or := p.joiner(object, here, last); or || last {
			alternatives, current = append(alternatives, current), nil
		}
	}
	return p.alternatives(alternatives)
}

// alternatives makes the tree of what AND joined tighter.
func (p *parser) alternatives(list [][]Node) *Group {
	if len(list) == 1 {
		return &Group{Nodes: list[0]}
	}
	root := &Group{Any: true}
	for _, nodes := range list {
		if len(nodes) == 1 {
			root.Nodes = append(root.Nodes, nodes[0])
			continue
		}
		root.Nodes = append(root.Nodes, Node{Group: &Group{Nodes: nodes}})
	}
	return root
}

// joiner reads query_operator: true for OR.
func (p *parser) joiner(object map[string]json.RawMessage, at string, last bool) (or bool) {
	at += ".query_operator"
	word := ""
	if raw, ok := object["query_operator"]; ok {
		if word, ok = p.text(raw, at); !ok {
			return false
		}
	}
	switch word = strings.ToUpper(word); {
	case last && (word == "" || word == "NIL"):
	case last:
		p.refuse(at, word, "joins the last clause with nothing: make it null, or add a clause")
	case word == "OR":
		return true
	case word != "AND":
		p.refuse(at, word, "is neither AND nor OR")
	}
	return false
}

func (p *parser) clause(object map[string]json.RawMessage, at string) (Node, bool) {
	p.count(at)
	key, okKey := p.text(object["attribute_key"], at+".attribute_key")
	word, okWord := p.text(object["filter_operator"], at+".filter_operator")
	if !okKey || !okWord {
		return Node{}, false
	}
	field, ok := p.flatField(key)
	if !ok {
		_, meant, _ := p.schema.named(key)
		p.refuse(at+".attribute_key", key, "%s", noField(meant))
		return Node{}, false
	}
	operator, ok := flatOperators[word]
	if !ok {
		p.refuse(at+".filter_operator", word, "is no operator: use one of %s", flatVocabulary)
		return Node{}, false
	}
	if !slices.Contains(field.Operators(), operator) || (key == blockedField.Name && operator.arity() == none) {
		p.refuse(at+".filter_operator", word, "does not go with %s", key)
		return Node{}, false
	}
	values, ok := p.flatValues(object["values"], flatClause{key, word, field, operator, at + ".values"})
	if !ok {
		return Node{}, false
	}
	if key == blockedField.Name {
		return p.blocked(operator, values, at+".values"), true
	}
	return p.combine(field, operator, values, at+".values"), true
}

// flatField finds a field by Chatwoot's name, by ours, or as a property.
func (p *parser) flatField(key string) (Field, bool) {
	if key == blockedField.Name {
		return blockedField, true
	}
	for _, name := range []string{flatNames[key], key, attributePrefix + key} {
		if f, ok := p.schema.Field(name); ok {
			return f, true
		}
	}
	return Field{}, false
}

// flatClause is a clause without its values: Chatwoot's words for its field and its
// operator, what they stand for, and where the values are.
type flatClause struct {
	key, word string
	field     Field
	operator  Operator
	at        string
}

// flatValues reads the values of a clause, which come as texts, numbers or
// booleans whatever the field is.
func (p *parser) flatValues(raw json.RawMessage, c flatClause) ([]Value, bool) {
	if c.operator.arity() == none {
		return nil, true
	}
	var items []json.RawMessage
	if err := json.Unmarshal(raw, &items); err != nil || len(items) == 0 || len(items) > MaxValues {
		p.refuse(c.at, nil, "is no list of 1 to %d values", MaxValues)
		return nil, false
	}
	several := slices.Contains([]Operator{Equal, NotEqual, Contains, NotContains}, c.operator) && c.field.Compare != AsBoolean
	if !several && len(items) > 1 {
		p.refuse(c.at, len(items), "%s takes one value", c.word)
		return nil, false
	}
	values := make([]Value, 0, len(items))
	before := len(p.wrong)
	for i, item := range items {
		if p.full() {
			break
		}
		here := index(c.at, i)
		text, ok := plain(item)
		if !ok {
			p.refuse(here, short(item), "is no text, number or boolean")
			continue
		}
		v, reason := p.flatValue(c, text)
		if reason != "" {
			p.refuse(here, text, "%s", reason)
		}
		values = append(values, v)
	}
	return values, len(p.wrong) == before
}

func plain(item json.RawMessage) (string, bool) {
	switch item[0] {
	case '"':
		var s string
		err := json.Unmarshal(item, &s)
		return s, err == nil
	case '{', '[', 'n':
		return "", false
	default:
		return string(item), true
	}
}

func (p *parser) flatValue(c flatClause, text string) (Value, string) {
	f, o := c.field, c.operator
	switch {
	case c.word == "days_before":
		if f.Compare != AsDate && f.Compare != AsInstant {
			return Value{}, "days_before goes with dates alone"
		}
		return daysBefore(text)
	case c.key == "labels":
		if id, ok := p.schema.label(text); ok {
			return textValue(f, o, id)
		}
		return Value{}, "is no label: GET /v1/labels lists them"
	case c.key == "phone_number" && (o == Equal || o == NotEqual) && !strings.HasPrefix(text, "+"):
		text = "+" + text
	}
	return p.textValue(f, o, text)
}

// combine makes a node of an operator with any number of values.
func (p *parser) combine(f Field, o Operator, values []Value, at string) Node {
	if len(values) > 1 {
		switch o {
		case Equal:
			o = In
		case NotEqual:
			o = NotIn
		default: // contains one of them, or none
			g := &Group{Any: o == Contains}
			for i, v := range values {
				if i > 0 {
					p.count(at)
				}
				g.Nodes = append(g.Nodes, Node{Condition: &Condition{Field: f, Operator: o, Values: []Value{v}, at: index(at, i)}})
			}
			return Node{Group: g}
		}
	}
	return Node{Condition: &Condition{Field: f, Operator: o, Values: values, at: at}}
}

// blocked reads Chatwoot's field of that name, which is one of our statuses.
func (p *parser) blocked(o Operator, values []Value, at string) Node {
	if values[0].Text == "false" {
		if o == Equal {
			o = NotEqual
		} else {
			o = Equal
		}
	}
	values[0].Text = "blocked"
	return p.combine(Field{Name: "status", Source: Column, Key: "status", Compare: AsCode}, o, values, at)
}
