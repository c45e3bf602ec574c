package store_test

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"carillon/access"
	"carillon/contacts"
	"carillon/internal/secret"
	"carillon/providers"
	"carillon/store"
	"carillon/store/sqldb"
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

// sealedBy are the columns of the whole schema in which something is sealed by a key.
func sealedBy(t *testing.T, s *storetest.Store, id string) (found []string) {
	query := "SELECT m.name || '.' || c.name FROM sqlite_master m JOIN pragma_table_info(m.name) c ON c.type = 'TEXT' WHERE m.type = 'table'"
	if s.Postgres() {
		query = `SELECT c.relname || '.' || a.attname FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
			WHERE c.relnamespace = current_schema()::regnamespace AND c.relkind IN ('r', 'p') AND a.atttypid = 'text'::regtype`
	}
	columns, err := sqldb.Column[string](t.Context(), s.Reader(), query)
	require.NoError(t, err)
	require.Greater(t, len(columns), 150)
	for _, c := range columns {
		table, column, _ := strings.Cut(c, ".")
		if s.Int("SELECT COUNT(*) FROM "+table+" WHERE substr("+column+", 1, 16) = ?", secret.Prefix(id)) > 0 {
			found = append(found, c)
		}
	}
	slices.Sort(found)
	return found
}

// What no rotation knew would be lost with the key of before. That every kind of it is asked for
// here is what TestNothingIsSealedBesideTheRotation holds this to.
func TestEverySealedColumnIsSealedAnew(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *storetest.Store) {
		ctx := t.Context()
		require.NoError(t, s.CheckMasterKey(ctx))
		account := s.Account("one")
		channel, err := s.CreateChannel(ctx, providers.Channel{AccountID: account, Name: "news", Provider: "smtp", Address: providers.Email,
			Config: json.RawMessage(`{"password":"x"}`)})
		require.NoError(t, err)
		channel.Replaced = map[string]providers.Replaced{"password": {Secret: secret.New("w"), EndsAt: s.Clock.Now().Add(24 * time.Hour)}}
		_, err = s.UpdateChannel(ctx, channel)
		require.NoError(t, err)
		keys := []providers.SigningKey{{Domain: "example.org", Selector: "bell", Private: secret.New("p"),
			CreatedAt: s.Clock.Now().Truncate(time.Millisecond), CreatedBy: "ada"}}
		_, err = s.ChangeSigningKeys(ctx, account, channel.ID, func([]providers.SigningKey) ([]providers.SigningKey, error) { return keys, nil })
		require.NoError(t, err)
		_, err = s.CreateWebhook(ctx, webhooks.Webhook{AccountID: account, URL: "https://n.example.org", State: webhooks.On}, 10)
		require.NoError(t, err)
		s.Exec("INSERT INTO users (id, email, name, created_at) VALUES (1, 'ada@example.org', 'Ada', 0)")
		require.NoError(t, s.SetFactor(ctx, 1, access.Factor{TOTP: secret.New("JBSWY3DPEHPK3PXP")}, 0))
		before := ringOf(t, testMasterKey).Box.Ring().Using()
		_, err = s.AddIdentityProvider(ctx, access.IdentityProvider{AccountID: account, Name: "corp", Issuer: "https://login.example.org",
			ClientID: "x", Secret: secret.New("y"), Enabled: true})
		require.NoError(t, err)
		sealed := []string{"channels.config", "channels.replaced", "channels.signing_keys", "identity_providers.client_secret",
			"meta.value", "users.totp", "webhooks.config"}
		require.Len(t, sealed, store.SealedColumns+1, "each of them is sealed here, beside the canary")
		require.Equal(t, sealed, sealedBy(t, s, before))

		rolled := storetest.OpenWith(t, s.DSN, ringOf(t, newMasterKey, testMasterKey))
		present := ringOf(t, newMasterKey).Box.Ring().Using()
		require.NoError(t, rolled.SetMasterKey(ctx, present))
		for n := 1; n > 0; {
			n, err = rolled.Reseal(ctx)
			require.NoError(t, err)
		}
		require.Empty(t, sealedBy(t, s, before))
		require.Equal(t, sealed, sealedBy(t, s, present))
		proofs, err := storetest.OpenWith(t, s.DSN, ringOf(t, newMasterKey)).ProofsOf(ctx, 1)
		require.NoError(t, err)
		require.Equal(t, "JBSWY3DPEHPK3PXP", proofs.TOTP.Reveal())
		kept, err := storetest.OpenWith(t, s.DSN, ringOf(t, newMasterKey)).GetChannel(ctx, account, channel.ID)
		require.NoError(t, err)
		require.Equal(t, "w", kept.Replaced["password"].Secret.Reveal())
		require.True(t, providers.SameKeys(keys, kept.SigningKeys), "%+v", kept.SigningKeys)
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
