package store_test

import (
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"carillon/access"
	"carillon/internal/fault"
	"carillon/store"
	"carillon/store/storetest"
)

func TestIdempotency(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *storetest.Store) {
		ctx, now := t.Context(), s.FakeTime()
		account, other := s.Account("one"), s.Account("other")
		begin := func(account int64, request string) access.Answer {
			answer, err := s.BeginAnswer(ctx, account, "key", request)
			require.NoError(t, err)
			return answer
		}
		require.Equal(t, access.AnswerNew, begin(account, "hash").State)
		require.Equal(t, access.AnswerRunning, begin(account, "hash").State)
		require.Equal(t, access.AnswerMismatch, begin(account, "another").State)
		require.Equal(t, access.AnswerNew, begin(other, "another").State, "keys belong to accounts")

		require.NoError(t, s.AbortAnswer(ctx, account, "key"))
		require.Equal(t, access.AnswerNew, begin(account, "hash").State)
		kept := access.Answer{Status: 201, Headers: map[string][]string{"Location": {"/v1/messages/7"}}, Body: []byte{'{', 0, 0xFF, '}'}}
		require.NoError(t, s.FinishAnswer(ctx, account, "key", kept))
		require.True(t, fault.Is(s.FinishAnswer(ctx, account, "key", kept), fault.Conflict), "an answer stays as it is")
		require.NoError(t, s.AbortAnswer(ctx, account, "key"), "and is not given up")
		kept.State, kept.Request = access.AnswerKept, "hash"
		require.Equal(t, kept, begin(account, "hash"))
		require.Equal(t, access.Answer{State: access.AnswerMismatch}, begin(account, "another"))

		now.Advance(store.AnswersKeptFor - time.Millisecond)
		deleted, err := s.DeleteOldAnswers(ctx, 10)
		require.NoError(t, err)
		require.Zero(t, deleted)
		require.Equal(t, access.AnswerKept, begin(account, "hash").State)
		now.Advance(time.Millisecond)
		require.Equal(t, access.AnswerNew, begin(account, "another").State, "an old answer is forgotten even before it is deleted")
		deleted, err = s.DeleteOldAnswers(ctx, 10)
		require.NoError(t, err)
		require.EqualValues(t, 1, deleted)
		require.Equal(t, access.AnswerRunning, begin(account, "another").State)
	})
}

func TestIdempotencyAtOnce(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *storetest.Store) {
		account := s.Account("one")
		states := make([]access.AnswerState, 10)
		errs := make([]error, len(states))
		var wait sync.WaitGroup
		for i := range states {
			wait.Go(func() {
				answer, err := s.BeginAnswer(t.Context(), account, "key", "hash")
				states[i], errs[i] = answer.State, err
			})
		}
		wait.Wait()
		counts := map[access.AnswerState]int{}
		for i := range states {
			require.NoError(t, errs[i])
			counts[states[i]]++
		}
		require.Equal(t, map[access.AnswerState]int{access.AnswerNew: 1, access.AnswerRunning: len(states) - 1}, counts)
	})
}
