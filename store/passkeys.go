package store

import (
	"context"
	"database/sql"
	"encoding/base64"
	"errors"
	"strings"

	"carillon/access"
	"carillon/internal/fault"
	"carillon/internal/secret"
	"carillon/store/sqldb"
)

// inURL is how bytes are kept that browsers send.
var inURL = base64.RawURLEncoding

// HandleOf is what passkeys know a user by: fresh, where there was none yet.
func (s *Store) HandleOf(ctx context.Context, userID int64, fresh []byte) (handle []byte, err error) {
	const query = "SELECT handle FROM users WHERE id = ?"
	var kept string
	if err := s.reader().Row(ctx, query, userID).Scan(&kept); err != nil {
		return nil, s.translate(noUser(err))
	}
	if kept == "" {
		err = s.inTx(ctx, func(tx conn) error {
			if _, err := tx.Exec(ctx, "UPDATE users SET handle = ? WHERE id = ? AND handle = ''", inURL.EncodeToString(fresh), userID); err != nil {
				return err
			}
			return noUser(tx.Row(ctx, query, userID).Scan(&kept))
		})
		if err != nil {
			return nil, err
		}
	}
	return inURL.DecodeString(kept)
}

// UserByHandle is NotFound if it is nobody's.
func (s *Store) UserByHandle(ctx context.Context, handle []byte) (access.User, error) {
	u, err := scanUser(s.reader().Row(ctx, "SELECT "+userColumns+" FROM users u WHERE u.handle = ? AND u.handle <> ''", inURL.EncodeToString(handle)).Scan)
	return u, s.translate(noUser(err))
}

const passkeyColumns = "k.id, k.user_id, k.name, k.credential, k.public_key, k.transports, k.flags, k.sign_count, k.created_at, k.used_at, k.source"

func scanPasskey(scan sqldb.Scan) (k access.Passkey, err error) {
	var credential, key, transports string
	var created, used sqldb.Time
	if err := scan(&k.ID, &k.UserID, &k.Name, &credential, &key, &transports, &k.Flags, &k.Count, &created, &used, &k.Source); err != nil {
		return k, err
	}
	k.Transports, k.CreatedAt, k.UsedAt = strings.Fields(transports), created.Time, used.Ptr()
	if k.Credential, err = inURL.DecodeString(credential); err == nil {
		k.Key, err = inURL.DecodeString(key)
	}
	return k, err
}

// Passkeys are a user's, the oldest first.
func (s *Store) Passkeys(ctx context.Context, userID int64) ([]access.Passkey, error) {
	list, err := sqldb.Query(ctx, s.reader(), scanPasskey, "SELECT "+passkeyColumns+" FROM user_passkeys k WHERE k.user_id = ? ORDER BY k.id", userID)
	return list, s.translate(err)
}

// AddPasskey keeps one, and recovery codes where there are none, and reports whether it did that.
// All sessions end but the one that is kept.
func (s *Store) AddPasskey(ctx context.Context, k access.Passkey, recovery []secret.String, keep int64) (made access.Passkey, first bool, err error) {
	credential := inURL.EncodeToString(k.Credential)
	err = s.inTx(ctx, func(tx conn) error {
		if err := tx.lockUser(ctx, k.UserID); err != nil {
			return err
		}
		var has, codes int
		var known bool
		if err := tx.Row(ctx, `SELECT (SELECT COUNT(*) FROM user_passkeys WHERE user_id = ?), (SELECT COUNT(*) FROM user_recovery WHERE user_id = ?),
			EXISTS (SELECT 1 FROM user_passkeys WHERE credential = ?)`, k.UserID, k.UserID, credential).Scan(&has, &codes, &known); err != nil {
			return err
		}
		switch {
		case known:
			return fault.New(fault.Conflict, "this passkey is known already")
		case has >= access.MostPasskeys:
			return access.TooManyPasskeys()
		}
		id, err := tx.Insert(ctx, `INSERT INTO user_passkeys (user_id, name, credential, public_key, transports, flags, sign_count, created_at)
			VALUES (?, ?, ?, ?, ?, ?, ?, ?)`, k.UserID, clean(k.Name), credential, inURL.EncodeToString(k.Key), strings.Join(k.Transports, " "), k.Flags,
			k.Count, sqldb.Millis(s.clock.Now()))
		if err != nil {
			return err
		}
		if first = codes == 0; first {
			if err := tx.addRecovery(ctx, k.UserID, recovery); err != nil {
				return err
			}
		}
		if _, err := tx.endSessions(ctx, k.UserID, keep); err != nil {
			return err
		}
		made, err = scanPasskey(tx.Row(ctx, "SELECT "+passkeyColumns+" FROM user_passkeys k WHERE k.id = ?", id).Scan)
		return err
	})
	return made, first, err
}

// onePasskey is NotFound where nothing was changed.
func onePasskey(id, n int64, err error) error {
	if err == nil && n == 0 {
		err = fault.New(fault.NotFound, "you have no passkey %d", id)
	}
	return err
}

// RenamePasskey is NotFound if the user has no such passkey.
func (s *Store) RenamePasskey(ctx context.Context, userID, id int64, name string) error {
	return s.inTx(ctx, func(tx conn) error {
		n, err := tx.Exec(ctx, "UPDATE user_passkeys SET name = ? WHERE id = ? AND user_id = ?", clean(name), id, userID)
		return onePasskey(id, n, err)
	})
}

// RemovePasskey is NotFound if the user has no such passkey. All sessions end but the one that is
// kept, and with the last second factor the recovery codes.
func (s *Store) RemovePasskey(ctx context.Context, userID, id, keep int64) error {
	return s.inTx(ctx, func(tx conn) error {
		if err := tx.lockUser(ctx, userID); err != nil {
			return err
		}
		n, err := tx.Exec(ctx, "DELETE FROM user_passkeys WHERE id = ? AND user_id = ?", id, userID)
		if err := onePasskey(id, n, err); err != nil {
			return err
		}
		if err := tx.dropRecovery(ctx, userID); err != nil {
			return err
		}
		_, err = tx.endSessions(ctx, userID, keep)
		return err
	})
}

// UsePasskey notes a use, and reports whether the counter rose by it, or it has none.
func (s *Store) UsePasskey(ctx context.Context, k access.Passkey) (risen bool, err error) {
	err = s.inTx(ctx, func(tx conn) error {
		n, err := tx.Exec(ctx, `UPDATE user_passkeys SET sign_count = ?, flags = ?, used_at = ?, source = ?
			WHERE id = ? AND user_id = ? AND (sign_count < ? OR sign_count = 0 AND ?)`,
			k.Count, k.Flags, sqldb.MillisPtr(k.UsedAt), k.Source, k.ID, k.UserID, k.Count, k.Count == 0)
		risen = n == 1
		return err
	})
	return risen, err
}

// AddChallenge keeps one. The oldest of more than access.MostChallenges, and of more than
// access.MostChallengesEach of one user or network, end.
func (s *Store) AddChallenge(ctx context.Context, c access.Challenge) error {
	return s.inTx(ctx, func(tx conn) error {
		if _, err := tx.Exec(ctx, `DELETE FROM passkey_challenges WHERE user_id = ? AND source = ? AND hash NOT IN
			(SELECT hash FROM passkey_challenges WHERE user_id = ? AND source = ? ORDER BY ends_at DESC, hash LIMIT ?)`,
			c.UserID, c.Source, c.UserID, c.Source, access.MostChallengesEach-1); err != nil {
			return err
		}
		if _, err := tx.Exec(ctx, `DELETE FROM passkey_challenges WHERE ends_at < (SELECT MIN(n.ends_at) FROM
			(SELECT ends_at FROM passkey_challenges ORDER BY ends_at DESC LIMIT ?) n)`, access.MostChallenges-1); err != nil {
			return err
		}
		_, err := tx.Exec(ctx, "INSERT INTO passkey_challenges (hash, challenge, user_id, source, ends_at) VALUES (?, ?, ?, ?, ?)",
			hashKey(c.Token.Reveal()), c.Value, c.UserID, c.Source, sqldb.Millis(c.EndsAt))
		return err
	})
}

// TakeChallenge uses one up. It is NotFound if the user (0: whoever signs in) has none that has not
// ended.
func (s *Store) TakeChallenge(ctx context.Context, token secret.String, userID int64) (c access.Challenge, err error) {
	gone := fault.New(fault.NotFound, "there is no such challenge")
	err = s.inTx(ctx, func(tx conn) error {
		var ends sqldb.Time
		c = access.Challenge{Token: token, UserID: userID}
		hash := hashKey(token.Reveal())
		err := tx.Row(ctx, "SELECT challenge, source, ends_at FROM passkey_challenges WHERE hash = ? AND user_id = ? AND ends_at > ?", hash, userID,
			sqldb.Millis(s.clock.Now())).Scan(&c.Value, &c.Source, &ends)
		if errors.Is(err, sql.ErrNoRows) {
			return gone
		}
		if err != nil {
			return err
		}
		c.EndsAt = ends.Time
		// Of two who come with one the second finds it gone.
		n, err := tx.Exec(ctx, "DELETE FROM passkey_challenges WHERE hash = ?", hash)
		if err == nil && n == 0 {
			err = gone
		}
		return err
	})
	return c, err
}
