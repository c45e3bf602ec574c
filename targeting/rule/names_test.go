package rule_test

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"

	"carillon/contacts/property"
	"carillon/targeting/rule"
)

// written is the schema of rules that somebody writes.
func written() *rule.Schema {
	return rule.NewSchema(rule.Vocabulary{
		Properties: []property.Property{
			{Key: "plan", Type: property.Enum, Rule: `free,platinum,"gold, old"`}, {Key: "city", Type: property.Text},
			{Key: "tags", Type: property.Collection, Rule: "red,blue"}, {Key: "vip", Type: property.Checkbox},
		},
		Names: map[string]map[string]int64{
			"group": {"Alpha": 3, "Beta": 4, "BETA": 6, "Early Birds": 5}, "label": {"vip": 7}, "category": {}, "targeting": {"Gold customers": 9},
		},
	})
}

func TestWhatIsCalledByItsNameIsTaken(t *testing.T) {
	for text, want := range map[string]string{
		`{"field": "group", "operator": "equal", "value": "Alpha"}`:                `{"field":"group","operator":"equal","value":3}`,
		`{"field": "group", "operator": "in", "value": ["early  birds", 3, "4"]}`:  `{"field":"group","operator":"in","value":[5,3,4]}`,
		`{"field": "label", "operator": "not_equal", "value": "VIP"}`:              `{"field":"label","operator":"not_equal","value":7}`,
		`{"field": "targeting", "operator": "equal", "value": "gold customers"}`:   `{"field":"targeting","operator":"equal","value":9}`,
		`{"field": "city", "operator": "equal", "value": "Köln"}`:                  `{"field":"attributes.city","operator":"equal","value":"Köln"}`,
		`{"field": "plan", "operator": "in", "value": ["GOLD, old", "free"]}`:      `{"field":"attributes.plan","operator":"in","value":["GOLD, old","free"]}`,
		`{"field": "attributes.plan", "operator": "begins_with", "value": "plat"}`: `{"field":"attributes.plan","operator":"begins_with","value":"plat"}`,
		`{"field": "attributes.tags", "operator": "contains", "value": "blu"}`:     `{"field":"attributes.tags","operator":"contains","value":"blu"}`,
		`{"field": "attributes.vip", "operator": "equal", "value": true}`:          `{"field":"attributes.vip","operator":"equal","value":true}`,
	} {
		r, err := rule.Parse([]byte(`{"condition": "AND", "rules": [`+text+`]}`), written())
		require.NoError(t, err, text)
		again, err := rule.Parse([]byte(`{"condition": "AND", "rules": [`+want+`]}`), written())
		require.NoError(t, err, want)
		require.Equal(t, encoded(t, again), encoded(t, r))
	}
}

func TestNearMissesAreNamed(t *testing.T) {
	for text, want := range map[string]string{
		`{"field": "group", "operator": "equal", "value": "Alfa"}`:                    "is no id and no name of a group: did you mean Alpha?",
		`{"field": "group", "operator": "equal", "value": "beta"}`:                    "is the name of several",
		`{"field": "category", "operator": "equal", "value": "News"}`:                 "there is no category that has a name",
		`{"field": "upload", "operator": "equal", "value": "people.csv"}`:             "is no id: ids are whole numbers",
		`{"field": "attributes.plan", "operator": "equal", "value": "platin"}`:        "is none of the values of attributes.plan: did you mean platinum?",
		`{"field": "attributes.plan", "operator": "not_in", "value": ["xyzzyxyzzy"]}`: "is none of the values of attributes.plan: there are free, platinum, gold",
		`{"field": "attributes.tags", "operator": "equal", "value": "rot"}`:           "is none of the values of attributes.tags: did you mean red?",
		`{"field": "citty", "operator": "equal", "value": "Köln"}`:                    "is no field: did you mean attributes.city?",
		`{"field": "frist_name", "operator": "equal", "value": "Ada"}`:                "is no field: did you mean first_name?",
		`{"field": "something else", "operator": "equal", "value": "Ada"}`:            "is no field: GET /v1/targeting/fields",
	} {
		_, err := rule.Parse([]byte(`{"condition": "AND", "rules": [`+text+`]}`), written())
		require.ErrorContains(t, err, want, text)
	}
	_, err := rule.Parse([]byte(`[{"attribute_key": "citi", "filter_operator": "equal_to", "values": ["x"]}]`), written())
	require.ErrorContains(t, err, "did you mean attributes.city?")
}

// Rules that are kept stay readable when a property has lost a value, and have ids alone.
func TestRulesThatAreKeptAreReadAsTheyWere(t *testing.T) {
	for value, fine := range map[string]bool{`"attributes.plan", "operator": "equal", "value": "bronze"`: true,
		`"group", "operator": "equal", "value": "Alpha"`: false} {
		_, err := rule.Parse(fmt.Appendf(nil, `{"condition": "AND", "rules": [{"field": %s}]}`, value), schema())
		require.Equal(t, fine, err == nil, value)
	}
}
