package store_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"carillon/contacts"
	"carillon/internal/fault"
	"carillon/providers"
	"carillon/store/storetest"
)

func TestSuppressions(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *storetest.Store) {
		ctx, now := t.Context(), s.FakeTime()
		account, other := s.Account("one"), s.Account("other")
		consents := contacts.NewConsents(s)
		add := func(kind providers.AddressKind, address, reason string) bool {
			added, err := consents.Suppress(ctx, contacts.Suppression{AccountID: account, Kind: kind, Address: address, Reason: reason}, "me")
			require.NoError(t, err)
			return added
		}
		list := func(f contacts.SuppressionFilter) []contacts.Suppression {
			f.AccountID = account
			page, err := s.ListSuppressions(ctx, f)
			require.NoError(t, err)
			return page
		}
		require.True(t, add(providers.Phone, "+43155511", "manual"))
		require.True(t, add(providers.Email, "B@example.com", "bounced"))
		require.True(t, add(providers.Email, "a@example.com", "complained"))
		require.False(t, add(providers.Email, "a@example.com", "manual"))

		require.True(t, add(providers.Email, "c@example.com", "unsubscribed"))
		require.False(t, add(providers.Email, "c@example.com", "bounced"))
		require.False(t, add(providers.Email, "c@example.com", "unsubscribed"))
		strict := list(contacts.SuppressionFilter{AfterKind: providers.Email, AfterAddress: "b@example.com", Limit: 1})
		require.Equal(t, []contacts.Suppression{{AccountID: account, Kind: providers.Email, Address: "c@example.com", Reason: "bounced", OptedOut: true,
			CreatedAt: now.Now()}},
			strict, "what keeps everything away is not weakened, replaces what is weaker, and the opt-out is not forgotten")
		require.Len(t, list(contacts.SuppressionFilter{Reason: "bounced", Limit: 9}), 2)
		require.Len(t, list(contacts.SuppressionFilter{Kind: providers.Phone, Limit: 9}), 1)
		require.Len(t, list(contacts.SuppressionFilter{Text: "A@EX", Limit: 9}), 1)
		require.Empty(t, list(contacts.SuppressionFilter{Text: "a_e", Limit: 9}), "it is no pattern")

		suppressed := func(account int64) bool {
			is, err := s.Suppressed(ctx, account, providers.Email, "a@example.com")
			require.NoError(t, err)
			return is
		}
		require.True(t, suppressed(account))
		require.False(t, suppressed(other))

		page := list(contacts.SuppressionFilter{Limit: 2})
		require.Equal(t, []contacts.Suppression{
			{AccountID: account, Kind: providers.Email, Address: "a@example.com", Reason: "complained", CreatedAt: now.Now()},
			{AccountID: account, Kind: providers.Email, Address: "b@example.com", Reason: "bounced", CreatedAt: now.Now()},
		}, page)
		page = list(contacts.SuppressionFilter{AfterKind: page[1].Kind, AfterAddress: page[1].Address, Limit: 2})
		require.Len(t, page, 2)
		require.Equal(t, providers.Phone, page[1].Kind)

		remove := func(account int64, address string, force bool) error {
			return consents.Unsuppress(ctx, contacts.Suppression{AccountID: account, Kind: providers.Email, Address: address}, force, "me")
		}
		require.True(t, fault.Is(remove(other, "a@example.com", true), fault.NotFound))
		require.True(t, fault.Is(remove(account, "a@example.com", false), fault.Conflict), "a complaint needs force")
		require.NoError(t, remove(account, "A@example.com", true))
		require.False(t, suppressed(account))
		require.NoError(t, remove(account, "c@example.com", true))
		below := list(contacts.SuppressionFilter{Reason: "unsubscribed", Limit: 9})
		require.Len(t, below, 1, "the opt-out below the bounce is still there")
		require.NoError(t, remove(account, "c@example.com", false))
		require.Empty(t, list(contacts.SuppressionFilter{Reason: "unsubscribed", Limit: 9}))
	})
}
