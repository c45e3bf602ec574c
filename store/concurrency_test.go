package store_test

import (
	"fmt"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"carillon/campaigns"
	"carillon/internal/fault"
	"carillon/messages"
	"carillon/providers"
	"carillon/store"
	"carillon/store/sqldb"
	"carillon/store/storetest"
)

// mix is a store on which everything that changes messages goes on at once.
type mix struct {
	*journey
	stores  []*storetest.Store // of one database: one on SQLite, two on PostgreSQL
	writers []*store.Writer
	runs    []campaigns.Run
	seed    uint64

	envelope atomic.Int64
	fed      chan []messages.FeedMessage
	granted  sync.Map // [envelope, message] → true
	claims   atomic.Int64
}

// steps is how much each actor of the mix does.
const mixSteps = 60

func newMix(t *testing.T, dsn string, seed uint64) *mix {
	t.Helper()
	s := storetest.Open(t, dsn)
	m := &mix{journey: newJourney(t, s, 240), stores: []*storetest.Store{s}, seed: seed, fed: make(chan []messages.FeedMessage, 1000)}
	m.writers = []*store.Writer{m.Writer}
	if s.Postgres() {
		second := storetest.Open(t, dsn)
		writer := second.StartWriter(m.newWorker(second))
		t.Cleanup(writer.Stop)
		m.stores, m.writers = append(m.stores, second), append(m.writers, writer)
	}
	for _, s := range m.stores {
		s.PlanInParts(4)
	}
	if seed%2 == 0 {
		setPolicy(t, m.journey, providers.InDoubtResend)
	}
	for range 3 {
		m.Campaign = m.NewCampaign(`{"all":true}`)
		m.runs = append(m.runs, m.Start())
	}
	return m
}

func (m *mix) newWorker(s *storetest.Store) int64 {
	id, err := s.RegisterWorker(m.t.Context(), "w")
	require.NoError(m.t, err)
	return id
}

// allowed passes over what a person may be told when somebody else was faster.
func (m *mix) allowed(err error) bool {
	if err != nil && !fault.Is(err, fault.Conflict) {
		require.NoError(m.t, err)
	}
	return err == nil
}

// inState is one message in one of the states, or none.
func (m *mix) inState(r *rand.Rand, states ...messages.State) (messages.Message, bool) {
	filter := messages.MessageFilter{AccountID: m.AccountID, State: &states[r.IntN(len(states))], Limit: 40}
	if r.IntN(4) > 0 {
		filter.RunID = m.runs[r.IntN(len(m.runs))].ID
	}
	list, err := m.ListMessages(m.t.Context(), filter)
	require.NoError(m.t, err)
	if len(list) == 0 {
		return messages.Message{}, false
	}
	return list[r.IntN(len(list))], true
}

func (m *mix) plan(r *rand.Rand, s *storetest.Store) {
	for range mixSteps {
		_, err := s.PlanBatch(m.t.Context(), m.runs[r.IntN(len(m.runs))].ID, 1+r.IntN(25))
		require.NoError(m.t, err)
	}
}

// envelopes are ids that nobody has used.
func (m *mix) envelopes(n int) []int64 {
	ids := make([]int64, n)
	for i := range ids {
		ids[i] = m.envelope.Add(1)
	}
	return ids
}

func (m *mix) feedSome(r *rand.Rand, s *storetest.Store) {
	for range 2 * mixSteps {
		request := messages.FeedRequest{ChannelID: m.Channel.ID, Envelopes: m.envelopes(1 + r.IntN(3)), PerEnvelope: 1 + r.IntN(12)}
		if i := r.IntN(len(m.runs) + 1); i < len(m.runs) {
			request.RunID = m.runs[i].ID
		}
		fed, err := s.Feed(m.t.Context(), request)
		require.NoError(m.t, err)
		byEnvelope := map[int64][]messages.FeedMessage{}
		for _, message := range fed {
			byEnvelope[message.EnvelopeID] = append(byEnvelope[message.EnvelopeID], message)
		}
		for _, batch := range byEnvelope {
			switch r.IntN(12) {
			case 0: // Redis loses the task
			case 1: // and here it comes twice
				m.fed <- batch
				m.fed <- batch
			case 2:
				_, err := s.Skip(m.t.Context(), messages.Skipping{
					RunID: request.RunID, ChannelID: m.Channel.ID, EnvelopeID: batch[0].EnvelopeID, Reason: messages.ReasonRenderFailed,
					Details: map[int64]string{batch[0].ID: "no name"},
				})
				require.NoError(m.t, err)
				m.fed <- batch
			default:
				m.fed <- batch
			}
		}
	}
}

// work claims and records; now and then it dies in between, and may come back
// with its outcome after it was taken for dead.
func (m *mix) work(r *rand.Rand, s *storetest.Store, w *store.Writer) {
	worker := m.newWorker(s)
	var late []messages.Outcome
	for batch := range m.fed {
		envelope, runID := batch[0].EnvelopeID, m.runOf(batch[0].ID)
		ids := make([]int64, 0, len(batch))
		attempts := map[int64]int{}
		for _, message := range batch {
			ids = append(ids, message.ID)
			attempts[message.ID] = message.Attempt
		}
		if r.IntN(6) == 0 { // a denied slot
			n := 1 + r.IntN(len(ids))
			require.NoError(m.t, s.Unqueue(m.t.Context(), messages.Unqueuing{RunID: runID, ChannelID: m.Channel.ID, EnvelopeID: envelope, MessageIDs: ids[:n],
				Due: messages.Due{At: s.Clock.Now(), Reason: messages.ReasonThrottled}}))
		}
		claimed, err := w.Claim(m.t.Context(), messages.Claim{WorkerID: worker, ChannelID: m.Channel.ID, RunID: runID, EnvelopeID: envelope, MessageIDs: ids})
		require.NoError(m.t, err)
		m.claims.Add(int64(len(claimed)))
		outcomes := make([]messages.Outcome, 0, len(claimed))
		for _, id := range claimed {
			_, twice := m.granted.LoadOrStore([2]int64{envelope, id}, true)
			require.False(m.t, twice, "message %d of envelope %d was granted twice", id, envelope)
			outcomes = append(outcomes, m.outcome(r, s, messages.Outcome{
				MessageID: id, ChannelID: m.Channel.ID, RunID: runID, WorkerID: worker, Attempt: attempts[id], EnvelopeID: envelope, At: s.Clock.Now(),
			}))
		}
		if r.IntN(10) == 0 {
			require.NoError(m.t, s.RetireWorker(m.t.Context(), worker))
			if r.IntN(2) == 0 {
				late = append(late, outcomes...)
			}
			worker = m.newWorker(s)
			continue
		}
		require.NoError(m.t, w.Record(m.t.Context(), outcomes))
		if len(late) > 0 && r.IntN(3) == 0 {
			require.NoError(m.t, w.Record(m.t.Context(), late))
			late = nil
		}
	}
	require.NoError(m.t, s.RetireWorker(m.t.Context(), worker))
}

func (m *mix) outcome(r *rand.Rand, s *storetest.Store, o messages.Outcome) messages.Outcome {
	switch o.State = messages.Sent; r.IntN(10) {
	case 0:
		o.State, o.Kind, o.Reason, o.DueAt = messages.Pending, "temporary", messages.ReasonTemporary, s.Clock.Now()
	case 1:
		o.State, o.Kind, o.Unspent, o.Reason, o.DueAt = messages.Pending, "throttled", true, messages.ReasonThrottled, s.Clock.Now()
	case 2:
		o.State, o.Kind, o.Reason = messages.Failed, "content", messages.ReasonRefused
	case 3:
		o.State, o.Kind, o.Reason = messages.Rejected, "recipient", messages.ReasonRecipient
	case 4:
		o.State, o.Kind, o.Reason = messages.Unknown, "in_doubt", messages.ReasonInDoubt
	case 7: // a worker that was cut off
		o.State, o.Unspent, o.NotAsked, o.DueAt = messages.Pending, true, true, s.Clock.Now()
	case 5, 6:
		o.ProviderID = fmt.Sprintf("p%d", o.MessageID)
	}
	return o
}

// runOf is a message's run, which never changes.
func (m *mix) runOf(id int64) int64 {
	message, err := m.GetMessage(m.t.Context(), m.AccountID, id)
	require.NoError(m.t, err)
	return message.RunID
}

func (m *mix) receive(r *rand.Rand, w *store.Writer) {
	statuses := []providers.ReceiptStatus{providers.ReceiptDelivered, providers.ReceiptRead, providers.ReceiptFailed, providers.ReceiptRejected}
	for range mixSteps {
		var events []providers.Receipt
		for range 1 + r.IntN(4) {
			message, ok := m.inState(r, messages.Sent, messages.Sending, messages.Delivered, messages.Unknown)
			if !ok {
				continue
			}
			e := providers.Receipt{MessageID: message.ID, Status: statuses[r.IntN(len(statuses))], At: m.Clock.Now()}
			if r.IntN(3) == 0 {
				e.MessageID, e.ProviderID = 0, fmt.Sprintf("p%d", message.ID)
			}
			events = append(events, e)
		}
		require.NoError(m.t, w.Receive(m.t.Context(), m.Channel.ID, events))
	}
}

func (m *mix) reap(r *rand.Rand, s *storetest.Store) {
	for range mixSteps / 3 {
		_, err := s.SettleDead(m.t.Context(), time.Hour)
		require.NoError(m.t, err)
		envelopes, err := s.QueuedEnvelopes(m.t.Context(), m.Channel.ID)
		require.NoError(m.t, err)
		if len(envelopes) > 0 {
			_, err = s.RequeueLost(m.t.Context(), m.Channel.ID, []int64{envelopes[r.IntN(len(envelopes))].ID})
			require.NoError(m.t, err)
		}
		_, err = s.SweepReceipts(m.t.Context())
		require.NoError(m.t, err)
		_, _, err = s.FinishRuns(m.t.Context())
		require.NoError(m.t, err)
		_, err = s.CancelPending(m.t.Context())
		require.NoError(m.t, err)
	}
}

// queuedRows counts rows that a worker could claim.
func (m *mix) queuedRows(and string, args ...any) (n int) {
	require.NoError(m.t, m.Reader().Row(m.t.Context(), "SELECT COUNT(*) FROM messages WHERE state = 1 AND "+and, args...).Scan(&n))
	return n
}

// operate does what people do, and looks whether it binds at once. Each operator
// has a campaign of its own, so that nobody resumes it but him.
func (m *mix) operate(r *rand.Rand, s *storetest.Store, run campaigns.Run, first bool) {
	ctx := m.t.Context()
	for step := range mixSteps / 2 {
		switch what := r.IntN(8); {
		case what == 0:
			if m.allowed(s.PauseCampaign(ctx, m.AccountID, run.CampaignID, "me")) {
				require.Zero(m.t, m.queuedRows("run_id = ?", run.ID), "a pause binds")
				require.NoError(m.t, s.ResumeCampaign(ctx, m.AccountID, run.CampaignID, "me"))
			}
		case what == 1 && first:
			require.NoError(m.t, s.PauseChannel(ctx, m.AccountID, m.Channel.ID, "me"))
			require.Zero(m.t, m.queuedRows("channel_id = ?", m.Channel.ID), "a channel's pause binds")
			require.NoError(m.t, s.ResumeChannel(ctx, m.AccountID, m.Channel.ID, "me"))
		case what == 2:
			if message, ok := m.inState(r, messages.Pending, messages.Queued, messages.Sent); ok && message.ContactID != 0 {
				require.NoError(m.t, store.Unsubscribe(ctx, s.Store, m.AccountID, message.Address))
				require.Zero(m.t, m.queuedRows("run_id > 0 AND address = ?", message.Address), "an opt-out binds")
			}
		case what == 3:
			if message, ok := m.inState(r, messages.Pending, messages.Queued); ok {
				_, err := s.CancelMessage(ctx, m.AccountID, message.ID, "me")
				m.allowed(err)
			}
		case what == 4:
			_, err := s.CreateMessage(ctx, messages.Outgoing{AccountID: m.AccountID, ChannelID: m.Channel.ID, Address: "t@example.com", Content: []byte(`{"text":"x"}`)})
			require.NoError(m.t, err)
		case step == mixSteps/3:
			m.clear(r, s, run)
		case step == mixSteps/2-1 && !first:
			m.allowed(s.CancelCampaign(ctx, m.AccountID, run.CampaignID, "me"))
		default:
			if message, ok := m.inState(r, messages.Failed, messages.Unknown); ok {
				_, err := s.ResendMessage(ctx, m.AccountID, message.ID, "me")
				m.allowed(err)
			}
		}
	}
}

func (m *mix) clear(_ *rand.Rand, s *storetest.Store, run campaigns.Run) {
	clearing, err := s.BeginClear(m.t.Context(), messages.QueueFilter{AccountID: m.AccountID, CampaignID: run.CampaignID}, "me")
	require.NoError(m.t, err)
	require.Zero(m.t, m.queuedRows("run_id = ?", run.ID), "a clearing binds")
	for clearing.FinishedAt == nil {
		clearing, err = s.ContinueClear(m.t.Context(), clearing.ID)
		require.NoError(m.t, err)
	}
}

// all runs every actor and waits for them. The workers go on until the feeders
// are done and everything that was fed is dealt with.
func (m *mix) all() {
	var actors, feeders, workers sync.WaitGroup
	n := uint64(0)
	random := func() *rand.Rand { n++; return rand.New(rand.NewPCG(m.seed, n)) }
	for i := range 2 {
		s, w := m.stores[i%len(m.stores)], m.writers[i%len(m.writers)]
		plan, feed, receive, reap, operate := random(), random(), random(), random(), random()
		actors.Go(func() { m.plan(plan, s) })
		feeders.Go(func() { m.feedSome(feed, s) })
		actors.Go(func() { m.receive(receive, w) })
		actors.Go(func() { m.operate(operate, s, m.runs[i], i == 0) })
		if i == 0 {
			actors.Go(func() { m.reap(reap, s) })
		}
		for range 2 {
			work := random()
			workers.Go(func() { m.work(work, s, w) })
		}
	}
	feeders.Wait()
	close(m.fed)
	workers.Wait()
	actors.Wait()
	require.False(m.t, m.t.Failed(), "an actor failed")
}

// settle lets the machinery run, undisturbed, until every run is finished.
func (m *mix) settle() {
	ctx := m.t.Context()
	worker := m.newWorker(m.Store)
	runs := append([]campaigns.Run{{}}, m.runs...)
	for range 100 {
		_, err := m.SettleDead(ctx, time.Hour)
		require.NoError(m.t, err)
		envelopes, err := m.QueuedEnvelopes(ctx, m.Channel.ID)
		require.NoError(m.t, err)
		for _, e := range envelopes {
			_, err := m.RequeueLost(ctx, m.Channel.ID, []int64{e.ID})
			require.NoError(m.t, err)
		}
		for _, run := range runs {
			if run.ID != 0 {
				m.PlanAll(run.ID, 100)
			}
			envelope := m.envelope.Add(1)
			m.journey.Worker = worker
			fed := m.Feed(run.ID, []int64{envelope}, 300)
			attempts := map[int64]int{}
			for _, message := range fed {
				attempts[message.ID] = message.Attempt
			}
			m.Record(run.ID, m.Claim(run.ID, envelope, fed), func(o *messages.Outcome) { o.Attempt = attempts[o.MessageID] })
		}
		_, err = m.CancelPending(ctx)
		require.NoError(m.t, err)
		_, unbalanced, err := m.FinishRuns(ctx)
		require.NoError(m.t, err)
		require.Empty(m.t, unbalanced)
		open := 0
		for _, run := range m.runs {
			now, err := m.GetRun(ctx, m.AccountID, run.ID)
			require.NoError(m.t, err)
			if now.FinishedAt == nil {
				open++
			}
		}
		if open == 0 {
			return
		}
	}
	require.Fail(m.t, "the runs don't finish by themselves")
}

// rowsAgree compares the counters of the transactional messages with their rows;
// VerifyRun does so for runs.
func (m *mix) rowsAgree() {
	var rows, counts messages.Counts
	for _, state := range messages.States() {
		query := "SELECT COALESCE(SUM(c." + state.String() + "), 0) FROM run_counts c WHERE c.run_id = 0"
		require.NoError(m.t, m.Reader().Row(m.t.Context(), query).Scan(&counts[state]))
	}
	require.NoError(m.t, sqldb.Each(m.t.Context(), m.Reader(), func(scan sqldb.Scan) error {
		var state messages.State
		var n int64
		if err := scan(&state, &n); err != nil {
			return err
		}
		rows[state] = n
		return nil
	}, "SELECT state, COUNT(*) FROM messages WHERE run_id = 0 GROUP BY state"))
	require.Equal(m.t, rows, counts)
}

func (m *mix) check() {
	for _, run := range m.runs {
		m.Balanced(run.ID)
	}
	m.rowsAgree()
}

func TestCountersHoldUnderAnyMix(t *testing.T) {
	for name, dsn := range map[string]func(testing.TB) string{"SQLite": storetest.SQLite, "PostgreSQL": quickDeadlocksDSN} {
		t.Run(name, func(t *testing.T) {
			seed := rand.Uint64()
			t.Log("seed", seed)
			m := newMix(t, dsn(t), seed)
			m.all()
			m.check()
			// How much it does depends on who is faster: hundreds mostly, some dozens at times, and
			// nothing where a busy machine has everything canceled before anybody claims.
			for range 4 {
				if m.claims.Load() > 0 {
					break
				}
				m = newMix(t, dsn(t), rand.Uint64())
				m.all()
				m.check()
			}
			require.Positive(t, m.claims.Load(), "the mix did something")
			m.settle()
			m.check()
			for _, run := range m.runs {
				now, err := m.GetRun(t.Context(), m.AccountID, run.ID)
				require.NoError(t, err)
				require.Zero(t, now.Counts.Active())
				if now.Status != campaigns.RunCanceled {
					require.Equal(t, int64(240), now.Counts.Total(), "everybody is accounted for")
				}
			}
		})
	}
}

// quickDeadlocksDSN is a PostgreSQL database that notices deadlocks after some
// milliseconds instead of a second.
func quickDeadlocksDSN(tb testing.TB) string {
	tb.Helper()
	dsn := storetest.Postgres(tb)
	s := storetest.Open(tb, dsn)
	s.Exec(`DO $$ BEGIN EXECUTE format('ALTER DATABASE %I SET deadlock_timeout = ''20ms''', current_database()); END $$`)
	return dsn
}

// lockWaits counts the sessions of the database that wait for a lock.
func lockWaits(t *testing.T, s *storetest.Store) (n int) {
	t.Helper()
	require.NoError(t, s.Reader().Row(t.Context(),
		"SELECT COUNT(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'").Scan(&n))
	return n
}
