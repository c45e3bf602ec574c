package store_test

import (
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"carillon/contacts"
	"carillon/messages"
	"carillon/providers"
	"carillon/store"
	"carillon/store/sqldb"
	"carillon/store/storetest"
	"carillon/targeting"
)

// What a worker gets of an envelope is what it may still send, of those who are
// still there, as they are now.
func TestLoadEnvelope(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *storetest.Store) {
		ctx := t.Context()
		j := newJourney(t, s, 9)
		people := j.contactIDs()
		run := j.Start()
		j.PlanAll(run.ID, 100)
		var older, newer int64
		require.NoError(t, s.InTx(ctx, func(tx sqldb.Conn) (err error) {
			for _, list := range []*int64{&older, &newer} {
				if *list, err = tx.Insert(ctx, "INSERT INTO lists (account_id, kind, name, created_at) VALUES (?, 'upload', ?, 0)",
					j.AccountID, "u"+strings.Repeat("x", int(older))); err != nil {
					return err
				}
			}
			for _, row := range [][3]any{{older, people[0], `{"a":"old"}`}, {newer, people[0], `{"a":"new"}`}, {older, people[1], `{"a":"1"}`},
				{newer, people[1], nil}} {
				if _, err := tx.Exec(ctx, "INSERT INTO members (list_id, contact_id, data) VALUES (?, ?, ?)", row[:]...); err != nil {
					return err
				}
			}
			_, err = tx.Exec(ctx, `UPDATE contacts SET attributes = '{"plan":"plus","code":"x"}', attribute_expiry = ? WHERE id = ?`,
				`{"code":`+strconv.FormatInt(s.Clock.Now().Add(-time.Minute).UnixMilli(), 10)+`}`, people[2])
			return err
		}))
		fed := j.Feed(run.ID, []int64{1}, 9)
		other := fed[8]
		fed = fed[:8]
		require.Equal(t, messages.FeedMessage{ID: other.ID, EnvelopeID: 1, Attempt: 1}, other)
		loaded := j.Load(run.ID, 1, fed, older, newer)
		require.Len(t, loaded, 8, "who was not asked for is not loaded")
		require.Equal(t, []string{`{"a":"new"}`, `{"a":"1"}`, ""}, []string{loaded[0].Recipient.Row, loaded[1].Recipient.Row, loaded[2].Recipient.Row})
		require.JSONEq(t, `{"plan":"plus"}`, loaded[2].Recipient.Attributes, "whose time is over is gone")
		require.Empty(t, j.Load(run.ID, 1, fed)[0].Recipient.Row, "nobody asked for it")
		for _, wrong := range []messages.EnvelopeRequest{
			{ChannelID: j.Channel.ID, RunID: run.ID, EnvelopeID: 2}, {ChannelID: j.Channel.ID + 1, RunID: run.ID, EnvelopeID: 1},
			{ChannelID: j.Channel.ID, EnvelopeID: 1},
		} {
			wrong.MessageIDs = []int64{fed[0].ID}
			found, err := s.LoadEnvelope(ctx, wrong)
			require.NoError(t, err)
			require.Empty(t, found)
		}

		// Meanwhile things happen.
		_, err := s.UpdateContact(ctx, j.AccountID, people[0], func(c *contacts.Contact) error {
			c.FirstName, c.Addresses[providers.Email] = "Ada", "elsewhere@example.com"
			return nil
		})
		require.NoError(t, err)
		require.NoError(t, store.Unsubscribe(ctx, s.Store, j.AccountID, j.message(fed[3].ID).Address))
		_, err = s.EraseContact(ctx, j.AccountID, people[4], false)
		require.NoError(t, err)
		require.NoError(t, s.InTx(ctx, func(tx sqldb.Conn) error { // by hand
			_, err := tx.Exec(ctx, "DELETE FROM contacts WHERE id = ?", people[5])
			return err
		}))
		require.Len(t, j.Claim(run.ID, 1, fed[6:7]), 1)
		n, err := s.Skip(ctx, messages.Skipping{RunID: run.ID, ChannelID: j.Channel.ID, EnvelopeID: 1, Reason: messages.ReasonRenderFailed,
			Details: map[int64]string{fed[7].ID: "no name", fed[6].ID: "is being sent"}})
		require.NoError(t, err)
		require.Equal(t, int64(1), n)
		n, err = s.Skip(ctx, messages.Skipping{RunID: run.ID, ChannelID: j.Channel.ID, EnvelopeID: 2, Reason: messages.ReasonRenderFailed,
			Details: map[int64]string{fed[0].ID: "of another envelope"}})
		require.NoError(t, err)
		require.Zero(t, n)
		skipped := j.message(fed[7].ID)
		require.Equal(t, []any{messages.Skipped, messages.ReasonRenderFailed, "no name", 0}, []any{skipped.State, skipped.Reason, skipped.Detail, skipped.Attempt})

		loaded = j.Load(run.ID, 1, fed, older, newer)
		ids := make([]int64, len(loaded))
		for i, m := range loaded {
			ids[i] = m.ID
		}
		require.Equal(t, []int64{fed[0].ID, fed[1].ID, fed[2].ID}, ids)
		require.Equal(t, "Ada", loaded[0].Recipient.FirstName, "as it is now")
		require.Equal(t, j.message(fed[0].ID).Address, loaded[0].Recipient.Address, "but to the address that was planned")
		j.Balanced(run.ID)
	})
}

// Every recipient is read as the preview reads it.
func TestAnEnvelopeReadsContactsAsThePreviewDoes(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *storetest.Store) {
		ctx := t.Context()
		j := newJourney(t, s, 60)
		require.NoError(t, s.InTx(ctx, func(tx sqldb.Conn) error {
			for i, id := range j.contactIDs() {
				if i%2 == 0 {
					continue
				}
				if _, err := tx.Exec(ctx, "UPDATE contacts SET name = ?, last_name = ?, language = 'de', timezone = 'Europe/Berlin', external_id = ?, attributes = ? "+
					"WHERE id = ?",
					"Name "+strconv.FormatInt(id, 10), strings.Repeat("ü", i), "x"+strconv.FormatInt(id, 10), `{"n":`+strconv.FormatInt(id, 10)+`}`, id); err != nil {
					return err
				}
			}
			return nil
		}))
		run := j.Start()
		j.PlanAll(run.ID, 100)
		fed := j.Feed(run.ID, []int64{1}, 100)
		previewed, err := s.SampleAudience(ctx, j.Channel, targeting.Audience{All: true}, 0, 100)
		require.NoError(t, err)
		require.Len(t, previewed, 54)
		var read []messages.Recipient
		for _, m := range j.Load(run.ID, 1, fed) {
			read = append(read, m.Recipient)
		}
		require.Equal(t, previewed, read)
	})
}
