package store

import (
	"context"
	"database/sql"
	"errors"
	"testing"

	"github.com/stretchr/testify/require"
	"gorm.io/gorm"

	"carillon/contacts"
	"carillon/targeting"
)

// everyone is the audience of all contacts.
var everyone = targeting.Audience{All: true}

// people makes n contacts without values.
func people(t testing.TB, s *Store, account int64, n int) {
	t.Helper()
	WithValues(t, s, Valued{Account: account, Key: "none", N: n, Value: func(int) string { return "" }})
}

func countOf(t testing.TB, s *Store, query string, args ...any) (n int) {
	t.Helper()
	require.NoError(t, s.reader().Row(t.Context(), query, args...).Scan(&n))
	return n
}

// dyingPool is a connection that breaks after some statements.
type dyingPool struct {
	gorm.ConnPool
	left int
}

var errDied = errors.New("the process was killed")

func (p *dyingPool) died() bool {
	p.left--
	return p.left < 0
}

func (p *dyingPool) ExecContext(ctx context.Context, query string, args ...any) (sql.Result, error) {
	if p.died() {
		return nil, errDied
	}
	return p.ConnPool.ExecContext(ctx, query, args...)
}

func (p *dyingPool) QueryContext(ctx context.Context, query string, args ...any) (*sql.Rows, error) {
	if p.died() {
		return nil, errDied
	}
	return p.ConnPool.QueryContext(ctx, query, args...)
}

// TestKilledJobsGoOnWhereTheyStopped breaks every batch off before each of its
// statements, as a kill does: the place moves with the work, and every contact
// has its turn once.
func TestKilledJobsGoOnWhereTheyStopped(t *testing.T) {
	eachStore(t, func(t *testing.T, s *Store) {
		ctx := t.Context()
		account := testAccount(t, s, "one")
		const n = 2*BulkAtOnce + 1
		people(t, s, account, n)
		news, err := s.CreateList(ctx, contacts.List{AccountID: account, Kind: contacts.Category, Name: "News"})
		require.NoError(t, err)
		jobs := targeting.NewJobs(s)
		job, err := jobs.Start(ctx, account, targeting.Bulk{Action: targeting.BulkAdd, ListID: news.ID, Audience: everyone}, "me")
		require.NoError(t, err)
		killed, statements := 0, 0
		for job.FinishedAt == nil {
			require.Less(t, killed, 100)
			err := s.inTx(ctx, func(tx conn) error {
				tx.Pool = &dyingPool{tx.Pool, statements}
				_, worked, err := tx.nextJobBatch(ctx)
				require.True(t, worked || err != nil)
				return err
			})
			if err != nil {
				require.ErrorIs(t, err, errDied)
				killed, statements = killed+1, statements+1
			} else {
				statements = 0
			}
			before := job.Done
			job, err = jobs.Get(ctx, account, job.ID)
			require.NoError(t, err)
			require.Equal(t, statements == 0, job.Done > before)
			require.EqualValues(t, job.Done, countOf(t, s, "SELECT COUNT(*) FROM members WHERE list_id = ?", news.ID), "the place moves with the work")
		}
		require.Greater(t, killed, 9, "several times in each batch")
		require.EqualValues(t, n, job.Done)
		require.EqualValues(t, n, job.Changed)
		require.Equal(t, n, countOf(t, s, "SELECT COUNT(*) FROM consents"), "each recorded once")
	})
}
