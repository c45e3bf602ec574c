package store_test

import (
	"math/rand/v2"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"carillon/access"
	"carillon/contacts"
	"carillon/internal/clock"
	"carillon/messages"
	"carillon/retention"
	"carillon/store/sqldb"
	"carillon/store/storetest"
)

// retain runs passes until one has looked through everything.
func retain(t *testing.T, s *storetest.Store, fake *clock.Fake) {
	t.Helper()
	fake.Advance(time.Hour)
	for {
		more, err := s.Retain(t.Context())
		require.NoError(t, err)
		if !more {
			return
		}
	}
}

// finishedRun is a campaign that was sent to n people, at a time that stands still.
func finishedRun(t *testing.T, s *storetest.Store, n int) (*clock.Fake, *journey) {
	t.Helper()
	fake := s.FakeTime()
	j := newJourney(t, s, n)
	run := j.Start().ID
	j.PlanAll(run, 25)
	j.Record(run, j.Claim(run, 1, j.Feed(run, []int64{1}, n)), nil)
	_, _, err := s.FinishRuns(t.Context())
	require.NoError(t, err)
	return fake, j
}

// nextPartition has ids go on in the next partition of messages, as they do after a week.
func nextPartition(t *testing.T, s *storetest.Store) {
	t.Helper()
	if !s.Postgres() {
		return
	}
	tend := func() {
		_, err := s.TendPartitions(t.Context())
		require.NoError(t, err)
	}
	tend()
	s.Int("SELECT setval('messages_id_seq', (SELECT MIN(first_id) FROM message_partitions WHERE since IS NULL), false)")
	tend()
}

// Whatever became of messages, when they are old they are removed, and no others; and whoever
// counts finds everybody accounted for, before and after.
func TestWhatIsRemovedStaysCounted(t *testing.T) {
	const days = 30
	storetest.Each(t, func(t *testing.T, s *storetest.Store) {
		ctx := t.Context()
		seed := rand.Uint64()
		t.Logf("seed %d", seed)
		random := rand.New(rand.NewPCG(seed, 1))
		fake := s.FakeTime()
		j := newJourney(t, s, 60)
		_, err := s.RepairStatistics(ctx, j.AccountID)
		require.NoError(t, err)
		require.NoError(t, s.SetRetention(ctx, j.AccountID, retention.Choice{retention.Messages: days}))
		m := mixed{journey: j, random: random, fake: fake}
		var runs []int64
		old := `FROM messages WHERE phase IS NULL AND state <> 10 AND COALESCE(created_at, 0) < ? AND COALESCE(sent_at, 0) < ?
			AND COALESCE(delivered_at, 0) < ? AND COALESCE(read_at, 0) < ? AND COALESCE(final_at, 0) < ?`
		removed := int64(0)
		for round := range 8 {
			runs = append(runs, m.campaign(t))
			if random.IntN(2) == 0 {
				nextPartition(t, s)
			}
			if round == 0 || random.IntN(3) > 0 {
				_ = s.CancelCampaign(ctx, j.AccountID, j.Campaign, "ada") // unless it is
			}
			for more := true; more; {
				more, err = s.CancelPending(ctx)
				require.NoError(t, err)
			}
			_, _, err := s.FinishRuns(ctx)
			require.NoError(t, err)
			fake.Advance(time.Duration(random.IntN(20*24)) * time.Hour)
			if round == 7 {
				fake.Advance(2 * days * 24 * time.Hour) // some run is over, whatever the dice say
			}
			// Only runs that are over lose messages.
			at := fake.Now().Add(time.Hour).AddDate(0, 0, -days).UnixMilli()
			due := old + " AND run_id IN (SELECT id FROM runs WHERE finished_at < ?)"
			kept := s.Int("SELECT COUNT(*) FROM messages") - s.Int("SELECT COUNT(*) "+due, at, at, at, at, at, at)
			retain(t, s, fake)
			require.Zero(t, s.Int("SELECT COUNT(*) "+due, at, at, at, at, at, at))
			require.Equal(t, kept, s.Int("SELECT COUNT(*) FROM messages"))
			counted(t, j)
			if random.IntN(2) == 0 {
				fold(t, s)
				counted(t, j)
			}
			removed = 0
			for _, run := range runs {
				proof, err := s.VerifyRun(ctx, run)
				require.NoError(t, err)
				require.Empty(t, proof.Problems, "run %d", run)
				removed += proof.Removed
			}
		}
		require.Positive(t, removed)
		for _, table := range []string{"transitions", "engagement", "message_contents", "message_answers"} {
			require.Zero(t, s.Int("SELECT COUNT(*) FROM "+table+" WHERE message_id NOT IN (SELECT id FROM messages)"), table)
		}
	})
}

// A partition of which nobody keeps anything is dropped as a whole, and what it counted as
// stays; one of which somebody does is not.
func TestAnOldPartitionIsDropped(t *testing.T) {
	s := storetest.Open(t, storetest.Postgres(t))
	ctx := t.Context()
	fake := s.FakeTime()
	j := newJourney(t, s, 40)
	_, err := s.RepairStatistics(ctx, j.AccountID)
	require.NoError(t, err)
	run := j.Start().ID
	j.PlanAll(run, 25)
	j.Record(run, j.Claim(run, 1, j.Feed(run, []int64{1}, 40)), nil)
	nextPartition(t, s)
	second := j.NewCampaign(`{"all":true}`)
	j.Campaign = second
	later := j.Start().ID
	j.PlanAll(later, 25)
	_, _, err = s.FinishRuns(ctx)
	require.NoError(t, err)
	require.GreaterOrEqual(t, s.Int("SELECT MIN(id) FROM messages WHERE run_id = ?", later), 100_000_000)
	partitions := func() int {
		return s.Int("SELECT COUNT(*) FROM pg_inherits WHERE inhparent = 'messages'::regclass AND inhrelid::regclass::text IN ('messages_p0')")
	}
	fake.Advance(90 * 24 * time.Hour)
	retain(t, s, fake)
	require.Equal(t, 1, partitions(), "everything is kept")
	require.NoError(t, s.SetRetention(ctx, j.AccountID, retention.Choice{retention.Messages: 89}))
	s.Exec("UPDATE messages SET read_at = ? WHERE id = (SELECT MIN(id) FROM messages)", fake.Now().AddDate(0, 0, -1).UnixMilli())
	retain(t, s, fake)
	require.Equal(t, 1, partitions(), "one was read yesterday")
	require.Equal(t, 1, s.Int("SELECT COUNT(*) FROM messages WHERE run_id = ?", run), "the others are removed one by one")
	fake.Advance(90 * 24 * time.Hour)
	retain(t, s, fake)
	require.Zero(t, partitions())
	require.Equal(t, 40, s.Int("SELECT COUNT(*) FROM messages"), "those of the run that is under way")
	proof, err := s.VerifyRun(ctx, run)
	require.NoError(t, err)
	require.Empty(t, proof.Problems)
	require.EqualValues(t, 40, proof.Removed)
	counted(t, j)
}

// A recipient of a run is one, also where the partition changed while it was planned, and
// somebody set its cursor back.
func TestARecipientIsOneAcrossPartitions(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *storetest.Store) {
		ctx := t.Context()
		j := newJourney(t, s, 60)
		run := j.Start().ID
		_, err := s.PlanBatch(ctx, run, 25)
		require.NoError(t, err)
		planned := s.Int("SELECT COUNT(*) FROM messages")
		require.Positive(t, planned)
		nextPartition(t, s)
		s.Exec("UPDATE runs SET cursor = 0 WHERE id = ?", run)
		j.PlanAll(run, 25)
		require.Equal(t, 60, s.Int("SELECT COUNT(*) FROM messages WHERE run_id = ?", run))
		require.Equal(t, 60, s.Int("SELECT COUNT(DISTINCT contact_id) FROM messages WHERE run_id = ?", run))
		err = s.InTx(ctx, func(tx sqldb.Conn) error {
			_, err := tx.Exec(ctx, `INSERT INTO messages (channel_id, run_id, contact_id, state, created_at, address)
				SELECT channel_id, run_id, contact_id, state, created_at, address FROM messages WHERE run_id = ? ORDER BY id LIMIT 1`, run)
			return err
		})
		require.Error(t, err)
		require.True(t, s.Dialect().Duplicate(err), "%v", err)
	})
}

// Partitions are there before somebody needs them, and the next one begins when the last has
// been in use for a week and is worth it.
func TestPartitionsAreMadeAhead(t *testing.T) {
	s := storetest.Open(t, storetest.Postgres(t))
	ctx := t.Context()
	fake := s.FakeTime()
	tend := func() {
		_, err := s.TendPartitions(ctx)
		require.NoError(t, err)
	}
	used := func() int { return s.Int("SELECT COUNT(*) FROM message_partitions WHERE since IS NOT NULL") }
	ahead := func() int { return s.Int("SELECT COUNT(*) FROM message_partitions WHERE since IS NULL") }
	tend()
	tend()
	require.Equal(t, 2, ahead())
	fake.Advance(10 * 24 * time.Hour)
	tend()
	require.Equal(t, 1, used(), "it is not worth it")
	s.Int("SELECT setval('messages_id_seq', 1500000)")
	tend()
	require.Equal(t, 2, used())
	require.Equal(t, 100_000_000, s.Int("SELECT nextval('messages_id_seq')"))
	s.Int("SELECT setval('messages_id_seq', 102000000)")
	tend()
	require.Equal(t, 2, used(), "a week is not over")
	require.Equal(t, 2, ahead())
	fake.Advance(7 * 24 * time.Hour)
	tend()
	require.Equal(t, 3, used())
	require.Equal(t, 200_000_000, s.Int("SELECT nextval('messages_id_seq')"))
	room, limited, err := s.RoomForIDs(ctx)
	require.NoError(t, err)
	require.True(t, limited)
	require.EqualValues(t, 200_000_000, room)
}

// What an account says that it keeps for a time is removed, kind by kind; what is not old
// enough, or another's, stays.
func TestEachKindIsRemoved(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *storetest.Store) {
		ctx := t.Context()
		fake, j := finishedRun(t, s, 10)
		other := s.Account("other")
		now := fake.Now().UnixMilli()
		first := s.Int("SELECT MIN(id) FROM messages")
		fill := func(at int64) {
			for _, account := range []int64{j.AccountID, other} {
				s.Exec("INSERT INTO replies (account_id, channel_id, contact_id, kind, address, text, meaning, at) VALUES (?, ?, 1, 'email', 'a', 'x', 'none', ?)",
					account, j.Channel.ID, at)
				s.Exec("INSERT INTO contact_events (account_id, contact_id, name, payload, at, created_at) VALUES (?, 1, 'x', '{}', ?, ?)", account, at, at)
				require.NoError(t, s.AddAudit(ctx, access.AuditEntry{AccountID: account, Actor: "a", Action: "b", Target: "c"}))
			}
		}
		fill(now)
		sealAll(t, s)
		s.Exec("INSERT INTO message_contents (message_id, content) VALUES (?, '{}')", first)
		s.Exec("INSERT INTO transitions (message_id, seq, state, at, attempt) VALUES (?, 40, 3, ?, 1)", first, now)
		s.Exec("INSERT INTO engagement (message_id, clicks, events) VALUES (?, 3, '[{}]')", first)
		s.Exec("INSERT INTO message_answers (message_id, answers) VALUES (?, '{}')", first)
		fake.Advance(40 * 24 * time.Hour)
		fill(fake.Now().UnixMilli())
		choice := retention.Choice{}
		for _, r := range retention.Rules() {
			choice[r.Kind] = 35
		}
		delete(choice, retention.Messages)
		service := retention.NewService(s.Store, s.Clock)
		preview, err := service.Preview(ctx, j.AccountID, choice)
		require.NoError(t, err)
		would := map[retention.Kind]int64{}
		for _, r := range preview {
			would[r.Kind] = r.Rows
		}
		require.Equal(t, map[retention.Kind]int64{
			retention.Contents: 1, retention.Attempts: 1, retention.Replies: 1, retention.Answers: 1, retention.Clicks: 1, retention.Events: 1,
			retention.Deliveries: 0, retention.Audit: 1,
		}, would)
		_, err = service.Change(ctx, j.AccountID, choice)
		require.NoError(t, err)
		retain(t, s, fake)
		require.Equal(t, []string{"b", "remove-audit"}, actionsOf(t, s, j.AccountID))
		for _, table := range []string{"replies", "contact_events"} {
			require.Equal(t, 1, s.Int("SELECT COUNT(*) FROM "+table+" WHERE account_id = ?", j.AccountID), table)
			require.Equal(t, 2, s.Int("SELECT COUNT(*) FROM "+table+" WHERE account_id = ?", other), table)
		}
		for _, table := range []string{"message_contents", "transitions", "message_answers"} {
			require.Zero(t, s.Int("SELECT COUNT(*) FROM "+table), table)
		}
		require.Equal(t, 1, s.Int("SELECT COUNT(*) FROM engagement WHERE clicks = 3 AND events = '[]'"))
		require.Equal(t, 10, s.Int("SELECT COUNT(*) FROM messages"))

		preview, err = service.Preview(ctx, j.AccountID, retention.Choice{retention.Messages: 30})
		require.NoError(t, err)
		require.Equal(t, []retention.Removal{{Kind: retention.Messages, Days: 30, Rows: 10}}, preview)
		_, err = service.Change(ctx, j.AccountID, retention.Choice{retention.Messages: 30})
		require.NoError(t, err)
		retain(t, s, fake)
		require.Zero(t, s.Int("SELECT COUNT(*) FROM messages"))
		require.Equal(t, 1, s.Int("SELECT COUNT(*) FROM runs WHERE swept_at IS NOT NULL"))
		sizes, err := service.Sizes(ctx)
		require.NoError(t, err)
		require.Positive(t, sizes.Bytes)
		if s.Postgres() {
			require.Len(t, sizes.Partitions, 1)
			require.Positive(t, sizes.Parts[0].Bytes)
		}
	})
}

// Messages that a frequency cap counts are kept for as long as it does, whatever was chosen.
func TestWhatACapCountsIsKept(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *storetest.Store) {
		ctx := t.Context()
		fake, j := finishedRun(t, s, 5)
		require.NoError(t, s.SetRetention(ctx, j.AccountID, retention.Choice{retention.Messages: 30}))
		_, err := s.SetCap(ctx, contacts.FrequencyCap{AccountID: j.AccountID, MaxMessages: 2, Window: 60 * 24 * time.Hour, Action: contacts.CapSkip})
		require.NoError(t, err)
		fake.Advance(45 * 24 * time.Hour)
		preview, err := retention.NewService(s.Store, s.Clock).Preview(ctx, j.AccountID, retention.Choice{retention.Messages: 30})
		require.NoError(t, err)
		require.Zero(t, preview[0].Rows)
		retain(t, s, fake)
		require.Equal(t, 5, s.Int("SELECT COUNT(*) FROM messages"))
		fake.Advance(16 * 24 * time.Hour)
		retain(t, s, fake)
		require.Zero(t, s.Int("SELECT COUNT(*) FROM messages"))
	})
}

// A single message whose content is not kept any more can't be sent again, and is not: neither
// by itself nor among others.
func TestWithoutItsContentNothingIsSentAgain(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *storetest.Store) {
		ctx := t.Context()
		fake := s.FakeTime()
		j := newJourney(t, s, 1)
		ids := make([]int64, 2)
		for i := range ids {
			m, err := s.CreateMessage(ctx, messages.Outgoing{AccountID: j.AccountID, ChannelID: j.Channel.ID, Address: "ada@example.org", Content: []byte("{}")})
			require.NoError(t, err)
			ids[i] = m.ID
		}
		j.Record(0, j.Claim(0, 1, j.Feed(0, []int64{1}, 2)), func(o *messages.Outcome) {
			o.State, o.Kind, o.Reason = messages.Failed, "content", messages.ReasonRefused
		})
		require.NoError(t, s.SetRetention(ctx, j.AccountID, retention.Choice{retention.Contents: 1}))
		fake.Advance(12 * time.Hour)
		retain(t, s, fake)
		_, err := s.ResendMessage(ctx, j.AccountID, ids[0], "ada")
		require.NoError(t, err, "it is kept for a day")
		fake.Advance(25 * time.Hour)
		retain(t, s, fake)
		require.Equal(t, 1, s.Int("SELECT COUNT(*) FROM message_contents"), "one waits to be sent")
		_, err = s.ResendMessage(ctx, j.AccountID, ids[1], "ada")
		require.ErrorContains(t, err, "not kept any more")
		preview, err := s.PreviewSettling(ctx, j.AccountID, messages.Settling{Action: messages.SettleResend, States: []messages.State{messages.Failed}})
		require.NoError(t, err)
		require.Zero(t, preview.Matched)
		require.EqualValues(t, 1, preview.Ended)
	})
}
