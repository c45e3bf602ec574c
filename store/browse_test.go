package store_test

import (
	"encoding/json"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"carillon/contacts"
	"carillon/contacts/property"
	"carillon/internal/fault"
	"carillon/providers"
	"carillon/store/storetest"
	"carillon/targeting"
)

// Turned page by page, contacts are in every order each there once: those who have a value in
// its order, then the others, whatever is left out.
func TestPagesOfContacts(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *storetest.Store) {
		ctx := t.Context()
		account, other := s.Account("pages"), s.Account("other")
		people := contacts.NewContacts(s)
		_, err := contacts.NewProperties(s).Create(ctx, property.Property{AccountID: account, Key: "city", Type: property.Text})
		require.NoError(t, err)
		_, err = contacts.NewProperties(s).Create(ctx, property.Property{AccountID: account, Key: "score", Type: property.Number})
		require.NoError(t, err)
		label, err := contacts.NewLists(s).Create(ctx, contacts.List{AccountID: account, Kind: contacts.Label, Name: "vip", Color: "#FF9300"})
		require.NoError(t, err)
		require.Equal(t, "FF9300", label.Color)
		var all, labeled []int64
		values := map[targeting.Sort]map[int64]string{targeting.SortName: {}, targeting.SortEmail: {}, targeting.SortPhone: {},
			targeting.SortLastActivity: {}, "attributes.city": {}, "attributes.score": {}}
		for i := range 23 {
			c := contacts.Contact{AccountID: account, ExternalID: fmt.Sprintf("c%d", i), Addresses: map[providers.AddressKind]string{}}
			if i%3 > 0 {
				c.Name = fmt.Sprintf("%c%d", "aBcDe"[i%5], i*7%23)
			}
			if i%2 > 0 {
				c.Addresses[providers.Email] = fmt.Sprintf("p%d@example.org", i*7%23)
			}
			if i%4 > 0 {
				c.Number = fmt.Sprintf("+49151123456%02d", i*7%23)
			}
			if i%5 > 0 {
				at := time.UnixMilli(int64(1000 + i*7%23))
				c.LastActivityAt = &at
			}
			if i%6 > 0 {
				c.Given = map[string]json.RawMessage{"city": json.RawMessage(fmt.Sprintf(`"City %02d"`, i*7%23))}
			} else {
				c.Given = map[string]json.RawMessage{"score": json.RawMessage(fmt.Sprint(i * 7 % 23))} // of one digit or two
			}
			made, err := people.Create(ctx, c, "")
			require.NoError(t, err)
			all = append(all, made.ID)
			values[targeting.SortName][made.ID] = property.Fold(made.Name)
			values[targeting.SortEmail][made.ID], values[targeting.SortPhone][made.ID] = made.Addresses[providers.Email], made.Addresses[providers.Phone]
			require.Equal(t, made.Addresses[providers.Phone], made.Addresses[providers.WhatsApp], "one number is for all")
			if made.LastActivityAt != nil {
				values[targeting.SortLastActivity][made.ID] = fmt.Sprint(made.LastActivityAt.UnixMilli())
			}
			values["attributes.city"][made.ID] = string(made.Attributes["city"])
			if score := made.Attributes["score"]; score != nil {
				values["attributes.score"][made.ID] = fmt.Sprintf("%02s", score)
			}
			if i%2 == 0 {
				labeled = append(labeled, made.ID)
			}
		}
		_, err = s.AddMembers(ctx, contacts.MemberChange{AccountID: account, Kind: contacts.Label, ListID: label.ID, Contacts: labeled})
		require.NoError(t, err)
		// Who is left out.
		bare, err := people.Create(ctx, contacts.Contact{AccountID: account, Name: "Bare", Bare: true}, "")
		require.NoError(t, err)
		require.True(t, bare.Bare)
		gone, err := people.Create(ctx, contacts.Contact{AccountID: account, Name: "Gone",
			Addresses: map[providers.AddressKind]string{providers.Email: "gone@example.org"}}, "")
		require.NoError(t, err)
		require.NoError(t, people.Delete(ctx, account, gone.ID))
		_, err = people.Create(ctx, contacts.Contact{AccountID: other, ExternalID: "x", Name: "X"}, "")
		require.NoError(t, err)

		turn := func(b targeting.Browse, most int) (list []int64) {
			b.AccountID, b.Limit = account, 4
			for b.Offset = 0; ; b.Offset += b.Limit {
				page, total, err := browse(t, s, b)
				require.NoError(t, err)
				require.EqualValues(t, most, total, b.Order)
				if list = append(list, page...); len(page) == 0 {
					return list
				}
			}
		}
		require.Equal(t, all, turn(targeting.Browse{Known: true}, 23))
		require.Equal(t, append(slices.Clone(all), bare.ID), turn(targeting.Browse{}, 24))
		require.Equal(t, labeled, turn(targeting.Browse{Known: true, Labels: []int64{label.ID}}, 12))
		require.Equal(t, []int64{bare.ID}, turn(targeting.Browse{Text: "BAR"}, 1))
		rule := json.RawMessage(`{"condition":"AND","rules":[{"field":"address.email","operator":"is_not_null"}]}`)
		require.Len(t, turn(targeting.Browse{Known: true, Rule: rule, Order: targeting.SortEmail}, 11), 11)
		for order, of := range values {
			for _, descending := range []bool{false, true} {
				list := turn(targeting.Browse{Known: true, Order: order, Descending: descending}, 23)
				require.ElementsMatch(t, all, list, order)
				var have []string
				missing := false
				for _, id := range list {
					require.False(t, missing && of[id] != "", "%s: who has none comes last", order)
					if missing = of[id] == ""; !missing {
						have = append(have, of[id])
					}
				}
				if descending {
					slices.Reverse(have)
				}
				require.True(t, slices.IsSorted(have), "%s: %v", order, have)
			}
		}
		require.Equal(t, all, turn(targeting.Browse{Known: true, Order: "attributes.shoes"}, 23), "a property that there is not orders nothing")
		_, _, err = browse(t, s, targeting.Browse{AccountID: account, Order: "shoes", Limit: 1})
		require.True(t, fault.Is(err, fault.Invalid))
	})
}

// What no property takes is kept beside, and is the property's once it fits.
func TestFreeAttributes(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *storetest.Store) {
		ctx := t.Context()
		account := s.Account("free")
		people := contacts.NewContacts(s)
		definitions := contacts.NewDefinitions(s, contacts.NewProperties(s))
		seats, err := definitions.Create(ctx, contacts.Definition{AccountID: account, Model: contacts.OfContacts, Key: "Seats-1", Name: "Seats", Display: "number"})
		require.NoError(t, err)
		require.NotEqual(t, "Seats-1", seats.Property)
		c, err := people.Create(ctx, contacts.Contact{
			AccountID: account, Name: "Ada", Bare: true, Loose: true,
			Given: map[string]json.RawMessage{seats.Property: json.RawMessage(`"many"`), "free": json.RawMessage(`{"a":1}`)},
			Free:  contacts.Free{Additional: contacts.Attributes{"source": json.RawMessage(`"shop"`)}},
		}, "")
		require.NoError(t, err)
		require.Empty(t, c.Attributes)
		require.JSONEq(t, `{"custom":{"free":{"a":1},"`+seats.Property+`":"many"},"additional":{"source":"shop"}}`, c.Free.JSON())
		c, err = people.Update(ctx, account, c.ID, contacts.ContactChange{
			Loose: true, Attributes: map[string]json.RawMessage{seats.Property: json.RawMessage(`12`), "free": json.RawMessage(`null`)},
			Additional: contacts.Attributes{"source": json.RawMessage(`null`)},
		})
		require.NoError(t, err)
		require.JSONEq(t, `12`, string(c.Attributes[seats.Property]))
		require.Equal(t, "{}", c.Free.JSON())
		_, err = people.Update(ctx, account, c.ID, contacts.ContactChange{Attributes: map[string]json.RawMessage{"free": json.RawMessage(`1`)}})
		require.True(t, fault.Is(err, fault.Invalid), "others are strict")
		_, err = people.Create(ctx, contacts.Contact{AccountID: account, Name: "Nobody"}, "")
		require.True(t, fault.Is(err, fault.Invalid))

		// A property that somebody else makes has a definition, too, and loses it.
		_, err = contacts.NewProperties(s).Create(ctx, property.Property{AccountID: account, Key: "plan", Type: property.Enum, Rule: "gold,silver"})
		require.NoError(t, err)
		list, err := definitions.List(ctx, account)
		require.NoError(t, err)
		require.Len(t, list, 2)
		require.Equal(t, "list", list[1].Display)
		require.Equal(t, []string{"gold", "silver"}, list[1].Choices)
		require.NoError(t, definitions.Delete(ctx, account, list[1].ID))
		_, err = contacts.NewProperties(s).Get(ctx, account, "plan")
		require.True(t, fault.Is(err, fault.NotFound))
	})
}
