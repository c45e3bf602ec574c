package store_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"carillon/contacts"
	"carillon/internal/fault"
	"carillon/providers"
	"carillon/store/storetest"
)

// A contact that is made for a list is in it, or is not there.
func TestAContactIsMadeInAList(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *storetest.Store) {
		ctx := t.Context()
		account := s.Account("a")
		people := contacts.NewContacts(s)
		lists := contacts.NewLists(s)
		group, err := lists.Create(ctx, contacts.List{AccountID: account, Kind: contacts.Group, Name: "Group"})
		require.NoError(t, err)
		who := contacts.Contact{AccountID: account, Number: "+393331234567", Addresses: map[providers.AddressKind]string{providers.Email: "a@example.org"}}
		_, err = people.CreateIn(ctx, who, contacts.Joining{Kind: contacts.Group, ListID: group.ID + 1})
		require.True(t, fault.Is(err, fault.NotFound))
		require.Zero(t, s.Int("SELECT COUNT(*) FROM contacts"), "nobody is made who is in no list")
		made, err := people.CreateIn(ctx, who, contacts.Joining{Kind: contacts.Group, ListID: group.ID, Written: "333 1234567"})
		require.NoError(t, err)
		require.Equal(t, "+393331234567", made.Addresses[providers.WhatsApp])
		of, err := lists.Of(ctx, account, contacts.Group, made.ID)
		require.NoError(t, err)
		require.Len(t, of, 1)
		written, err := s.Written(ctx, contacts.Holding{AccountID: account, ContactID: made.ID, Kind: providers.Phone})
		require.NoError(t, err)
		require.Equal(t, "333 1234567", written)
		_, err = people.CreateIn(ctx, who, contacts.Joining{Kind: contacts.Group, ListID: group.ID})
		require.True(t, fault.Is(err, fault.Conflict))
	})
}

func TestListsThatAreCalledAlike(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *storetest.Store) {
		ctx := t.Context()
		account := s.Account("a")
		lists := contacts.NewLists(s)
		alike := contacts.NewWritten(s, lists)
		var last contacts.List
		for i, name := range []string{"Group", "Group (2)", "Group (3)"} {
			l, err := alike.CreateAlike(ctx, contacts.List{AccountID: account, Kind: contacts.Group, Name: "Group"})
			require.NoError(t, err)
			require.Equal(t, name, l.Name)
			require.Equal(t, i > 0, l.Called == "Group")
			kept, err := lists.Get(ctx, account, contacts.Group, l.ID)
			require.NoError(t, err)
			require.Equal(t, l.Called, kept.Called)
			last = l
		}
		require.NoError(t, alike.Rename(ctx, last, "Other"))
		kept, err := lists.Get(ctx, account, contacts.Group, last.ID)
		require.NoError(t, err)
		require.Equal(t, "Other", kept.Name)
		require.Empty(t, kept.Called)
		require.NoError(t, alike.Rename(ctx, last, "Group"))
		name := "News"
		kept, err = lists.Update(ctx, account, contacts.Group, last.ID, contacts.ListChange{Name: &name})
		require.NoError(t, err)
		require.Empty(t, kept.Called, "another name is what it is called")
	})
}
