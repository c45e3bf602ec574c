package store_test

import (
	"encoding/json"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"carillon/internal/secret"
	"carillon/providers"
	"carillon/store/sqldb"
	"carillon/store/storetest"
	"carillon/webhooks"
)

// What a secret was before is sealed, counts until its time is over whether somebody has cleaned
// up or not, and is gone from the database once somebody has.
func TestWhatSecretsWereBeforeGoesWithItsTime(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *storetest.Store) {
		ctx, fake := t.Context(), s.FakeTime()
		account := s.Account("one")
		const old = "what it was before"
		channel, err := s.CreateChannel(ctx, providers.Channel{AccountID: account, Name: "chat", Provider: "chatapi", Address: providers.WhatsApp,
			Config: json.RawMessage(`{}`), SecretsSet: secret.Record{"token": secret.GivenAt(fake.Now(), "ada")}})
		require.NoError(t, err)
		require.Equal(t, secret.Record{"token": secret.GivenAt(fake.Now(), "ada")}, channel.SecretsSet)
		ends := fake.Now().Add(time.Hour)
		channel, err = s.ChangeChannel(ctx, account, channel.ID, func(c *providers.Channel) error {
			c.Replaced = map[string]providers.Replaced{"hook_token": {Secret: secret.New(old), EndsAt: ends}}
			return nil
		})
		require.NoError(t, err)
		require.Equal(t, old, channel.Replaced["hook_token"].Secret.Reveal())
		hook, err := s.CreateWebhook(ctx, webhooks.Webhook{AccountID: account, URL: "https://n.example.org", State: webhooks.On,
			Secrets: []secret.String{secret.New("whsec_new"), secret.New("whsec_old")}}, 10)
		require.NoError(t, err)
		require.Nil(t, hook.SecretEndsAt)
		_, err = s.UpdateWebhook(ctx, account, hook.ID, func(w *webhooks.Webhook) error { w.SecretEndsAt = &ends; return nil })
		require.NoError(t, err)

		kept := func() (sealed string, until sqldb.Time, signing []secret.String) {
			require.NoError(t, s.Reader().Row(ctx, "SELECT replaced, replaced_until FROM channels WHERE id = ?", channel.ID).Scan(&sealed, &until))
			w, err := s.GetWebhook(ctx, account, hook.ID)
			require.NoError(t, err)
			return sealed, until, w.Secrets
		}
		fake.Advance(time.Hour - time.Millisecond)
		housekept(t, s)
		sealed, until, signing := kept()
		require.NotContains(t, sealed, old)
		require.NotEmpty(t, sealed)
		require.True(t, ends.Equal(until.Time))
		require.Len(t, signing, 2)
		again, err := s.AnyChannel(ctx, channel.ID)
		require.NoError(t, err)
		require.Equal(t, old, again.Replaced["hook_token"].Secret.Reveal())

		fake.Advance(time.Millisecond)
		again, err = s.AnyChannel(ctx, channel.ID)
		require.NoError(t, err)
		require.Empty(t, again.Replaced)
		housekept(t, s)
		sealed, until, signing = kept()
		require.Empty(t, sealed)
		require.True(t, until.IsZero())
		require.Len(t, signing, 1)
		require.Equal(t, "whsec_new", signing[0].Reveal())
		require.Equal(t, again.UpdatedAt, channel.UpdatedAt, "nobody has changed it")
	})
}

// housekept has done all that the housekeeping has to do.
func housekept(t *testing.T, s *storetest.Store) {
	t.Helper()
	for more := true; more; {
		var err error
		more, err = s.Housekeep(t.Context())
		require.NoError(t, err)
	}
}

// A channel that is deleted takes with it what its secrets were.
func TestADeletedChannelHasNoSecretsOfBefore(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *storetest.Store) {
		ctx := t.Context()
		account := s.Account("one")
		channel, err := s.CreateChannel(ctx, providers.Channel{AccountID: account, Name: "chat", Provider: "chatapi", Address: providers.WhatsApp})
		require.NoError(t, err)
		channel.Replaced = map[string]providers.Replaced{"hook_token": {Secret: secret.New("x"), EndsAt: s.Clock.Now().Add(time.Hour)}}
		_, err = s.UpdateChannel(ctx, channel)
		require.NoError(t, err)
		require.Equal(t, 1, s.Int("SELECT COUNT(*) FROM channels WHERE replaced <> ''"))
		require.NoError(t, s.DeleteChannel(ctx, account, channel.ID))
		require.Zero(t, s.Int("SELECT COUNT(*) FROM channels WHERE replaced <> '' OR replaced_until IS NOT NULL OR secrets_set <> '{}'"))
	})
}

// Changes of one channel wait for each other: none is made of what another has changed since.
func TestChangesOfAChannelAreMadeOneAfterTheOther(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *storetest.Store) {
		ctx := t.Context()
		account := s.Account("one")
		channel, err := s.CreateChannel(ctx, providers.Channel{AccountID: account, Name: "chat", Provider: "chatapi", Address: providers.WhatsApp})
		require.NoError(t, err)
		const many = 8
		results := make(chan error, many)
		for range many {
			go func() {
				_, err := s.ChangeChannel(ctx, account, channel.ID, func(c *providers.Channel) error { c.Limits.PerSecond++; return nil })
				results <- err
			}()
		}
		for range many {
			require.NoError(t, <-results)
		}
		channel, err = s.GetChannel(ctx, account, channel.ID)
		require.NoError(t, err)
		require.InDelta(t, many, channel.Limits.PerSecond, 0)
	})
}
