package store

import (
	"context"
	"database/sql"
	"errors"

	"carillon/internal/fault"
	"carillon/messages"
	"carillon/store/sqldb"
)

// AddFile keeps a file; an account keeps so many bytes at most.
func (s *Store) AddFile(ctx context.Context, f messages.File, most int64) (messages.File, error) {
	f.CreatedAt = s.clock.Now()
	err := s.inTx(ctx, func(tx conn) (err error) {
		if err := tx.lockAccount(ctx, f.AccountID); err != nil {
			return err
		}
		var kept int64
		if err := tx.Row(ctx, "SELECT COALESCE(SUM(size), 0) FROM files WHERE account_id = ?", f.AccountID).Scan(&kept); err != nil {
			return err
		}
		if kept+f.Size > most {
			return fault.New(fault.Conflict, "the account keeps %d MiB of files, and may keep %d: have contents removed sooner (carillon retention set --contents), "+
				"or give the addresses of files", kept>>20, most>>20)
		}
		f.ID, err = tx.Insert(ctx, "INSERT INTO files (account_id, token, name, content_type, size, content, created_at) VALUES (?, ?, ?, ?, ?, ?, ?)",
			f.AccountID, f.Token, f.Name, f.ContentType, f.Size, f.Content, sqldb.Millis(f.CreatedAt))
		return err
	})
	return f, err
}

// FileByToken is a file with its content.
func (s *Store) FileByToken(ctx context.Context, token string) (f messages.File, err error) {
	var created sqldb.Time
	err = s.reader().Row(ctx, "SELECT id, account_id, token, name, content_type, size, content, created_at FROM files WHERE token = ?", token).
		Scan(&f.ID, &f.AccountID, &f.Token, &f.Name, &f.ContentType, &f.Size, &f.Content, &created)
	f.CreatedAt = created.Time
	if errors.Is(err, sql.ErrNoRows) {
		return f, fault.New(fault.NotFound, "there is no such file, or it is kept no more")
	}
	return f, s.translate(err)
}
