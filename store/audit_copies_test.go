package store_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"carillon/access"
	"carillon/retention"
	"carillon/store"
	"carillon/store/storetest"
)

// copying are the options of a store whose trail is copied to both places.
var copying = store.Options{Copies: []access.TrailCopy{access.CopyFile, access.CopySyslog}}

// copyAll notes that all entries with a place are at a target.
func copyAll(t *testing.T, s *storetest.Store, to access.TrailCopy) {
	t.Helper()
	for after := int64(0); ; {
		batch, err := s.UncopiedAudit(t.Context(), to, after, 1000)
		require.NoError(t, err)
		if batch.AccountID == 0 {
			return
		}
		require.Zero(t, batch.Lost)
		require.NoError(t, s.CopiedAudit(t.Context(), to, batch.AccountID, batch.Through))
		after = batch.AccountID
	}
}

// Entries whose time is over stay until they are wherever the trail is copied to, and a week at most.
func TestRetentionWaitsForCopies(t *testing.T) {
	storetest.EachWith(t, copying, func(t *testing.T, s *storetest.Store) {
		fake := s.FakeTime()
		account := s.Account("one")
		addEntries(t, s, account, 3)
		sealAll(t, s)
		_, err := retention.NewService(s.Store, s.Clock).Change(t.Context(), account, retention.Choice{retention.Audit: 30})
		require.NoError(t, err)
		sweep := func(by time.Duration) int {
			fake.Advance(by)
			retain(t, s, fake)
			return s.Int("SELECT COUNT(*) FROM audit WHERE action LIKE 'do-%'")
		}
		require.Equal(t, 3, sweep(31*24*time.Hour), "they are nowhere yet")
		require.NoError(t, s.CopiedAudit(t.Context(), access.CopyFile, account, 3))
		require.NoError(t, s.CopiedAudit(t.Context(), access.CopySyslog, account, 2))
		require.Equal(t, 1, sweep(2*time.Hour), "one is in the file alone")
		require.Equal(t, 1, sweep(5*24*time.Hour))
		require.Zero(t, sweep(2*24*time.Hour), "the week is over")
	})
}

// The deletion of an account waits for the copies of its trail, of which what comes meanwhile is a
// part; others go on. It waits a week at most.
func TestADeletionWaitsForCopies(t *testing.T) {
	storetest.EachWith(t, copying, func(t *testing.T, s *storetest.Store) {
		fake := s.FakeTime()
		s.Account("default")
		one, two, never := s.Account("one"), s.Account("two"), s.Account("never")
		passes := func() {
			t.Helper()
			fake.Advance(time.Minute)
			for n := 0; ; n++ {
				require.Less(t, n, 300, "it goes round and round")
				more, err := s.DeleteAccounts(t.Context())
				require.NoError(t, err)
				if !more {
					return
				}
			}
		}
		there := func(account int64) bool { return s.Int("SELECT COUNT(*) FROM accounts WHERE id = ?", account) == 1 }
		copies := func() {
			t.Helper()
			sealAll(t, s)
			copyAll(t, s, access.CopyFile)
			copyAll(t, s, access.CopySyslog)
		}
		for _, account := range []int64{one, two} {
			addEntries(t, s, account, 3)
		}
		copies()
		addEntries(t, s, one, 600)
		for _, account := range []int64{one, two} {
			_, err := s.CloseAccount(t.Context(), access.Deletion{ID: account, Confirm: map[int64]string{one: "one", two: "two"}[account], Wait: time.Hour})
			require.NoError(t, err)
		}
		fake.Advance(time.Hour)
		passes()
		require.True(t, there(one), "600 entries are nowhere yet")
		require.False(t, there(two), "all of its are everywhere")
		require.Equal(t, 603, s.Int("SELECT COUNT(*) FROM audit WHERE account_id = ?", one))
		// Somebody tries its key meanwhile.
		require.NoError(t, s.AddAudit(t.Context(), access.AuditEntry{AccountID: one, Actor: "key 1 (a)", Action: access.RefusedKey, Target: "request"}))
		sealAll(t, s)
		copyAll(t, s, access.CopyFile)
		passes()
		require.True(t, there(one), "they are in the file alone")
		require.Equal(t, 604, s.Int("SELECT COUNT(*) FROM audit WHERE account_id = ?", one))
		copyAll(t, s, access.CopySyslog)
		passes()
		require.False(t, there(one))
		require.Zero(t, s.Int("SELECT COUNT(*) FROM audit WHERE account_id = ?", one))

		addEntries(t, s, never, 3)
		_, err := s.CloseAccount(t.Context(), access.Deletion{ID: never, Confirm: "never", Wait: time.Hour})
		require.NoError(t, err)
		fake.Advance(time.Hour)
		passes()
		fake.Advance(6 * 24 * time.Hour)
		passes()
		require.True(t, there(never))
		fake.Advance(24 * time.Hour)
		passes()
		require.False(t, there(never), "the week is over")
	})
}
