package campaigns_test

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"carillon/access"
	"carillon/campaigns"
	"carillon/internal/fault"
	"carillon/messages"
	"carillon/providers"
	"carillon/store"
)

// slowed is a store beside a limiter that was told to slow down.
type slowed struct {
	*store.Store
	now campaigns.Throttled
	err error
}

func (s *slowed) Throttled(context.Context, providers.Channel) (campaigns.Throttled, error) {
	return s.now, s.err
}

// What limits a channel is told: what holds everything first, then what is the matter with
// the channel, then what waits for its time, then the lowest of the limits.
func TestTheQueueSaysHowFastAndWhy(t *testing.T) {
	f := newFixture(t)
	ctx := t.Context()
	limiter := &slowed{Store: f.Store}
	service := campaigns.NewService(campaigns.Deps{Store: limiter, Queue: messages.NewQueue(f.Store, f.Clock), Clock: f.Clock})
	pace := func() campaigns.ChannelPace {
		t.Helper()
		q, err := service.Queue(ctx, messages.QueueFilter{AccountID: f.Account, ChannelID: f.Mail.ID})
		require.NoError(t, err)
		require.Len(t, q.Totals, 1)
		require.Equal(t, f.Mail.ID, q.Totals[0].ChannelID)
		return q.Paces[0]
	}
	says := func(most float64, reason campaigns.PaceReason, words string) campaigns.ChannelPace {
		t.Helper()
		p := pace()
		require.Equal(t, reason, p.Reason)
		require.NotNil(t, p.Most)
		require.InDelta(t, most, *p.Most, 1e-9)
		require.Contains(t, p.Words, words)
		return p
	}
	limits := func(l providers.Limits) {
		t.Helper()
		c, err := f.Store.GetChannel(ctx, f.Account, f.Mail.ID)
		require.NoError(t, err)
		c.Limits = l
		_, err = f.Store.UpdateChannel(ctx, c)
		require.NoError(t, err)
	}
	single := func(due time.Time) messages.Message {
		t.Helper()
		m, err := f.Store.CreateMessage(ctx, messages.Outgoing{
			AccountID: f.Account, ChannelID: f.Mail.ID, Address: "a@example.org", Content: []byte(`{"subject":"s","text":"t"}`), DueAt: due,
		})
		require.NoError(t, err)
		return m
	}
	first := single(time.Time{})
	says(0, campaigns.PaceReason(campaigns.StillNoWorker), "No worker is running")

	worker := f.works(t)
	says(2, campaigns.PaceChannel, "The channel's own limit.")
	limits(providers.Limits{})
	beat := campaigns.Beat{Channels: []int64{f.Mail.ID}, Requests: map[int64]int{f.Mail.ID: 8}, Accepted: map[int64]float64{f.Mail.ID: 2.5}}
	require.NoError(t, f.Store.Heartbeat(ctx, worker, beat))
	other, err := f.Store.RegisterWorker(ctx, "other")
	require.NoError(t, err)
	require.NoError(t, f.Store.Heartbeat(ctx, other, beat))
	require.Equal(t, campaigns.ChannelPace{Accepted: 5, Words: "No limit: as fast as the provider answers, 16 requests at a time."}, pace(),
		"of all workers, whoever is asked")
	require.NoError(t, f.Store.RetireWorker(ctx, other))
	require.InDelta(t, 2.5, pace().Accepted, 1e-9, "one that is gone sends no more")

	limits(providers.Limits{PerSecond: 20})
	says(20, campaigns.PaceChannel, "own limit")
	_, err = f.Accounts.Change(ctx, f.Account, func(a *access.Account) { a.Limits = access.AccountLimits{PerSecond: 12} })
	require.NoError(t, err)
	says(12, campaigns.PaceAccount, "over all of its channels")
	limiter.now = campaigns.Throttled{PerSecond: 10, Full: 20, Since: time.Minute, BackIn: 40 * time.Second}
	slow := says(10, campaigns.PaceThrottled, "asked to slow down")
	require.Equal(t, f.Clock.Now().Add(40*time.Second), slow.Until)
	require.Contains(t, slow.Words, "to 20 a second at ")
	channel, err := f.Store.GetChannel(ctx, f.Account, f.Mail.ID)
	require.NoError(t, err)
	of, err := service.PaceOf(ctx, channel)
	require.NoError(t, err)
	require.Equal(t, slow, of, "of the channel alone it is the same")
	limiter.now = campaigns.Throttled{For: 90 * time.Second, PerSecond: 10}
	require.Equal(t, f.Clock.Now().Add(90*time.Second), says(0, campaigns.PaceThrottled, "asked to wait until").Until)
	limiter.now, limiter.err = campaigns.Throttled{}, fault.New(fault.Unavailable, "Redis does not answer")
	says(12, campaigns.PaceAccount, "")

	// A campaign with a limit of its own is the slower one, until it is paused.
	_, err = f.Store.CancelMessage(ctx, f.Account, first.ID, "me")
	require.NoError(t, err)
	c := f.campaign()
	c.Throttle.PerSecond = 3
	made, err := f.Create(ctx, c)
	require.NoError(t, err)
	started, err := f.Start(ctx, f.Account, made.ID, true)
	require.NoError(t, err)
	_, err = f.Store.PlanBatch(ctx, started.RunID, 100)
	require.NoError(t, err)
	says(3, campaigns.PaceCampaigns, "campaigns that send")
	require.NoError(t, f.Store.PauseCampaign(ctx, f.Account, made.ID, "me"))
	says(0, campaigns.PaceReason(campaigns.StillCampaignPaused), "is paused")
	later := f.Clock.Now().Add(time.Hour)
	single(later)
	require.Equal(t, later, says(0, campaigns.PaceReason(campaigns.StillDueLater), "is due later").Until, "what goes on by itself is told first")
	single(time.Time{})
	says(12, campaigns.PaceAccount, "")

	require.NoError(t, f.Store.PauseChannel(ctx, f.Account, f.Mail.ID, "me"))
	says(0, campaigns.PaceReason(campaigns.StillChannelPaused), "is paused")
	require.InDelta(t, 2.5, pace().Accepted, 1e-9, "what was in flight still arrives")
	require.NoError(t, f.Store.ResumeChannel(ctx, f.Account, f.Mail.ID, "me"))
	resumed, err := f.Store.GetChannel(ctx, f.Account, f.Mail.ID)
	require.NoError(t, err)
	require.NoError(t, f.Store.NoteHealth(ctx, f.Mail.ID, resumed.Epoch,
		providers.Health{State: providers.HealthDegraded, Reason: "no such host", Since: noon, NextTry: noon.Add(time.Minute)}))
	require.Equal(t, noon.Add(time.Minute), says(0, campaigns.PaceReason(campaigns.StillDegraded), "no such host").Until)
}

// Who waits for room in a day is told by what the day is bounded by.
func TestTheQueueSaysThatADayIsUsedUp(t *testing.T) {
	for name, c := range map[string]struct {
		limits providers.Limits
		reason string
		want   campaigns.PaceReason
	}{
		"a warm-up":       {providers.Limits{WarmUp: providers.WarmUp{First: 5, Ceiling: 10}}, messages.ReasonRecipientPerDay, campaigns.PaceWarmUp},
		"the channel's":   {providers.Limits{RecipientsPerDay: 5}, messages.ReasonRecipientPerDay, campaigns.PaceRecipients},
		"the account's":   {providers.Limits{}, messages.ReasonAccountPerDay, campaigns.PaceReason(campaigns.StillAccountDay)},
		"hours":           {providers.Limits{}, messages.ReasonHours, campaigns.PaceReason(campaigns.StillDueLater)},
		"after a failure": {providers.Limits{}, messages.ReasonTemporary, campaigns.PaceReason(campaigns.StillDueLater)},
	} {
		t.Run(name, func(t *testing.T) {
			f := newFixture(t)
			ctx := t.Context()
			f.works(t)
			channel := f.Mail
			channel.Limits = c.limits
			_, err := f.Store.UpdateChannel(ctx, channel)
			require.NoError(t, err)
			m, err := f.Store.CreateMessage(ctx, messages.Outgoing{AccountID: f.Account, ChannelID: f.Mail.ID, Address: "a@example.org", Content: []byte(`{}`)})
			require.NoError(t, err)
			_, err = f.Store.Feed(ctx, messages.FeedRequest{ChannelID: f.Mail.ID, Envelopes: []int64{1}, PerEnvelope: 1})
			require.NoError(t, err)
			until := f.Clock.Now().Add(time.Hour)
			require.NoError(t, f.Store.Unqueue(ctx, messages.Unqueuing{
				ChannelID: f.Mail.ID, EnvelopeID: 1, MessageIDs: []int64{m.ID}, Due: messages.Due{At: until, Reason: c.reason},
			}))
			q, err := f.Campaigns.Queue(ctx, messages.QueueFilter{AccountID: f.Account})
			require.NoError(t, err)
			require.Zero(t, *q.Paces[0].Most)
			require.Equal(t, c.want, q.Paces[0].Reason)
			require.Equal(t, c.reason, q.Paces[0].Waits)
			require.Equal(t, until, q.Paces[0].Until)
		})
	}
}
