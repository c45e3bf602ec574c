package store_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"carillon/messages"
	"carillon/providers"
	"carillon/store/storetest"
)

// Health is a fact of now: it says since when, its next try holds the feeder
// back, and success, a change and resuming end it. What was found of an old
// configuration is not held against a new one.
func TestHealth(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *storetest.Store) {
		ctx := t.Context()
		j := newJourney(t, s, 9)
		fake := s.FakeTime()
		sealed, err := storetest.Box(t).Seal([]byte("{}"))
		require.NoError(t, err)
		s.Exec("UPDATE channels SET config = ? WHERE id = ?", sealed, j.Channel.ID)
		run := j.Start()
		j.PlanAll(run.ID, 100)
		_, err = s.CreateMessage(ctx, messages.Outgoing{AccountID: j.AccountID, ChannelID: j.Channel.ID, Address: "a@example.com", Content: []byte(`{"text":"x"}`)})
		require.NoError(t, err)
		channel := func() providers.Channel {
			t.Helper()
			c, err := s.GetChannel(ctx, j.AccountID, j.Channel.ID)
			require.NoError(t, err)
			return c
		}
		feedable := func() int {
			t.Helper()
			runs, err := s.FeedableRuns(ctx)
			require.NoError(t, err)
			transactional, err := s.FeedableTransactional(ctx)
			require.NoError(t, err)
			return len(runs) + len(transactional)
		}
		note := func(epoch int64, state providers.HealthState, next time.Duration) {
			t.Helper()
			h := providers.Health{State: state, Reason: "no such host", Since: fake.Now(), NextTry: fake.Now().Add(next)}
			if state == providers.HealthOK {
				h = providers.Health{State: state}
			}
			require.NoError(t, s.NoteHealth(ctx, j.Channel.ID, epoch, h))
		}
		well := providers.Health{State: providers.HealthOK}
		require.Equal(t, well, channel().Health)
		require.Equal(t, 2, feedable())

		began, first := fake.Now(), channel()
		note(first.Epoch, providers.HealthDegraded, time.Minute)
		require.Equal(t, providers.Health{State: providers.HealthDegraded, Reason: "no such host", Since: began, NextTry: began.Add(time.Minute)}, channel().Health)
		require.Equal(t, first.UpdatedAt, channel().UpdatedAt, "workers go on with what they have")
		require.Zero(t, feedable(), "its messages stay pending")
		fake.Advance(time.Minute)
		require.Equal(t, 2, feedable(), "until the next try")
		note(first.Epoch, providers.HealthDegraded, time.Hour)
		require.Equal(t, began, channel().Health.Since, "it is the same trouble still")
		require.Equal(t, fake.Now().Add(time.Hour), channel().Health.NextTry)
		note(first.Epoch, providers.HealthOK, 0)
		require.Equal(t, well, channel().Health)
		require.Equal(t, 2, feedable())

		note(first.Epoch, providers.HealthHeld, time.Hour)
		change := channel()
		change.Name = "renamed"
		change, err = s.UpdateChannel(ctx, change)
		require.NoError(t, err)
		require.Equal(t, providers.HealthHeld, change.Health.State, "its name has nothing to do with it")
		change.Config = []byte(`{"latency_ms":1}`)
		changed, err := s.UpdateChannel(ctx, change)
		require.NoError(t, err)
		require.Equal(t, well, changed.Health)
		require.Equal(t, 2, feedable(), "at once")
		note(first.Epoch, providers.HealthDegraded, time.Hour)
		require.Equal(t, well, channel().Health, "it was found of the old configuration")
		stopped, err := s.StopChannel(ctx, j.Channel.ID, first.Epoch, "wrong password")
		require.NoError(t, err)
		require.False(t, stopped, "so was this")
		require.Equal(t, providers.ChannelActive, channel().Status)

		require.NoError(t, s.PauseChannel(ctx, j.AccountID, j.Channel.ID, "me"))
		require.NoError(t, s.ResumeChannel(ctx, j.AccountID, j.Channel.ID, "me"))
		current := channel()
		require.True(t, current.UpdatedAt.After(changed.UpdatedAt), "workers begin anew")
		stopped, err = s.StopChannel(ctx, j.Channel.ID, current.Epoch, "wrong password")
		require.NoError(t, err)
		require.True(t, stopped)
		require.Equal(t, providers.Health{State: providers.HealthStopped, Reason: "wrong password", Since: fake.Now()}, channel().Health)
		require.Equal(t, "wrong password", channel().StatusReason)
		stopped, err = s.StopChannel(ctx, j.Channel.ID, channel().Epoch, "again")
		require.NoError(t, err)
		require.False(t, stopped)
		_, err = s.UpdateChannel(ctx, channel())
		require.NoError(t, err)
		require.Equal(t, providers.HealthStopped, channel().Health.State, "a person resumes it")
		require.NoError(t, s.ResumeChannel(ctx, j.AccountID, j.Channel.ID, "me"))
		require.Equal(t, well, channel().Health)
		require.Empty(t, channel().StatusReason)
	})
}
