package store

import (
	"context"
	"database/sql"
	"errors"
	"strings"
	"time"

	"carillon/access"
	"carillon/internal/fault"
	"carillon/internal/secret"
	"carillon/store/sqldb"
)

const (
	// seenEvery bounds how often it is written when a session was last used.
	seenEvery = time.Minute
	// devicesKept is how many browsers are known of a user, for as long as deviceLasts.
	devicesKept = 20
	deviceLasts = 180 * 24 * time.Hour
	// mostAgent bounds what is kept of a browser's name.
	mostAgent = 200
)

const sessionColumns = "s.id, s.user_id, s.account_id, s.created_at, s.seen_at, s.ends_at, s.source, s.agent, s.methods, s.provider_id"

// sessionScan are the places for sessionColumns; settle fills in what they don't hold themselves.
func sessionScan(s *access.Session) (places []any, settle func()) {
	var created, seen, ends sqldb.Time
	var methods string
	return []any{&s.ID, &s.UserID, &s.AccountID, &created, &seen, &ends, &s.Source, &s.Agent, &methods, &s.Through}, func() {
		s.CreatedAt, s.SeenAt, s.EndsAt, s.Methods = created.Time, seen.Time, ends.Time, strings.Fields(methods)
	}
}

// AddSession keeps a session in the place of another (0: of none), and what the browser keeps to
// be known by. The oldest of more than access.MostSessions ends.
func (s *Store) AddSession(ctx context.Context, session access.Session, secrets access.SessionSecrets, replaces int64) (access.Session, error) {
	now := sqldb.Millis(session.CreatedAt)
	if agent := []rune(strings.ToValidUTF8(clean(session.Agent), "")); len(agent) > mostAgent {
		session.Agent = string(agent[:mostAgent])
	}
	err := s.inTx(ctx, func(tx conn) error {
		if err := tx.lockUser(ctx, session.UserID); err != nil {
			return err
		}
		if session.Through != 0 {
			if err := tx.lockIdentityProvider(ctx, session.Through); err != nil {
				return err
			}
		}
		// Whoever was taken out of the account meanwhile gets no session in it.
		var role string
		if err := tx.Row(ctx, "SELECT role FROM account_users WHERE account_id = ? AND user_id = ? AND NOT barred", session.AccountID, session.UserID).
			Scan(&role); err != nil {
			return noUser(err)
		}
		if _, err := tx.Exec(ctx, "DELETE FROM user_sessions WHERE id = ? AND user_id = ?", replaces, session.UserID); err != nil {
			return err
		}
		if _, err := tx.Exec(ctx, `DELETE FROM user_sessions WHERE user_id = ? AND id NOT IN
			(SELECT id FROM user_sessions WHERE user_id = ? ORDER BY id DESC LIMIT ?)`, session.UserID, session.UserID, access.MostSessions-1); err != nil {
			return err
		}
		id, err := tx.Insert(ctx, `INSERT INTO user_sessions (hash, user_id, account_id, created_at, seen_at, ends_at, source, agent, methods, provider_id)
			VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`, hashKey(secrets.Token.Reveal()), session.UserID, session.AccountID, now, now,
			sqldb.Millis(session.EndsAt), session.Source, clean(session.Agent), strings.Join(session.Methods, " "), session.Through)
		if err != nil {
			return err
		}
		session.ID = id
		if _, err := tx.Exec(ctx, "UPDATE users SET last_sign_in_at = ? WHERE id = ?", now, session.UserID); err != nil {
			return err
		}
		return tx.keepDevice(ctx, session.UserID, secrets.Device)
	})
	return session, err
}

// keepDevice has sign-ins of a user from a browser be known, and forgets those of long ago.
func (tx conn) keepDevice(ctx context.Context, userID int64, device secret.String) error {
	now := tx.s.clock.Now()
	if _, err := tx.Exec(ctx, "INSERT INTO user_devices (hash, user_id, seen_at) VALUES (?, ?, ?)", hashKey(device.Reveal()), userID,
		sqldb.Millis(now)); err != nil {
		return err
	}
	_, err := tx.Exec(ctx, `DELETE FROM user_devices WHERE user_id = ? AND (seen_at < ? OR hash NOT IN
		(SELECT hash FROM user_devices WHERE user_id = ? ORDER BY seen_at DESC, hash LIMIT ?))`,
		userID, sqldb.Millis(now.Add(-deviceLasts)), userID, devicesKept)
	return err
}

// KnowsDevice reports whether a browser has something by which a user's sign-ins are known.
func (s *Store) KnowsDevice(ctx context.Context, userID int64, device secret.String) (known bool, err error) {
	if device.Empty() {
		return false, nil
	}
	err = s.reader().Row(ctx, "SELECT EXISTS (SELECT 1 FROM user_devices WHERE hash = ? AND user_id = ? AND seen_at >= ?)",
		hashKey(device.Reveal()), userID, sqldb.Millis(s.clock.Now().Add(-deviceLasts))).Scan(&known)
	return known, s.translate(err)
}

// Visit finds a session and what its person may do in its account, and notes that it was seen. One
// that is unknown, or has ended, or was not seen for the time idle, is Unauthorized.
func (s *Store) Visit(ctx context.Context, token secret.String, idle time.Duration) (session access.Session, m access.Member, err error) {
	places, settle := sessionScan(&session)
	var since sqldb.Time
	var created, signedIn sqldb.Time
	user := userScan(&m.User, &created, &signedIn)
	err = s.reader().Row(ctx, "SELECT "+sessionColumns+", "+userColumns+`, m.account_id, a.name, m.role, m.approver, m.created_at FROM user_sessions s
		JOIN account_users m ON m.user_id = s.user_id AND m.account_id = s.account_id JOIN users u ON u.id = s.user_id JOIN accounts a ON a.id = s.account_id
		WHERE s.hash = ? AND a.closed_at IS NULL AND NOT m.barred`, hashKey(token.Reveal())).
		Scan(append(append(places, user...), &m.AccountID, &m.AccountName, &m.Role, &m.Approver, &since)...)
	settle()
	m.CreatedAt, m.LastSignInAt, m.Since = created.Time, signedIn.Ptr(), since.Time
	now := s.clock.Now()
	if errors.Is(err, sql.ErrNoRows) || err == nil && (!now.Before(session.EndsAt) || now.Sub(session.SeenAt) >= idle) {
		return access.Session{}, access.Member{}, fault.New(fault.Unauthorized, "the session has ended: sign in again")
	}
	if err != nil {
		return access.Session{}, access.Member{}, s.translate(err)
	}
	if now.Sub(session.SeenAt) >= seenEvery {
		err = s.inTx(ctx, func(tx conn) error {
			_, err := tx.Exec(ctx, "UPDATE user_sessions SET seen_at = ? WHERE id = ? AND seen_at <= ?", sqldb.Millis(now), session.ID,
				sqldb.Millis(now.Add(-seenEvery)))
			return err
		})
	}
	return session, m, err
}

// Sessions are a user's that have not ended, the latest first.
func (s *Store) Sessions(ctx context.Context, userID int64, idle time.Duration) ([]access.Session, error) {
	now := s.clock.Now()
	list, err := sqldb.Query(ctx, s.reader(), func(scan sqldb.Scan) (session access.Session, err error) {
		places, settle := sessionScan(&session)
		err = scan(places...)
		settle()
		return session, err
	}, "SELECT "+sessionColumns+" FROM user_sessions s WHERE s.user_id = ? AND s.ends_at > ? AND s.seen_at > ? ORDER BY s.id DESC",
		userID, sqldb.Millis(now), sqldb.Millis(now.Add(-idle)))
	return list, s.translate(err)
}

// EndSession is NotFound if the user has no such session.
func (s *Store) EndSession(ctx context.Context, userID, id int64) error {
	return s.inTx(ctx, func(tx conn) error {
		n, err := tx.Exec(ctx, "DELETE FROM user_sessions WHERE id = ? AND user_id = ?", id, userID)
		if err == nil && n == 0 {
			err = fault.New(fault.NotFound, "there is no session %d", id)
		}
		return err
	})
}

// EndSessions ends all of a user's but one, and says how many.
func (s *Store) EndSessions(ctx context.Context, userID, keep int64) (ended int, err error) {
	err = s.inTx(ctx, func(tx conn) error {
		ended, err = tx.endSessions(ctx, userID, keep)
		return err
	})
	return ended, err
}

func (tx conn) endSessions(ctx context.Context, userID, keep int64) (int, error) {
	n, err := tx.Exec(ctx, "DELETE FROM user_sessions WHERE user_id = ? AND id <> ?", userID, keep)
	return int(n), err
}

// SweepPeople removes sessions, links, invitations, used sign-ins and challenges that have ended.
func (s *Store) SweepPeople(ctx context.Context) error {
	return s.inTx(ctx, func(tx conn) error {
		for _, table := range []string{"user_sessions", "password_resets", "invitations", "used_sign_ins", "passkey_challenges"} {
			if _, err := tx.Exec(ctx, "DELETE FROM "+table+" WHERE ends_at <= ?", sqldb.Millis(s.clock.Now())); err != nil {
				return err
			}
		}
		return nil
	})
}
