package store_test

import (
	"encoding/json"
	"testing"

	"github.com/stretchr/testify/require"

	"carillon/internal/fault"
	"carillon/internal/secret"
	"carillon/providers"
	"carillon/store"
	"carillon/store/storetest"
)

func TestChannels(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *storetest.Store) {
		ctx := t.Context()
		s.FakeTime()
		account, other := s.Account("one"), s.Account("other")
		const password = "hunter2-very-secret" // what must not be seen
		made, err := s.CreateChannel(ctx, providers.Channel{
			AccountID: account, Name: "mail", Provider: "smtp", Config: json.RawMessage(`{"password":"` + password + `"}`),
			Address: providers.Email, Limits: providers.Limits{PerSecond: 12.5, Burst: 3}, Timezone: "Europe/Berlin", InDoubt: providers.InDoubtHold,
		})
		require.NoError(t, err)
		require.Equal(t, providers.ChannelActive, made.Status)
		got, err := s.GetChannel(ctx, account, made.ID)
		require.NoError(t, err)
		require.Equal(t, made, got)
		require.JSONEq(t, `{"password":"`+password+`"}`, string(got.Config))
		found, err := s.FindChannel(ctx, account, "mail")
		require.NoError(t, err)
		require.Equal(t, made, found)

		var stored string
		require.NoError(t, s.Reader().Row(ctx, "SELECT config FROM channels WHERE id = ?", made.ID).Scan(&stored))
		require.NotContains(t, stored, password)

		// Names are unique in an account.
		second, err := s.CreateChannel(ctx, providers.Channel{AccountID: account, Name: "sms", Provider: "sandbox", Address: providers.Phone})
		require.NoError(t, err)
		_, err = s.CreateChannel(ctx, made)
		require.True(t, fault.Is(err, fault.Conflict))
		require.Contains(t, err.Error(), "mail")
		require.NotContains(t, err.Error(), password)
		second.Name = "mail"
		_, err = s.UpdateChannel(ctx, second)
		require.True(t, fault.Is(err, fault.Conflict))
		elsewhere := made
		elsewhere.AccountID = other
		_, err = s.CreateChannel(ctx, elsewhere)
		require.NoError(t, err)

		// Every update can be told from the one before, even within a millisecond.
		made.Limits.PerSecond = 50
		updated, err := s.UpdateChannel(ctx, made)
		require.NoError(t, err)
		require.InDelta(t, 50, updated.Limits.PerSecond, 0)
		require.True(t, updated.UpdatedAt.After(made.UpdatedAt))
		stranger := updated
		stranger.AccountID, stranger.Name = other, "x"
		_, err = s.UpdateChannel(ctx, stranger)
		require.True(t, fault.Is(err, fault.NotFound))

		page, err := s.ListChannels(ctx, account, 0, 1)
		require.NoError(t, err)
		require.Len(t, page, 1)
		page, err = s.ListChannels(ctx, account, page[0].ID, 5)
		require.NoError(t, err)
		require.Len(t, page, 1)
		require.Equal(t, second.ID, page[0].ID)
		all, err := s.AllChannels(ctx)
		require.NoError(t, err)
		require.Len(t, all, 3)

		require.True(t, fault.Is(s.DeleteChannel(ctx, other, made.ID), fault.NotFound))
		require.NoError(t, s.DeleteChannel(ctx, account, made.ID))
		_, err = s.GetChannel(ctx, account, made.ID)
		require.True(t, fault.Is(err, fault.NotFound))
		require.NoError(t, s.Reader().Row(ctx, "SELECT config FROM channels WHERE id = ?", made.ID).Scan(&stored))
		require.Empty(t, stored, "credentials are forgotten")
		_, err = s.CreateChannel(ctx, made)
		require.NoError(t, err, "the name is free again")
	})
}

func TestDeleteChannelInUse(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *storetest.Store) {
		ctx := t.Context()
		account := s.Account("one")
		channel, err := s.CreateChannel(ctx, providers.Channel{AccountID: account, Name: "mail", Provider: "smtp", Address: providers.Email})
		require.NoError(t, err)
		exec := func(query string, args ...any) {
			s.Exec(query, args...)
		}
		exec(`INSERT INTO campaigns (account_id, name, channel_id, audience, content, schedule, throttle, status, created_at, updated_at)
			VALUES (?, 'x', ?, '{}', '{}', '{}', '{}', 'draft', 0, 0)`, account, channel.ID)
		err = s.DeleteChannel(ctx, account, channel.ID)
		require.True(t, fault.Is(err, fault.Conflict))
		require.Contains(t, err.Error(), "campaign")
		exec("UPDATE campaigns SET status = 'finished'")
		exec("INSERT INTO run_counts (run_id, channel_id, shard, pending) VALUES (0, ?, 0, 3)", channel.ID)
		err = s.DeleteChannel(ctx, account, channel.ID)
		require.True(t, fault.Is(err, fault.Conflict))
		require.Contains(t, err.Error(), "3 messages")
		exec("UPDATE run_counts SET pending = 0")
		require.NoError(t, s.DeleteChannel(ctx, account, channel.ID))
	})
}

func TestChannelsNeedTheirMasterKey(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *storetest.Store) {
		ctx := t.Context()
		account := s.Account("one")
		channel, err := s.CreateChannel(ctx, providers.Channel{
			AccountID: account, Name: "mail", Provider: "smtp", Address: providers.Email, Config: json.RawMessage(`{"password":"hunter2"}`),
		})
		require.NoError(t, err)
		box, err := secret.NewBox(secret.New("some other master key"))
		require.NoError(t, err)
		_, err = storetest.OpenWith(t, s.DSN, store.Options{Box: box}).GetChannel(ctx, account, channel.ID)
		require.ErrorContains(t, err, "CARILLON_MASTER_KEY")
		keyless, err := store.Open(ctx, store.Options{DSN: s.DSN})
		require.NoError(t, err)
		t.Cleanup(func() { require.NoError(t, keyless.Close()) })
		_, err = keyless.GetChannel(ctx, account, channel.ID)
		require.Error(t, err)
		_, err = keyless.CreateChannel(ctx, providers.Channel{AccountID: account, Name: "x", Config: json.RawMessage(`{"password":"hunter2"}`)})
		require.Error(t, err)
		require.NotContains(t, err.Error(), "hunter2")
	})
}
