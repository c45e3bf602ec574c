package store

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"

	"carillon/access"
	"carillon/internal/fault"
	"carillon/internal/secret"
	"carillon/store/sqldb"
)

const selectIdentityProviders = `SELECT p.id, p.account_id, p.name, p.issuer, p.client_id, p.client_secret, p.scopes, p.group_claim, p.roles, p.default_role,
	p.domains, p.enabled, p.created_at, p.updated_at, p.secrets_set FROM identity_providers p `

func (s *Store) scanIdentityProvider(scan sqldb.Scan) (p access.IdentityProvider, err error) {
	var sealed, scopes, domains string
	var roles, set []byte
	var created, updated sqldb.Time
	if err := scan(&p.ID, &p.AccountID, &p.Name, &p.Issuer, &p.ClientID, &sealed, &scopes, &p.GroupClaim, &roles, &p.DefaultRole, &domains, &p.Enabled,
		&created, &updated, &set); err != nil {
		return p, err
	}
	p.Scopes, p.Domains, p.CreatedAt, p.UpdatedAt = strings.Fields(scopes), strings.Fields(domains), created.Time, updated.Time
	if err := json.Unmarshal(roles, &p.Roles); err != nil {
		return p, fmt.Errorf("read the roles of identity provider %d: %w", p.ID, err)
	}
	if err := json.Unmarshal(set, &p.SecretsSet); err != nil {
		return p, fmt.Errorf("read when the secret of identity provider %d was set: %w", p.ID, err)
	}
	plain, err := s.box.Open(sealed)
	if err != nil {
		return p, fault.Wrap(fault.Internal, fmt.Sprintf("open the secret of identity provider %d", p.ID), err)
	}
	p.Secret = secret.New(string(plain))
	return p, nil
}

// noIdentityProvider is NotFound in the words that a person reads.
func noIdentityProvider(err error, id int64) error {
	if errors.Is(err, sql.ErrNoRows) {
		return fault.New(fault.NotFound, "there is no identity provider %d", id)
	}
	return err
}

// IdentityProviders are an account's behind the id after.
func (s *Store) IdentityProviders(ctx context.Context, accountID, after int64, limit int) ([]access.IdentityProvider, error) {
	list, err := sqldb.Query(ctx, s.reader(), s.scanIdentityProvider, selectIdentityProviders+"WHERE p.account_id = ? AND p.id > ? ORDER BY p.id LIMIT ?",
		accountID, after, limit)
	return list, s.translate(err)
}

// GetIdentityProvider is NotFound if the account has no such.
func (s *Store) GetIdentityProvider(ctx context.Context, accountID, id int64) (access.IdentityProvider, error) {
	p, err := s.reader().identityProvider(ctx, accountID, id)
	return p, s.translate(err)
}

func (tx conn) identityProvider(ctx context.Context, accountID, id int64) (access.IdentityProvider, error) {
	p, err := tx.s.scanIdentityProvider(tx.Row(ctx, selectIdentityProviders+"WHERE p.account_id = ? AND p.id = ?", accountID, id).Scan)
	return p, noIdentityProvider(err, id)
}

// SignInProvider is one that is enabled, of an account that is open.
func (s *Store) SignInProvider(ctx context.Context, id int64) (access.IdentityProvider, error) {
	p, err := s.scanIdentityProvider(s.reader().Row(ctx, selectIdentityProviders+
		"JOIN accounts a ON a.id = p.account_id WHERE p.id = ? AND p.enabled AND a.closed_at IS NULL", id).Scan)
	return p, s.translate(noIdentityProvider(err, id))
}

// Ways are the ways to sign in: the providers that are enabled of the only account that is open.
func (s *Store) Ways(ctx context.Context) (w access.Ways, err error) {
	if err := s.reader().Row(ctx, "SELECT NOT EXISTS (SELECT 1 FROM account_users)").Scan(&w.Nobody); err != nil {
		return w, s.translate(err)
	}
	w.Providers, err = sqldb.Query(ctx, s.reader(), s.scanIdentityProvider, selectIdentityProviders+
		"JOIN accounts a ON a.id = p.account_id WHERE p.enabled AND a.closed_at IS NULL AND "+
		"(SELECT COUNT(*) FROM accounts WHERE closed_at IS NULL) = 1 ORDER BY p.name, p.id")
	return w, s.translate(err)
}

// AddIdentityProvider is a Conflict if there are access.MostIdentityProviders, or one of the name.
func (s *Store) AddIdentityProvider(ctx context.Context, p access.IdentityProvider) (made access.IdentityProvider, err error) {
	err = s.inTx(ctx, func(tx conn) error {
		sealed, err := tx.seal(ctx, ofIdentityProvider, []byte(p.Secret.Reveal()))
		if err != nil {
			return fault.Wrap(fault.Internal, "seal the secret of an identity provider", err)
		}
		if err := tx.lockAccount(ctx, p.AccountID); err != nil {
			return err
		}
		if err := tx.roomForIdentityProvider(ctx, p); err != nil {
			return err
		}
		now := sqldb.Millis(s.clock.Now())
		id, err := tx.Insert(ctx, `INSERT INTO identity_providers (account_id, name, issuer, client_id, client_secret, scopes, group_claim, roles, default_role,
			domains, enabled, created_at, updated_at, secrets_set) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`, p.AccountID, p.Name, p.Issuer, p.ClientID, sealed,
			strings.Join(p.Scopes, " "), p.GroupClaim, listJSON(p.Roles), string(p.DefaultRole), strings.Join(p.Domains, " "), p.Enabled, now, now,
			keepRecord(p.SecretsSet))
		if err != nil {
			return err
		}
		made, err = tx.identityProvider(ctx, p.AccountID, id)
		return err
	})
	return made, err
}

// roomForIdentityProvider refuses a name that another has, and one too many.
func (tx conn) roomForIdentityProvider(ctx context.Context, p access.IdentityProvider) error {
	var n int
	var holder sql.NullInt64
	err := tx.Row(ctx, "SELECT COUNT(*), MAX(CASE WHEN name = ? THEN id END) FROM identity_providers WHERE account_id = ? AND id <> ?",
		p.Name, p.AccountID, p.ID).Scan(&n, &holder)
	switch {
	case err != nil:
		return err
	case holder.Valid:
		return &fault.Error{Code: fault.Conflict, Message: "the name is taken", Fields: []fault.Field{{
			Location: "name", Value: p.Name, Message: fmt.Sprintf("identity provider %d has this name: choose another, or change that one", holder.Int64),
		}}}
	case n >= access.MostIdentityProviders:
		return fault.New(fault.Conflict, "there are %d identity providers already: delete one that is not needed", n)
	}
	return nil
}

// ChangeIdentityProvider changes one. If it is not enabled then, the sessions through it end.
func (s *Store) ChangeIdentityProvider(
	ctx context.Context, accountID, id int64, change func(*access.IdentityProvider) error,
) (changed access.IdentityProvider, err error) {
	err = s.inTx(ctx, func(tx conn) error {
		if err := tx.lockAccount(ctx, accountID); err != nil {
			return err
		}
		p, err := tx.identityProvider(ctx, accountID, id)
		if err != nil {
			return err
		}
		if err := change(&p); err != nil {
			return err
		}
		if err := tx.roomForIdentityProvider(ctx, p); err != nil {
			return err
		}
		sealed, err := tx.seal(ctx, ofIdentityProvider, []byte(p.Secret.Reveal()))
		if err != nil {
			return fault.Wrap(fault.Internal, "seal the secret of an identity provider", err)
		}
		if _, err := tx.Exec(ctx, `UPDATE identity_providers SET name = ?, client_id = ?, client_secret = ?, scopes = ?, group_claim = ?, roles = ?,
			default_role = ?, domains = ?, enabled = ?, secrets_set = ?, updated_at = ? WHERE id = ?`,
			p.Name, p.ClientID, sealed, strings.Join(p.Scopes, " "), p.GroupClaim, listJSON(p.Roles), string(p.DefaultRole), strings.Join(p.Domains, " "),
			p.Enabled, keepRecord(p.SecretsSet), sqldb.Millis(s.clock.Now()), id); err != nil {
			return err
		}
		if !p.Enabled {
			if err := tx.endSessionsThrough(ctx, id); err != nil {
				return err
			}
		}
		changed, err = tx.identityProvider(ctx, accountID, id)
		return err
	})
	return changed, err
}

// endSessionsThrough ends the sessions of whoever signed in through a provider. The caller has
// changed it before, so that none begins meanwhile.
func (tx conn) endSessionsThrough(ctx context.Context, providerID int64) error {
	_, err := tx.Exec(ctx, "DELETE FROM user_sessions WHERE provider_id = ?", providerID)
	return err
}

// DeleteIdentityProvider removes one, who is known by it, and the sessions through it.
func (s *Store) DeleteIdentityProvider(ctx context.Context, accountID, id int64) error {
	return s.inTx(ctx, func(tx conn) error {
		n, err := tx.Exec(ctx, "DELETE FROM identity_providers WHERE id = ? AND account_id = ?", id, accountID)
		if err == nil && n == 0 {
			err = noIdentityProvider(sql.ErrNoRows, id)
		}
		if err != nil {
			return err
		}
		if _, err := tx.Exec(ctx, "DELETE FROM user_identities WHERE provider_id = ?", id); err != nil {
			return err
		}
		return tx.endSessionsThrough(ctx, id)
	})
}

// lockIdentityProvider has changes of a provider wait until the transaction ends. It is Forbidden
// if it is not enabled any more.
func (tx conn) lockIdentityProvider(ctx context.Context, id int64) error {
	n, err := tx.Exec(ctx, "UPDATE identity_providers SET id = id WHERE id = ? AND enabled", id)
	if err == nil && n == 0 {
		err = fault.New(fault.Forbidden, "nobody signs in through this provider any more: ask an admin of the account")
	}
	return err
}

// TakeSignIn uses up something that a sign-in began with, and reports whether nobody did before.
func (s *Store) TakeSignIn(ctx context.Context, began string, endsAt time.Time) (fresh bool, err error) {
	err = s.inTx(ctx, func(tx conn) error {
		n, err := tx.Exec(ctx, "INSERT INTO used_sign_ins (hash, ends_at) VALUES (?, ?) ON CONFLICT (hash) DO NOTHING", hashKey(began), sqldb.Millis(endsAt))
		fresh = n == 1
		return err
	})
	return fresh, err
}
