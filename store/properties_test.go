package store_test

import (
	"encoding/json"
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"carillon/contacts"
	"carillon/contacts/property"
	"carillon/internal/fault"
	"carillon/store"
	"carillon/store/storetest"
)

func TestProperties(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *storetest.Store) {
		ctx := t.Context()
		account, other := s.Account("one"), s.Account("other")
		p := property.Property{
			AccountID: account, Key: "size", Label: "Größe", Type: property.Number, Rule: ">=2 <=9", Default: json.RawMessage("5"),
			Expires: time.Hour, Editable: true, Hidden: true, Position: 7, Filterable: true,
		}
		made, err := s.CreateProperty(ctx, p)
		require.NoError(t, err)
		p.ID, p.CreatedAt, p.UpdatedAt = made.ID, made.CreatedAt, made.UpdatedAt
		require.Equal(t, p, made)
		_, err = s.CreateProperty(ctx, p)
		require.True(t, fault.Is(err, fault.Conflict))
		require.Contains(t, err.Error(), "size")
		p.AccountID = other
		_, err = s.CreateProperty(ctx, p)
		require.NoError(t, err, "another account has its own")
		first, err := s.CreateProperty(ctx, property.Property{AccountID: account, Key: "zoo", Type: property.Collection, Default: json.RawMessage(`["a","\u000a"]`)})
		require.NoError(t, err)
		require.JSONEq(t, `["a","\n"]`, string(first.Default))
		require.Zero(t, first.Expires)
		list, err := s.ListProperties(ctx, account)
		require.NoError(t, err)
		require.Equal(t, []property.Property{first, made}, list, "by position")
		got, err := s.GetProperty(ctx, account, "size")
		require.NoError(t, err)
		require.Equal(t, made, got)
		_, err = s.GetProperty(ctx, other, "zoo")
		require.True(t, fault.Is(err, fault.NotFound))

		for i := len(list); i < contacts.MaxProperties; i++ {
			_, err := s.CreateProperty(ctx, property.Property{AccountID: account, Key: fmt.Sprintf("p%d", i), Type: property.Text})
			require.NoError(t, err)
		}
		_, err = s.CreateProperty(ctx, property.Property{AccountID: account, Key: "one_more", Type: property.Text})
		require.True(t, fault.Is(err, fault.Conflict))
		_, err = s.DeleteProperty(ctx, other, "zoo")
		require.True(t, fault.Is(err, fault.NotFound))
	})
}

func TestValuesAreConvertedAllOrNone(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *storetest.Store) {
		ctx := t.Context()
		account, other := s.Account("one"), s.Account("other")
		properties := contacts.NewProperties(s)
		for _, id := range []int64{account, other} {
			_, err := properties.Create(ctx, property.Property{AccountID: id, Key: "age", Type: property.Text})
			require.NoError(t, err)
		}
		const n = store.ValuesAtOnce + 7
		store.WithValues(t, s.Store, store.Valued{Account: account, Key: "age", N: n, Value: func(i int) string {
			switch i {
			case 3:
				return ""
			case 5:
				return `"Five"`
			}
			return fmt.Sprintf(`"%d,5"`, i)
		}})
		store.WithValues(t, s.Store, store.Valued{Account: other, Key: "age", N: 1, Value: func(int) string { return `"Old"` }})
		before := store.ColumnsOf(t, s.Store, "attributes")

		number := property.Number
		change := contacts.PropertyChange{Type: &number}
		after, effect, err := properties.Update(ctx, account, "age", change, true)
		require.NoError(t, err)
		require.Equal(t, property.Number, after.Type)
		require.EqualValues(t, n-1, effect.Values)
		require.EqualValues(t, n-2, effect.Converted)
		require.EqualValues(t, 1, effect.Refused)
		require.Equal(t, `"Five"`, string(effect.Examples[0].Value))
		_, _, err = properties.Update(ctx, account, "age", change, false)
		require.True(t, fault.Is(err, fault.Conflict))
		require.Contains(t, err.Error(), `got "Five"`)
		require.Contains(t, err.Error(), fmt.Sprintf("contact %d", effect.Examples[0].ContactID))
		require.Equal(t, before, store.ColumnsOf(t, s.Store, "attributes"), "nothing was changed")
		still, err := properties.Get(ctx, account, "age")
		require.NoError(t, err)
		require.Equal(t, property.Text, still.Type)

		s.Exec(`UPDATE contacts SET attributes = '{"age":"5","other":"Ä"}' WHERE id = ?`, effect.Examples[0].ContactID)
		after, effect, err = properties.Update(ctx, account, "age", change, false)
		require.NoError(t, err)
		require.Equal(t, property.Number, after.Type)
		require.Equal(t, contacts.PropertyEffect{Values: n - 1, Converted: n - 1}, effect)
		got, folded := store.ColumnsOf(t, s.Store, "attributes"), store.ColumnsOf(t, s.Store, "folded")
		require.JSONEq(t, `{"age":0.5,"other":"Ä"}`, got[0])
		require.JSONEq(t, `{"name":"name 0","attributes.other":"ä"}`, folded[0])
		require.JSONEq(t, `{}`, got[3])
		require.JSONEq(t, fmt.Sprintf(`{"age":%d.5,"other":"Ä"}`, n-1), got[n-1], "the last of the second batch")
		require.JSONEq(t, `{"age":"Old","other":"Ä"}`, got[n], "another account's")

		// A stricter rule finds what breaks it.
		strict := "<1000"
		_, _, err = properties.Update(ctx, account, "age", contacts.PropertyChange{Rule: &strict}, false)
		require.True(t, fault.Is(err, fault.Conflict))
		require.Contains(t, err.Error(), fmt.Sprintf("%d of the %d", n-1000, n-1))
		// What two change at once is changed by one of them.
		label := "Alter"
		changed := after
		changed.Label = label
		_, _, err = s.ChangeProperty(ctx, still, changed, nil)
		require.True(t, fault.Is(err, fault.Conflict))
		_, _, err = properties.Update(ctx, account, "age", contacts.PropertyChange{Label: &label}, false)
		require.NoError(t, err)

		effect, err = properties.Delete(ctx, account, "age", true)
		require.NoError(t, err)
		require.EqualValues(t, n-1, effect.Values)
		effect, err = properties.Delete(ctx, account, "age", false)
		require.NoError(t, err)
		require.EqualValues(t, n-1, effect.Values)
		got = store.ColumnsOf(t, s.Store, "attributes")
		require.JSONEq(t, `{"other":"Ä"}`, got[0])
		require.JSONEq(t, `{"age":"Old","other":"Ä"}`, got[n])
		_, err = properties.Delete(ctx, account, "age", false)
		require.True(t, fault.Is(err, fault.NotFound))
	})
}
