package messengerpeople

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"carillon/contacts/property"
	"carillon/contacts/value"
	"carillon/internal/fault"
	"carillon/providers"
)

// object is a node of a rule.
type object = map[string]any

func condition(field, operator string, value any) object {
	c := object{"field": field, "operator": operator}
	if value != nil {
		c["value"] = value
	}
	return c
}

func group(join string, rules []any) object { return object{"condition": join, "rules": rules} }

// fieldConfig is a field of rules as QueryBuilder's filters name it.
type fieldConfig struct {
	ID        string            `json:"id"`
	Field     string            `json:"field"`
	Label     string            `json:"label"`
	Type      string            `json:"type"`
	Input     string            `json:"input"`
	Operators []string          `json:"operators"`
	Values    map[string]string `json:"values,omitempty"`
}

func (s *Server) showFields(ctx context.Context, a asked) (any, error) {
	t, err := s.translator(ctx, a)
	if err != nil {
		return nil, err
	}
	described, choices, err := s.Rules.Fields(ctx, a.caller.AccountID)
	if err != nil {
		return nil, err
	}
	config := []fieldConfig{{
		ID: number, Field: number, Label: "Number", Type: "string", Input: "text",
		Operators: []string{"equal", "not_equal", "in", "not_in", "begins_with", "not_begins_with", "contains", "not_contains", "ends_with", "not_ends_with"},
	}}
	for _, d := range described {
		name := t.nameOf(d.Name)
		if name == d.Name && !slices.Contains([]string{"name", "language", "label"}, name) {
			continue // these have no name here, and are taken all the same
		}
		typ, input := d.Form()
		c := fieldConfig{ID: name, Field: name, Label: d.Label, Type: typ, Input: input}
		for _, o := range d.Operators() {
			c.Operators = append(c.Operators, string(o))
		}
		for _, choice := range d.Choices {
			c.set(choice, choice)
		}
		for _, choice := range choices {
			switch {
			case choice.Field != d.Name:
			case d.Name != "category":
				c.set(strconv.FormatInt(choice.ID, 10), choice.Name)
			case t.slots[choice.ID] != 0:
				c.set(strconv.Itoa(t.slots[choice.ID]), choice.Name)
			}
		}
		if d.Name == "status" {
			c.Values = map[string]string{"1": "active", "0": "inactive"}
		}
		config = append(config, c)
	}
	return struct {
		Config []fieldConfig `json:"config"`
	}{config}, nil
}

func (c *fieldConfig) set(name, label string) {
	if c.Values == nil {
		c.Values = map[string]string{}
	}
	c.Values[name] = label
}

// number is the field of a user's number: the only one that the document names.
const number = "rufnummer"

// plainFields are the fields that are called otherwise than Carillon calls them.
var plainFields = map[string]string{"created": "created_at", "last_chat": "last_replied_at"}

// translator says rules in MessengerPeople's words and in Carillon's.
type translator struct {
	properties []property.Property
	// slots are the numbers of categories by their ids.
	slots map[int64]int
}

func (s *Server) translator(ctx context.Context, a asked) (t translator, err error) {
	if t.properties, err = s.Properties.List(ctx, a.caller.AccountID); err != nil {
		return t, err
	}
	list, err := s.categories(ctx, a)
	t.slots = map[int64]int{}
	for _, l := range list {
		t.slots[l.ID] = l.Slot
	}
	return t, err
}

// nameOf is what a field of Carillon's is called.
func (t translator) nameOf(field string) string {
	if key, is := strings.CutPrefix(field, "attributes."); is {
		for _, p := range t.properties {
			if p.Key == key {
				return p.Called()
			}
		}
	}
	for name, of := range plainFields {
		if of == field {
			return name
		}
	}
	return field
}

// mostDeep bounds how deep groups stand in groups while they are said in other words.
const mostDeep = 100

// inward says a query in Carillon's words: an object, one inside "query", or a list of
// conditions that all hold.
func (t translator) inward(raw json.RawMessage) (json.RawMessage, error) {
	d := json.NewDecoder(bytes.NewReader(raw))
	d.UseNumber()
	var query any
	if err := d.Decode(&query); err != nil {
		return nil, fault.InvalidField("query", nil, "is no JSON: %s", err)
	}
	if wrapped, is := query.(object); is && wrapped["query"] != nil {
		query = wrapped["query"]
	}
	if list, is := query.([]any); is {
		query = group("AND", list)
	}
	root, is := query.(object)
	if !is {
		return nil, fault.InvalidField("query", nil, `must be an object such as {"condition":"AND","rules":[…]}`)
	}
	said, err := t.node(root, 0)
	if err != nil {
		return nil, err
	}
	return marshal(said)
}

func (t translator) node(n object, depth int) (object, error) {
	if depth > mostDeep {
		return nil, fault.InvalidField("query", nil, "has groups in groups that are deeper than %d", mostDeep)
	}
	rules, is := n["rules"].([]any)
	if !is {
		return t.condition(n)
	}
	said := make([]any, len(rules))
	for i, rule := range rules {
		inner, is := rule.(object)
		if !is {
			return nil, fault.InvalidField("query", nil, "has a rule that is no object")
		}
		var err error
		if said[i], err = t.node(inner, depth+1); err != nil {
			return nil, err
		}
	}
	out := object{}
	for name, value := range n {
		out[name] = value
	}
	out["rules"] = said
	return out, nil
}

// condition says a condition in Carillon's words. What has none goes on as it is: the rule
// says what is wrong with it.
func (t translator) condition(c object) (object, error) {
	field, _ := c["field"].(string)
	if field == "" {
		field, _ = c["id"].(string)
	}
	operator, _ := c["operator"].(string)
	out := condition(field, operator, c["value"])
	switch field {
	case number:
		return numberCondition(operator, c["value"]), nil
	case "messenger":
		return messengerCondition(operator, c["value"])
	case "status":
		out["value"] = replaced(c["value"], func(v string) any {
			return map[string]any{"1": "active", "0": "inactive"}[v]
		})
	case "blocked":
		yes, err := strconv.ParseBool(fmt.Sprint(c["value"]))
		if err != nil || (operator != "equal" && operator != "not_equal") {
			return nil, fault.InvalidField("query", field, "is compared by equal or not_equal with 1 or 0")
		}
		out["field"], out["value"] = "status", "blocked"
		if out["operator"] = "equal"; yes != (operator == "equal") {
			out["operator"] = "not_equal"
		}
	case "category":
		out["value"] = replaced(c["value"], func(v string) any {
			for id, slot := range t.slots {
				if strconv.Itoa(slot) == v {
					return id
				}
			}
			return nil
		})
	case "targeting":
		out["value"] = replaced(c["value"], func(v string) any {
			number, err := strconv.ParseInt(v, 10, 64)
			if err != nil {
				return nil
			}
			return number - firstTargeting
		})
	default:
		out["field"] = t.fieldOf(field)
	}
	return out, nil
}

func (t translator) fieldOf(name string) string {
	if of, is := plainFields[name]; is {
		return of
	}
	for _, p := range t.properties {
		if p.Called() == name || strconv.FormatInt(p.ID, 10) == name {
			return "attributes." + p.Key
		}
	}
	return name
}

// replaced is a value, or each of a list, as something else; what nothing stands for stays.
func replaced(value any, by func(string) any) any {
	if list, is := value.([]any); is {
		out := make([]any, len(list))
		for i, item := range list {
			out[i] = replaced(item, by)
		}
		return out
	}
	if other := by(fmt.Sprint(value)); other != nil {
		return other
	}
	return value
}

// negative reports whether an operator holds for who has nothing of the kind: then it must
// hold for all messengers, and else for one.
func negative(operator string) bool {
	return strings.HasPrefix(operator, "not_") || operator == "is_null" || operator == "is_empty"
}

func join(operator string) string {
	if negative(operator) {
		return "AND"
	}
	return "OR"
}

// numberCondition is about the ids of all messengers. Those of phones begin with a +.
func numberCondition(operator string, given any) object {
	var rules []any
	for _, kind := range messengers() {
		v := given
		if slices.Contains(phones, kind) && !strings.HasSuffix(operator, "contains") && !strings.HasSuffix(operator, "ends_with") {
			v = replaced(given, func(id string) any {
				if value.Digits(id) {
					return "+" + id
				}
				return nil
			})
		}
		rules = append(rules, condition("address."+string(kind), operator, v))
	}
	return group(join(operator), rules)
}

// messengerCondition is about which messengers somebody has.
func messengerCondition(operator string, value any) (object, error) {
	has := map[string]string{"equal": "is_not_null", "in": "is_not_null", "not_equal": "is_null", "not_in": "is_null"}[operator]
	if has == "" {
		return nil, fault.InvalidField("query", "messenger", "is compared by equal, not_equal, in or not_in")
	}
	list, is := value.([]any)
	if !is {
		list = []any{value}
	}
	var rules []any
	for _, item := range list {
		kind := kindOf(fmt.Sprint(item))
		if kind == "" {
			return nil, fault.InvalidField("query", item, "is no messenger: use WB, FB, TG, VI, WN, CC or IN")
		}
		rules = append(rules, condition("address."+string(kind), has, nil))
	}
	return group(join(operator), rules), nil
}

// kindOf is the kind of address that a code stands for; empty for none.
func kindOf(code string) providers.AddressKind {
	kind := value.KindByCode(strings.ToLower(code))
	if codeOf(kind) == "" {
		return ""
	}
	return kind
}

// outward says a rule in MessengerPeople's words, as far as it has some.
func (t translator) outward(rule json.RawMessage) (json.RawMessage, error) {
	d := json.NewDecoder(bytes.NewReader(rule))
	d.UseNumber()
	var root any
	if err := d.Decode(&root); err != nil {
		return nil, fmt.Errorf("read rule: %w", err)
	}
	t.rename(root)
	return marshal(root)
}

func (t translator) rename(node any) {
	n, is := node.(object)
	if !is {
		return
	}
	if rules, is := n["rules"].([]any); is {
		for _, rule := range rules {
			t.rename(rule)
		}
		return
	}
	field, _ := n["field"].(string)
	switch field {
	case "status":
		n["value"] = replaced(n["value"], func(v string) any { return map[string]any{"active": "1", "inactive": "0"}[v] })
	case "category":
		n["value"] = replaced(n["value"], func(v string) any {
			id, _ := strconv.ParseInt(v, 10, 64)
			if slot := t.slots[id]; slot != 0 {
				return slot
			}
			return nil
		})
	case "targeting":
		n["value"] = replaced(n["value"], func(v string) any {
			id, err := strconv.ParseInt(v, 10, 64)
			if err != nil {
				return nil
			}
			return targetingNumber(id)
		})
	default:
		n["field"] = t.nameOf(field)
	}
	if n["value"] == nil {
		delete(n, "value")
	}
	if _, has := n["id"]; has {
		n["id"] = n["field"]
	}
}
