package store_test

import (
	"encoding/json"
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"

	"carillon/contacts"
	"carillon/internal/secret"
	"carillon/providers"
	"carillon/store"
	"carillon/store/storetest"
	"carillon/webhooks"
)

const testMasterKey, newMasterKey = "a master key for tests alone", "the master key of tomorrow"

func ringOf(t *testing.T, present string, others ...string) store.Options {
	t.Helper()
	var list []secret.String
	for _, other := range others {
		list = append(list, secret.New(other))
	}
	box, err := secret.NewBox(secret.New(present), list...)
	require.NoError(t, err)
	return store.Options{Box: box}
}

// Processes are given a new key one after the other; none seals with it before the store says
// so, then all do, and what was sealed before is sealed anew, a part at a time.
func TestTheMasterKeyIsRotated(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *storetest.Store) {
		ctx := t.Context()
		require.NoError(t, s.CheckMasterKey(ctx))
		account := s.Account("one")
		channel := func(of *storetest.Store, name string) providers.Channel {
			c, err := of.CreateChannel(ctx, providers.Channel{AccountID: account, Name: name, Provider: "smtp", Address: providers.Email,
				Config: json.RawMessage(`{"password":"` + name + `"}`)})
			require.NoError(t, err)
			return c
		}
		const many = 230 // more than are sealed anew at once, twice
		for i := range many {
			channel(s, fmt.Sprintf("channel %d", i))
		}
		hook, err := s.CreateWebhook(ctx, webhooks.Webhook{AccountID: account, URL: "https://n.example.org", State: webhooks.On,
			Secrets: []secret.String{secret.New("whsec_x")}}, 10)
		require.NoError(t, err)

		rolled := storetest.OpenWith(t, s.DSN, ringOf(t, newMasterKey, testMasterKey))
		require.NoError(t, rolled.CheckMasterKey(ctx))
		before, err := rolled.Sealing(ctx)
		require.NoError(t, err)
		require.Equal(t, map[string]int64{before.Using: many + 1}, before.Sealed)
		_, err = s.GetChannel(ctx, account, channel(rolled, "sealed by who has the new key").ID)
		require.NoError(t, err, "the others have not got it yet")

		present := ringOf(t, newMasterKey).Box.Ring().Using()
		require.NoError(t, rolled.SetMasterKey(ctx, present))
		_, err = s.CreateChannel(ctx, providers.Channel{AccountID: account, Name: "by who was forgotten", Provider: "smtp", Address: providers.Email})
		require.ErrorContains(t, err, present)
		require.ErrorContains(t, err, "CARILLON_OTHER_MASTER_KEYS")
		second := storetest.OpenWith(t, s.DSN, ringOf(t, testMasterKey, newMasterKey))
		require.NoError(t, second.CheckMasterKey(ctx))
		for _, want := range []int{100, 100, 31, 1, 0} {
			n, err := second.Reseal(ctx)
			require.NoError(t, err)
			require.Equal(t, want, n)
		}
		after, err := rolled.Sealing(ctx)
		require.NoError(t, err)
		require.Equal(t, map[string]int64{present: many + 2}, after.Sealed)
		require.Zero(t, after.Left())
		require.Equal(t, present, after.Using)

		alone := storetest.OpenWith(t, s.DSN, ringOf(t, newMasterKey))
		require.NoError(t, alone.CheckMasterKey(ctx))
		list, err := alone.ListChannels(ctx, account, 0, 1000)
		require.NoError(t, err)
		require.Len(t, list, many+1)
		for _, c := range list {
			require.JSONEq(t, `{"password":"`+c.Name+`"}`, string(c.Config))
		}
		kept, err := alone.GetWebhook(ctx, account, hook.ID)
		require.NoError(t, err)
		require.Equal(t, "whsec_x", kept.Secrets[0].Reveal())
		err = storetest.Open(t, s.DSN).CheckMasterKey(ctx)
		require.ErrorContains(t, err, present)
	})
}

// A second factor that no rotation knew would be lost with the key of before.
func TestASealedSecondFactorIsSealedAnew(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *storetest.Store) {
		ctx := t.Context()
		require.NoError(t, s.CheckMasterKey(ctx))
		sealed, err := storetest.Box(t).Seal([]byte("JBSWY3DPEHPK3PXP"))
		require.NoError(t, err)
		s.Exec("INSERT INTO users (id, email, name, totp, created_at) VALUES (1, 'ada@example.org', 'Ada', ?, 0)", sealed)
		rolled := storetest.OpenWith(t, s.DSN, ringOf(t, newMasterKey, testMasterKey))
		require.NoError(t, rolled.SetMasterKey(ctx, ringOf(t, newMasterKey).Box.Ring().Using()))
		n, err := rolled.Reseal(ctx)
		require.NoError(t, err)
		require.Equal(t, 1, n)
		proofs, err := storetest.OpenWith(t, s.DSN, ringOf(t, newMasterKey)).ProofsOf(ctx, 1)
		require.NoError(t, err)
		require.Equal(t, "JBSWY3DPEHPK3PXP", proofs.TOTP.Reveal())
	})
}

// Somebody who was erased under the key of before is known under the new one, as long as the
// key of before is there.
func TestTheErasedAreKnownUnderAnotherMasterKey(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *storetest.Store) {
		ctx := t.Context()
		require.NoError(t, s.CheckMasterKey(ctx))
		account := s.Account("one")
		person := func(of *storetest.Store, address string) contacts.Contact {
			c, err := of.CreateContact(ctx, contacts.Contact{AccountID: account, Status: contacts.Active,
				Addresses: map[providers.AddressKind]string{providers.Email: address}})
			require.NoError(t, err)
			return c
		}
		ada := contacts.Suppression{AccountID: account, Kind: providers.Email, Address: "ada@example.org", Reason: "unsubscribed"}
		_, err := s.SuppressAll(ctx, account, []contacts.Suppression{ada}, "test", "me")
		require.NoError(t, err)
		_, err = s.EraseContact(ctx, account, person(s, "ada@example.org").ID, false)
		require.NoError(t, err)
		rolled := storetest.OpenWith(t, s.DSN, ringOf(t, newMasterKey, testMasterKey))
		require.NoError(t, rolled.SetMasterKey(ctx, ringOf(t, newMasterKey).Box.Ring().Using()))
		sealing, err := rolled.Sealing(ctx)
		require.NoError(t, err)
		require.Equal(t, int64(1), sealing.Fingerprints)
		person(rolled, "ada@example.org")
		known, err := rolled.Suppressed(ctx, account, providers.Email, "ada@example.org")
		require.NoError(t, err)
		require.True(t, known)
		require.NoError(t, rolled.Unsuppress(ctx, ada, true, "me"))
		require.Zero(t, s.Int("SELECT COUNT(*) FROM suppression_hashes"), "its hash of before goes, too")
	})
}
