package store

import (
	"testing"

	"github.com/stretchr/testify/require"

	"carillon/store/sqldb"
)

func TestMigrationFillsFolded(t *testing.T) {
	eachStore(t, func(t *testing.T, s *Store) {
		ctx := t.Context()
		account := testAccount(t, s, "one")
		WithValues(t, s, Valued{Account: account, Key: "code", N: ValuesAtOnce + 2, Value: func(i int) string {
			if i%2 == 0 {
				return `"É"`
			}
			return ""
		}})
		provider, err := s.goose()
		require.NoError(t, err)
		_, err = provider.DownTo(ctx, foldedVersion-1)
		require.NoError(t, err)
		require.JSONEq(t, "{}", ColumnsOf(t, s, "folded")[0])
		_, err = s.Migrate(ctx)
		require.NoError(t, err)
		folded := ColumnsOf(t, s, "folded")
		require.JSONEq(t, `{"name":"name 0","attributes.code":"é","attributes.other":"ä"}`, folded[0])
		require.JSONEq(t, `{"name":"name 5001"}`, folded[ValuesAtOnce+1])
	})
}

// Who was folded when the sigma at the end of a word was a letter of its own is found after
// the migration, and nobody else is written.
func TestMigrationFoldsSigma(t *testing.T) {
	eachStore(t, func(t *testing.T, s *Store) {
		ctx := t.Context()
		j := newJourney(t, s, 0)
		account := j.accountID
		WithValues(t, s, Valued{Account: account, Key: "code", N: 3, Value: func(i int) string {
			return []string{`"ΛΟΓΟΣ"`, `"λόγος"`, `"other"`}[i]
		}})
		before := ColumnsOf(t, s, "folded")[1]
		campaign := j.newCampaign(`{"all":true}`)
		provider, err := s.goose()
		require.NoError(t, err)
		_, err = provider.DownTo(ctx, sigmaVersion-1)
		require.NoError(t, err)
		require.NoError(t, s.inTx(ctx, func(tx conn) error {
			old := `{"name":"name 1","attributes.code":"λόγος","attributes.other":"ä"}`
			_, err := tx.Exec(ctx, "UPDATE contacts SET folded = ? WHERE name = 'Name 1'", old)
			if err == nil {
				_, err = tx.Exec(ctx, "INSERT INTO campaign_tags (account_id, tag, campaign_id) VALUES (?, 'νέος', ?), (?, 'νέοσ', ?), (?, 'λόγος', ?)",
					account, campaign, account, campaign, account, campaign)
			}
			return err
		}))
		_, err = s.Migrate(ctx)
		require.NoError(t, err)
		folded := ColumnsOf(t, s, "folded")
		require.Equal(t, before, folded[1])
		require.JSONEq(t, `{"name":"name 1","attributes.code":"λόγοσ","attributes.other":"ä"}`, folded[2])
		tags, err := sqldb.Column[string](ctx, s.reader(), "SELECT tag FROM campaign_tags ORDER BY tag")
		require.NoError(t, err)
		require.Equal(t, []string{"λόγοσ", "νέοσ"}, tags)
	})
}
