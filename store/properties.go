package store

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"time"

	"carillon/contacts"
	"carillon/contacts/property"
	"carillon/internal/fault"
	"carillon/store/sqldb"
	"carillon/targeting"
)

// selectProperty reads what scanProperty takes.
const selectProperty = `SELECT id, account_id, key, name, label, type, rule, COALESCE(default_value, ''), expires_seconds, editable, hidden, position,
	filterable, created_at, updated_at FROM properties`

func scanProperty(scan sqldb.Scan) (property.Property, error) {
	var p property.Property
	var fallback string
	var expires int64
	var created, updated sqldb.Time
	err := scan(&p.ID, &p.AccountID, &p.Key, &p.Name, &p.Label, &p.Type, &p.Rule, &fallback, &expires, &p.Editable, &p.Hidden, &p.Position,
		&p.Filterable, &created, &updated)
	if fallback != "" {
		p.Default = contacts.Canonical(json.RawMessage(fallback))
	}
	if expires > 0 {
		p.Expires = time.Duration(expires) * time.Second
	}
	p.CreatedAt, p.UpdatedAt = created.Time, updated.Time
	return p, err
}

// propertyArgs are the columns of a property that may change, in the order of
// the statements below.
func propertyArgs(p property.Property) []any {
	expires := int64(-1)
	if p.Expires > 0 {
		expires = int64(p.Expires / time.Second)
	}
	return []any{p.Name, p.Label, string(p.Type), p.Rule, string(p.Default), expires, p.Editable, p.Hidden, p.Position, p.Filterable}
}

func noProperty(key string) error { return fault.New(fault.NotFound, "there is no property %q", key) }

// CreateProperty keeps a new property; ID and the times are set here.
func (s *Store) CreateProperty(ctx context.Context, p property.Property) (property.Property, error) {
	var made property.Property
	err := s.inTx(ctx, func(tx conn) (err error) {
		made, err = tx.createProperty(ctx, p, contacts.Definition{Key: p.Key})
		return err
	})
	if p.Filterable {
		s.syncIndexes(ctx, err)
	}
	return made, err
}

// createProperty keeps a new property, and what people are shown of it.
func (tx conn) createProperty(ctx context.Context, p property.Property, shown contacts.Definition) (made property.Property, err error) {
	err = func() error {
		if err := tx.lockAccount(ctx, p.AccountID); err != nil {
			return err
		}
		var n, same int
		if err := tx.Row(ctx, "SELECT COUNT(*), COALESCE(SUM(CASE WHEN key = ? THEN 1 ELSE 0 END), 0) FROM properties WHERE account_id = ?",
			p.Key, p.AccountID).Scan(&n, &same); err != nil {
			return err
		}
		if same > 0 {
			return &fault.Error{Code: fault.Conflict, Message: "the key is taken", Fields: []fault.Field{{
				Location: "key", Value: p.Key, Message: "a property has this key already: choose another, or change that property",
			}}}
		}
		if err := tx.refuseNamed(ctx, p); err != nil {
			return err
		}
		if err := tx.refuseBusy(ctx, p.AccountID, p.Key); err != nil {
			return err
		}
		if n >= contacts.MaxProperties {
			return fault.New(fault.Conflict, "an account has at most %d properties: delete one that nobody needs", contacts.MaxProperties)
		}
		id, err := tx.insertProperty(ctx, p)
		if err != nil {
			return err
		}
		if made, err = scanProperty(tx.Row(ctx, selectProperty+" WHERE id = ?", id).Scan); err != nil {
			return err
		}
		shown.AccountID, shown.Model, shown.Property = p.AccountID, contacts.OfContacts, p.Key
		if _, err = tx.insertDefinition(ctx, shown); err != nil {
			return err
		}
		return tx.adopt(ctx, made)
	}()
	return made, err
}

func (tx conn) insertProperty(ctx context.Context, p property.Property) (id int64, err error) {
	now := sqldb.Millis(tx.s.clock.Now())
	return tx.Insert(ctx, `INSERT INTO properties (account_id, key, name, label, type, rule, default_value, expires_seconds, editable, hidden,
		position, filterable, created_at, updated_at) VALUES (?, ?, ?, ?, ?, ?, NULLIF(?, ''), ?, ?, ?, ?, ?, ?, ?)`,
		append(append([]any{p.AccountID, p.Key}, propertyArgs(p)...), now, now)...)
}

// GetProperty is one property by its key.
func (s *Store) GetProperty(ctx context.Context, accountID int64, key string) (property.Property, error) {
	p, err := s.reader().property(ctx, accountID, key)
	return p, s.translate(err)
}

func (tx conn) property(ctx context.Context, accountID int64, key string) (property.Property, error) {
	p, err := scanProperty(tx.Row(ctx, selectProperty+" WHERE account_id = ? AND key = ?", accountID, key).Scan)
	if errors.Is(err, sql.ErrNoRows) {
		return p, noProperty(key)
	}
	return p, err
}

// ListProperties lists an account's properties in the order of position and key.
func (s *Store) ListProperties(ctx context.Context, accountID int64) ([]property.Property, error) {
	list, err := s.reader().properties(ctx, accountID)
	return list, s.translate(err)
}

func (tx conn) properties(ctx context.Context, accountID int64) ([]property.Property, error) {

	list, err := sqldb.Query(ctx, tx, scanProperty, selectProperty+" WHERE account_id = ? ORDER BY position, key", accountID)
	return list, err
}

// valuesAtOnce is how many contacts are read at a time when a property's values
// are gone through.
const valuesAtOnce = 5000

// eachValue goes through the contacts that have a value of a property, in the
// order of their ids and batch by batch.
func (tx conn) eachValue(ctx context.Context, accountID int64, key string, do func(batch []attributed) error) error {
	for after := int64(0); ; {
		batch, err := tx.attributed(ctx, "c.account_id = ? AND c.id > ? AND (c.attributes -> CAST(? AS TEXT)) IS NOT NULL ORDER BY c.id LIMIT ?",
			accountID, after, key, valuesAtOnce)
		if err != nil || len(batch) == 0 {
			return err
		}
		after = batch[len(batch)-1].id
		if err := do(batch); err != nil || len(batch) < valuesAtOnce {
			return err
		}
	}
}

// PreviewValues says what convert would do to the values of a property; a nil
// convert only counts them.
func (s *Store) PreviewValues(ctx context.Context, accountID int64, key string, convert contacts.ConvertValue) (contacts.PropertyEffect, error) {
	var effect contacts.PropertyEffect
	if convert == nil {
		err := s.reader().Row(ctx, "SELECT COUNT(*) FROM contacts WHERE account_id = ? AND (attributes -> CAST(? AS TEXT)) IS NOT NULL",
			accountID, key).Scan(&effect.Values)
		return effect, s.translate(err)
	}
	err := s.reader().eachValue(ctx, accountID, key, func(batch []attributed) error {
		for i := range batch {
			old := batch[i].attributes[key]
			stored, reason := convert(old)
			effect.Note(batch[i].id, old, stored, reason)
		}
		return nil
	})
	return effect, s.translate(err)
}

// ChangeProperty makes was into p and converts its values, all of them or none:
// in the same transaction, or by a job where they are many.
func (s *Store) ChangeProperty(
	ctx context.Context, was, p property.Property, convert contacts.ConvertValue,
) (property.Property, contacts.PropertyEffect, error) {
	var changed property.Property
	var effect, preview contacts.PropertyEffect
	if convert != nil {
		// What can't be is found without keeping anybody waiting.
		var err error
		preview, err = s.PreviewValues(ctx, p.AccountID, p.Key, convert)
		if err == nil {
			err = preview.Err(p.Key)
		}
		if err != nil {
			return changed, preview, err
		}
	}
	err := s.inTx(ctx, func(tx conn) error {
		effect = contacts.PropertyEffect{}
		if err := tx.lockAccount(ctx, p.AccountID); err != nil {
			return err
		}
		if err := tx.isStill(ctx, was); err != nil {
			return err
		}
		if err := tx.refuseNamed(ctx, p); err != nil {
			return err
		}
		if err := tx.refuseBusy(ctx, p.AccountID, p.Key); err != nil {
			return err
		}
		if p.Type.Comparison() != was.Type.Comparison() {
			if err := tx.refuseUsedProperty(ctx, was, "of another type"); err != nil {
				return err
			}
		}
		args := append(propertyArgs(p), sqldb.Millis(s.clock.Now()), was.ID)
		if _, err := tx.Exec(ctx, `UPDATE properties SET name = ?, label = ?, type = ?, rule = ?, default_value = NULLIF(?, ''), expires_seconds = ?,
			editable = ?, hidden = ?, position = ?, filterable = ?, updated_at = ? WHERE id = ?`, args...); err != nil {
			return err
		}
		if preview.Converted > valuesInOne {
			effect = preview
			var err error
			if effect.JobID, err = tx.queueValues(ctx, p.AccountID, targeting.ConvertJob, targeting.Bulk{Property: p.Key, From: was.Type}, preview.Values); err != nil {
				return err
			}
		} else if convert != nil {
			if err := tx.convertValues(ctx, p.AccountID, p.Key, convert, &effect); err != nil {
				return err
			}
		}
		var err error
		changed, err = scanProperty(tx.Row(ctx, selectProperty+" WHERE id = ?", was.ID).Scan)
		return err
	})
	if was.Filterable || p.Filterable {
		s.syncIndexes(ctx, err)
	}
	return changed, effect, err
}

// refuseNamed refuses a name that is another property's name or key: files would not know
// which is meant. It needs the account's lock.
func (tx conn) refuseNamed(ctx context.Context, p property.Property) error {
	var other string
	err := tx.Row(ctx, "SELECT key FROM properties WHERE account_id = ? AND key <> ? AND (key = ? OR name = ?)",
		p.AccountID, p.Key, p.Called(), p.Called()).Scan(&other)
	if errors.Is(err, sql.ErrNoRows) {
		return nil
	}
	if err != nil {
		return err
	}
	return &fault.Error{Code: fault.Conflict, Message: "the name is taken", Fields: []fault.Field{{
		Location: "name", Value: p.Called(), Message: "the property " + other + " is called so already: choose another, or change that property",
	}}}
}

// isStill refuses to go on if a property was changed by another meanwhile. It
// needs the account's lock.
func (tx conn) isStill(ctx context.Context, was property.Property) error {
	now, err := tx.property(ctx, was.AccountID, was.Key)
	if err != nil {
		return err
	}
	if now.ID != was.ID || now.Type != was.Type || now.Rule != was.Rule || !now.UpdatedAt.Equal(was.UpdatedAt) {
		return fault.New(fault.Conflict, "the property %q was changed by another at the same time: look at it and try again", was.Key)
	}
	return nil
}

func (tx conn) convertValues(ctx context.Context, accountID int64, key string, convert contacts.ConvertValue, effect *contacts.PropertyEffect) error {
	err := tx.eachValue(ctx, accountID, key, func(batch []attributed) error {
		changed := batch[:0]
		for _, contact := range batch {
			old := contact.attributes[key]
			stored, reason := convert(old)
			if effect.Note(contact.id, old, stored, reason) {
				contact.attributes[key] = stored
				changed = append(changed, contact)
			}
		}
		return tx.writeAttributes(ctx, changed, 0)
	})
	if err != nil {
		return err
	}
	return effect.Err(key)
}

// DeleteProperty forgets a property and its values: in one transaction, or by a
// job where they are many.
func (s *Store) DeleteProperty(ctx context.Context, accountID int64, key string) (contacts.PropertyEffect, error) {
	effect, err := s.PreviewValues(ctx, accountID, key, nil)
	if err != nil {
		return effect, err
	}
	values := effect.Values
	err = s.inTx(ctx, func(tx conn) error {
		effect = contacts.PropertyEffect{}
		if err := tx.lockAccount(ctx, accountID); err != nil {
			return err
		}
		if err := tx.refuseUsedProperty(ctx, property.Property{AccountID: accountID, Key: key}, "deleted"); err != nil {
			return err
		}
		n, err := tx.Exec(ctx, "DELETE FROM properties WHERE account_id = ? AND key = ?", accountID, key)
		if err != nil {
			return err
		}
		if n == 0 {
			return noProperty(key)
		}
		if _, err := tx.Exec(ctx, "DELETE FROM attribute_definitions WHERE account_id = ? AND model = 'contact' AND property = ?", accountID, key); err != nil {
			return err
		}
		if err := tx.refuseBusy(ctx, accountID, key); err != nil {
			return err
		}
		if values > valuesInOne {
			effect.Values, effect.Converted = values, values
			effect.JobID, err = tx.queueValues(ctx, accountID, targeting.RemoveJob, targeting.Bulk{Property: key}, values)
			return err
		}
		return tx.eachValue(ctx, accountID, key, func(batch []attributed) error {
			for _, contact := range batch {
				contact.forget(key)
			}
			effect.Values += int64(len(batch))
			effect.Converted += int64(len(batch))
			return tx.writeAttributes(ctx, batch, 0)
		})
	})
	s.syncIndexes(ctx, err)
	return effect, err
}

// propertySet is the account's properties, ready to check values. Under the
// account's lock they stay as they are until the transaction ends.
func (tx conn) propertySet(ctx context.Context, accountID int64) (contacts.PropertySet, error) {
	list, err := tx.properties(ctx, accountID)
	if err != nil {
		return nil, err
	}
	return contacts.CompileProperties(list)
}
