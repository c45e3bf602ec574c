package store_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"carillon/contacts"
	"carillon/conversations"
	"carillon/internal/fault"
	"carillon/messages"
	"carillon/providers"
	"carillon/store/storetest"
)

// What is said to and fro stands in its conversation, in its order; what is kept elsewhere is
// read there, and gone when that is.
func TestConversations(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *storetest.Store) {
		ctx := t.Context()
		j := newJourney(t, s, 2)
		talk := conversations.NewService(s, nil)
		first, err := talk.Create(ctx, conversations.Conversation{AccountID: j.AccountID, ChannelID: j.Channel.ID, ContactID: 1})
		require.NoError(t, err)
		second, err := talk.Create(ctx, conversations.Conversation{AccountID: j.AccountID, ChannelID: j.Channel.ID, ContactID: 2, Labels: []string{"a%b"}})
		require.NoError(t, err)
		require.EqualValues(t, 1, first.Number)
		require.EqualValues(t, 2, second.Number)
		require.NotEqual(t, first.UUID, second.UUID)
		for _, wrong := range []conversations.Conversation{{AccountID: j.AccountID, ChannelID: 99, ContactID: 1}, {AccountID: j.AccountID,
			ChannelID: j.Channel.ID, ContactID: 99}} {
			_, err := talk.Create(ctx, wrong)
			require.True(t, fault.Is(err, fault.NotFound))
		}
		m, err := s.CreateMessage(ctx, messages.Outgoing{
			AccountID: j.AccountID, ChannelID: j.Channel.ID, ContactID: 1, Address: "p1@example.com", Content: []byte(`{"text":"Hello"}`),
			Said: &messages.Said{ConversationID: first.ID, Kind: "text"},
		})
		require.NoError(t, err)
		note, err := talk.Note(ctx, conversations.Entry{AccountID: j.AccountID, ConversationID: first.ID, Text: "a note"})
		require.NoError(t, err)
		reply := contacts.Reply{AccountID: j.AccountID, ChannelID: j.Channel.ID, Kind: providers.Email, Address: "p1@example.com", ProviderID: "r-1", Text: "Yes?"}
		_, err = s.TakeReplies(ctx, []contacts.Reply{reply, reply})
		require.NoError(t, err)
		said := func(f conversations.Entries) (texts []string) {
			f.AccountID, f.ConversationID, f.Limit = j.AccountID, first.ID, 20
			list, err := talk.Entries(ctx, f)
			require.NoError(t, err)
			for _, e := range list {
				texts = append(texts, string(e.Direction)+": "+e.Text)
			}
			return texts
		}
		require.Equal(t, []string{"outgoing: Hello", "outgoing: a note", "incoming: Yes?"}, said(conversations.Entries{}))
		require.Equal(t, []string{"outgoing: Hello"}, said(conversations.Entries{Before: note.ID}))
		require.Equal(t, []string{"incoming: Yes?"}, said(conversations.Entries{After: note.ID}))
		e, err := talk.OfMessage(ctx, j.AccountID, m.ID)
		require.NoError(t, err)
		require.Equal(t, messages.Pending, e.State)
		_, err = s.CancelMessage(ctx, j.AccountID, m.ID, "me")
		require.NoError(t, err)
		e, err = talk.Entry(ctx, j.AccountID, e.ID)
		require.NoError(t, err)
		require.Equal(t, messages.Canceled, e.State)
		_, err = talk.Hide(ctx, j.AccountID, note.ID)
		require.NoError(t, err)
		require.Equal(t, []string{"outgoing: Hello", "outgoing: ", "incoming: Yes?"}, said(conversations.Entries{}))

		list, total, err := talk.List(ctx, conversations.Filter{AccountID: j.AccountID, Labels: []string{"a%b"}, Limit: 10})
		require.NoError(t, err)
		require.EqualValues(t, 1, total)
		require.Equal(t, second.Number, list[0].Number)
		resolved := conversations.Resolved
		second, err = talk.Update(ctx, j.AccountID, 2, conversations.Change{Status: &resolved})
		require.NoError(t, err)
		require.NotNil(t, second.ResolvedAt)
		list, total, err = talk.List(ctx, conversations.Filter{AccountID: j.AccountID, Status: conversations.Open, Limit: 10})
		require.NoError(t, err)
		require.EqualValues(t, 1, total)
		require.Equal(t, first.ID, list[0].ID)
		now := second.ResolvedAt.Add(time.Hour)
		for what, n := range map[conversations.Counted]int64{
			conversations.CountOpened: 2, conversations.CountResolved: 1, conversations.CountIncoming: 1, conversations.CountOutgoing: 1,
		} {
			counts, err := talk.Count(ctx, conversations.Count{AccountID: j.AccountID, What: what, Times: []time.Time{now.Add(-48 * time.Hour),
				now.Add(-24 * time.Hour), now}})
			require.NoError(t, err)
			require.Equal(t, []int64{0, n}, counts, what)
		}

		// A person's are those of whom they become part of, and go with them.
		_, err = s.MergeContacts(ctx, contacts.Merging{AccountID: j.AccountID, Keep: 2, From: 1, Actor: "me"})
		require.NoError(t, err)
		_, total, err = talk.List(ctx, conversations.Filter{AccountID: j.AccountID, ContactID: 2, Limit: 10})
		require.NoError(t, err)
		require.EqualValues(t, 2, total)
		_, err = s.EraseContact(ctx, j.AccountID, 2, false)
		require.NoError(t, err)
		require.Zero(t, s.Int("SELECT COUNT(*) FROM conversations"))
		require.Zero(t, s.Int("SELECT COUNT(*) FROM conversation_entries"))
	})
}
