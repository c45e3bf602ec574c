package worker

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"carillon/internal/clock"
	"carillon/messages"
	"carillon/providers"
)

// Channels of a pool, who is served by one process, and what the store knows of them.
func TestChannelsOfAPoolKnowOfEachOther(t *testing.T) {
	fake := clock.NewFake(noon)
	b := newBench(t, fake)
	b.store.recent = map[int64][]messages.RecentSend{2: {{Address: "x@example.com", At: noon.Add(-time.Hour)}}}
	b.store.pooled = []int64{1, 2}
	of := func(id int64, pool string) providers.Channel {
		return providers.Channel{ID: id, AccountID: 8, Limits: providers.Limits{RecipientsPerDay: 2, RecipientsPool: pool}}
	}
	b.notePools([]providers.Channel{of(1, "us"), of(2, "us"), of(3, "")})
	first := b.channel(of(1, "us"))
	for id, address := range map[int64]string{1: "new@example.com", 2: "more@example.com"} {
		b.store.people[id] = messages.Recipient{Address: address}
	}
	require.NoError(t, first.handle(t.Context(), envelope(2)))
	require.Len(t, b.writer.recorded(), 1, "one has something from the other channel")
	require.Equal(t, messages.ReasonRecipientPerDay, b.store.unqueued[2].Reason)
	require.InDelta(t, 23*time.Hour, b.store.unqueued[2].At.Sub(noon), float64(time.Second))

	// What one sends the other knows.
	second := b.channel(of(2, "us"))
	b.store.people[4] = messages.Recipient{Address: "fourth@example.com"}
	e := envelope(4)
	e.Items = e.Items[3:]
	require.NoError(t, second.handle(t.Context(), e))
	require.Equal(t, messages.ReasonRecipientPerDay, b.store.unqueued[4].Reason)

	// A channel that comes with what it has sent counts, before it sends again.
	fake.Advance(23*time.Hour + time.Minute) // x has room again
	b.store.recent[3] = []messages.RecentSend{{Address: "y@example.com", At: fake.Now().Add(-time.Hour)}}
	b.store.recent[2], b.store.pooled = nil, []int64{1, 2, 3}
	b.notePools([]providers.Channel{of(3, "us"), of(2, "us"), of(1, "us")})
	first.update(of(1, "us"))
	require.Equal(t, "of us 1 2 3", first.reservation(e, nil, 0).CountedAs)
	require.NoError(t, first.handle(t.Context(), e))
	require.Len(t, b.writer.recorded(), 1, "two have something")
	require.InDelta(t, 59*time.Minute, b.store.unqueued[4].At.Sub(fake.Now()), float64(time.Second), "who got it first has room next")
	fake.Advance(time.Hour)
	require.NoError(t, first.handle(t.Context(), e))
	require.Len(t, b.writer.recorded(), 2)
}

// What a channel counts is known wherever its limits change.
func TestWhatAChannelCounts(t *testing.T) {
	b := newBench(t, clock.NewFake(noon))
	for want, l := range map[string]providers.Limits{
		"":        {PerSecond: 3, Mailboxes: providers.Mailboxes{"google": {PerSecond: 1}}},
		"its own": {RecipientsPerDay: 1},
		"its own, at default, at google": {
			RecipientsPerDay: 1, Mailboxes: providers.Mailboxes{"google": {RecipientsPerDay: 1}, "default": {RecipientsPerDay: 2}, "gmx": {}},
		},
	} {
		require.Equal(t, want, b.channel(providers.Channel{Limits: l}).reservation(envelope(1), nil, 0).CountedAs)
	}
}

// A limit of a day that comes to a channel knows whom it has written to without one.
func TestALimitOfADayKnowsOfTheDayBeforeIt(t *testing.T) {
	b := newBench(t, clock.NewFake(noon))
	ch := b.channel(providers.Channel{Limits: providers.Limits{PerSecond: 100}})
	b.store.people[1], b.store.people[2] = messages.Recipient{Address: "a@example.com"}, messages.Recipient{Address: "b@example.com"}
	require.NoError(t, ch.handle(t.Context(), envelope(1)))
	require.Len(t, b.writer.recorded(), 1)
	b.store.recent = map[int64][]messages.RecentSend{1: {{Address: "a@example.com", At: noon}}}
	ch.update(providers.Channel{ID: 1, Limits: providers.Limits{PerSecond: 100, RecipientsPerDay: 1}})
	e := envelope(2)
	e.Items = e.Items[1:]
	require.NoError(t, ch.handle(t.Context(), e))
	require.Len(t, b.writer.recorded(), 1)
	require.Equal(t, messages.ReasonRecipientPerDay, b.store.unqueued[2].Reason)
}

// Who is answered within the provider's window is none of a day's recipients.
func TestAnAnswerIsNotCounted(t *testing.T) {
	b := newBench(t, clock.NewFake(noon))
	ch := b.channel(providers.Channel{Limits: providers.Limits{RecipientsPerDay: 1}})
	ch.window = 24*time.Hour - windowMargin
	b.store.heard = map[int64]time.Time{1: noon.Add(-time.Hour), 2: noon.Add(-23 * time.Hour)}
	for id, address := range map[int64]string{1: "a@example.com", 2: "b@example.com", 3: "c@example.com", 4: "d@example.com"} {
		b.store.people[id] = messages.Recipient{Address: address}
	}
	require.NoError(t, ch.handle(t.Context(), envelope(2)))
	require.Len(t, b.writer.recorded(), 2)
	ch.window = 0 // where there is none, everybody counts
	e := envelope(4)
	e.Items = e.Items[2:]
	require.NoError(t, ch.handle(t.Context(), e))
	require.Len(t, b.writer.recorded(), 3)
	require.Equal(t, messages.ReasonRecipientPerDay, b.store.unqueued[4].Reason)
}
