package store_test

import (
	"encoding/json"
	"testing"

	"github.com/stretchr/testify/require"

	"carillon/contacts"
	"carillon/internal/naming"
	"carillon/messages"
	"carillon/store/storetest"
)

func TestThingsAreFoundByTheirNames(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *storetest.Store) {
		ctx := t.Context()
		j := storetest.NewJourney(t, s, 1)
		group := func(account int64, name string) int64 {
			made, err := s.CreateList(ctx, contacts.List{AccountID: account, Kind: contacts.Group, Name: name})
			require.NoError(t, err)
			return made.ID
		}
		straße, upper, lower, other := group(j.AccountID, "Straße"), group(j.AccountID, "ÄRZTE"), group(j.AccountID, "Ärzte"), s.Account("other")
		group(other, "theirs")
		ids := func(account int64, kind naming.Kind, name string) (ids []int64) {
			found, err := naming.For(s, account).Find(ctx, name, []naming.Kind{kind})
			require.NoError(t, err)
			for _, thing := range found.Things {
				require.Equal(t, kind, thing.Kind)
				ids = append(ids, thing.ID)
			}
			return ids
		}
		require.Equal(t, []int64{straße}, ids(j.AccountID, naming.Group, "straßE"), "in another case")
		require.Equal(t, []int64{lower}, ids(j.AccountID, naming.Group, "Ärzte"), "the name as it is comes first")
		require.Equal(t, []int64{lower, upper}, ids(j.AccountID, naming.Group, "ärzte"), "neither is meant more than the other")
		require.Empty(t, ids(j.AccountID, naming.Category, "Ärzte"), "of another kind")
		require.Empty(t, ids(j.AccountID, naming.Group, "theirs"), "of another account")
		series, err := s.CreateSeries(ctx, messages.Series{AccountID: j.AccountID, Name: "Invoices", Options: json.RawMessage("{}")}, 9)
		require.NoError(t, err)
		require.Equal(t, []int64{series.ID}, ids(j.AccountID, naming.Series, "invoices"))

		found, err := naming.For(s, other).Find(ctx, "mine", []naming.Kind{naming.Group, naming.Category})
		require.NoError(t, err)
		require.Equal(t, naming.Found{Others: []string{"theirs"}}, found)
		for _, kind := range naming.Kinds() {
			_, err := naming.For(s, j.AccountID).Find(ctx, "what there is not", []naming.Kind{kind})
			require.NoError(t, err, kind)
		}
	})
}
