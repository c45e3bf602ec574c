package store_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"carillon/contacts"
	"carillon/internal/fault"
	"carillon/messages"
	"carillon/providers"
	"carillon/store/storetest"
	"carillon/webhooks"
)

// written has somebody write to the channel.
func written(t *testing.T, j *storetest.Journey, from, text string) {
	t.Helper()
	_, err := contacts.NewReplies(j.Store).Take(t.Context(), providers.Channel{ID: j.Channel.ID, AccountID: j.AccountID, Address: providers.WhatsApp},
		[]providers.Reply{{ID: text, From: from, Text: text, At: j.Clock.Now()}})
	require.NoError(t, err)
}

// told lets every reader of the outbox come to its end.
func told(t *testing.T, s *storetest.Store) {
	t.Helper()
	require.Eventually(t, func() bool {
		some, err := s.SequenceOutbox(t.Context())
		require.NoError(t, err)
		live, err := s.LiveWebhooks(t.Context())
		require.NoError(t, err)
		for _, id := range live {
			more, _, err := s.PrepareDeliveries(t.Context(), id)
			require.NoError(t, err)
			some = some || more
		}
		return !some
	}, 20*time.Second, time.Millisecond)
}

func TestTheLogHasBothDirectionsInTheirOrder(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *storetest.Store) {
		ctx := t.Context()
		j := storetest.NewJourney(t, s, 6)
		log := messages.NewLog(s)
		// What was before is not in it.
		written(t, j, "+4915100000000", "too early")
		require.True(t, fault.Is(log.Keep(ctx, j.AccountID, 999), fault.NotFound))
		require.True(t, fault.Is(log.Keep(ctx, s.Account("other"), j.Channel.ID), fault.NotFound))
		require.NoError(t, log.Keep(ctx, j.AccountID, j.Channel.ID))
		require.NoError(t, messages.NewLog(s).Keep(ctx, j.AccountID, j.Channel.ID), "twice is once")
		channels, err := log.Channels(ctx, j.AccountID)
		require.NoError(t, err)
		require.Equal(t, []int64{j.Channel.ID}, channels)

		run := j.Start().ID
		j.PlanAll(run, 100)
		first := j.Claim(run, 1, j.Feed(run, []int64{1}, 2))
		j.Record(run, first, nil)
		written(t, j, "4915112345678", "Hello")
		second := j.Claim(run, 2, j.Feed(run, []int64{2}, 2))
		j.Record(run, second, nil)
		told(t, s)

		list, err := log.List(ctx, messages.LogFilter{AccountID: j.AccountID, ChannelID: j.Channel.ID, Limit: 100})
		require.NoError(t, err)
		require.Len(t, list, 5)
		var sent []int64
		for i, e := range list {
			require.Equal(t, j.Channel.ID, e.ChannelID)
			if i > 0 {
				require.Greater(t, e.Number, list[i-1].Number)
			}
			if i == 2 {
				require.Equal(t, "Hello", e.Reply.Text)
				require.Zero(t, e.MessageID)
				number, err := log.NumberOf(ctx, e.ReplyID)
				require.NoError(t, err)
				require.Equal(t, e.Number, number)
				continue
			}
			require.Equal(t, e.MessageID, e.Message.ID)
			sent = append(sent, e.MessageID)
		}
		require.ElementsMatch(t, append(first, second...), sent)

		// From behind a number, the last, by address, by time.
		list, err = log.List(ctx, messages.LogFilter{AccountID: j.AccountID, ChannelID: j.Channel.ID, After: list[2].Number, Limit: 1})
		require.NoError(t, err)
		require.Len(t, list, 1)
		require.Equal(t, sent[2], list[0].MessageID)
		last, err := log.List(ctx, messages.LogFilter{AccountID: j.AccountID, Last: 3, Limit: 100})
		require.NoError(t, err)
		require.Len(t, last, 3)
		require.Equal(t, "Hello", last[0].Reply.Text)
		by, err := log.List(ctx, messages.LogFilter{AccountID: j.AccountID, Address: "+4915112345678", Limit: 100})
		require.NoError(t, err)
		require.Len(t, by, 1)
		by, err = log.List(ctx, messages.LogFilter{AccountID: j.AccountID, Address: last[1].Message.Address, Limit: 100})
		require.NoError(t, err)
		require.Len(t, by, 1)
		for _, f := range []messages.LogFilter{
			{AccountID: j.AccountID, From: j.Clock.Now().Add(time.Hour), Limit: 9}, {AccountID: j.AccountID, To: j.Clock.Now().Add(-time.Hour), Limit: 9},
			{AccountID: j.AccountID, ChannelID: 999, Limit: 9}, {AccountID: 999, Limit: 9},
		} {
			none, err := log.List(ctx, f)
			require.NoError(t, err)
			require.Empty(t, none)
		}
	})
}

// The reader of the log is no webhook that a person could see or end.
func TestTheReaderOfTheLogIsNoWebhook(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *storetest.Store) {
		ctx := t.Context()
		j := storetest.NewJourney(t, s, 1)
		require.NoError(t, messages.NewLog(s).Keep(ctx, j.AccountID, j.Channel.ID))
		service := webhooks.NewService(s, s.Clock)
		list, err := service.List(ctx, j.AccountID, 0, 100)
		require.NoError(t, err)
		require.Empty(t, list)
		live := s.IDs("SELECT id FROM webhooks")
		require.Len(t, live, 1)
		_, err = service.Get(ctx, j.AccountID, live[0])
		require.True(t, fault.Is(err, fault.NotFound))
		require.True(t, fault.Is(service.Delete(ctx, j.AccountID, live[0]), fault.NotFound))
		states, _, err := s.WebhookBacklog(ctx)
		require.NoError(t, err)
		require.Empty(t, states)
	})
}

// Who sets the same twice at once is told once.
func TestASoleWebhookHasNoSecond(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *storetest.Store) {
		ctx := t.Context()
		account := s.Account("a")
		service := webhooks.NewService(s, s.Clock)
		var channels [3]int64
		for i := range channels {
			c, err := s.CreateChannel(ctx, providers.Channel{
				AccountID: account, Name: fmt.Sprint("channel ", i), Provider: "sandbox", Address: providers.Email, Status: providers.ChannelActive, Timezone: "UTC",
			})
			require.NoError(t, err)
			channels[i] = c.ID
		}
		of := func(sole webhooks.Sole, key int64, channels ...int64) webhooks.Webhook {
			return webhooks.Webhook{
				AccountID: account, URL: "https://example.org/", Format: "x", Sole: sole, KeyID: key, Channels: channels,
				Events: []webhooks.Event{webhooks.MessageReceived},
			}
		}
		results := make(chan error, 8)
		for range cap(results) {
			go func() {
				_, _, err := service.Create(ctx, of(webhooks.SoleOfChannels, 1, channels[0]), "test")
				results <- err
			}()
		}
		made := 0
		for range cap(results) {
			if err := <-results; err == nil {
				made++
			} else {
				require.True(t, fault.Is(err, fault.Conflict), "%v", err)
			}
		}
		require.Equal(t, 1, made)
		for _, other := range []webhooks.Webhook{
			of(webhooks.SoleOfChannels, 1, channels[1]), of(webhooks.SoleOfKey, 2, channels[0]), of("", 2, channels[0]),
		} {
			_, _, err := service.Create(ctx, other, "test")
			require.NoError(t, err)
		}
		_, _, err := service.Create(ctx, of(webhooks.SoleOfKey, 2, channels[2]), "test")
		require.True(t, fault.Is(err, fault.Conflict))
	})
}
