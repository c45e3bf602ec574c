package store_test

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"

	"carillon/contacts"
	"carillon/internal/fault"
	"carillon/messages"
	"carillon/providers"
	"carillon/store/sqldb"
	"carillon/store/storetest"
	"carillon/targeting"
)

func TestListsOfEveryKind(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *storetest.Store) {
		ctx := t.Context()
		account := s.Account("one")
		lists := contacts.NewLists(s)
		a, b := testContact(t, s, account, "a@example.com"), testContact(t, s, account, "b@example.com")
		for _, kind := range contacts.NamedKinds() {
			list, err := lists.Create(ctx, contacts.List{AccountID: account, Kind: kind, Name: " Same  name ", Description: " what for "})
			require.NoError(t, err)
			require.Equal(t, "Same name", list.Name)
			require.Equal(t, "what for", list.Description)
			_, err = lists.Create(ctx, contacts.List{AccountID: account, Kind: kind, Name: "Same name"})
			require.True(t, fault.Is(err, fault.Conflict))
			require.ErrorContains(t, err, fmt.Sprintf("%s %d", kind, list.ID))
			more, err := lists.Create(ctx, contacts.List{AccountID: account, Kind: kind, Name: "Other"})
			require.NoError(t, err)
			taken, fresh := "Same name", "Fresh"
			_, err = lists.Update(ctx, account, kind, more.ID, contacts.ListChange{Name: &taken})
			require.True(t, fault.Is(err, fault.Conflict))
			more, err = lists.Update(ctx, account, kind, more.ID, contacts.ListChange{Name: &fresh})
			require.NoError(t, err)
			require.Equal(t, fresh, more.Name)

			change := contacts.MemberChange{AccountID: account, Kind: kind, ListID: list.ID, Contacts: []int64{a.ID, b.ID}, Actor: "me"}
			n, err := lists.Add(ctx, change)
			require.NoError(t, err)
			require.EqualValues(t, 2, n)
			n, err = lists.Add(ctx, change)
			require.NoError(t, err)
			require.Zero(t, n)
			other := change
			other.Kind = map[contacts.ListKind]contacts.ListKind{contacts.Group: contacts.Label, contacts.Label: contacts.Category,
				contacts.Category: contacts.Group}[kind]
			_, err = lists.Add(ctx, other)
			require.True(t, fault.Is(err, fault.NotFound), "it is no %s", other.Kind)
			change.Contacts = []int64{b.ID}
			n, err = lists.Remove(ctx, change)
			require.NoError(t, err)
			require.EqualValues(t, 1, n)
			n, err = lists.Remove(ctx, change)
			require.NoError(t, err)
			require.Zero(t, n)
			page, err := lists.List(ctx, account, kind, 0, 10)
			require.NoError(t, err)
			require.Len(t, page, 2)
			require.EqualValues(t, 1, page[0].Members)
			require.NoError(t, lists.Delete(ctx, account, kind, list.ID))
		}
		var words []string
		for _, c := range []contacts.Contact{a, b} {
			consents, err := s.ListConsents(ctx, account, c.ID, 0, 10)
			require.NoError(t, err)
			for _, consent := range consents {
				require.Equal(t, "me", consent.Actor)
				require.NotZero(t, consent.CategoryID)
				words = append(words, string(consent.Action))
			}
		}
		require.Equal(t, []string{"opt_in", "opt_in", "opt_out"}, words, "a category is consent, and what changes nothing is none")
	})
}

// Whoever subscribes somebody by the list of members is heard after an opt-out
// for one kind of address, too.
func TestSubscribingAgainIsTheLastWord(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *storetest.Store) {
		ctx := t.Context()
		account := s.Account("one")
		news, err := s.CreateList(ctx, contacts.List{AccountID: account, Kind: contacts.Category, Name: "News"})
		require.NoError(t, err)
		c := testContact(t, s, account, "a@example.com")
		change := contacts.MemberChange{AccountID: account, Kind: contacts.Category, ListID: news.ID, Contacts: []int64{c.ID}, Actor: "me"}
		_, err = s.AddMembers(ctx, change)
		require.NoError(t, err)
		_, err = s.OptOut(ctx, contacts.ConsentChange{AccountID: account, ContactID: c.ID, Kind: "email", CategoryID: news.ID, Source: "api"})
		require.NoError(t, err)
		left := func(contact int64) bool {
			t.Helper()
			channel := providers.Channel{AccountID: account, Address: providers.Email}
			preview, err := s.PreviewAudience(ctx, channel, targeting.Audience{Contacts: []int64{contact}}, news.ID)
			require.NoError(t, err)
			return preview.Skipped[messages.ReasonOptedOut] == 1
		}
		require.True(t, left(c.ID))
		n, err := s.AddMembers(ctx, change)
		require.NoError(t, err)
		require.Zero(t, n, "a member all the time")
		require.False(t, left(c.ID))
		n, err = s.AddMembers(ctx, change)
		require.NoError(t, err)
		require.Zero(t, n)
		consents, err := s.ListConsents(ctx, account, c.ID, 0, 10)
		require.NoError(t, err)
		require.Len(t, consents, 3)
	})
}

func TestListsOfCampaignsThatAreNotOverStay(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *storetest.Store) {
		ctx := t.Context()
		account := s.Account("one")
		used := map[contacts.ListKind]int64{}
		for _, kind := range contacts.NamedKinds() {
			list, err := s.CreateList(ctx, contacts.List{AccountID: account, Kind: kind, Name: "used"})
			require.NoError(t, err)
			used[kind] = list.ID
		}
		audience := fmt.Sprintf(`{"groups":[%d],"exclude":{"labels":[%d]}}`, used[contacts.Group], used[contacts.Label])
		require.NoError(t, s.InTx(ctx, func(tx sqldb.Conn) error {
			if _, err := tx.Exec(ctx, `INSERT INTO channels (id, account_id, name, provider, config, address_kind, limits, timezone, in_doubt, status, created_at,
				updated_at)
				VALUES (1, ?, 'c', 'sandbox', '', 'email', '{}', 'UTC', 'hold', 'active', 0, 0)`, account); err != nil {
				return err
			}
			_, err := tx.Exec(ctx, `INSERT INTO campaigns (account_id, name, channel_id, audience, content, schedule, throttle, status, category_id, created_at,
				updated_at)
				VALUES (?, 'Spring', 1, ?, '{}', '{}', '{}', 'running', ?, 0, 0)`, account, audience, used[contacts.Category])
			return err
		}))
		for _, status := range []string{"draft", "scheduled", "running", "paused"} {
			s.Exec("UPDATE campaigns SET status = ?", status)
			for kind, id := range used {
				err := s.DeleteList(ctx, account, kind, id)
				require.True(t, fault.Is(err, fault.Conflict), kind)
				require.ErrorContains(t, err, `"Spring" (`+status+`)`)
			}
		}
		s.Exec("UPDATE campaigns SET status = 'finished'")
		for kind, id := range used {
			require.NoError(t, s.DeleteList(ctx, account, kind, id))
		}
	})
}
