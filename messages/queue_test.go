package messages_test

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"carillon/internal/clock"
	"carillon/internal/fault"
	"carillon/messages"
)

// slowClear is a queue whose clearing takes many batches, of a second each.
type slowClear struct {
	messages.QueueStore
	clock   *clock.Fake
	batches int
	began   []messages.QueueFilter
}

func (s *slowClear) BeginClear(_ context.Context, f messages.QueueFilter, actor string) (messages.Clearing, error) {
	s.began = append(s.began, f)
	return messages.Clearing{ID: 7, Actor: actor}, nil
}

func (s *slowClear) ContinueClear(_ context.Context, id int64) (messages.Clearing, error) {
	s.clock.Advance(time.Second)
	s.batches--
	c := messages.Clearing{ID: id}
	if now := s.clock.Now(); s.batches == 0 {
		c.FinishedAt = &now
	}
	return c, nil
}

func TestEverythingIsClearedOnlyForWhoSaysSo(t *testing.T) {
	s := &slowClear{clock: clock.NewFake(time.Unix(0, 0)), batches: 1}
	q := messages.NewQueue(s, s.clock)
	for at, what := range map[string]messages.Clear{
		"must be true to clear everything": {},
		"does not go with channel_id":      {All: true, QueueFilter: messages.QueueFilter{ChannelID: 1}},
		"does not go with":                 {All: true, QueueFilter: messages.QueueFilter{CampaignID: 1}},
	} {
		_, err := q.Clear(t.Context(), what)
		require.True(t, fault.Is(err, fault.Invalid))
		require.ErrorContains(t, err, at)
	}
	require.Empty(t, s.began)
	_, err := q.Clear(t.Context(), messages.Clear{QueueFilter: messages.QueueFilter{AccountID: 1, ChannelID: 2}})
	require.NoError(t, err)
	require.Equal(t, []messages.QueueFilter{{AccountID: 1, ChannelID: 2}}, s.began)
}

func TestALongClearingGoesOnWithoutWhoBeganIt(t *testing.T) {
	for batches, finished := range map[int]bool{3: true, 1000: false} {
		s := &slowClear{clock: clock.NewFake(time.Unix(0, 0)), batches: batches}
		c, err := messages.NewQueue(s, s.clock).Clear(t.Context(), messages.Clear{All: true, Actor: "me"})
		require.NoError(t, err)
		require.Equal(t, finished, c.FinishedAt != nil)
		require.LessOrEqual(t, s.clock.Now().Sub(time.Unix(0, 0)), 10*time.Second)
	}
}
