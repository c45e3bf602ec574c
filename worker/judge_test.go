package worker

import (
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"carillon/campaigns"
	"carillon/internal/clock"
	"carillon/messages"
	"carillon/providers"
	"carillon/queue"
)

var noon = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

// verdict is what judge is to make of an answer.
type verdict struct {
	state   messages.State
	reason  string
	due     time.Duration // after the answer; -1: it is not due again
	unspent bool
}

const never = -1

// Every kind of error, for both priorities, with tries left and without, under
// every policy.
// While a campaign can't be read nobody is given up by a number of tries that may
// not be its own.
func TestACampaignThatCantBeReadEndsNoTries(t *testing.T) {
	b := newBench(t, clock.NewFake(noon))
	b.store.unread = errors.New("no answer")
	ch := b.channel(providers.Channel{})
	failure := &providers.Error{Kind: providers.ErrorTemporary, Code: "451", Err: errors.New("later")}
	o := ch.judge(t.Context(), envelope(1), queue.Item{MessageID: 1, Attempt: campaigns.DefaultMaxAttempts}, providers.Accepted{}, failure)
	require.Equal(t, messages.Pending, o.State)
	b.store.unread, b.store.campaign.Throttle.MaxAttempts = nil, 9
	o = ch.judge(t.Context(), envelope(1), queue.Item{MessageID: 1, Attempt: 8}, providers.Accepted{}, failure)
	require.Equal(t, messages.Pending, o.State)
	o = ch.judge(t.Context(), envelope(1), queue.Item{MessageID: 1, Attempt: 9}, providers.Accepted{}, failure)
	require.Equal(t, messages.Failed, o.State)
}

// Who has another address now gets the same message there, with the tries that are left.
func TestAMovedRecipientIsWrittenToAgain(t *testing.T) {
	b := newBench(t, clock.NewFake(noon))
	ch := b.channel(providers.Channel{})
	failure := &providers.Error{Kind: providers.ErrorRecipient, Code: "400", MovedTo: "-1001201784679", Err: errors.New("upgraded")}
	o := ch.judge(t.Context(), envelope(1), queue.Item{MessageID: 1, Attempt: 1}, providers.Accepted{}, failure)
	require.Equal(t, messages.Pending, o.State)
	require.Equal(t, "-1001201784679", o.MovedTo)
	require.Empty(t, o.Bounce)
	o = ch.judge(t.Context(), envelope(1), queue.Item{MessageID: 1, Attempt: campaigns.DefaultMaxAttempts}, providers.Accepted{}, failure)
	require.Equal(t, messages.Failed, o.State)
	require.Equal(t, "-1001201784679", o.MovedTo, "the contact gets it whatever becomes of the message")
}

func TestJudge(t *testing.T) {
	usedUp := verdict{messages.Failed, messages.ReasonAttemptsUsedUp, never, false}
	kinds := []struct {
		kind       providers.ErrorKind
		bounce     providers.BounceKind
		retryAfter time.Duration
		// left is the verdict while tries are left, last at the last try. resend and
		// resendLast are those where the policy is to send again.
		left, last         verdict
		resend, resendLast *verdict
	}{
		{
			kind: providers.ErrorTemporary,
			left: verdict{messages.Pending, messages.ReasonTemporary, 15 * time.Second, false}, last: usedUp,
		},
		{
			kind: providers.ErrorTemporary, retryAfter: time.Hour,
			left: verdict{messages.Pending, messages.ReasonTemporary, time.Hour, false}, last: usedUp,
		},
		{
			kind: providers.ErrorRecipientBusy,
			left: verdict{messages.Pending, messages.ReasonTemporary, 15 * time.Second, false}, last: usedUp,
		},
		{
			kind: providers.ErrorQuota,
			left: verdict{messages.Pending, messages.ReasonChannelHeld, heldAtMost, true},
			last: verdict{messages.Pending, messages.ReasonChannelHeld, heldAtMost, true},
		},
		{
			kind: providers.ErrorThrottled,
			left: verdict{messages.Pending, messages.ReasonThrottled, 0, true},
			last: verdict{messages.Pending, messages.ReasonThrottled, 0, true},
		},
		{
			kind: providers.ErrorThrottled, retryAfter: time.Minute,
			left: verdict{messages.Pending, messages.ReasonThrottled, 0, true},
			last: verdict{messages.Pending, messages.ReasonThrottled, 0, true},
		},
		{
			kind: providers.ErrorRecipient, bounce: providers.BounceHard,
			left: verdict{messages.Rejected, messages.ReasonRecipient, never, false},
			last: verdict{messages.Rejected, messages.ReasonRecipient, never, false},
		},
		{
			kind: providers.ErrorContent,
			left: verdict{messages.Failed, messages.ReasonRefused, never, false},
			last: verdict{messages.Failed, messages.ReasonRefused, never, false},
		},
		{
			kind: providers.ErrorAuth,
			left: verdict{messages.Pending, messages.ReasonChannelStopped, 0, true},
			last: verdict{messages.Pending, messages.ReasonChannelStopped, 0, true},
		},
		{
			kind: providers.ErrorSender,
			left: verdict{messages.Pending, messages.ReasonChannelStopped, 0, true},
			last: verdict{messages.Pending, messages.ReasonChannelStopped, 0, true},
		},
		{
			kind: providers.ErrorAccount,
			left: verdict{messages.Pending, messages.ReasonChannelStopped, 0, true},
			last: verdict{messages.Pending, messages.ReasonChannelStopped, 0, true},
		},
		{
			kind: providers.ErrorInDoubt,
			left: verdict{messages.Unknown, messages.ReasonInDoubt, never, false}, last: verdict{messages.Unknown, messages.ReasonInDoubt, never, false},
			resend: &verdict{messages.Pending, messages.ReasonInDoubt, 15 * time.Second, false}, resendLast: &usedUp,
		},
	}
	for _, k := range kinds {
		for _, transactional := range []bool{false, true} {
			for _, policy := range []providers.InDoubtPolicy{providers.InDoubtDefault, providers.InDoubtHold, providers.InDoubtResend} {
				for _, attempt := range []int{1, campaigns.DefaultMaxAttempts} {
					t.Run(fmt.Sprintf("%s %v transactional=%t policy=%q attempt=%d", k.kind, k.retryAfter, transactional, policy, attempt), func(t *testing.T) {
						b := newBench(t, clock.NewFake(noon))
						ch := b.channel(providers.Channel{InDoubt: policy})
						e := envelope(1)
						if e.Transactional = transactional; transactional {
							e.RunID, e.CampaignID = 0, 0
						}
						want := k.left
						if attempt > 1 {
							want = k.last
						}
						if k.resend != nil && (policy == providers.InDoubtResend || (policy == providers.InDoubtDefault && transactional)) {
							if want = *k.resend; attempt > 1 {
								want = *k.resendLast
							}
						}
						o := ch.judge(t.Context(), e, queue.Item{MessageID: 1, Attempt: attempt}, providers.Accepted{ProviderID: "not this"},
							fmt.Errorf("send: %w", &providers.Error{Kind: k.kind, Code: "418", Bounce: k.bounce, RetryAfter: k.retryAfter, Err: errors.New("a teapot")}))
						got := verdict{o.State, o.Reason, never, o.Unspent}
						if !o.DueAt.IsZero() {
							got.due = o.DueAt.Sub(noon)
						}
						if want.state == messages.Pending && attempt > 1 && want.due == 15*time.Second {
							want.due = messages.Backoff(attempt)
						}
						require.Equal(t, want, got)
						require.Equal(t, messages.Outcome{
							MessageID: 1, ChannelID: 1, RunID: e.RunID, WorkerID: 7, Attempt: attempt, EnvelopeID: 99, At: noon, Kind: string(k.kind), Code: "418",
							State: o.State, Reason: o.Reason, Detail: o.Detail, DueAt: o.DueAt, Unspent: o.Unspent, Bounce: k.bounce,
						}, o)
						require.Contains(t, o.Detail, "a teapot")
						require.Equal(t, k.kind.StopsChannel(), b.store.stopped[1] != "", "only what is refused for everybody stops the channel")
						state, err := b.queue.Limiter().State(t.Context(), queue.Channel{ID: 1}, 0)
						require.NoError(t, err)
						if k.kind == providers.ErrorThrottled {
							require.Equal(t, max(k.retryAfter, time.Second), state.BlockedFor, "the whole fleet waits")
						} else {
							require.Zero(t, state.BlockedFor)
						}
					})
				}
			}
		}
	}
}

func TestJudgeOfWhatIsNoProvidersError(t *testing.T) {
	b := newBench(t, clock.NewFake(noon))
	ch := b.channel(providers.Channel{})
	o := ch.judge(t.Context(), envelope(1), queue.Item{MessageID: 1, Attempt: 1}, providers.Accepted{}, errors.New("what?"))
	require.Equal(t, messages.Unknown, o.State, "an adapter that does not know must not cause a second send")
	o = ch.judge(t.Context(), envelope(1), queue.Item{MessageID: 1, Attempt: 1}, providers.Accepted{ProviderID: "id"}, nil)
	require.Equal(t, messages.Outcome{MessageID: 1, ChannelID: 1, RunID: 5, WorkerID: 7, Attempt: 1, EnvelopeID: 99, At: noon, State: messages.Sent,
		ProviderID: "id"}, o)
}

func TestTheCampaignSaysHowOftenItIsTried(t *testing.T) {
	b := newBench(t, clock.NewFake(noon))
	b.store.campaign.Throttle.MaxAttempts = 2
	ch := b.channel(providers.Channel{})
	failure := &providers.Error{Kind: providers.ErrorTemporary}
	for attempt, state := range map[int]messages.State{1: messages.Pending, 2: messages.Failed} {
		o := ch.judge(t.Context(), envelope(1), queue.Item{MessageID: 1, Attempt: attempt}, providers.Accepted{}, failure)
		require.Equal(t, state, o.State)
	}
	e := envelope(1)
	e.RunID, e.Transactional = 0, true
	o := ch.judge(t.Context(), e, queue.Item{MessageID: 1, Attempt: 2}, providers.Accepted{}, failure)
	require.Equal(t, messages.Pending, o.State, "a transactional message has the default")
}

// While the provider is down for everybody, attempts are not burnt and nothing
// is claimed; the channel says so.
func TestAnOutageBurnsNoAttempts(t *testing.T) {
	fake := clock.NewFake(noon)
	b := newBench(t, fake)
	ch := b.channel(providers.Channel{})
	failure := &providers.Error{Kind: providers.ErrorTemporary, Err: errors.New("connection refused")}
	judge := func(attempt int) messages.Outcome {
		return ch.judge(t.Context(), envelope(1), queue.Item{MessageID: 1, Attempt: attempt}, providers.Accepted{}, failure)
	}
	for range downAfter - 1 {
		require.False(t, judge(1).Unspent)
	}
	for range 20 {
		o := judge(campaigns.DefaultMaxAttempts)
		require.Equal(t, messages.Pending, o.State)
		require.True(t, o.Unspent)
		require.Equal(t, noon.Add(time.Second), o.DueAt)
	}
	require.Len(t, b.store.health, 1)
	require.Equal(t, providers.HealthDegraded, b.store.health[0].State)
	require.Contains(t, b.store.health[0].Reason, "connection refused")
	require.Equal(t, noon, b.store.health[0].Since)
	require.Equal(t, noon.Add(time.Second), b.store.health[0].NextTry)
	n, wait, err := ch.takeTurn(t.Context(), envelope(3), items(3), nil)
	require.NoError(t, err)
	require.Zero(t, n)
	require.Equal(t, time.Second, wait)
	require.Empty(t, b.writer.claims)

	fake.Advance(time.Second)
	require.NoError(t, ch.handle(t.Context(), envelope(3)))
	require.Len(t, b.writer.recorded(), 3)
	require.Equal(t, []providers.Health{b.store.health[0], {State: providers.HealthOK}}, b.store.health, "and is well again")
}
