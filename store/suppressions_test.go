package store

import (
	"testing"

	"github.com/stretchr/testify/require"

	"carillon/internal/fault"
	"carillon/providers"
	"carillon/targeting"
)

func TestSuppressions(t *testing.T) {
	eachStore(t, func(t *testing.T, s *Store) {
		ctx, now := t.Context(), fakeTime(s)
		account, other := testAccount(t, s, "one"), testAccount(t, s, "other")
		add := func(kind providers.AddressKind, address, reason string) bool {
			added, err := s.AddSuppression(ctx, targeting.Suppression{AccountID: account, Kind: kind, Address: address, Reason: reason})
			require.NoError(t, err)
			return added
		}
		require.True(t, add(providers.Phone, "+4315551", "manual"))
		require.True(t, add(providers.Email, "b@example.com", "bounced"))
		require.True(t, add(providers.Email, "a@example.com", "complained"))
		require.False(t, add(providers.Email, "a@example.com", "manual"))

		require.True(t, add(providers.Email, "c@example.com", "unsubscribed"))
		require.False(t, add(providers.Email, "c@example.com", "bounced"))
		require.False(t, add(providers.Email, "c@example.com", "unsubscribed"))
		strict, err := s.ListSuppressions(ctx, account, targeting.Suppression{Kind: providers.Email, Address: "b@example.com"}, 1)
		require.NoError(t, err)
		require.Equal(t, "bounced", strict[0].Reason, "what keeps everything away is not weakened and replaces what is weaker")

		suppressed := func(account int64) bool {
			is, err := s.Suppressed(ctx, account, providers.Email, "a@example.com")
			require.NoError(t, err)
			return is
		}
		require.True(t, suppressed(account))
		require.False(t, suppressed(other))

		page, err := s.ListSuppressions(ctx, account, targeting.Suppression{}, 2)
		require.NoError(t, err)
		require.Equal(t, []targeting.Suppression{
			{AccountID: account, Kind: providers.Email, Address: "a@example.com", Reason: "complained", CreatedAt: now.Now()},
			{AccountID: account, Kind: providers.Email, Address: "b@example.com", Reason: "bounced", CreatedAt: now.Now()},
		}, page)
		page, err = s.ListSuppressions(ctx, account, page[1], 2)
		require.NoError(t, err)
		require.Len(t, page, 2)
		require.Equal(t, providers.Phone, page[1].Kind)

		require.True(t, fault.Is(s.RemoveSuppression(ctx, other, providers.Email, "a@example.com"), fault.NotFound))
		require.NoError(t, s.RemoveSuppression(ctx, account, providers.Email, "a@example.com"))
		require.False(t, suppressed(account))
	})
}
