package contacts

import (
	"context"
	"encoding/json"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"carillon/internal/fault"
	"carillon/providers"
)

// oneContact is a store that holds a single contact and notes what it is asked.
type oneContact struct {
	ErasureStore
	contact Contact
	filters []ContactFilter
}

func (s *oneContact) CreateContact(_ context.Context, c Contact) (Contact, error) {
	s.contact = c
	return c, nil
}

func (s *oneContact) CreateContactIn(ctx context.Context, c Contact, _ Joining) (Contact, error) {
	return s.CreateContact(ctx, c)
}

func (s *oneContact) GetContact(context.Context, int64, int64) (Contact, error) {
	return s.contact, nil
}

func (s *oneContact) UpdateContact(_ context.Context, _, _ int64, change func(*Contact) error) (Contact, error) {
	changed := s.contact
	if err := change(&changed); err != nil {
		return Contact{}, err
	}
	s.contact = changed
	return changed, nil
}

func (s *oneContact) SetValues(context.Context, int64, []int64, string, json.RawMessage) (int64, error) {
	return 0, nil
}

func (s *oneContact) DeleteContact(context.Context, int64, int64) error { return nil }

func (s *oneContact) MergeContacts(context.Context, Merging) (Merge, error) {
	return Merge{}, nil
}

func (s *oneContact) ListContacts(_ context.Context, f ContactFilter) ([]Contact, error) {
	s.filters = append(s.filters, f)
	if f.Address == "ann@example.com" {
		return []Contact{s.contact}, nil
	}
	return nil, nil
}

func fieldsOf(t *testing.T, err error) []string {
	t.Helper()
	var wrong *fault.Error
	require.ErrorAs(t, err, &wrong)
	require.Equal(t, fault.Invalid, wrong.Code)
	var locations []string
	for _, f := range wrong.Fields {
		require.NotEmpty(t, f.Message)
		locations = append(locations, f.Location)
	}
	return locations
}

func TestContactsAreNormalized(t *testing.T) {
	s := NewContacts(&oneContact{})
	c, err := s.Create(t.Context(), Contact{
		ExternalID: " 7 ", Name: "Ann   Lee", Language: "DE-at", Timezone: "Europe/Vienna",
		Addresses: map[providers.AddressKind]string{providers.Email: " Ann.Lee@Bücher.Example ", providers.Phone: "030 1234567"},
	}, "DE")
	require.NoError(t, err)
	require.Equal(t, Contact{
		ExternalID: "7", Name: "Ann Lee", Language: "de-AT", Timezone: "Europe/Vienna", Status: Active,
		Addresses: map[providers.AddressKind]string{providers.Email: "ann.lee@xn--bcher-kva.example", providers.Phone: "+49301234567"},
	}, c)

	_, err = s.Create(t.Context(), Contact{
		ExternalID: "a\x00b", Name: strings.Repeat("x", 256), Language: "Klingonisch", Timezone: "Mars/Olympus", Status: Deleted,
		Addresses: map[providers.AddressKind]string{providers.Email: "nobody"},
	}, "")
	require.Equal(t, []string{"external_id", "name", "language", "timezone", "status", "addresses.email"}, fieldsOf(t, err))
	_, err = s.Create(t.Context(), Contact{Addresses: map[providers.AddressKind]string{"pigeon": "coo"}}, "")
	require.Equal(t, []string{"addresses.pigeon"}, fieldsOf(t, err))
	_, err = s.Create(t.Context(), Contact{Addresses: map[providers.AddressKind]string{providers.Phone: "030 1234567"}}, "")
	require.Equal(t, []string{"addresses.phone"}, fieldsOf(t, err), "no country")
	_, err = s.Create(t.Context(), Contact{Name: "Ann"}, "")
	require.Equal(t, []string{"addresses"}, fieldsOf(t, err), "not reachable and known by nothing")
}

func TestContactChanges(t *testing.T) {
	store := &oneContact{}
	s := NewContacts(store)
	_, err := s.Create(t.Context(), Contact{
		ExternalID: "7", Name: "Ann",
		Addresses: map[providers.AddressKind]string{providers.Email: "ann@example.com", providers.Phone: "+49301234567"},
	}, "")
	require.NoError(t, err)
	name, none, blocked := "Anna", "", Blocked
	c, err := s.Update(t.Context(), 1, 1, ContactChange{
		Name: &name, ExternalID: &none, Status: &blocked,
		Addresses: map[providers.AddressKind]string{providers.Phone: "", providers.Email: "Anna@example.com"},
	})
	require.NoError(t, err)
	require.Equal(t, Contact{Name: "Anna", Status: Blocked, Addresses: map[providers.AddressKind]string{providers.Email: "anna@example.com"}}, c)

	_, err = s.Update(t.Context(), 1, 1, ContactChange{Addresses: map[providers.AddressKind]string{providers.Email: ""}})
	require.Equal(t, []string{"addresses"}, fieldsOf(t, err))
	require.Equal(t, c, store.contact, "a refused change changes nothing")
}

func TestSearchTakesTheIndexForAddresses(t *testing.T) {
	store := &oneContact{contact: Contact{ID: 7}}
	s := NewContacts(store)
	found, err := s.Search(t.Context(), ContactFilter{AccountID: 1, Text: " Ann@Example.com", Limit: 5})
	require.NoError(t, err)
	require.Len(t, found, 1)
	require.Equal(t, []ContactFilter{{AccountID: 1, Kind: providers.Email, Address: "ann@example.com", Limit: 5}}, store.filters)
	store.filters = nil
	found, err = s.Search(t.Context(), ContactFilter{AccountID: 1, Text: "ann", Limit: 5})
	require.NoError(t, err)
	require.Empty(t, found)
	require.Equal(t, []ContactFilter{{AccountID: 1, Text: "ann", Limit: 5}}, store.filters)
	for _, text := range []string{strings.Repeat("x", 1021), "a\x00b", "\xFF"} {
		_, err = s.Search(t.Context(), ContactFilter{Text: text})
		require.Equal(t, []string{"q"}, fieldsOf(t, err))
	}
	_, err = s.Search(t.Context(), ContactFilter{ExternalID: "\x00"})
	require.Equal(t, []string{"external_id"}, fieldsOf(t, err))
}

// noLists is a store that is never reached.
type noLists struct{ ListStore }

func TestListsRefuse(t *testing.T) {
	s := NewLists(noLists{})
	for kind, most := range map[ListKind]int{Group: 255, Category: 100, Label: 255} {
		for _, name := range []string{"", "  ", "a\x07b", "\xff", strings.Repeat("ü", most+1)} {
			_, err := s.Create(t.Context(), List{AccountID: 1, Kind: kind, Name: name})
			require.Equal(t, []string{"name"}, fieldsOf(t, err))
		}
		_, err := s.Create(t.Context(), List{AccountID: 1, Kind: kind, Name: "x", Description: strings.Repeat("x", 1001)})
		require.Equal(t, []string{"description"}, fieldsOf(t, err))
	}
	for _, ids := range [][]int64{nil, make([]int64, maxMembersAtOnce+1)} {
		_, err := s.Add(t.Context(), MemberChange{AccountID: 1, Kind: Group, ListID: 1, Contacts: ids})
		require.Equal(t, []string{"contacts"}, fieldsOf(t, err))
		_, err = s.Remove(t.Context(), MemberChange{AccountID: 1, Kind: Group, ListID: 1, Contacts: ids})
		require.Equal(t, []string{"contacts"}, fieldsOf(t, err))
	}
}
