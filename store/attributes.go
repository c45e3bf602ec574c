package store

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"carillon/contacts"
	"carillon/store/sqldb"
)

// attributed is what a contact's attributes and folded texts are made of.
type attributed struct {
	id                        int64
	name, firstName, lastName string
	attributes                contacts.Attributes
	// expiry says when values end, changed when they were last changed, by their keys.
	expiry, changed map[string]time.Time
}

// contact is a contact with the values, which are its own.
func (a *attributed) contact() contacts.Contact {
	return contacts.Contact{Attributes: a.attributes, Expiry: a.expiry, ChangedAt: a.changed}
}

// take has the values be those of a contact.
func (a *attributed) take(c contacts.Contact) {
	a.attributes, a.expiry, a.changed = c.Attributes, c.Expiry, c.ChangedAt
}

// forget takes a value away.
func (a *attributed) forget(key string) {
	delete(a.attributes, key)
	delete(a.expiry, key)
	delete(a.changed, key)
}

// attributed reads contacts c by a condition.
func (tx conn) attributed(ctx context.Context, where string, args ...any) ([]attributed, error) {

	list, err := sqldb.Query(ctx, tx, func(scan sqldb.Scan) (attributed, error) {
		var a attributed
		var attributes, expiry, changed []byte
		if err := scan(&a.id, &a.name, &a.firstName, &a.lastName, &attributes, &expiry, &changed); err != nil {
			return a, err
		}
		var err error
		if a.attributes, err = contacts.ParseAttributes(attributes); err == nil {
			a.expiry, err = parseTimes(expiry)
		}
		if err == nil {
			a.changed, err = parseTimes(changed)
		}
		if err != nil {
			return a, fmt.Errorf("read contact %d: %w", a.id, err)
		}
		return a, nil
	}, "SELECT c.id, c.name, c.first_name, c.last_name, c.attributes, c.attribute_expiry, c.attribute_changed FROM contacts c WHERE "+where, args...)
	return list, err
}

// writeAttributes writes the attributes of contacts, and what is folded of them.
// now is the time of the change in UTC milliseconds; 0 leaves updated_at as it
// is, for changes that nobody made to the contact itself. It needs the account's
// lock.
func (tx conn) writeAttributes(ctx context.Context, list []attributed, now int64) error {
	if len(list) == 0 {
		return nil
	}
	rows := newColumns(4, len(list))
	for _, a := range list {
		rows.add(a.id, a.attributes.JSON(), timesJSON(a.expiry), timesJSON(a.changed), contacts.Folded(a.name, a.firstName, a.lastName, a.attributes))
	}
	_, err := tx.Exec(ctx, tx.d.contacts().updateAttributes, tx.d.rowArgs(rows, now)...)
	return err
}

// parseTimes reads contacts.attribute_expiry and attribute_changed: UTC milliseconds by key.
func parseTimes(object []byte) (map[string]time.Time, error) {
	if len(object) <= len("{}") {
		return nil, nil
	}
	var at map[string]int64
	if err := json.Unmarshal(object, &at); err != nil {
		return nil, fmt.Errorf("read times of attributes: %w", err)
	}
	times := make(map[string]time.Time, len(at))
	for key, ms := range at {
		times[key] = time.UnixMilli(ms).UTC()
	}
	return times, nil
}

// timesJSON is what parseTimes reads.
func timesJSON(times map[string]time.Time) string {
	if len(times) == 0 {
		return "{}"
	}
	at := make(map[string]int64, len(times))
	for key, t := range times {
		at[key] = t.UnixMilli()
	}
	b, err := json.Marshal(at)
	if err != nil {
		panic("a map of numbers always marshals: " + err.Error())
	}
	return string(b)
}

// sweptAtOnce is how many contacts a pass of the sweeper changes at most.
const sweptAtOnce = 2000

// SweepExpired removes values whose time is over from a batch of contacts behind
// the id after, and says behind which id to go on; 0 when it was through. Rules
// and templates do not see such values before, so it may come late.
func (s *Store) SweepExpired(ctx context.Context, after int64) (next int64, err error) {
	now := s.clock.Now()
	var accounts []int64
	var due []int64
	if err := sqldb.Each(ctx, s.reader(), func(scan sqldb.Scan) error {
		var id, account int64
		err := scan(&id, &account)
		due, accounts = append(due, id), append(accounts, account)
		return err
	}, s.d.contacts().findExpired, after, now.UnixMilli(), sweptAtOnce); err != nil || len(due) == 0 {
		return 0, s.translate(err)
	}
	for from := 0; from < len(due); {
		to := from + 1
		for to < len(due) && accounts[to] == accounts[from] {
			to++
		}
		if err := s.sweep(ctx, accounts[from], due[from:to], now); err != nil {
			return 0, err
		}
		from = to
	}
	if len(due) < sweptAtOnce {
		return 0, nil
	}
	return due[len(due)-1], nil
}

// sweep removes what is over from some contacts of one account.
func (s *Store) sweep(ctx context.Context, accountID int64, ids []int64, now time.Time) error {
	return s.inTxAsync(ctx, func(tx conn) error {
		if err := tx.lockAccount(ctx, accountID); err != nil {
			return err
		}
		list, err := tx.attributed(ctx, "c.account_id = ? AND c.id "+s.d.InIDs, accountID, s.d.IDList(ids))
		if err != nil {
			return err
		}
		changed := list[:0]
		for _, a := range list {
			if c := a.contact(); c.Forget(now) {
				changed = append(changed, a)
			}
		}
		return tx.writeAttributes(ctx, changed, 0)
	})
}

// current is a contact's attributes as templates take them, without the values
// that ended; empty if there are none.
func current(attributes, expiry []byte, now time.Time) (string, error) {
	if len(attributes) <= len("{}") {
		return "", nil
	}
	if len(expiry) <= len("{}") {
		return string(attributes), nil
	}
	var c contacts.Contact
	var err error
	if c.Attributes, err = contacts.ParseAttributes(attributes); err != nil {
		return "", err
	}
	if c.Expiry, err = parseTimes(expiry); err != nil {
		return "", err
	}
	c.Forget(now)
	return c.Attributes.JSON(), nil
}
