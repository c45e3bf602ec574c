package store_test

import (
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"carillon/contacts"
	"carillon/internal/fault"
	"carillon/providers"
	"carillon/store/storetest"
)

// addressesOf is the addresses of a contact that has an e-mail address, and
// perhaps a phone number.
func addressesOf(email string, phone ...string) map[providers.AddressKind]string {
	addresses := map[providers.AddressKind]string{providers.Email: email}
	if len(phone) > 0 {
		addresses[providers.Phone] = phone[0]
	}
	return addresses
}

func testContact(t testing.TB, s *storetest.Store, account int64, email string) contacts.Contact {
	t.Helper()
	c, err := s.CreateContact(t.Context(), contacts.Contact{AccountID: account, Status: contacts.Active, Addresses: addressesOf(email)})
	require.NoError(t, err)
	return c
}

func TestContacts(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *storetest.Store) {
		ctx, now := t.Context(), s.FakeTime()
		account, other := s.Account("one"), s.Account("other")
		want := contacts.Contact{
			AccountID: account, ExternalID: "c-1", Name: "Zoë Müller", FirstName: "Zoë", LastName: "Müller", Language: "de-AT",
			Timezone: "Europe/Vienna", Status: contacts.Active, Addresses: addressesOf("zoe@example.com", "+43123456789"),
		}
		made, err := s.CreateContact(ctx, want)
		require.NoError(t, err)
		want.ID, want.CreatedAt, want.UpdatedAt = made.ID, now.Now(), now.Now()
		require.Equal(t, want, made)
		got, err := s.GetContact(ctx, account, made.ID)
		require.NoError(t, err)
		require.Equal(t, want, got)
		got, err = s.FindContact(ctx, account, providers.Phone, "+43123456789")
		require.NoError(t, err)
		require.Equal(t, want, got)

		_, err = s.GetContact(ctx, other, made.ID)
		require.True(t, fault.Is(err, fault.NotFound))
		_, err = s.FindContact(ctx, other, providers.Phone, "+43123456789")
		require.True(t, fault.Is(err, fault.NotFound))
		stranger := want
		stranger.AccountID = other
		_, err = s.CreateContact(ctx, stranger)
		require.NoError(t, err, "accounts share nothing")

		now.Advance(time.Second)
		changed, err := s.UpdateContact(ctx, account, made.ID, func(c *contacts.Contact) error {
			c.ExternalID, c.Status = "", contacts.Blocked
			c.Addresses = addressesOf("zoe@example.org")
			return nil
		})
		require.NoError(t, err)
		require.Empty(t, changed.ExternalID)
		require.Equal(t, contacts.Blocked, changed.Status)
		require.Equal(t, addressesOf("zoe@example.org"), changed.Addresses)
		require.True(t, changed.UpdatedAt.After(changed.CreatedAt))
		refused := errors.New("not like this")
		_, err = s.UpdateContact(ctx, account, made.ID, func(c *contacts.Contact) error { c.Name = "x"; return refused })
		require.ErrorIs(t, err, refused)
		got, err = s.GetContact(ctx, account, made.ID)
		require.NoError(t, err)
		require.Equal(t, changed, got)

		require.True(t, fault.Is(s.DeleteContact(ctx, other, made.ID), fault.NotFound))
		require.NoError(t, s.DeleteContact(ctx, account, made.ID))
		require.NoError(t, s.DeleteContact(ctx, account, made.ID), "again changes nothing")
		got, err = s.GetContact(ctx, account, made.ID)
		require.NoError(t, err)
		require.Equal(t, contacts.Deleted, got.Status)
		_, err = s.CreateContact(ctx, contacts.Contact{AccountID: account, Status: contacts.Active, Addresses: addressesOf("zoe@example.org")})
		require.True(t, fault.Is(err, fault.Conflict), "it keeps its addresses")
		require.Contains(t, err.Error(), fmt.Sprintf("contact %d", made.ID))
		found, err := s.ListContacts(ctx, contacts.ContactFilter{AccountID: account, Limit: 10})
		require.NoError(t, err)
		require.Empty(t, found)
		found, err = s.ListContacts(ctx, contacts.ContactFilter{AccountID: account, Status: contacts.Deleted, Limit: 10})
		require.NoError(t, err)
		require.Len(t, found, 1)
	})
}

func TestNoTwoContactsHoldOneAddress(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *storetest.Store) {
		ctx := t.Context()
		account := s.Account("one")
		first, err := s.CreateContact(ctx, contacts.Contact{
			AccountID: account, ExternalID: "c-1", Status: contacts.Active, Addresses: addressesOf("a@example.com", "+43123456789"),
		})
		require.NoError(t, err)
		_, err = s.CreateContact(ctx, contacts.Contact{
			AccountID: account, ExternalID: "c-1", Status: contacts.Active, Addresses: addressesOf("a@example.com", "+43123456789"),
		})
		require.True(t, fault.Is(err, fault.Conflict))
		var conflict *fault.Error
		require.ErrorAs(t, err, &conflict)
		require.Len(t, conflict.Fields, 3)
		for i, location := range []string{"external_id", "addresses.email", "addresses.phone"} {
			require.Equal(t, location, conflict.Fields[i].Location)
			require.Contains(t, conflict.Fields[i].Message, fmt.Sprintf("contact %d", first.ID))
		}
		second := testContact(t, s, account, "b@example.com")
		_, err = s.UpdateContact(ctx, account, second.ID, func(c *contacts.Contact) error {
			c.Addresses[providers.Email] = "a@example.com"
			return nil
		})
		require.True(t, fault.Is(err, fault.Conflict))

		// Of several at once exactly one gets the address, the others are told.
		errs := make([]error, 8)
		var wait sync.WaitGroup
		for i := range errs {
			wait.Go(func() {
				_, errs[i] = s.CreateContact(ctx, contacts.Contact{AccountID: account, Status: contacts.Active, Addresses: addressesOf("race@example.com")})
			})
		}
		wait.Wait()
		made := 0
		for _, err := range errs {
			if err == nil {
				made++
				continue
			}
			require.True(t, fault.Is(err, fault.Conflict), "%v", err)
		}
		require.Equal(t, 1, made)
	})
}

func TestListContacts(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *storetest.Store) {
		ctx := t.Context()
		account, other := s.Account("one"), s.Account("other")
		testContact(t, s, other, "c0@example.com")
		var ids []int64
		for i := range 5 {
			c, err := s.CreateContact(ctx, contacts.Contact{
				AccountID: account, ExternalID: fmt.Sprintf("No%%_%d", i), FirstName: "Ann", LastName: strings.Repeat("X", i) + "y",
				Status: contacts.Active, Addresses: addressesOf(fmt.Sprintf("c%d@example.com", i)),
			})
			require.NoError(t, err)
			ids = append(ids, c.ID)
		}
		group, err := s.CreateGroup(ctx, account, "some")
		require.NoError(t, err)
		_, err = s.AddMembers(ctx, inGroup(account, group.ID, ids[1:3]...))
		require.NoError(t, err)

		for name, test := range map[string]struct {
			filter contacts.ContactFilter
			want   []int64
		}{
			"everybody":       {contacts.ContactFilter{}, ids},
			"a page":          {contacts.ContactFilter{After: ids[1], Limit: 2}, ids[2:4]},
			"a group":         {contacts.ContactFilter{Group: group.ID}, ids[1:3]},
			"an address":      {contacts.ContactFilter{Kind: providers.Email, Address: "c3@example.com"}, ids[3:4]},
			"an external id":  {contacts.ContactFilter{ExternalID: "No%_2"}, ids[2:3]},
			"part of a name":  {contacts.ContactFilter{Text: "xxy"}, ids[2:]},
			"part of address": {contacts.ContactFilter{Text: "C1@EX"}, ids[1:2]},
			"no wildcards":    {contacts.ContactFilter{Text: "%_4"}, ids[4:]},
			"nobody":          {contacts.ContactFilter{Text: "nobody"}, nil},
			"all at once":     {contacts.ContactFilter{Group: group.ID, Text: "ann", ExternalID: "No%_2"}, ids[2:3]},
		} {
			test.filter.AccountID = account
			if test.filter.Limit == 0 {
				test.filter.Limit = 10
			}
			found, err := s.ListContacts(ctx, test.filter)
			require.NoError(t, err, name)
			var got []int64
			for _, c := range found {
				got = append(got, c.ID)
				require.NotEmpty(t, c.Addresses)
			}
			require.Equal(t, test.want, got, name)
		}
	})
}
