package store

import (
	"context"
	"crypto/sha256"
	"database/sql"
	"encoding/hex"
	"errors"
	"strconv"
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
const keyColumns = "k.id, k.account_id, k.name, k.role, k.hint, k.created_at, k.last_used_at, k.last_used_from, k.revoked_at, k.api, k.channel_id, k.scopes, " +
	"k.networks, k.rate, k.expires_at, k.operator"

func scanKey(scan sqldb.Scan) (access.Key, error) {
	var k access.Key
	var created, used, revoked, expires sqldb.Time
	var scopes, networks string
	err := scan(&k.ID, &k.AccountID, &k.Name, &k.Role, &k.Hint, &created, &used, &k.LastUsedFrom, &revoked, &k.API, &k.ChannelID, &scopes,
		&networks, &k.Rate, &expires, &k.Operator)
	if err != nil {
		return k, err
	}
	k.CreatedAt, k.LastUsedAt, k.RevokedAt, k.ExpiresAt = created.Time, used.Ptr(), revoked.Ptr(), expires.Ptr()
	k.Scopes = access.ScopesOf(scopes)
	k.Networks, err = access.ParseNetworks("networks", strings.Fields(networks))
	return k, err
}

// keyOf is a key of an account; NotFound if there is none.
func (tx conn) keyOf(ctx context.Context, accountID, id int64) (access.Key, error) {
	k, err := scanKey(tx.Row(ctx, "SELECT "+keyColumns+" FROM api_keys k WHERE k.id = ? AND k.account_id = ?", id, accountID).Scan)
	if errors.Is(err, sql.ErrNoRows) {
		err = fault.New(fault.NotFound, "there is no key %d", id)
	}
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
	const long = "FROM api_keys WHERE account_id = ? AND expires_at < ?"
	for _, gone := range []string{"DELETE FROM replaced_keys WHERE key_id IN (SELECT id " + long + ")", "DELETE " + long} {
		if _, err := tx.Exec(ctx, gone, accountID, sqldb.Millis(now.Add(-endedKept))); err != nil {
			return err
		}
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
	var was int64
	err := tx.Row(ctx, "SELECT key_id FROM replaced_keys WHERE hash = ?", hashKey(key.Reveal())).Scan(&was)
	if err == nil {
		return access.Key{}, fault.New(fault.Conflict, "this is what key %d was before it was rotated: choose another", was)
	}
	if !errors.Is(err, sql.ErrNoRows) {
		return access.Key{}, err
	}
	_, err = tx.Exec(ctx, `INSERT INTO api_keys (account_id, name, role, hash, hint, created_at, api, channel_id, scopes, networks, rate, expires_at, operator)
		VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT (hash) DO NOTHING`, k.AccountID, k.Name, string(k.Role), hashKey(key.Reveal()), hintOf(key),
		sqldb.Millis(tx.s.clock.Now()), k.API, k.ChannelID, k.Scopes.String(), access.NetworksText(k.Networks), k.Rate, sqldb.MillisPtr(k.ExpiresAt), k.Operator)
	if err != nil {
		return access.Key{}, err
	}
	return scanKey(tx.Row(ctx, "SELECT "+keyColumns+" FROM api_keys k WHERE k.hash = ?", hashKey(key.Reveal())).Scan)
}

// hintOf are the last characters of a key.
func hintOf(key secret.String) string { return key.Reveal()[len(key.Reveal())-4:] }

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

// LookupKey finds the key that somebody presents from an address, and notes that it was used.
// An unknown or revoked one is Unauthorized, one of a closed account or that is not taken from
// there Forbidden.
func (s *Store) LookupKey(ctx context.Context, presented secret.String, source string) (access.Key, error) {
	var closed bool
	now, hash := s.clock.Now(), hashKey(presented.Reveal())
	find := func(which string, args ...any) (access.Key, error) {
		return scanKey(func(to ...any) error {
			return s.reader().Row(ctx, "SELECT "+keyColumns+", (SELECT a.closed_at IS NOT NULL FROM accounts a WHERE a.id = k.account_id) FROM api_keys k WHERE "+
				which, args...).Scan(append(to, &closed)...)
		})
	}
	use := (*Store).noteKeyUsed
	key, err := find("k.hash = ?", hash)
	if errors.Is(err, sql.ErrNoRows) {
		use = (*Store).noteReplacedUsed
		key, err = find("k.id = (SELECT r.key_id FROM replaced_keys r WHERE r.hash = ? AND r.ends_at > ?)", hash, sqldb.Millis(now))
	}
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
		return key, account.Closed()
	}
	if err := key.CheckFrom(source); err != nil {
		return key, err
	}
	return key, use(s, ctx, key, keyUse{hash, source, now})
}

// keyUse is one use of a key.
type keyUse struct {
	hash, source string
	at           time.Time
}

// noteKeyUsed notes that a key was used, if it is a while since it was noted last.
func (s *Store) noteKeyUsed(ctx context.Context, key access.Key, u keyUse) error {
	if key.LastUsedAt != nil && u.at.Sub(*key.LastUsedAt) < keyUsedEvery {
		return nil
	}
	return s.inTx(ctx, func(tx conn) error {
		_, err := tx.Exec(ctx, "UPDATE api_keys SET last_used_at = ?, last_used_from = ? WHERE id = ? AND (last_used_at IS NULL OR last_used_at <= ?)",
			sqldb.Millis(u.at), u.source, key.ID, sqldb.Millis(u.at.Add(-keyUsedEvery)))
		return err
	})
}

// noteReplacedUsed notes that somebody still has what a key was before: both that, and the key,
// were used.
func (s *Store) noteReplacedUsed(ctx context.Context, key access.Key, u keyUse) error {
	var before sqldb.Time
	err := s.reader().Row(ctx, "SELECT last_used_at FROM replaced_keys WHERE hash = ?", u.hash).Scan(&before)
	if err == nil && u.at.Sub(before.Time) >= keyUsedEvery {
		err = s.inTx(ctx, func(tx conn) error {
			_, err := tx.Exec(ctx, "UPDATE replaced_keys SET last_used_at = ? WHERE hash = ?", sqldb.Millis(u.at), u.hash)
			return err
		})
	}
	if err != nil {
		return s.translate(err)
	}
	return s.noteKeyUsed(ctx, key, u)
}

// ListKeys lists an account's keys behind the id after, revoked ones included.
func (s *Store) ListKeys(ctx context.Context, accountID, after int64, limit int) ([]access.Key, error) {
	keys, err := sqldb.Query(ctx, s.reader(), scanKey, "SELECT "+keyColumns+" FROM api_keys k WHERE k.account_id = ? AND k.id > ? ORDER BY k.id LIMIT ?",
		accountID, after, limit)
	if err == nil {
		err = s.reader().nameReplaced(ctx, keys)
	}
	return keys, s.translate(err)
}

// nameReplaced writes into keys what they were before and still opens.
func (tx conn) nameReplaced(ctx context.Context, keys []access.Key) error {
	ids, at := make([]int64, len(keys)), map[int64]int{}
	for i, k := range keys {
		ids[i], at[k.ID] = k.ID, i
	}
	return sqldb.Each(ctx, tx, func(scan sqldb.Scan) error {
		var id int64
		var ends, used sqldb.Time
		err := scan(&id, &ends, &used)
		keys[at[id]].Replaced = &access.ReplacedKey{EndsAt: ends.Time, LastUsedAt: used.Ptr()}
		return err
	}, "SELECT key_id, ends_at, last_used_at FROM replaced_keys WHERE key_id "+tx.d.InIDs+" AND ends_at > ?", tx.d.IDList(ids), sqldb.Millis(tx.s.clock.Now()))
}

// RevokeKey ends a key: no request that begins after it succeeds. The last
// working admin key can't be revoked, because nobody could make another.
func (s *Store) RevokeKey(ctx context.Context, accountID, id int64) error {
	return s.inTx(ctx, func(tx conn) error {
		if err := tx.lockAccount(ctx, accountID); err != nil {
			return err
		}
		key, err := tx.keyOf(ctx, accountID, id)
		if err != nil || key.RevokedAt != nil {
			return err
		}
		if err := tx.notLastAdmin(ctx, key); err != nil {
			return err
		}
		if err := tx.notLastOperator(ctx, key); err != nil {
			return err
		}
		_, err = tx.Exec(ctx, "UPDATE api_keys SET revoked_at = ? WHERE id = ?", sqldb.Millis(s.clock.Now()), id)
		return err
	})
}

// notLastAdmin refuses to end, or to bind, the last admin key that works. Those that end by
// themselves, or are bound, can make no other.
func (tx conn) notLastAdmin(ctx context.Context, key access.Key) error {
	if key.Role != access.Admin || key.Bound() || key.ExpiresAt != nil {
		return nil
	}
	var others int
	err := tx.Row(ctx, `SELECT COUNT(*) FROM api_keys WHERE account_id = ? AND id <> ? AND role = ? AND revoked_at IS NULL AND expires_at IS NULL
		AND api = '' AND channel_id = 0 AND scopes = ''`, key.AccountID, key.ID, string(access.Admin)).Scan(&others)
	if err == nil && others == 0 {
		err = fault.New(fault.Conflict, "key %d (%q) is the last admin key: make another before you revoke or bind it", key.ID, key.Name)
	}
	return err
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

// changeable is a key of the caller's account that the caller may change and that works.
func (tx conn) changeable(ctx context.Context, caller access.Caller, id int64) (access.Key, error) {
	if err := tx.lockAccount(ctx, caller.AccountID); err != nil {
		return access.Key{}, err
	}
	k, err := tx.keyOf(ctx, caller.AccountID, id)
	switch {
	case err != nil:
	case k.RevokedAt != nil:
		err = fault.New(fault.Conflict, "key %d (%q) is revoked: make another", id, k.Name)
	case k.Operator && !caller.Operator:
		err = fault.New(fault.Forbidden, "key %d (%q) is an operator's: only an operator's key can change it", id, k.Name)
	}
	return k, err
}

// mostReplaced is how many of what a key was are known: a program may rotate its own for ever.
const mostReplaced = 100

// ReplaceKey gives a key of the caller's account another secret, in one step. The one that it
// had opens until the overlap is over, one that it had before that no more.
func (s *Store) ReplaceKey(ctx context.Context, caller access.Caller, r access.Replacement) (k access.Key, err error) {
	err = s.inTx(ctx, func(tx conn) error {
		if k, err = tx.changeable(ctx, caller, r.ID); err != nil {
			return err
		}
		var configured bool
		const of = "SELECT EXISTS (SELECT 1 FROM meta WHERE name = ? AND value = ?)"
		if err := tx.Row(ctx, of, configuredKey, strconv.FormatInt(r.ID, 10)).Scan(&configured); err != nil {
			return err
		}
		if configured {
			return fault.New(fault.Conflict, "key %d (%q) is the configuration's: change it there (CARILLON_ADMIN_KEY), and start again", r.ID, k.Name)
		}
		now := s.clock.Now()
		if _, err := tx.Exec(ctx, "UPDATE replaced_keys SET ends_at = ? WHERE key_id = ? AND ends_at > ?", sqldb.Millis(now), r.ID, sqldb.Millis(now)); err != nil {
			return err
		}
		ends := now.Add(r.Overlap)
		if _, err := tx.Exec(ctx, "INSERT INTO replaced_keys (hash, key_id, ends_at) SELECT hash, id, CAST(? AS BIGINT) FROM api_keys WHERE id = ?",
			sqldb.Millis(ends), r.ID); err != nil {
			return err
		}
		if _, err := tx.Exec(ctx, `DELETE FROM replaced_keys WHERE key_id = ? AND ends_at <= ? AND hash NOT IN
			(SELECT b.hash FROM replaced_keys b WHERE b.key_id = ? ORDER BY b.ends_at DESC, b.hash LIMIT ?)`,
			r.ID, sqldb.Millis(now), r.ID, mostReplaced); err != nil {
			return err
		}
		k.Hint = hintOf(r.Key)
		if r.Overlap > 0 {
			k.Replaced = &access.ReplacedKey{EndsAt: ends}
		}
		_, err := tx.Exec(ctx, "UPDATE api_keys SET hash = ?, hint = ? WHERE id = ?", hashKey(r.Key.Reveal()), k.Hint, r.ID)
		return err
	})
	return k, err
}

// ChangeKey changes the name, the bounds and the end of a key of the caller's account. It is
// Invalid if CheckKey says so of what it becomes, and a Conflict for the last admin key that is
// not bound, if it then were.
func (s *Store) ChangeKey(ctx context.Context, caller access.Caller, id int64, c access.KeyChange) (k access.Key, err error) {
	err = s.inTx(ctx, func(tx conn) error {
		was, err := tx.changeable(ctx, caller, id)
		if err != nil {
			return err
		}
		k = c.Of(was)
		k.Name = strings.TrimSpace(k.Name)
		if err := access.CheckBounds(k); err != nil {
			return err
		}
		if k.Bound() || k.ExpiresAt != nil {
			if err := tx.notLastAdmin(ctx, was); err != nil {
				return err
			}
		}
		if k.ExpiresAt != nil && was.ExpiresAt == nil {
			if err := tx.makeRoomForEnding(ctx, k.AccountID); err != nil {
				return err
			}
		}
		_, err = tx.Exec(ctx, "UPDATE api_keys SET name = ?, scopes = ?, networks = ?, rate = ?, expires_at = ? WHERE id = ?",
			k.Name, k.Scopes.String(), access.NetworksText(k.Networks), k.Rate, sqldb.MillisPtr(k.ExpiresAt), id)
		return err
	})
	if err == nil {
		list := []access.Key{k}
		err = s.reader().nameReplaced(ctx, list)
		k = list[0]
	}
	return k, s.translate(err)
}
