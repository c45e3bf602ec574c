package store

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"iter"
	"slices"
	"strings"
	"time"

	"carillon/contacts"
	"carillon/internal/fault"
	"carillon/store/sqldb"
)

const uploadColumns = `id, account_id, filename, size, options, state, error, notices, columns, records, bytes_read, row_count, created, updated,
	refused, duplicates, incomplete, faults, preview, proposed, created_at, finished_at`

func scanUpload(scan sqldb.Scan) (contacts.Upload, error) {
	var u contacts.Upload
	var options, notices, columns, faults, preview, proposed []byte
	var created, finished sqldb.Time
	err := scan(&u.ID, &u.AccountID, &u.Filename, &u.Size, &options, &u.State, &u.Error, &notices, &columns, &u.Records, &u.BytesRead, &u.Rows,
		&u.Created, &u.Updated, &u.Refused, &u.Duplicates, &u.Incomplete, &faults, &preview, &proposed, &created, &finished)
	if err != nil {
		return u, err
	}
	u.CreatedAt, u.FinishedAt = created.Time, finished.Ptr()
	for _, field := range []struct {
		from []byte
		to   any
	}{{options, &u.Options}, {notices, &u.Notices}, {columns, &u.Columns}, {faults, &u.Faults}, {preview, &u.Preview}, {proposed, &u.Proposed}} {
		if err := json.Unmarshal(field.from, field.to); err != nil {
			return u, fmt.Errorf("read upload %d: %w", u.ID, err)
		}
	}
	return u, nil
}

func noUpload(id int64) error { return fault.New(fault.NotFound, "there is no upload %d", id) }

// CreateUpload keeps a new upload, whose file is to come, and its list of
// contacts.
func (s *Store) CreateUpload(ctx context.Context, u contacts.Upload) (contacts.Upload, error) {
	encoded := make([]string, 3)
	for i, v := range []any{u.Options, u.Notices, u.Columns} {
		b, err := json.Marshal(v)
		if err != nil {
			return contacts.Upload{}, fmt.Errorf("encode upload: %w", err)
		}
		encoded[i] = string(b)
	}
	var made contacts.Upload
	err := s.inTx(ctx, func(tx conn) error {
		now := sqldb.Millis(s.clock.Now())
		id, err := tx.Insert(ctx, "INSERT INTO lists (account_id, kind, name, created_at) VALUES (?, 'upload', ?, ?)", u.AccountID, u.Filename, now)
		if err != nil {
			return err
		}
		if _, err := tx.Exec(ctx, `INSERT INTO uploads (id, account_id, filename, size, options, state, notices, columns, touched_at, created_at)
			VALUES (?, ?, ?, 0, ?, 'receiving', ?, ?, `+s.d.Now+`, ?)`, id, u.AccountID, u.Filename, encoded[0], encoded[1], encoded[2], now); err != nil {
			return err
		}
		made, err = scanUpload(tx.Row(ctx, "SELECT "+uploadColumns+" FROM uploads WHERE id = ?", id).Scan)
		return err
	})
	return made, err
}

// AddChunk keeps the next piece of an upload's file.
func (s *Store) AddChunk(ctx context.Context, uploadID, seq int64, data []byte) error {
	return s.inTx(ctx, func(tx conn) error {
		n, err := tx.Exec(ctx, "UPDATE uploads SET size = size + ?, touched_at = "+s.d.Now+" WHERE id = ? AND state = 'receiving'", len(data), uploadID)
		if err != nil {
			return err
		}
		if n == 0 {
			return notReceiving(uploadID)
		}
		_, err = tx.Exec(ctx, "INSERT INTO upload_chunks (upload_id, seq, data) VALUES (?, ?, ?)", uploadID, seq, data)
		return err
	})
}

func notReceiving(id int64) error {
	return fault.New(fault.Conflict, "upload %d takes no file any more: begin again", id)
}

// QueueUpload says that an upload's file is whole.
func (s *Store) QueueUpload(ctx context.Context, uploadID, size int64) (contacts.Upload, error) {
	var queued contacts.Upload
	err := s.inTx(ctx, func(tx conn) error {
		var err error
		queued, err = scanUpload(tx.Row(ctx, "UPDATE uploads SET state = 'queued' WHERE id = ? AND state = 'receiving' AND size = ? RETURNING "+uploadColumns,
			uploadID, size).Scan)
		if errors.Is(err, sql.ErrNoRows) {
			return notReceiving(uploadID)
		}
		return err
	})
	return queued, err
}

// DiscardUpload forgets an upload that is being received; it does nothing to any
// other.
func (s *Store) DiscardUpload(ctx context.Context, uploadID int64) error {
	if err := s.dropChunks(ctx, uploadID, "receiving"); err != nil {
		return err
	}
	return s.inTx(ctx, func(tx conn) error {
		n, err := tx.Exec(ctx, "DELETE FROM uploads WHERE id = ? AND state = 'receiving'", uploadID)
		if err != nil || n == 0 {
			return err
		}
		// A piece may have come in since.
		if _, err := tx.Exec(ctx, "DELETE FROM upload_chunks WHERE upload_id = ?", uploadID); err != nil {
			return err
		}
		_, err = tx.Exec(ctx, "DELETE FROM lists WHERE id = ?", uploadID)
		return err
	})
}

// chunksAtOnce is how many pieces of a file one transaction deletes.
const chunksAtOnce = 16

// dropChunks deletes the file of an upload in one of the states.
func (s *Store) dropChunks(ctx context.Context, uploadID int64, states ...string) error {
	for {
		var n int64
		err := s.inTx(ctx, func(tx conn) error {
			var err error
			n, err = tx.Exec(ctx, `DELETE FROM upload_chunks WHERE upload_id = ? AND seq IN
				(SELECT seq FROM upload_chunks WHERE upload_id = ? ORDER BY seq LIMIT ?)
				AND EXISTS (SELECT 1 FROM uploads WHERE id = ? AND state `+s.d.InTexts+`)`,
				uploadID, uploadID, chunksAtOnce, uploadID, s.d.TextList(states))
			return err
		})
		if err != nil || n < chunksAtOnce {
			return err
		}
	}
}

// ClaimUpload takes an upload to import; see contacts.ImportStore.
func (s *Store) ClaimUpload(ctx context.Context, id int64) (u contacts.Upload, found bool, err error) {
	free := "(state = 'queued' OR state = 'running' AND touched_at < " + s.d.Now + " - ?)"
	const takenOver = int64(contacts.UploadTakenOver / time.Millisecond)
	err = s.inTx(ctx, func(tx conn) error {
		var err error
		// The condition stands twice because PostgreSQL looks at it again only
		// outside of the subquery, if it had to wait for another claim.
		u, err = scanUpload(tx.Row(ctx, "UPDATE uploads SET state = 'running', touched_at = "+s.d.Now+` WHERE id =
			(SELECT MIN(id) FROM uploads WHERE state IN ('receiving', 'queued', 'running') AND `+free+` AND `+ofOpenAccounts+` AND (CAST(? AS BIGINT) = 0 OR id = ?))
			AND `+free+" RETURNING "+uploadColumns, takenOver, id, id, takenOver).Scan)
		found = err == nil
		if errors.Is(err, sql.ErrNoRows) {
			return nil
		}
		return err
	})
	return u, found && err == nil, err
}

// ProposeProperties puts on record what properties a running upload makes, beside those that
// it is known to make.
func (s *Store) ProposeProperties(ctx context.Context, uploadID int64, proposed []contacts.Proposal) error {
	return s.inTx(ctx, func(tx conn) error {
		var kept []byte
		if err := tx.Row(ctx, "SELECT proposed FROM uploads WHERE id = ?"+tx.d.ForUpdate, uploadID).Scan(&kept); err != nil {
			return err
		}
		var all []contacts.Proposal
		if err := json.Unmarshal(kept, &all); err != nil {
			return fmt.Errorf("read upload %d: %w", uploadID, err)
		}
		for _, p := range proposed {
			if !slices.ContainsFunc(all, func(before contacts.Proposal) bool { return before.Key == p.Key }) {
				all = append(all, p)
			}
		}
		_, err := tx.Exec(ctx, "UPDATE uploads SET proposed = ?, touched_at = "+s.d.Now+" WHERE id = ? AND state = 'running'", mustJSON(all), uploadID)
		return err
	})
}

// NoteUpload puts on record what was found out about a running upload's file.
func (s *Store) NoteUpload(ctx context.Context, uploadID int64, notices []string) error {
	return s.inTx(ctx, func(tx conn) error {
		_, err := tx.Exec(ctx, "UPDATE uploads SET notices = ? WHERE id = ? AND state = 'running'", mustJSON(notices), uploadID)
		return err
	})
}

// ReleaseUpload lets another process claim a running upload at once.
func (s *Store) ReleaseUpload(ctx context.Context, id int64) error {
	return s.inTx(ctx, func(tx conn) error {
		_, err := tx.Exec(ctx, "UPDATE uploads SET touched_at = 0 WHERE id = ? AND state = 'running'", id)
		return err
	})
}

// ReadChunk is a piece of an upload's file; nil behind the last.
func (s *Store) ReadChunk(ctx context.Context, uploadID, seq int64) ([]byte, error) {
	var data []byte
	err := s.reader().Row(ctx, "SELECT data FROM upload_chunks WHERE upload_id = ? AND seq = ?", uploadID, seq).Scan(&data)
	if errors.Is(err, sql.ErrNoRows) {
		return nil, nil
	}
	return data, s.translate(err)
}

// FinishUpload ends a running upload, failed if there is a reason, and forgets
// its file.
func (s *Store) FinishUpload(ctx context.Context, uploadID int64, reason string) error {
	state := contacts.UploadFinished
	if reason != "" {
		state = contacts.UploadFailed
	}
	if err := s.analyzeGrown(ctx, uploadID); err != nil {
		return s.translate(err)
	}
	err := s.inTx(ctx, func(tx conn) error {
		n, err := tx.Exec(ctx, `UPDATE uploads SET state = ?, error = ?, finished_at = ?,
			bytes_read = CASE WHEN ? = '' THEN size ELSE bytes_read END WHERE id = ? AND state = 'running'`,
			string(state), reason, sqldb.Millis(s.clock.Now()), reason, uploadID)
		if err == nil && n == 0 {
			return fault.New(fault.Conflict, "upload %d is not running", uploadID)
		}
		return err
	})
	if err != nil {
		return err
	}
	return s.dropChunks(ctx, uploadID, string(contacts.UploadFinished), string(contacts.UploadFailed))
}

// analyzeGrown tells the query planner about the tables that an upload has made
// much larger.
func (s *Store) analyzeGrown(ctx context.Context, uploadID int64) error {
	if s.d.grown == "" {
		return nil
	}
	tables, err := sqldb.Column[string](ctx, s.reader(), s.d.grown, uploadID)
	if err != nil || len(tables) == 0 {
		return err
	}
	_, err = s.outside().Exec(ctx, "ANALYZE "+strings.Join(tables, ", "))
	return err
}

// GetUpload is one upload.
func (s *Store) GetUpload(ctx context.Context, accountID, id int64) (contacts.Upload, error) {
	u, err := scanUpload(s.reader().Row(ctx, "SELECT "+uploadColumns+" FROM uploads WHERE id = ? AND account_id = ? AND state <> 'receiving'", id, accountID).Scan)
	if errors.Is(err, sql.ErrNoRows) {
		return contacts.Upload{}, noUpload(id)
	}
	return u, s.translate(err)
}

// ListUploads lists an account's uploads before the id before, newest first; 0
// begins with the newest.
func (s *Store) ListUploads(ctx context.Context, accountID, before int64, limit int) ([]contacts.Upload, error) {

	list, err := sqldb.Query(ctx, s.reader(), scanUpload,
		"SELECT "+uploadColumns+" FROM uploads WHERE account_id = ? AND id < ? AND state <> 'receiving' ORDER BY id DESC LIMIT ?",
		accountID, orNewest(before), limit)
	return list, s.translate(err)
}

// errorsAtOnce is how many refused lines are read at a time.
const errorsAtOnce = 1000

// UploadErrors goes through the lines that an upload refused, and the values
// that it took lines without, in the order of
// the file. It reads them a page at a time, so that any number can be streamed;
// an error ends it.
func (s *Store) UploadErrors(ctx context.Context, accountID, uploadID int64) iter.Seq2[contacts.RefusedLine, error] {
	return func(yield func(contacts.RefusedLine, error) bool) {
		if _, err := s.GetUpload(ctx, accountID, uploadID); err != nil {
			yield(contacts.RefusedLine{}, err)
			return
		}
		var after int64
		for {
			page := make([]contacts.RefusedLine, 0, errorsAtOnce)
			err := sqldb.Each(ctx, s.reader(), func(scan sqldb.Scan) error {
				var line contacts.RefusedLine
				err := scan(&after, &line.Line, &line.Field, &line.Value, &line.Reason, &line.Taken)
				page = append(page, line)
				return err
			}, "SELECT id, line, field, value, reason, taken = 1 FROM upload_errors WHERE upload_id = ? AND id > ? ORDER BY id LIMIT ?", uploadID, after, errorsAtOnce)
			if err != nil {
				yield(contacts.RefusedLine{}, s.translate(err))
				return
			}
			for _, line := range page {
				if !yield(line, nil) {
					return
				}
			}
			if len(page) < errorsAtOnce {
				return
			}
		}
	}
}

// abandonedAfter is how long after its last piece an upload that never became
// whole is forgotten.
const abandonedAfter = time.Hour

// CleanUploads forgets uploads that were never received whole and the files of
// those that are over, which a killed process leaves behind.
func (s *Store) CleanUploads(ctx context.Context) error {
	abandoned, err := s.ids(ctx, "SELECT id FROM uploads WHERE state = 'receiving' AND touched_at < "+s.d.Now+" - ?", abandonedAfter.Milliseconds())
	if err != nil {
		return err
	}
	over, err := s.ids(ctx, `SELECT id FROM uploads WHERE id IN (SELECT upload_id FROM upload_chunks) AND state IN ('finished', 'failed')`)
	if err != nil {
		return err
	}
	for _, id := range abandoned {
		if err := s.DiscardUpload(ctx, id); err != nil {
			return err
		}
	}
	for _, id := range over {
		if err := s.dropChunks(ctx, id, string(contacts.UploadFinished), string(contacts.UploadFailed)); err != nil {
			return err
		}
	}
	return nil
}
