package wording

import (
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"carillon/contacts"
	"carillon/targeting/rule"
)

// Chatwoot's operators.
const (
	equalTo        = "equal_to"
	notEqualTo     = "not_equal_to"
	contains       = "contains"
	doesNotContain = "does_not_contain"
	startsWith     = "starts_with"
	isPresent      = "is_present"
	isNotPresent   = "is_not_present"
	isGreaterThan  = "is_greater_than"
	isLessThan     = "is_less_than"
	daysBefore     = "days_before"
)

// standard are the keys that every account has, in the order in which they are named.
var standard = []string{
	"name", "phone_number", "email", "identifier", "country_code", "city", "company_name", "labels", "created_at", "last_activity_at", "blocked",
}

var (
	equality = []string{equalTo, notEqualTo}
	parts    = []string{equalTo, notEqualTo, contains, doesNotContain}
	moments  = []string{isGreaterThan, isLessThan, daysBefore}
)

// filterOperators are those that each key knows.
var filterOperators = map[string][]string{
	"name": parts, "email": parts, "city": parts, "company_name": parts,
	"phone_number": {equalTo, notEqualTo, contains, doesNotContain, startsWith},
	"identifier":   equality, "country_code": equality, "blocked": equality,
	"labels":     {equalTo, notEqualTo, isPresent, isNotPresent},
	"created_at": moments, "last_activity_at": moments,
}

// customOperators are those of custom attributes by their display; what is not text has no parts.
func customOperators(display string) []string {
	switch display {
	case "number", "currency", "percent":
		return []string{equalTo, notEqualTo, isPresent, isNotPresent, isGreaterThan, isLessThan}
	case "date":
		return []string{equalTo, notEqualTo, isPresent, isNotPresent, isGreaterThan, isLessThan, daysBefore}
	case "checkbox":
		return []string{equalTo, notEqualTo, isPresent, isNotPresent}
	default:
		return []string{equalTo, notEqualTo, contains, doesNotContain, isPresent, isNotPresent, isGreaterThan, isLessThan}
	}
}

// ruleFields are the fields of rules that standard keys are.
var ruleFields = map[string]string{
	"name": "name", "email": "address.email", "phone_number": "address.phone", "identifier": "external_id",
	"country_code": "attributes.country_code", "city": "attributes.city", "company_name": "attributes.company_name",
	"labels": "label", "created_at": "created_at", "last_activity_at": "last_activity_at", "blocked": "status",
}

// clause is one of a filter.
type clause struct {
	key, operator string
	values        []any
	field         string
	// kind is the display of a custom attribute; empty for a standard key.
	kind string
}

// filterCondition and filterGroup are those of rules.
type filterCondition struct {
	Field    string        `json:"field"`
	Operator rule.Operator `json:"operator"`
	Value    any           `json:"value,omitempty"`
}

type filterGroup struct {
	Condition string `json:"condition"`
	Rules     []any  `json:"rules"`
	Timezone  string `json:"timezone,omitempty"`
}

func both(nodes ...any) any     { return filterGroup{Condition: "AND", Rules: nodes} }
func either(nodes []any) any    { return filterGroup{Condition: "OR", Rules: nodes} }
func nobody() any               { return filterCondition{"id", rule.Less, 0} }
func everybody() any            { return filterCondition{"id", rule.Greater, 0} }
func hasValue(field string) any { return filterCondition{Field: field, Operator: rule.IsNotNull} }

// Refused says in Chatwoot's words why a filter can't be a rule.
type Refused string

func (r Refused) Error() string { return string(r) }

// Filters say Chatwoot's filters of contacts in Carillon's words.
type Filters struct {
	// Attribute finds the property and the display of a custom attribute of contacts.
	Attribute func(key string) (property, display string, known bool)
	// Label finds the label of a title in small letters; it may be nil where no filter asks for
	// labels.
	Label func(title string) (id int64, known bool)
}

// FilterKeys are the keys that a filter asks for.
func FilterKeys(payload []any) (keys []string) {
	for _, item := range payload {
		if object, is := item.(Object); is {
			keys = append(keys, filterText(object["attribute_key"]))
		}
	}
	return keys
}

// filterText is a value as a text; empty for none.
func filterText(value any) string {
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

// Rule is the rule of a filter. AND binds tighter than OR, as in SQL; what joins the last
// clause to nothing is let go. A filter that Chatwoot would not take is Refused.
func (f Filters) Rule(payload []any) (json.RawMessage, error) {
	if len(payload) == 0 {
		return nil, Refused("Invalid value. The values provided for payload are invalid")
	}
	var alternatives, current []any
	for i, item := range payload {
		object, ok := item.(Object)
		if !ok {
			return nil, Refused("Invalid value. The values provided for payload are invalid")
		}
		word := strings.ToUpper(strings.TrimSpace(filterText(object["query_operator"])))
		last := i == len(payload)-1
		if !last && word != "AND" && word != "OR" || last && !slices.Contains([]string{"", "NIL", "AND", "OR"}, word) {
			return nil, Refused(`Query operator must be either "AND" or "OR".`)
		}
		cl, err := f.clause(object)
		if err != nil {
			return nil, err
		}
		node, err := cl.node(f.Label)
		if err != nil {
			return nil, err
		}
		if current = append(current, node); last || word == "OR" {
			alternatives, current = append(alternatives, both(current...)), nil
		}
	}
	return Encoded(filterGroup{Condition: "OR", Rules: alternatives, Timezone: "UTC"})
}

// clause reads one of a filter.
func (f Filters) clause(object Object) (clause, error) {
	cl := clause{key: filterText(object["attribute_key"]), operator: filterText(object["filter_operator"])}
	switch values := object["values"].(type) {
	case []any:
		cl.values = values
	case nil:
	default:
		cl.values = []any{values} // which is a fault there: it takes the first letter
	}
	operators, isStandard := filterOperators[cl.key]
	if isStandard {
		cl.field = ruleFields[cl.key]
	} else {
		property, display, defined := f.Attribute(cl.key)
		if !defined {
			return cl, Refused(fmt.Sprintf("Invalid attribute key - [%s]. The key should be one of [%s] or a custom attribute defined in the account.",
				cl.key, strings.Join(standard, ",")))
		}
		cl.field, cl.kind = contacts.AttributePrefix+property, display
		operators = customOperators(display)
	}
	if !slices.Contains(operators, cl.operator) {
		return cl, Refused(fmt.Sprintf("Invalid operator. The allowed operators for %s are [%s].", cl.key, strings.Join(operators, ",")))
	}
	if cl.operator != isPresent && cl.operator != isNotPresent &&
		(len(cl.values) == 0 || filterText(cl.values[0]) == "" || len(cl.values) > rule.MaxValues) {
		return cl, cl.wrong()
	}
	return cl, nil
}

func (cl clause) wrong() error {
	return Refused("Invalid value. The values provided for " + cl.key + " are invalid")
}

// node is the clause as a rule has it. A negative one holds there for nobody who has no value;
// an absent custom attribute fulfils not_equal_to alone.
func (cl clause) node(label func(string) (int64, bool)) (any, error) {
	first := ""
	if len(cl.values) > 0 {
		first = strings.TrimSpace(filterText(cl.values[0]))
	}
	switch cl.operator {
	case isPresent:
		return filterCondition{Field: cl.field, Operator: presence(cl.key, true)}, nil
	case isNotPresent:
		return filterCondition{Field: cl.field, Operator: presence(cl.key, false)}, nil
	case isGreaterThan, isLessThan, daysBefore:
		return cl.compared(first)
	case contains, doesNotContain:
		return cl.part(), nil
	case startsWith:
		return filterCondition{cl.field, rule.BeginsWith, first}, nil
	}
	return cl.equal(first, label)
}

// presence is the operator of labels' presence, and of that of others.
func presence(key string, there bool) rule.Operator {
	switch {
	case key == "labels" && there:
		return rule.IsNotEmpty
	case key == "labels":
		return rule.IsEmpty
	case there:
		return rule.IsNotNull
	default:
		return rule.IsNull
	}
}

// compared is a comparison of dates, numbers or texts.
func (cl clause) compared(value string) (any, error) {
	operator := rule.Less
	if cl.operator == isGreaterThan {
		operator = rule.Greater
	}
	dated := cl.kind == "" || cl.kind == "date"
	switch {
	case cl.operator == daysBefore:
		days, err := strconv.Atoi(value)
		if err != nil {
			return nil, cl.wrong()
		}
		return filterCondition{cl.field, rule.Less, map[string]int{"days_before": days}}, nil
	case dated:
		day, err := dayOf(value)
		if err != nil {
			return nil, cl.wrong()
		}
		return filterCondition{cl.field, operator, day}, nil
	case slices.Contains([]string{"number", "currency", "percent"}, cl.kind):
		if _, err := strconv.ParseFloat(value, 64); err != nil {
			return nil, cl.wrong()
		}
		return filterCondition{cl.field, operator, value}, nil
	}
	return filterCondition{cl.field, operator, value}, nil
}

// dayOf is the day of a date or an instant.
func dayOf(text string) (string, error) {
	for _, layout := range []string{time.DateOnly, time.RFC3339, "2006-01-02T15:04:05", "2006-01-02 15:04:05"} {
		if at, err := time.Parse(layout, text); err == nil {
			return at.UTC().Format(time.DateOnly), nil
		}
	}
	return "", fmt.Errorf("no date: %q", text)
}

// part holds for who has one of the values in theirs, or has a value with none of them.
func (cl clause) part() any {
	var nodes []any
	for _, item := range cl.values {
		text := filterText(item)
		if text == "" {
			continue
		}
		if cl.operator == contains {
			nodes = append(nodes, filterCondition{cl.field, rule.Contains, text})
		} else {
			nodes = append(nodes, filterCondition{cl.field, rule.NotContains, text})
		}
	}
	if cl.operator == contains {
		return either(nodes)
	}
	if cl.key != "name" { // which everybody has, if an empty one
		nodes = append(nodes, hasValue(cl.field))
	}
	return both(nodes...)
}

// equal compares with the first value alone.
func (cl clause) equal(value string, label func(string) (int64, bool)) (any, error) {
	operator := rule.Equal
	if cl.operator == notEqualTo {
		operator = rule.NotEqual
	}
	negative := operator == rule.NotEqual
	switch {
	case cl.key == "labels":
		id, there := int64(0), false
		if label != nil {
			id, there = label(strings.ToLower(value))
		}
		switch {
		case there:
			return filterCondition{cl.field, operator, id}, nil
		case negative:
			return everybody(), nil
		default:
			return nobody(), nil
		}
	case cl.key == "blocked":
		if value != "true" && value != "false" {
			return nil, cl.wrong()
		}
		if (value == "true") == negative {
			return filterCondition{cl.field, rule.NotEqual, string(contacts.Blocked)}, nil
		}
		return filterCondition{cl.field, rule.Equal, string(contacts.Blocked)}, nil
	case cl.key == "phone_number" && !strings.HasPrefix(value, "+"):
		value = "+" + value
	}
	if cl.kind != "" {
		return cl.equalCustom(operator, value)
	}
	if negative && cl.key != "name" {
		return both(hasValue(cl.field), filterCondition{cl.field, operator, value}), nil
	}
	return filterCondition{cl.field, operator, value}, nil
}

// equalCustom compares a custom attribute in the form in which it is kept.
func (cl clause) equalCustom(operator rule.Operator, value string) (any, error) {
	switch cl.kind {
	case "checkbox":
		if value = strings.ToLower(value); value != "true" && value != "false" {
			return nil, cl.wrong()
		}
		return filterCondition{cl.field, operator, value == "true"}, nil
	case "number", "currency", "percent":
		if _, err := strconv.ParseFloat(value, 64); err != nil {
			return nil, cl.wrong()
		}
	case "date":
		day, err := dayOf(value)
		if err != nil {
			return nil, cl.wrong()
		}
		value = day
	}
	return filterCondition{cl.field, operator, value}, nil
}
