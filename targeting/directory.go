package targeting

import (
	"context"
	"time"

	"carillon/contacts"
	"carillon/internal/fault"
	"carillon/providers"
)

// Entry is an address and who holds it. A contact has as many as it has addresses.
type Entry struct {
	ContactID int64
	Kind      providers.AddressKind
	Address   string
	Name      string
	Status    contacts.ContactStatus
	CreatedAt time.Time
	// StoppedAt is since when the contact is not active; nil while it is. LastRepliedAt is
	// when it wrote last; nil for never.
	StoppedAt, LastRepliedAt *time.Time
	// Suppressed is why the address is never to be written to; empty where it may be.
	Suppressed string
	// Attributes are the contact's values that have not ended; only where they are asked for.
	Attributes contacts.Attributes
}

// Order is by what entries are ordered. Those that are the same by it are in the order of
// their contacts' ids.
type Order string

// The orders.
const (
	ByCreated   Order = "created" // the default
	ByStopped   Order = "stopped"
	ByContactID Order = "id"
	ByName      Order = "name"
	ByKind      Order = "kind"
	ByAddress   Order = "address"
	ByStatus    Order = "status"
	ByReplied   Order = "replied"
)

// DirectoryFilter selects entries and the page of them.
type DirectoryFilter struct {
	AccountID int64
	// Among is the audience whose contacts they are of; all where it names nobody.
	Among Audience
	// Kinds are those of the addresses.
	Kinds []providers.AddressKind
	// Reached selects those that campaigns reach, or the others: their contact is active, and
	// they are not suppressed.
	Reached *bool
	// Addresses selects by address, which must be normal; nil does not restrict.
	Addresses []string
	Order     Order
	// Descending begins with the last.
	Descending bool
	// Attributes asks for the contacts' values.
	Attributes bool
	// Offset is how many are passed over, and Limit how many there are at most.
	Offset, Limit int
}

// mostPassedOver bounds the offset: to get there everything before it is read.
const mostPassedOver = 1_000_000

// Directory lists addresses with who holds them; deleted contacts are not in it. Numbered
// pages move when people come and go meanwhile, and later ones take longer: lists that are
// read to their end go by ids (Contacts).
func (s *Rules) Directory(ctx context.Context, f DirectoryFilter) ([]Entry, error) {
	if f.Offset < 0 || f.Offset > mostPassedOver {
		return nil, fault.InvalidField("offset", f.Offset, "is from 0 to %d: use a filter to get further", mostPassedOver)
	}
	if !f.Among.All && !f.Among.Some() {
		f.Among.All = true
	}
	if f.Order == "" {
		f.Order = ByCreated
	}
	return s.store.ListEntries(ctx, f)
}
