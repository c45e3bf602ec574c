package store

import (
	"context"
	"crypto/sha256"
	"database/sql"
	"encoding/hex"
	"errors"
	"strings"
	"time"

	"carillon/access"
	"carillon/internal/fault"
	"carillon/internal/secret"
	"carillon/store/sqldb"
)

// keyUsedEvery bounds how often a key's last use is written.
const keyUsedEvery = time.Minute

// keyColumns are what scanKey reads.
const keyColumns = "id, account_id, name, role, hint, created_at, last_used_at, revoked_at, api, channel_id, expires_at, operator"

func scanKey(scan sqldb.Scan) (access.Key, error) {
	var k access.Key
	var created, used, revoked, expires sqldb.Time
	err := scan(&k.ID, &k.AccountID, &k.Name, &k.Role, &k.Hint, &created, &used, &revoked, &k.API, &k.ChannelID, &expires, &k.Operator)
	k.CreatedAt, k.LastUsedAt, k.RevokedAt, k.ExpiresAt = created.Time, used.Ptr(), revoked.Ptr(), expires.Ptr()
	return k, err
}

func hashKey(key string) string {
	sum := sha256.Sum256([]byte(key))
	return hex.EncodeToString(sum[:])
}

// AddKey takes in a key that the operator chose, such as CARILLON_ADMIN_KEY. A
// key that the account has already is returned as it is.
func (s *Store) AddKey(ctx context.Context, k access.Key, key secret.String) (access.Key, error) {
	k.Name = strings.TrimSpace(k.Name)
	if err := access.CheckKey(k, key); err != nil {
		return access.Key{}, err
	}
	var made access.Key
	err := s.inTx(ctx, func(tx conn) (err error) {
		if k.ChannelID != 0 {
			if err := tx.ownsChannel(ctx, k.AccountID, k.ChannelID); err != nil {
				return err
			}
		}
		if k.ExpiresAt != nil {
			if err := tx.makeRoomForEnding(ctx, k.AccountID); err != nil {
				return err
			}
		}
		made, err = tx.takeKey(ctx, k, key)
		return err
	})
	if err == nil {
		err = usable(made, k)
	}
	if err != nil {
		return access.Key{}, err
	}
	return made, nil
}

// endedKept is for how long a key is listed that has ended by itself.
const endedKept = 7 * 24 * time.Hour

// makeRoomForEnding forgets keys that ended by themselves long ago, and refuses another where
// too many have not.
func (tx conn) makeRoomForEnding(ctx context.Context, accountID int64) error {
	if err := tx.lockAccount(ctx, accountID); err != nil {
		return err
	}
	now := tx.s.clock.Now()
	if _, err := tx.Exec(ctx, "DELETE FROM api_keys WHERE account_id = ? AND expires_at < ?", accountID, sqldb.Millis(now.Add(-endedKept))); err != nil {
		return err
	}
	var n int
	if err := tx.Row(ctx, "SELECT COUNT(*) FROM api_keys WHERE account_id = ? AND expires_at > ? AND revoked_at IS NULL", accountID, sqldb.Millis(now)).
		Scan(&n); err != nil {
		return err
	}
	if n >= access.MostEnding {
		return fault.New(fault.Conflict, "the account has %d keys that end by themselves: revoke some, or wait until they end (carillon keys ls)", n)
	}
	return nil
}

// takeKey keeps a key, or finds the one that it is.
func (tx conn) takeKey(ctx context.Context, k access.Key, key secret.String) (access.Key, error) {
	plain := key.Reveal()
	_, err := tx.Exec(ctx, `INSERT INTO api_keys (account_id, name, role, hash, hint, created_at, api, channel_id, expires_at, operator)
		VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT (hash) DO NOTHING`, k.AccountID, k.Name, string(k.Role), hashKey(plain), plain[len(plain)-4:],
		sqldb.Millis(tx.s.clock.Now()), k.API, k.ChannelID, sqldb.MillisPtr(k.ExpiresAt), k.Operator)
	if err != nil {
		return access.Key{}, err
	}
	return scanKey(tx.Row(ctx, "SELECT "+keyColumns+" FROM api_keys WHERE hash = ?", hashKey(plain)).Scan)
}

// usable refuses a key that is not what it was taken in as.
func usable(made, wanted access.Key) error {
	switch {
	case made.AccountID != wanted.AccountID:
		return fault.New(fault.Conflict, "another account has this key: choose another")
	case made.RevokedAt != nil:
		return fault.New(fault.Conflict, "this key was revoked (key %d, %q): choose another", made.ID, made.Name)
	case made.Operator != wanted.Operator:
		return fault.New(fault.Conflict, "this key exists (key %d, %q), and whether it is an operator's can't be changed: choose another", made.ID, made.Name)
	case made.Role != wanted.Role || made.API != wanted.API || made.ChannelID != wanted.ChannelID:
		return fault.New(fault.Conflict, "this key exists with the role %s (key %d, %q): choose another", made.Role, made.ID, made.Name)
	}
	return nil
}

// LookupKey finds the key that somebody presents, and notes that it was used.
// An unknown or revoked one is Unauthorized, one of a closed account Forbidden.
func (s *Store) LookupKey(ctx context.Context, presented secret.String) (access.Key, error) {
	var closed bool
	key, err := scanKey(func(to ...any) error {
		return s.reader().Row(ctx, "SELECT "+keyColumns+", (SELECT a.closed_at IS NOT NULL FROM accounts a WHERE a.id = api_keys.account_id) FROM api_keys "+
			"WHERE hash = ?",
			hashKey(presented.Reveal())).Scan(append(to, &closed)...)
	})
	now := s.clock.Now()
	if errors.Is(err, sql.ErrNoRows) || err == nil && (key.RevokedAt != nil || key.ExpiresAt != nil && !now.Before(*key.ExpiresAt)) {
		return access.Key{}, fault.New(fault.Unauthorized, "the API key is unknown or revoked, or its time is over")
	}
	if err != nil {
		return access.Key{}, s.translate(err)
	}
	if closed {
		account, err := s.GetAccount(ctx, key.AccountID)
		if err != nil {
			return access.Key{}, err
		}
		return access.Key{}, account.Closed()
	}
	if key.LastUsedAt == nil || now.Sub(*key.LastUsedAt) >= keyUsedEvery {
		err = s.inTx(ctx, func(tx conn) error {
			_, err := tx.Exec(ctx, "UPDATE api_keys SET last_used_at = ? WHERE id = ? AND (last_used_at IS NULL OR last_used_at <= ?)",
				sqldb.Millis(now), key.ID, sqldb.Millis(now.Add(-keyUsedEvery)))
			return err
		})
	}
	return key, err
}

// ListKeys lists an account's keys behind the id after, revoked ones included.
func (s *Store) ListKeys(ctx context.Context, accountID, after int64, limit int) ([]access.Key, error) {

	keys, err := sqldb.Query(ctx, s.reader(), scanKey, "SELECT "+keyColumns+" FROM api_keys WHERE account_id = ? AND id > ? ORDER BY id LIMIT ?",
		accountID, after, limit)
	return keys, s.translate(err)
}

// RevokeKey ends a key: no request that begins after it succeeds. The last
// working admin key can't be revoked, because nobody could make another.
func (s *Store) RevokeKey(ctx context.Context, accountID, id int64) error {
	return s.inTx(ctx, func(tx conn) error {
		if err := tx.lockAccount(ctx, accountID); err != nil {
			return err
		}
		key, err := scanKey(tx.Row(ctx, "SELECT "+keyColumns+" FROM api_keys WHERE id = ? AND account_id = ?", id, accountID).Scan)
		if errors.Is(err, sql.ErrNoRows) {
			return fault.New(fault.NotFound, "there is no key %d", id)
		}
		if err != nil || key.RevokedAt != nil {
			return err
		}
		// Keys that end by themselves, or open another API alone, can make no other.
		var others int
		if err := tx.Row(ctx, `SELECT COUNT(*) FROM api_keys WHERE account_id = ? AND id <> ? AND role = ? AND revoked_at IS NULL
				AND expires_at IS NULL AND api = ''`,
			accountID, id, string(access.Admin)).Scan(&others); err != nil {
			return err
		}
		if key.Role == access.Admin && key.API == "" && key.ExpiresAt == nil && others == 0 {
			return fault.New(fault.Conflict, "key %d (%q) is the last admin key: make another before you revoke it", id, key.Name)
		}
		if err := tx.notLastOperator(ctx, key); err != nil {
			return err
		}
		_, err = tx.Exec(ctx, "UPDATE api_keys SET revoked_at = ? WHERE id = ?", sqldb.Millis(s.clock.Now()), id)
		return err
	})
}

// notLastOperator refuses to end the last operator's key that works.
func (tx conn) notLastOperator(ctx context.Context, key access.Key) error {
	if !key.Operator {
		return nil
	}
	others, err := sqldb.IDs(ctx, tx, "SELECT id FROM api_keys WHERE operator AND id <> ? AND revoked_at IS NULL ORDER BY id"+tx.d.ForUpdate, key.ID)
	if err == nil && len(others) == 0 {
		err = fault.New(fault.Conflict, "key %d (%q) is the last operator's key: make another before you revoke it (carillon keys create --operator)",
			key.ID, key.Name)
	}
	return err
}

// ReplaceKey ends a key of the caller's account and keeps another with all that it had, in
// one step.
func (s *Store) ReplaceKey(ctx context.Context, caller access.Caller, id int64, key secret.String) (made access.Key, err error) {
	accountID := caller.AccountID
	err = s.inTx(ctx, func(tx conn) error {
		if err := tx.lockAccount(ctx, accountID); err != nil {
			return err
		}
		was, err := scanKey(tx.Row(ctx, "SELECT "+keyColumns+" FROM api_keys WHERE id = ? AND account_id = ?", id, accountID).Scan)
		switch {
		case errors.Is(err, sql.ErrNoRows):
			return fault.New(fault.NotFound, "there is no key %d", id)
		case err != nil:
			return err
		case was.RevokedAt != nil:
			return fault.New(fault.Conflict, "key %d (%q) is revoked: make another", id, was.Name)
		case was.Operator && !caller.Operator:
			return fault.New(fault.Forbidden, "key %d (%q) is an operator's: only an operator's key can replace it", id, was.Name)
		}
		if _, err := tx.Exec(ctx, "UPDATE api_keys SET revoked_at = ? WHERE id = ?", sqldb.Millis(s.clock.Now()), id); err != nil {
			return err
		}
		if made, err = tx.takeKey(ctx, was, key); err != nil {
			return err
		}
		_, err = tx.Exec(ctx, "UPDATE webhooks SET key_id = ? WHERE key_id = ? AND account_id = ?", made.ID, id, accountID)
		return err
	})
	return made, err
}
