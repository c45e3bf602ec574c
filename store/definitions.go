package store

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"

	"carillon/contacts"
	"carillon/contacts/property"
	"carillon/internal/fault"
	"carillon/store/sqldb"
)

const selectDefinition = `SELECT id, account_id, model, key, property, name, display, description, choices, pattern, cue, created_at, updated_at
	FROM attribute_definitions`

func scanDefinition(scan sqldb.Scan) (contacts.Definition, error) {
	var d contacts.Definition
	var choices []byte
	var created, updated sqldb.Time
	err := scan(&d.ID, &d.AccountID, &d.Model, &d.Key, &d.Property, &d.Name, &d.Display, &d.Description, &choices, &d.Pattern, &d.Cue, &created, &updated)
	if err != nil {
		return d, err
	}
	d.CreatedAt, d.UpdatedAt = created.Time, updated.Time
	if err := json.Unmarshal(choices, &d.Choices); err != nil {
		return d, fmt.Errorf("read choices of attribute %d: %w", d.ID, err)
	}
	return d, nil
}

// CreateDefinition keeps a new definition, and its property.
func (s *Store) CreateDefinition(ctx context.Context, d contacts.Definition, p *property.Property) (made contacts.Definition, err error) {
	err = s.inTx(ctx, func(tx conn) error {
		if err := tx.lockAccount(ctx, d.AccountID); err != nil {
			return err
		}
		var n int
		if err := tx.Row(ctx, "SELECT COUNT(*) FROM attribute_definitions WHERE account_id = ? AND model = ? AND key = ?", d.AccountID, string(d.Model), d.Key).
			Scan(&n); err != nil {
			return err
		}
		if n > 0 {
			return &fault.Error{Code: fault.Conflict, Message: "the key is taken", Fields: []fault.Field{{
				Location: "key", Value: d.Key, Message: "an attribute has this key already: choose another, or change that one",
			}}}
		}
		if err := tx.Row(ctx, "SELECT COUNT(*) FROM attribute_definitions WHERE account_id = ? AND model = ?", d.AccountID, string(d.Model)).Scan(&n); err != nil {
			return err
		}
		if p == nil && n >= contacts.MaxDefinitions {
			return fault.New(fault.Conflict, "conversations have %d attributes, which is the most: delete one that nobody needs", contacts.MaxDefinitions)
		}
		if p != nil {
			if _, err := tx.createProperty(ctx, *p, d); err != nil {
				return err
			}
		} else if _, err := tx.insertDefinition(ctx, d); err != nil {
			return err
		}
		made, err = scanDefinition(tx.Row(ctx, selectDefinition+" WHERE account_id = ? AND model = ? AND key = ?", d.AccountID, string(d.Model), d.Key).Scan)
		return err
	})
	return made, err
}

func (tx conn) insertDefinition(ctx context.Context, d contacts.Definition) (int64, error) {
	now := sqldb.Millis(tx.s.clock.Now())
	return tx.Insert(ctx, `INSERT INTO attribute_definitions (account_id, model, key, property, name, display, description, choices, pattern, cue,
		created_at, updated_at)
		VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
		d.AccountID, string(d.Model), d.Key, d.Property, d.Name, d.Display, d.Description, labelsJSON(d.Choices), d.Pattern, d.Cue, now, now)
}

// ListDefinitions lists an account's definitions.
func (s *Store) ListDefinitions(ctx context.Context, accountID int64) ([]contacts.Definition, error) {
	list, err := sqldb.Query(ctx, s.reader(), scanDefinition, selectDefinition+" WHERE account_id = ? ORDER BY id", accountID)
	return list, s.translate(err)
}

// UpdateDefinition changes what people are shown of an attribute.
func (s *Store) UpdateDefinition(ctx context.Context, accountID, id int64, change func(*contacts.Definition) error) (made contacts.Definition, err error) {
	err = s.inTx(ctx, func(tx conn) error {
		d, err := scanDefinition(tx.Row(ctx, selectDefinition+" WHERE id = ? AND account_id = ?"+tx.d.ForUpdate, id, accountID).Scan)
		if errors.Is(err, sql.ErrNoRows) {
			return fault.New(fault.NotFound, "there is no definition %d of an attribute", id)
		}
		if err != nil {
			return err
		}
		if err := change(&d); err != nil {
			return err
		}
		if _, err := tx.Exec(ctx, "UPDATE attribute_definitions SET name = ?, display = ?, description = ?, choices = ?, pattern = ?, cue = ?, updated_at = ? "+
			"WHERE id = ?", d.Name, d.Display, d.Description, labelsJSON(d.Choices), d.Pattern, d.Cue, sqldb.Millis(s.clock.Now()), id); err != nil {
			return err
		}
		made, err = scanDefinition(tx.Row(ctx, selectDefinition+" WHERE id = ?", id).Scan)
		return err
	})
	return made, err
}

// DeleteDefinition forgets a definition of conversations.
func (s *Store) DeleteDefinition(ctx context.Context, accountID, id int64) error {
	return s.inTx(ctx, func(tx conn) error {
		n, err := tx.Exec(ctx, "DELETE FROM attribute_definitions WHERE id = ? AND account_id = ? AND model <> 'contact'", id, accountID)
		if err == nil && n == 0 {
			err = fault.New(fault.NotFound, "there is no definition %d of an attribute", id)
		}
		return err
	})
}
