package worker

import (
	"context"
	"errors"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"carillon/internal/clock"
	"carillon/messages"
	"carillon/providers"
	"carillon/queue"
)

// directory knows where domains are, and what it was asked.
type directory struct {
	at    map[string]string
	asked [][]string
}

func (d *directory) Of(_ context.Context, domains []string) []string {
	d.asked = append(d.asked, domains)
	names := slices.Clone(domains)
	for i, domain := range domains {
		if at, known := d.at[domain]; known {
			names[i] = at
		}
	}
	return names
}

// paced is a channel with limits for mailbox providers: of messages 1 to n those with an even id
// are at firm.example, which is at Google.
func paced(t *testing.T, c clock.Clock, limits providers.Mailboxes) (*bench, *channel, *directory) {
	b := newBench(t, c)
	d := &directory{at: map[string]string{"firm.example": "google"}}
	b.o.Mailboxes = d
	for id := int64(2); id <= 100; id += 2 {
		b.store.people[id] = messages.Recipient{Address: "a@firm.example"}
	}
	return b, b.channel(providers.Channel{Limits: providers.Limits{Mailboxes: limits}}), d
}

// Who is to wait for a mailbox provider goes back with a time of its own, one after the other, and
// the others of the envelope are sent.
func TestWhoWaitsForAMailboxProviderGoesBackWithItsTime(t *testing.T) {
	fake := clock.NewFake(noon)
	b, ch, _ := paced(t, fake, providers.Mailboxes{"google": {PerSecond: 0.5}})
	require.NoError(t, seeded(t, ch))
	fake.Advance(4 * time.Second)
	require.NoError(t, ch.handle(t.Context(), envelope(10)))
	require.Equal(t, map[messages.State]int{messages.Sent: 6}, b.writer.states())
	require.Len(t, b.store.unqueued, 4)
	for i, id := range []int64{4, 6, 8, 10} {
		due := b.store.unqueued[id]
		require.Equal(t, messages.ReasonMailbox, due.Reason)
		require.InDelta(t, float64(i+1)*2/0.965, due.At.Sub(fake.Now()).Seconds(), 0.01)
	}
	requireAllFree(t, ch)
}

// seeded has a channel seeded, so that a second later its mailbox providers begin.
func seeded(t *testing.T, ch *channel) error {
	return ch.seed(t.Context(), ch.reservation(envelope(0), nil, 0))
}

// Who has a turn soon waits for it here, and everybody is sent.
func TestWhoIsNearWaitsForItsMailboxProviderHere(t *testing.T) {
	b, ch, _ := paced(t, clock.System{}, providers.Mailboxes{"google": {PerSecond: 40}})
	require.NoError(t, seeded(t, ch))
	require.NoError(t, clock.System{}.Sleep(t.Context(), 1100*time.Millisecond))
	began := clock.System{}.Now()
	require.NoError(t, ch.handle(t.Context(), envelope(10)))
	require.GreaterOrEqual(t, clock.System{}.Now().Sub(began), 80*time.Millisecond, "four intervals of 26 ms, less the tolerance")
	require.Equal(t, map[messages.State]int{messages.Sent: 10}, b.writer.states())
	require.Empty(t, b.store.unqueued)
	requireAllFree(t, ch)
}

// A transactional message stands in no line: it is told the next time.
func TestATransactionalMessageStandsInNoLine(t *testing.T) {
	fake := clock.NewFake(noon)
	b, ch, _ := paced(t, fake, providers.Mailboxes{"default": {PerSecond: 0.5}})
	require.NoError(t, seeded(t, ch))
	fake.Advance(2 * time.Second)
	require.NoError(t, ch.handle(t.Context(), envelope(60)))
	require.Greater(t, b.store.unqueued[60].At.Sub(fake.Now()), 50*time.Second)
	e := queue.Envelope{ID: 98, ChannelID: 1, Transactional: true, Items: []queue.Item{{MessageID: 100, Attempt: 1}}}
	require.NoError(t, ch.handle(t.Context(), e))
	require.Less(t, b.store.unqueued[100].At.Sub(fake.Now()), 3*time.Second)
}

// A channel without limits for mailbox providers asks where nobody is.
func TestWithoutLimitsNobodyIsLookedUp(t *testing.T) {
	b, ch, d := paced(t, clock.NewFake(noon), nil)
	require.NoError(t, ch.handle(t.Context(), envelope(10)))
	require.Len(t, b.writer.recorded(), 10)
	require.Empty(t, d.asked)
	require.Nil(t, ch.reservation(envelope(1), items(1), 0).Mailboxes)
}

// The store's last day seeds each mailbox provider: who has had one lately waits, and who was
// written to today is counted.
func TestTheStoreSeedsMailboxProviders(t *testing.T) {
	fake := clock.NewFake(noon)
	b, ch, _ := paced(t, fake, providers.Mailboxes{"google": {RecipientsPerDay: 1}, "default": {PerSecond: 0.01}})
	b.store.recent = map[int64][]messages.RecentSend{1: {
		{Address: "x@firm.example", At: noon.Add(-time.Hour)}, {Address: "y@example.com", At: noon.Add(-10 * time.Second)},
	}}
	require.NoError(t, seeded(t, ch))
	fake.Advance(2 * time.Second)
	require.NoError(t, ch.handle(t.Context(), envelope(2)))
	require.Equal(t, messages.ReasonMailboxPerDay, b.store.unqueued[2].Reason)
	require.InDelta(t, 23*time.Hour, b.store.unqueued[2].At.Sub(noon), float64(time.Second))
	require.Equal(t, messages.ReasonMailbox, b.store.unqueued[1].Reason)
	require.InDelta(t, 1+100/0.965, b.store.unqueued[1].At.Sub(noon).Seconds(), 0.1, "after the last that somebody may have had")
}

// What a mailbox provider defers slows that one alone and spends no try where we were too fast; the
// store is told what came of those that are warmed up for.
func TestADeferringMailboxProviderIsSlowedAlone(t *testing.T) {
	fake := clock.NewFake(noon)
	b, ch, _ := paced(t, fake, providers.Mailboxes{"google": {WarmUp: providers.WarmUp{First: 100, Ceiling: 1000}}})
	failure := &providers.Error{Kind: providers.ErrorThrottled, Code: "450", Mailbox: true, Err: errors.New("450 too fast")}
	at := func(mailbox string) item {
		j := items(1)[0]
		j.mailbox, j.Attempt = mailbox, 1
		return j
	}
	o := ch.judgeAt(t.Context(), envelope(1), at("google"), providers.Accepted{}, failure)
	require.Equal(t, messages.Pending, o.State)
	require.True(t, o.Unspent)
	state := func(mailbox string) queue.State {
		s, err := b.queue.Limiter().State(t.Context(), queue.Channel{ID: 1, Mailbox: mailbox}, 0)
		require.NoError(t, err)
		return s
	}
	require.Equal(t, time.Second, state("google").BlockedFor)
	require.Zero(t, state("").BlockedFor)
	busy := &providers.Error{Kind: providers.ErrorTemporary, Code: "451", Mailbox: true, Err: errors.New("451 4.7.500 busy")}
	o = ch.judgeAt(t.Context(), envelope(1), at("google"), providers.Accepted{}, busy)
	require.Equal(t, messages.Pending, o.State)
	require.False(t, o.Unspent, "it did not say that we were too fast")
	require.Equal(t, messages.Sent, ch.judgeAt(t.Context(), envelope(1), at("google"), providers.Accepted{}, nil).State)
	ch.judgeAt(t.Context(), envelope(1), at("other.example"), providers.Accepted{}, failure)
	require.Equal(t, time.Second, state("").BlockedFor, "of one that has no limits the channel is throttled")
	b.noteMailboxes(t.Context())
	require.Equal(t, map[string]providers.Traffic{"google": {Asked: 3, Deferred: 2}}, b.store.mailboxes)
	b.noteMailboxes(t.Context())
	require.EqualValues(t, 3, b.store.mailboxes["google"].Asked, "once")
}
