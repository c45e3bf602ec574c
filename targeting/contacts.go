package targeting

import (
	"context"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"carillon/internal/fault"
	"carillon/providers"
	"carillon/targeting/csvfile"
)

// ContactFilter selects contacts. What is empty does not restrict.
type ContactFilter struct {
	AccountID int64
	// Text occurs in a name, the external id or an address, whatever the case.
	Text string
	// Kind and Address, which must be normal, select the contact that holds an
	// address.
	Kind       providers.AddressKind
	Address    string
	ExternalID string
	// Group selects the members of a group or an upload.
	Group int64
	// After is the id behind which the list goes on; Limit is how many there are
	// at most.
	After int64
	Limit int
}

// ContactStore keeps contacts.
type ContactStore interface {
	CreateContact(ctx context.Context, c Contact) (Contact, error)
	GetContact(ctx context.Context, accountID, id int64) (Contact, error)
	UpdateContact(ctx context.Context, accountID, id int64, change func(*Contact) error) (Contact, error)
	DeleteContact(ctx context.Context, accountID, id int64) error
	ListContacts(ctx context.Context, f ContactFilter) ([]Contact, error)
}

// Contacts is the service for contacts. It is safe for concurrent use.
type Contacts struct{ store ContactStore }

// NewContacts makes the service.
func NewContacts(store ContactStore) *Contacts { return &Contacts{store: store} }

// Get is one contact.
func (s *Contacts) Get(ctx context.Context, accountID, id int64) (Contact, error) {
	return s.store.GetContact(ctx, accountID, id)
}

// Delete forgets a contact. Its suppressions stay.
func (s *Contacts) Delete(ctx context.Context, accountID, id int64) error {
	return s.store.DeleteContact(ctx, accountID, id)
}

// Create checks and keeps a new contact. country is the ISO 3166 code for a
// phone number without +, and may be empty. An address or external id that
// another contact holds is a Conflict that names the contact.
func (s *Contacts) Create(ctx context.Context, c Contact, country string) (Contact, error) {
	if c.Status == "" {
		c.Status = Active
	}
	if err := normalize(&c, country); err != nil {
		return Contact{}, err
	}
	return s.store.CreateContact(ctx, c)
}

// ContactChange is what is to become of a contact; nil leaves a field as it is
// and an empty text erases it.
type ContactChange struct {
	ExternalID, Name, FirstName, LastName, Language, Timezone *string
	Status                                                    *ContactStatus
	// Addresses changes the kinds that it names.
	Addresses map[providers.AddressKind]string
	// Country is the ISO 3166 code for a phone number without +; may be empty.
	Country string
}

// Update changes a contact.
func (s *Contacts) Update(ctx context.Context, accountID, id int64, change ContactChange) (Contact, error) {
	return s.store.UpdateContact(ctx, accountID, id, func(c *Contact) error {
		for _, field := range []struct {
			to   *string
			from *string
		}{
			{&c.ExternalID, change.ExternalID},
			{&c.Name, change.Name},
			{&c.FirstName, change.FirstName},
			{&c.LastName, change.LastName},
			{&c.Language, change.Language},
			{&c.Timezone, change.Timezone},
		} {
			if field.from != nil {
				*field.to = *field.from
			}
		}
		if change.Status != nil {
			c.Status = *change.Status
		}
		for kind, address := range change.Addresses {
			c.Addresses[kind] = address
		}
		return normalize(c, change.Country)
	})
}

// maxSearched is the longest text to search for: no field that is searched is
// longer, in characters.
const maxSearched = csvfile.MaxIDLength

// Search lists contacts. A text that is an address as a whole selects whoever
// holds it, by the index; any other is looked for inside the fields, which
// reads the contacts one by one.
func (s *Contacts) Search(ctx context.Context, f ContactFilter) ([]Contact, error) {
	for location, text := range map[string]string{"q": f.Text, "external_id": f.ExternalID} {
		if len(text) > maxSearched*utf8.UTFMax || !utf8.ValidString(text) || strings.ContainsFunc(text, unicode.IsControl) {
			return nil, fault.InvalidField(location, nil, "is not text of at most %d bytes without control characters", maxSearched*utf8.UTFMax)
		}
	}
	for _, kind := range kinds {
		if f.Text == "" || f.Kind != "" {
			break
		}
		address, err := NormalAddress(kind, f.Text, "")
		if err != nil {
			continue
		}
		exact := f
		exact.Text, exact.Kind, exact.Address = "", kind, address
		if found, err := s.store.ListContacts(ctx, exact); err != nil || len(found) > 0 {
			return found, err
		}
	}
	return s.store.ListContacts(ctx, f)
}

// normalize checks a contact and brings everything into the form in which it is
// stored; the error names every field that is wrong.
func normalize(c *Contact, country string) error {
	var wrong []fault.Field
	for _, field := range []struct {
		name  csvfile.Field
		value *string
	}{
		{csvfile.FieldExternalID, &c.ExternalID},
		{csvfile.FieldName, &c.Name},
		{csvfile.FieldFirstName, &c.FirstName},
		{csvfile.FieldLastName, &c.LastName},
		{csvfile.FieldLanguage, &c.Language},
		{csvfile.FieldTimezone, &c.Timezone},
	} {
		normal, reason := csvfile.Check(field.name, *field.value, "")
		if reason != "" {
			wrong = append(wrong, fault.Field{Location: string(field.name), Value: *field.value, Message: reason})
			continue
		}
		*field.value = normal
	}
	if !slices.Contains([]ContactStatus{Active, Inactive, Blocked}, c.Status) {
		wrong = append(wrong, fault.Field{Location: "status", Value: string(c.Status), Message: "is no status: use active, inactive or blocked"})
	}
	addresses := make(map[providers.AddressKind]string, len(c.Addresses))
	for kind, address := range c.Addresses {
		if address == "" {
			continue
		}
		normal, err := NormalAddress(kind, address, country)
		if err != nil {
			message := err.Error()
			if e, ok := err.(*fault.Error); ok && len(e.Fields) > 0 { //nolint:errorlint // NormalAddress makes it
				message = e.Fields[0].Message
			}
			wrong = append(wrong, fault.Field{Location: "addresses." + string(kind), Value: address, Message: message})
			continue
		}
		addresses[kind] = normal
	}
	c.Addresses = addresses
	if len(wrong) == 0 && c.ExternalID == "" && len(addresses) == 0 {
		wrong = append(wrong, fault.Field{Location: "addresses", Message: "give an e-mail address, a phone number or an external id: a contact must be reachable or known by something"})
	}
	return fault.InvalidFields(wrong)
}
