package store

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"

	"carillon/internal/fault"
	"carillon/store/sqldb"
	"carillon/variables"
)

const selectVariable = "SELECT account_id, name, value, in_group, description, disabled, created_at, updated_at FROM variables"

func scanVariable(scan sqldb.Scan) (variables.Variable, error) {
	var v variables.Variable
	var value string
	var created, updated sqldb.Time
	err := scan(&v.AccountID, &v.Name, &value, &v.Group, &v.Description, &v.Disabled, &created, &updated)
	v.Value, v.CreatedAt, v.UpdatedAt = json.RawMessage(value), created.Time, updated.Time
	return v, err
}

func noVariable(name string) error { return fault.New(fault.NotFound, "there is no variable %q", name) }

// GetVariable is one variable.
func (s *Store) GetVariable(ctx context.Context, accountID int64, name string) (variables.Variable, error) {
	v, err := scanVariable(s.reader().Row(ctx, selectVariable+" WHERE account_id = ? AND name = ?", accountID, name).Scan)
	if errors.Is(err, sql.ErrNoRows) {
		return variables.Variable{}, noVariable(name)
	}
	return v, s.translate(err)
}

// ListVariables lists variables behind the name after, by name.
func (s *Store) ListVariables(ctx context.Context, accountID int64, after string, limit int) ([]variables.Variable, error) {
	list, err := sqldb.Query(ctx, s.reader(), scanVariable, selectVariable+" WHERE account_id = ? AND name > ? ORDER BY name LIMIT ?", accountID, after, limit)
	return list, s.translate(err)
}

// SetVariable keeps a variable, new or instead of the one of its name, if there is room.
func (s *Store) SetVariable(ctx context.Context, v variables.Variable, most int) (set variables.Variable, err error) {
	err = s.inTx(ctx, func(tx conn) error {
		if err := tx.lockAccount(ctx, v.AccountID); err != nil {
			return err
		}
		var others int
		if err := tx.Row(ctx, "SELECT COUNT(*) FROM variables WHERE account_id = ? AND name <> ?", v.AccountID, v.Name).Scan(&others); err != nil {
			return err
		}
		if others >= most {
			return fault.New(fault.Conflict, "there are %d variables already: delete one that is not needed", others)
		}
		now := sqldb.Millis(s.clock.Now())
		_, err := tx.Exec(ctx, `INSERT INTO variables (account_id, name, value, in_group, description, disabled, created_at, updated_at)
			VALUES (?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT (account_id, name) DO UPDATE SET value = excluded.value, in_group = excluded.in_group,
			description = excluded.description, disabled = excluded.disabled, updated_at = excluded.updated_at`,
			v.AccountID, v.Name, string(v.Value), v.Group, v.Description, v.Disabled, now, now)
		if err != nil {
			return err
		}
		set, err = scanVariable(tx.Row(ctx, selectVariable+" WHERE account_id = ? AND name = ?", v.AccountID, v.Name).Scan)
		return err
	})
	return set, err
}

// DeleteVariable forgets a variable.
func (s *Store) DeleteVariable(ctx context.Context, accountID int64, name string) error {
	return s.inTx(ctx, func(tx conn) error {
		n, err := tx.Exec(ctx, "DELETE FROM variables WHERE account_id = ? AND name = ?", accountID, name)
		if err == nil && n == 0 {
			return noVariable(name)
		}
		return err
	})
}
