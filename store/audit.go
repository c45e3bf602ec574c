package store

import (
	"context"
	"encoding/json"
	"fmt"

	"carillon/access"
	"carillon/store/sqldb"
)

// audit writes an entry in the transaction of what it tells of. The time is
// that of the transaction.
func (tx conn) audit(ctx context.Context, e access.AuditEntry) error {
	detail := []byte("{}")
	if len(e.Detail) > 0 {
		var err error
		if detail, err = json.Marshal(e.Detail); err != nil {
			return fmt.Errorf("encode audit detail: %w", err)
		}
	}
	_, err := tx.Exec(ctx, "INSERT INTO audit (account_id, actor, action, target, detail, request_id, source, at) VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
		e.AccountID, e.Actor, e.Action, e.Target, string(detail), e.RequestID, e.Source, sqldb.Millis(tx.s.clock.Now()))
	return err
}

// AddAudit writes an entry by itself; ID and At are set here.
func (s *Store) AddAudit(ctx context.Context, e access.AuditEntry) error {
	return s.inTx(ctx, func(tx conn) error { return tx.audit(ctx, e) })
}

// ListAudit lists an account's entries before the id before, newest first; 0
// begins with the newest.
func (s *Store) ListAudit(ctx context.Context, accountID, before int64, limit int) ([]access.AuditEntry, error) {

	entries, err := sqldb.Query(ctx, s.reader(), func(scan sqldb.Scan) (access.AuditEntry, error) {
		e := access.AuditEntry{AccountID: accountID}
		var detail []byte
		var at sqldb.Time
		if err := scan(&e.ID, &e.Actor, &e.Action, &e.Target, &detail, &e.RequestID, &e.Source, &at); err != nil {
			return e, err
		}
		e.At = at.Time
		if err := json.Unmarshal(detail, &e.Detail); err != nil {
			return e, fmt.Errorf("read detail of audit entry %d: %w", e.ID, err)
		}
		return e, nil
	}, "SELECT id, actor, action, target, detail, request_id, source, at FROM audit WHERE account_id = ? AND id < ? ORDER BY id DESC LIMIT ?",
		accountID, orNewest(before), limit)
	return entries, s.translate(err)
}

// orNewest is the id before which a list that shows the newest first goes on.
func orNewest(before int64) int64 {
	if before <= 0 {
		return 1<<63 - 1
	}
	return before
}
