package store_test

import (
	"encoding/json"
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"

	"carillon/access"
	"carillon/contacts"
	"carillon/contacts/property"
	"carillon/internal/fault"
	"carillon/messages"
	"carillon/providers"
	"carillon/store"
	"carillon/store/sqldb"
	"carillon/store/storetest"
	"carillon/targeting"
)

func TestMergeContacts(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *storetest.Store) {
		ctx := t.Context()
		account, stranger := s.Account("one"), s.Account("other")
		testProperties(t, s, property.Property{AccountID: account, Key: "plan", Type: property.Text},
			property.Property{AccountID: account, Key: "age", Type: property.Number})
		people := contacts.NewContacts(s)
		keep, err := people.Create(ctx, contacts.Contact{
			AccountID: account, FirstName: "Ada", Addresses: addressesOf("ada@example.com"), Given: given("plan", `"Plus"`),
		}, "")
		require.NoError(t, err)
		from, err := people.Create(ctx, contacts.Contact{
			AccountID: account, ExternalID: "x-1", FirstName: "A.", LastName: "LOVELACE", Status: contacts.Inactive,
			Addresses: addressesOf("other@example.com", "+43123456789"), Given: given("plan", `"Free"`, "age", "36"),
		}, "")
		require.NoError(t, err)
		foreign := testContact(t, s, stranger, "ada@example.com")
		group, err := s.CreateGroup(ctx, account, "both")
		require.NoError(t, err)
		more, err := s.CreateGroup(ctx, account, "one")
		require.NoError(t, err)
		news, err := s.CreateList(ctx, contacts.List{AccountID: account, Kind: contacts.Category, Name: "News"})
		require.NoError(t, err)
		_, err = s.AddMembers(ctx, inGroup(account, group.ID, keep.ID, from.ID))
		require.NoError(t, err)
		_, err = s.AddMembers(ctx, inGroup(account, more.ID, from.ID))
		require.NoError(t, err)
		_, err = s.AddMembers(ctx, contacts.MemberChange{AccountID: account, Kind: contacts.Category, ListID: news.ID, Contacts: []int64{keep.ID, from.ID}})
		require.NoError(t, err)
		_, err = s.RemoveMembers(ctx, contacts.MemberChange{AccountID: account, Kind: contacts.Category, ListID: news.ID, Contacts: []int64{from.ID}})
		require.NoError(t, err)
		// Both have a message in run 1, the other one alone in run 2, and one that was
		// sent by itself.
		require.NoError(t, s.InTx(ctx, func(tx sqldb.Conn) error {
			for _, statement := range []string{
				fmt.Sprintf(`INSERT INTO channels (id, account_id, name, provider, config, address_kind, limits, timezone, in_doubt, status, created_at, updated_at)
					VALUES (1, %d, 'c', 'sandbox', '', 'email', '{}', 'UTC', 'hold', 'active', 0, 0)`, account),
				fmt.Sprintf(`INSERT INTO campaigns (id, account_id, name, channel_id, audience, content, schedule, throttle, status, created_at, updated_at)
					VALUES (1, %d, 'Spring', 1, '{}', '{}', '{}', '{}', 'finished', 0, 0)`, account),
				fmt.Sprintf(`INSERT INTO runs (id, account_id, campaign_id, channel_id, instant, status, created_at, finished_at)
					VALUES (1, %[1]d, 1, 1, 1, 'finished', 0, 1), (2, %[1]d, 1, 1, 2, 'finished', 0, 1)`, account),
				fmt.Sprintf(`INSERT INTO messages (channel_id, run_id, contact_id, state, created_at, address)
					VALUES (1, 1, %[1]d, 3, 0, 'a'), (1, 1, %[2]d, 3, 0, 'b'), (1, 2, %[2]d, 8, 0, 'b'), (1, 0, %[2]d, 6, 0, 'b')`, keep.ID, from.ID),
			} {
				if _, err := tx.Exec(ctx, statement); err != nil {
					return err
				}
			}
			return nil
		}))

		for _, wrong := range [][2]int64{{keep.ID, 999}, {999, keep.ID}, {keep.ID, foreign.ID}} {
			_, err = people.Merge(ctx, contacts.Merging{AccountID: account, Keep: wrong[0], From: wrong[1], Actor: "me"})
			require.True(t, fault.Is(err, fault.NotFound))
		}
		_, err = people.Merge(ctx, contacts.Merging{AccountID: account, Keep: keep.ID, From: keep.ID, Actor: "me"})
		require.True(t, fault.Is(err, fault.Invalid))

		would, err := people.Merge(ctx, contacts.Merging{AccountID: account, Keep: keep.ID, From: from.ID, DryRun: true, Actor: "me"})
		require.NoError(t, err)
		still, err := people.Get(ctx, account, from.ID)
		require.NoError(t, err)
		require.Equal(t, from, still, "a dry run changes nothing")
		merge, err := people.Merge(ctx, contacts.Merging{AccountID: account, Keep: keep.ID, From: from.ID, Actor: "me"})
		require.NoError(t, err)
		would.Contact.UpdatedAt = merge.Contact.UpdatedAt
		require.Equal(t, would, merge, "what was foretold happened")

		require.Equal(t, map[providers.AddressKind]string{providers.Phone: "+43123456789"}, merge.Moved)
		require.Equal(t, map[providers.AddressKind]string{providers.Email: "other@example.com"}, merge.Left)
		require.Equal(t, []string{"age"}, merge.Attributes)
		require.Equal(t, []int64{1, 2, 1, 2}, []int64{merge.Lists, merge.Messages, merge.MessagesLeft, merge.Consents})
		require.True(t, merge.OptedOut)
		c := merge.Contact
		require.Equal(t, []string{"x-1", "Ada", "LOVELACE"}, []string{c.ExternalID, c.FirstName, c.LastName})
		require.Equal(t, contacts.Inactive, c.Status, "the stricter one")
		require.Equal(t, addressesOf("ada@example.com", "+43123456789"), c.Addresses)
		require.Equal(t, contacts.Attributes{"plan": json.RawMessage(`"Plus"`), "age": json.RawMessage("36")}, c.Attributes)
		require.JSONEq(t, `{"first_name":"ada","last_name":"lovelace","attributes.plan":"plus"}`, store.ColumnsOf(t, s.Store, "folded")[0])
		gone, err := people.Get(ctx, account, from.ID)
		require.NoError(t, err)
		require.Equal(t, contacts.Deleted, gone.Status)
		require.Equal(t, keep.ID, gone.MergedInto)
		require.Equal(t, addressesOf("other@example.com"), gone.Addresses)

		members := func(list int64) []int64 {
			ids := s.IDs("SELECT contact_id FROM members WHERE list_id = ? ORDER BY 1", list)
			return ids
		}
		require.Equal(t, []int64{keep.ID}, members(group.ID))
		require.Equal(t, []int64{keep.ID}, members(more.ID))
		require.Empty(t, members(news.ID), "one of them had left it")
		// Of two reasons the preview tells the first.
		s.Exec("UPDATE contacts SET status = 'active' WHERE id = ?", keep.ID)
		channel := providers.Channel{AccountID: account, Address: providers.Email}
		preview, err := s.PreviewAudience(ctx, channel, targeting.Audience{Contacts: []int64{keep.ID}}, news.ID)
		require.NoError(t, err)
		require.EqualValues(t, 1, preview.Skipped[messages.ReasonOptedOut])
		s.Exec("UPDATE contacts SET status = 'inactive' WHERE id = ?", keep.ID)
		consents, err := s.ListConsents(ctx, account, keep.ID, 0, 10)
		require.NoError(t, err)
		require.Len(t, consents, 4)
		require.Equal(t, contacts.SourceMerge, consents[3].Source)
		require.Equal(t, 3, s.Int("SELECT COUNT(*) FROM messages WHERE contact_id = ?", keep.ID))
		entries, err := s.ListAudit(ctx, access.AuditQuery{AccountID: account, Before: 0, Limit: 5})
		require.NoError(t, err)
		require.Len(t, entries, 1, "once, and not for the dry run")
		require.EqualValues(t, from.ID, entries[0].Detail["from"])
		_, err = people.Merge(ctx, contacts.Merging{AccountID: account, Keep: keep.ID, From: from.ID, Actor: "me"})
		require.True(t, fault.Is(err, fault.Conflict), "it is merged already")
		require.ErrorContains(t, err, fmt.Sprintf("contact %d", from.ID))

		active := contacts.Active
		back, err := people.Update(ctx, account, from.ID, contacts.ContactChange{Status: &active})
		require.NoError(t, err)
		require.Zero(t, back.MergedInto)
	})
}

// Whoever opted out of everything stays out, by every address that comes
// together.
func TestMergeKeepsOptOuts(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *storetest.Store) {
		ctx := t.Context()
		account := s.Account("one")
		keep, from := testContact(t, s, account, "keep@example.com"), testContact(t, s, account, "from@example.com")
		_, err := s.OptOut(ctx, contacts.ConsentChange{AccountID: account, ContactID: from.ID, Source: "api", Actor: "me"})
		require.NoError(t, err)
		suppressed, err := s.Suppressed(ctx, account, providers.Email, "keep@example.com")
		require.NoError(t, err)
		require.False(t, suppressed)
		merge, err := contacts.NewContacts(s).Merge(ctx, contacts.Merging{AccountID: account, Keep: keep.ID, From: from.ID, Actor: "me"})
		require.NoError(t, err)
		require.True(t, merge.OptedOut)
		suppressed, err = s.Suppressed(ctx, account, providers.Email, "keep@example.com")
		require.NoError(t, err)
		require.True(t, suppressed)
	})
}
