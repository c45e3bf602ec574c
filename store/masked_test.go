package store_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"carillon/contacts"
	"carillon/internal/fault"
	"carillon/messages"
	"carillon/providers"
	"carillon/store/storetest"
)

// What a masked message says is forgotten once it was sent, or will not be; one that failed
// may be sent again until then.
func TestMaskedMessagesAreForgotten(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *storetest.Store) {
		ctx := t.Context()
		j := storetest.NewJourney(t, s, 1)
		create := func(masked bool) messages.Message {
			m, err := s.CreateMessage(ctx, messages.Outgoing{
				AccountID: j.AccountID, ChannelID: j.Channel.ID, Address: "a@example.com", Content: []byte(`{"text":"1234"}`), Masked: masked,
			})
			require.NoError(t, err)
			return m
		}
		waits, canceled, plain := create(true), create(true), create(false)
		for _, m := range []messages.Message{canceled, plain} {
			_, err := s.CancelMessage(ctx, j.AccountID, m.ID, "ada")
			require.NoError(t, err)
		}
		for range 2 {
			_, err := s.Housekeep(ctx)
			require.NoError(t, err)
		}
		for m, kept := range map[int64]bool{waits.ID: true, canceled.ID: false, plain.ID: true} {
			content, err := s.MessageContent(ctx, m)
			require.NoError(t, err)
			require.Equal(t, kept, len(content) > 0, "message %d", m)
		}
		require.Equal(t, []int64{waits.ID}, s.IDs("SELECT message_id FROM masked_messages"))
	})
}

// A message that heeds opt-outs is skipped where it is written down; another is sent.
func TestAMessageHeedsOptOuts(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *storetest.Store) {
		ctx := t.Context()
		j := storetest.NewJourney(t, s, 1)
		out := []contacts.Suppression{{Kind: j.Channel.Address, Address: "out@example.com", Reason: contacts.Unsubscribed}}
		_, err := s.SuppressAll(ctx, j.AccountID, out, "api", "ada")
		require.NoError(t, err)
		for _, c := range []struct {
			address string
			heeds   bool
			state   messages.State
		}{{"out@example.com", true, messages.Skipped}, {"out@example.com", false, messages.Pending}, {"in@example.com", true, messages.Pending}} {
			m, err := s.CreateMessage(ctx, messages.Outgoing{
				AccountID: j.AccountID, ChannelID: j.Channel.ID, Address: c.address, Content: []byte("{}"), HeedOptOut: c.heeds,
			})
			require.NoError(t, err)
			require.Equal(t, c.state, m.State)
			if c.state == messages.Skipped {
				require.Equal(t, messages.ReasonOptedOut, m.Reason)
			}
		}
	})
}

// Programs know a channel by a handle that stays, whatever becomes of its settings.
func TestHandlesStay(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *storetest.Store) {
		ctx := t.Context()
		account := s.Account("one")
		create := func(name, handle string, kind providers.AddressKind) providers.Channel {
			c, err := s.CreateChannel(ctx, providers.Channel{
				AccountID: account, Name: name, Provider: "sandbox", Config: []byte("{}"), Address: kind, Timezone: "UTC", Handle: handle,
			})
			require.NoError(t, err)
			return c
		}
		first := create("a", "news@example.org", providers.Email)
		require.Equal(t, "news@example.org", first.Handle)
		require.Equal(t, "news@example.org", create("b", "news@example.org", providers.Custom).Handle, "of another kind")
		require.Regexp(t, `^news@example.org-\d+$`, create("c", "news@example.org", providers.Email).Handle)
		require.Regexp(t, `^\d+$`, create("d", "", providers.Email).Handle)
		changed := first
		changed.Handle, changed.Config = "other", []byte(`{"seed":1}`)
		changed, err := s.UpdateChannel(ctx, changed)
		require.NoError(t, err)
		require.Equal(t, first.Handle, changed.Handle)
		require.NoError(t, s.DeleteChannel(ctx, account, first.ID))
		require.Equal(t, first.Handle, create("a", "news@example.org", providers.Email).Handle, "who makes it again finds it again")
		_, err = s.GetChannel(ctx, account, first.ID)
		require.True(t, fault.Is(err, fault.NotFound))
	})
}
