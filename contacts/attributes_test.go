package contacts

import (
	"encoding/json"
	"testing"

	"github.com/stretchr/testify/require"

	"carillon/contacts/property"
)

func TestFolded(t *testing.T) {
	require.Equal(t, `{}`, Folded("", "", "", nil))
	folded := Folded("ADA Lovelace", "ÀDA", "", Attributes{
		"plan": json.RawMessage(`"Größe \"XL\""`), "tags": json.RawMessage(`["A","É"]`), "age": json.RawMessage(`7`),
		"vip": json.RawMessage(`true`), "none": json.RawMessage(`[]`), "blank": json.RawMessage(`""`),
	})
	require.JSONEq(t, `{"first_name":"àda","name":"ada lovelace","attributes.blank":"","attributes.none":[],`+
		`"attributes.plan":"größe \"xl\"","attributes.tags":["a","é"]}`, folded)
}

func TestAttributesSurviveADatabase(t *testing.T) {
	require.Equal(t, "{}", Attributes(nil).JSON())
	none, err := ParseAttributes([]byte("{}"))
	require.NoError(t, err)
	require.Empty(t, none)
	stored := Attributes{
		"a": json.RawMessage(`"x\u000ay\"<ü>"`), "b": json.RawMessage(`["p","q\u0009"]`), "c": json.RawMessage(`1.5`), "d": json.RawMessage(`false`),
		"e": json.RawMessage(`[]`),
	}
	require.JSONEq(t, `{"a":"x\u000ay\"<ü>","b":["p","q\u0009"],"c":1.5,"d":false,"e":[]}`, stored.JSON())
	// PostgreSQL spells it like this.
	read, err := ParseAttributes([]byte(`{"a": "x\ny\"<ü>", "b": ["p", "q\t"], "c": 1.5, "d": false, "e": []}`))
	require.NoError(t, err)
	require.Equal(t, stored, read)
	_, err = ParseAttributes([]byte(`{"a":`))
	require.Error(t, err)
}

func FuzzFolded(f *testing.F) {
	f.Add("Ada", "Größe", "x")
	f.Fuzz(func(t *testing.T, name, value, item string) {
		text, err := property.Compile(property.Property{Key: "text", Type: property.Text})
		require.NoError(t, err)
		set, err := property.Compile(property.Property{Key: "set", Type: property.Collection})
		require.NoError(t, err)
		attributes := Attributes{}
		if stored, reason := text.Parse(value); reason == "" {
			attributes["text"] = stored
		}
		if stored, reason := set.Parse(item); reason == "" {
			attributes["set"] = stored
		}
		read, err := ParseAttributes([]byte(attributes.JSON()))
		require.NoError(t, err)
		for key, stored := range attributes {
			require.Equal(t, string(stored), string(read[key]))
		}
		if property.Fold(name) != "" && json.Valid([]byte(Folded("", name, "", nil))) {
			var folded map[string]any
			require.NoError(t, json.Unmarshal([]byte(Folded("", "", "", attributes)), &folded))
			if plain, ok := property.Plain(attributes["text"]); ok {
				require.Equal(t, property.Fold(plain), folded["attributes.text"])
			}
		}
	})
}

func TestPropertyChanges(t *testing.T) {
	text, enum, percent := property.Text, property.Enum, property.Percent
	was := property.Property{Key: "p", Type: property.Number, Rule: ">1", Default: json.RawMessage("2")}
	got := PropertyChange{Type: &text}.Apply(was)
	require.Empty(t, got.Rule, "a number's bounds are no text's")
	require.Nil(t, got.Default)
	got = PropertyChange{Type: &percent}.Apply(was)
	require.Equal(t, ">1", got.Rule)
	require.Equal(t, "2", string(got.Default))
	was = property.Property{Key: "p", Type: property.Text, Rule: "<=9", Default: json.RawMessage(`"a"`)}
	require.Empty(t, PropertyChange{Type: &enum}.Apply(was).Rule, "a length is no choice")
	require.Nil(t, PropertyChange{Default: json.RawMessage("null")}.Apply(was).Default)
}
