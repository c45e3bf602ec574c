package store

import (
	"context"
	"database/sql"
	"errors"
	"math"
	"time"

	"carillon/access"
	"carillon/store/sqldb"
)

// copyColumns are the columns of chains that say how far entries were copied.
var copyColumns = map[access.TrailCopy]string{access.CopyFile: "file_seq", access.CopySyslog: "syslog_seq"}

// UncopiedAudit are the next entries that were not copied to a place, so many at most, of the first
// account behind the id after that has some; without an account if none has. Places are given one
// after the other under a lock: behind one that was copied none comes to be before it.
func (s *Store) UncopiedAudit(ctx context.Context, to access.TrailCopy, after int64, most int) (found access.Uncopied, err error) {
	c, column := s.reader(), copyColumns[to]
	var copied int64
	err = c.Row(ctx, "SELECT account_id, "+column+", seq FROM audit_chains WHERE account_id > ? AND "+column+" < seq ORDER BY account_id LIMIT 1", after).
		Scan(&found.AccountID, &copied, &found.Through)
	if errors.Is(err, sql.ErrNoRows) {
		return access.Uncopied{}, nil
	}
	if err != nil {
		return found, s.translate(err)
	}
	found.Entries, err = sqldb.Query(ctx, c, func(scan sqldb.Scan) (access.AuditEntry, error) {
		e, err := scanAudited(scan)
		if err != nil {
			return e.AuditEntry, err
		}
		return e.entry()
	}, "SELECT "+auditColumns+" FROM audit WHERE account_id = ? AND seq > ? ORDER BY seq LIMIT ?", found.AccountID, copied, most)
	if found.Lost = found.Through - copied; len(found.Entries) > 0 {
		found.Lost = found.Entries[0].Seq - copied - 1
		found.Through = found.Entries[len(found.Entries)-1].Seq
	}
	return found, s.translate(err)
}

// copiedEverywhere is the place up to which an account's entries are wherever the trail is copied
// to; the last that there can be if it is copied nowhere.
func (tx conn) copiedEverywhere(ctx context.Context, account int64) (seq int64, err error) {
	seq = math.MaxInt64
	for _, to := range tx.s.copies {
		var at int64
		err := tx.Row(ctx, "SELECT "+copyColumns[to]+" FROM audit_chains WHERE account_id = ?", account).Scan(&at)
		if err != nil && !errors.Is(err, sql.ErrNoRows) {
			return 0, err
		}
		seq = min(seq, at)
	}
	return seq, nil
}

// errUncopied is why entries of an account that is being deleted stay for now.
var errUncopied = errors.New("entries of the audit trail are not copied yet")

// awaitCopies is errUncopied while there are entries of an account that is being deleted which are
// not wherever the trail is copied to, for access.UncopiedStays.
func awaitCopies(ctx context.Context, tx conn, account int64) error {
	if len(tx.s.copies) == 0 {
		return nil
	}
	copied, err := tx.copiedEverywhere(ctx, account)
	if err != nil {
		return err
	}
	var waits bool
	err = tx.Row(ctx, `SELECT EXISTS (SELECT 1 FROM accounts WHERE id = ? AND deleting_at > ?)
		AND EXISTS (SELECT 1 FROM audit WHERE account_id = ? AND (seq IS NULL OR seq > ?))`,
		account, tx.s.clock.Now().Add(-access.UncopiedStays).UnixMilli(), account, copied).Scan(&waits)
	if err == nil && waits {
		err = errUncopied
	}
	return err
}

// CopiedAudit notes that an account's entries up to a place were copied; it never goes back.
func (s *Store) CopiedAudit(ctx context.Context, to access.TrailCopy, account, seq int64) error {
	column := copyColumns[to]
	return s.inTx(ctx, func(tx conn) error {
		_, err := tx.Exec(ctx, "UPDATE audit_chains SET "+column+" = ? WHERE account_id = ? AND "+column+" < ?", seq, account, seq)
		return err
	})
}

// AuditBacklog is what waits to be copied to a place, of all accounts.
func (s *Store) AuditBacklog(ctx context.Context, to access.TrailCopy) (waits access.Backlog, err error) {
	column := copyColumns[to]
	var oldest sql.NullInt64
	err = s.reader().Row(ctx, "SELECT COALESCE(SUM(c.seq - c."+column+"), 0), MIN(a.at) FROM audit_chains c "+
		"LEFT JOIN audit a ON a.account_id = c.account_id AND a.seq = c."+column+" + 1 WHERE c."+column+" < c.seq").Scan(&waits.Entries, &oldest)
	if oldest.Valid {
		waits.Oldest = time.UnixMilli(oldest.Int64).UTC()
	}
	return waits, s.translate(err)
}
