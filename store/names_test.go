package store_test

import (
	"encoding/json"
	"testing"

	"github.com/stretchr/testify/require"

	"carillon/contacts"
	"carillon/contacts/property"
	"carillon/store/storetest"
	"carillon/targeting"
)

// A name is found however its spaces, its case and its sigma are written: in a file, by a
// rule and by a search.
func TestNamesAreReadAlikeOnBothSides(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *storetest.Store) {
		ctx := t.Context()
		account := s.Account("names")
		importCSV(t, s, account, csvFile{text: "email;name\n" +
			"anna@example.org;Anna  Maria\nody@example.org;ΟΔΥΣΣΕΥΣ \u00a0 ΠΑΠΠΑΣ\nmu@example.org;Ünal Müller\n"})
		rules := targeting.NewRules(s)
		count := func(operator, value string) int64 {
			text, err := json.Marshal(map[string]any{"condition": "AND", "rules": []any{map[string]any{"field": "name", "operator": operator, "value": value}}})
			require.NoError(t, err)
			audience, err := rules.Audience(ctx, account, text)
			require.NoError(t, err)
			counted, err := rules.Count(ctx, account, audience, "")
			require.NoError(t, err)
			return counted.Total
		}
		for _, of := range []struct {
			operator, value string
			people          int64
		}{
			{"equal", "Anna  Maria", 1},
			{"equal", " anna\tmaria ", 1},
			{"equal", "AnnaMaria", 0},
			{"not_equal", "anna  maria", 2},
			{"begins_with", "  anna  ", 1},
			{"begins_with", "ann ", 0},
			{"ends_with", " \u00a0maria ", 1},
			{"contains", "a  m", 1},
			{"contains", "  ", 3},
			{"equal", "οδυσσευς παππας", 1},
			{"contains", "ΣΕΥΣ", 1},
		} {
			require.Equal(t, of.people, count(of.operator, of.value), "%s %q", of.operator, of.value)
		}
		for _, text := range []string{"anna  maria", "ANNA", "οδυσσευς  ", "ÜNAL", "müller", "  Ünal   MÜLLER", "ΠΑΠΠΑΣ"} {
			found, err := s.ListContacts(ctx, contacts.ContactFilter{AccountID: account, Text: text, Limit: 10})
			require.NoError(t, err)
			require.Len(t, found, 1, text)
			page, total, err := rules.Browse(ctx, targeting.Browse{AccountID: account, Text: text, Limit: 10})
			require.NoError(t, err)
			require.EqualValues(t, 1, total, text)
			require.Len(t, page, 1, text)
		}
	})
}

// Rules call lists by their names and are kept with their ids; values that a property can't
// have are refused with the one that may have been meant.
func TestRulesByName(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *storetest.Store) {
		ctx := t.Context()
		account := s.Account("by name")
		_, err := contacts.NewProperties(s).Create(ctx, property.Property{AccountID: account, Key: "plan", Type: property.Enum, Rule: "free,platinum"})
		require.NoError(t, err)
		importCSV(t, s, account, csvFile{text: "email;plan;groups\nanna@example.org;platinum;Alpha  team\nbob@example.org;free;Beta\n"})
		rules := targeting.NewRules(s)
		list, err := rules.Create(ctx, account, "Mine", json.RawMessage(`{"condition":"AND","rules":[{"field":"group","operator":"equal","value":"alpha team"},
			{"field":"plan","operator":"equal","value":"Platinum"}]}`))
		require.NoError(t, err)
		require.NotContains(t, string(list.Rule), "alpha")
		require.Contains(t, string(list.Rule), "attributes.plan")
		inside, err := rules.Audience(ctx, account, json.RawMessage(`{"condition":"AND","rules":[{"field":"targeting","operator":"equal","value":"mine"}]}`))
		require.NoError(t, err)
		counted, err := rules.Count(ctx, account, inside, "")
		require.NoError(t, err)
		require.EqualValues(t, 1, counted.Total)
		for text, want := range map[string]string{
			`{"field":"plan","operator":"equal","value":"platin"}`:     "did you mean platinum?",
			`{"field":"group","operator":"equal","value":"Alpha tem"}`: "did you mean Alpha team?",
		} {
			_, err := rules.Audience(ctx, account, json.RawMessage(`{"condition":"AND","rules":[`+text+`]}`))
			require.ErrorContains(t, err, want)
		}
		_, _, err = contacts.NewProperties(s).Update(ctx, account, "plan", contacts.PropertyChange{Rule: new("free,platinum,gold")}, false)
		require.NoError(t, err)
		counted, err = rules.Count(ctx, account, targeting.Audience{Targeting: []int64{list.ID}}, "")
		require.NoError(t, err)
		require.EqualValues(t, 1, counted.Total)
	})
}
