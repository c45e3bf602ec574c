package rule_test

import (
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"carillon/contacts/property"
	"carillon/internal/fault"
	"carillon/providers"
	"carillon/targeting/rule"
)

func schema() *rule.Schema {
	return rule.NewSchema(rule.Vocabulary{
		Properties: []property.Property{
			{Key: "plan", Type: property.Enum, Rule: "gold, silver"}, {Key: "score", Type: property.Number, Label: "Score", Filterable: true},
			{Key: "vip", Type: property.Checkbox}, {Key: "birthday", Type: property.Date}, {Key: "wakes", Type: property.Time},
			{Key: "tags", Type: property.Collection}, {Key: "city", Type: property.Text}, {Key: "Not a key'", Type: property.Text},
		},
		Kinds:  []providers.AddressKind{providers.Email, providers.Phone},
		Labels: map[string]int64{"Customer": 7},
	})
}

func parse(t testing.TB, text string) rule.Rule {
	t.Helper()
	r, err := rule.Parse([]byte(text), schema())
	require.NoError(t, err, text)
	return r
}

// encoded is the tree, whichever form it was read from.
func encoded(t testing.TB, r rule.Rule) string {
	t.Helper()
	b, err := json.Marshal(r)
	require.NoError(t, err)
	return string(b)
}

func TestParseQueryBuilder(t *testing.T) {
	r := parse(t, `{"condition": "or", "not": true, "valid": true, "timezone": "Europe/Berlin", "rules": [
		{"id": "attributes.score", "field": "attributes.score", "type": "double", "input": "number", "operator": "between", "value": ["1.50", 2e1]},
		{"id": "group", "operator": "in", "value": 3},
		{"condition": "AND", "rules": [
			{"field": "created_at", "operator": "greater", "value": "2026-02-28 09:30"},
			{"field": "attributes.birthday", "operator": "equal", "value": {"days_before": -7}},
			{"field": "messages_received_14d", "operator": "less", "value": "2"},
			{"field": "attributes.vip", "operator": "equal", "value": [true]},
			{"field": "attributes.wakes", "operator": "equal", "value": "08:30"},
			{"field": "last_read_at", "operator": "less", "value": "2026-02-28T09:30:00.5+01:00"},
			{"field": "name", "operator": "is_empty", "value": null}
		]}
	]}`)
	require.JSONEq(t, `{"condition": "OR", "not": true, "timezone": "Europe/Berlin", "rules": [
		{"id": "attributes.score", "field": "attributes.score", "type": "double", "input": "number", "operator": "between", "value": [1.5, 20]},
		{"id": "group", "field": "group", "type": "integer", "input": "select", "operator": "in", "value": [3]},
		{"condition": "AND", "not": false, "rules": [
			{"id": "created_at", "field": "created_at", "type": "datetime", "input": "text", "operator": "greater", "value": "2026-02-28T09:30"},
			{"id": "attributes.birthday", "field": "attributes.birthday", "type": "date", "input": "text", "operator": "equal", "value": {"days_before": -7}},
			{"id": "messages_received_14d", "field": "messages_received_14d", "type": "integer", "input": "number", "operator": "less", "value": 2},
			{"id": "attributes.vip", "field": "attributes.vip", "type": "boolean", "input": "radio", "operator": "equal", "value": true},
			{"id": "attributes.wakes", "field": "attributes.wakes", "type": "time", "input": "text", "operator": "equal", "value": "08:30:00"},
			{"id": "last_read_at", "field": "last_read_at", "type": "datetime", "input": "text", "operator": "less", "value": "2026-02-28T08:30:00.500Z"},
			{"id": "name", "field": "name", "type": "string", "input": "text", "operator": "is_empty", "value": null}
		]}
	]}`, encoded(t, r))
	require.Equal(t, encoded(t, r), encoded(t, parse(t, encoded(t, r))))
	require.Equal(t, []rule.Reference{{Source: rule.Membership, Kind: "group", ID: 3, At: "rule.rules[1].value[0]"}}, r.References())
	require.Equal(t, []string{"score", "birthday", "vip", "wakes"}, r.Properties())
	require.Empty(t, r.TargetingLists())
}

// TestParseRefuses shows that a mistake is named with its place.
func TestParseRefuses(t *testing.T) {
	one := func(condition string) string { return `{"condition": "AND", "rules": [` + condition + `]}` }
	for _, c := range []struct{ rule, at, says string }{
		{``, "rule", "no JSON"},
		{`"x"`, "rule", "no object"},
		{`null`, "rule", "no object"},
		{"{\"condition\": \"AND\xff\"}", "rule", "UTF-8"},
		{`{}`, "rule.condition", "missing"},
		{`{"condition": "XOR", "rules": [1]}`, "rule.condition", "neither AND nor OR"},
		{`{"condition": "AND", "rules": []}`, "rule.rules", "at least one"},
		{`{"condition": "AND", "not": 1, "rules": [{"field": "name", "operator": "is_null"}]}`, "rule.not", "neither true nor false"},
		{`{"condition": "AND", "timezone": "Mars", "rules": [{"field": "name", "operator": "is_null"}]}`, "rule.timezone", "IANA"},
		{`{"combinator": "and", "condition": "AND", "rules": [{"field": "name", "operator": "is_null"}]}`, "rule", `no field "combinator"`},
		{one(`7`), "rule.rules[0]", "no object"},
		{one(`{"field": "name", "operator": "is_null"}, {"condition": "OR", "rules": [{"field": "nome", "operator": "equal", "value": "x"}]}`),
			"rule.rules[1].rules[0].field", "no field"},
		{one(`{"field": "attributes.nope", "operator": "equal", "value": "x"}`), "rule.rules[0].field", "no field"},
		{one(`{"id": "nope", "operator": "equal", "value": "x"}`), "rule.rules[0].id", "no field"},
		{one(`{"operator": "equal", "value": "x"}`), "rule.rules[0].field", "missing"},
		{one(`{"field": "name", "operator": "like", "value": "x"}`), "rule.rules[0].operator", "no operator"},
		{one(`{"field": "name", "value": "x"}`), "rule.rules[0].operator", "no text"},
		{one(`{"field": "attributes.score", "operator": "contains", "value": "1"}`), "rule.rules[0].operator", "does not go with attributes.score"},
		{one(`{"field": "attributes.vip", "operator": "in", "value": [true]}`), "rule.rules[0].operator", "does not go with"},
		{one(`{"field": "targeting", "operator": "is_null"}`), "rule.rules[0].operator", "does not go with"},
		{one(`{"field": "name", "type": "text", "operator": "equal", "value": "x"}`), "rule.rules[0].type", "no type"},
		{one(`{"field": "name", "operator": "equal"}`), "rule.rules[0].value", "missing"},
		{one(`{"field": "name", "operator": "equal", "value": 7}`), "rule.rules[0].value", "not a text"},
		{one(`{"field": "name", "operator": "equal", "value": ["a", "b"]}`), "rule.rules[0].value", "a list, where equal takes a text"},
		{one(`{"field": "name", "operator": "equal", "value": "a\u0000b"}`), "rule.rules[0].value", "NUL"},
		{one(`{"field": "name", "operator": "equal", "value": "` + strings.Repeat("x", rule.MaxText+1) + `"}`), "rule.rules[0].value", "longer"},
		{one(`{"field": "name", "operator": "is_null", "value": "x"}`), "rule.rules[0].value", "takes no value"},
		{one(`{"field": "name", "operator": "in", "value": []}`), "rule.rules[0].value", "at least one"},
		{one(`{"field": "name", "operator": "in", "value": ["a", 7]}`), "rule.rules[0].value[1]", "not a text"},
		{one(`{"field": "name", "operator": "between", "value": "a"}`), "rule.rules[0].value", "list of two"},
		{one(`{"field": "attributes.score", "operator": "between", "value": [100, 1]}`), "rule.rules[0].value", "wrong way round"},
		{one(`{"field": "attributes.score", "operator": "not_between", "value": [100, 1]}`), "rule.rules[0].value", "wrong way round"},
		{one(`{"field": "name", "operator": "not_between", "value": ["Zoe", "ada"]}`), "rule.rules[0].value", "wrong way round"},
		{one(`{"field": "created_at", "operator": "between", "value": ["2026-05-01", "2026-03-01T10:00"]}`), "rule.rules[0].value", "wrong way round"},
		{one(`{"field": "created_at", "operator": "not_between", "value": [{"days_before": 7}, {"days_before": 30}]}`), "rule.rules[0].value", "wrong way round"},
		{one(`{"field": "attributes.birthday", "operator": "between", "value": ["2026-05-02", "2026-05-01"]}`), "rule.rules[0].value", "wrong way round"},
		{one(`{"field": "name", "operator": "not_in", "value": "S1,S2"}`), "rule.rules[0].value", "comma"},
		{one(`{"field": "name", "operator": "in", "value": "S1, S2"}`), "rule.rules[0].value", "comma"},
		{one(`{"field": "group", "operator": "not_in", "value": "1,2"}`), "rule.rules[0].value", "comma"},
		{one(`{"field": "name", "operator": "contains", "value": ""}`), "rule.rules[0].value", "every text"},
		{one(`{"field": "name", "operator": "not_begins_with", "value": ""}`), "rule.rules[0].value", "every text"},
		{one(`{"field": "attributes.score", "operator": "between", "value": [1, "x"]}`), "rule.rules[0].value[1]", "not a number"},
		{one(`{"field": "attributes.score", "operator": "equal", "value": 1234567890.1234567}`), "rule.rules[0].value", "15 significant"},
		{one(`{"field": "attributes.score", "operator": "equal", "value": 1e99}`), "rule.rules[0].value", "15"},
		{one(`{"field": "attributes.score", "operator": "equal", "value": ""}`), "rule.rules[0].value", "not a number"},
		{one(`{"field": "attributes.score", "operator": "equal", "value": true}`), "rule.rules[0].value", "not a number"},
		{one(`{"field": "attributes.score", "operator": "equal", "value": {"days_before": 1}}`), "rule.rules[0].value", "not a number"},
		{one(`{"field": "messages_received_7d", "operator": "equal", "value": 1.5}`), "rule.rules[0].value", "whole number"},
		{one(`{"field": "messages_received_366d", "operator": "equal", "value": 1}`), "rule.rules[0].field", "no field"},
		{one(`{"field": "messages_received_07d", "operator": "equal", "value": 1}`), "rule.rules[0].field", "no field"},
		{one(`{"field": "attributes.vip", "operator": "equal", "value": "maybe"}`), "rule.rules[0].value", "true or false"},
		{one(`{"field": "attributes.vip", "operator": "equal", "value": 1}`), "rule.rules[0].value", "true or false"},
		{one(`{"field": "attributes.birthday", "operator": "equal", "value": "28.2.2026"}`), "rule.rules[0].value", "date"},
		{one(`{"field": "attributes.birthday", "operator": "equal", "value": "2026-02-30"}`), "rule.rules[0].value", "date"},
		{one(`{"field": "attributes.birthday", "operator": "equal", "value": {"days_before": 1.5}}`), "rule.rules[0].value", "days_before"},
		{one(`{"field": "attributes.birthday", "operator": "equal", "value": {"days_after": 1}}`), "rule.rules[0].value", "days_before"},
		{one(`{"field": "attributes.wakes", "operator": "equal", "value": "24:00"}`), "rule.rules[0].value", "time of day"},
		{one(`{"field": "created_at", "operator": "equal", "value": "yesterday"}`), "rule.rules[0].value", "a day such as"},
		{one(`{"field": "group", "operator": "equal", "value": "friends"}`), "rule.rules[0].value", "no id"},
		{one(`{"field": "group", "operator": "equal", "value": 0}`), "rule.rules[0].value", "no id"},
		{one(`{"field": "status", "operator": "equal", "value": "activ"}`), "rule.rules[0].value", "no status"},
		{`[]`, "rule", "names no rule"},
		{`{"payload": {}}`, "rule.payload", "names no rule"},
		{`[{"attribute_key": "nope", "filter_operator": "equal_to", "values": ["x"]}]`, "rule[0].attribute_key", "no field"},
		{`{"payload": [{"attribute_key": "name", "filter_operator": "equal", "values": ["x"]}]}`, "rule.payload[0].filter_operator", "no operator"},
		{`[{"attribute_key": "name", "filter_operator": "days_before", "values": ["x"]}]`, "rule[0].values[0]", "dates alone"},
		{`[{"attribute_key": "created_at", "filter_operator": "days_before", "values": ["x"]}]`, "rule[0].values[0]", "days_before"},
		{`[{"attribute_key": "created_at", "filter_operator": "contains", "values": ["x"]}]`, "rule[0].filter_operator", "does not go with"},
		{`[{"attribute_key": "name", "filter_operator": "equal_to", "values": []}]`, "rule[0].values", "list of 1"},
		{`[{"attribute_key": "name", "filter_operator": "equal_to", "values": [null]}]`, "rule[0].values[0]", "no text"},
		{`[{"attribute_key": "score", "filter_operator": "is_greater_than", "values": [1, 2]}]`, "rule[0].values", "one value"},
		{`[{"attribute_key": "labels", "filter_operator": "equal_to", "values": ["nobody"]}]`, "rule[0].values[0]", "no label"},
		{`[{"attribute_key": "name", "filter_operator": "is_present", "query_operator": "AND"}]`, "rule[0].query_operator", "with nothing"},
		{`[{"attribute_key": "name", "filter_operator": "is_present"}, {"attribute_key": "name", "filter_operator": "is_present"}]`, "rule[0].query_operator",
			"neither AND nor OR"},
		{`[{"attribute_key": "name", "filter_operator": "is_present", "value": 1}]`, "rule[0]", `no field "value"`},
	} {
		_, err := rule.Parse([]byte(c.rule), schema())
		require.True(t, fault.Is(err, fault.Invalid), "%s: %v", c.rule, err)
		var f *fault.Error
		require.ErrorAs(t, err, &f)
		require.Equal(t, c.at, f.Fields[0].Location, "%s: %v", c.rule, err)
		require.Contains(t, f.Fields[0].Message, c.says, c.rule)
	}
}

// Between takes its values in one order alone, whatever they are; and one text
// without a comma is a list of it.
func TestBetweenTakesTheLowerValueFirst(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		a, b := rapid.IntRange(-1000, 1000).Draw(t, "a"), rapid.IntRange(-1000, 1000).Draw(t, "b")
		low, high := strconv.Itoa(min(a, b)), strconv.Itoa(max(a, b))
		text := `{"condition": "AND", "rules": [{"field": "attributes.score", "operator": "between", "value": [%s, %s]}]}`
		_, err := rule.Parse(fmt.Appendf(nil, text, low, high), schema())
		require.NoError(t, err)
		_, err = rule.Parse(fmt.Appendf(nil, text, high, low), schema())
		require.Equal(t, low != high, err != nil)
	})
	for _, right := range []string{
		`{"field": "created_at", "operator": "between", "value": [{"days_before": 30}, {"days_before": 7}]}`,
		`{"field": "created_at", "operator": "between", "value": ["2026-03-01", {"days_before": 7}]}`,
		`{"field": "created_at", "operator": "between", "value": ["2026-03-01", "2026-03-01"]}`,
		`{"field": "created_at", "operator": "between", "value": ["2026-03-01T10:00", "2026-03-01T08:30:00Z"]}`,
		`{"field": "name", "operator": "not_in", "value": "S1"}`,
		`{"field": "name", "operator": "not_in", "value": ["S1,S2"]}`,
	} {
		_, err := rule.Parse([]byte(`{"condition": "AND", "rules": [`+right+`]}`), schema())
		require.NoError(t, err, right)
	}
}

func TestParseNamesEveryMistake(t *testing.T) {
	_, err := rule.Parse([]byte(`{"condition": "AND", "rules": [{"field": "a"}, {"condition": "OR", "rules": [{"field": "name", "operator": "x"}, {"field": `+
		`"id", "operator": "in", "value": [1, "b", "c"]}]}]}`), schema())
	var f *fault.Error
	require.ErrorAs(t, err, &f)
	var places []string
	for _, field := range f.Fields {
		places = append(places, field.Location)
	}
	require.Equal(t, []string{"rule.rules[0].field", "rule.rules[1].rules[0].operator", "rule.rules[1].rules[1].value[1]", "rule.rules[1].rules[1].value[2]"},
		places)

	_, err = rule.Parse([]byte(`{"condition": "AND", "rules": [`+strings.Repeat(`{},`, 500)+`{}]}`), schema())
	require.ErrorAs(t, err, &f)
	require.Len(t, f.Fields, 20)
}

func TestBounds(t *testing.T) {
	nested := func(depth int) string {
		return strings.Repeat(`{"condition": "AND", "rules": [`, depth) + `{"field": "name", "operator": "is_null"}` + strings.Repeat(`]}`, depth)
	}
	r := parse(t, nested(rule.MaxDepth))
	_, err := r.SQL(rule.SQLite, rule.Moment{})
	require.NoError(t, err)
	_, err = rule.Parse([]byte(nested(rule.MaxDepth+1)), schema())
	require.ErrorContains(t, err, "deeper than 64")
	_, err = rule.Parse([]byte(nested(4000)), schema())
	require.ErrorContains(t, err, "deeper than 64")
	_, err = rule.Parse([]byte(nested(20_000)), schema())
	require.Error(t, err, "deeper than JSON goes")

	many := func(n int) string {
		return `{"condition": "OR", "rules": [` + strings.TrimSuffix(strings.Repeat(`{"field": "name", "operator": "is_null"},`, n), ",") + `]}`
	}
	parse(t, many(rule.MaxConditions))
	_, err = rule.Parse([]byte(many(rule.MaxConditions+1)), schema())
	require.ErrorContains(t, err, "rule.rules[1000]")
	_, err = rule.Parse([]byte(many(30_000)), schema())
	require.ErrorContains(t, err, "larger than")

	// Lists inside lists: what is small by itself grows.
	lists := map[int64]rule.Rule{1: parse(t, many(900))}
	for id := int64(2); id <= 4; id++ {
		lists[id] = parse(t, fmt.Sprintf(`{"condition": "AND", "rules": [{"field": "targeting", "operator": "in", "value": [%d, %d, %d]}]}`, id-1, id-1, id-1))
	}
	_, err = lists[2].SQL(rule.SQLite, rule.Moment{Lists: lists})
	require.NoError(t, err)
	_, err = lists[4].SQL(rule.SQLite, rule.Moment{Lists: lists})
	require.True(t, fault.Is(err, fault.Invalid))
	require.ErrorContains(t, err, "targeting lists inside it")
	// A circle ends by its depth.
	lists = map[int64]rule.Rule{1: parse(t, `{"condition": "AND", "rules": [{"field": "targeting", "operator": "not_equal", "value": 1}]}`)}
	_, err = lists[1].SQL(rule.SQLite, rule.Moment{Lists: lists})
	require.True(t, fault.Is(err, fault.Invalid))
	lists[1].Match(&rule.Contact{}, rule.Moment{Lists: lists})
}

func TestParseFlat(t *testing.T) {
	clause := func(key, operator, values, joined string) string {
		return fmt.Sprintf(`{"attribute_key": %q, "filter_operator": %q, "values": %s, "query_operator": %s}`, key, operator, values, joined)
	}
	group := func(condition string, rules ...string) string {
		return `{"condition": "` + condition + `", "rules": [` + strings.Join(rules, ",") + `]}`
	}
	condition := func(field, operator, value string) string {
		return fmt.Sprintf(`{"field": %q, "operator": %q, "value": %s}`, field, operator, value)
	}
	a, b, c := condition("name", "equal", `"a"`), condition("name", "equal", `"b"`), condition("name", "equal", `"c"`)
	is := func(value, joined string) string { return clause("name", "equal_to", `["`+value+`"]`, joined) }
	for _, x := range []struct{ flat, tree string }{
		{is("a", "null"), group("AND", a)},
		{is("a", `"nil"`), group("AND", a)},
		{is("a", `"AND"`) + "," + is("b", `""`), group("AND", a, b)},
		{is("a", `"OR"`) + "," + is("b", `null`), group("OR", a, b)},
		{is("a", `"and"`) + "," + is("b", `"or"`) + "," + is("c", `null`), group("OR", group("AND", a, b), c)},
		{is("a", `"OR"`) + "," + is("b", `"AND"`) + "," + is("c", `null`), group("OR", a, group("AND", b, c))},
		{clause("name", "equal_to", `["a", "b"]`, "null"), group("AND", condition("name", "in", `["a", "b"]`))},
		{clause("city", "not_equal_to", `["a", "b"]`, "null"), group("AND", condition("attributes.city", "not_in", `["a", "b"]`))},
		{clause("name", "contains", `["a", "b"]`, "null"), group("AND", group("OR", condition("name", "contains", `"a"`), condition("name", "contains", `"b"`)))},
		{clause("name", "does_not_contain", `["a", "b"]`, "null"),
			group("AND", group("AND", condition("name", "not_contains", `"a"`), condition("name", "not_contains", `"b"`)))},
		{clause("email", "is_present", `[]`, "null"), group("AND", condition("address.email", "is_not_empty", `null`))},
		{clause("labels", "is_not_present", `[]`, "null"), group("AND", condition("label", "is_empty", `null`))},
		{clause("labels", "equal_to", `["CUSTOMER"]`, "null"), group("AND", condition("label", "equal", `7`))},
		{clause("phone_number", "equal_to", `["4917012"]`, "null"), group("AND", condition("address.phone", "equal", `"+4917012"`))},
		{clause("phone_number", "starts_with", `["49"]`, "null"), group("AND", condition("address.phone", "begins_with", `"49"`))},
		{clause("identifier", "equal_to", `["x"]`, "null"), group("AND", condition("external_id", "equal", `"x"`))},
		{clause("blocked", "equal_to", `[true]`, "null"), group("AND", condition("status", "equal", `"blocked"`))},
		{clause("blocked", "equal_to", `["false"]`, "null"), group("AND", condition("status", "not_equal", `"blocked"`))},
		{clause("blocked", "not_equal_to", `[false]`, "null"), group("AND", condition("status", "equal", `"blocked"`))},
		{clause("created_at", "days_before", `[7]`, "null"), group("AND", condition("created_at", "less", `{"days_before": 7}`))},
		{clause("last_activity_at", "is_greater_than", `["2026-02-28"]`, "null"), group("AND", condition("last_activity_at", "greater", `"2026-02-28"`))},
		{clause("score", "is_less_than", `["7"]`, "null"), group("AND", condition("attributes.score", "less", `7`))},
		{clause("vip", "equal_to", `["true"]`, "null"), group("AND", condition("attributes.vip", "equal", `true`))},
	} {
		want := encoded(t, parse(t, x.tree))
		require.JSONEq(t, want, encoded(t, parse(t, "["+x.flat+"]")), x.flat)
		require.JSONEq(t, want, encoded(t, parse(t, `{"payload": [`+x.flat+"]}")), x.flat)
	}
	refs := parse(t, "["+clause("labels", "equal_to", `["customer"]`, "null")+"]").References()
	require.Equal(t, []rule.Reference{{Source: rule.Membership, Kind: "label", ID: 7, At: "rule[0].values"}}, refs)
}

func TestFields(t *testing.T) {
	s := schema()
	names := map[string]bool{}
	for _, f := range s.Fields() {
		require.False(t, names[f.Name], f.Name)
		names[f.Name] = true
		found, ok := s.Field(f.Name)
		require.True(t, ok)
		require.Equal(t, f.Field, found)
		require.NotEmpty(t, f.Label)
		require.NotEmpty(t, f.Operators())
	}
	require.True(t, names["attributes.plan"])
	require.False(t, names["attributes.Not a key'"], "it would be written into SQL")
	require.True(t, names["attributes.plan.changed_at"])
	at := slices.IndexFunc(s.Fields(), func(f rule.Described) bool { return f.Name == "attributes.plan" })
	require.Equal(t, []string{"gold", "silver"}, s.Fields()[at].Choices)
	_, ok := s.Field("messages_received_365d")
	require.True(t, ok)
}

func TestDaysBeginInTheRulesZone(t *testing.T) {
	// 23:30 UTC on the last day of February is the first of March in Berlin.
	c := rule.Contact{CreatedAt: time.Date(2026, 2, 28, 23, 30, 0, 0, time.UTC)}
	now := rule.Moment{Now: time.Date(2026, 3, 1, 23, 30, 0, 0, time.UTC)} // in Berlin the second
	holds := func(zone, operator, value string) bool {
		return parse(t, fmt.Sprintf(`{"condition": "AND", "timezone": %q, "rules": [{"field": "created_at", "operator": %q, "value": %s}]}`, zone, operator,
			value)).Match(&c, now)
	}
	require.True(t, holds("UTC", "equal", `"2026-02-28"`))
	require.False(t, holds("Europe/Berlin", "equal", `"2026-02-28"`))
	require.True(t, holds("Europe/Berlin", "equal", `"2026-03-01"`))
	require.True(t, holds("UTC", "equal", `{"days_before": 1}`))
	require.True(t, holds("Europe/Berlin", "equal", `{"days_before": 1}`))
	require.True(t, holds("Europe/Berlin", "greater_or_equal", `"2026-03-01T00:30"`))
	require.False(t, holds("Europe/Berlin", "greater", `"2026-03-01T00:30"`), "the minute is not over")
	require.True(t, holds("Europe/Berlin", "less_or_equal", `"2026-03-01"`))
	require.False(t, holds("Europe/Berlin", "less", `"2026-03-01"`))
}

func TestTheZeroRuleHoldsForNobody(t *testing.T) {
	require.False(t, rule.Rule{}.Match(&rule.Contact{}, rule.Moment{}))
	f, err := rule.Rule{}.SQL(rule.SQLite, rule.Moment{})
	require.NoError(t, err)
	require.Equal(t, "FALSE", f.SQL)
}

// FuzzParse reads whatever comes, in both forms: nothing may panic, and what is
// understood is understood the same when it is written and read again.
func FuzzParse(f *testing.F) {
	f.Add(`{"condition": "AND", "rules": [{"field": "group", "operator": "equal", "value": "Alfa"}, {"field": "citi", "operator": "is_null"}]}`)
	for _, seed := range []string{
		`{"condition":"AND","rules":[{"field":"name","operator":"equal","value":"x"}]}`,
		`{"condition":"OR","not":true,"timezone":"Asia/Tokyo","rules":[{"condition":"AND","rules":[{"field":"attributes.score","operator":"between","value":[1,` +
			`2.50]}]},{"field":"created_at","operator":"less","value":{"days_before":3}}]}`,
		`{"condition":"AND","rules":[{"field":"attributes.tags","operator":"in","value":["a","b"]},{"field":"targeting","operator":"not_in","value":[1]},` +
			`{"field":"attributes.vip","operator":"equal","value":false}]}`,
		`{"condition":"AND","rules":[{"field":"last_read_at","operator":"equal","value":"2026-02-28T09:30:00.5+01:00"},{"field":"attributes.birthday",` +
			`"operator":"equal","value":"2024-02-29"}]}`,
		`[{"attribute_key":"name","filter_operator":"contains","values":["a","b"],"query_operator":"OR"},{"attribute_key":"blocked","filter_operator":"equal_to",` +
			`"values":[true],"query_operator":null}]`,
		`{"payload":[{"attribute_key":"labels","filter_operator":"equal_to","values":["customer"]}]}`,
		`{"condition":"AND","rules":[{"field":"attributes.score","operator":"equal","value":-0.10e2}]}`,
	} {
		f.Add(seed)
	}
	s := schema()
	moment := rule.Moment{Now: time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)}
	f.Fuzz(func(t *testing.T, text string) {
		r, err := rule.Parse([]byte(text), s)
		if err != nil {
			require.True(t, fault.Is(err, fault.Invalid))
			return
		}
		first := encoded(t, r)
		again, err := rule.Parse([]byte(first), s)
		require.NoError(t, err, first)
		require.Equal(t, first, encoded(t, again))
		r.Match(&rule.Contact{Attributes: map[string]any{"score": 1.0, "tags": []any{"a"}}}, moment)
		for _, d := range []rule.Dialect{rule.SQLite, rule.Postgres} {
			f, err := r.SQL(d, moment)
			require.NoError(t, err)
			require.Equal(t, len(f.Args), strings.Count(f.SQL, "?"))
			again, err := again.SQL(d, moment)
			require.NoError(t, err)
			require.Equal(t, f, again)
		}
	})
}

func ExampleParse() {
	r, err := rule.Parse([]byte(`{"condition": "AND", "rules": [
		{"field": "attributes.plan", "operator": "equal", "value": "GOLD"},
		{"field": "attributes.score", "operator": "greater", "value": 8}]}`), schema())
	if err != nil {
		fmt.Println(err)
		return
	}
	ada := &rule.Contact{Attributes: map[string]any{"plan": "gold", "score": 9.5}}
	fmt.Println(r.Match(ada, rule.Moment{}), r.Properties())
	_, err = rule.Parse([]byte(`{"condition": "AND", "rules": [{"field": "plans", "operator": "equal", "value": "gold"}]}`), schema())
	fmt.Println(err != nil)
	// Output:
	// true [plan score]
	// true
}
