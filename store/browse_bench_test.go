package store_test

import (
	"encoding/json"
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"

	"carillon/store/storetest"
	"carillon/targeting"
)

// browsedContacts is how many contacts the pages are turned of.
const browsedContacts = 1_000_000

// BenchmarkBrowse turns to the first page of contacts, to one in the middle and to the last,
// with the count of all.
func BenchmarkBrowse(b *testing.B) {
	storetest.EachBenchmark(b, func(b *testing.B, s *storetest.Store) {
		account := s.Account("pages")
		numbers := "WITH RECURSIVE n (i) AS (SELECT CAST(1 AS BIGINT) UNION ALL SELECT i + 1 FROM n WHERE i < ?) "
		s.Exec(numbers+`INSERT INTO contacts (account_id, external_id, name, created_at, updated_at, last_activity_at)
			SELECT CAST(? AS BIGINT), 'c' || i, 'Name ' || (i * 7919 % 1000003), i, i, CASE WHEN i % 3 = 0 THEN i * 7919 % 1000003 END FROM n`, browsedContacts, account)
		s.Exec(`INSERT INTO addresses (contact_id, kind, account_id, address)
			SELECT id, 'email', account_id, 'a' || (id * 7919 % 1000003) || '@example.org' FROM contacts WHERE account_id = ?`, account)
		// As PostgreSQL does by itself after a while.
		settle := "ANALYZE"
		if s.Postgres() {
			settle = "VACUUM ANALYZE contacts"
		}
		_, err := s.Outside().Exec(b.Context(), settle)
		require.NoError(b, err)
		for _, order := range []targeting.Sort{targeting.SortID, targeting.SortName, targeting.SortEmail, targeting.SortLastActivity} {
			for _, offset := range []int{0, browsedContacts / 2, browsedContacts - 15} {
				b.Run(fmt.Sprintf("by %s from %d", order, offset), func(b *testing.B) {
					for b.Loop() {
						list, total, err := browse(b, s, targeting.Browse{AccountID: account, Known: true, Order: order, Offset: offset, Limit: 15})
						require.NoError(b, err)
						require.Len(b, list, 15)
						require.EqualValues(b, browsedContacts, total)
					}
				})
			}
		}
		b.Run("a rule", func(b *testing.B) {
			text := json.RawMessage(`{"condition":"AND","rules":[{"field":"name","operator":"contains","value":"99"}]}`)
			for b.Loop() {
				_, _, err := browse(b, s, targeting.Browse{AccountID: account, Known: true, Rule: text, Limit: 15})
				require.NoError(b, err)
			}
		})
	})
}

func browse(tb testing.TB, s *storetest.Store, b targeting.Browse) (list []int64, total int64, err error) {
	tb.Helper()
	found, total, err := targeting.NewRules(s).Browse(tb.Context(), b)
	for _, c := range found {
		list = append(list, c.ID)
	}
	return list, total, err
}
