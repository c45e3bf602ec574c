package wording

import (
	"bytes"
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

// Object is a node of a rule.
type Object = map[string]any

// Condition is a rule's condition; a value of nil is none.
func Condition(field, operator string, value any) Object {
	c := Object{"field": field, "operator": operator}
	if value != nil {
		c["value"] = value
	}
	return c
}

// Group is conditions that AND or OR joins.
func Group(join string, rules []any) Object { return Object{"condition": join, "rules": rules} }

// Number is the field of a user's number: the only one that MessengerPeople's document names.
const Number = "rufnummer"

// FieldNames are the fields that are called otherwise than Carillon calls them.
var FieldNames = map[string]string{"created": "created_at", "last_chat": "last_replied_at"}

// mostDeep bounds how deep groups stand in groups while they are said in other words.
const mostDeep = 100

// Queries say MessengerPeople's queries in Carillon's words.
type Queries struct {
	// Properties are those that fields may be, by their names or numbers.
	Properties []property.Property
	// Category, Targeting and Label find what a number or id stands for; nil for what stays as
	// it is. The functions may be nil, too.
	Category, Targeting, Label func(text string) any
}

// Rule says a query in Carillon's words: an object, one inside "query", or a list of
// conditions that all hold.
func (q Queries) Rule(raw json.RawMessage) (json.RawMessage, error) {
	d := json.NewDecoder(bytes.NewReader(raw))
	d.UseNumber()
	var query any
	if err := d.Decode(&query); err != nil {
		return nil, fault.InvalidField("query", nil, "is no JSON: %s", err)
	}
	if wrapped, is := query.(Object); is && wrapped["query"] != nil {
		query = wrapped["query"]
	}
	if list, is := query.([]any); is {
		query = Group("AND", list)
	}
	root, is := query.(Object)
	if !is {
		return nil, fault.InvalidField("query", nil, `must be an object such as {"condition":"AND","rules":[…]}`)
	}
	said, err := q.node(root, 0)
	if err != nil {
		return nil, err
	}
	return Encoded(said)
}

func (q Queries) node(n Object, depth int) (Object, error) {
	if depth > mostDeep {
		return nil, fault.InvalidField("query", nil, "has groups in groups that are deeper than %d", mostDeep)
	}
	rules, is := n["rules"].([]any)
	if !is {
		return q.condition(n)
	}
	said := make([]any, len(rules))
	for i, rule := range rules {
		inner, is := rule.(Object)
		if !is {
			return nil, fault.InvalidField("query", nil, "has a rule that is no object")
		}
		var err error
		if said[i], err = q.node(inner, depth+1); err != nil {
			return nil, err
		}
	}
	out := Object{}
	for name, value := range n {
		out[name] = value
	}
	out["rules"] = said
	return out, nil
}

// condition says a condition in Carillon's words. What has none goes on as it is: the rule
// says what is wrong with it.
func (q Queries) condition(c Object) (Object, error) {
	field, _ := c["field"].(string)
	if field == "" {
		field, _ = c["id"].(string)
	}
	operator, _ := c["operator"].(string)
	out := Condition(field, operator, c["value"])
	switch field {
	case Number:
		return numberCondition(operator, c["value"]), nil
	case "messenger":
		return messengerCondition(operator, c["value"])
	case "status":
		out["value"] = Replaced(c["value"], func(v string) any {
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
		out["value"] = Replaced(c["value"], q.Category)
	case "targeting":
		out["value"] = Replaced(c["value"], q.Targeting)
	case "label":
		out["value"] = Replaced(c["value"], q.Label)
	default:
		out["field"] = q.fieldOf(field)
	}
	return out, nil
}

func (q Queries) fieldOf(name string) string {
	if of, is := FieldNames[name]; is {
		return of
	}
	for _, p := range q.Properties {
		if p.Called() == name || strconv.FormatInt(p.ID, 10) == name {
			return "attributes." + p.Key
		}
	}
	return name
}

// Replaced is a value, or each of a list, as something else; what nothing stands for stays.
func Replaced(value any, by func(string) any) any {
	if by == nil {
		return value
	}
	if list, is := value.([]any); is {
		out := make([]any, len(list))
		for i, item := range list {
			out[i] = Replaced(item, by)
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
func numberCondition(operator string, given any) Object {
	var rules []any
	for _, kind := range Messengers() {
		v := given
		if slices.Contains(phones, kind) && !strings.HasSuffix(operator, "contains") && !strings.HasSuffix(operator, "ends_with") {
			v = Replaced(given, func(id string) any {
				if value.Digits(id) {
					return "+" + id
				}
				return nil
			})
		}
		rules = append(rules, Condition("address."+string(kind), operator, v))
	}
	return Group(join(operator), rules)
}

// messengerCondition is about which messengers somebody has.
func messengerCondition(operator string, value any) (Object, error) {
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
		kind := KindOf(fmt.Sprint(item))
		if kind == "" {
			return nil, fault.InvalidField("query", item, "is no messenger: use WB, FB, TG, VI, WN, CC or IN")
		}
		rules = append(rules, Condition("address."+string(kind), has, nil))
	}
	return Group(join(operator), rules), nil
}

// phones are the messengers whose ids are phone numbers.
var phones = []providers.AddressKind{providers.WhatsApp}

// Encoded is a value as JSON, with the letters of its texts as they are.
func Encoded(v any) ([]byte, error) {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	err := e.Encode(v)
	return bytes.TrimSpace(b.Bytes()), err
}
