package store

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"time"

	"carillon/internal/fault"
	"carillon/internal/secret"
	"carillon/providers"
	"carillon/store/sqldb"
)

// signingKey is the stored form of providers.SigningKey, before it is sealed.
type signingKey struct {
	Domain     string `json:"domain"`
	Selector   string `json:"selector"`
	Private    string `json:"private"`
	CreatedAt  int64  `json:"created_at"` // ms since 1970, as SignsSince, which is 0 before
	CreatedBy  string `json:"created_by"`
	SignsSince int64  `json:"signs_since"`
}

// openKeys reads what sealKeys wrote.
func (s *Store) openKeys(sealed string) ([]providers.SigningKey, error) {
	if sealed == "" {
		return nil, nil
	}
	plain, err := s.box.Open(sealed)
	if err != nil {
		return nil, err
	}
	var kept []signingKey
	if err := json.Unmarshal(plain, &kept); err != nil {
		return nil, errors.New("damaged") // the cause could quote a key
	}
	keys := make([]providers.SigningKey, 0, len(kept))
	for _, k := range kept {
		key := providers.SigningKey{
			Domain: k.Domain, Selector: k.Selector, Private: secret.New(k.Private), CreatedAt: time.UnixMilli(k.CreatedAt).UTC(), CreatedBy: k.CreatedBy,
		}
		if k.SignsSince != 0 {
			key.SignsSince = time.UnixMilli(k.SignsSince).UTC()
		}
		keys = append(keys, key)
	}
	return keys, nil
}

// sealKeys is the stored form of signing keys.
func (tx conn) sealKeys(ctx context.Context, keys []providers.SigningKey) (string, error) {
	if len(keys) == 0 {
		return "", nil
	}
	kept := make([]signingKey, 0, len(keys))
	for _, k := range keys {
		key := signingKey{Domain: k.Domain, Selector: k.Selector, Private: k.Private.Reveal(), CreatedAt: k.CreatedAt.UnixMilli(), CreatedBy: k.CreatedBy}
		if !k.SignsSince.IsZero() {
			key.SignsSince = k.SignsSince.UnixMilli()
		}
		kept = append(kept, key)
	}
	sealed, err := tx.seal(ctx, ofSigningKeys, []byte(mustJSON(kept)))
	if err != nil {
		return "", fault.Wrap(fault.Internal, "seal signing keys", err)
	}
	return sealed, nil
}

// ChangeSigningKeys replaces a channel's signing keys by what change makes of them, in one step.
// It is NotFound if there is no such channel. Workers sign by them within two seconds.
func (s *Store) ChangeSigningKeys(ctx context.Context, accountID, id int64,
	change func([]providers.SigningKey) ([]providers.SigningKey, error)) (changed providers.Channel, err error) {
	err = s.inTx(ctx, func(tx conn) error {
		if err := tx.lockAccount(ctx, accountID); err != nil {
			return err
		}
		c, err := s.scanChannel(tx.Row(ctx, selectChannel+" WHERE id = ? AND account_id = ? AND deleted_at IS NULL", id, accountID).Scan)
		if errors.Is(err, sql.ErrNoRows) {
			return noChannel(id)
		}
		if err != nil {
			return err
		}
		keys, err := change(c.SigningKeys)
		if err != nil {
			return err
		}
		sealed, err := tx.sealKeys(ctx, keys)
		if err != nil {
			return err
		}
		now := sqldb.Millis(s.clock.Now())
		if _, err := tx.Exec(ctx, "UPDATE channels SET signing_keys = ?, "+touch+" WHERE id = ?", sealed, now, now, id); err != nil {
			return err
		}
		changed, err = s.scanChannel(tx.Row(ctx, selectChannel+" WHERE id = ?", id).Scan)
		return err
	})
	return changed, err
}
