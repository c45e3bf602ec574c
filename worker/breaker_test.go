package worker

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"carillon/campaigns"
	"carillon/internal/clock"
	"carillon/messages"
	"carillon/providers"
	"carillon/queue"
)

func TestBreakerWaitsLongerEachTime(t *testing.T) {
	fake := clock.NewFake(noon)
	b := newBreaker(fake)
	for range downAfter - 1 {
		require.False(t, b.failure(down, "", downAfter, 0).open)
		require.Zero(t, b.remaining())
	}
	require.False(t, b.success(1), "it was not open")
	for range downAfter - 1 {
		require.False(t, b.failure(down, "", downAfter, 0).open, "a success begins the count anew")
	}
	for i, want := range []time.Duration{
		time.Second, 2 * time.Second, 4 * time.Second, 8 * time.Second, 16 * time.Second, 30 * time.Second, 30 * time.Second,
	} {
		s := b.failure(down, "", downAfter, 0)
		require.True(t, s.open)
		require.True(t, s.tried)
		require.Equal(t, want, s.wait)
		require.Equal(t, i == 0, s.began)
		// Those that were under way fail too, and change nothing.
		fake.Advance(want / 2)
		s = b.failure(down, "", downAfter, 0)
		require.True(t, s.open)
		require.False(t, s.began)
		require.False(t, s.tried)
		require.Equal(t, want/2, s.wait)
		require.Equal(t, want/2, b.remaining())
		fake.Advance(want / 2)
		require.Zero(t, b.remaining())
	}
	require.True(t, b.success(1))
	require.Zero(t, b.remaining())
	require.False(t, b.failure(down, "", downAfter, 0).open)
}

// A refusal of one recipient is that, also while the provider is tried after
// something else.
func TestBreakerTellsOneRecipientFromTheChannel(t *testing.T) {
	fake := clock.NewFake(noon)
	b := newBreaker(fake)
	require.True(t, b.failure(quota, "", 1, 2*time.Hour).open)
	require.Equal(t, 2*time.Hour, b.remaining(), "as long as the provider asks for")
	fake.Advance(2 * time.Hour)
	require.False(t, b.failure(refuses, "550 5.1.1", 20, 0).open)
	require.True(t, b.failure(down, "", downAfter, 0).open, "but whatever else befalls the one that was to try, the others wait")
	require.True(t, b.success(1))
	for i := range 19 {
		require.False(t, b.failure(refuses, "550 5.1.1", 20, 0).open, i)
		require.False(t, b.failure(refuses, fmt.Sprint("550 ", i), 20, 0).open, "they are not alike")
	}
	s := b.failure(refuses, "550 5.1.1", 20, 0)
	require.True(t, s.open)
	require.Equal(t, 20, s.count)
	require.Equal(t, 39, s.asked)
	for i := range 10 * maxKeys {
		b.failure(refuses, fmt.Sprint(i), 1000, 0)
	}
	require.LessOrEqual(t, len(b.inARow), maxKeys+1, "what is counted apart is bounded")
	for run := range int64(10 * maxKeys) {
		b.refused(run, "x", 20, time.Second)
	}
	require.LessOrEqual(t, len(b.byRun), maxKeys)
}

// However requests end and however many ask, what may come to be in doubt without
// a success in between is bounded, and single messages try after that.
func TestDoubtIsBounded(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		fake := clock.NewFake(noon)
		b := newBreaker(fake)
		stop := make(chan struct{})
		close(stop) // whoever would have to wait gets none
		limit := rapid.IntRange(1, 10).Draw(t, "limit")
		var under []pass
		doubts, probes := 0, 0
		for range rapid.IntRange(1, 200).Draw(t, "steps") {
			switch rapid.IntRange(0, 2).Draw(t, "what") {
			case 0:
				p, wait := b.enter(t.Context(), stop, rapid.Bool().Draw(t, "urgent"), rapid.IntRange(1, 50).Draw(t, "wanted"), limit)
				if wait > 0 {
					fake.Advance(wait)
				}
				for range p.n {
					under = append(under, pass{1, p.urgent, p.opened})
				}
				if b.cause.name != "" {
					probes += p.n
				}
			case 1:
				if len(under) > 0 {
					b.failure(doubt, "", limit, 0)
					b.leave(under[0])
					under = under[1:]
					doubts++
				}
			case 2:
				b.holds(pass{opened: rapid.IntRange(0, 3).Draw(t, "opened")})
			}
			require.LessOrEqual(t, doubts+len(under)-probes, limit+1, "and one that is urgent")
		}
	})
}

// Whoever waits for the first answer goes on with it.
func TestTheFirstSuccessLetsTheOthersGo(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBreaker(clock.System{})
		first, _ := b.enter(t.Context(), nil, false, 100, 5)
		require.Equal(t, 5, first.n)
		var got atomic.Int64
		go func() {
			p, _ := b.enter(t.Context(), nil, false, 100, 5)
			got.Store(int64(p.n))
		}()
		urgent, _ := b.enter(t.Context(), nil, true, 3, 5)
		require.Equal(t, 1, urgent.n, "what is urgent does not wait for what is not")
		synctest.Wait()
		require.Zero(t, got.Load())
		b.success(1)
		synctest.Wait()
		require.Equal(t, int64(100), got.Load())
		// After a quiet time it is as at the beginning.
		b.leave(pass{n: 105})
		b.leave(urgent)
		require.NoError(t, clock.System{}.Sleep(t.Context(), provenFor+1))
		p, _ := b.enter(t.Context(), nil, false, 100, 5)
		require.Equal(t, 5, p.n)
	})
}

// A server that closes after the final dot leaves a handful in doubt, not a list.
func TestARunOfDoubtsStopsAsking(t *testing.T) {
	fake := clock.NewFake(noon)
	b := newBench(t, fake)
	var asked atomic.Int64
	broken := true
	b.send = func(context.Context, providers.Message) (providers.Accepted, error) {
		asked.Add(1)
		if broken {
			return providers.Accepted{}, &providers.Error{Kind: providers.ErrorInDoubt, Err: errors.New("no answer to the message: EOF")}
		}
		return providers.Accepted{}, nil
	}
	ch := b.channel(providers.Channel{})
	require.NoError(t, ch.handle(t.Context(), envelope(600)))
	require.Equal(t, int64(providers.DefaultDoubtsInARow), asked.Load())
	require.Len(t, b.store.unqueued, 600-providers.DefaultDoubtsInARow)
	for _, due := range b.store.unqueued {
		require.Equal(t, messages.Due{At: noon.Add(time.Second), Reason: messages.ReasonChannelHeld}, due)
	}
	require.Len(t, b.store.health, 1)
	require.Equal(t, providers.HealthDegraded, b.store.health[0].State)
	require.Equal(t, noon.Add(doubt.first), b.store.health[0].NextTry)
	require.Contains(t, b.store.health[0].Reason, "5 messages in a row got no answer")
	// One message tries, then the others wait twice as long.
	fake.Advance(doubt.first)
	b.beat.Store(fake.Now().UnixMilli())
	e := envelope(20)
	e.ID++
	for i := range e.Items {
		e.Items[i].MessageID += 1000
	}
	require.NoError(t, ch.handle(t.Context(), e))
	require.Equal(t, int64(providers.DefaultDoubtsInARow+1), asked.Load())
	require.Equal(t, noon.Add(3*doubt.first), b.store.health[1].NextTry)
	// One that succeeds lets all go.
	broken = false
	fake.Advance(2 * doubt.first)
	b.beat.Store(fake.Now().UnixMilli())
	for i := range e.Items {
		e.Items[i].MessageID += 1000
	}
	require.NoError(t, ch.handle(t.Context(), e))
	require.Equal(t, int64(providers.DefaultDoubtsInARow+1+20), asked.Load())
	require.Equal(t, providers.Health{State: providers.HealthOK}, b.store.health[2])
	require.Len(t, b.store.health, 3)
	requireAllFree(t, ch)
	require.Zero(t, ch.breaker.inflight)
}

func refuseAll(code string, kind providers.ErrorKind) func(context.Context, providers.Message) (providers.Accepted, error) {
	return func(context.Context, providers.Message) (providers.Accepted, error) {
		return providers.Accepted{}, &providers.Error{Kind: kind, Code: code, Err: errors.New("no: " + code)}
	}
}

// A run of equal refusals pauses the campaign, whatever the code; all but the
// last of them are refused, the rest wait.
func TestARunOfRefusalsPausesTheCampaign(t *testing.T) {
	for code, kind := range map[string]providers.ErrorKind{"550 5.1.1": providers.ErrorRecipient, "554 5.7.1": providers.ErrorContent} {
		b := newBench(t, clock.NewFake(noon))
		b.send = refuseAll(code, kind)
		ch := b.channel(providers.Channel{})
		e := envelope(providers.DefaultRefusalsInARow + 12)
		require.NoError(t, ch.handle(t.Context(), e))
		states := map[messages.State]int{}
		for _, o := range b.writer.recorded() {
			states[o.State]++
			if o.State == messages.Pending {
				require.True(t, o.Unspent)
				require.Empty(t, o.Bounce)
			}
		}
		require.Equal(t, 13, states[messages.Pending], code)
		require.Equal(t, providers.DefaultRefusalsInARow-1, states[messages.Failed]+states[messages.Rejected], code)
		require.Contains(t, b.store.paused[5], "20 messages were refused alike")
		require.Contains(t, b.store.paused[5], "the first 19 are failed or rejected")
		require.Contains(t, b.store.paused[5], code)
		require.Empty(t, b.store.health, "other campaigns of the channel go on")
	}
}

// Three bad addresses of a small list stop nothing, nor do many among good ones.
func TestBadAddressesAmongGoodOnesStopNothing(t *testing.T) {
	b := newBench(t, clock.NewFake(noon))
	ch := b.channel(providers.Channel{})
	b.send = refuseAll("550 5.1.1", providers.ErrorRecipient)
	require.NoError(t, ch.handle(t.Context(), envelope(3)))
	for _, o := range b.writer.recorded() {
		require.Equal(t, messages.Rejected, o.State)
	}
	refuse := b.send
	b.send = func(ctx context.Context, m providers.Message) (providers.Accepted, error) {
		if m.ID%5 != 0 {
			return refuse(ctx, m)
		}
		return providers.Accepted{}, nil
	}
	ch = b.channel(providers.Channel{Limits: providers.Limits{Concurrency: 1}})
	e := envelope(300)
	for i := range e.Items {
		e.Items[i].MessageID += 1000
	}
	require.NoError(t, ch.handle(t.Context(), e))
	require.Len(t, b.writer.recorded(), 303)
	require.Empty(t, b.store.paused)
	require.Empty(t, b.store.health)
}

// Refusals alike of several campaigns, or of transactional messages, hold the
// channel, and a try that is refused is not burnt.
func TestARunOfRefusalsOfSeveralHoldsTheChannel(t *testing.T) {
	fake := clock.NewFake(noon)
	b := newBench(t, fake)
	ch := b.channel(providers.Channel{})
	failure := &providers.Error{Kind: providers.ErrorContent, Code: "422", Err: errors.New("no")}
	judge := func(id, run int64) messages.Outcome {
		e := queue.Envelope{ID: id, ChannelID: 1, RunID: run, Transactional: run == 0}
		return ch.judge(t.Context(), e, queue.Item{MessageID: id, Attempt: 1}, providers.Accepted{}, failure)
	}
	for id := range int64(providers.DefaultRefusalsInARow - 1) {
		require.Equal(t, messages.Failed, judge(id+1, id%3).State)
	}
	o := judge(20, 0)
	require.Equal(t, messages.Pending, o.State)
	require.True(t, o.Unspent)
	require.Equal(t, messages.ReasonChannelHeld, o.Reason)
	require.Equal(t, providers.HealthHeld, b.store.health[0].State)
	require.Equal(t, noon.Add(refuses.first), b.store.health[0].NextTry)
	require.Empty(t, b.store.paused)
	fake.Advance(refuses.first)
	require.Equal(t, messages.Pending, judge(21, 0).State)
	require.Len(t, b.store.health, 2)
}

// A mailbox that gets mail too quickly is one message's matter: the channel goes
// on, its tries are bounded, the fleet is not slowed down.
func TestABusyRecipientIsNotTheChannels(t *testing.T) {
	b := newBench(t, clock.NewFake(noon))
	b.send = func(_ context.Context, m providers.Message) (providers.Accepted, error) {
		if m.ID == 2 {
			return providers.Accepted{}, &providers.Error{Kind: providers.ErrorRecipientBusy, Code: "450 4.2.1", Err: errors.New("too quickly")}
		}
		return providers.Accepted{}, nil
	}
	ch := b.channel(providers.Channel{})
	e := envelope(20)
	for attempt := 1; attempt <= campaigns.DefaultMaxAttempts; attempt++ {
		b.writer.claimed, b.writer.outcomes = map[int64]bool{}, map[int64]messages.Outcome{}
		e.Items[1].Attempt = attempt
		require.NoError(t, ch.handle(t.Context(), e))
		want := messages.Pending
		if attempt == campaigns.DefaultMaxAttempts {
			want = messages.Failed
		}
		o := b.writer.recorded()[2]
		require.Equal(t, want, o.State)
		require.False(t, o.Unspent)
		require.Len(t, b.writer.recorded(), 20)
	}
	state, err := b.queue.Limiter().State(t.Context(), queue.Channel{ID: 1}, 0)
	require.NoError(t, err)
	require.Zero(t, state.BlockedFor)
	require.Empty(t, b.store.health)
}

// What was claimed when the sender was refused, and not asked for yet, is not.
func TestARefusedSenderStopsAtOnce(t *testing.T) {
	b := newBench(t, clock.NewFake(noon))
	var asked atomic.Int64
	b.send = func(ctx context.Context, m providers.Message) (providers.Accepted, error) {
		asked.Add(1)
		return refuseAll("553 5.7.1", providers.ErrorSender)(ctx, m)
	}
	ch := b.channel(providers.Channel{})
	require.NoError(t, ch.handle(t.Context(), envelope(100)))
	require.LessOrEqual(t, asked.Load(), int64(providers.DefaultDoubtsInARow))
	for _, o := range b.writer.recorded() {
		require.Equal(t, messages.Pending, o.State)
		require.True(t, o.Unspent)
	}
	require.Contains(t, b.store.stopped[1], "refuses the sender")
	require.Contains(t, b.store.stopped[1], "553 5.7.1")
}

// A changed channel begins anew at once, and what another worker has found holds
// this one too.
func TestAChangedChannelBeginsAnew(t *testing.T) {
	fake := clock.NewFake(noon)
	b := newBench(t, fake)
	c := providers.Channel{ID: 1, Health: providers.Health{State: providers.HealthOK}}
	ch := b.channel(c)
	ch.judge(t.Context(), envelope(1), queue.Item{MessageID: 1, Attempt: 1}, providers.Accepted{}, &providers.Error{Kind: providers.ErrorQuota})
	require.Equal(t, time.Minute, ch.remaining())
	ch.update(c)
	require.Equal(t, time.Minute, ch.remaining())
	c.Epoch++
	ch.update(c)
	require.Zero(t, ch.remaining())

	c.Health = providers.Health{State: providers.HealthDegraded, NextTry: noon.Add(time.Hour)}
	ch.update(c)
	require.Equal(t, time.Hour, ch.remaining())
	require.NoError(t, ch.handle(t.Context(), envelope(2)))
	require.Empty(t, b.writer.claims)
	// It succeeds with what was on its way: so much for the other's finding.
	ch.judge(t.Context(), envelope(1), queue.Item{MessageID: 1, Attempt: 1}, providers.Accepted{}, nil)
	require.Zero(t, ch.remaining())
	require.Equal(t, providers.Health{State: providers.HealthOK}, b.store.health[len(b.store.health)-1])
}

// The log says once when a provider begins to ask for less, and once when that is
// over.
func TestSlownessIsLoggedOncePerEpisode(t *testing.T) {
	fake := clock.NewFake(noon)
	b := newBench(t, fake)
	var log strings.Builder
	b.o.Logger = slog.New(slog.NewTextHandler(&log, nil))
	ch := b.channel(providers.Channel{})
	for episode := 1; episode <= 2; episode++ {
		for range 300 {
			ch.judge(t.Context(), envelope(1), queue.Item{MessageID: 1, Attempt: 1}, providers.Accepted{},
				&providers.Error{Kind: providers.ErrorThrottled, RetryAfter: time.Second})
			ch.update(ch.c)
			fake.Advance(time.Second)
		}
		require.Equal(t, episode, strings.Count(log.String(), "provider asks to slow down"))
		require.Equal(t, episode-1, strings.Count(log.String(), "no longer asks"))
		fake.Advance(quietFor)
		ch.update(ch.c)
		ch.update(ch.c)
		require.Equal(t, episode, strings.Count(log.String(), "no longer asks"))
	}
	require.Contains(t, log.String(), "asked=300")
}

// A long Retry-After is shown on the channel, once, with its end; what had been
// asked before changes nothing of it, and the first success after it ends it.
func TestALongRetryAfterIsShown(t *testing.T) {
	fake := clock.NewFake(noon)
	b := newBench(t, fake)
	ch := b.channel(providers.Channel{})
	judge := func(err error) {
		ch.judge(t.Context(), envelope(1), queue.Item{MessageID: 1, Attempt: 1}, providers.Accepted{}, err)
	}
	slow := func(after time.Duration) error {
		return &providers.Error{Kind: providers.ErrorThrottled, RetryAfter: after, Err: errors.New("429")}
	}
	judge(slow(time.Second))
	require.Empty(t, b.store.health, "that is speed, no hold")
	for range 30 {
		judge(slow(time.Hour))
		fake.Advance(time.Millisecond)
	}
	require.Equal(t, []providers.Health{{
		State: providers.HealthHeld, Since: noon, NextTry: noon.Add(time.Hour), Reason: "held by the provider until 2026-03-01T13:00:00Z: 429",
	}}, b.store.health)
	judge(nil)
	require.Len(t, b.store.health, 1)
	require.Positive(t, ch.remaining())
	fake.Advance(time.Hour)
	judge(nil)
	require.Equal(t, providers.Health{State: providers.HealthOK}, b.store.health[1])
}
