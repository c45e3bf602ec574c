package store_test

import (
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"carillon/campaigns"
	"carillon/messages"
	"carillon/store/sqldb"
	"carillon/store/storetest"
)

func TestABatchInPartsPlansEverybodyOnce(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *storetest.Store) {
		s.PlanInParts(10)
		parts := 1 // there is one writer
		if s.Postgres() {
			parts = 2
		}
		j := newJourney(t, s, 95)
		run := j.Start()
		for planned, done := int64(0), false; !done; {
			step, err := s.PlanBatch(t.Context(), run.ID, 20)
			require.NoError(t, err)
			require.False(t, step.Stopped)
			planned += step.Inserted
			done = step.Done
			if !done {
				require.EqualValues(t, 20*parts, step.Inserted)
			}
			r, err := s.GetRun(t.Context(), j.AccountID, run.ID)
			require.NoError(t, err)
			require.Equal(t, planned, r.Planned)
			require.Equal(t, planned, r.Counts.Total())
			require.Equal(t, done, r.PlanDone)
		}
		require.Equal(t, messages.Counts{messages.Pending: 86, messages.Skipped: 9}, j.Counts(run.ID))
		j.Balanced(run.ID)
	})
}

func TestPlannersSideBySidePlanEverybodyOnce(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *storetest.Store) {
		s.PlanInParts(5)
		j := newJourney(t, s, 400)
		run := j.Start()
		var group sync.WaitGroup
		errs := make(chan error, 4)
		for range cap(errs) {
			group.Go(func() {
				for {
					step, err := s.PlanBatch(t.Context(), run.ID, 20)
					if err != nil || step.Stopped {
						errs <- err
						return
					}
				}
			})
		}
		group.Wait()
		for range cap(errs) {
			require.NoError(t, <-errs)
		}
		require.Equal(t, messages.Counts{messages.Pending: 360, messages.Skipped: 40}, j.Counts(run.ID))
		j.Balanced(run.ID)
	})
}

// A pause waits for no batch: what is not written by then is dropped.
func TestAPausedRunDropsTheBatchUnderWay(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *storetest.Store) {
		s.PlanInParts(10)
		j := newJourney(t, s, 95)
		run := j.Start()
		type result struct {
			step campaigns.PlanStep
			err  error
		}
		results := make(chan result, 1)
		require.NoError(t, s.InTx(t.Context(), func(tx sqldb.Conn) error {
			for _, query := range []string{
				fmt.Sprintf("UPDATE campaigns SET status = status WHERE id = %d", j.Campaign), fmt.Sprintf("UPDATE runs SET status = status WHERE id = %d", run.ID),
			} {
				if _, err := tx.Exec(t.Context(), query); err != nil {
					return err
				}
			}
			go func() {
				step, err := s.PlanBatch(t.Context(), run.ID, 40)
				results <- result{step, err}
			}()
			if s.Postgres() {
				// The batch has made its messages and wants to move the cursor.
				require.Eventually(t, func() bool {
					var waiting int
					err := s.Reader().Row(t.Context(), `SELECT COUNT(*) FROM pg_stat_activity
						WHERE datname = current_database() AND wait_event_type = 'Lock'`).Scan(&waiting)
					return err == nil && waiting > 0
				}, 10*time.Second, 5*time.Millisecond)
			}
			_, err := tx.Exec(t.Context(), "UPDATE runs SET status = 'paused' WHERE id = ?", run.ID)
			return err
		}))
		got := <-results
		require.NoError(t, got.err)
		require.Equal(t, campaigns.PlanStep{Stopped: true}, got.step)
		require.Zero(t, j.Counts(run.ID).Total())
		j.Balanced(run.ID)
	})
}
