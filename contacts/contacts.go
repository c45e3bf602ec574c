package contacts

import (
	"context"
	"encoding/json"
	"slices"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"carillon/contacts/value"
	"carillon/internal/fault"
	"carillon/providers"
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
	// Group selects the members of a list of any kind.
	Group int64
	// Status selects by status; empty stands for all but deleted.
	Status ContactStatus
	// After is the id behind which the list goes on; Limit is how many there are
	// at most.
	After int64
	Limit int
}

// ContactStore keeps contacts.
type ContactStore interface {
	// CreateContact keeps a new contact. An address or external id that another holds is
	// a Conflict that names the holder; attributes that no property takes are Invalid.
	CreateContact(ctx context.Context, c Contact) (Contact, error)
	// CreateContactIn is CreateContact of one who is put into a list in the same step.
	CreateContactIn(ctx context.Context, c Contact, j Joining) (Contact, error)
	// GetContact is NotFound if the account has no such contact.
	GetContact(ctx context.Context, accountID, id int64) (Contact, error)
	// UpdateContact changes a contact in one transaction, with the errors of change and
	// of CreateContact; NotFound if there is no such contact.
	UpdateContact(ctx context.Context, accountID, id int64, change func(*Contact) error) (Contact, error)
	// DeleteContact makes its status deleted; NotFound if there is no such contact.
	DeleteContact(ctx context.Context, accountID, id int64) error
	// ListContacts lists in the order of ids.
	ListContacts(ctx context.Context, f ContactFilter) ([]Contact, error)
	// SetValues gives contacts a value of a property in one transaction and returns how
	// many had another; null takes values away. It is Invalid, and nothing is changed, for
	// a value that the property can't take.
	SetValues(ctx context.Context, accountID int64, contactIDs []int64, key string, value json.RawMessage) (changed int64, err error)
	MergeStore
	ErasureStore
}

// Contacts is the service for contacts. It is safe for concurrent use.
type Contacts struct{ store ContactStore }

// NewContacts makes the service.
func NewContacts(store ContactStore) *Contacts { return &Contacts{store: store} }

// Get is one contact.
func (s *Contacts) Get(ctx context.Context, accountID, id int64) (Contact, error) {
	return s.store.GetContact(ctx, accountID, id)
}

// Delete makes a contact's status deleted: it is in no list of contacts and gets
// no message any more, and it keeps its addresses, so that nobody takes it in
// anew by mistake. Another status brings it back.
func (s *Contacts) Delete(ctx context.Context, accountID, id int64) error {
	return s.store.DeleteContact(ctx, accountID, id)
}

// Create checks and keeps a new contact. country is the ISO 3166 code for a
// phone number without +, and may be empty. An address or external id that
// another contact holds is a Conflict that names the contact.
func (s *Contacts) Create(ctx context.Context, c Contact, country string) (Contact, error) {
	c, err := settled(c, country)
	if err != nil {
		return Contact{}, err
	}
	return s.store.CreateContact(ctx, c)
}

// Joining is what becomes of a new contact in the step that makes it.
type Joining struct {
	Kind   ListKind
	ListID int64
	// Actor is for the consent record that a category writes.
	Actor string
	// Written is how the phone number was written; empty for as it is kept.
	Written string
}

// CreateIn makes a contact and puts it into a list, in one step: who is not in the list after
// a crash is not there at all. A list that there is not is NotFound.
func (s *Contacts) CreateIn(ctx context.Context, c Contact, j Joining) (Contact, error) {
	c, err := settled(c, "")
	if err != nil {
		return Contact{}, err
	}
	return s.store.CreateContactIn(ctx, c, j)
}

// settled is a new contact as it is kept.
func settled(c Contact, country string) (Contact, error) {
	if c.Status == "" {
		c.Status = Active
	}
	c.follow("", c.Number)
	if err := normalize(&c, country, false); err != nil {
		return Contact{}, err
	}
	if c.LastActivityAt != nil {
		at := c.LastActivityAt.Truncate(time.Millisecond).UTC()
		c.LastActivityAt = &at
	}
	return c, nil
}

// ContactChange is what is to become of a contact; nil leaves a field as it is
// and an empty text erases it.
type ContactChange struct {
	ExternalID, Name, FirstName, LastName, Language, Timezone *string
	Status                                                    *ContactStatus
	// LastActivityAt sets the time; the zero time removes it.
	LastActivityAt *time.Time
	// Addresses changes the kinds that it names; an empty text takes one away.
	Addresses map[providers.AddressKind]string
	// Attributes changes the properties that it names; null takes a value away.
	Attributes map[string]json.RawMessage
	// Loose has values that no property takes kept instead of refused.
	Loose bool
	// Additional changes what it names of Free.Additional; null takes a value away.
	Additional Attributes
	// Number is a phone number for phone, sms and whatsapp at once; empty takes it away.
	Number *string
	// Bare lets the contact have neither an address nor an external id afterwards.
	Bare bool
	// Country is the ISO 3166 code for a phone number without +; may be empty.
	Country string
}

// Update changes a contact.
func (s *Contacts) Update(ctx context.Context, accountID, id int64, change ContactChange) (Contact, error) {
	return s.store.UpdateContact(ctx, accountID, id, func(c *Contact) error {
		deleted := c.Status == Deleted // and stays so unless another status is given
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
			deleted, c.Status = deleted && *change.Status == Deleted, *change.Status
		}
		if change.LastActivityAt != nil {
			if c.LastActivityAt = change.LastActivityAt; c.LastActivityAt.IsZero() {
				c.LastActivityAt = nil
			}
		}
		for kind, address := range change.Addresses {
			c.Addresses[kind] = address
		}
		if change.Number != nil {
			c.follow(c.Addresses[providers.Phone], *change.Number)
		}
		c.Given, c.Loose, c.Bare = change.Attributes, change.Loose, c.Bare || change.Bare
		if err := c.Free.add(change.Additional); err != nil {
			return err
		}
		return normalize(c, change.Country, deleted)
	})
}

// SetValues gives many contacts the same value of a property, all of them or none, and
// returns how many had another; null takes values away. More than 10,000 at once go by a
// bulk operation.
func (s *Contacts) SetValues(ctx context.Context, accountID int64, contactIDs []int64, key string, value json.RawMessage) (changed int64, err error) {
	if err := someContacts(contactIDs); err != nil {
		return 0, err
	}
	return s.store.SetValues(ctx, accountID, contactIDs, key, value)
}

// maxSearched is the longest text to search for: no field that is searched is
// longer, in characters.
const maxSearched = value.MaxID

// Search lists contacts. A text that is an address as a whole selects whoever
// holds it, by the index; any other is looked for inside the fields, which
// reads the contacts one by one.
func (s *Contacts) Search(ctx context.Context, f ContactFilter) ([]Contact, error) {
	for location, text := range map[string]string{"q": f.Text, "external_id": f.ExternalID} {
		if len(text) > maxSearched*utf8.UTFMax || !utf8.ValidString(text) || strings.ContainsFunc(text, unicode.IsControl) {
			return nil, fault.InvalidField(location, nil, "is not text of at most %d bytes without control characters", maxSearched*utf8.UTFMax)
		}
	}
	for _, kind := range value.Kinds() {
		if f.Text == "" || f.Kind != "" {
			break
		}
		if !value.Telling(kind) {
			continue
		}
		address, err := value.Normal(kind, f.Text, "")
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
// stored; the error names every field that is wrong. deleted says that it was
// deleted before, which is no status to choose.
func normalize(c *Contact, country string, deleted bool) error {
	var wrong []fault.Field
	name := func(v string) (normal, reason string) {
		normal, _, reason = value.Name(v)
		return normal, reason
	}
	for _, field := range []struct {
		name  string
		value *string
		check func(v string) (normal, reason string)
	}{
		{"external_id", &c.ExternalID, func(v string) (normal, reason string) {
			_, reason = value.CheckID(v)
			return v, reason
		}},
		{"name", &c.Name, name},
		{"first_name", &c.FirstName, name},
		{"last_name", &c.LastName, name},
		{"language", &c.Language, value.Language},
		{"timezone", &c.Timezone, value.Timezone},
	} {
		v := strings.TrimSpace(*field.value)
		if v != "" {
			var reason string
			if v, reason = field.check(v); reason != "" {
				wrong = append(wrong, fault.Field{Location: field.name, Value: *field.value, Message: reason})
				continue
			}
		}
		*field.value = v
	}
	if !deleted && !slices.Contains([]ContactStatus{Active, Inactive, Blocked}, c.Status) {
		wrong = append(wrong, fault.Field{Location: "status", Value: string(c.Status), Message: "is no status: use active, inactive or blocked"})
	}
	addresses := make(map[providers.AddressKind]string, len(c.Addresses))
	for kind, address := range c.Addresses {
		if address == "" {
			continue
		}
		normal, reason := value.Address(kind, address, country)
		if reason != "" {
			wrong = append(wrong, fault.Field{Location: "addresses." + string(kind), Value: address, Message: reason})
			continue
		}
		if normal == "" {
			continue
		}
		addresses[kind] = normal
	}
	c.Addresses = addresses
	bare := c.ExternalID == "" && len(addresses) == 0
	if len(wrong) == 0 && bare && !c.Bare {
		wrong = append(wrong, fault.Field{Location: "addresses",
			Message: "give an address of any kind or an external id: a contact must be reachable or known by something"})
	}
	c.Bare = bare
	return fault.InvalidFields(wrong)
}
