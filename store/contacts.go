package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"maps"

	"carillon/contacts"
	"carillon/contacts/value"
	"carillon/internal/fault"
	"carillon/providers"
	"carillon/statistics"
	"carillon/store/sqldb"
	"carillon/webhooks"
)

// selectContact reads what scanContact takes.
const selectContact = `SELECT c.id, c.account_id, COALESCE(c.external_id, ''), c.name, c.first_name, c.last_name, c.language, c.timezone, c.status,
	c.created_at, c.updated_at, c.last_activity_at, c.merged_into, c.attributes, c.attribute_expiry, c.attribute_changed, c.free, c.bare FROM contacts c`

func scanContact(scan sqldb.Scan) (contacts.Contact, error) {
	c := contacts.Contact{Addresses: map[providers.AddressKind]string{}}
	var created, updated, active sqldb.Time
	var attributes, expiry, changed, free []byte
	if err := scan(&c.ID, &c.AccountID, &c.ExternalID, &c.Name, &c.FirstName, &c.LastName, &c.Language, &c.Timezone, &c.Status,
		&created, &updated, &active, &c.MergedInto, &attributes, &expiry, &changed, &free, &c.Bare); err != nil {
		return c, err
	}
	c.CreatedAt, c.UpdatedAt, c.LastActivityAt = created.Time, updated.Time, active.Ptr()
	var err error
	if c.Attributes, err = contacts.ParseAttributes(attributes); err == nil {
		c.Expiry, err = parseTimes(expiry)
	}
	if err == nil {
		c.ChangedAt, err = parseTimes(changed)
	}
	if err == nil {
		c.Free, err = contacts.ParseFree(free)
	}
	return c, err
}

func noContact(id int64) error { return fault.New(fault.NotFound, "there is no contact %d", id) }

// readContacts runs a selectContact query and reads the addresses too.
func (tx conn) readContacts(ctx context.Context, query string, args ...any) ([]contacts.Contact, error) {
	var list []contacts.Contact
	var ids []int64
	at := map[int64]int{}
	err := sqldb.Each(ctx, tx, func(scan sqldb.Scan) error {
		contact, err := scanContact(scan)
		at[contact.ID] = len(list)
		ids = append(ids, contact.ID)
		list = append(list, contact)
		return err
	}, query, args...)
	if err != nil || len(list) == 0 {
		return nil, err
	}
	err = sqldb.Each(ctx, tx, func(scan sqldb.Scan) error {
		var id int64
		var kind providers.AddressKind
		var address string
		if err := scan(&id, &kind, &address); err != nil {
			return err
		}
		list[at[id]].Addresses[kind] = address
		return nil
	}, "SELECT contact_id, kind, address FROM addresses WHERE contact_id "+tx.d.InIDs, tx.d.IDList(ids))
	return list, err
}

func (tx conn) readContact(ctx context.Context, accountID, id int64) (contacts.Contact, error) {
	list, err := tx.readContacts(ctx, selectContact+" WHERE c.id = ? AND c.account_id = ?", id, accountID)
	if err == nil && len(list) == 0 {
		return contacts.Contact{}, noContact(id)
	}
	if err != nil {
		return contacts.Contact{}, err
	}
	return list[0], nil
}

// GetContact is one contact with its addresses.
func (s *Store) GetContact(ctx context.Context, accountID, id int64) (contacts.Contact, error) {
	c, err := s.reader().readContact(ctx, accountID, id)
	c.Forget(s.clock.Now())
	return c, s.translate(err)
}

// FindContact is the contact that holds an address. The address must be normal
// (targeting.NormalAddress).
func (s *Store) FindContact(ctx context.Context, accountID int64, kind providers.AddressKind, address string) (contacts.Contact, error) {
	list, err := s.reader().readContacts(ctx, selectContact+" JOIN addresses a ON a.contact_id = c.id WHERE a.account_id = ? AND a.kind = ? AND a.address = ?",
		accountID, string(kind), address)
	if err != nil {
		return contacts.Contact{}, s.translate(err)
	}
	if len(list) == 0 {
		return contacts.Contact{}, fault.New(fault.NotFound, "no contact holds the %s address %s", kind, address)
	}
	list[0].Forget(s.clock.Now())
	return list[0], nil
}

// ListContacts lists contacts in the order of their ids, those behind the
// filter's After.
func (s *Store) ListContacts(ctx context.Context, f contacts.ContactFilter) ([]contacts.Contact, error) {
	query := selectContact + " WHERE c.account_id = ? AND c.id > ?"
	args := []any{f.AccountID, f.After}
	if f.Status == "" {
		query += " AND c.status <> 'deleted'"
	} else {
		query += " AND c.status = ?"
		args = append(args, string(f.Status))
	}
	if f.Group != 0 {
		query += " AND EXISTS (SELECT 1 FROM members m WHERE m.list_id = ? AND m.contact_id = c.id)"
		args = append(args, f.Group)
	}
	if f.Kind != "" {
		query += " AND c.id = (SELECT a.contact_id FROM addresses a WHERE a.account_id = ? AND a.kind = ? AND a.address = ?)"
		args = append(args, f.AccountID, string(f.Kind), f.Address)
	}
	if f.ExternalID != "" {
		query += " AND c.external_id = ?"
		args = append(args, f.ExternalID)
	}
	if f.Text != "" {
		found := searched(f.Text)
		query, args = query+" AND "+found.sql, append(args, found.args...)
	}
	list, err := s.reader().readContacts(ctx, query+" ORDER BY c.id LIMIT ?", append(args, f.Limit)...)
	for i := range list {
		list[i].Forget(s.clock.Now())
	}
	return list, s.translate(err)
}

// CreateContact keeps a new contact; ID and the times are set here. An external
// id or address that another contact holds is a Conflict that names the contact.
func (s *Store) CreateContact(ctx context.Context, c contacts.Contact) (made contacts.Contact, err error) {
	err = s.inTx(ctx, func(tx conn) error {
		if err := tx.lockAccount(ctx, c.AccountID); err != nil {
			return err
		}
		made, err = tx.createContact(ctx, c)
		return err
	})
	return made, err
}

// CreateContactIn keeps a new contact, puts it into a list and notes how its number was
// written, in one step.
func (s *Store) CreateContactIn(ctx context.Context, c contacts.Contact, j contacts.Joining) (made contacts.Contact, err error) {
	err = s.inTx(ctx, func(tx conn) error {
		if err := tx.lockAccount(ctx, c.AccountID); err != nil {
			return err
		}
		m := contacts.MemberChange{AccountID: c.AccountID, Kind: j.Kind, ListID: j.ListID, Source: contacts.SourceAPI, Actor: j.Actor}
		if err := tx.lockMembers(ctx, m); err != nil {
			return err
		}
		if made, err = tx.createContact(ctx, c); err != nil {
			return err
		}
		m.Contacts = []int64{made.ID}
		if _, err := tx.addMembers(ctx, m); err != nil || j.Written == "" {
			return err
		}
		return tx.setWritten(ctx, contacts.Holding{AccountID: c.AccountID, ContactID: made.ID, Kind: providers.Phone}, j.Written)
	})
	return made, err
}

// createContact keeps a new contact. The transaction must hold the account.
func (tx conn) createContact(ctx context.Context, c contacts.Contact) (contacts.Contact, error) {
	fresh := c
	fresh.ID = 0
	if err := tx.refuseFull(ctx, c.AccountID); err != nil {
		return c, err
	}
	if err := tx.refuseHeld(ctx, fresh); err != nil {
		return c, err
	}
	set, err := tx.propertySet(ctx, c.AccountID)
	if err != nil {
		return c, err
	}
	now := tx.s.clock.Now()
	if err := fresh.Settle(set, now, true); err != nil {
		return c, err
	}
	id, err := tx.Insert(ctx, `INSERT INTO contacts (account_id, external_id, name, first_name, last_name, language, timezone, status,
		created_at, updated_at, last_activity_at, attributes, attribute_expiry, attribute_changed, folded, free, bare)
		VALUES (?, NULLIF(?, ''), ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`, c.AccountID, c.ExternalID, c.Name, c.FirstName, c.LastName,
		c.Language, c.Timezone, string(c.Status), sqldb.Millis(now), sqldb.Millis(now), sqldb.MillisPtr(c.LastActivityAt), fresh.Attributes.JSON(),
		timesJSON(fresh.Expiry), timesJSON(fresh.ChangedAt),
		fresh.Folded(), fresh.Free.JSON(), fresh.Bare)
	if err != nil {
		return c, err
	}
	fresh.ID = id
	if err := tx.insertAddresses(ctx, fresh); err != nil {
		return c, err
	}
	if err := tx.suppressGiven(ctx, c.AccountID, newAddresses(nil, fresh)); err != nil {
		return c, err
	}
	if err := tx.keepPeople(ctx, c.AccountID, statistics.ContactCreated, 1); err != nil {
		return c, err
	}
	if err := tx.occur(ctx, happening{event: webhooks.ContactCreated, accountID: c.AccountID, data: webhooks.Contact{ID: id}}); err != nil {
		return c, err
	}
	return tx.readContact(ctx, c.AccountID, id)
}

// stopped is what a new status makes of since when a contact is not active. It takes the
// status twice, and the time.
const stopped = "CASE WHEN status = ? THEN stopped_at WHEN ? <> 'active' THEN CAST(? AS BIGINT) END"

// UpdateContact changes a contact: change is given what is stored and alters it;
// its error ends the update with nothing changed. It may be called again when
// the database asks for the transaction to be repeated.
func (s *Store) UpdateContact(ctx context.Context, accountID, id int64, change func(*contacts.Contact) error) (contacts.Contact, error) {
	var updated contacts.Contact
	err := s.withdraw(ctx, func(tx conn) error {
		if err := tx.lockAccount(ctx, accountID); err != nil {
			return err
		}
		c, err := tx.readContact(ctx, accountID, id)
		if err != nil {
			return err
		}
		before, was := maps.Clone(c.Addresses), c.Copy()
		now := s.clock.Now()
		c.Forget(now)
		if err := change(&c); err != nil {
			return err
		}
		c.ID, c.AccountID = id, accountID
		if len(c.Given) > 0 {
			set, err := tx.propertySet(ctx, accountID)
			if err != nil {
				return err
			}
			if err := c.Settle(set, now, false); err != nil {
				return err
			}
		}
		if err := tx.refuseHeld(ctx, c); err != nil {
			return err
		}
		if was.Status == contacts.Deleted && c.Status != contacts.Deleted {
			if err := tx.refuseFull(ctx, accountID); err != nil {
				return err
			}
		}
		if _, err := tx.Exec(ctx, `UPDATE contacts SET external_id = NULLIF(?, ''), name = ?, first_name = ?, last_name = ?, language = ?,
			timezone = ?, stopped_at = `+stopped+`, status = ?, merged_into = CASE WHEN ? = 'deleted' THEN merged_into ELSE 0 END,
			updated_at = ?, last_activity_at = ?, attributes = ?, attribute_expiry = ?, attribute_changed = ?, folded = ?, free = ?, bare = ? WHERE id = ?`,
			c.ExternalID, c.Name, c.FirstName, c.LastName, c.Language, c.Timezone, string(c.Status), string(c.Status), sqldb.Millis(now),
			string(c.Status), string(c.Status), sqldb.Millis(now), sqldb.MillisPtr(c.LastActivityAt),
			c.Attributes.JSON(), timesJSON(c.Expiry), timesJSON(c.ChangedAt), c.Folded(), c.Free.JSON(), c.Bare, id); err != nil {
			return err
		}
		if _, err := tx.Exec(ctx, "DELETE FROM addresses WHERE contact_id = ?", id); err != nil {
			return err
		}
		if err := tx.insertAddresses(ctx, c); err != nil {
			return err
		}
		if err := tx.suppressGiven(ctx, accountID, newAddresses(before, c)); err != nil {
			return err
		}
		// What was changed may be a goal of a flow, or end it.
		if err := tx.wakeContacts(ctx, id); err != nil {
			return err
		}
		if updated, err = tx.readContact(ctx, accountID, id); err != nil {
			return err
		}
		if err := tx.occurAll(ctx, accountID, webhooks.ContactUpdated, func() []happening {
			return []happening{{accountID: accountID, data: webhooks.Contact{ID: id, Changed: updated.Changed(was)}}}
		}); err != nil || updated.Status == contacts.Active {
			return err
		}
		return tx.halt(ctx)
	})
	return updated, err
}

func (tx conn) insertAddresses(ctx context.Context, contact contacts.Contact) error {
	for kind, address := range contact.Addresses {
		if _, err := tx.Exec(ctx, "INSERT INTO addresses (contact_id, kind, account_id, address) VALUES (?, ?, ?, ?)",
			contact.ID, string(kind), contact.AccountID, address); err != nil {
			return err
		}
	}
	return nil
}

// newAddresses are the addresses of a contact that it did not have before.
func newAddresses(before map[providers.AddressKind]string, c contacts.Contact) (list []givenAddress) {
	for kind, address := range c.Addresses {
		if before[kind] != address {
			list = append(list, givenAddress{c.ID, kind, address})
		}
	}
	return list
}

// refuseHeld is the Conflict for what another contact holds. It needs the
// account's lock.
func (tx conn) refuseHeld(ctx context.Context, contact contacts.Contact) error {
	var wrong []fault.Field
	look := func(location, value, query string, args ...any) error {
		var holder int64
		err := tx.Row(ctx, query, args...).Scan(&holder)
		if err == nil && holder != contact.ID {
			wrong = append(wrong, fault.Field{Location: location, Value: value, Message: fmt.Sprintf("contact %d holds it already", holder)})
		}
		if errors.Is(err, sql.ErrNoRows) {
			return nil
		}
		return err
	}
	if contact.ExternalID != "" {
		if err := look("external_id", contact.ExternalID, "SELECT id FROM contacts WHERE account_id = ? AND external_id = ?",
			contact.AccountID, contact.ExternalID); err != nil {
			return err
		}
	}
	for _, kind := range value.Kinds() {
		address, ok := contact.Addresses[kind]
		if !ok {
			continue
		}
		if err := look("addresses."+string(kind), address, "SELECT contact_id FROM addresses WHERE account_id = ? AND kind = ? AND address = ?",
			contact.AccountID, string(kind), address); err != nil {
			return err
		}
	}
	if len(wrong) > 0 {
		return &fault.Error{Code: fault.Conflict, Message: "another contact holds this", Fields: wrong}
	}
	return nil
}

// DeleteContact makes a contact's status deleted. It keeps its addresses, so that
// nobody takes it in anew by mistake; messages that wait for it are skipped when
// their turn comes.
func (s *Store) DeleteContact(ctx context.Context, accountID, id int64) error {
	return s.withdraw(ctx, func(tx conn) error {
		if err := tx.lockAccount(ctx, accountID); err != nil {
			return err
		}
		n, err := tx.Exec(ctx, "UPDATE contacts SET status = 'deleted', updated_at = ? WHERE id = ? AND account_id = ? AND status <> 'deleted'",
			sqldb.Millis(s.clock.Now()), id, accountID)
		if err == nil && n == 0 {
			_, err = tx.readContact(ctx, accountID, id)
		}
		if err != nil {
			return err
		}
		if err := tx.wakeContacts(ctx, id); err != nil {
			return err
		}
		return tx.halt(ctx)
	})
}
