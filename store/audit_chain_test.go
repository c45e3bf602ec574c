package store_test

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"carillon/access"
	"carillon/retention"
	"carillon/store/storetest"
)

// sealAll seals every entry that this program wrote.
func sealAll(t require.TestingT, s *storetest.Store) {
	for more := true; more; {
		var err error
		more, err = s.SealAudit(context.Background())
		require.NoError(t, err)
	}
}

// walked is what a walk along an account's chain finds, in steps of a few entries.
func walked(t require.TestingT, s *storetest.Store, w access.ChainWalk) (last access.ChainStep, checked int64) {
	w.Most = 2
	for !last.Done {
		var err error
		last, err = s.WalkAudit(context.Background(), w)
		require.NoError(t, err)
		w.After = last.Place
		checked += last.Checked
	}
	return last, checked
}

func actionsOf(t *testing.T, s *storetest.Store, account int64) (actions []string) {
	entries, err := s.ListAudit(t.Context(), access.AuditQuery{AccountID: account, Limit: 500})
	require.NoError(t, err)
	for _, e := range slices.Backward(entries) {
		actions = append(actions, e.Action)
	}
	return actions
}

func addEntries(t require.TestingT, s *storetest.Store, account int64, n int) {
	for i := range n {
		require.NoError(t, s.AddAudit(context.Background(), access.AuditEntry{
			AccountID: account, Actor: "key 1 (a)", Action: fmt.Sprintf("do-%d", i), Target: "campaign 1", TargetName: "Spring",
			Detail: map[string]any{"n": i}, RequestID: "r", Source: "127.0.0.1",
		}))
	}
}

// withoutRules takes the rules of the database away, as somebody could who owns it.
func withoutRules(s *storetest.Store) {
	drops := []string{"DROP TRIGGER audit_kept", "DROP TRIGGER audit_unchanged", "DROP INDEX audit_sealed"}
	if s.Postgres() {
		drops = []string{"DROP TRIGGER audit_guard ON audit", "DROP TRIGGER audit_guard_all ON audit", "DROP INDEX audit_sealed"}
	}
	for _, drop := range drops {
		s.Exec(drop)
	}
}

// The database itself refuses what is no part of the trail's life.
func TestTheTrailIsAppendOnly(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *storetest.Store) {
		account := s.Account("one")
		addEntries(t, s, account, 3)
		refused := func(query string) {
			_, err := s.Outside().Exec(t.Context(), query)
			require.ErrorContains(t, err, "entries of the audit trail are", query)
		}
		refuse := func() {
			for _, set := range []string{
				"actor = 'x'", "action = 'x'", "target = 'x'", "target_name = 'x'", "detail = '{\"n\":9}'", "detail = '{}'", "request_id = 'x'", "source = 'x'",
				"at = 1", "mac = 'x'", "detail_mac = 'x'", "account_id = 99", "id = 99999",
			} {
				refused("UPDATE audit SET " + set + " WHERE action = 'do-1'")
			}
			refused("DELETE FROM audit WHERE action = 'do-1'")
		}
		refuse()
		sealAll(t, s)
		refuse()
		refused("UPDATE audit SET seq = 77 WHERE action = 'do-1'")
		refused("UPDATE audit SET seq = NULL WHERE action = 'do-1'")
		refused("UPDATE audit SET hash = 'x' WHERE action = 'do-1'")
		if s.Postgres() {
			refused("TRUNCATE audit")
		}
		last, checked := walked(t, s, access.ChainWalk{AccountID: account})
		require.Nil(t, last.Problem)
		require.Equal(t, int64(3), checked)
	})
}

// Whatever one thing somebody does to the table with the database's rules out of the way, the walk
// finds it.
func TestAnyChangeOfTheTrailIsFound(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *storetest.Store) {
		const entries = 9
		withoutRules(s)
		tampered := []string{
			"UPDATE audit SET actor = actor || 'x' WHERE seq = ? AND account_id = ?", "UPDATE audit SET action = 'x' WHERE seq = ? AND account_id = ?",
			"UPDATE audit SET target = 'campaign 2' WHERE seq = ? AND account_id = ?", "UPDATE audit SET target_name = '' WHERE seq = ? AND account_id = ?",
			"UPDATE audit SET detail = '{}' WHERE seq = ? AND account_id = ?", "UPDATE audit SET request_id = '' WHERE seq = ? AND account_id = ?",
			"UPDATE audit SET source = 'x' WHERE seq = ? AND account_id = ?", "UPDATE audit SET at = at + 1 WHERE seq = ? AND account_id = ?",
			"UPDATE audit SET detail = '{}', erased = 'x' WHERE seq = ? AND account_id = ?", "UPDATE audit SET mac = '' WHERE seq = ? AND account_id = ?",
			"UPDATE audit SET hash = '' WHERE seq = ? AND account_id = ?", "UPDATE audit SET id = id + 1000000 WHERE seq = ? AND account_id = ?",
			"DELETE FROM audit WHERE seq = ? AND account_id = ?", "UPDATE audit SET seq = NULL, hash = '' WHERE seq = ? AND account_id = ?",
			"UPDATE audit SET account_id = account_id + 1000000 WHERE seq = ? AND account_id = ?",
			copied("NULL", "''"), copied("seq", "hash"), copied("seq + 1", "hash"), copied("100", "hash"),
			"DELETE FROM audit WHERE seq >= ? AND account_id = ?",
			"DELETE FROM audit WHERE seq <= ? AND account_id = ?",
			// Two change places, with and without what is said of these.
			"UPDATE audit SET seq = CASE WHEN seq = 1 THEN CAST(? AS BIGINT) ELSE 1 END WHERE account_id = ? AND seq IN (1, <seq>)",
			"UPDATE audit SET seq = seq + 1 WHERE seq >= ? AND account_id = ?",
			"UPDATE audit_chains SET seq = ? - 1 WHERE account_id = ?", "UPDATE audit_chains SET floor_seq = ? WHERE account_id = ?",
			"UPDATE audit_chains SET legacy = ? WHERE account_id = ?", "DELETE FROM audit_chains WHERE ? > 0 AND account_id = ?",
		}
		n := 0
		rapid.Check(t, func(r *rapid.T) {
			n++
			account := s.Account(fmt.Sprintf("tampered %d", n))
			addEntries(r, s, account, entries)
			sealAll(r, s)
			last, checked := walked(r, s, access.ChainWalk{AccountID: account})
			require.Nil(r, last.Problem)
			require.EqualValues(r, entries, checked)
			seq := rapid.IntRange(2, entries).Draw(r, "seq")
			query := strings.ReplaceAll(rapid.SampledFrom(tampered).Draw(r, "tampering"), "<seq>", fmt.Sprint(seq))
			s.Exec(query, seq, account)
			last, _ = walked(r, s, access.ChainWalk{AccountID: account})
			require.NotNil(r, last.Problem, query)
			require.NotEmpty(r, last.Problem.What)
		})
	})
}

// copied puts a copy of an entry at another place.
func copied(seq, hash string) string {
	return fmt.Sprintf(`INSERT INTO audit (account_id, actor, action, target, target_name, detail, request_id, source, at, mac, detail_mac, erased, seq, hash)
		SELECT account_id, actor, action, target, target_name, detail, request_id, source, at, mac, detail_mac, erased, %s, %s FROM audit
		WHERE seq = ? AND account_id = ?`, seq, hash)
}

// The first entry that is wrong is named; what this program did not write is never sealed.
func TestTheWalkNamesTheFirstEntry(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *storetest.Store) {
		withoutRules(s)
		account := s.Account("one")
		addEntries(t, s, account, 5)
		sealAll(t, s)
		id := int64(s.Int("SELECT id FROM audit WHERE seq = 3"))
		s.Exec("UPDATE audit SET actor = 'nobody' WHERE seq >= 3")
		last, checked := walked(t, s, access.ChainWalk{AccountID: account})
		require.Equal(t, &access.ChainProblem{Seq: 3, EntryID: id, What: "the entry was changed, or put in"}, last.Problem)
		require.Equal(t, int64(2), checked)
		s.Exec("UPDATE audit SET actor = 'key 1 (a)'")
		s.Exec("INSERT INTO audit (account_id, actor, action, target, at) VALUES (?, 'a', 'b', 'c', 1)", account)
		sealAll(t, s)
		last, _ = walked(t, s, access.ChainWalk{AccountID: account})
		require.Equal(t, "the entry was put in by something else than this program", last.Problem.What)
		require.Equal(t, 1, s.Int("SELECT COUNT(*) FROM audit WHERE seq IS NULL"))
	})
}

// A noted head shows what nothing in the database can: that the newest entries and the head
// were put back together.
func TestANotedHeadShowsARollback(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *storetest.Store) {
		withoutRules(s)
		account := s.Account("one")
		addEntries(t, s, account, 3)
		sealAll(t, s)
		s.Exec("CREATE TABLE before AS SELECT * FROM audit_chains")
		addEntries(t, s, account, 3)
		sealAll(t, s)
		last, _ := walked(t, s, access.ChainWalk{AccountID: account})
		noted := last.Head
		require.Equal(t, int64(6), noted.Seq)
		s.Exec("DELETE FROM audit WHERE seq > 3")
		s.Exec("DELETE FROM audit_chains")
		s.Exec("INSERT INTO audit_chains SELECT * FROM before")
		last, _ = walked(t, s, access.ChainWalk{AccountID: account})
		require.Nil(t, last.Problem)
		last, _ = walked(t, s, access.ChainWalk{AccountID: account, Noted: noted})
		require.Contains(t, last.Problem.What, "the noted head is not in the chain")
		last, _ = walked(t, s, access.ChainWalk{AccountID: account, Noted: last.Head})
		require.Nil(t, last.Problem)
	})
}

// What retention removes goes from the oldest end, and what stays is a chain still.
func TestRetentionKeepsTheChain(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *storetest.Store) {
		fake := s.FakeTime()
		account := s.Account("one")
		addEntries(t, s, account, 700)
		fake.Advance(40 * 24 * time.Hour)
		addEntries(t, s, account, 3)
		_, err := retention.NewService(s.Store, s.Clock).Change(t.Context(), account, retention.Choice{retention.Audit: 35})
		require.NoError(t, err)
		retain(t, s, fake)
		require.Equal(t, 703, s.Int("SELECT COUNT(*) FROM audit"), "nothing goes that has no place yet")
		sealAll(t, s)
		fake.Advance(2 * time.Hour)
		retain(t, s, fake)
		require.Equal(t, []string{"do-0", "do-1", "do-2", "remove-audit"}, actionsOf(t, s, account))
		last, checked := walked(t, s, access.ChainWalk{AccountID: account})
		require.Nil(t, last.Problem)
		require.Equal(t, int64(3), checked)
		require.Equal(t, int64(1), last.Unsealed)
		require.Equal(t, int64(700), last.Floor)
		sealAll(t, s)
		last, checked = walked(t, s, access.ChainWalk{AccountID: account})
		require.Nil(t, last.Problem)
		require.Equal(t, int64(4), checked)
	})
}

// Many processes write and seal at once: every entry gets one place.
func TestSealingAtOnce(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *storetest.Store) {
		account := s.Account("one")
		const writers, each = 6, 20
		done := make(chan error, 2*writers)
		for range writers {
			go func() {
				for range each {
					if err := s.AddAudit(t.Context(), access.AuditEntry{AccountID: account, Actor: "a", Action: "b", Target: "c"}); err != nil {
						done <- err
						return
					}
				}
				done <- nil
			}()
			go func() {
				for range each {
					if _, err := s.SealAudit(t.Context()); err != nil {
						done <- err
						return
					}
				}
				done <- nil
			}()
		}
		for range 2 * writers {
			require.NoError(t, <-done)
		}
		sealAll(t, s)
		last, checked := walked(t, s, access.ChainWalk{AccountID: account})
		require.Nil(t, last.Problem)
		require.EqualValues(t, writers*each, checked)
		require.Zero(t, last.Unsealed)
	})
}

// Entries from before there were chains are sealed first, once, as they are then.
func TestEntriesFromBeforeAreSealed(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *storetest.Store) {
		account := s.Account("one")
		s.Exec("INSERT INTO audit (account_id, actor, action, target, at) VALUES (?, 'a', 'old', 'c', 1)", account)
		s.Exec("UPDATE meta SET value = '1' WHERE name = 'audit_legacy'")
		addEntries(t, s, account, 1)
		sealAll(t, s)
		last, checked := walked(t, s, access.ChainWalk{AccountID: account})
		require.Nil(t, last.Problem)
		require.Equal(t, int64(2), checked)
		s.Exec("INSERT INTO audit (account_id, actor, action, target, at) VALUES (?, 'a', 'old', 'c', 1)", account)
		s.Exec("UPDATE meta SET value = '1000000' WHERE name = 'audit_legacy'")
		sealAll(t, s)
		last, _ = walked(t, s, access.ChainWalk{AccountID: account})
		require.NotNil(t, last.Problem)
	})
}

// millionEntries fills the trail of an account without its hashes, which lists do not look at.
func millionEntries(s *storetest.Store, account int64, n int) {
	s.Exec(`WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < ?)
		INSERT INTO audit (account_id, actor, action, target, target_name, request_id, source, at)
		SELECT CAST(? AS BIGINT), 'key ' || (i % 50), CASE WHEN i % 100000 = 7 THEN 'rare-thing' ELSE 'change-' || (i % 90) END, 'campaign ' || (i % 5000), 'name',
			'r' || i, '127.0.0.1', i * 1000 FROM n`, n, account)
}

// What is asked for is found whatever it is narrowed by.
func TestTheTrailIsNarrowed(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *storetest.Store) {
		account := s.Account("one")
		millionEntries(s, account, 3000)
		at := func(i int64) time.Time { return time.UnixMilli(i * 1000).UTC() }
		for name, c := range map[string]struct {
			query access.AuditQuery
			want  int
		}{
			"all":      {access.AuditQuery{}, 3000},
			"actor":    {access.AuditQuery{Actor: "key 7"}, 60},
			"action":   {access.AuditQuery{Action: "change-5"}, 34},
			"prefix":   {access.AuditQuery{Action: "change-5*"}, 33 + 10*33},
			"rare":     {access.AuditQuery{Action: "rare*"}, 1},
			"none":     {access.AuditQuery{Action: "none*"}, 0},
			"target":   {access.AuditQuery{Target: "campaign 12"}, 1},
			"request":  {access.AuditQuery{RequestID: "r99"}, 1},
			"time":     {access.AuditQuery{From: at(100), To: at(200)}, 100},
			"since":    {access.AuditQuery{From: at(2990)}, 11},
			"both":     {access.AuditQuery{Actor: "key 7", Action: "change-7*", To: at(1000)}, 0},
			"together": {access.AuditQuery{Actor: "key 7", From: at(1), To: at(101)}, 2},
		} {
			c.query.AccountID, c.query.Limit = account, 500
			found := 0
			for {
				page, err := s.ListAudit(t.Context(), c.query)
				require.NoError(t, err, name)
				if len(page) == 0 {
					break
				}
				require.True(t, slices.IsSortedFunc(page, func(a, b access.AuditEntry) int { return int(b.ID - a.ID) }), name)
				found += len(page)
				c.query.Before = page[len(page)-1].ID
			}
			if name != "prefix" && name != "both" {
				require.Equal(t, c.want, found, name)
				continue
			}
			var like int
			require.NoError(t, s.Reader().Row(t.Context(), "SELECT COUNT(*) FROM audit WHERE action LIKE ? AND (? = '' OR actor = ?) AND (? = 0 OR at < ?)",
				strings.TrimSuffix(c.query.Action, "*")+"%", c.query.Actor, c.query.Actor, toMillis(c.query.To), toMillis(c.query.To)).Scan(&like))
			require.Equal(t, like, found, name)
		}
	})
}

func toMillis(at time.Time) int64 {
	if at.IsZero() {
		return 0
	}
	return at.UnixMilli()
}

// BenchmarkListAudit reads pages of a trail of a million entries.
func BenchmarkListAudit(b *testing.B) {
	storetest.EachBenchmark(b, func(b *testing.B, s *storetest.Store) {
		account := s.Account("one")
		millionEntries(s, account, 1_000_000)
		s.Exec("ANALYZE")
		at := func(i int64) time.Time { return time.UnixMilli(i * 1000).UTC() }
		for name, q := range map[string]access.AuditQuery{
			"all": {}, "actor": {Actor: "key 7"}, "action": {Action: "change-5"}, "prefix": {Action: "change-*"}, "rare": {Action: "rare*"},
			"target": {Target: "campaign 12"}, "request": {RequestID: "r99"}, "old": {From: at(100), To: at(5000)},
			"rare-actor": {Action: "rare*", Actor: "key 7"}, "actor-target": {Actor: "key 7", Target: "campaign 7"},
			"prefix-old": {Action: "change-*", To: at(5000)},
		} {
			q.AccountID, q.Limit = account, 51
			b.Run(name, func(b *testing.B) {
				for b.Loop() {
					_, err := s.ListAudit(b.Context(), q)
					require.NoError(b, err)
				}
			})
		}
	})
}
