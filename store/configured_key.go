package store

import (
	"context"
	"database/sql"
	"errors"
	"strconv"

	"carillon/access"
	"carillon/internal/fault"
	"carillon/internal/secret"
	"carillon/store/sqldb"
)

// Names in meta. The value of configuredKey is the id of the key that the
// configuration named last; a key that gave way to another one has a row of its
// own, by which it is told from one that a person revoked.
const (
	configuredKey   = "configured_admin_key"
	replacedKeyStem = "replaced_admin_key:"
)

// ConfiguredKeyName is the name of the key that the configuration holds.
const ConfiguredKeyName = "configured admin key"

// ConfigureAdminKey makes the configuration's admin key the one that holds: it
// is taken in, and the one that was configured before is revoked. An empty key
// says that none is configured any more. One that was replaced may be configured
// again; one that a person revoked is a Conflict. It returns the keys that gave
// way.
func (s *Store) ConfigureAdminKey(ctx context.Context, accountID int64, key secret.String) (replaced []access.Key, err error) {
	if !key.Empty() {
		if err := access.CheckKey(access.Key{Name: ConfiguredKeyName, Role: access.Admin, Operator: true}, key); err != nil {
			return nil, err
		}
	}
	err = s.inTx(ctx, func(tx conn) error {
		replaced = nil
		if err := tx.lockAccount(ctx, accountID); err != nil {
			return err
		}
		before, err := tx.configuredBefore(ctx, accountID)
		if err != nil {
			return err
		}
		var now access.Key
		if !key.Empty() {
			if now, err = tx.takeConfigured(ctx, accountID, key); err != nil {
				return err
			}
		}
		for _, k := range before {
			if k.ID == now.ID || k.RevokedAt != nil {
				continue
			}
			if _, err := tx.Exec(ctx, "UPDATE api_keys SET revoked_at = ? WHERE id = ?", sqldb.Millis(s.clock.Now()), k.ID); err != nil {
				return err
			}
			if _, err := tx.Exec(ctx, "INSERT INTO meta (name, value) VALUES (?, '') ON CONFLICT (name) DO NOTHING",
				replacedKeyStem+strconv.FormatInt(k.ID, 10)); err != nil {
				return err
			}
			replaced = append(replaced, k)
		}
		_, err = tx.Exec(ctx, "INSERT INTO meta (name, value) VALUES (?, ?) ON CONFLICT (name) DO UPDATE SET value = excluded.value",
			configuredKey, strconv.FormatInt(now.ID, 10))
		return err
	})
	return replaced, err
}

// configuredBefore is the key that was configured before. Older versions did not
// write down which it was, so that all those of its name are.
func (tx conn) configuredBefore(ctx context.Context, accountID int64) (keys []access.Key, err error) {
	which, args := "id = (SELECT CAST(value AS BIGINT) FROM meta WHERE name = ?)", []any{configuredKey}
	var noted string
	err = tx.Row(ctx, "SELECT value FROM meta WHERE name = ?", configuredKey).Scan(&noted)
	if errors.Is(err, sql.ErrNoRows) {
		which, args = "name = ? AND role = ?", []any{ConfiguredKeyName, string(access.Admin)}
	} else if err != nil {
		return nil, err
	}
	keys, err = sqldb.Query(ctx, tx, scanKey, "SELECT "+keyColumns+" FROM api_keys k WHERE k.account_id = ? AND "+which+" ORDER BY k.id",
		append([]any{accountID}, args...)...)
	return keys, err
}

// takeConfigured takes the configured key in, or back in if it had given way to
// another one.
func (tx conn) takeConfigured(ctx context.Context, accountID int64, key secret.String) (access.Key, error) {
	k, err := tx.takeKey(ctx, access.Key{AccountID: accountID, Name: ConfiguredKeyName, Role: access.Admin, Operator: true}, key)
	if err != nil {
		return k, err
	}
	if k.RevokedAt != nil {
		n, err := tx.Exec(ctx, "DELETE FROM meta WHERE name = ?", replacedKeyStem+strconv.FormatInt(k.ID, 10))
		if err != nil {
			return k, err
		}
		if n == 0 {
			return k, fault.New(fault.Conflict, "the configured admin key (CARILLON_ADMIN_KEY) was revoked (key %d, %q): configure another, or none", k.ID, k.Name)
		}
		if _, err := tx.Exec(ctx, "UPDATE api_keys SET revoked_at = NULL WHERE id = ?", k.ID); err != nil {
			return k, err
		}
		k.RevokedAt = nil
	}
	if k.AccountID == accountID && !k.Operator {
		// Whoever configures the server operates it, whoever made the key before.
		if _, err := tx.Exec(ctx, "UPDATE api_keys SET operator = ? WHERE id = ?", true, k.ID); err != nil {
			return k, err
		}
		k.Operator = true
	}
	return k, usable(k, access.Key{AccountID: accountID, Role: access.Admin, Operator: true})
}

// HasAdmin reports whether an account has an admin key that works.
func (s *Store) HasAdmin(ctx context.Context, accountID int64) (has bool, err error) {
	err = s.reader().Row(ctx, "SELECT EXISTS (SELECT 1 FROM api_keys WHERE account_id = ? AND role = ? AND revoked_at IS NULL)",
		accountID, string(access.Admin)).Scan(&has)
	return has, s.translate(err)
}
