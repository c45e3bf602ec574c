package store

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"carillon/contacts"
	"carillon/messages"
	"carillon/providers"
	"carillon/store/sqldb"
)

func (j *journey) contactIDs() (ids []int64) {
	j.t.Helper()
	list, err := sqldb.IDs(j.t.Context(), j.reader(), "SELECT id FROM contacts WHERE account_id = ? ORDER BY id", j.accountID)
	require.NoError(j.t, err)
	return list
}

func TestErasedSuppressionsAreRecognised(t *testing.T) {
	eachStore(t, func(t *testing.T, s *Store) {
		ctx := t.Context()
		j := newJourney(t, s, 3)
		consents := contacts.NewConsents(s)
		suppressed := func(kind providers.AddressKind, address string) string {
			found, err := sqldb.Column[string](ctx, s.reader(), "SELECT reason FROM suppressions WHERE account_id = ? AND kind = ? AND address = ?",
				j.accountID, string(kind), address)
			require.NoError(t, err)
			return strings.Join(found, " ")
		}
		hash := func(kind providers.AddressKind, address string) string {
			return s.fingerprint(j.accountID, kind, address)
		}
		file := "kind,address,reason,opted_out,created_at,hash\n" +
			"email,,bounced,false,," + hash(providers.Email, "made@example.com") + "\n" +
			"email,,unsubscribed,true,," + hash(providers.Email, "changed@example.com") + "\n" +
			"email,,complained,,," + hash(providers.Email, "imported@example.com") + "\n" +
			"phone,,unsubscribed,,," + hash(providers.Phone, "+4915112345678") + "\n" +
			"email,,bounced,,," + hash(providers.Email, "once@example.com") + "\n" +
			"email,,bounced,,," + hash(providers.Email, "p1@example.com") + "\n"
		done, err := consents.Import(ctx, j.accountID, strings.NewReader(file), "me")
		require.NoError(t, err)
		require.Equal(t, contacts.SuppressionImport{Rows: 6, Added: 6}, done)
		again, err := consents.Import(ctx, j.accountID, strings.NewReader(file), "me")
		require.NoError(t, err)
		require.Equal(t, contacts.SuppressionImport{Rows: 6, Known: 6}, again)

		people := j.contactIDs()
		first, err := s.GetContact(ctx, j.accountID, people[0])
		require.NoError(t, err)
		if first.Addresses[providers.Email] == "p1@example.com" {
			require.Equal(t, "bounced", suppressed(providers.Email, "p1@example.com"), "who is a contact already is meant, too")
		}
		_, err = s.CreateContact(ctx, contacts.Contact{AccountID: j.accountID, Status: contacts.Active, Addresses: map[providers.AddressKind]string{
			providers.Email: "made@example.com", providers.Phone: "+4915112345678",
		}})
		require.NoError(t, err)
		require.Equal(t, "bounced", suppressed(providers.Email, "made@example.com"))
		require.Equal(t, "unsubscribed", suppressed(providers.Phone, "+4915112345678"))
		_, err = s.UpdateContact(ctx, j.accountID, people[1], func(c *contacts.Contact) error {
			c.Addresses[providers.Email] = "changed@example.com"
			return nil
		})
		require.NoError(t, err)
		require.Equal(t, "unsubscribed", suppressed(providers.Email, "changed@example.com"))

		importer := contacts.NewImporter(s, s, contacts.ImportConfig{})
		upload, err := importer.Take(ctx, j.accountID, "x.csv", strings.NewReader("email\nimported@example.com\nother@example.com\n"), contacts.ImportOptions{})
		require.NoError(t, err)
		require.NoError(t, importer.Run(ctx, upload.ID))
		require.Equal(t, "complained", suppressed(providers.Email, "imported@example.com"))
		require.Empty(t, suppressed(providers.Email, "other@example.com"))

		// A transactional message to nobody's address.
		_, err = s.CreateMessage(ctx, messages.Outgoing{AccountID: j.accountID, ChannelID: j.channel.ID, Address: "once@example.com",
			Content: []byte(`{"text":"x"}`)})
		require.NoError(t, err)
		require.Empty(t, j.feed(0, []int64{5}, 1))
		list, err := s.ListMessages(ctx, messages.MessageFilter{AccountID: j.accountID, Transactional: true})
		require.NoError(t, err)
		require.Equal(t, messages.ReasonSuppressed, list[0].Reason)

		// What is lifted stays lifted: the hash goes, too.
		require.NoError(t, s.Unsuppress(ctx, contacts.Suppression{AccountID: j.accountID, Kind: providers.Email, Address: "changed@example.com"}, false, "me"))
		var hashes, exported int
		for p, err := range s.EachSuppression(ctx, j.accountID) {
			require.NoError(t, err)
			if exported++; p.Hash != "" {
				hashes++
				require.NotEqual(t, hash(providers.Email, "changed@example.com"), p.Hash)
			}
		}
		require.Equal(t, 5, hashes)
		require.Greater(t, exported, hashes)
	})
}
