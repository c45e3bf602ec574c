package store

import (
	"context"
	"database/sql"
	"errors"

	"carillon/access"
	"carillon/internal/fault"
	"carillon/store/sqldb"
)

// Admit finds, or makes, whom a provider knows, and gives the role. It is Forbidden for who may
// not come in.
func (s *Store) Admit(ctx context.Context, a access.Admission) (in access.Admitted, err error) {
	err = s.inTx(ctx, func(tx conn) error {
		in = access.Admitted{}
		userID, known, err := tx.identify(ctx, a)
		if err != nil {
			return err
		}
		if userID == 0 {
			if userID, err = tx.signUp(ctx, a); err != nil {
				return err
			}
			in.How = access.SignedUp
		} else if err := tx.lockUser(ctx, userID); err != nil {
			return err
		}
		// Behind the user's lock: a session begins in the same order.
		if err := tx.lockIdentityProvider(ctx, a.Provider.ID); err != nil {
			return err
		}
		if !known {
			if in.How == "" {
				in.How = access.Linked
			}
			if err := tx.addIdentity(ctx, a, userID); err != nil {
				return err
			}
		}
		barred, err := tx.giveRole(ctx, a, userID)
		if err != nil {
			return err
		}
		if barred {
			in.How = access.Barred
		}
		in.User, err = scanUser(tx.Row(ctx, "SELECT "+userColumns+" FROM users u WHERE u.id = ?", userID).Scan)
		return err
	})
	return in, err
}

// identify finds whom a provider knows, or, by a verified address, a member of the account; 0 is
// somebody new. It is Forbidden for who is in other accounts alone: nobody's provider makes
// somebody who is another's a member, which is what invitations ask the person for.
func (tx conn) identify(ctx context.Context, a access.Admission) (userID int64, known bool, err error) {
	err = tx.Row(ctx, "SELECT user_id FROM user_identities WHERE provider_id = ? AND issuer = ? AND subject = ?", a.Provider.ID, a.Provider.Issuer, a.Subject).
		Scan(&userID)
	if err == nil || !errors.Is(err, sql.ErrNoRows) {
		return userID, err == nil, err
	}
	if a.Email == "" {
		return 0, false, fault.New(fault.Forbidden, "%s knows you, and nobody here does: it must say that it has verified an address of yours, "+
			"of a domain that an admin of the account has named", a.Provider.Name)
	}
	var member bool
	err = tx.Row(ctx, "SELECT u.id, EXISTS (SELECT 1 FROM account_users m WHERE m.user_id = u.id AND m.account_id = ?) FROM users u WHERE u.email = ?",
		a.Provider.AccountID, a.Email).Scan(&userID, &member)
	switch {
	case errors.Is(err, sql.ErrNoRows):
		return 0, false, nil
	case err == nil && !member:
		return 0, false, fault.New(fault.Forbidden, "%s is in other accounts: an admin of this one invites you", a.Email)
	}
	return userID, false, err
}

// signUp makes a person whom nobody has invited.
func (tx conn) signUp(ctx context.Context, a access.Admission) (userID int64, err error) {
	if a.Role == "" {
		return 0, fault.New(fault.Forbidden, "%s gives %s no role here: an admin of the account invites people, and says which groups have one",
			a.Provider.Name, a.Email)
	}
	if err := tx.lockAccount(ctx, a.Provider.AccountID); err != nil {
		return 0, err
	}
	// An invitation is another way to come in, and no second place.
	if _, err := tx.Exec(ctx, "DELETE FROM invitations WHERE account_id = ? AND email = ?", a.Provider.AccountID, a.Email); err != nil {
		return 0, err
	}
	var meanwhile bool
	if err := tx.Row(ctx, "SELECT EXISTS (SELECT 1 FROM users WHERE email = ?)", a.Email).Scan(&meanwhile); err != nil || meanwhile {
		return 0, atOnce(err)
	}
	if err := tx.roomForMember(ctx, a.Provider.AccountID); err != nil {
		return 0, err
	}
	now := sqldb.Millis(tx.s.clock.Now())
	if userID, err = tx.Insert(ctx, "INSERT INTO users (email, name, created_at) VALUES (?, ?, ?)", a.Email, clean(a.Name), now); err != nil {
		return 0, err
	}
	_, err = tx.Exec(ctx, "INSERT INTO account_users (account_id, user_id, role, created_at) VALUES (?, ?, ?, ?)", a.Provider.AccountID, userID,
		string(a.Role), now)
	return userID, err
}

// roomForMember is a Conflict if there are access.MostMembers, those who are invited among them.
func (tx conn) roomForMember(ctx context.Context, accountID int64) error {
	var people int
	if err := tx.Row(ctx, "SELECT (SELECT COUNT(*) FROM account_users WHERE account_id = ?) + (SELECT COUNT(*) FROM invitations WHERE account_id = ?)",
		accountID, accountID).Scan(&people); err != nil {
		return err
	}
	if people >= access.MostMembers {
		return fault.New(fault.Conflict, "the account has %d people and open invitations, the most that there can be", people)
	}
	return nil
}

func (tx conn) addIdentity(ctx context.Context, a access.Admission, userID int64) error {
	now := sqldb.Millis(tx.s.clock.Now())
	n, err := tx.Exec(ctx, `INSERT INTO user_identities (account_id, user_id, provider_id, issuer, subject, created_at, seen_at) VALUES (?, ?, ?, ?, ?, ?, ?)
		ON CONFLICT (provider_id, issuer, subject) DO NOTHING`, a.Provider.AccountID, userID, a.Provider.ID, a.Provider.Issuer, a.Subject, now, now)
	if err == nil && n == 0 {
		err = atOnce(nil)
	}
	return err
}

// atOnce is the Conflict of one who signs in for the first time twice at once, or err.
func atOnce(err error) error {
	if err != nil {
		return err
	}
	return fault.New(fault.Conflict, "you have just signed in for the first time in another window: begin again")
}

// giveRole has a person be in the account what the provider says, and reports whether it says
// nothing any more: then the person's sessions in the account end.
func (tx conn) giveRole(ctx context.Context, a access.Admission, userID int64) (barred bool, err error) {
	if _, err := tx.Exec(ctx, "UPDATE user_identities SET seen_at = ? WHERE provider_id = ? AND user_id = ?", sqldb.Millis(tx.s.clock.Now()), a.Provider.ID,
		userID); err != nil {
		return false, err
	}
	n, err := tx.Exec(ctx, "UPDATE account_users SET role = CASE WHEN ? = '' THEN role ELSE ? END, barred = ? WHERE account_id = ? AND user_id = ?",
		string(a.Role), string(a.Role), a.Barred, a.Provider.AccountID, userID)
	if err == nil && n == 0 {
		err = fault.New(fault.Forbidden, "you were taken out of the account: an admin of it invites people")
	}
	if err == nil && a.Barred {
		_, err = tx.Exec(ctx, "DELETE FROM user_sessions WHERE account_id = ? AND user_id = ?", a.Provider.AccountID, userID)
	}
	return a.Barred, err
}
