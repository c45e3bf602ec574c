package store

import (
	"context"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"carillon/campaigns"
	"carillon/internal/fault"
	"carillon/internal/testenv"
	"carillon/messages"
	"carillon/providers"
)

// A stale task must not get messages that are in another envelope by now, nor
// keep others from theirs, even if both ask in one group.
func TestAStaleTaskClaimsNothingBesideTheOwner(t *testing.T) {
	eachStore(t, func(t *testing.T, s *Store) {
		j := newJourney(t, s, 20)
		run := j.start()
		j.planAll(run.ID, 100)
		stale := j.feed(run.ID, []int64{1}, 4)
		_, err := s.RequeueLost(t.Context(), j.channel.ID, []int64{1})
		require.NoError(t, err)
		now := j.feed(run.ID, []int64{2}, 4)
		require.Equal(t, stale[0].ID, now[0].ID)
		claim := func(envelope int64, fed ...messages.FeedMessage) *op {
			c := messages.Claim{WorkerID: j.worker, ChannelID: j.channel.ID, RunID: run.ID, EnvelopeID: envelope}
			for _, m := range fed {
				c.MessageIDs = append(c.MessageIDs, m.ID)
			}
			return &op{claim: &c}
		}
		// The owner asks for its first two now and for the others later.
		group := []*op{claim(1, stale...), claim(2, now[:2]...)}
		require.NoError(t, s.inTx(t.Context(), func(tx conn) error {
			return tx.applyGroup(t.Context(), group, shardFirstWriter, true)
		}))
		require.Empty(t, group[0].claimed)
		require.Equal(t, []int64{now[0].ID, now[1].ID}, group[1].claimed)
		j.balanced(run.ID)
		rest := j.claim(run.ID, 2, now)
		require.ElementsMatch(t, []int64{now[2].ID, now[3].ID}, rest)
		m, err := s.GetMessage(t.Context(), j.accountID, now[2].ID)
		require.NoError(t, err)
		require.Equal(t, 1, m.Attempt)
		j.balanced(run.ID)
	})
}

// Whoever asks, and through however many processes: each message is granted to
// one of them.
func TestEachMessageIsGrantedOnce(t *testing.T) {
	for name, dsn := range map[string]func(testing.TB) string{"SQLite": sqliteDSN, "PostgreSQL": postgresDSN} {
		t.Run(name, func(t *testing.T) {
			dsn := dsn(t)
			j := newJourney(t, openTestStore(t, dsn), 100)
			writers := []*Writer{j.writer}
			if j.Postgres() {
				writer := openTestStore(t, dsn).StartWriter(j.worker + 1)
				t.Cleanup(writer.Stop)
				writers = append(writers, writer)
			}
			run := j.start()
			j.planAll(run.ID, 100)
			fed := j.feed(run.ID, []int64{1}, 100)
			require.Len(t, fed, 90)
			ids := make([]int64, len(fed))
			for i, m := range fed {
				ids[i] = m.ID
			}
			const askers = 16
			granted := make([][]int64, askers)
			var wg sync.WaitGroup
			for i := range askers {
				wg.Go(func() {
					var err error
					granted[i], err = writers[i%len(writers)].Claim(t.Context(), messages.Claim{
						WorkerID: j.worker + int64(i%3), ChannelID: j.channel.ID, RunID: run.ID, EnvelopeID: 1, MessageIDs: ids,
					})
					require.NoError(t, err)
				})
			}
			wg.Wait()
			var all []int64
			for _, some := range granted {
				all = append(all, some...)
			}
			require.ElementsMatch(t, ids, all)
			j.balanced(run.ID)
		})
	}
}

func TestAnOutcomeIsThatOfItsOwnTry(t *testing.T) {
	late := map[string]func(*messages.Outcome){
		"sent": nil,
		"again": func(o *messages.Outcome) {
			o.State, o.Kind, o.Reason = messages.Pending, "in_doubt", messages.ReasonInDoubt
		},
		"failed": func(o *messages.Outcome) { o.State, o.Kind = messages.Failed, "content" },
	}
	eachStore(t, func(t *testing.T, s *Store) {
		j := newJourney(t, s, len(late))
		setPolicy(t, j, providers.InDoubtResend)
		run := j.start()
		j.planAll(run.ID, 100)
		first := j.claim(run.ID, 1, j.feed(run.ID, []int64{1}, 100))
		// The worker is cut off for a while: its messages go again, to itself.
		require.NoError(t, s.RetireWorker(t.Context(), j.worker))
		_, resent, err := s.SettleDead(t.Context(), time.Hour)
		require.NoError(t, err)
		require.Equal(t, int64(len(late)), resent)
		require.NoError(t, s.Heartbeat(t.Context(), j.worker, campaigns.Beat{}))
		require.Len(t, j.claim(run.ID, 2, j.feed(run.ID, []int64{2}, 100)), len(late))
		i := 0
		for name, change := range late {
			j.record(run.ID, first[i:i+1], change)
			m, err := s.GetMessage(t.Context(), j.accountID, first[i])
			require.NoError(t, err)
			require.Equal(t, messages.Sending, m.State, "%s: the second try is still under way", name)
			i++
		}
		j.record(run.ID, first, func(o *messages.Outcome) { o.Attempt = 2 })
		require.Equal(t, int64(len(late)), j.counts(run.ID)[messages.Sent])
		j.balanced(run.ID)
	})
}

func setPolicy(t *testing.T, j *journey, policy providers.InDoubtPolicy) {
	t.Helper()
	require.NoError(t, j.inTx(t.Context(), func(tx conn) error {
		_, err := tx.Exec(t.Context(), "UPDATE channels SET in_doubt = ? WHERE id = ?", string(policy), j.channel.ID)
		return err
	}))
}

func TestAStoppedWriterRefusesWhoComesLate(t *testing.T) {
	eachStore(t, func(t *testing.T, s *Store) {
		j := newJourney(t, s, 5)
		run := j.start()
		j.planAll(run.ID, 100)
		fed := j.feed(run.ID, []int64{1}, 100)
		w := s.StartWriter(9)
		// Some come while it stops, the others afterwards.
		const callers = 30
		var wg sync.WaitGroup
		errs := make([]error, callers)
		claimed := make([][]int64, callers)
		claim := func(i int) {
			claimed[i], errs[i] = w.Claim(t.Context(), messages.Claim{WorkerID: 9, ChannelID: j.channel.ID, RunID: run.ID, EnvelopeID: 1,
				MessageIDs: []int64{fed[i%len(fed)].ID}})
		}
		for i := range callers / 2 {
			wg.Go(func() { claim(i) })
		}
		w.Stop()
		for i := callers / 2; i < callers; i++ {
			wg.Go(func() { claim(i) })
		}
		wg.Wait()
		var granted int64
		for i, err := range errs {
			if err != nil || i >= callers/2 {
				require.ErrorIs(t, err, errStopped)
				require.True(t, fault.Is(err, fault.Unavailable))
				require.Empty(t, claimed[i])
			}
			granted += int64(len(claimed[i]))
		}
		require.Equal(t, granted, j.counts(run.ID)[messages.Sending], "who was refused got nothing")
		require.ErrorIs(t, w.Record(context.WithoutCancel(t.Context()), j.outcomes(run.ID, []int64{fed[0].ID}, nil)), errStopped, "and nobody waits for ever")
		require.ErrorIs(t, w.Receive(t.Context(), j.channel.ID, []providers.Receipt{{MessageID: 1}}), errStopped)
	})
}

// The store is away for a while, restarted under the writer: what was recorded
// meanwhile arrives.
func TestOutcomesOutliveARestartOfTheDatabase(t *testing.T) {
	server := testenv.Postgres(t, testenv.WithFsync(false))
	j := newJourney(t, openTestStore(t, server.NewDatabase(t)), 60)
	run := j.start()
	j.planAll(run.ID, 100)
	claimed := j.claim(run.ID, 1, j.feed(run.ID, []int64{1}, 100))
	require.Len(t, claimed, 54)
	require.NoError(t, server.Kill())
	_, err := j.writer.Claim(t.Context(), messages.Claim{WorkerID: j.worker, ChannelID: j.channel.ID, RunID: run.ID, EnvelopeID: 1, MessageIDs: claimed})
	require.True(t, fault.Is(err, fault.Unavailable), "a claim does not wait: nothing may be sent")
	var wg sync.WaitGroup
	for _, id := range claimed {
		wg.Go(func() {
			require.NoError(t, j.writer.Record(t.Context(), j.outcomes(run.ID, []int64{id}, nil)))
		})
	}
	ended, end := context.WithCancel(t.Context())
	end()
	require.Error(t, j.writer.Record(ended, j.outcomes(run.ID, claimed, nil)), "whoever gives up gets an error")
	require.NoError(t, server.Start())
	wg.Wait()
	require.Equal(t, int64(54), j.counts(run.ID)[messages.Sent])
	j.balanced(run.ID)
}

func TestNothingIsSentAgainOfACanceledCampaign(t *testing.T) {
	eachStore(t, func(t *testing.T, s *Store) {
		j := newJourney(t, s, 5)
		run := j.start()
		j.planAll(run.ID, 100)
		claimed := j.claim(run.ID, 1, j.feed(run.ID, []int64{1}, 2))
		j.record(run.ID, claimed, func(o *messages.Outcome) { o.State, o.Kind = messages.Failed, "content" })
		require.NoError(t, s.CancelCampaign(t.Context(), j.accountID, j.campaign, "me"))
		for range 2 { // before and after the run is over
			_, err := s.ResendMessage(t.Context(), j.accountID, claimed[0], "me")
			require.True(t, fault.Is(err, fault.Conflict), "%v", err)
			require.ErrorContains(t, err, "canceled")
			_, err = s.CancelPending(t.Context())
			require.NoError(t, err)
			_, _, err = s.FinishRuns(t.Context())
			require.NoError(t, err)
		}
		require.Zero(t, j.counts(run.ID).Active(), "a message that nobody would send would wait for ever")
		j.balanced(run.ID)
	})
}

// Whichever comes first, a message that goes again keeps its run open.
func TestResendingWhileTheRunFinishes(t *testing.T) {
	s := openTestStore(t, postgresDSN(t))
	j := newJourney(t, s, 5)
	for _, first := range []string{"finish", "resend"} {
		t.Run(first+" first", func(t *testing.T) {
			j.campaign = j.newCampaign(`{"all":true}`)
			run := j.start()
			j.planAll(run.ID, 100)
			claimed := j.claim(run.ID, run.ID, j.feed(run.ID, []int64{run.ID}, 100))
			j.record(run.ID, claimed, func(o *messages.Outcome) { o.State, o.Kind = messages.Failed, "content" })
			hold, let := make(chan struct{}), make(chan struct{})
			var wg sync.WaitGroup
			wg.Go(func() {
				require.NoError(t, s.inTx(t.Context(), func(tx conn) error {
					_, err := tx.Exec(t.Context(), "UPDATE campaigns SET name = name WHERE id = ?", j.campaign)
					close(hold)
					<-let
					return err
				}))
			})
			<-hold
			actions := map[string]func(){
				"finish": func() {
					_, _, err := s.FinishRuns(t.Context())
					require.NoError(t, err)
				},
				"resend": func() {
					_, err := s.ResendMessage(t.Context(), j.accountID, claimed[0], "me")
					require.NoError(t, err)
				},
			}
			wg.Go(actions[first])
			require.Eventually(t, func() bool { return lockWaits(t, s) == 1 }, 20*time.Second, time.Millisecond)
			delete(actions, first)
			for _, second := range actions {
				done := make(chan struct{})
				wg.Go(func() { defer close(done); second() })
				require.Eventually(t, func() bool {
					select {
					case <-done:
						return true
					default:
						return lockWaits(t, s) == 2
					}
				}, 20*time.Second, time.Millisecond)
			}
			close(let)
			wg.Wait()
			now, err := s.GetRun(t.Context(), j.accountID, run.ID)
			require.NoError(t, err)
			require.Equal(t, int64(1), now.Counts[messages.Pending])
			require.Equal(t, campaigns.RunSending, now.Status, "a run with a waiting message is open")
			require.Nil(t, now.FinishedAt)
			require.Len(t, j.feed(run.ID, []int64{run.ID + 1000}, 100), 1, "and goes on")
		})
	}
}

// A message at which every worker dies is not sent again and again.
func TestInDoubtMessagesGoAgainUntilTheirTriesAreUsedUp(t *testing.T) {
	eachStore(t, func(t *testing.T, s *Store) {
		j := newJourney(t, s, 1)
		setPolicy(t, j, providers.InDoubtResend)
		require.NoError(t, j.inTx(t.Context(), func(tx conn) error {
			_, err := tx.Exec(t.Context(), `UPDATE campaigns SET throttle = '{"max_attempts":2}' WHERE id = ?`, j.campaign)
			return err
		}))
		run := j.start()
		j.planAll(run.ID, 100)
		code, err := s.CreateMessage(t.Context(), messages.Outgoing{AccountID: j.accountID, ChannelID: j.channel.ID, Address: "t@example.com",
			Content: []byte(`{"text":"x"}`)})
		require.NoError(t, err)
		for try := 1; try <= campaigns.DefaultMaxAttempts; try++ {
			bulk, transactional := int64(2*try), int64(2*try+1)
			worker, err := s.RegisterWorker(t.Context(), "w")
			require.NoError(t, err)
			j.worker = worker
			require.Equal(t, try <= 2, len(j.claim(run.ID, bulk, j.feed(run.ID, []int64{bulk}, 10))) == 1, "try %d", try)
			require.Len(t, j.claim(0, transactional, j.feed(0, []int64{transactional}, 10)), 1)
			require.NoError(t, s.RetireWorker(t.Context(), worker))
			_, _, err = s.SettleDead(t.Context(), time.Hour)
			require.NoError(t, err)
		}
		require.Equal(t, messages.Counts{messages.Unknown: 1}, j.counts(run.ID))
		m, err := s.GetMessage(t.Context(), j.accountID, code.ID)
		require.NoError(t, err)
		require.Equal(t, messages.Unknown, m.State)
		require.Equal(t, campaigns.DefaultMaxAttempts, m.Attempt)
		j.balanced(run.ID)
	})
}

// A late receipt settles what was in doubt, and leaves no doubt on the row.
func TestAReceiptSettlesWhatWasInDoubt(t *testing.T) {
	eachStore(t, func(t *testing.T, s *Store) {
		j := newJourney(t, s, 1)
		run := j.start()
		j.planAll(run.ID, 100)
		claimed := j.claim(run.ID, 1, j.feed(run.ID, []int64{1}, 100))
		j.record(run.ID, claimed, func(o *messages.Outcome) {
			o.State, o.Kind, o.Reason = messages.Unknown, "in_doubt", messages.ReasonInDoubt
		})
		doubtful, err := s.GetMessage(t.Context(), j.accountID, claimed[0])
		require.NoError(t, err)
		require.Equal(t, messages.ReasonInDoubt, doubtful.Reason)
		require.NoError(t, j.writer.Receive(t.Context(), j.channel.ID, []providers.Receipt{{MessageID: claimed[0], Status: providers.ReceiptDelivered}}))
		settled, err := s.GetMessage(t.Context(), j.accountID, claimed[0])
		require.NoError(t, err)
		require.Equal(t, messages.Delivered, settled.State)
		require.Empty(t, settled.Reason)
		j.balanced(run.ID)
	})
}

func TestAReceiptThatNamesNoMessageIsForNone(t *testing.T) {
	eachStore(t, func(t *testing.T, s *Store) {
		j := newJourney(t, s, 3)
		run := j.start()
		j.planAll(run.ID, 100)
		claimed := j.claim(run.ID, 1, j.feed(run.ID, []int64{1}, 100))
		j.record(run.ID, claimed, nil) // without a provider's id
		require.NoError(t, j.writer.Receive(t.Context(), j.channel.ID, []providers.Receipt{
			{MessageID: claimed[0], Status: providers.ReceiptDelivered}, {Status: providers.ReceiptRead},
		}))
		require.Equal(t, messages.Counts{messages.Sent: 2, messages.Delivered: 1}, j.counts(run.ID))
		j.balanced(run.ID)
	})
}
