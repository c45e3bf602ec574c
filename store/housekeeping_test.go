package store_test

import (
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"carillon/access"
	"carillon/campaigns"
	"carillon/store"
	"carillon/store/storetest"
)

func TestHousekeepingForgetsWhatIsOver(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *storetest.Store) {
		ctx := t.Context()
		account := s.Account("housekeeping")
		fake := s.FakeTime()
		_, err := s.BeginAnswer(ctx, account, "old", "request")
		require.NoError(t, err)
		fake.Advance(store.AnswersKeptFor + time.Second)
		_, err = s.BeginAnswer(ctx, account, "new", "request")
		require.NoError(t, err)
		sent, err := s.RegisterWorker(ctx, "sent lately")
		require.NoError(t, err)
		require.NoError(t, s.Heartbeat(ctx, sent, campaigns.Beat{}))
		for range 3 {
			_, err := s.RegisterWorker(ctx, "w")
			require.NoError(t, err)
		}
		require.NoError(t, s.RetireOthers(ctx))
		more, err := s.Housekeep(ctx)
		require.NoError(t, err)
		require.False(t, more)
		for key, state := range map[string]access.AnswerState{"old": access.AnswerNew, "new": access.AnswerRunning} {
			answer, err := s.BeginAnswer(ctx, account, key, "request")
			require.NoError(t, err)
			require.Equal(t, state, answer.State, key)
		}
		workers := s.IDs("SELECT id FROM workers")
		require.Len(t, workers, 2)
		require.Contains(t, workers, sent)
		next, err := s.RegisterWorker(ctx, "w")
		require.NoError(t, err)
		require.Greater(t, next, slices.Max(workers), "ids are never used again")
	})
}
