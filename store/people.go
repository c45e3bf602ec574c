package store

import (
	"context"
	"database/sql"
	"errors"

	"carillon/access"
	"carillon/internal/fault"
	"carillon/internal/secret"
	"carillon/store/sqldb"
)

const userColumns = `u.id, u.email, u.name, u.password <> '', u.totp <> '', (SELECT COUNT(*) FROM user_passkeys k WHERE k.user_id = u.id),
	(SELECT COUNT(*) FROM user_recovery r WHERE r.user_id = u.id), u.created_at,
	u.last_sign_in_at`

// userScan are the places for userColumns.
func userScan(u *access.User, created, signedIn *sqldb.Time) []any {
	return []any{&u.ID, &u.Email, &u.Name, &u.HasPassword, &u.HasTOTP, &u.Passkeys, &u.RecoveryLeft, created, signedIn}
}

func scanUser(scan sqldb.Scan, more ...any) (access.User, error) {
	var u access.User
	var created, signedIn sqldb.Time
	err := scan(append(userScan(&u, &created, &signedIn), more...)...)
	u.CreatedAt, u.LastSignInAt = created.Time, signedIn.Ptr()
	return u, err
}

// noUser is NotFound in the words that a person reads.
func noUser(err error) error {
	if errors.Is(err, sql.ErrNoRows) {
		return fault.New(fault.NotFound, "there is no such user")
	}
	return err
}

// ProofsByEmail is NotFound if there is no such user.
func (s *Store) ProofsByEmail(ctx context.Context, email string) (access.Proofs, error) {
	return s.proofs(ctx, "u.email = ?", email)
}

// ProofsOf is NotFound if there is no such user.
func (s *Store) ProofsOf(ctx context.Context, userID int64) (access.Proofs, error) {
	return s.proofs(ctx, "u.id = ?", userID)
}

func (s *Store) proofs(ctx context.Context, which string, arg any) (p access.Proofs, err error) {
	var password, totp string
	p.User, err = scanUser(s.reader().Row(ctx, "SELECT "+userColumns+", u.password, u.totp FROM users u WHERE "+which, arg).Scan, &password, &totp)
	if err != nil {
		return access.Proofs{}, s.translate(noUser(err))
	}
	p.Password = secret.New(password)
	if totp != "" {
		plain, err := s.box.Open(totp)
		if err != nil {
			return access.Proofs{}, fault.Wrap(fault.Internal, "open a second factor", err)
		}
		p.TOTP = secret.New(string(plain))
	}
	return p, nil
}

const selectMembers = "SELECT " + userColumns + `, m.account_id, a.name, m.role, m.approver, m.barred, m.created_at FROM account_users m
	JOIN users u ON u.id = m.user_id JOIN accounts a ON a.id = m.account_id WHERE `

func scanMember(scan sqldb.Scan) (m access.Member, err error) {
	var since sqldb.Time
	m.User, err = scanUser(scan, &m.AccountID, &m.AccountName, &m.Role, &m.Approver, &m.Barred, &since)
	m.Since = since.Time
	return m, err
}

// Memberships are a user's in accounts that are open, by the account's name.
func (s *Store) Memberships(ctx context.Context, userID int64) ([]access.Member, error) {
	list, err := sqldb.Query(ctx, s.reader(), scanMember, selectMembers+"m.user_id = ? AND NOT m.barred AND a.closed_at IS NULL ORDER BY a.name, a.id", userID)
	return list, s.translate(err)
}

// Members are an account's behind the id after.
func (s *Store) Members(ctx context.Context, accountID, after int64, limit int) ([]access.Member, error) {
	list, err := sqldb.Query(ctx, s.reader(), scanMember, selectMembers+"m.account_id = ? AND m.user_id > ? ORDER BY m.user_id LIMIT ?", accountID, after, limit)
	return list, s.translate(err)
}

// GetMember is NotFound if the user has no part in the account.
func (s *Store) GetMember(ctx context.Context, accountID, userID int64) (access.Member, error) {
	m, err := scanMember(s.reader().Row(ctx, selectMembers+"m.account_id = ? AND m.user_id = ?", accountID, userID).Scan)
	return m, s.translate(noUser(err))
}

// ChangeMember changes what a person may do in an account. It binds from its commit on.
func (s *Store) ChangeMember(ctx context.Context, m access.Member) error {
	return s.inTx(ctx, func(tx conn) error {
		return oneUser(tx.Exec(ctx, "UPDATE account_users SET role = ?, approver = ?, barred = ? WHERE account_id = ? AND user_id = ?",
			string(m.Role), m.Approver, m.Barred, m.AccountID, m.ID))
	})
}

// oneUser is NotFound where nothing was changed.
func oneUser(n int64, err error) error {
	if err == nil && n == 0 {
		return noUser(sql.ErrNoRows)
	}
	return err
}

// RemoveMember takes a person out of an account and ends the sessions in it, whose providers know
// the person no more. A user without an
// account is removed as well.
func (s *Store) RemoveMember(ctx context.Context, accountID, userID int64) error {
	return s.inTx(ctx, func(tx conn) error {
		if err := tx.lockUser(ctx, userID); err != nil {
			return err
		}
		if err := oneUser(tx.Exec(ctx, "DELETE FROM account_users WHERE account_id = ? AND user_id = ?", accountID, userID)); err != nil {
			return err
		}
		for _, table := range []string{"user_sessions", "user_identities"} {
			if _, err := tx.Exec(ctx, "DELETE FROM "+table+" WHERE account_id = ? AND user_id = ?", accountID, userID); err != nil {
				return err
			}
		}
		return tx.forgetUsers(ctx, "u.id = ?", userID)
	})
}

// lockUser has changes of a user wait for one another.
func (tx conn) lockUser(ctx context.Context, userID int64) error {
	return oneUser(tx.Exec(ctx, "UPDATE users SET id = id WHERE id = ?", userID))
}

// forgetUsers removes those of some users that are members of nothing, with all that they have.
func (tx conn) forgetUsers(ctx context.Context, which string, args ...any) error {
	gone := "SELECT u.id FROM users u WHERE " + which + " AND NOT EXISTS (SELECT 1 FROM account_users m WHERE m.user_id = u.id)"
	// Whoever is about to be a member again is found out by the statements behind this one.
	if err := sqldb.Drain(ctx, tx, gone+" ORDER BY u.id"+tx.d.ForUpdate, args...); err != nil {
		return err
	}
	for _, table := range []string{"user_recovery", "user_sessions", "user_devices", "user_identities", "user_passkeys", "passkey_challenges", "password_resets"} {
		if _, err := tx.Exec(ctx, "DELETE FROM "+table+" WHERE user_id IN ("+gone+")", args...); err != nil {
			return err
		}
	}
	_, err := tx.Exec(ctx, "DELETE FROM users WHERE id IN ("+gone+")", args...)
	return err
}

// SetName changes what a person is called.
func (s *Store) SetName(ctx context.Context, userID int64, name string) error {
	return s.inTx(ctx, func(tx conn) error {
		return oneUser(tx.Exec(ctx, "UPDATE users SET name = ? WHERE id = ?", name, userID))
	})
}

// SetPassword sets a password's hash, and ends all sessions but the one that is kept.
func (s *Store) SetPassword(ctx context.Context, userID int64, hash secret.String, keep int64) error {
	return s.inTx(ctx, func(tx conn) error { return tx.setPassword(ctx, userID, hash, keep) })
}

func (tx conn) setPassword(ctx context.Context, userID int64, hash secret.String, keep int64) error {
	if err := oneUser(tx.Exec(ctx, "UPDATE users SET password = ? WHERE id = ?", hash.Reveal(), userID)); err != nil {
		return err
	}
	if _, err := tx.Exec(ctx, "DELETE FROM password_resets WHERE user_id = ?", userID); err != nil {
		return err
	}
	_, err := tx.endSessions(ctx, userID, keep)
	return err
}

// AddReset keeps a link in the place of the one before it.
func (s *Store) AddReset(ctx context.Context, r access.Reset) error {
	return s.inTx(ctx, func(tx conn) error {
		_, err := tx.Exec(ctx, `INSERT INTO password_resets (user_id, hash, created_at, ends_at, drops_totp) VALUES (?, ?, ?, ?, ?)
			ON CONFLICT (user_id) DO UPDATE SET hash = excluded.hash, created_at = excluded.created_at, ends_at = excluded.ends_at,
				drops_totp = excluded.drops_totp`,
			r.UserID, hashKey(r.Token.Reveal()), sqldb.Millis(s.clock.Now()), sqldb.Millis(r.EndsAt), r.DropsFactors)
		return err
	})
}

const resetOf = " FROM users u JOIN password_resets p ON p.user_id = u.id WHERE p.hash = ? AND p.ends_at > ?"

// noReset is NotFound in the words that a person reads.
func noReset(err error) error {
	if errors.Is(err, sql.ErrNoRows) {
		return fault.New(fault.NotFound, "the link was used, or its hour is over: ask for another (POST /v1/password/forgotten)")
	}
	return err
}

// FindReset is whose link it is; NotFound if there is none that has not ended.
func (s *Store) FindReset(ctx context.Context, token secret.String) (access.User, error) {
	u, err := scanUser(s.reader().Row(ctx, "SELECT "+userColumns+resetOf, hashKey(token.Reveal()), sqldb.Millis(s.clock.Now())).Scan)
	return u, s.translate(noReset(err))
}

// UseReset uses a link up, sets the password's hash, ends all sessions and, if the link says so,
// takes the second factor and the passkeys away.
func (s *Store) UseReset(ctx context.Context, token, hash secret.String) (u access.User, err error) {
	err = s.inTx(ctx, func(tx conn) (err error) {
		var drops bool
		u, err = scanUser(tx.Row(ctx, "SELECT "+userColumns+", p.drops_totp"+resetOf, hashKey(token.Reveal()), sqldb.Millis(s.clock.Now())).Scan, &drops)
		if err != nil {
			return noReset(err)
		}
		// Of two who come with one link the second finds it gone.
		n, err := tx.Exec(ctx, "DELETE FROM password_resets WHERE user_id = ? AND hash = ?", u.ID, hashKey(token.Reveal()))
		if err == nil && n == 0 {
			err = noReset(sql.ErrNoRows)
		}
		if err != nil {
			return err
		}
		if err := tx.setPassword(ctx, u.ID, hash, 0); err != nil || !drops {
			return err
		}
		if _, err := tx.Exec(ctx, "DELETE FROM user_passkeys WHERE user_id = ?", u.ID); err != nil {
			return err
		}
		return tx.setFactor(ctx, u.ID, "", access.Factor{})
	})
	return u, err
}

// SetFactor sets an authenticator app as a second factor; a zero one takes it away. Its recovery
// codes take the place of those of before; without any these stay where there are passkeys. All
// sessions end but the one that is kept.
func (s *Store) SetFactor(ctx context.Context, userID int64, f access.Factor, keep int64) error {
	return s.inTx(ctx, func(tx conn) (err error) {
		sealed := ""
		if !f.TOTP.Empty() {
			if sealed, err = tx.seal(ctx, ofFactor, []byte(f.TOTP.Reveal())); err != nil {
				return fault.Wrap(fault.Internal, "seal a second factor", err)
			}
		}
		if err := tx.setFactor(ctx, userID, sealed, f); err != nil {
			return err
		}
		_, err = tx.endSessions(ctx, userID, keep)
		return err
	})
}

// setFactor sets a second factor, of which the secret comes sealed.
func (tx conn) setFactor(ctx context.Context, userID int64, sealed string, f access.Factor) error {
	if err := oneUser(tx.Exec(ctx, "UPDATE users SET totp = ?, totp_step = ? WHERE id = ?", sealed, f.Step, userID)); err != nil {
		return err
	}
	if len(f.Recovery) == 0 {
		return tx.dropRecovery(ctx, userID)
	}
	if _, err := tx.Exec(ctx, "DELETE FROM user_recovery WHERE user_id = ?", userID); err != nil {
		return err
	}
	return tx.addRecovery(ctx, userID, f.Recovery)
}

func (tx conn) addRecovery(ctx context.Context, userID int64, codes []secret.String) error {
	for _, code := range codes {
		if _, err := tx.Exec(ctx, "INSERT INTO user_recovery (user_id, hash) VALUES (?, ?)", userID, hashKey(code.Reveal())); err != nil {
			return err
		}
	}
	return nil
}

// dropRecovery removes the recovery codes of a user who has no second factor any more.
func (tx conn) dropRecovery(ctx context.Context, userID int64) error {
	_, err := tx.Exec(ctx, `DELETE FROM user_recovery WHERE user_id = ? AND NOT EXISTS (SELECT 1 FROM users u WHERE u.id = ? AND u.totp <> '')
		AND NOT EXISTS (SELECT 1 FROM user_passkeys k WHERE k.user_id = ?)`, userID, userID, userID)
	return err
}

// TakeStep reports whether the code of a step was not taken before, and takes it.
func (s *Store) TakeStep(ctx context.Context, userID, step int64) (taken bool, err error) {
	err = s.inTx(ctx, func(tx conn) error {
		n, err := tx.Exec(ctx, "UPDATE users SET totp_step = ? WHERE id = ? AND totp_step < ?", step, userID, step)
		taken = n == 1
		return err
	})
	return taken, err
}

// TakeRecovery reports whether there is such a recovery code, and uses it up.
func (s *Store) TakeRecovery(ctx context.Context, userID int64, code secret.String) (taken bool, err error) {
	err = s.inTx(ctx, func(tx conn) error {
		n, err := tx.Exec(ctx, "DELETE FROM user_recovery WHERE user_id = ? AND hash = ?", userID, hashKey(code.Reveal()))
		taken = n == 1
		return err
	})
	return taken, err
}

// MailChannel is an account's e-mail channel of a name, and with none the one for mails about the
// account; NotFound if there is none.
func (s *Store) MailChannel(ctx context.Context, accountID int64, name string) (id int64, err error) {
	mail, err := s.ReportMail(ctx, accountID)
	if err != nil {
		return 0, err
	}
	err = s.reader().Row(ctx, `SELECT id FROM channels WHERE account_id = ? AND address_kind = 'email' AND deleted_at IS NULL
		AND (name = ? OR (? = '' AND id = ?))`, accountID, name, name, mail.ChannelID).Scan(&id)
	if errors.Is(err, sql.ErrNoRows) {
		return 0, fault.New(fault.NotFound, "account %d has no e-mail channel %q", accountID, name)
	}
	return id, s.translate(err)
}
