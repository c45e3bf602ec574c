package store_test

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
	"carillon/store"
	"carillon/store/sqldb"
	"carillon/store/storetest"
)

// manyWriters runs a test with as many processes as can write to a database side by side.
func manyWriters(t *testing.T, run func(t *testing.T, j *journey, writers []*store.Writer)) {
	t.Helper()
	for name, dsn := range map[string]func(testing.TB) string{"SQLite": storetest.SQLite, "PostgreSQL": storetest.Postgres} {
		t.Run(name, func(t *testing.T) {
			dsn := dsn(t)
			j := newJourney(t, storetest.Open(t, dsn), 100)
			writers := []*store.Writer{j.Writer}
			if j.Postgres() {
				writer := storetest.Open(t, dsn).StartWriter(j.Worker + 1)
				t.Cleanup(writer.Stop)
				writers = append(writers, writer)
			}
			run(t, j, writers)
		})
	}
}

// Whoever asks, and through however many processes: each message is granted to
// one of them.
func TestEachMessageIsGrantedOnce(t *testing.T) {
	manyWriters(t, func(t *testing.T, j *journey, writers []*store.Writer) {
		run := j.Start()
		j.PlanAll(run.ID, 100)
		fed := j.Feed(run.ID, []int64{1}, 100)
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
					WorkerID: j.Worker + int64(i%3), ChannelID: j.Channel.ID, RunID: run.ID, EnvelopeID: 1, MessageIDs: ids,
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
		j.Balanced(run.ID)
	})
}

func TestAnOutcomeIsThatOfItsOwnTry(t *testing.T) {
	late := map[string]func(*messages.Outcome){
		"sent": nil,
		"again": func(o *messages.Outcome) {
			o.State, o.Kind, o.Reason = messages.Pending, "in_doubt", messages.ReasonInDoubt
		},
		"failed": func(o *messages.Outcome) { o.State, o.Kind = messages.Failed, "content" },
	}
	storetest.Each(t, func(t *testing.T, s *storetest.Store) {
		j := newJourney(t, s, len(late))
		setPolicy(t, j, providers.InDoubtResend)
		run := j.Start()
		j.PlanAll(run.ID, 100)
		first := j.Claim(run.ID, 1, j.Feed(run.ID, []int64{1}, 100))
		// The worker is cut off for a while: its messages go again, to itself.
		require.NoError(t, s.RetireWorker(t.Context(), j.Worker))
		dead, err := s.SettleDead(t.Context(), time.Hour)
		require.NoError(t, err)
		require.Len(t, dead, 1)
		require.Equal(t, int64(len(late)), dead[0].Resent)
		require.NoError(t, s.Heartbeat(t.Context(), j.Worker, campaigns.Beat{}))
		require.Len(t, j.Claim(run.ID, 2, j.Feed(run.ID, []int64{2}, 100)), len(late))
		i := 0
		for name, change := range late {
			j.Record(run.ID, first[i:i+1], change)
			m, err := s.GetMessage(t.Context(), j.AccountID, first[i])
			require.NoError(t, err)
			require.Equal(t, messages.Sending, m.State, "%s: the second try is still under way", name)
			i++
		}
		j.Record(run.ID, first, func(o *messages.Outcome) { o.Attempt = 2 })
		require.Equal(t, int64(len(late)), j.Counts(run.ID)[messages.Sent])
		j.Balanced(run.ID)
	})
}

func setPolicy(t *testing.T, j *journey, policy providers.InDoubtPolicy) {
	t.Helper()
	j.Exec("UPDATE channels SET in_doubt = ? WHERE id = ?", string(policy), j.Channel.ID)
}

func TestAStoppedWriterRefusesWhoComesLate(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *storetest.Store) {
		j := newJourney(t, s, 5)
		run := j.Start()
		j.PlanAll(run.ID, 100)
		fed := j.Feed(run.ID, []int64{1}, 100)
		w := s.StartWriter(9)
		// Some come while it stops, the others afterwards.
		const callers = 30
		var wg sync.WaitGroup
		errs := make([]error, callers)
		claimed := make([][]int64, callers)
		claim := func(i int) {
			claimed[i], errs[i] = w.Claim(t.Context(), messages.Claim{WorkerID: 9, ChannelID: j.Channel.ID, RunID: run.ID, EnvelopeID: 1,
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
				require.ErrorIs(t, err, store.ErrStopped)
				require.True(t, fault.Is(err, fault.Unavailable))
				require.Empty(t, claimed[i])
			}
			granted += int64(len(claimed[i]))
		}
		require.Equal(t, granted, j.Counts(run.ID)[messages.Sending], "who was refused got nothing")
		require.ErrorIs(t, w.Record(context.WithoutCancel(t.Context()), j.Outcomes(run.ID, []int64{fed[0].ID}, nil)), store.ErrStopped, "and nobody waits for ever")
		require.ErrorIs(t, w.Receive(t.Context(), j.Channel.ID, []providers.Receipt{{MessageID: 1}}), store.ErrStopped)
	})
}

// The store is away for a while, restarted under the writer: what was recorded
// meanwhile arrives.
func TestOutcomesOutliveARestartOfTheDatabase(t *testing.T) {
	server := testenv.Postgres(t, testenv.WithFsync(false))
	j := newJourney(t, storetest.Open(t, server.NewDatabase(t)), 60)
	run := j.Start()
	j.PlanAll(run.ID, 100)
	claimed := j.Claim(run.ID, 1, j.Feed(run.ID, []int64{1}, 100))
	require.Len(t, claimed, 54)
	require.NoError(t, server.Kill())
	_, err := j.Writer.Claim(t.Context(), messages.Claim{WorkerID: j.Worker, ChannelID: j.Channel.ID, RunID: run.ID, EnvelopeID: 1, MessageIDs: claimed})
	require.True(t, fault.Is(err, fault.Unavailable), "a claim does not wait: nothing may be sent")
	var wg sync.WaitGroup
	for _, id := range claimed {
		wg.Go(func() {
			require.NoError(t, j.Writer.Record(t.Context(), j.Outcomes(run.ID, []int64{id}, nil)))
		})
	}
	ended, end := context.WithCancel(t.Context())
	end()
	require.Error(t, j.Writer.Record(ended, j.Outcomes(run.ID, claimed, nil)), "whoever gives up gets an error")
	require.NoError(t, server.Start())
	wg.Wait()
	require.Equal(t, int64(54), j.Counts(run.ID)[messages.Sent])
	j.Balanced(run.ID)
}

func TestNothingIsSentAgainOfACanceledCampaign(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *storetest.Store) {
		j := newJourney(t, s, 5)
		run := j.Start()
		j.PlanAll(run.ID, 100)
		claimed := j.Claim(run.ID, 1, j.Feed(run.ID, []int64{1}, 2))
		j.Record(run.ID, claimed, func(o *messages.Outcome) { o.State, o.Kind = messages.Failed, "content" })
		require.NoError(t, s.CancelCampaign(t.Context(), j.AccountID, j.Campaign, "me"))
		for range 2 { // before and after the run is over
			_, err := s.ResendMessage(t.Context(), j.AccountID, claimed[0], "me")
			require.True(t, fault.Is(err, fault.Conflict), "%v", err)
			require.ErrorContains(t, err, "canceled")
			_, err = s.CancelPending(t.Context())
			require.NoError(t, err)
			_, _, err = s.FinishRuns(t.Context())
			require.NoError(t, err)
		}
		require.Zero(t, j.Counts(run.ID).Active(), "a message that nobody would send would wait for ever")
		j.Balanced(run.ID)
	})
}

// Whichever comes first, a message that goes again keeps its run open.
func TestResendingWhileTheRunFinishes(t *testing.T) {
	s := storetest.Open(t, storetest.Postgres(t))
	j := newJourney(t, s, 5)
	for _, first := range []string{"finish", "resend"} {
		t.Run(first+" first", func(t *testing.T) {
			j.Campaign = j.NewCampaign(`{"all":true}`)
			run := j.Start()
			j.PlanAll(run.ID, 100)
			claimed := j.Claim(run.ID, run.ID, j.Feed(run.ID, []int64{run.ID}, 100))
			j.Record(run.ID, claimed, func(o *messages.Outcome) { o.State, o.Kind = messages.Failed, "content" })
			hold, let := make(chan struct{}), make(chan struct{})
			var wg sync.WaitGroup
			wg.Go(func() {
				require.NoError(t, s.InTx(t.Context(), func(tx sqldb.Conn) error {
					_, err := tx.Exec(t.Context(), "UPDATE campaigns SET name = name WHERE id = ?", j.Campaign)
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
					_, err := s.ResendMessage(t.Context(), j.AccountID, claimed[0], "me")
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
			now, err := s.GetRun(t.Context(), j.AccountID, run.ID)
			require.NoError(t, err)
			require.Equal(t, int64(1), now.Counts[messages.Pending])
			require.Equal(t, campaigns.RunSending, now.Status, "a run with a waiting message is open")
			require.Nil(t, now.FinishedAt)
			require.Len(t, j.Feed(run.ID, []int64{run.ID + 1000}, 100), 1, "and goes on")
		})
	}
}

// A message at which every worker dies is not sent again and again.
func TestInDoubtMessagesGoAgainUntilTheirTriesAreUsedUp(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *storetest.Store) {
		j := newJourney(t, s, 1)
		setPolicy(t, j, providers.InDoubtResend)
		j.Exec(`UPDATE campaigns SET throttle = '{"max_attempts":2}' WHERE id = ?`, j.Campaign)
		run := j.Start()
		j.PlanAll(run.ID, 100)
		code, err := s.CreateMessage(t.Context(), messages.Outgoing{AccountID: j.AccountID, ChannelID: j.Channel.ID, Address: "t@example.com",
			Content: []byte(`{"text":"x"}`)})
		require.NoError(t, err)
		for try := 1; try <= campaigns.DefaultMaxAttempts; try++ {
			bulk, transactional := int64(2*try), int64(2*try+1)
			worker, err := s.RegisterWorker(t.Context(), "w")
			require.NoError(t, err)
			j.Worker = worker
			require.Equal(t, try <= 2, len(j.Claim(run.ID, bulk, j.Feed(run.ID, []int64{bulk}, 10))) == 1, "try %d", try)
			require.Len(t, j.Claim(0, transactional, j.Feed(0, []int64{transactional}, 10)), 1)
			require.NoError(t, s.RetireWorker(t.Context(), worker))
			_, err = s.SettleDead(t.Context(), time.Hour)
			require.NoError(t, err)
		}
		require.Equal(t, messages.Counts{messages.Unknown: 1}, j.Counts(run.ID))
		m, err := s.GetMessage(t.Context(), j.AccountID, code.ID)
		require.NoError(t, err)
		require.Equal(t, messages.Unknown, m.State)
		require.Equal(t, campaigns.DefaultMaxAttempts, m.Attempt)
		j.Balanced(run.ID)
	})
}

// A late receipt settles what was in doubt, and leaves no doubt on the row.
func TestAReceiptSettlesWhatWasInDoubt(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *storetest.Store) {
		j := newJourney(t, s, 1)
		run := j.Start()
		j.PlanAll(run.ID, 100)
		claimed := j.Claim(run.ID, 1, j.Feed(run.ID, []int64{1}, 100))
		j.Record(run.ID, claimed, func(o *messages.Outcome) {
			o.State, o.Kind, o.Reason = messages.Unknown, "in_doubt", messages.ReasonInDoubt
		})
		doubtful, err := s.GetMessage(t.Context(), j.AccountID, claimed[0])
		require.NoError(t, err)
		require.Equal(t, messages.ReasonInDoubt, doubtful.Reason)
		require.NoError(t, j.Writer.Receive(t.Context(), j.Channel.ID, []providers.Receipt{{MessageID: claimed[0], Status: providers.ReceiptDelivered}}))
		settled, err := s.GetMessage(t.Context(), j.AccountID, claimed[0])
		require.NoError(t, err)
		require.Equal(t, messages.Delivered, settled.State)
		require.Empty(t, settled.Reason)
		j.Balanced(run.ID)
	})
}

func TestAReceiptThatNamesNoMessageIsForNone(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *storetest.Store) {
		j := newJourney(t, s, 3)
		run := j.Start()
		j.PlanAll(run.ID, 100)
		claimed := j.Claim(run.ID, 1, j.Feed(run.ID, []int64{1}, 100))
		j.Record(run.ID, claimed, nil) // without a provider's id
		require.NoError(t, j.Writer.Receive(t.Context(), j.Channel.ID, []providers.Receipt{
			{MessageID: claimed[0], Status: providers.ReceiptDelivered}, {Status: providers.ReceiptRead},
		}))
		require.Equal(t, messages.Counts{messages.Sent: 2, messages.Delivered: 1}, j.Counts(run.ID))
		j.Balanced(run.ID)
	})
}
