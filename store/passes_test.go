package store

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"carillon/campaigns"
	"carillon/campaigns/flow"
	"carillon/campaigns/flows"
	"carillon/contacts"
	"carillon/internal/zone"
	"carillon/messages"
	"carillon/providers"
	"carillon/statistics"
	"carillon/store/sqldb"
	"carillon/targeting"
)

// What is done again every few hundred milliseconds must not grow with the
// messages that there are. PostgreSQL chooses by statistics, which are never
// right here: a run is looked at before and after they are gathered.
func TestNoPassReadsAllMessages(t *testing.T) {
	s := openTestStore(t, postgresDSN(t))
	ctx := t.Context()
	const recipients = 20_000
	j := newJourney(t, s, recipients)
	run := j.start()
	j.planAll(run.ID, recipients)
	j.record(run.ID, j.claim(run.ID, 1, j.feed(run.ID, []int64{1}, 1000)), nil)
	j.claim(run.ID, 2, j.feed(run.ID, []int64{2, 3}, 500))
	// Receipts of nobody's stay parked.
	require.NoError(t, j.writer.Receive(ctx, j.channel.ID, []providers.Receipt{
		{ProviderID: "unheard of", Status: providers.ReceiptDelivered, At: s.clock.Now()},
		{MessageID: 1 << 40, Status: providers.ReceiptDelivered, At: s.clock.Now()},
	}))

	read := rowsRead(t, s, "messages")
	passes := map[string]func() error{
		"FireDue":               func() error { _, err := s.FireDue(ctx); return err },
		"RunsToPlan":            func() error { _, err := s.RunsToPlan(ctx); return err },
		"FinishRuns":            func() error { _, _, err := s.FinishRuns(ctx); return err },
		"CancelPending":         func() error { _, err := s.CancelPending(ctx); return err },
		"Reconsider":            func() error { _, err := s.Reconsider(ctx); return err },
		"OpenClears":            func() error { _, err := s.OpenClears(ctx); return err },
		"FeedableRuns":          func() error { _, err := s.FeedableRuns(ctx); return err },
		"FeedableTransactional": func() error { _, err := s.FeedableTransactional(ctx); return err },
		"SettleDead":            func() error { _, err := s.SettleDead(ctx, time.Minute); return err },
		"ChannelsWithQueued":    func() error { _, err := s.ChannelsWithQueued(ctx); return err },
		"QueuedEnvelopes":       func() error { _, err := s.QueuedEnvelopes(ctx, j.channel.ID); return err },
		"SweepReceipts":         func() error { _, err := s.SweepReceipts(ctx); return err },
		"DeadWorkers":           func() error { _, err := s.DeadWorkers(ctx, time.Minute, []int64{j.worker}); return err },
		"Housekeep":             func() error { _, err := s.Housekeep(ctx); return err },
		"Feed": func() error {
			_, err := s.Feed(ctx, messages.FeedRequest{ChannelID: j.channel.ID, RunID: run.ID, Envelopes: []int64{9}, PerEnvelope: 100})
			return err
		},
	}
	for _, statistics := range []string{"without statistics", "with statistics"} {
		for name, pass := range passes {
			before := read()
			require.NoError(t, pass(), name)
			require.Less(t, read()-before, int64(recipients/2), "%s reads too many messages %s", name, statistics)
		}
		before := read()
		var all int64
		require.NoError(t, s.reader().Row(ctx, "SELECT COUNT(*) FROM messages WHERE detail IS NULL").Scan(&all))
		require.EqualValues(t, recipients, read()-before, "the test would notice")
		_, err := s.reader().Exec(ctx, "ANALYZE messages")
		require.NoError(t, err)
	}
}

// Where a number is shared with another system, whose receipts come here too, they cost neither the
// recording of outcomes nor, after the first time, the sweep.
func TestStrayReceiptsCostNothing(t *testing.T) {
	s := openTestStore(t, postgresDSN(t))
	ctx := t.Context()
	const stray = 20_000
	j := newJourney(t, s, 30)
	run := j.start()
	j.planAll(run.ID, 30)
	claimed := j.claim(run.ID, 1, j.feed(run.ID, []int64{1}, 30))
	record := func(ids []int64) {
		j.record(run.ID, ids, func(o *messages.Outcome) { o.ProviderID = fmt.Sprint("ours ", o.MessageID) })
	}
	// While there are few, PostgreSQL learns to read all of them.
	require.NoError(t, j.writer.Receive(ctx, j.channel.ID, []providers.Receipt{{ProviderID: "the first", Status: providers.ReceiptDelivered}}))
	for _, id := range claimed[:20] {
		record([]int64{id})
	}
	list := make([]providers.Receipt, stray)
	for i := range list {
		list[i] = providers.Receipt{ProviderID: fmt.Sprint("another system's ", i), Status: providers.ReceiptDelivered, At: s.clock.Now()}
	}
	require.NoError(t, j.writer.Receive(ctx, j.channel.ID, list))
	read := rowsRead(t, s, "receipts")
	all := read()
	var n int64
	require.NoError(t, s.reader().Row(ctx, "SELECT COUNT(*) FROM receipts WHERE code = ''").Scan(&n))
	require.EqualValues(t, stray+1, n)
	require.GreaterOrEqual(t, read()-all, int64(stray), "the test would notice")

	_, err := s.SweepReceipts(ctx)
	require.NoError(t, err)
	before := read()
	record(claimed[20:])
	require.Less(t, read()-before, int64(100), "an outcome looks for its own receipts")

	_, err = s.db.Writer().Exec(ctx, "UPDATE receipts SET received_at = received_at - 2 * ?", overlap.Milliseconds())
	require.NoError(t, err)
	_, err = s.SweepReceipts(ctx)
	require.NoError(t, err)
	require.NoError(t, j.writer.Receive(ctx, j.channel.ID, []providers.Receipt{{ProviderID: "the last", Status: providers.ReceiptDelivered}}))
	before = read()
	_, err = s.SweepReceipts(ctx)
	require.NoError(t, err)
	require.Less(t, read()-before, int64(100), "the sweep looks at what has come since")
}

// Campaigns that recur and whose time has not come, and runs that are over, cost the
// scheduler's looks nothing.
func TestLookingCostsByWhatIsDue(t *testing.T) {
	s := openTestStore(t, postgresDSN(t))
	ctx := t.Context()
	const many = 20_000
	j := newJourney(t, s, 10)
	exec := func(query string, args ...any) {
		_, err := s.db.Writer().Exec(ctx, query, args...)
		require.NoError(t, err)
	}
	later := sqldb.Millis(s.clock.Now().Add(time.Hour))
	exec(`INSERT INTO campaigns (account_id, name, channel_id, audience, content, schedule, throttle, status, next_fire_at, look_at, behind_at, zones, created_at,
			updated_at)
		SELECT account_id, name, channel_id, audience, content, '{"every":"1h","guards":{"failed_runs":2}}', '{}', 'scheduled', ?, ?, 0, ?, 0, 0
		FROM campaigns, generate_series(1, ?)`, later, later, zone.Rules(), many)
	exec(`INSERT INTO runs (account_id, campaign_id, channel_id, instant, status, created_at, started_at, finished_at)
		SELECT account_id, id, channel_id, 1, 'finished', 1, 1, 1 FROM campaigns WHERE id <> ?`, j.campaign)
	read := rowsRead(t, s, "campaigns", "runs")
	for _, statistics := range []string{"without statistics", "with statistics"} {
		_, err := s.FireDue(ctx) // a process looks at all of them once, for the rules of their zones
		require.NoError(t, err)
		for name, pass := range map[string]func() error{
			"FireDue":    func() error { _, err := s.FireDue(ctx); return err },
			"GuardRuns":  func() error { _, err := s.GuardRuns(ctx); return err },
			"FinishRuns": func() error { _, _, err := s.FinishRuns(ctx); return err },
			"RunsToPlan": func() error { _, err := s.RunsToPlan(ctx); return err },
		} {
			before := read()
			require.NoError(t, pass(), name)
			require.Less(t, read()-before, int64(many/100), "%s reads too much %s", name, statistics)
		}
		exec("ANALYZE campaigns")
		exec("ANALYZE runs")
	}
}

// A run is canceled and a queue is cleared a few thousand messages at a time.
// Each of these transactions must go on where the last one ended, also when
// PostgreSQL knows that nearly every message waits and would rather begin at the
// beginning of the table.
func TestCancelingAndClearingReadEachMessageOnce(t *testing.T) {
	const recipients = 8 * cancelBatch
	for name, end := range map[string]func(s *Store, j *journey) error{
		"cancel": func(s *Store, j *journey) error {
			if err := s.CancelCampaign(t.Context(), j.accountID, j.campaign, "me"); err != nil {
				return err
			}
			for more := true; more; {
				var err error
				if more, err = s.CancelPending(t.Context()); err != nil {
					return err
				}
			}
			return nil
		},
		"clear": func(s *Store, j *journey) error {
			clearing, err := s.BeginClear(t.Context(), messages.QueueFilter{AccountID: j.accountID, ChannelID: j.channel.ID}, "me")
			for err == nil && clearing.FinishedAt == nil {
				clearing, err = s.ContinueClear(t.Context(), clearing.ID)
			}
			return err
		},
	} {
		t.Run(name, func(t *testing.T) {
			s := openTestStore(t, postgresDSN(t))
			j := newJourney(t, s, recipients)
			run := j.start()
			j.planAll(run.ID, recipients)
			waiting := j.counts(run.ID)[messages.Pending]
			_, err := s.reader().Exec(t.Context(), "ANALYZE messages")
			require.NoError(t, err)
			read := rowsRead(t, s, "messages")
			before := read()
			require.NoError(t, end(s, j))
			rows := read() - before
			require.Equal(t, waiting, j.counts(run.ID)[messages.Canceled])
			// Once to find it and once to change it.
			require.Less(t, rows, 5*waiting/2, "%d messages", waiting)
		})
	}
}

// rowsRead tells how many rows of some tables the store has read so far. To know it,
// it leaves the store a single connection.
func rowsRead(t *testing.T, s *Store, tables ...string) func() int64 {
	t.Helper()
	pool, err := s.db.Pool()
	require.NoError(t, err)
	pool.SetMaxOpenConns(1)
	// A connection that is closed hands in what it has read when its server process
	// ends, which would count as read later.
	if s.Postgres() {
		require.Eventually(t, func() bool {
			var others int
			err := s.reader().Row(t.Context(), `SELECT COUNT(*) FROM pg_stat_activity
				WHERE datname = current_database() AND backend_type = 'client backend' AND pid <> pg_backend_pid()`).Scan(&others)
			return err == nil && others == 0
		}, 10*time.Second, 5*time.Millisecond)
	}
	return func() (rows int64) {
		_, err := s.reader().Exec(t.Context(), "SELECT pg_stat_force_next_flush()")
		require.NoError(t, err)
		require.NoError(t, s.reader().Row(t.Context(), "SELECT CAST(SUM(seq_tup_read + COALESCE(idx_tup_fetch, 0)) AS BIGINT) "+
			"FROM pg_stat_user_tables WHERE regexp_replace(relname, '_p[0-9]+$', '') "+s.d.InTexts, s.d.TextList(tables)).Scan(&rows))
		return rows
	}
}

// The queue is told by what is counted as it moves, however many messages wait, and what
// is in doubt of none without a look at any.
func TestTheQueueIsNotReadToBeTold(t *testing.T) {
	const waiting = 3_000
	eachStore(t, func(t *testing.T, s *Store) {
		if !s.Postgres() {
			return // which does not say what it reads
		}
		j := newJourney(t, s, waiting)
		run := j.start()
		j.planAll(run.ID, waiting)
		_, err := s.reader().Exec(t.Context(), "ANALYZE messages, runs, run_counts")
		require.NoError(t, err)
		read := rowsRead(t, s, "messages")
		before := read()
		totals, err := s.QueueTotals(t.Context(), messages.QueueFilter{AccountID: j.accountID})
		require.NoError(t, err)
		require.EqualValues(t, waiting*9/10, totals[0].Bulk.Pending)
		require.LessOrEqual(t, read()-before, int64(2), "the first in line, in the index and in the table")
		before = read()
		unknown := messages.Unknown
		found, err := s.ListMessages(t.Context(), messages.MessageFilter{AccountID: j.accountID, State: &unknown})
		require.NoError(t, err)
		require.Empty(t, found)
		require.Equal(t, before, read())
	})
}

// What became of one recipient is looked up, however many there are.
func TestOneRecipientsMessagesAreLookedUp(t *testing.T) {
	const recipients = 5_000
	eachStore(t, func(t *testing.T, s *Store) {
		j := newJourney(t, s, recipients)
		run := j.start()
		j.planAll(run.ID, recipients)
		filter := messages.MessageFilter{AccountID: j.accountID, CampaignID: j.campaign, ContactID: 4_321, Address: "p4321@example.com", Limit: 100}
		if !s.Postgres() {
			query := listMessages(filter)
			var steps []string
			require.NoError(t, sqldb.Each(t.Context(), s.reader(), func(scan sqldb.Scan) error {
				var id, parent, unused int
				var step string
				err := scan(&id, &parent, &unused, &step)
				steps = append(steps, step)
				return err
			}, "EXPLAIN QUERY PLAN "+query.sql, query.args...))
			require.Contains(t, steps, "SEARCH m USING INDEX messages_recipient (run_id=? AND contact_id=?)")
			return
		}
		read := rowsRead(t, s, "messages")
		for _, statistics := range []string{"without statistics", "with statistics"} {
			before := read()
			found, err := s.ListMessages(t.Context(), filter)
			require.NoError(t, err)
			require.Len(t, found, 1)
			require.LessOrEqual(t, read()-before, int64(2), statistics)
			_, err = s.reader().Exec(t.Context(), "ANALYZE messages, runs")
			require.NoError(t, err)
		}
	})
}

// Counting an audience walks through it once: it neither gathers the members first
// nor sorts what it counts.
func TestCountingAnAudienceGathersAndSortsNothing(t *testing.T) {
	s := openTestStore(t, sqliteDSN(t))
	j := newJourney(t, s, 100)
	for name, audience := range map[string]targeting.Audience{
		"everybody": {All: true},
		"an upload": {Uploads: []int64{1}},
		"excluding": {Groups: []int64{1}, Exclude: &targeting.Exclude{Groups: []int64{2}}},
	} {
		compiled, err := s.reader().compileAudience(t.Context(), j.channel, audience, 0, s.clock.Now())
		require.NoError(t, err)
		query := compiled.counts(0, pastEveryID)
		var walks []string
		require.NoError(t, sqldb.Each(t.Context(), s.reader(), func(scan sqldb.Scan) error {
			var id, parent, unused int
			var step string
			err := scan(&id, &parent, &unused, &step)
			require.NotContains(t, step, "TEMP B-TREE", name)
			if strings.HasPrefix(step, "SEARCH m ") || strings.HasPrefix(step, "SEARCH c ") {
				walks = append(walks, step)
			}
			return err
		}, "EXPLAIN QUERY PLAN "+query.sql, query.args...))
		if audience.All {
			require.Equal(t, []string{"SEARCH c USING INTEGER PRIMARY KEY (rowid>? AND rowid<?)"}, walks, name)
			continue
		}
		require.Equal(t, []string{"SEARCH m USING PRIMARY KEY (list_id=? AND contact_id>? AND contact_id<?)", "SEARCH c USING INTEGER PRIMARY KEY (rowid=?)"},
			walks, name)
	}
}

// A worker that loads an envelope reads the index entries of its messages, not
// those of the whole run, of which PostgreSQL knows nothing yet.
func TestAnEnvelopeIsLoadedByItsMessages(t *testing.T) {
	const recipients, perEnvelope = 20_000, 100
	s := openTestStore(t, postgresDSN(t))
	j := newJourney(t, s, recipients)
	run := j.start()
	j.planAll(run.ID, recipients)
	fed := j.feed(run.ID, []int64{1}, perEnvelope)
	flushed := rowsRead(t, s, "messages")
	read := func() (entries int64) {
		flushed()
		require.NoError(t, s.reader().Row(t.Context(), "SELECT CAST(SUM(idx_tup_read) AS BIGINT) FROM pg_stat_user_indexes "+
			"WHERE relname LIKE 'messages\\_p%'").Scan(&entries))
		return entries
	}
	before := read()
	require.Len(t, j.load(run.ID, 1, fed), len(fed))
	require.LessOrEqual(t, read()-before, int64(2*perEnvelope))
}

// Whoever comes to a flow or answers in it is looked up, also where the statistics know
// nothing of the flow, which is so for a while after it began.
func TestFlowsLookUpWhoComes(t *testing.T) {
	s := openTestStore(t, postgresDSN(t))
	ctx := t.Context()
	const people = 3000
	j := newJourney(t, s, people)
	begin := func(name string) campaigns.Run {
		d, err := flow.Parse([]byte(`{"steps": [{"id": "name", "kind": "ask", "content": {"text": "Your name?"},
			"question": {"type": "text", "timeout": "1d"}}, {"id": "end", "kind": "end"}]}`))
		require.NoError(t, err)
		f, err := s.CreateFlow(ctx, flows.Flow{Definition: d, Campaign: campaigns.Campaign{
			AccountID: j.accountID, Name: name, ChannelID: j.channel.ID, Weight: 1, Audience: targeting.Audience{All: true},
		}})
		require.NoError(t, err)
		require.NoError(t, s.StartFlow(ctx, j.accountID, f.ID, "key 1"))
		runs, err := s.RunsToPlan(ctx)
		require.NoError(t, err)
		require.Len(t, runs, 1)
		return campaigns.Run{ID: runs[0], CampaignID: f.ID}
	}
	move := func() {
		for worked := true; worked; {
			var err error
			worked, err = s.MoveFlows(ctx)
			require.NoError(t, err)
		}
	}
	j.planAll(begin("the first").ID, people)
	move()
	read := rowsRead(t, s, "flow_sessions")
	_, err := s.db.Writer().Exec(ctx, "ANALYZE flow_sessions")
	require.NoError(t, err)
	looks := func(what string, most int64, do func()) {
		before := read()
		do()
		require.LessOrEqual(t, read()-before, most, what)
	}
	second := begin("the second")
	looks("who enters", 10*people, func() {
		for some := range slices.Chunk(j.contactIDs(), 300) {
			_, err := s.EnterFlow(ctx, j.accountID, flows.Entry{CampaignID: second.CampaignID, Contacts: some, Source: "api"})
			require.NoError(t, err)
		}
	})
	move()
	looks("which programs are to be asked", 10, func() {
		due, err := s.DueCalls(ctx)
		require.NoError(t, err)
		require.Empty(t, due)
	})
	_, err = s.db.Writer().Exec(ctx, "UPDATE flow_sessions SET phase = 'open'")
	require.NoError(t, err)
	looks("whose answer it is", 20, func() {
		fresh, err := s.TakeReplies(ctx, []contacts.Reply{{
			AccountID: j.accountID, ChannelID: j.channel.ID, Kind: j.channel.Address, Address: "p1@example.com", Text: "Ada", At: s.clock.Now(),
		}})
		require.NoError(t, err)
		require.Equal(t, 1, fresh)
	})
	heard, err := s.ids(ctx, "SELECT n.campaign_id FROM flow_inbox i JOIN flow_sessions n ON n.id = i.session_id")
	require.NoError(t, err)
	require.Equal(t, []int64{second.CampaignID}, heard, "the newest question")
}

// What is counted of a campaign is found by its runs, not among all that the account's other
// campaigns did in the time.
func TestACampaignsCountsAreFoundByItsRuns(t *testing.T) {
	s := openTestStore(t, sqliteDSN(t))
	query, args := s.countQuery(statistics.Query{
		AccountID: 1, CampaignID: 7, Metrics: []statistics.Metric{statistics.Clicked}, By: statistics.Dimensions{Campaign: true},
	})
	var walks []string
	require.NoError(t, sqldb.Each(t.Context(), s.reader(), func(scan sqldb.Scan) error {
		var id, parent, unused int
		var step string
		err := scan(&id, &parent, &unused, &step)
		if strings.Contains(step, " stats ") {
			walks = append(walks, step)
		}
		return err
	}, "EXPLAIN QUERY PLAN "+query, slices.Concat([]any{"[[0,1,2]]"}, args)...))
	require.Len(t, walks, 2)
	require.Contains(t, walks[0], "USING INDEX stats_runs (run_id=?)")
	require.Contains(t, walks[1], "USING INDEX stats_flows (campaign_id=?)")
}
