package store_test

import (
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"carillon/internal/clock"
	"carillon/internal/fault"
	"carillon/messages"
	"carillon/providers"
	"carillon/store"
	"carillon/store/storetest"
)

// seen is a state as somebody saw it who looked after each step.
type seen struct {
	state          messages.State
	at             time.Time
	reason, detail string
}

// walk lets messages make random journeys, one step at a time, and notes what
// each step made of each message.
type walk struct {
	*journey
	r        *rand.Rand
	clock    *clock.Fake
	run      int64
	envelope int64
	ids      []int64
	fed      map[int64][]messages.FeedMessage // by envelope
	claimed  map[int64]messages.Outcome       // the claim that a message was last given
	journal  map[int64][]seen
	asked    map[int64]bool // the provider may have been asked
}

func newWalk(t *testing.T, s *storetest.Store, seed uint64) *walk {
	w := &walk{
		r: rand.New(rand.NewPCG(seed, 1)), clock: clock.NewFake(time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)), fed: map[int64][]messages.FeedMessage{},
		claimed: map[int64]messages.Outcome{}, journal: map[int64][]seen{}, asked: map[int64]bool{},
	}
	s.Clock.Set(w.clock)
	w.journey = newJourney(t, s, 9)
	if seed%2 == 0 {
		setPolicy(t, w.journey, providers.InDoubtResend)
	}
	w.run = w.Start().ID
	w.PlanAll(w.run, 100)
	list, err := s.ListMessages(t.Context(), messages.MessageFilter{AccountID: w.AccountID, RunID: w.run})
	require.NoError(t, err)
	for _, m := range list {
		w.ids = append(w.ids, m.ID)
	}
	w.look()
	return w
}

// look notes the messages whose state is another one than before.
func (w *walk) look() {
	for _, id := range w.ids {
		m := w.message(id)
		known := w.journal[id]
		if len(known) > 0 && known[len(known)-1].state == m.State {
			continue
		}
		w.journal[id] = append(known, seen{m.State, w.clock.Now(), m.Reason, m.Detail})
	}
}

// pick is some of the messages that are in one of the states.
func (w *walk) pick(states ...messages.State) (ids []int64) {
	for _, id := range w.ids {
		for _, state := range states {
			if w.message(id).State == state && w.r.IntN(2) == 0 {
				ids = append(ids, id)
			}
		}
	}
	return ids
}

// someEnvelope is one of the newest envelopes.
func (w *walk) someEnvelope() int64 { return max(1, w.envelope-w.r.Int64N(4)) }

func (w *walk) claimOf(id int64) messages.Outcome {
	o := w.claimed[id]
	o.At, o.Detail = w.clock.Now(), fmt.Sprintf("answer at %d", w.clock.Now().UnixMilli())
	return o
}

// answers are what becomes of a claimed message.
var answers = []func(o *messages.Outcome){
	func(o *messages.Outcome) { o.State, o.Detail = messages.Sent, "" },
	func(o *messages.Outcome) {
		o.State, o.Detail, o.ProviderID = messages.Sent, "", fmt.Sprint("p", o.MessageID)
	},
	func(o *messages.Outcome) {
		o.State, o.Reason, o.Kind, o.DueAt = messages.Pending, messages.ReasonTemporary, "temporary", o.At
	},
	func(o *messages.Outcome) {
		o.State, o.Reason, o.Kind, o.Unspent = messages.Pending, messages.ReasonThrottled, "throttled", true
	},
	func(o *messages.Outcome) {
		o.State, o.Unspent, o.NotAsked, o.Detail = messages.Pending, true, true, ""
	},
	func(o *messages.Outcome) {
		o.State, o.Reason, o.Kind = messages.Failed, messages.ReasonRefused, "content"
	},
	func(o *messages.Outcome) {
		o.State, o.Reason, o.Kind = messages.Rejected, messages.ReasonRecipient, "recipient"
	},
	func(o *messages.Outcome) {
		o.State, o.Reason, o.Kind = messages.Unknown, messages.ReasonInDoubt, "in_doubt"
	},
}

// step does one thing.
func (w *walk) step() {
	ctx, t := w.t.Context(), w.t
	may := func(err error) {
		if !fault.Is(err, fault.Conflict) {
			require.NoError(t, err)
		}
	}
	switch n := w.r.IntN(20); {
	case n < 4:
		w.envelope++
		w.fed[w.envelope] = w.Feed(w.run, []int64{w.envelope}, 1+w.r.IntN(4))
	case n < 8:
		envelope := w.someEnvelope()
		for _, id := range w.Claim(w.run, envelope, w.fed[envelope]) {
			w.claimed[id] = w.Outcomes(w.run, []int64{id}, func(o *messages.Outcome) { o.Attempt, o.EnvelopeID = w.message(id).Attempt, envelope })[0]
		}
	case n < 12:
		for _, id := range w.pick(messages.Sending) {
			o := w.claimOf(id)
			answers[w.r.IntN(len(answers))](&o)
			w.asked[id] = w.asked[id] || !o.NotAsked
			require.NoError(t, w.Writer.Record(ctx, []messages.Outcome{o}))
		}
	case n == 12: // the worker was not dead
		for _, id := range w.pick(messages.Unknown) {
			o := w.claimOf(id)
			answers[w.r.IntN(len(answers))](&o)
			w.asked[id] = w.asked[id] || !o.NotAsked
			require.NoError(t, w.Writer.Record(ctx, []messages.Outcome{o}))
		}
	case n == 13:
		for _, id := range w.ids {
			w.asked[id] = w.asked[id] || w.message(id).State == messages.Sending
		}
		w.settleOwn()
	case n == 14:
		if w.r.IntN(2) == 0 {
			may(w.PauseCampaign(ctx, w.AccountID, w.Campaign, "key 1"))
			may(w.ResumeCampaign(ctx, w.AccountID, w.Campaign, "key 1"))
		} else {
			require.NoError(t, w.PauseChannel(ctx, w.AccountID, w.Channel.ID, "key 1"))
			require.NoError(t, w.ResumeChannel(ctx, w.AccountID, w.Channel.ID, "key 1"))
		}
	case n == 15:
		envelope := w.someEnvelope()
		if fed := w.fed[envelope]; w.r.IntN(2) == 0 {
			_, err := w.RequeueLost(ctx, w.Channel.ID, []int64{envelope})
			require.NoError(t, err)
		} else if len(fed) > 0 {
			require.NoError(t, w.Unqueue(ctx, messages.Unqueuing{RunID: w.run, ChannelID: w.Channel.ID, EnvelopeID: envelope, MessageIDs: []int64{fed[0].ID},
				Due: messages.Due{At: w.clock.Now(), Reason: messages.ReasonThrottled}}))
		}
	case n == 16:
		for _, id := range w.pick(messages.Failed, messages.Unknown) {
			_, err := w.ResendMessage(ctx, w.AccountID, id, "key 2 (ops)")
			may(err)
		}
	case n < 19:
		statuses := []providers.ReceiptStatus{providers.ReceiptDelivered, providers.ReceiptRead, providers.ReceiptFailed, providers.ReceiptRejected}
		for _, id := range w.pick(messages.States()...) {
			if !w.asked[id] {
				continue // what then waits for an answer has a test of its own
			}
			status := statuses[w.r.IntN(len(statuses))]
			if w.message(id).State == messages.Sending {
				status = providers.ReceiptDelivered
			}
			require.NoError(t, w.Writer.Receive(ctx, w.Channel.ID, []providers.Receipt{{
				MessageID: id, Status: status, At: w.clock.Now(), Code: "5", Detail: "said so",
			}}))
		}
	case w.r.IntN(4) == 0:
		ids := w.pick(messages.Pending, messages.Queued)
		if len(ids) == 0 {
			return
		}
		if w.r.IntN(2) == 0 {
			_, err := w.CancelMessage(ctx, w.AccountID, ids[0], "key 3")
			may(err)
		} else {
			require.NoError(t, store.Unsubscribe(ctx, w.Store.Store, w.AccountID, w.message(ids[0]).Address))
		}
	default:
		_, _, err := w.FinishRuns(ctx)
		require.NoError(t, err)
	}
}

// What is shown of a message is what somebody would have seen who had looked at
// it all the time: every state, in order, with its time and why.
func TestHistoryIsTheJourney(t *testing.T) {
	for seed := range uint64(4) {
		t.Run(fmt.Sprint("seed ", seed), func(t *testing.T) {
			storetest.Each(t, func(t *testing.T, s *storetest.Store) {
				w := newWalk(t, s, seed)
				for range 200 {
					w.clock.Advance(time.Second)
					w.step()
					w.look()
				}
				w.clock.Advance(time.Second)
				if err := w.CancelCampaign(t.Context(), w.AccountID, w.Campaign, "key 4"); !fault.Is(err, fault.Conflict) {
					require.NoError(t, err)
				}
				for more := true; more; {
					var err error
					more, err = s.CancelPending(t.Context())
					require.NoError(t, err)
				}
				w.look()
				longest := 0
				for _, id := range w.ids {
					moves, err := s.Transitions(t.Context(), id)
					require.NoError(t, err)
					var shown []seen
					for _, p := range messages.History(w.message(id), moves) {
						shown = append(shown, seen{p.State, p.At, p.Reason, p.Detail})
					}
					require.Equal(t, w.journal[id], shown, "message %d", id)
					longest = max(longest, len(shown))
				}
				require.Greater(t, longest, 6, "some message came far")
				w.Balanced(w.run)
			})
		})
	}
}

// A message that is throttled for ever does not fill the store.
func TestMovesAreBounded(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *storetest.Store) {
		w := newWalk(t, s, 1)
		id := w.ids[0]
		const rounds = 130
		for range rounds {
			w.clock.Advance(time.Second)
			w.envelope++
			claimed := w.Claim(w.run, w.envelope, w.Feed(w.run, []int64{w.envelope}, 1))
			require.Equal(t, []int64{id}, claimed)
			w.clock.Advance(time.Second)
			w.Record(w.run, claimed, func(o *messages.Outcome) {
				o.State, o.Reason, o.Kind, o.Unspent, o.EnvelopeID = messages.Pending, messages.ReasonThrottled, "throttled", true, w.envelope
			})
		}
		moves, err := s.Transitions(t.Context(), id)
		require.NoError(t, err)
		require.Len(t, moves, store.MaxTransitions)
		last := moves[len(moves)-1]
		require.Equal(t, rounds-store.MaxTransitions, last.Repeats)
		require.Equal(t, w.clock.Now(), last.At)
		history := messages.History(w.message(id), moves)
		require.Equal(t, messages.Passage{
			State: messages.Pending, At: w.clock.Now(), Reason: messages.ReasonThrottled, Attempt: 1, Kind: "throttled", Repeats: rounds - store.MaxTransitions,
		}, history[len(history)-1])
	})
}
