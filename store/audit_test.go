package store_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"carillon/access"
	"carillon/store/storetest"
)

func TestAuditIsReadNewestFirst(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *storetest.Store) {
		ctx, now := t.Context(), s.FakeTime()
		account, other := s.Account("one"), s.Account("other")
		for _, action := range []string{"a", "b", "c"} {
			require.NoError(t, s.AddAudit(ctx, access.AuditEntry{AccountID: account, Actor: "cli", Action: action, Target: "x"}))
		}
		require.NoError(t, s.AddAudit(ctx, access.AuditEntry{
			AccountID: other, Actor: "key 1", Action: "d", Target: "y", Detail: map[string]any{"cleared": 7.0},
		}))

		page, err := s.ListAudit(ctx, access.AuditQuery{AccountID: account, Before: 0, Limit: 2})
		require.NoError(t, err)
		require.Len(t, page, 2)
		require.Equal(t, "c", page[0].Action)
		require.Equal(t, now.Now(), page[0].At)
		page, err = s.ListAudit(ctx, access.AuditQuery{AccountID: account, Before: page[1].ID, Limit: 2})
		require.NoError(t, err)
		require.Len(t, page, 1)
		require.Equal(t, "a", page[0].Action)
		page, err = s.ListAudit(ctx, access.AuditQuery{AccountID: other, Before: 0, Limit: 2})
		require.NoError(t, err)
		require.Len(t, page, 1)
		require.Equal(t, map[string]any{"cleared": 7.0}, page[0].Detail)
	})
}
