package store_test

import (
	"encoding/json"
	"testing"

	"github.com/stretchr/testify/require"

	"carillon/contacts"
	"carillon/contacts/property"
	"carillon/store"
	"carillon/store/storetest"
	"carillon/targeting"
)

// What programs kept before there was a property for it is the property's at once.
func TestNewPropertiesTakeOverWhatWasKept(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *storetest.Store) {
		ctx, now := t.Context(), s.FakeTime()
		account, other := s.Account("one"), s.Account("other")
		book := contacts.NewContacts(s)
		kept := func(account int64, value string) contacts.Contact {
			c, err := book.Create(ctx, contacts.Contact{AccountID: account, Bare: true, Loose: true, Given: given("Seats-1", value, "plan", "7", "rest", `"x"`)}, "")
			require.NoError(t, err)
			return c
		}
		people := map[string]contacts.Contact{
			"number": kept(account, "12.50"), "text of one": kept(account, `"12.50"`), "no number": kept(account, `"many"`), "list": kept(account, `["1","2"]`),
		}
		elsewhere := kept(other, "12.50")
		properties := contacts.NewProperties(s)
		made, err := contacts.NewDefinitions(s, properties).Create(ctx, contacts.Definition{
			AccountID: account, Model: contacts.OfContacts, Key: "Seats-1", Name: "Seats", Display: "number",
		})
		require.NoError(t, err)
		for name, c := range people {
			c, err = book.Get(ctx, account, c.ID)
			require.NoError(t, err)
			if name == "no number" || name == "list" {
				require.Empty(t, c.Attributes, name)
				require.Len(t, c.Free.Custom, 3, name)
				continue
			}
			require.Equal(t, contacts.Attributes(given(made.Property, "12.5")), c.Attributes, name)
			require.Equal(t, contacts.Attributes(given("plan", "7", "rest", `"x"`)), c.Free.Custom, name)
			require.Equal(t, now.Now(), c.ChangedAt[made.Property])
		}
		elsewhere, err = book.Get(ctx, other, elsewhere.ID)
		require.NoError(t, err)
		require.Len(t, elsewhere.Free.Custom, 3, "another's are its own")

		// A property that no definition was made for takes over as well, and rules see it.
		testProperties(t, s, property.Property{AccountID: account, Key: "plan", Type: property.Text})
		count, err := targeting.NewRules(s).Count(ctx, account, targeting.Audience{
			Rule: json.RawMessage(`{"condition":"AND","rules":[{"field":"attributes.plan","operator":"equal","value":"7"}]}`),
		}, "")
		require.NoError(t, err)
		require.EqualValues(t, len(people), count.Total)
	})
}

// Of more contacts than one transaction changes a job takes the rest over, which others wait for.
func TestAJobTakesOverWhatManyKeep(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *storetest.Store) {
		ctx := t.Context()
		account := s.Account("one")
		const n = store.ValuesInOne + 5
		people(t, s, account, n)
		s.Exec(`UPDATE contacts SET free = '{"custom":{"plan":"Gold"},"additional":{}}'`)
		testProperties(t, s, property.Property{AccountID: account, Key: "plan", Type: property.Text})
		has := func() (count int64) {
			found, err := s.PreviewValues(ctx, account, "plan", nil)
			require.NoError(t, err)
			return found.Values
		}
		require.EqualValues(t, store.ValuesInOne, has())
		_, err := s.DeleteProperty(ctx, account, "plan")
		require.ErrorContains(t, err, "is still at the values")
		require.Equal(t, 1, finish(t, s))
		require.EqualValues(t, n, has())
		for _, free := range store.ColumnsOf(t, s.Store, "free")[:3] {
			require.JSONEq(t, "{}", free)
		}
	})
}
