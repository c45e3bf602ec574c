package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"

	"carillon/access"
	"carillon/internal/fault"
	"carillon/internal/secret"
	"carillon/store/sqldb"
)

// canary is what CheckMasterKey seals: any other text would do.
const canary = "carillon"

// sealedColumn is where something sealed is kept. Nothing is sealed but for one of them, so that
// a rotation forgets none.
type sealedColumn int

const (
	ofChannel sealedColumn = iota
	ofWebhook
	ofFactor
	ofIdentityProvider
	ofReplaced
	ofSigningKeys
	allSealed
)

// sealedColumns are all that is sealed, beside the canary.
var sealedColumns = [allSealed]struct{ table, column string }{
	ofChannel: {"channels", "config"}, ofWebhook: {"webhooks", "config"}, ofFactor: {"users", "totp"},
	ofIdentityProvider: {"identity_providers", "client_secret"}, ofReplaced: {"channels", "replaced"}, ofSigningKeys: {"channels", "signing_keys"},
}

// resealedAtOnce is how much is sealed anew in one transaction.
const resealedAtOnce = 100

// CheckMasterKey makes sure that this process has the master key that the
// store's secrets are sealed with, before a secret is sealed with another, and has it seal
// and sign with that one, whichever is its first: processes are given a new key one after
// the other, and none may seal with it before all have it. The very first process decides
// which it is, after that SetMasterKey.
func (s *Store) CheckMasterKey(ctx context.Context) error {
	sealed, err := s.box.Seal([]byte(canary))
	if err != nil {
		return err
	}
	return s.inTx(ctx, func(tx conn) error {
		if _, err := tx.Exec(ctx, "INSERT INTO meta (name, value) VALUES ('canary', ?) ON CONFLICT (name) DO NOTHING", sealed); err != nil {
			return err
		}
		return tx.followMasterKey(ctx, "")
	})
}

// FollowMasterKey has this process seal and sign with the key that the store's secrets are
// sealed with now.
func (s *Store) FollowMasterKey(ctx context.Context) error {
	return s.translate(s.reader().followMasterKey(ctx, ""))
}

// followMasterKey is FollowMasterKey; lock keeps the key from being changed until the
// transaction has ended.
func (tx conn) followMasterKey(ctx context.Context, lock string) error {
	var kept string
	if err := tx.Row(ctx, "SELECT value FROM meta WHERE name = 'canary'"+lock).Scan(&kept); errors.Is(err, sql.ErrNoRows) {
		return nil // the first process has not decided yet
	} else if err != nil {
		return err
	}
	opened, id, err := tx.s.box.OpenBy(kept)
	switch {
	case err == nil && string(opened) == canary && tx.s.box.Ring().Use(id):
		return nil
	case id != "":
		return fault.InvalidField("master_key", nil, "is not the key that this store's secrets are encrypted with, whose id is %s: "+
			"set CARILLON_MASTER_KEY to that one, or add it to CARILLON_OTHER_MASTER_KEYS, the same for every process", id)
	}
	return fault.InvalidField("master_key", nil,
		"is not the key that this store's secrets are encrypted with: set CARILLON_MASTER_KEY to the one that was used before, the same for every process")
}

// seal seals what this transaction is to keep in a column, with the key that holds until it has
// ended: what is kept by one of before, after all of that was sealed anew, would be lost with it.
func (tx conn) seal(ctx context.Context, in sealedColumn, plain []byte) (string, error) {
	if c := sealedColumns[in]; tx.s.box == nil {
		return "", fault.New(fault.Internal, "there is no master key to seal %s.%s with", c.table, c.column)
	}
	if err := tx.followMasterKey(ctx, tx.d.ForShare); err != nil {
		return "", err
	}
	return tx.s.box.Seal(plain)
}

// SetMasterKey has all processes seal and sign from now on with the key of an id, which this
// process knows. What is sealed already is sealed anew by Reseal.
func (s *Store) SetMasterKey(ctx context.Context, id string) error {
	return s.inTx(ctx, func(tx conn) error {
		if err := tx.followMasterKey(ctx, tx.d.ForUpdate); err != nil {
			return err
		}
		if !s.box.Ring().Use(id) {
			return fault.New(fault.Internal, "set the master key: this process does not know the key %s", id)
		}
		sealed, err := s.box.Seal([]byte(canary))
		if err != nil {
			return err
		}
		_, err = tx.Exec(ctx, "UPDATE meta SET value = ? WHERE name = 'canary'", sealed)
		return err
	})
}

// Reseal seals some of what is sealed with another key with the one that holds now, and
// returns how much; 0 is all done. What is changed meanwhile is as it was changed to.
func (s *Store) Reseal(ctx context.Context) (n int, err error) {
	for _, c := range sealedColumns {
		if n, err = s.resealColumn(ctx, c.table, c.column); n > 0 || err != nil {
			return n, err
		}
	}
	return 0, nil
}

func (s *Store) resealColumn(ctx context.Context, table, column string) (n int, err error) {
	type row struct {
		id     int64
		sealed string
	}
	err = s.inTx(ctx, func(tx conn) error {
		n = 0
		if err := tx.followMasterKey(ctx, ""); err != nil {
			return err
		}
		present := secret.Prefix(s.box.Ring().Using())
		list, err := sqldb.Query(ctx, tx, func(scan sqldb.Scan) (r row, err error) {
			err = scan(&r.id, &r.sealed)
			return r, err
		}, "SELECT id, "+column+" FROM "+table+" WHERE "+column+" <> '' AND substr("+column+", 1, ?) <> ? ORDER BY id LIMIT ?",
			len(present), present, resealedAtOnce)
		if err != nil {
			return err
		}
		for _, r := range list {
			plain, err := s.box.Open(r.sealed)
			if err != nil {
				return fault.Wrap(fault.Invalid, fmt.Sprintf("seal %s.%s of %d anew", table, column, r.id), err)
			}
			fresh, err := s.box.Seal(plain)
			if err != nil {
				return err
			}
			changed, err := tx.Exec(ctx, "UPDATE "+table+" SET "+column+" = ? WHERE id = ? AND "+column+" = ?", fresh, r.id, r.sealed)
			if err != nil {
				return err
			}
			n += int(changed)
		}
		return nil
	})
	return n, err
}

// Sealing is what hangs on which master key.
func (s *Store) Sealing(ctx context.Context) (sealing access.Sealing, err error) {
	sealing.Sealed = map[string]int64{}
	tx := s.reader()
	if err := tx.followMasterKey(ctx, ""); err != nil {
		return sealing, s.translate(err)
	}
	sealing.Using = s.box.Ring().Using()
	// What has no id was sealed before keys had one.
	at, length := len(secret.Prefix(""))-1, len(sealing.Using)
	form := secret.Prefix("")[:at]
	for _, c := range sealedColumns {
		found, err := sqldb.Map[string, int64](ctx, tx, "SELECT CASE WHEN substr("+c.column+", 1, ?) = ? THEN substr("+c.column+", ?, ?) ELSE '' END, COUNT(*) FROM "+
			c.table+" WHERE "+c.column+" <> '' GROUP BY 1", at, form, at+1, length)
		if err != nil {
			return sealing, s.translate(err)
		}
		for id, n := range found {
			sealing.Sealed[id] += n
		}
	}
	err = tx.Row(ctx, "SELECT COUNT(*) FROM suppression_hashes").Scan(&sealing.Fingerprints)
	return sealing, s.translate(err)
}
