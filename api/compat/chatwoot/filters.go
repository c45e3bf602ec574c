package chatwoot

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"carillon/contacts"
	"carillon/targeting"
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

// condition and group are those of rules.
type condition struct {
	Field    string        `json:"field"`
	Operator rule.Operator `json:"operator"`
	Value    any           `json:"value,omitempty"`
}

type group struct {
	Condition string `json:"condition"`
	Rules     []any  `json:"rules"`
	Timezone  string `json:"timezone,omitempty"`
}

func both(nodes ...any) any     { return group{Condition: "AND", Rules: nodes} }
func either(nodes []any) any    { return group{Condition: "OR", Rules: nodes} }
func nobody() any               { return condition{"id", rule.Less, 0} }
func everybody() any            { return condition{"id", rule.Greater, 0} }
func hasValue(field string) any { return condition{Field: field, Operator: rule.IsNotNull} }

// filterRule is the rule of a filter. AND binds tighter than OR, as in SQL; what joins the last
// clause to nothing is let go.
func (c *Server) filterRule(ctx context.Context, account int64, payload []any, k *known) (json.RawMessage, error) {
	if len(payload) == 0 {
		return nil, refuse("Invalid value. The values provided for payload are invalid")
	}
	var labels map[string]contacts.List
	var alternatives, current []any
	for i, item := range payload {
		object, ok := item.(map[string]any)
		if !ok {
			return nil, refuse("Invalid value. The values provided for payload are invalid")
		}
		g := given(object)
		word := strings.ToUpper(strings.TrimSpace(g.text("query_operator")))
		last := i == len(payload)-1
		if !last && word != "AND" && word != "OR" || last && !slices.Contains([]string{"", "NIL", "AND", "OR"}, word) {
			return nil, refuse(`Query operator must be either "AND" or "OR".`)
		}
		cl, err := c.clause(ctx, account, g, k)
		if err != nil {
			return nil, err
		}
		if cl.key == "labels" && labels == nil {
			if labels, err = c.labels(ctx, account); err != nil {
				return nil, err
			}
		}
		node, err := cl.node(labels)
		if err != nil {
			return nil, err
		}
		if current = append(current, node); last || word == "OR" {
			alternatives, current = append(alternatives, both(current...)), nil
		}
	}
	return encoded(group{Condition: "OR", Rules: alternatives, Timezone: "UTC"}), nil
}

// clause reads one of a filter.
func (c *Server) clause(ctx context.Context, account int64, g given, k *known) (clause, error) {
	cl := clause{key: g.text("attribute_key"), operator: g.text("filter_operator")}
	switch values := g["values"].(type) {
	case []any:
		cl.values = values
	case nil:
	default:
		cl.values = []any{values} // which is a fault there: it takes the first letter
	}
	operators, isStandard := filterOperators[cl.key]
	if isStandard {
		cl.field = ruleFields[cl.key]
		if slices.Contains(besides, cl.key) {
			if err := c.ensureBesides(ctx, account, k); err != nil {
				return cl, err
			}
		}
	} else {
		d, defined := k.definition(cl.key)
		if !defined {
			return cl, refuse(fmt.Sprintf("Invalid attribute key - [%s]. The key should be one of [%s] or a custom attribute defined in the account.",
				cl.key, strings.Join(standard, ",")))
		}
		cl.field, cl.kind = contacts.AttributePrefix+d.Property, d.Display
		operators = customOperators(d.Display)
	}
	if !slices.Contains(operators, cl.operator) {
		return cl, refuse(fmt.Sprintf("Invalid operator. The allowed operators for %s are [%s].", cl.key, strings.Join(operators, ",")))
	}
	if cl.operator != isPresent && cl.operator != isNotPresent && (len(cl.values) == 0 || textOf(cl.values[0]) == "" || len(cl.values) > rule.MaxValues) {
		return cl, cl.wrong()
	}
	return cl, nil
}

func (cl clause) wrong() error {
	return refuse("Invalid value. The values provided for " + cl.key + " are invalid")
}

// node is the clause as a rule has it. A negative one holds there for nobody who has no value;
// an absent custom attribute fulfils not_equal_to alone.
func (cl clause) node(labels map[string]contacts.List) (any, error) {
	first := ""
	if len(cl.values) > 0 {
		first = strings.TrimSpace(textOf(cl.values[0]))
	}
	switch cl.operator {
	case isPresent:
		return condition{Field: cl.field, Operator: presence(cl.key, true)}, nil
	case isNotPresent:
		return condition{Field: cl.field, Operator: presence(cl.key, false)}, nil
	case isGreaterThan, isLessThan, daysBefore:
		return cl.compared(first)
	case contains, doesNotContain:
		return cl.part(), nil
	case startsWith:
		return condition{cl.field, rule.BeginsWith, first}, nil
	}
	return cl.equal(first, labels)
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
		return condition{cl.field, rule.Less, map[string]int{"days_before": days}}, nil
	case dated:
		day, err := dayOf(value)
		if err != nil {
			return nil, cl.wrong()
		}
		return condition{cl.field, operator, day}, nil
	case slices.Contains([]string{"number", "currency", "percent"}, cl.kind):
		if _, err := strconv.ParseFloat(value, 64); err != nil {
			return nil, cl.wrong()
		}
		return condition{cl.field, operator, value}, nil
	}
	return condition{cl.field, operator, value}, nil
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
		text := textOf(item)
		if text == "" {
			continue
		}
		if cl.operator == contains {
			nodes = append(nodes, condition{cl.field, rule.Contains, text})
		} else {
			nodes = append(nodes, condition{cl.field, rule.NotContains, text})
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
func (cl clause) equal(value string, labels map[string]contacts.List) (any, error) {
	operator := rule.Equal
	if cl.operator == notEqualTo {
		operator = rule.NotEqual
	}
	negative := operator == rule.NotEqual
	switch {
	case cl.key == "labels":
		l, there := labels[strings.ToLower(value)]
		switch {
		case there:
			return condition{cl.field, operator, l.ID}, nil
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
			return condition{cl.field, rule.NotEqual, string(contacts.Blocked)}, nil
		}
		return condition{cl.field, rule.Equal, string(contacts.Blocked)}, nil
	case cl.key == "phone_number" && !strings.HasPrefix(value, "+"):
		value = "+" + value
	}
	if cl.kind != "" {
		return cl.equalCustom(operator, value)
	}
	if negative && cl.key != "name" {
		return both(hasValue(cl.field), condition{cl.field, operator, value}), nil
	}
	return condition{cl.field, operator, value}, nil
}

// equalCustom compares a custom attribute in the form in which it is kept.
func (cl clause) equalCustom(operator rule.Operator, value string) (any, error) {
	switch cl.kind {
	case "checkbox":
		if value = strings.ToLower(value); value != "true" && value != "false" {
			return nil, cl.wrong()
		}
		return condition{cl.field, operator, value == "true"}, nil
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
	return condition{cl.field, operator, value}, nil
}

func (c *Server) filterContacts(ctx context.Context, a asked) (any, error) {
	k, err := c.known(ctx, a.account())
	if err != nil {
		return nil, err
	}
	text, err := c.filterRule(ctx, a.account(), a.given.list("payload"), &k)
	if err != nil {
		return nil, err
	}
	list, total, page, err := c.browse(ctx, a, targeting.Browse{Rule: text, Known: true})
	if err != nil {
		return nil, saidOfRule(err)
	}
	return map[string]any{"meta": map[string]any{"count": total, "current_page": page}, "payload": list}, nil
}

// saidOfRule says what of a rule can't be read: only what Chatwoot takes and rules do not.
func saidOfRule(err error) error {
	if fields := fieldsOf(err, "invalid"); len(fields) > 0 {
		return refuse("Invalid value. " + fields[0].Message)
	}
	return err
}

func showFilter(f targeting.SavedFilter) map[string]any {
	return map[string]any{
		"id": f.ID, "name": f.Name, "filter_type": f.Kind, "query": f.Query, "created_at": iso(f.CreatedAt), "updated_at": iso(f.UpdatedAt),
	}
}

// filterKind reads what a filter is for: also as the document and clients call it.
func filterKind(a asked) (targeting.FilterKind, error) {
	text := a.given.text("filter_type")
	if text == "" {
		text = a.given.text("type")
	}
	if text == "" {
		return targeting.FilterConversations, nil
	}
	name, ok := numbered(text, []string{"conversation", "contact", "report"})
	if !ok {
		return "", refuse("'" + text + "' is not a valid filter_type")
	}
	return targeting.FilterKind(name), nil
}

func (c *Server) listFilters(ctx context.Context, a asked) (any, error) {
	kind, err := filterKind(a)
	if err != nil {
		return nil, err
	}
	list, err := c.Filters.List(ctx, a.account(), a.caller.ID, kind)
	shown := []any{}
	for _, f := range list {
		shown = append(shown, showFilter(f))
	}
	return shown, err
}

// filterOf reads a filter, and the rule of one of contacts that can be one.
func (c *Server) filterOf(ctx context.Context, a asked, f *targeting.SavedFilter) (text json.RawMessage, err error) {
	if a.given.has("name") {
		f.Name = a.given.text("name")
	}
	if strings.TrimSpace(f.Name) == "" {
		return nil, refuseField("name", "Name can't be blank")
	}
	if a.given.has("query") {
		f.Query = encoded(a.given.object("query"))
	}
	if len(f.Query) == 0 {
		f.Query = json.RawMessage("{}")
	}
	if f.Kind != targeting.FilterContacts {
		return nil, nil
	}
	query := given{"query": string(f.Query)}.object("query")
	k, err := c.known(ctx, a.account())
	if err != nil {
		return nil, err
	}
	// A filter is kept whatever it says, there: one that nobody could ask is no list.
	if text, err = c.filterRule(ctx, a.account(), given(query).list("payload"), &k); isRefusal(err) {
		text, err = nil, nil
	}
	return text, err
}

func (c *Server) createFilter(ctx context.Context, a asked) (any, error) {
	f := targeting.SavedFilter{AccountID: a.account(), KeyID: a.caller.ID}
	var err error
	if f.Kind, err = filterKind(a); err != nil {
		return nil, err
	}
	text, err := c.filterOf(ctx, a, &f)
	if err != nil {
		return nil, err
	}
	if f, err = c.Filters.Create(ctx, f, text); err != nil {
		return nil, err
	}
	return showFilter(f), nil
}

func (c *Server) showFilter(ctx context.Context, a asked) (any, error) {
	f, err := c.Filters.Get(ctx, a.account(), a.caller.ID, a.ids[0])
	if err != nil {
		return nil, err
	}
	return showFilter(f), nil
}

func (c *Server) updateFilter(ctx context.Context, a asked) (any, error) {
	f, err := c.Filters.Get(ctx, a.account(), a.caller.ID, a.ids[0])
	if err != nil {
		return nil, err
	}
	if a.given.text("filter_type") != "" {
		if f.Kind, err = filterKind(a); err != nil {
			return nil, err
		}
	}
	text, err := c.filterOf(ctx, a, &f)
	if err != nil {
		return nil, err
	}
	if f, err = c.Filters.Update(ctx, f, text); err != nil {
		return nil, err
	}
	return showFilter(f), nil
}

func (c *Server) deleteFilter(ctx context.Context, a asked) (any, error) {
	return nothing(http.StatusNoContent), c.Filters.Delete(ctx, a.account(), a.caller.ID, a.ids[0])
}

// iso is an instant as filters, definitions and campaigns show it.
func iso(at time.Time) string { return at.UTC().Format("2006-01-02T15:04:05.000Z") }
