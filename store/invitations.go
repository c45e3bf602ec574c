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

const selectInvitation = "SELECT id, account_id, email, role, approver, invited_by, created_at, ends_at FROM invitations WHERE "

func scanInvitation(scan sqldb.Scan) (i access.Invitation, err error) {
	var created, ends sqldb.Time
	err = scan(&i.ID, &i.AccountID, &i.Email, &i.Role, &i.Approver, &i.InvitedBy, &created, &ends)
	i.CreatedAt, i.EndsAt = created.Time, ends.Time
	return i, err
}

// noInvitation is NotFound in the words that a person reads.
func noInvitation(err error) error {
	if errors.Is(err, sql.ErrNoRows) {
		return fault.New(fault.NotFound, "the invitation was used or withdrawn, or its time is over: ask who invited you for another")
	}
	return err
}

// nobodyYet is a Conflict if somebody is in an account.
func (tx conn) nobodyYet(ctx context.Context, accountID int64) error {
	var in int
	err := tx.Row(ctx, "SELECT COUNT(*) FROM account_users WHERE account_id = ?", accountID).Scan(&in)
	if err == nil && in > 0 {
		err = fault.New(fault.Conflict, "the account has people already: say by email whom to invite")
	}
	return err
}

// AddInvitation keeps an invitation in the place of the one before it for the same address. It is
// a Conflict if the person is in the account already, or there are access.MostMembers; without an
// address, if anybody is in the account.
func (s *Store) AddInvitation(ctx context.Context, i access.Invitation, token secret.String) (access.Invitation, error) {
	i.CreatedAt = s.clock.Now()
	err := s.inTx(ctx, func(tx conn) error {
		if err := tx.lockAccount(ctx, i.AccountID); err != nil {
			return err
		}
		if i.Email == "" {
			if err := tx.nobodyYet(ctx, i.AccountID); err != nil {
				return err
			}
		}
		var in int
		if err := tx.Row(ctx, "SELECT COUNT(*) FROM account_users m JOIN users u ON u.id = m.user_id WHERE m.account_id = ? AND u.email = ?", i.AccountID, i.Email).
			Scan(&in); err != nil {
			return err
		}
		if in > 0 {
			return fault.New(fault.Conflict, "%s is in the account already: carillon users set changes the role", i.Email)
		}
		if err := tx.roomForMember(ctx, i.AccountID); err != nil {
			return err
		}
		if _, err := tx.Exec(ctx, "DELETE FROM invitations WHERE account_id = ? AND email = ?", i.AccountID, i.Email); err != nil {
			return err
		}
		var err error
		i.ID, err = tx.Insert(ctx, `INSERT INTO invitations (hash, account_id, email, role, approver, invited_by, created_at, ends_at)
			VALUES (?, ?, ?, ?, ?, ?, ?, ?)`, hashKey(token.Reveal()), i.AccountID, i.Email, string(i.Role), i.Approver, clean(i.InvitedBy),
			sqldb.Millis(i.CreatedAt), sqldb.Millis(i.EndsAt))
		return err
	})
	return i, err
}

// Invitations are an account's open ones behind the id after.
func (s *Store) Invitations(ctx context.Context, accountID, after int64, limit int) ([]access.Invitation, error) {
	list, err := sqldb.Query(ctx, s.reader(), scanInvitation, selectInvitation+"account_id = ? AND id > ? AND ends_at > ? ORDER BY id LIMIT ?",
		accountID, after, sqldb.Millis(s.clock.Now()), limit)
	return list, s.translate(err)
}

// WithdrawInvitation is NotFound if there is none.
func (s *Store) WithdrawInvitation(ctx context.Context, accountID, id int64) error {
	return s.inTx(ctx, func(tx conn) error {
		n, err := tx.Exec(ctx, "DELETE FROM invitations WHERE id = ? AND account_id = ?", id, accountID)
		if err == nil && n == 0 {
			err = fault.New(fault.NotFound, "there is no open invitation %d", id)
		}
		return err
	})
}

// FindInvitation is NotFound if there is none that has not ended.
func (s *Store) FindInvitation(ctx context.Context, token secret.String) (access.Invitation, error) {
	i, err := scanInvitation(s.reader().Row(ctx, selectInvitation+"hash = ? AND ends_at > ?", hashKey(token.Reveal()), sqldb.Millis(s.clock.Now())).Scan)
	return i, s.translate(noInvitation(err))
}

// AcceptInvitation uses an invitation up and makes its user a member: u, if there is none of that
// address. It is NotFound if the invitation is gone, or names nobody and somebody is in the account.
func (s *Store) AcceptInvitation(ctx context.Context, token secret.String, u access.Proofs) (m access.Member, err error) {
	err = s.inTx(ctx, func(tx conn) error {
		i, err := scanInvitation(tx.Row(ctx, selectInvitation+"hash = ? AND ends_at > ?", hashKey(token.Reveal()), sqldb.Millis(s.clock.Now())).Scan)
		if err != nil {
			return noInvitation(err)
		}
		if i.Email == "" {
			if err := tx.lockAccount(ctx, i.AccountID); err != nil {
				return err
			}
			if err := tx.nobodyYet(ctx, i.AccountID); err != nil {
				return noInvitation(sql.ErrNoRows)
			}
			i.Email = u.Email
		}
		// Of two who come with one link the second finds it gone.
		n, err := tx.Exec(ctx, "DELETE FROM invitations WHERE id = ?", i.ID)
		if err == nil && n == 0 {
			err = noInvitation(sql.ErrNoRows)
		}
		if err != nil {
			return err
		}
		now := sqldb.Millis(s.clock.Now())
		// Who is known is held, so that nobody forgets the person meanwhile as one without an account.
		if _, err := tx.Exec(ctx, "INSERT INTO users (email, name, password, created_at) VALUES (?, ?, ?, ?) "+
			"ON CONFLICT (email) DO UPDATE SET email = excluded.email",
			i.Email, clean(u.Name), u.Password.Reveal(), now); err != nil {
			return err
		}
		if _, err := tx.Exec(ctx, `INSERT INTO account_users (account_id, user_id, role, approver, created_at)
			SELECT CAST(? AS BIGINT), id, CAST(? AS TEXT), ?, CAST(? AS BIGINT) FROM users WHERE email = ?`,
			i.AccountID, string(i.Role), i.Approver, now, i.Email); err != nil {
			return err
		}
		m, err = scanMember(tx.Row(ctx, selectMembers+"m.account_id = ? AND u.email = ?", i.AccountID, i.Email).Scan)
		return err
	})
	return m, err
}
