package store_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"carillon/messages"
	"carillon/store/storetest"
)

func TestMessagesAreFoundByTheirMetadata(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *storetest.Store) {
		j := newJourney(t, s, 3)
		other := s.Account("another")
		send := func(metadata string) int64 {
			m, err := s.CreateMessage(t.Context(), messages.Outgoing{
				AccountID: j.AccountID, ChannelID: j.Channel.ID, Address: "a@example.org", Content: []byte(`{"text":"x"}`), Metadata: []byte(metadata),
			})
			require.NoError(t, err)
			return m.ID
		}
		first, second, third := send(`{"order":"1","shop":"de"}`), send(`{"order":"1","shop":"at"}`), send(`{"order":"2","note":"x"}`)
		find := func(accountID int64, metadata map[string]string) (ids []int64) {
			list, err := s.ListMessages(t.Context(), messages.MessageFilter{AccountID: accountID, Metadata: metadata, Limit: 10})
			require.NoError(t, err)
			for _, m := range list {
				ids = append(ids, m.ID)
				require.Subset(t, m.Metadata, metadata)
			}
			return ids
		}
		require.Equal(t, []int64{first, second}, find(j.AccountID, map[string]string{"order": "1"}))
		require.Equal(t, []int64{second}, find(j.AccountID, map[string]string{"order": "1", "shop": "at"}))
		require.Equal(t, []int64{third}, find(j.AccountID, map[string]string{"order": "2"}))
		require.Empty(t, find(j.AccountID, map[string]string{"order": "1' OR '1'='1"}))
		require.Empty(t, find(other, map[string]string{"order": "1"}), "another account's")
		m, err := s.GetMessage(t.Context(), j.AccountID, first)
		require.NoError(t, err)
		require.Equal(t, map[string]string{"order": "1", "shop": "de"}, m.Metadata)

		// What is older than every message is forgotten.
		s.Exec("INSERT INTO message_metadata (account_id, name, value, message_id) VALUES (1, 'order', '1', -1)")
		_, err = s.Housekeep(t.Context())
		require.NoError(t, err)
		require.Equal(t, 6, s.Int("SELECT COUNT(*) FROM message_metadata"))
	})
}
