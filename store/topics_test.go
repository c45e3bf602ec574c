package store_test

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"

	"carillon/contacts"
	"carillon/providers"
	"carillon/store/storetest"
)

// The last word on a category counts: for the address or for the contact as a whole.
func TestTopicsOfAnAddress(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *storetest.Store) {
		ctx := t.Context()
		j := newJourney(t, s, 2)
		names := []string{"A", "B", "C"}
		ids := map[string]int64{}
		for _, name := range names {
			l, err := s.CreateList(ctx, contacts.List{AccountID: j.AccountID, Kind: contacts.Category, Name: name})
			require.NoError(t, err)
			ids[name] = l.ID
		}
		_, err := s.CreateGroup(ctx, j.AccountID, "no topic")
		require.NoError(t, err)
		holder := s.IDs("SELECT contact_id FROM addresses ORDER BY contact_id LIMIT 1")[0]
		address := fmt.Sprintf("p%d@example.com", holder)
		change := contacts.ConsentChange{AccountID: j.AccountID, Kind: providers.Email, Address: address, CategoryID: ids["B"], Source: "x", Actor: "x"}
		_, err = s.OptOut(ctx, change)
		require.NoError(t, err)
		_, err = s.OptOut(ctx, contacts.ConsentChange{AccountID: j.AccountID, ContactID: holder, CategoryID: ids["C"], Source: "x", Actor: "x"})
		require.NoError(t, err)
		topics, err := s.Topics(ctx, j.AccountID, providers.Email, address)
		require.NoError(t, err)
		require.False(t, topics.Suppressed)
		wanted := map[string]bool{}
		for _, topic := range topics.List {
			wanted[topic.Name] = topic.Wanted
		}
		require.Equal(t, map[string]bool{"A": true, "B": false, "C": false}, wanted)
		_, err = s.OptIn(ctx, change)
		require.NoError(t, err)
		topics, err = s.Topics(ctx, j.AccountID, providers.Email, address)
		require.NoError(t, err)
		require.True(t, topics.List[1].Wanted)

		change.CategoryID = 0
		_, err = s.OptOut(ctx, change)
		require.NoError(t, err)
		topics, err = s.Topics(ctx, j.AccountID, providers.Email, address)
		require.NoError(t, err)
		require.True(t, topics.Suppressed)
		topics, err = s.Topics(ctx, j.AccountID+1, providers.Email, address)
		require.NoError(t, err)
		require.Empty(t, topics.List, "another account's")
	})
}
