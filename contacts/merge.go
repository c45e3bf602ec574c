package contacts

import (
	"context"
	"encoding/json"
	"time"

	"carillon/internal/fault"
	"carillon/providers"
)

// Merge is what becomes of two contacts that are made one.
type Merge struct {
	// Contact is the one that is kept, as it is afterwards; From the id of the
	// other, which is deleted.
	Contact Contact
	From    int64
	// Moved are the addresses that the kept one got; Left those of kinds that it
	// had already, which stay with the deleted one.
	Moved, Left map[providers.AddressKind]string
	// Attributes are the keys of the values that it got.
	Attributes []string
	// Lists is how many lists it joined.
	Lists int64
	// Messages are now those of the kept one; MessagesLeft are of runs in which
	// both have a message, and stay with the deleted one.
	Messages, MessagesLeft int64
	// Consents is how many records moved; OptedOut says that an opt-out of either
	// holds for the kept one now.
	Consents int64
	OptedOut bool
}

// Merging is which contact of an account takes over which, and who says so.
type Merging struct {
	AccountID  int64
	Keep, From int64
	// DryRun only says what would become of them.
	DryRun bool
	Actor  string
}

// MergeStore merges contacts.
type MergeStore interface {
	// MergeContacts makes one contact of two, in one transaction. It is NotFound if one
	// of them does not exist, and a Conflict if one is deleted.
	MergeContacts(ctx context.Context, m Merging) (Merge, error)
}

// Merge makes one contact of two. What the kept one has stays: addresses, names
// and values of the other fill gaps alone. Memberships unite, messages and
// consents move, and whatever keeps messages away from either keeps them away
// from the kept one. The other is deleted with a note of where it went. A
// contact that is deleted already is a Conflict.
func (s *Contacts) Merge(ctx context.Context, m Merging) (Merge, error) {
	if m.Keep == m.From {
		return Merge{}, fault.InvalidField("from", m.From, "is the contact itself: give the id of another")
	}
	return s.store.MergeContacts(ctx, m)
}

// Absorb fills what c has not with what other has, and says which addresses and
// values that were and which addresses stay with the other.
func (c *Contact) Absorb(other Contact) (moved, left map[providers.AddressKind]string, keys []string) {
	for _, field := range []struct {
		to   *string
		from string
	}{
		{&c.ExternalID, other.ExternalID}, {&c.Name, other.Name}, {&c.FirstName, other.FirstName}, {&c.LastName, other.LastName},
		{&c.Language, other.Language}, {&c.Timezone, other.Timezone},
	} {
		if *field.to == "" {
			*field.to = field.from
		}
	}
	moved, left = map[providers.AddressKind]string{}, map[providers.AddressKind]string{}
	for kind, address := range other.Addresses {
		if _, has := c.Addresses[kind]; has {
			left[kind] = address
			continue
		}
		c.Addresses[kind], moved[kind] = address, address
	}
	for key, value := range other.Attributes {
		if _, has := c.Attributes[key]; has {
			continue
		}
		if c.Attributes == nil {
			c.Attributes = map[string]json.RawMessage{}
		}
		c.Attributes[key] = value
		keys = append(keys, key)
		if at, known := other.ChangedAt[key]; known {
			c.changed(key, at)
		}
		if ends, ok := other.Expiry[key]; ok {
			if c.Expiry == nil {
				c.Expiry = map[string]time.Time{}
			}
			c.Expiry[key] = ends
		}
	}
	if c.LastActivityAt == nil || (other.LastActivityAt != nil && other.LastActivityAt.After(*c.LastActivityAt)) {
		c.LastActivityAt = other.LastActivityAt
	}
	for key, value := range other.Free.Custom {
		if _, has := c.Free.Custom[key]; !has && c.Attributes[key] == nil {
			c.Free.put(key, value)
		}
	}
	// The stricter of the two statuses holds.
	for _, status := range []ContactStatus{Blocked, Inactive} {
		if c.Status == status || other.Status == status {
			c.Status = status
			break
		}
	}
	return moved, left, keys
}
