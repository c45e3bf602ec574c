package store

import (
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"carillon/access"
	"carillon/campaigns"
)

func TestHousekeepingForgetsWhatIsOver(t *testing.T) {
	eachStore(t, func(t *testing.T, s *Store) {
		ctx := t.Context()
		account := testAccount(t, s, "housekeeping")
		fake := fakeTime(s)
		_, err := s.BeginAnswer(ctx, account, "old", "request")
		require.NoError(t, err)
		fake.Advance(AnswersKeptFor + time.Second)
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
		workers, err := s.ids(ctx, "SELECT id FROM workers")
		require.NoError(t, err)
		require.Len(t, workers, 2)
		require.Contains(t, workers, sent)
		next, err := s.RegisterWorker(ctx, "w")
		require.NoError(t, err)
		require.Greater(t, next, slices.Max(workers), "ids are never used again")
	})
}
