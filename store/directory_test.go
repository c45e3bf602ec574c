package store_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"carillon/contacts"
	"carillon/contacts/property"
	"carillon/internal/clock"
	"carillon/internal/fault"
	"carillon/providers"
	"carillon/store/storetest"
	"carillon/targeting"
)

var directoryBegins = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

func TestDirectory(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *storetest.Store) {
		ctx := t.Context()
		now := clock.NewFake(directoryBegins)
		s.Clock.Set(now)
		account := s.Account("one")
		_, err := s.CreateProperty(ctx, property.Property{AccountID: account, Key: "size", Type: property.Number, Expires: time.Hour})
		require.NoError(t, err)
		var ids []int64
		for i, name := range []string{"Cy", "Ada", "bob", "Gone"} {
			now.Advance(time.Second)
			c, err := s.CreateContact(ctx, contacts.Contact{
				AccountID: account, Name: name, Status: contacts.Active, Given: map[string]json.RawMessage{"size": json.RawMessage("7")},
				Addresses: map[providers.AddressKind]string{providers.WhatsApp: fmt.Sprintf("+4915112345%03d", i), providers.Email: fmt.Sprintf("p%d@example.org", i)},
			})
			require.NoError(t, err)
			ids = append(ids, c.ID)
		}
		require.NoError(t, s.DeleteContact(ctx, account, ids[3]))
		_, err = s.SuppressAll(ctx, account, []contacts.Suppression{{Kind: providers.WhatsApp, Address: "+4915112345000", Reason: contacts.Bounced}}, "test", "me")
		require.NoError(t, err)
		rules := targeting.NewRules(s)
		names := func(f targeting.DirectoryFilter) (names []string) {
			f.AccountID, f.Kinds = account, []providers.AddressKind{providers.WhatsApp}
			if f.Limit == 0 {
				f.Limit = 10
			}
			list, err := rules.Directory(ctx, f)
			require.NoError(t, err)
			for _, e := range list {
				require.Equal(t, providers.WhatsApp, e.Kind)
				names = append(names, e.Name)
			}
			return names
		}
		require.Equal(t, []string{"Cy", "Ada", "bob"}, names(targeting.DirectoryFilter{}))
		require.Equal(t, []string{"bob", "Ada", "Cy"}, names(targeting.DirectoryFilter{Descending: true}))
		require.Equal(t, []string{"Ada", "bob", "Cy"}, names(targeting.DirectoryFilter{Order: targeting.ByName}))
		require.Equal(t, []string{"bob"}, names(targeting.DirectoryFilter{Order: targeting.ByName, Offset: 1, Limit: 1}))
		require.Equal(t, []string{"Ada"}, names(targeting.DirectoryFilter{Addresses: []string{"+4915112345001", "+1"}}))
		require.Empty(t, names(targeting.DirectoryFilter{Addresses: []string{}}))
		reached, not := true, false
		require.Equal(t, []string{"Ada", "bob"}, names(targeting.DirectoryFilter{Reached: &reached, Order: targeting.ByAddress}))
		require.Equal(t, []string{"Cy"}, names(targeting.DirectoryFilter{Reached: &not}))
		require.Equal(t, []string{"Cy"}, names(targeting.DirectoryFilter{Among: targeting.Audience{Contacts: ids[:1]}}))

		// Who is stopped, in whatever way, is so from then on, and not any more when started.
		now.Advance(time.Minute)
		stoppedAt := now.Now()
		stop := func(c *contacts.Contact) error { c.Status = contacts.Inactive; return nil }
		_, err = s.UpdateContact(ctx, account, ids[0], stop)
		require.NoError(t, err)
		now.Advance(time.Minute)
		_, err = s.UpdateContact(ctx, account, ids[0], stop)
		require.NoError(t, err)
		_, err = s.CreateJob(ctx, targeting.Job{AccountID: account, Kind: targeting.BulkJob, Bulk: targeting.Bulk{
			Action: targeting.BulkBlock, Audience: targeting.Audience{Contacts: ids[1:2]},
		}})
		require.NoError(t, err)
		_, err = s.RunJobBatch(ctx)
		require.NoError(t, err)
		list, err := rules.Directory(ctx, targeting.DirectoryFilter{
			AccountID: account, Kinds: []providers.AddressKind{providers.WhatsApp, providers.Email}, Order: targeting.ByStopped, Descending: true,
			Attributes: true, Limit: 10,
		})
		require.NoError(t, err)
		require.Len(t, list, 6)
		require.Equal(t, "Ada", list[0].Name)
		require.Equal(t, stoppedAt.Add(time.Minute), *list[0].StoppedAt)
		require.Equal(t, stoppedAt, *list[2].StoppedAt)
		require.Equal(t, []string{"", "bounced"}, []string{list[2].Suppressed, list[3].Suppressed}, "e-mail, then WhatsApp")
		require.Nil(t, list[4].StoppedAt)
		require.JSONEq(t, `{"size":7}`, list[4].Attributes.JSON())
		_, err = s.UpdateContact(ctx, account, ids[0], func(c *contacts.Contact) error { c.Status = contacts.Active; return nil })
		require.NoError(t, err)
		now.Advance(time.Hour)
		list, err = rules.Directory(ctx, targeting.DirectoryFilter{
			AccountID: account, Kinds: []providers.AddressKind{providers.WhatsApp}, Order: targeting.ByContactID, Attributes: true, Limit: 1,
		})
		require.NoError(t, err)
		require.Nil(t, list[0].StoppedAt)
		require.Empty(t, list[0].Attributes, "it has ended")

		_, err = rules.Directory(ctx, targeting.DirectoryFilter{AccountID: account, Offset: -1})
		require.True(t, fault.Is(err, fault.Invalid))
		_, err = rules.Directory(ctx, targeting.DirectoryFilter{AccountID: account, Order: "1; DROP TABLE contacts"})
		require.True(t, fault.Is(err, fault.Invalid))
	})
}

// A file stops people as anything else does.
func TestAFileStopsPeople(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *storetest.Store) {
		ctx := t.Context()
		now := clock.NewFake(directoryBegins)
		s.Clock.Set(now)
		account := s.Account("one")
		im := contacts.NewImporter(s, s, contacts.ImportConfig{Clock: now})
		for _, file := range []string{"id,messenger,name\n4915112345671,WB,Ada\n", "id,messenger,activated\n4915112345671,WB,0\n"} {
			now.Advance(time.Minute)
			u, err := im.Take(ctx, account, "a.csv", strings.NewReader(file), contacts.ImportOptions{})
			require.NoError(t, err)
			require.NoError(t, im.Run(ctx, u.ID))
		}
		stoppedAt := now.Now()
		now.Advance(time.Minute)
		list, err := targeting.NewRules(s).Directory(ctx, targeting.DirectoryFilter{AccountID: account, Kinds: []providers.AddressKind{providers.WhatsApp}, Limit: 2})
		require.NoError(t, err)
		require.Len(t, list, 1)
		require.Equal(t, contacts.Inactive, list[0].Status)
		require.Equal(t, stoppedAt, *list[0].StoppedAt)
	})
}

func TestValuesOfManyAreSetTogether(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *storetest.Store) {
		ctx := t.Context()
		account := s.Account("one")
		_, err := s.CreateProperty(ctx, property.Property{AccountID: account, Key: "size", Type: property.Number, Rule: "<=9"})
		require.NoError(t, err)
		var ids []int64
		for _, id := range []string{"a", "b"} {
			c, err := s.CreateContact(ctx, contacts.Contact{AccountID: account, ExternalID: id, Status: contacts.Active})
			require.NoError(t, err)
			ids = append(ids, c.ID)
		}
		service := contacts.NewContacts(s)
		n, err := service.SetValues(ctx, account, ids, "size", json.RawMessage("7"))
		require.NoError(t, err)
		require.EqualValues(t, 2, n)
		for value, key := range map[string]string{"10": "size", "1": "shape"} {
			_, err = service.SetValues(ctx, account, ids, key, json.RawMessage(value))
			require.True(t, fault.Is(err, fault.Invalid), value)
		}
		for _, id := range ids {
			c, err := s.GetContact(ctx, account, id)
			require.NoError(t, err)
			require.JSONEq(t, `{"size":7}`, c.Attributes.JSON())
		}
		n, err = service.SetValues(ctx, account, ids[:1], "size", json.RawMessage("null"))
		require.NoError(t, err)
		require.EqualValues(t, 1, n)
		_, err = service.SetValues(ctx, account, nil, "size", nil)
		require.True(t, fault.Is(err, fault.Invalid))
	})
}

// Clients have the numbers of categories in their code.
func TestCategoriesHaveNumbers(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *storetest.Store) {
		ctx := t.Context()
		account := s.Account("one")
		lists := contacts.NewLists(s)
		create := func(name string, slot int) (contacts.List, error) {
			return lists.Create(ctx, contacts.List{AccountID: account, Kind: contacts.Category, Name: name, Slot: slot})
		}
		_, err := lists.Create(ctx, contacts.List{AccountID: account, Kind: contacts.Label, Name: "VIP", Color: "#bada55", TextColor: "C0FFEE"})
		require.NoError(t, err)
		var second contacts.List
		for i := 1; i <= contacts.MaxSlots; i++ {
			made, err := create(fmt.Sprint("topic ", i), contacts.AnySlot)
			require.NoError(t, err)
			require.Equal(t, i, made.Slot)
			if i == 2 {
				second = made
			}
		}
		_, err = create("one too many", contacts.AnySlot)
		require.True(t, fault.Is(err, fault.Conflict))
		eleventh, err := create("eleventh", 0)
		require.NoError(t, err)
		require.Zero(t, eleventh.Slot)
		require.NoError(t, lists.Delete(ctx, account, contacts.Category, second.ID))
		again, err := create("again", contacts.AnySlot)
		require.NoError(t, err)
		require.Equal(t, 2, again.Slot)

		labels, err := lists.List(ctx, account, contacts.Label, 0, 10)
		require.NoError(t, err)
		require.Equal(t, []string{"BADA55", "C0FFEE"}, []string{labels[0].Color, labels[0].TextColor})
		other := "00ff00"
		changed, err := lists.Update(ctx, account, contacts.Label, labels[0].ID, contacts.ListChange{Color: &other})
		require.NoError(t, err)
		require.Equal(t, "00FF00", changed.Color)
		wrong := "green"
		_, err = lists.Update(ctx, account, contacts.Label, labels[0].ID, contacts.ListChange{TextColor: &wrong})
		require.True(t, fault.Is(err, fault.Invalid))
	})
}

func TestPropertiesHaveNames(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *storetest.Store) {
		ctx := t.Context()
		account := s.Account("one")
		properties := contacts.NewProperties(s)
		create := func(name string) (property.Property, error) {
			return properties.Create(ctx, property.Property{AccountID: account, Name: name, Type: property.Text})
		}
		keys := map[string]string{"Hair-Color": "hair_color", "hair-color": "hair_color_2", "9lives": "p_9lives", "Größe": "gr__e", "plain": "plain"}
		for _, name := range []string{"Hair-Color", "hair-color", "9lives", "Größe", "plain"} {
			p, err := create(name)
			require.NoError(t, err, name)
			require.Equal(t, keys[name], p.Key)
			for _, called := range []string{name, p.Key, fmt.Sprint(p.ID)} {
				found, err := properties.Find(ctx, account, called)
				require.NoError(t, err)
				require.Equal(t, p, found)
			}
		}
		for _, name := range []string{"Hair-Color", "hair_color", "plain"} {
			_, err := create(name)
			require.True(t, fault.Is(err, fault.Conflict), name)
		}
		for _, name := range []string{"hair color", "a$b", "a|b"} {
			_, err := create(name)
			require.True(t, fault.Is(err, fault.Invalid), name)
		}
		_, err := properties.Find(ctx, account, "shoe")
		require.True(t, fault.Is(err, fault.NotFound))
		taken := "plain"
		_, _, err = properties.Update(ctx, account, "hair_color", contacts.PropertyChange{Name: &taken}, false)
		require.True(t, fault.Is(err, fault.Conflict))

		im := contacts.NewImporter(s, s, contacts.ImportConfig{})
		u, err := im.Take(ctx, account, "a.csv", strings.NewReader("phone,9lives\n+4915112345671,seven\n"), contacts.ImportOptions{})
		require.NoError(t, err)
		require.NoError(t, im.Run(ctx, u.ID))
		c, err := s.FindContact(ctx, account, providers.Phone, "+4915112345671")
		require.NoError(t, err)
		require.JSONEq(t, `{"p_9lives":"seven"}`, c.Attributes.JSON())
	})
}
