package contacts

import (
	"context"
	"time"
)

// Erasure says what is, or would be, erased of a person.
type Erasure struct {
	ContactID int64
	// Rows counts the rows in which something is emptied or removed, by table.
	Rows map[string]int64
	// Skipped counts the messages that wait for the person and are skipped.
	Skipped int64
	// Kept counts the addresses of which a hash stays, so that nobody writes to them
	// again.
	Kept int64
}

// Membership is a list that a contact is in, with their line of an upload.
type Membership struct {
	ListID int64
	Kind   ListKind
	Name   string
	Data   string // JSON; empty for none
}

// Belongings is what is known of a contact besides its row, its messages, its
// consents and its replies.
type Belongings struct {
	Memberships  []Membership
	Suppressions []Suppression
	Bounces      []Bounce
}

// Bounce counts an address's soft bounces in a row.
type Bounce struct {
	Kind, Address string
	Soft          int64
	LastAt        time.Time
}

// ErasureStore erases people.
type ErasureStore interface {
	// EraseContact removes everything that names a person; with dryRun it only says what
	// that would be. It is a Conflict while something about them is under way, and
	// NotFound if there is no such contact.
	EraseContact(ctx context.Context, accountID, id int64, dryRun bool) (Erasure, error)
	// ContactBelongings is NotFound if the account has no such contact.
	ContactBelongings(ctx context.Context, accountID, id int64) (Belongings, error)
}

// Erase removes everything that names a person, for good; with dryRun it only says what
// that would be. It is a Conflict while a message to them is being sent or a file is being
// imported, and NotFound if there is no such contact.
func (s *Contacts) Erase(ctx context.Context, accountID, id int64, dryRun bool) (Erasure, error) {
	return s.store.EraseContact(ctx, accountID, id, dryRun)
}

// Belongings is what is known of a contact besides itself, its messages, its consents
// and its replies; NotFound if there is no such contact.
func (s *Contacts) Belongings(ctx context.Context, accountID, id int64) (Belongings, error) {
	return s.store.ContactBelongings(ctx, accountID, id)
}
