package store_test

import (
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"carillon/contacts"
	"carillon/contacts/reply"
	"carillon/internal/fault"
	"carillon/messages"
	"carillon/providers"
	"carillon/store/sqldb"
	"carillon/store/storetest"
)

func TestRepliesOptOutAndBack(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *storetest.Store) {
		ctx, now := t.Context(), s.FakeTime()
		j := newJourney(t, s, 9)
		people := j.contactIDs()
		replies := contacts.NewReplies(s)
		ada, err := s.GetContact(ctx, j.AccountID, people[0])
		require.NoError(t, err)
		address := ada.Addresses[providers.Email]
		s.Exec("UPDATE contacts SET language = 'de-AT' WHERE id = ?", ada.ID)
		write := func(id, text string) int {
			fresh, err := replies.Take(ctx, j.Channel, []providers.Reply{{ID: id, From: strings.ToUpper(address), Text: text, At: now.Now()}})
			require.NoError(t, err)
			return fresh
		}
		confirmations := func() (texts []string) {
			require.NoError(t, sqldb.Each(ctx, s.Reader(), func(scan sqldb.Scan) error {
				var text string
				err := scan(&text)
				texts = append(texts, text)
				return err
			}, "SELECT content FROM message_contents ORDER BY message_id"))
			return texts
		}
		run := j.Start()
		j.PlanAll(run.ID, 100)

		require.Equal(t, 1, write("1", "Stop!"))
		require.Equal(t, "unsubscribed", j.reasonOf(address))
		require.Equal(t, "skipped opted_out", j.whyOf(run.ID, ada.ID))
		require.Zero(t, write("1", "Stop!"), "a repeat is dropped")
		require.Equal(t, 1, write("2", "STOP"))
		require.Len(t, confirmations(), 1, "one confirmation")
		require.Contains(t, confirmations()[0], "abgemeldet")
		require.Len(t, j.Feed(0, []int64{1}, 1), 1, "it is sent though the address is suppressed")

		var replied, active sqldb.Time
		require.NoError(t, s.Reader().Row(ctx, "SELECT last_replied_at, last_activity_at FROM contacts WHERE id = ?", ada.ID).Scan(&replied, &active))
		require.Equal(t, now.Now(), replied.Time)
		require.Equal(t, now.Now(), active.Time)
		consents, err := s.ListConsents(ctx, j.AccountID, ada.ID, 0, 10)
		require.NoError(t, err)
		require.Len(t, consents, 2)
		require.Equal(t, "reply", consents[0].Source)
		require.Equal(t, "reply 1: Stop!", consents[0].Proof)

		require.Equal(t, 1, write("4", "START"))
		require.Empty(t, j.reasonOf(address))
		// Who complained does not come back by a word.
		_, err = s.SuppressAll(ctx, j.AccountID, []contacts.Suppression{{Kind: providers.Email, Address: address, Reason: contacts.Complained}}, "test", "me")
		require.NoError(t, err)
		write("5", "start")
		require.Equal(t, contacts.Complained, j.reasonOf(address))

		// Strangers are heeded, too; a silent channel does not confirm.
		s.Exec("UPDATE channels SET silent_opt_out = ? WHERE id = ?", true, j.Channel.ID)
		_, err = replies.Take(ctx, j.Channel, []providers.Reply{{From: "stranger@example.com", Text: "unsubscribe"}, {From: "no address", Text: "stop"}})
		require.NoError(t, err)
		require.Equal(t, "unsubscribed", j.reasonOf("stranger@example.com"))
		require.Len(t, confirmations(), 1)
		j.Balanced(run.ID)
	})
}

// A reply is kept as what it is, whatever is in it; it is taken for what it says in words all the same.
func TestRepliesAreKeptAsWhatTheyAre(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *storetest.Store) {
		ctx := t.Context()
		j := newJourney(t, s, 1)
		replies := contacts.NewReplies(s)
		kinds := map[providers.ReplyType]providers.ReplyParts{
			providers.ReplyText: {}, providers.ReplyButton: {Button: &providers.ReplyOption{ID: "STOP", Title: "No \x00more"}},
			providers.ReplyChoice:   {Choice: &providers.ReplyOption{ID: "row_2"}},
			providers.ReplyLocation: {Location: &providers.Location{Latitude: 52.5125, Longitude: -13.25, Name: "Café \"Mitte\""}},
			providers.ReplyMedia:    {Media: &providers.ReplyFile{Type: providers.Audio, Caption: strings.Repeat("x", 5000)}},
		}
		for kind, parts := range kinds {
			_, err := replies.Take(ctx, j.Channel, []providers.Reply{{ID: string(kind), From: string(kind) + "@example.com", Text: parts.Words(), Parts: parts}})
			require.NoError(t, err)
		}
		list, err := replies.List(ctx, contacts.ReplyFilter{AccountID: j.AccountID, Limit: 10})
		require.NoError(t, err)
		require.Len(t, list, len(kinds))
		for _, r := range list {
			kind := providers.ReplyType(r.ProviderID)
			parts := kinds[kind]
			require.Equal(t, kind, r.Type)
			require.Equal(t, parts.Kept(), r.Parts)
			one, err := replies.Get(ctx, j.AccountID, r.ID)
			require.NoError(t, err)
			require.Equal(t, r, one)
		}
		require.Equal(t, "unsubscribed", j.reasonOf("button@example.com"), "a button whose id is a word to opt out opts out")
	})
}

// What was kept before replies had a type has words alone.
func TestOlderRepliesAreTexts(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *storetest.Store) {
		j := newJourney(t, s, 1)
		s.Exec("INSERT INTO replies (account_id, channel_id, contact_id, kind, address, provider_id, text, meaning, at) "+
			"VALUES (?, ?, 0, 'email', 'a@example.com', 'a', '[image]', 'other', 0)",
			j.AccountID, j.Channel.ID)
		list, err := contacts.NewReplies(s).List(t.Context(), contacts.ReplyFilter{AccountID: j.AccountID, Limit: 10})
		require.NoError(t, err)
		require.Equal(t, providers.ReplyText, list[0].Type)
		require.Equal(t, providers.ReplyParts{}, list[0].Parts)
	})
}

func TestNearRepliesAreReviewed(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *storetest.Store) {
		ctx, now := t.Context(), s.FakeTime()
		j := newJourney(t, s, 1)
		replies := contacts.NewReplies(s)
		_, err := replies.Take(ctx, j.Channel, []providers.Reply{
			{ID: "a", From: "a@example.com", Text: "please stop"}, {ID: "b", From: "b@example.com", Text: "stob"}, {ID: "c", From: "c@example.com", Text: "thank you"},
			{ID: "d", From: "d@example.com", Text: "stop", At: now.Now().Add(time.Hour)},
		})
		require.NoError(t, err)
		require.Empty(t, j.reasonOf("a@example.com"))
		waiting := func() (ids []int64) {
			list, err := replies.List(ctx, contacts.ReplyFilter{AccountID: j.AccountID, Review: true, Limit: 10})
			require.NoError(t, err)
			for _, r := range list {
				require.Equal(t, reply.Near, r.Meaning)
				ids = append(ids, r.ID)
			}
			return ids
		}
		ids := waiting()
		require.Len(t, ids, 2)
		r, err := replies.Review(ctx, j.AccountID, ids[1], "opt_out", "me")
		require.NoError(t, err)
		require.Equal(t, "a@example.com", r.Address)
		require.Equal(t, "unsubscribed", j.reasonOf("a@example.com"))
		_, err = replies.Review(ctx, j.AccountID, ids[0], "other", "me")
		require.NoError(t, err)
		require.Empty(t, j.reasonOf("b@example.com"))
		require.Empty(t, waiting())

		_, err = replies.Review(ctx, j.AccountID, ids[0], "opt_out", "me")
		require.True(t, fault.Is(err, fault.Conflict), "once")
		_, err = replies.Review(ctx, j.AccountID, 99, "opt_out", "me")
		require.True(t, fault.Is(err, fault.NotFound))
		_, err = replies.Review(ctx, j.AccountID, ids[0], "near", "me")
		require.ErrorContains(t, err, "meaning")

		list, err := replies.List(ctx, contacts.ReplyFilter{AccountID: j.AccountID, Limit: 10, Meaning: reply.OptOut, ChannelID: j.Channel.ID})
		require.NoError(t, err)
		require.Len(t, list, 2)
		require.Equal(t, now.Now(), list[0].At, "never in the future")
		confirmed, err := s.ListMessages(ctx, messages.MessageFilter{AccountID: j.AccountID, Transactional: true})
		require.NoError(t, err)
		require.Len(t, confirmed, 2)
	})
}
