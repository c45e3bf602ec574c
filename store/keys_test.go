package store_test

import (
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
		key, err := s.LookupKey(ctx, viewerSecret)
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
		_, err = s.LookupKey(ctx, viewerSecret)
		require.NoError(t, err)
		require.Equal(t, first, lastUsed())
		time0.Advance(time.Second)
		_, err = s.LookupKey(ctx, viewerSecret)
		require.NoError(t, err)
		require.Equal(t, time0.Now(), lastUsed())

		// Revoking binds at once, belongs to the account and keeps one admin.
		require.True(t, fault.Is(s.RevokeKey(ctx, other, viewer.ID), fault.NotFound))
		require.NoError(t, s.RevokeKey(ctx, account, viewer.ID))
		require.NoError(t, s.RevokeKey(ctx, account, viewer.ID), "again changes nothing")
		_, err = s.LookupKey(ctx, viewerSecret)
		require.True(t, fault.Is(err, fault.Unauthorized), "%v", err)
		require.True(t, fault.Is(s.RevokeKey(ctx, account, admin.ID), fault.Conflict))
		_, _, err = access.NewKeys(s).Create(ctx, access.Key{AccountID: account, Name: "second", Role: access.Admin})
		require.NoError(t, err)
		require.NoError(t, s.RevokeKey(ctx, account, admin.ID))

		_, err = s.LookupKey(ctx, secret.New("car_unknown"))
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
		found, err := s.LookupKey(ctx, chosen)
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
		found, err := keys.Lookup(ctx, secretKey)
		require.NoError(t, err)
		require.Equal(t, []any{"chatapi", j.Channel.ID, ends}, []any{found.API, found.ChannelID, found.ExpiresAt.UTC()})
		_, _, err = keys.Create(ctx, access.Key{AccountID: j.AccountID, Name: "bot", Role: access.Sender, API: "chatapi", ChannelID: 999})
		require.True(t, fault.Is(err, fault.NotFound))

		// A key that ends, or opens one API alone, can make no other: the admin's stays.
		require.True(t, fault.Is(keys.Revoke(ctx, j.AccountID, admin.ID), fault.Conflict))

		again, renewed, err := keys.Rotate(ctx, access.Caller{AccountID: j.AccountID}, made.ID)
		require.NoError(t, err)
		require.NotEqual(t, made.ID, again.ID)
		require.Equal(t, []any{"bot", "chatapi", j.Channel.ID}, []any{again.Name, again.API, again.ChannelID})
		_, err = keys.Lookup(ctx, secretKey)
		require.True(t, fault.Is(err, fault.Unauthorized))
		_, err = keys.Lookup(ctx, renewed)
		require.NoError(t, err)
		_, _, err = keys.Rotate(ctx, access.Caller{AccountID: j.AccountID}, made.ID)
		require.True(t, fault.Is(err, fault.Conflict))
		_, _, err = keys.Rotate(ctx, access.Caller{AccountID: j.AccountID}, 999)
		require.True(t, fault.Is(err, fault.NotFound))

		now.Advance(time.Hour)
		_, err = keys.Lookup(ctx, renewed)
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
