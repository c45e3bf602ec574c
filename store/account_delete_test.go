package store_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"carillon/access"
	"carillon/contacts"
	"carillon/internal/fault"
	"carillon/providers"
	"carillon/store/storetest"
)

// Somebody follows a link to unsubscribe, again and again, while the account is deleted, and
// afterwards: nothing of it is left, and the deletion ends.
func TestAnUnsubscribeLeavesNothingOfADeletedAccount(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *storetest.Store) {
		fake := s.FakeTime()
		s.Account("default")
		account := s.Account("shop")
		optOut := func() error {
			_, err := s.OptOut(t.Context(), contacts.ConsentChange{
				AccountID: account, Kind: providers.Email, Address: "ada@example.org", Source: contacts.SourceLink, Actor: "recipient",
			})
			return err
		}
		require.NoError(t, optOut())
		_, err := s.CloseAccount(t.Context(), access.Deletion{ID: account, Confirm: "shop", Wait: time.Hour})
		require.NoError(t, err)
		require.NoError(t, optOut(), "it is closed, and its recipients can still unsubscribe")
		fake.Advance(time.Hour)

		over := make(chan error)
		go func() {
			for {
				if err := optOut(); err != nil {
					over <- err
					return
				}
			}
		}()
		for more, pieces := true, 0; more; pieces++ {
			require.Less(t, pieces, 2000, "it goes round and round")
			more, err = s.DeleteAccounts(t.Context())
			require.NoError(t, err)
		}
		require.True(t, fault.Is(<-over, fault.NotFound), "there is no such account any more")
		require.Zero(t, s.Int("SELECT COUNT(*) FROM accounts WHERE id = ?", account))
		for _, table := range []string{"consents", "suppressions", "audit", "outbox"} {
			require.Zero(t, s.Int("SELECT COUNT(*) FROM "+table+" WHERE account_id = ?", account), table)
		}
	})
}
