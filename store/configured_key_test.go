package store_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"carillon/access"
	"carillon/internal/fault"
	"carillon/internal/secret"
	"carillon/store"
	"carillon/store/storetest"
)

// What is configured is what holds, whatever was configured before.
func TestTheConfiguredKeyIsTheOneThatHolds(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *storetest.Store) {
		ctx := t.Context()
		account := s.Account("keys")
		a, b := secret.New("admin-key-a-0123456789"), secret.New("admin-key-b-0123456789")
		opens := func(key secret.String) bool {
			k, err := s.LookupKey(ctx, key, "127.0.0.1")
			return err == nil && k.Role == access.Admin
		}
		configure := func(key secret.String) []access.Key {
			replaced, err := s.ConfigureAdminKey(ctx, account, key)
			require.NoError(t, err)
			return replaced
		}
		require.Empty(t, configure(a))
		require.Empty(t, configure(a), "again")
		require.True(t, opens(a))
		require.Len(t, configure(b), 1)
		require.False(t, opens(a), "the old one is no admin any more")
		require.True(t, opens(b))
		require.Len(t, configure(a), 1, "back")
		require.True(t, opens(a))
		require.False(t, opens(b))
		require.Len(t, configure(secret.String{}), 1)
		require.False(t, opens(a), "none is configured")
		has, err := s.HasAdmin(ctx, account)
		require.NoError(t, err)
		require.False(t, has)

		// Keys that were made otherwise are nobody's but their makers'.
		configure(b)
		_, made, err := access.NewKeys(s).Create(ctx, access.Key{AccountID: account, Name: "colleague", Role: access.Admin, Operator: true})
		require.NoError(t, err)
		configure(a)
		require.True(t, opens(made))
		held, err := s.LookupKey(ctx, a, "127.0.0.1")
		require.NoError(t, err)
		require.NoError(t, s.RevokeKey(ctx, account, held.ID))
		_, err = s.ConfigureAdminKey(ctx, account, a)
		require.True(t, fault.Is(err, fault.Conflict), "a person revoked it: %v", err)
		require.ErrorContains(t, err, "CARILLON_ADMIN_KEY")
		require.False(t, opens(a))
		_, err = s.ConfigureAdminKey(ctx, account, secret.New("short"))
		require.True(t, fault.Is(err, fault.Invalid))
	})
}

// Versions before did not say which key was configured: all of the name were.
func TestKeysConfiguredByOlderVersionsGiveWay(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *storetest.Store) {
		ctx := t.Context()
		account := s.Account("keys")
		for _, old := range []string{"admin-key-1-0123456789", "admin-key-2-0123456789"} {
			_, err := s.AddKey(ctx, access.Key{AccountID: account, Name: store.ConfiguredKeyName, Role: access.Admin}, secret.New(old))
			require.NoError(t, err)
		}
		replaced, err := s.ConfigureAdminKey(ctx, account, secret.New("admin-key-2-0123456789"))
		require.NoError(t, err)
		require.Len(t, replaced, 1)
		_, err = s.LookupKey(ctx, secret.New("admin-key-1-0123456789"), "127.0.0.1")
		require.True(t, fault.Is(err, fault.Unauthorized))
		_, err = s.LookupKey(ctx, secret.New("admin-key-2-0123456789"), "127.0.0.1")
		require.NoError(t, err)
	})
}
