package store_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"carillon/campaigns"
	"carillon/contacts"
	"carillon/internal/fault"
	"carillon/messages"
	"carillon/providers"
	"carillon/store/sqldb"
	"carillon/store/storetest"
	"carillon/targeting"
)

// category makes a list of kind category.
func (j *journey) category(name string) (id int64) {
	j.t.Helper()
	require.NoError(j.t, j.InTx(j.t.Context(), func(tx sqldb.Conn) (err error) {
		id, err = tx.Insert(j.t.Context(), "INSERT INTO lists (account_id, kind, name, created_at) VALUES (?, 'category', ?, 0)", j.AccountID, name)
		return err
	}))
	return id
}

func (j *journey) setCategory(campaign, category int64) {
	j.t.Helper()
	j.Exec("UPDATE campaigns SET category_id = ? WHERE id = ?", category, campaign)
}

// writtenOptOut is an opt-out of a category that nothing acts on: no message is
// skipped.
const writtenOptOut = `INSERT INTO consents (account_id, contact_id, category_id, action, source, actor, at)
	VALUES (?, ?, ?, 'opt_out', 'test', 'me', ?)`

// whyOf is the state and reason of a contact's message in a run.
func (j *journey) whyOf(run, contact int64) string {
	j.t.Helper()
	list, err := j.ListMessages(j.t.Context(), messages.MessageFilter{AccountID: j.AccountID, RunID: run, ContactID: contact})
	require.NoError(j.t, err)
	require.Len(j.t, list, 1)
	return strings.TrimSpace(list[0].State.String() + " " + list[0].Reason)
}

func (j *journey) contactIDs() (ids []int64) {
	j.t.Helper()
	list := j.IDs("SELECT id FROM contacts WHERE account_id = ? ORDER BY id", j.AccountID)
	return list
}

func TestOptOutOfEverythingAndBack(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *storetest.Store) {
		ctx := t.Context()
		j := newJourney(t, s, 9)
		people := j.contactIDs()
		consents := contacts.NewConsents(s)
		change := func(contact int64) contacts.ConsentChange {
			return contacts.ConsentChange{AccountID: j.AccountID, ContactID: contact, Wording: "No more", Proof: "a call", Actor: "me"}
		}
		run := j.Start()
		j.PlanAll(run.ID, 100)
		messages := j.Feed(run.ID, []int64{1}, 4)
		queued, waiting := j.message(messages[0].ID).ContactID, people[8]
		for _, id := range []int64{queued, waiting} {
			r, err := consents.OptOut(ctx, change(id))
			require.NoError(t, err)
			require.True(t, r.Changed)
			require.Len(t, r.Suppressions, 1)
			require.Equal(t, "unsubscribed", r.Suppressions[0].Reason)
			require.Equal(t, "skipped opted_out", j.whyOf(run.ID, id))
			r, err = consents.OptOut(ctx, change(id))
			require.NoError(t, err)
			require.False(t, r.Changed, "said again")
		}
		require.Len(t, j.Claim(run.ID, 1, messages), 3)
		j.Balanced(run.ID)

		// An address that the contact gets later is meant as well, however it comes.
		_, err := s.UpdateContact(ctx, j.AccountID, queued, func(c *contacts.Contact) error {
			c.Addresses[providers.Phone] = "+4915112345678"
			return nil
		})
		require.NoError(t, err)
		phone, err := s.Suppressed(ctx, j.AccountID, providers.Phone, "+4915112345678")
		require.NoError(t, err)
		require.True(t, phone)
		_, err = s.UpdateContact(ctx, j.AccountID, people[1], func(c *contacts.Contact) error {
			c.Addresses[providers.Phone] = "+4915112345679"
			return nil
		})
		require.NoError(t, err)
		phone, err = s.Suppressed(ctx, j.AccountID, providers.Phone, "+4915112345679")
		require.NoError(t, err)
		require.False(t, phone)

		// A bounce stays when the person comes back, unless it is lifted by force.
		email := j.message(messages[0].ID).Address
		_, err = consents.Suppress(ctx, contacts.Suppression{AccountID: j.AccountID, Kind: providers.Email, Address: email, Reason: contacts.Bounced}, "me")
		require.NoError(t, err)
		r, err := consents.OptIn(ctx, change(queued))
		require.NoError(t, err)
		require.True(t, r.Changed, "the phone is free")
		require.Len(t, r.Suppressions, 1)
		require.Equal(t, contacts.Suppression{AccountID: j.AccountID, Kind: providers.Email, Address: email, Reason: "bounced",
			CreatedAt: r.Suppressions[0].CreatedAt}, r.Suppressions[0])
		forced := change(queued)
		forced.Force = true
		r, err = consents.OptIn(ctx, forced)
		require.NoError(t, err)
		require.Empty(t, r.Suppressions)
		require.Equal(t, "bounced", r.Consent.Lifted)

		list, err := consents.List(ctx, j.AccountID, queued, 0, 50)
		require.NoError(t, err)
		actions := make([]string, len(list))
		for i, c := range list {
			actions[i] = string(c.Action) + " " + string(c.Kind) + " " + c.Source + " " + c.Wording
		}
		require.Equal(t, []string{"opt_out  api No more", "opt_out  api No more", "opt_out email api bounced", "opt_in  api No more", "opt_in  api No more"}, actions)
		require.Equal(t, "a call", list[0].Proof)
		_, err = consents.List(ctx, j.AccountID, 99_999, 0, 50)
		require.True(t, fault.Is(err, fault.NotFound))
	})
}

func TestConsentIsRefusedWithItsField(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *storetest.Store) {
		ctx := t.Context()
		j := newJourney(t, s, 10)
		people := j.contactIDs()
		consents := contacts.NewConsents(s)
		for want, change := range map[string]contacts.ConsentChange{
			"there is no contact":      {ContactID: 99_999},
			"no phone address":         {ContactID: people[0], Kind: providers.Phone},
			"is no kind of address":    {ContactID: people[0], Kind: "pigeon"},
			"category_id":              {ContactID: people[0], CategoryID: 77},
			"source":                   {ContactID: people[0], Source: "A Form"},
			"only contacts are in cat": {Kind: providers.Email, Address: "nobody@example.com", CategoryID: j.category("x")},
		} {
			change.AccountID, change.Actor = j.AccountID, "me"
			_, err := consents.OptOut(ctx, change)
			require.ErrorContains(t, err, want)
			_, err = consents.OptIn(ctx, change)
			require.ErrorContains(t, err, want)
		}
		_, err := consents.OptOut(ctx, contacts.ConsentChange{AccountID: j.AccountID, ContactID: people[0], CategoryID: 1, Reason: "bounced"})
		require.ErrorContains(t, err, "reason")
		// Who has no address may opt out all the same: it holds for later.
		r, err := consents.OptOut(ctx, contacts.ConsentChange{AccountID: j.AccountID, ContactID: people[9], Actor: "me"})
		require.NoError(t, err)
		require.False(t, r.Changed)
		_, err = s.UpdateContact(ctx, j.AccountID, people[9], func(c *contacts.Contact) error {
			c.Addresses[providers.Email] = "late@example.com"
			return nil
		})
		require.NoError(t, err)
		is, err := s.Suppressed(ctx, j.AccountID, providers.Email, "late@example.com")
		require.NoError(t, err)
		require.True(t, is)
	})
}

func TestCategoryOptOut(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *storetest.Store) {
		ctx := t.Context()
		j := newJourney(t, s, 9)
		people := j.contactIDs()
		news, offers := j.category("News"), j.category("Offers")
		leave := func(contact, category int64, kind providers.AddressKind) bool {
			r, err := s.OptOut(ctx, contacts.ConsentChange{AccountID: j.AccountID, ContactID: contact, CategoryID: category, Kind: kind, Source: "test", Actor: "me"})
			require.NoError(t, err)
			return r.Changed
		}
		join := func(contact, category int64) {
			_, err := s.OptIn(ctx, contacts.ConsentChange{AccountID: j.AccountID, ContactID: contact, CategoryID: category, Source: "test", Actor: "me"})
			require.NoError(t, err)
		}
		join(people[0], news)
		members := s.IDs("SELECT contact_id FROM members WHERE list_id = ?", news)
		require.Equal(t, people[:1], members)
		require.True(t, leave(people[0], news, ""))
		leave(people[1], offers, "")            // another topic
		leave(people[2], news, providers.Email) // this kind of address alone
		leave(people[3], news, "")              // and comes back
		join(people[3], news)

		j.setCategory(j.Campaign, news)
		preview, err := s.PreviewAudience(ctx, j.Channel, targeting.Audience{All: true}, news)
		require.NoError(t, err)
		require.Equal(t, campaigns.Preview{Total: 9, Reachable: 7, Skipped: map[string]int64{"opted_out": 2}}, preview)
		run := j.Start()
		j.PlanAll(run.ID, 100)
		for i, want := range []string{"skipped opted_out", "pending", "skipped opted_out", "pending"} {
			require.Equal(t, want, j.whyOf(run.ID, people[i]), i)
		}
		// While it waits, and while it is queued.
		require.True(t, leave(people[8], news, ""))
		require.Equal(t, "skipped opted_out", j.whyOf(run.ID, people[8]))
		require.False(t, leave(people[7], offers, ""))
		require.Equal(t, "pending", j.whyOf(run.ID, people[7]))
		fed := j.Feed(run.ID, []int64{1}, 3)
		require.Len(t, fed, 3)
		require.True(t, leave(j.message(fed[1].ID).ContactID, news, providers.Email))
		require.Len(t, j.Claim(run.ID, 1, fed), 2)
		j.Balanced(run.ID)

		// The planner saw nothing of it: the feeder looks again.
		s.Exec(writtenOptOut, j.AccountID, people[7], news, sqldb.Millis(s.Clock.Now()))
		j.Feed(run.ID, []int64{2}, 9)
		require.Equal(t, "skipped opted_out", j.whyOf(run.ID, people[7]))
		j.Balanced(run.ID)

		// A campaign without a category, or of another, reaches them.
		j.Campaign = j.NewCampaign(`{"all":true}`)
		run = j.Start()
		j.PlanAll(run.ID, 100)
		require.Equal(t, int64(9), j.Counts(run.ID)[messages.Pending])
	})
}

// A transactional message that waits for its worker is not sent to an address
// that complains meanwhile; one to who only unsubscribed is.
func TestSuppressionBindsForQueuedTransactionalMessages(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *storetest.Store) {
		ctx := t.Context()
		j := newJourney(t, s, 1)
		var ids []messages.FeedMessage
		for i, address := range []string{"x@example.com", "y@example.com"} {
			_, err := s.CreateMessage(ctx, messages.Outgoing{AccountID: j.AccountID, ChannelID: j.Channel.ID, Address: address, Content: []byte(`{"text":"x"}`)})
			require.NoError(t, err)
			ids = append(ids, j.Feed(0, []int64{int64(i + 1)}, 1)...)
		}
		_, err := s.SuppressAll(ctx, j.AccountID, []contacts.Suppression{
			{Kind: providers.Email, Address: "x@example.com", Reason: contacts.Complained},
			{Kind: providers.Email, Address: "y@example.com", Reason: contacts.Unsubscribed},
		}, "test", "me")
		require.NoError(t, err)
		require.Empty(t, j.Claim(0, 1, ids))
		require.Len(t, j.Claim(0, 2, ids), 1)
	})
}

// A link that is followed again, by a scanner or a mail program, says nothing
// new, until the person has come back.
func TestALinkOptsOutOnce(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *storetest.Store) {
		ctx := t.Context()
		account := s.Account("links")
		change := contacts.ConsentChange{AccountID: account, Kind: providers.Email, Address: "ada@example.org", Source: contacts.SourceLink, Actor: "recipient"}
		records := func() (n int) {
			require.NoError(t, s.Reader().Row(ctx, "SELECT COUNT(*) FROM consents WHERE account_id = ?", account).Scan(&n))
			return n
		}
		for i := range 5 {
			change.Proof = fmt.Sprintf("the link of message %d", i)
			r, err := s.OptOut(ctx, change)
			require.NoError(t, err)
			require.Equal(t, i == 0, r.Changed)
			require.Equal(t, 1, records())
		}
		_, err := s.OptIn(ctx, contacts.ConsentChange{AccountID: account, Kind: providers.Email, Address: "ada@example.org", Source: "form", Wording: "yes",
			Proof: "form 7", Actor: "me"})
		require.NoError(t, err)
		require.Equal(t, 2, records())
		for range 3 {
			_, err := s.OptOut(ctx, change)
			require.NoError(t, err)
			require.Equal(t, 3, records())
		}
		known, err := s.Suppressed(ctx, account, providers.Email, "ada@example.org")
		require.NoError(t, err)
		require.True(t, known)
	})
}
