package store_test

import (
	"encoding/json"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"carillon/messages"
	"carillon/providers"
	"carillon/store/storetest"
)

// A warm-up begins with the channel, is kept with it, grows with use, is slowed by
// trouble, and begins anew for another domain. Who waited for room in the day is
// looked at again when it grows.
func TestAWarmUpIsKeptWithItsChannel(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *storetest.Store) {
		ctx := t.Context()
		j := newJourney(t, s, 300) // 270 of them with an address
		fake := s.FakeTime()
		box := storetest.Box(t)
		sealed, err := box.Seal([]byte("{}"))
		require.NoError(t, err)
		s.Exec("UPDATE channels SET config = ? WHERE id = ?", sealed, j.Channel.ID)
		channel := func() providers.Channel {
			t.Helper()
			c, err := s.GetChannel(ctx, j.AccountID, j.Channel.ID)
			require.NoError(t, err)
			return c
		}
		step := func() []int64 {
			t.Helper()
			changed, err := s.WarmUp(ctx)
			require.NoError(t, err)
			var ids []int64
			for _, c := range changed {
				ids = append(ids, c.ID)
			}
			return ids
		}
		require.Nil(t, channel().Warmth)
		require.Empty(t, step())
		run := j.Start()
		j.PlanAll(run.ID, 1000)
		envelope := int64(0)
		send := func(n int, change func(*messages.Outcome)) {
			t.Helper()
			envelope++
			fed := j.Feed(run.ID, []int64{envelope}, n)
			require.Len(t, fed, n)
			j.Record(run.ID, j.Claim(run.ID, envelope, fed), change)
		}
		send(10, nil) // before it warms up

		c := channel()
		c.Limits.WarmUp, c.SenderDomain = providers.WarmUp{First: 60, Ceiling: 1000}, "example.org"
		c, err = s.UpdateChannel(ctx, c)
		require.NoError(t, err)
		require.Equal(t, &providers.Warmth{Domain: "example.org", Allowance: 60, Before: providers.Traffic{Asked: 10}}, c.Warmth)
		require.Equal(t, 60, c.Bounds().RecipientsPerDay)
		c.Limits.RecipientsPerDay = 50
		require.Equal(t, 50, c.Bounds().RecipientsPerDay, "the lower one holds")

		send(60, nil)
		require.Empty(t, step(), "the day has begun, and allows the same")
		require.WithinDuration(t, fake.Now(), channel().Warmth.Since, time.Millisecond)
		// One waits for room in the day.
		envelope++
		waits := j.Feed(run.ID, []int64{envelope}, 1)
		require.NoError(t, s.Unqueue(ctx, messages.Unqueuing{ChannelID: j.Channel.ID, RunID: run.ID, EnvelopeID: envelope, MessageIDs: []int64{waits[0].ID},
			Due: messages.Due{At: fake.Now().Add(40 * time.Hour), Reason: messages.ReasonRecipientPerDay}}))
		before := channel()
		fake.Advance(24 * time.Hour)
		require.Equal(t, []int64{j.Channel.ID}, step())
		require.Equal(t, 90, channel().Warmth.Allowance)
		require.True(t, channel().UpdatedAt.After(before.UpdatedAt), "workers hear of it")
		_, err = s.Reconsider(ctx)
		require.NoError(t, err)
		m, err := s.GetMessage(ctx, j.AccountID, waits[0].ID)
		require.NoError(t, err)
		require.False(t, m.DueAt.After(fake.Now()), "it goes now")

		// 50 are asked: the provider puts 13 of them off.
		n := 0
		send(50, func(o *messages.Outcome) {
			if n++; n <= 13 {
				o.State, o.Kind, o.Reason, o.DueAt = messages.Pending, "temporary", messages.ReasonTemporary, fake.Now().Add(time.Minute)
			}
		})
		require.Empty(t, step(), "37 were asked for good, too few to say something")
		fake.Advance(time.Minute)
		send(13, nil)
		require.Equal(t, []int64{j.Channel.ID}, step())
		slowed := channel().Warmth
		require.Equal(t, 60, slowed.Allowance)
		require.Equal(t, "the provider deferred 13 of 50 messages, more than 25 %", slowed.Slowed)
		require.Empty(t, step(), "once for the same figures")

		// Bounces count with the addresses that they suppress.
		n = 0
		send(50, func(o *messages.Outcome) {
			if n++; n <= 3 {
				o.State, o.Reason, o.Kind, o.Bounce = messages.Rejected, messages.ReasonRecipient, "recipient", providers.BounceHard
			}
		})
		require.Equal(t, []int64{j.Channel.ID}, step())
		require.Equal(t, "3 of 50 addresses bounced, more than 5 %", channel().Warmth.Slowed)
		require.Equal(t, 60, channel().Warmth.Allowance, "not below the first day's")

		c = channel()
		c.SenderDomain, c.Config = "example.net", json.RawMessage("{}")
		c, err = s.UpdateChannel(ctx, c)
		require.NoError(t, err)
		require.Equal(t, "example.net", c.Warmth.Domain)
		require.True(t, c.Warmth.Since.IsZero(), "another domain begins anew")
		require.EqualValues(t, 3, c.Warmth.Before.Bounced)
		c.Limits.WarmUp = providers.WarmUp{}
		c, err = s.UpdateChannel(ctx, c)
		require.NoError(t, err)
		require.Nil(t, c.Warmth)
		require.Zero(t, c.Bounds().RecipientsPerDay)
		require.Empty(t, step())
	})
}
