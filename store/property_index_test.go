package store

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"carillon/contacts"
	"carillon/contacts/property"
	"carillon/providers"
	"carillon/store/sqldb"
	"carillon/targeting"
	"carillon/targeting/rule"
)

// manyContacts inserts contacts 1 to n with a value of every property of
// RuleProperties each: the number is 1 to n/100, each a hundred times.
func manyContacts(t testing.TB, s *Store, account int64, n int) {
	t.Helper()
	require.NoError(t, s.inTx(t.Context(), func(tx conn) error {
		for i := range n {
			value := i % (n / 100)
			attributes := fmt.Sprintf(`{"text":"T%[1]d","number":%[1]d,"checkbox":%[2]t,"date":"2026-01-%02[3]d","time":"08:%02[4]d:00","collection":["C%[1]d"]}`,
				value, i%97 == 0, i%28+1, i%60)
			folded := fmt.Sprintf(`{"attributes.text":"t%[1]d","attributes.collection":["c%[1]d"]}`, value)
			if _, err := tx.Exec(t.Context(), "INSERT INTO contacts (account_id, created_at, updated_at, attributes, folded) VALUES (?, 0, 0, ?, ?)",
				account, attributes, folded); err != nil {
				return err
			}
		}
		return nil
	}))
}

func contactIndexNames(t testing.TB, s *Store) []string {
	t.Helper()
	var names []string
	require.NoError(t, sqldb.Each(t.Context(), s.reader(), func(scan sqldb.Scan) error {
		var name string
		var valid bool
		err := scan(&name, &valid)
		if strings.HasPrefix(name, propertyIndexPrefix) {
			require.True(t, valid)
			names = append(names, name)
		}
		return err
	}, s.d.contactIndexes))
	return names
}

// explained is the plan of counting a rule's contacts, as the service counts.
func explained(t testing.TB, s *Store, account int64, text json.RawMessage) string {
	t.Helper()
	compiled, err := s.reader().compileAudience(t.Context(), providers.Channel{AccountID: account}, targeting.Audience{Rule: text}, 0, s.clock.Now())
	require.NoError(t, err)
	everyone := compiled.contacts()
	query, plan := "SELECT COUNT(*) FROM contacts c WHERE "+everyone.sql, ""
	if s.Postgres() {
		require.NoError(t, sqldb.Each(t.Context(), s.reader(), func(scan sqldb.Scan) error {
			var line string
			err := scan(&line)
			plan += line + "\n"
			return err
		}, "EXPLAIN "+query, everyone.args...))
		return plan
	}
	// EXPLAIN does not look whether the schema has changed: the connection that
	// changed it knows.
	writer := s.outside()
	require.NoError(t, sqldb.Each(t.Context(), writer, func(scan sqldb.Scan) error {
		var id, parent, unused int
		var line string
		err := scan(&id, &parent, &unused, &line)
		plan += line + "\n"
		return err
	}, "EXPLAIN QUERY PLAN "+query, everyone.args...))
	return plan
}

// TestFilterableProperties shows that what is filterable has an index, that rules
// use it on both databases, and that it goes when it is not needed.
func TestFilterableProperties(t *testing.T) {
	eachStore(t, func(t *testing.T, s *Store) {
		ctx := t.Context()
		account := testAccount(t, s, "one")
		manyContacts(t, s, account, 5000)
		properties := contacts.NewProperties(s)
		for _, p := range RuleProperties() {
			p.AccountID = account
			switch p.Type {
			case property.Enum, property.List:
				p.Rule = "a,b"
			}
			_, err := properties.Create(ctx, p)
			require.NoError(t, err)
		}
		require.Empty(t, contactIndexNames(t, s))
		require.NotContains(t, explained(t, s, account, OneRule("attributes.number", "equal", "7")), propertyIndexPrefix)
		yes := true
		for _, key := range []string{"text", "number", "checkbox", "date", "time", "collection"} {
			_, _, err := properties.Update(ctx, account, key, contacts.PropertyChange{Filterable: &yes}, false)
			require.NoError(t, err)
		}
		names := contactIndexNames(t, s)
		for _, c := range []struct{ field, operator, value string }{
			{"attributes.number", "equal", "7"}, {"attributes.number", "between", "[7, 7.5]"}, {"attributes.number", "in", "[7, 8]"},
			{"attributes.text", "equal", `"T7"`}, {"attributes.text", "begins_with", `"t4"`}, {"attributes.text", "in", `["t7"]`},
			{"attributes.date", "equal", `"2026-01-07"`}, {"attributes.time", "less", `"08:01"`}, {"attributes.checkbox", "equal", "true"},
		} {
			text := OneRule(c.field, c.operator, c.value)
			plan := explained(t, s, account, text)
			require.Contains(t, plan, propertyIndexPrefix, "%s %s", c.field, c.operator)
			// The index changes nothing but the speed.
			with, err := s.CountAudience(ctx, account, targeting.Audience{Rule: text}, "")
			require.NoError(t, err)
			require.Positive(t, with.Total)
		}
		if s.Postgres() {
			require.Len(t, names, 6)
			require.Contains(t, explained(t, s, account, OneRule("attributes.collection", "equal", `"c7"`)), propertyIndexPrefix)
		} else {
			require.Len(t, names, 5, "SQLite has no index of what is in an array")
		}

		// Another account's property of the same key and comparison shares the index;
		// it goes with the last of them.
		other := testAccount(t, s, "other")
		_, err := properties.Create(ctx, property.Property{AccountID: other, Key: "number", Type: property.Percent, Filterable: true})
		require.NoError(t, err)
		require.ElementsMatch(t, names, contactIndexNames(t, s))
		no := false
		_, _, err = properties.Update(ctx, account, "number", contacts.PropertyChange{Filterable: &no}, false)
		require.NoError(t, err)
		require.ElementsMatch(t, names, contactIndexNames(t, s))
		_, err = properties.Delete(ctx, other, "number", false)
		require.NoError(t, err)
		require.Len(t, contactIndexNames(t, s), len(names)-1)

		// What somebody dropped, or was killed before he made it, housekeeping makes.
		for _, name := range contactIndexNames(t, s) {
			require.NoError(t, s.inTx(ctx, func(tx conn) error {
				_, err := tx.Exec(ctx, "DROP INDEX "+name)
				return err
			}))
		}
		_, err = s.Housekeep(ctx)
		require.NoError(t, err)
		require.Len(t, contactIndexNames(t, s), len(names)-1)
	})
}

// TestNamesOfIndexesFit shows that the longest key has an index whose name
// PostgreSQL does not cut off.
func TestNamesOfIndexesFit(t *testing.T) {
	for _, typ := range property.Types() {
		for _, d := range []*dialect{&sqliteDialect, &postgresDialect} {
			index, ok := d.indexOf(property.Property{Key: strings.Repeat("k", 63), Type: typ})
			if ok {
				require.LessOrEqual(t, len(index.name), 63)
			}
			require.Equal(t, typ.Comparison() != rule.AsSet || d == &postgresDialect, ok)
		}
	}
	_, ok := sqliteDialect.indexOf(property.Property{Key: "x') --", Type: property.Text})
	require.False(t, ok)
}
