package store_test

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"carillon/internal/clock"
	"carillon/messages"
	"carillon/providers"
	"carillon/store/storetest"
)

// An endpoint may answer that it is busy and send all the same. What it reports
// then is a fact: it ends the tries at once, and no answer beats it.
func TestAFactEndsTheTries(t *testing.T) {
	temporary := func(o *messages.Outcome) {
		o.State, o.Kind, o.Reason, o.Code = messages.Pending, "temporary", messages.ReasonTemporary, "504"
	}
	throttled := func(o *messages.Outcome) {
		o.State, o.Kind, o.Reason, o.Unspent, o.EnvelopeID = messages.Pending, "throttled", messages.ReasonThrottled, true, 1
	}
	refused := func(o *messages.Outcome) {
		o.State, o.Kind, o.Reason = messages.Failed, "content", messages.ReasonRefused
	}
	rejected := func(o *messages.Outcome) {
		o.State, o.Kind, o.Reason = messages.Rejected, "recipient", messages.ReasonRecipient
	}
	doubtful := func(o *messages.Outcome) {
		o.State, o.Kind, o.Reason = messages.Unknown, "in_doubt", messages.ReasonInDoubt
	}
	notAsked := func(o *messages.Outcome) {
		o.State, o.Unspent, o.NotAsked, o.EnvelopeID = messages.Pending, true, true, 1
	}
	arrives := map[providers.ReceiptStatus]messages.State{
		providers.ReceiptDelivered: messages.Delivered, providers.ReceiptRead: messages.Read,
		providers.ReceiptFailed: messages.Failed, providers.ReceiptRejected: messages.Rejected,
	}
	for _, c := range []struct {
		name   string
		answer func(o *messages.Outcome)
		status providers.ReceiptStatus
		want   messages.State
	}{
		{"504, delivered", temporary, providers.ReceiptDelivered, messages.Delivered},
		{"504, read", temporary, providers.ReceiptRead, messages.Read},
		{"504, failed", temporary, providers.ReceiptFailed, messages.Failed},
		{"504, rejected", temporary, providers.ReceiptRejected, messages.Rejected},
		{"429, delivered", throttled, providers.ReceiptDelivered, messages.Delivered},
		{"400, delivered", refused, providers.ReceiptDelivered, messages.Delivered},
		{"400, failed", refused, providers.ReceiptFailed, messages.Failed},
		{"550, read", rejected, providers.ReceiptRead, messages.Read},
		{"no answer, delivered", doubtful, providers.ReceiptDelivered, messages.Delivered},
		{"not asked, delivered", notAsked, providers.ReceiptDelivered, messages.Pending}, // of nobody knows what
	} {
		t.Run(c.name, func(t *testing.T) {
			storetest.Each(t, func(t *testing.T, s *storetest.Store) {
				j := newJourney(t, s, 4)
				run := j.Start()
				j.PlanAll(run.ID, 100)
				claimed := j.Claim(run.ID, 1, j.Feed(run.ID, []int64{1}, 100))
				before, after, queued, canceled := claimed[0], claimed[1], claimed[2], claimed[3]
				said := func(id int64) {
					t.Helper()
					require.NoError(t, j.Writer.Receive(t.Context(), j.Channel.ID, []providers.Receipt{{MessageID: id, Status: c.status, At: s.Clock.Now()}}))
				}
				said(before) // the answer has not come yet
				require.Equal(t, messages.Sending, j.message(before).State)
				j.Record(run.ID, claimed, c.answer)
				require.Equal(t, c.want, j.message(before).State, "before the answer")
				said(after)
				require.Equal(t, c.want, j.message(after).State, "after the answer")

				if answered := j.message(queued).State; answered == messages.Pending {
					_, err := s.CancelMessage(t.Context(), j.AccountID, canceled, "me")
					require.NoError(t, err)
					require.NotEmpty(t, j.Feed(run.ID, []int64{2}, 100))
					require.Equal(t, messages.Queued, j.message(queued).State)
					said(queued)
					if c.want != messages.Pending {
						require.Equal(t, c.want, j.message(queued).State, "while it is queued again")
						require.Empty(t, j.Claim(run.ID, 2, []messages.FeedMessage{{ID: queued, EnvelopeID: 2}}), "nobody sends it again")
					}
					said(canceled)
					want := messages.Canceled
					if c.want == messages.Delivered || c.want == messages.Read {
						want = arrives[c.status]
					}
					require.Equal(t, want, j.message(canceled).State, "after it was canceled between two tries")
				}
				j.Balanced(run.ID)
			})
		})
	}
}

// Claims run ahead of what is asked: what arrived by an earlier try takes a message
// back from the worker that has claimed the next one, and whatever that is answered
// all the same changes nothing.
func TestAFactTakesAClaimedRetryBack(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *storetest.Store) {
		j := newJourney(t, s, 2)
		run := j.Start()
		j.PlanAll(run.ID, 100)
		throttled := func(envelope int64) func(o *messages.Outcome) {
			return func(o *messages.Outcome) {
				o.State, o.Kind, o.Reason, o.Unspent, o.EnvelopeID = messages.Pending, "throttled", messages.ReasonThrottled, true, envelope
			}
		}
		j.Record(run.ID, j.Claim(run.ID, 1, j.Feed(run.ID, []int64{1}, 100)), throttled(1))
		before, err := s.HaltVersion(t.Context())
		require.NoError(t, err)
		claimed := j.Claim(run.ID, 2, j.Feed(run.ID, []int64{2}, 100))
		j.said(claimed[0], providers.ReceiptFailed)
		require.Equal(t, messages.Sending, j.message(claimed[0]).State, "of which try that is said, nobody knows")
		j.said(claimed[0], providers.ReceiptDelivered)
		require.Equal(t, messages.Delivered, j.message(claimed[0]).State)
		require.Eventually(t, func() bool {
			now, err := s.HaltVersion(t.Context())
			require.NoError(t, err)
			return now != before
		}, 5*time.Second, time.Millisecond, "whoever is about to ask looks again")
		sendable, err := s.Sendable(t.Context(), j.Channel.ID, j.Revision(), run.ID, claimed)
		require.NoError(t, err)
		require.Equal(t, claimed[1:], sendable)
		j.Record(run.ID, claimed[:1], func(o *messages.Outcome) {
			o.State, o.Kind, o.Reason = messages.Failed, "content", messages.ReasonRefused
		})
		j.Record(run.ID, claimed[:1], throttled(2))
		require.Equal(t, messages.Delivered, j.message(claimed[0]).State)
		j.Balanced(run.ID)
	})
}

// A worker dies while it asks, and the receipt is there before anybody takes it
// for dead: nothing is in doubt, and nothing is sent again.
func TestAFactSettlesWhatADeadWorkerAsked(t *testing.T) {
	for _, policy := range []providers.InDoubtPolicy{providers.InDoubtHold, providers.InDoubtResend} {
		t.Run(string(policy), func(t *testing.T) {
			storetest.Each(t, func(t *testing.T, s *storetest.Store) {
				j := newJourney(t, s, 2)
				setPolicy(t, j, policy)
				run := j.Start()
				j.PlanAll(run.ID, 100)
				claimed := j.Claim(run.ID, 1, j.Feed(run.ID, []int64{1}, 100))
				require.NoError(t, j.Writer.Receive(t.Context(), j.Channel.ID,
					[]providers.Receipt{{MessageID: claimed[0], Status: providers.ReceiptDelivered, At: s.Clock.Now()}}))
				j.settleOwn()
				require.Equal(t, messages.Delivered, j.message(claimed[0]).State)
				require.NotEqual(t, messages.Delivered, j.message(claimed[1]).State)
				j.Balanced(run.ID)
			})
		})
	}
}

// What is said of a time that is over says nothing of the next one.
func TestReceiptsOfATimeThatIsOver(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *storetest.Store) {
		j := newJourney(t, s, 2)
		run := j.Start()
		j.PlanAll(run.ID, 100)
		claimed := j.Claim(run.ID, 1, j.Feed(run.ID, []int64{1}, 100))
		said := func(id int64, status providers.ReceiptStatus) {
			t.Helper()
			require.NoError(t, j.Writer.Receive(t.Context(), j.Channel.ID, []providers.Receipt{{MessageID: id, Status: status, At: s.Clock.Now()}}))
		}
		j.Record(run.ID, claimed, nil)
		said(claimed[0], providers.ReceiptFailed)
		_, err := s.ResendMessage(t.Context(), j.AccountID, claimed[0], "me")
		require.NoError(t, err)
		said(claimed[0], providers.ReceiptFailed) // providers repeat themselves
		require.Equal(t, messages.Pending, j.message(claimed[0]).State)
		said(claimed[0], providers.ReceiptDelivered) // but it has arrived: nobody gets it twice
		require.Equal(t, messages.Delivered, j.message(claimed[0]).State)
		said(claimed[0], providers.ReceiptFailed)
		require.Equal(t, messages.Delivered, j.message(claimed[0]).State)
		require.Nil(t, j.message(claimed[0]).FinalAt)
		j.Balanced(run.ID)
	})
}

// Time stands still for a message's history when the provider's clock is late.
func TestALateClockDoesNotReorderHistory(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *storetest.Store) {
		j := newJourney(t, s, 1)
		run := j.Start()
		j.PlanAll(run.ID, 100)
		claimed := j.Claim(run.ID, 1, j.Feed(run.ID, []int64{1}, 100))
		require.NoError(t, j.Writer.Receive(t.Context(), j.Channel.ID,
			[]providers.Receipt{{MessageID: claimed[0], Status: providers.ReceiptDelivered, At: s.Clock.Now().Add(-time.Hour)}}))
		j.Record(run.ID, claimed, func(o *messages.Outcome) {
			o.State, o.Kind, o.Reason = messages.Pending, "temporary", messages.ReasonTemporary
		})
		moves, err := s.Transitions(t.Context(), claimed[0])
		require.NoError(t, err)
		history := messages.History(j.message(claimed[0]), moves)
		var states []messages.State
		for i, p := range history {
			states = append(states, p.State)
			if i > 0 {
				require.False(t, p.At.Before(history[i-1].At), "%s", p.State)
			}
		}
		require.Equal(t, []messages.State{messages.Pending, messages.Queued, messages.Sending, messages.Pending, messages.Delivered}, states)
	})
}

// A request that its sender repeats changes nothing a second time, not even a
// message that has been sent again since.
func TestARepeatedRequestChangesNothing(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *storetest.Store) {
		ctx := t.Context()
		j := newJourney(t, s, 2)
		run := j.Start()
		j.PlanAll(run.ID, 100)
		claimed := j.Claim(run.ID, 1, j.Feed(run.ID, []int64{1}, 100))
		j.Record(run.ID, claimed, nil)
		once := func(channel int64, request string, status providers.ReceiptStatus) bool {
			t.Helper()
			repeated, err := j.Writer.ReceiveOnce(ctx, channel, request, []providers.Receipt{{MessageID: claimed[0], Status: status, At: s.Clock.Now()}})
			require.NoError(t, err)
			return repeated
		}
		require.False(t, once(j.Channel.ID, "a", providers.ReceiptFailed))
		require.Equal(t, messages.Failed, j.message(claimed[0]).State)
		_, err := s.ResendMessage(ctx, j.AccountID, claimed[0], "me")
		require.NoError(t, err)
		j.Record(run.ID, j.Claim(run.ID, 2, j.Feed(run.ID, []int64{2}, 100)), func(o *messages.Outcome) { o.Attempt = 2 })
		require.True(t, once(j.Channel.ID, "a", providers.ReceiptFailed))
		require.Equal(t, messages.Sent, j.message(claimed[0]).State)
		require.False(t, once(j.Channel.ID+1, "a", providers.ReceiptFailed), "another channel's request")
		require.False(t, once(j.Channel.ID, "b", providers.ReceiptDelivered))
		require.False(t, once(j.Channel.ID, "", providers.ReceiptDelivered))
		require.False(t, once(j.Channel.ID, "", providers.ReceiptDelivered))
		require.Equal(t, messages.Delivered, j.message(claimed[0]).State)

		// In one group, too.
		results := make(chan bool, 8)
		for range cap(results) {
			go func() {
				repeated, err := j.Writer.ReceiveOnce(context.WithoutCancel(ctx), j.Channel.ID, "c",
					[]providers.Receipt{{MessageID: claimed[1], Status: providers.ReceiptDelivered}})
				results <- err != nil || repeated
			}()
		}
		fresh := 0
		for range cap(results) {
			if !<-results {
				fresh++
			}
		}
		require.Equal(t, 1, fresh)
	})
}

// What is remembered is bounded, in time and in number.
func TestRequestsAreForgotten(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *storetest.Store) {
		ctx := t.Context()
		j := newJourney(t, s, 1)
		fake := clock.NewFake(time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC))
		s.Clock.Set(fake)
		s.RememberRequests(3)
		once := func(request string) bool {
			t.Helper()
			fake.Advance(time.Second)
			repeated, err := j.Writer.ReceiveOnce(ctx, j.Channel.ID, request, []providers.Receipt{{MessageID: 1 << 40, Status: providers.ReceiptRead}})
			require.NoError(t, err)
			return repeated
		}
		forget := func() {
			t.Helper()
			for more := true; more; {
				var err error
				more, err = s.Housekeep(ctx)
				require.NoError(t, err)
			}
		}
		for _, request := range []string{"1", "2", "3", "4", "5"} {
			require.False(t, once(request))
		}
		forget()
		require.False(t, once("2"), "of too many the oldest is forgotten")
		require.True(t, once("4"))
		require.True(t, once("5"))
		fake.Advance(7 * 24 * time.Hour)
		forget()
		require.True(t, once("5"), "a provider may repeat itself for seven days")
		fake.Advance(2 * 24 * time.Hour)
		forget()
		require.False(t, once("5"))
	})
}

// said reports of a message.
func (j *journey) said(id int64, status providers.ReceiptStatus) {
	j.t.Helper()
	j.receive(providers.Receipt{MessageID: id, Status: status, At: j.Clock.Now()})
}
