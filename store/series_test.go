package store_test

import (
	"encoding/json"
	"testing"

	"github.com/stretchr/testify/require"

	"carillon/internal/fault"
	"carillon/messages"
	"carillon/store/storetest"
)

func TestSeriesCountTheirMessages(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *storetest.Store) {
		ctx := t.Context()
		j := storetest.NewJourney(t, s, 1)
		service := messages.NewSeries(s)
		made, err := service.Create(ctx, messages.Series{AccountID: j.AccountID, Name: " Invoices ", Options: json.RawMessage(`{"a":1}`)})
		require.NoError(t, err)
		require.Equal(t, []any{"Invoices", `{"a":1}`}, []any{made.Name, string(made.Options)})
		again, err := service.Create(ctx, messages.Series{AccountID: j.AccountID, Name: "Invoices", Options: json.RawMessage(`{"a":2}`)})
		require.NoError(t, err)
		require.Equal(t, made, again, "one of the name stays as it is")
		found, err := service.Find(ctx, j.AccountID, "Invoices")
		require.NoError(t, err)
		require.Equal(t, made, found)
		other := s.Account("other")
		for _, err := range []error{
			func() error { _, err := service.Get(ctx, other, made.ID); return err }(),
			func() error { _, err := service.Find(ctx, other, "Invoices"); return err }(),
		} {
			require.True(t, fault.Is(err, fault.NotFound))
		}
		_, err = s.CreateSeries(ctx, messages.Series{AccountID: j.AccountID, Name: "more", Options: json.RawMessage("{}")}, 1)
		require.True(t, fault.Is(err, fault.Conflict))
		for _, wrong := range []messages.Series{{Name: ""}, {Name: "x", Options: json.RawMessage("[]")}} {
			wrong.AccountID = j.AccountID
			_, err := service.Create(ctx, wrong)
			require.True(t, fault.Is(err, fault.Invalid))
		}

		create := func(account, series int64) (messages.Message, error) {
			return s.CreateMessage(ctx, messages.Outgoing{
				AccountID: account, ChannelID: j.Channel.ID, Address: "a@example.com", Content: []byte("{}"), SeriesID: series,
			})
		}
		for range 3 {
			_, err := create(j.AccountID, made.ID)
			require.NoError(t, err)
		}
		last, err := create(j.AccountID, made.ID)
		require.NoError(t, err)
		_, err = create(j.AccountID, 0)
		require.NoError(t, err)
		_, err = create(j.AccountID, 4711)
		require.True(t, fault.Is(err, fault.Invalid))
		require.ErrorContains(t, err, "series_id")
		_, err = s.CancelMessage(ctx, j.AccountID, last.ID, "ada")
		require.NoError(t, err)
		counts, err := service.Count(ctx, made.ID)
		require.NoError(t, err)
		require.Equal(t, []int64{3, 1, 4}, []int64{counts[messages.Pending], counts[messages.Canceled], counts.Total()})
		list, err := service.List(ctx, j.AccountID, 0, 10)
		require.NoError(t, err)
		require.Equal(t, []messages.Series{made}, list)

		// What is older than all messages that are kept is forgotten.
		s.Exec("INSERT INTO series_messages (message_id, series_id) VALUES (-1, 1)")
		_, err = s.Housekeep(ctx)
		require.NoError(t, err)
		require.Equal(t, 4, s.Int("SELECT COUNT(*) FROM series_messages"))
	})
}
