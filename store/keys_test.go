package store_test

import (
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"carillon/access"
	"carillon/internal/fault"
	"carillon/internal/secret"
	"carillon/store/storetest"
)

func TestKeys(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *storetest.Store) {
		ctx, time0 := t.Context(), s.FakeTime()
		account, other := s.Account("one"), s.Account("other")

		admin, adminSecret, err := access.NewKeys(s).Create(ctx, access.Key{AccountID: account, Name: " first ", Role: access.Admin})
		require.NoError(t, err)
		require.Equal(t, "first", admin.Name)
		require.True(t, strings.HasPrefix(adminSecret.Reveal(), "car_"))
		require.GreaterOrEqual(t, len(adminSecret.Reveal()), len("car_")+27, "160 bits in base64")
		require.Equal(t, adminSecret.Reveal()[len(adminSecret.Reveal())-4:], admin.Hint)
		viewer, viewerSecret, err := access.NewKeys(s).Create(ctx, access.Key{AccountID: account, Name: "wall", Role: access.Viewer})
		require.NoError(t, err)
		require.NotEqual(t, adminSecret.Reveal(), viewerSecret.Reveal())

		var stored string
		require.NoError(t, s.Reader().Row(ctx, "SELECT hash FROM api_keys WHERE id = ?", admin.ID).Scan(&stored))
		require.NotContains(t, stored, adminSecret.Reveal())

		// A use is noted, at most once a minute.
		key, err := s.LookupKey(ctx, viewerSecret, "127.0.0.1")
		require.NoError(t, err)
		require.Equal(t, viewer.ID, key.ID)
		require.Equal(t, access.Viewer, key.Role)
		lastUsed := func() time.Time {
			keys, err := s.ListKeys(ctx, account, admin.ID, 10)
			require.NoError(t, err)
			require.Len(t, keys, 1)
			require.NotNil(t, keys[0].LastUsedAt)
			return *keys[0].LastUsedAt
		}
		first := time0.Now()
		require.Equal(t, first, lastUsed())
		time0.Advance(59 * time.Second)
		_, err = s.LookupKey(ctx, viewerSecret, "127.0.0.1")
		require.NoError(t, err)
		require.Equal(t, first, lastUsed())
		time0.Advance(time.Second)
		_, err = s.LookupKey(ctx, viewerSecret, "127.0.0.1")
		require.NoError(t, err)
		require.Equal(t, time0.Now(), lastUsed())

		// Revoking binds at once, belongs to the account and keeps one admin.
		require.True(t, fault.Is(s.RevokeKey(ctx, other, viewer.ID), fault.NotFound))
		require.NoError(t, s.RevokeKey(ctx, account, viewer.ID))
		require.NoError(t, s.RevokeKey(ctx, account, viewer.ID), "again changes nothing")
		_, err = s.LookupKey(ctx, viewerSecret, "127.0.0.1")
		require.True(t, fault.Is(err, fault.Unauthorized), "%v", err)
		require.True(t, fault.Is(s.RevokeKey(ctx, account, admin.ID), fault.Conflict))
		_, _, err = access.NewKeys(s).Create(ctx, access.Key{AccountID: account, Name: "second", Role: access.Admin})
		require.NoError(t, err)
		require.NoError(t, s.RevokeKey(ctx, account, admin.ID))

		_, err = s.LookupKey(ctx, secret.New("car_unknown"), "127.0.0.1")
		require.True(t, fault.Is(err, fault.Unauthorized))
		require.NotContains(t, err.Error(), "car_unknown")
		keys, err := s.ListKeys(ctx, account, 0, 2)
		require.NoError(t, err)
		require.Len(t, keys, 2)
		require.NotNil(t, keys[0].RevokedAt)
	})
}

func TestAddKeyTakesTheOperatorsOwn(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *storetest.Store) {
		ctx := t.Context()
		account, other := s.Account("one"), s.Account("other")
		chosen := secret.New("0123456789abcdef-chosen")
		key, err := s.AddKey(ctx, access.Key{AccountID: account, Name: "environment", Role: access.Admin}, chosen)
		require.NoError(t, err)
		again, err := s.AddKey(ctx, access.Key{AccountID: account, Name: "environment", Role: access.Admin}, chosen)
		require.NoError(t, err)
		require.Equal(t, key.ID, again.ID)
		found, err := s.LookupKey(ctx, chosen, "127.0.0.1")
		require.NoError(t, err)
		require.Equal(t, key.ID, found.ID)

		for name, add := range map[string]func() error{
			"another account": func() error {
				_, err := s.AddKey(ctx, access.Key{AccountID: other, Name: "x", Role: access.Admin}, chosen)
				return err
			},
			"another role": func() error {
				_, err := s.AddKey(ctx, access.Key{AccountID: account, Name: "x", Role: access.Viewer}, chosen)
				return err
			},
			"too short": func() error {
				_, err := s.AddKey(ctx, access.Key{AccountID: account, Name: "x", Role: access.Admin}, secret.New("short"))
				return err
			},
			"a space": func() error {
				_, err := s.AddKey(ctx, access.Key{AccountID: account, Name: "x", Role: access.Admin}, secret.New("0123456789 abcdef"))
				return err
			},
			"no name": func() error {
				_, _, err := access.NewKeys(s).Create(ctx, access.Key{AccountID: account, Name: " ", Role: access.Admin})
				return err
			},
			"a NUL": func() error {
				_, _, err := access.NewKeys(s).Create(ctx, access.Key{AccountID: account, Name: "a\x00b", Role: access.Admin})
				return err
			},
			"no role": func() error {
				_, _, err := access.NewKeys(s).Create(ctx, access.Key{AccountID: account, Name: "x", Role: "owner"})
				return err
			},
		} {
			err := add()
			require.Error(t, err, name)
			require.NotContains(t, err.Error(), chosen.Reveal(), name)
			require.NotEqual(t, fault.Internal, fault.CodeOf(err), name)
		}
	})
}

func TestKeysOfAnAPI(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *storetest.Store) {
		ctx := t.Context()
		j := storetest.NewJourney(t, s, 1)
		now := s.FakeTime()
		keys := access.NewKeys(s)
		admin, _, err := keys.Create(ctx, access.Key{AccountID: j.AccountID, Name: "admin", Role: access.Admin})
		require.NoError(t, err)
		ends := s.Clock.Now().Add(time.Hour).UTC().Truncate(time.Millisecond)
		made, secretKey, err := keys.Create(ctx, access.Key{
			AccountID: j.AccountID, Name: "bot", Role: access.Admin, API: "chatapi", ChannelID: j.Channel.ID, ExpiresAt: &ends,
		})
		require.NoError(t, err)
		found, err := keys.Lookup(ctx, secretKey, "127.0.0.1")
		require.NoError(t, err)
		require.Equal(t, []any{"chatapi", j.Channel.ID, ends}, []any{found.API, found.ChannelID, found.ExpiresAt.UTC()})
		_, _, err = keys.Create(ctx, access.Key{AccountID: j.AccountID, Name: "bot", Role: access.Sender, API: "chatapi", ChannelID: 999})
		require.True(t, fault.Is(err, fault.NotFound))

		// A key that ends, or opens one API alone, can make no other: the admin's stays.
		require.True(t, fault.Is(keys.Revoke(ctx, j.AccountID, admin.ID), fault.Conflict))

		again, renewed, err := keys.Rotate(ctx, access.Caller{AccountID: j.AccountID}, made.ID, 0)
		require.NoError(t, err)
		require.Equal(t, made.ID, again.ID)
		require.Equal(t, []any{"bot", "chatapi", j.Channel.ID}, []any{again.Name, again.API, again.ChannelID})
		_, err = keys.Lookup(ctx, secretKey, "127.0.0.1")
		require.True(t, fault.Is(err, fault.Unauthorized))
		_, err = keys.Lookup(ctx, renewed, "127.0.0.1")
		require.NoError(t, err)
		_, _, err = keys.Rotate(ctx, access.Caller{AccountID: j.AccountID}, 999, 0)
		require.True(t, fault.Is(err, fault.NotFound))

		now.Advance(time.Hour)
		_, err = keys.Lookup(ctx, renewed, "127.0.0.1")
		require.True(t, fault.Is(err, fault.Unauthorized), "its time is over")
	})
}

// Whoever may log in makes keys: they are bounded, and forgotten some time after they ended.
func TestKeysThatEndAreBounded(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *storetest.Store) {
		ctx := t.Context()
		now := s.FakeTime()
		account := s.Account("a")
		keys := access.NewKeys(s)
		ends := now.Now().Add(24 * time.Hour)
		add := func() error {
			_, _, err := keys.Create(ctx, access.Key{AccountID: account, Name: "login", Role: access.Sender, API: "messengerpeople", ExpiresAt: &ends})
			return err
		}
		require.NoError(t, add())
		s.Exec("WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < ?) "+
			"INSERT INTO api_keys (account_id, name, role, hash, hint, created_at, api, expires_at) "+
			"SELECT account_id, name, role, hash || i, hint, created_at, api, expires_at FROM api_keys, n", access.MostEnding-1)
		require.True(t, fault.Is(add(), fault.Conflict))
		_, _, err := keys.Create(ctx, access.Key{AccountID: account, Name: "stays", Role: access.Sender})
		require.NoError(t, err)
		now.Advance(25 * time.Hour)
		ends = now.Now().Add(24 * time.Hour)
		require.NoError(t, add(), "those are over")
		require.Equal(t, access.MostEnding+2, s.Int("SELECT COUNT(*) FROM api_keys"))
		now.Advance(9 * 24 * time.Hour)
		ends = now.Now().Add(24 * time.Hour)
		require.NoError(t, add())
		require.Equal(t, 2, s.Int("SELECT COUNT(*) FROM api_keys"), "what ended long ago is forgotten, what stays is not")
	})
}

// What a key was opens until its time is over, and is never taken for a new key.
func TestAKeyIsRotatedWhileProgramsGoOn(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *storetest.Store) {
		ctx, account, now := t.Context(), s.Account("a"), s.FakeTime()
		keys, caller := access.NewKeys(s), access.Caller{AccountID: account}
		made, first, err := keys.Create(ctx, access.Key{AccountID: account, Name: "shop", Role: access.Sender, Scopes: access.Scopes{"messages"}, Rate: 2.5})
		require.NoError(t, err)
		opens := func(key secret.String) bool {
			k, err := keys.Lookup(ctx, key, "192.0.2.1")
			if err == nil {
				require.Equal(t, made.ID, k.ID)
				require.Equal(t, access.Scopes{"messages"}, k.Scopes)
				require.InDelta(t, 2.5, k.Rate, 0)
			} else {
				require.True(t, fault.Is(err, fault.Unauthorized), "%v", err)
			}
			return err == nil
		}
		_, second, err := keys.Rotate(ctx, caller, made.ID, time.Hour)
		require.NoError(t, err)
		require.True(t, opens(second))
		list, err := keys.List(ctx, account, 0, 10)
		require.NoError(t, err)
		require.Nil(t, list[0].Replaced.LastUsedAt, "nobody has used what it was")
		require.True(t, opens(first))
		list, err = keys.List(ctx, account, 0, 10)
		require.NoError(t, err)
		require.NotNil(t, list[0].Replaced.LastUsedAt, "somebody still has it")
		require.Equal(t, "192.0.2.1", list[0].LastUsedFrom)

		now.Advance(30 * time.Minute)
		_, third, err := keys.Rotate(ctx, caller, made.ID, time.Hour)
		require.NoError(t, err)
		require.Equal(t, []bool{false, true, true}, []bool{opens(first), opens(second), opens(third)}, "two are valid")
		now.Advance(time.Hour)
		require.Equal(t, []bool{false, false, true}, []bool{opens(first), opens(second), opens(third)})
		list, err = keys.List(ctx, account, 0, 10)
		require.NoError(t, err)
		require.Len(t, list, 1)
		require.Nil(t, list[0].Replaced)

		_, err = s.AddKey(ctx, access.Key{AccountID: account, Name: "again", Role: access.Admin}, first)
		require.True(t, fault.Is(err, fault.Conflict), "%v", err)
		_, fourth, err := keys.Rotate(ctx, caller, made.ID, time.Hour)
		require.NoError(t, err)
		require.NoError(t, keys.Revoke(ctx, account, made.ID))
		require.Equal(t, []bool{false, false}, []bool{opens(third), opens(fourth)}, "what is revoked opens nothing, nor what it was")
		_, _, err = keys.Rotate(ctx, caller, made.ID, 0)
		require.True(t, fault.Is(err, fault.Conflict))
		_, _, err = keys.Rotate(ctx, caller, made.ID, secret.LongestOverlap+time.Second)
		require.True(t, fault.Is(err, fault.Invalid))
	})
}

// A program may rotate its own key for ever: what is kept of that is bounded.
func TestWhatAKeyWasIsBounded(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *storetest.Store) {
		ctx, account, now := t.Context(), s.Account("a"), s.FakeTime()
		keys, caller := access.NewKeys(s), access.Caller{AccountID: account}
		other, _, err := keys.Create(ctx, access.Key{AccountID: account, Name: "other", Role: access.Sender})
		require.NoError(t, err)
		_, _, err = keys.Rotate(ctx, caller, other.ID, 0)
		require.NoError(t, err)
		made, last, err := keys.Create(ctx, access.Key{AccountID: account, Name: "bot", Role: access.Sender})
		require.NoError(t, err)
		for range 110 {
			now.Advance(time.Second)
			before := last
			_, last, err = keys.Rotate(ctx, caller, made.ID, time.Minute)
			require.NoError(t, err)
			_, err = keys.Lookup(ctx, before, "127.0.0.1")
			require.NoError(t, err)
		}
		require.Equal(t, 100, s.Int("SELECT COUNT(*) FROM replaced_keys WHERE key_id = ?", made.ID))
		require.Equal(t, 1, s.Int("SELECT COUNT(*) FROM replaced_keys WHERE key_id = ?", other.ID))
	})
}

func TestTheConfiguredKeyIsRotatedInTheConfiguration(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *storetest.Store) {
		ctx, account, key := t.Context(), s.Account("a"), secret.New("configured-key-0123456789")
		_, err := s.ConfigureAdminKey(ctx, account, key)
		require.NoError(t, err)
		k, err := s.LookupKey(ctx, key, "127.0.0.1")
		require.NoError(t, err)
		_, _, err = access.NewKeys(s).Rotate(ctx, k.Caller(), k.ID, 0)
		require.True(t, fault.Is(err, fault.Conflict), "%v", err)
		require.ErrorContains(t, err, "CARILLON_ADMIN_KEY")
	})
}

func TestAKeyIsTakenFromItsNetworks(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *storetest.Store) {
		ctx, account := t.Context(), s.Account("a")
		keys := access.NewKeys(s)
		networks, err := access.ParseNetworks("networks", []string{"192.0.2.0/24", "2001:db8::/32", "::ffff:198.51.100.7"})
		require.NoError(t, err)
		k, key, err := keys.Create(ctx, access.Key{AccountID: account, Name: "shop", Role: access.Sender, Networks: networks})
		require.NoError(t, err)
		for source, right := range map[string]bool{
			"192.0.2.77": true, "192.0.3.1": false, "2001:db8::1": true, "2001:db9::1": false, "::ffff:192.0.2.7": true, "198.51.100.7": true,
			"198.51.100.8": false, "@": false, "": false, "fe80::1%eth0": false,
		} {
			known, err := keys.Lookup(ctx, key, source)
			require.Equal(t, right, err == nil, source)
			require.Equal(t, k.ID, known.ID, "the trail says whose key was refused")
			require.True(t, right || fault.Is(err, fault.Forbidden), "%v", err)
		}
		none := []netip.Prefix{}
		_, err = keys.Change(ctx, access.Caller{AccountID: account}, k.ID, access.KeyChange{Networks: &none})
		require.NoError(t, err)
		_, err = keys.Lookup(ctx, key, "192.0.3.1")
		require.NoError(t, err)
	})
}

func TestTheLastAdminKeyIsNotBound(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *storetest.Store) {
		ctx, account := t.Context(), s.Account("a")
		keys, caller := access.NewKeys(s), access.Caller{AccountID: account}
		admin, _, err := keys.Create(ctx, access.Key{AccountID: account, Name: "admin", Role: access.Admin})
		require.NoError(t, err)
		_, _, err = keys.Create(ctx, access.Key{AccountID: account, Name: "bound", Role: access.Admin, Scopes: access.Scopes{"contacts"}})
		require.NoError(t, err)
		scopes, ends, name := access.Scopes{"contacts"}, s.Clock.Now().Add(time.Hour), "renamed"
		for _, c := range []access.KeyChange{{Scopes: &scopes}, {ExpiresAt: &ends}} {
			_, err = keys.Change(ctx, caller, admin.ID, c)
			require.True(t, fault.Is(err, fault.Conflict), "%v", err)
		}
		require.True(t, fault.Is(keys.Revoke(ctx, account, admin.ID), fault.Conflict))
		changed, err := keys.Change(ctx, caller, admin.ID, access.KeyChange{Name: &name})
		require.NoError(t, err)
		require.Equal(t, name, changed.Name)
		_, err = keys.Change(ctx, access.Caller{AccountID: s.Account("b")}, admin.ID, access.KeyChange{Name: &name})
		require.True(t, fault.Is(err, fault.NotFound))
		empty := " "
		_, err = keys.Change(ctx, caller, admin.ID, access.KeyChange{Name: &empty})
		require.True(t, fault.Is(err, fault.Invalid))
	})
}
