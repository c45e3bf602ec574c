package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"carillon/internal/fault"
	"carillon/messages"
	"carillon/store/sqldb"
)

const selectFile = "SELECT id, account_id, token, name, content_type, size, hash, library, created_at FROM files"

func scanFile(scan sqldb.Scan) (f messages.File, err error) {
	var created sqldb.Time
	err = scan(&f.ID, &f.AccountID, &f.Token, &f.Name, &f.ContentType, &f.Size, &f.Hash, &f.Library, &created)
	f.CreatedAt = created.Time
	return f, err
}

// BeginFile makes room for a file.
func (s *Store) BeginFile(ctx context.Context, f messages.File) (messages.File, error) {
	f.CreatedAt = s.clock.Now()
	now := sqldb.Millis(f.CreatedAt)
	err := s.inTx(ctx, func(tx conn) (err error) {
		f.ID, err = tx.Insert(ctx, `INSERT INTO files (account_id, token, name, content_type, size, whole, library, created_at, taken_at)
			VALUES (?, ?, ?, ?, 0, FALSE, ?, ?, ?)`, f.AccountID, f.Token, f.Name, f.ContentType, f.Library, now, now)
		return err
	})
	return f, err
}

// AddFilePiece keeps what of a file begins at a byte.
func (s *Store) AddFilePiece(ctx context.Context, id, at int64, content []byte) error {
	return s.inTx(ctx, func(tx conn) error {
		n, err := tx.Exec(ctx, "UPDATE files SET size = ? WHERE id = ? AND size = ? AND NOT whole", at+int64(len(content)), id, at)
		if err != nil {
			return err
		}
		if n == 0 {
			return fault.New(fault.Conflict, "file %d takes nothing any more: upload it again", id)
		}
		_, err = tx.Exec(ctx, "INSERT INTO file_pieces (file_id, at, content) VALUES (?, ?, ?)", id, at, content)
		return err
	})
}

// FinishFile keeps a file whose pieces are all there, or finds the one with the same bytes.
func (s *Store) FinishFile(ctx context.Context, f messages.File, most int64) (messages.File, error) {
	err := s.inTx(ctx, func(tx conn) error {
		if err := tx.lockAccount(ctx, f.AccountID); err != nil {
			return err
		}
		now := sqldb.Millis(s.clock.Now())
		same, err := scanFile(tx.Row(ctx, selectFile+" WHERE account_id = ? AND hash = ?", f.AccountID, f.Hash).Scan)
		if err == nil {
			if f.Library && !same.Library {
				same.Name, same.Library = f.Name, true
			}
			if _, err := tx.Exec(ctx, "UPDATE files SET name = ?, library = ?, taken_at = ? WHERE id = ?", same.Name, same.Library, now, same.ID); err != nil {
				return err
			}
			_, err = tx.Exec(ctx, "DELETE FROM files WHERE id = ?", f.ID)
			f = same
			return err
		}
		if !errors.Is(err, sql.ErrNoRows) {
			return err
		}
		var kept int64
		if err := tx.Row(ctx, "SELECT COALESCE(SUM(size), 0) FROM files WHERE account_id = ?", f.AccountID).Scan(&kept); err != nil {
			return err
		}
		if kept > most {
			return fault.New(fault.Conflict, "the account keeps %d MiB of files with this one, and may keep %d: delete what nothing uses (carillon media ls --unused), "+
				"have contents removed sooner (carillon retention set --contents), or give the addresses of files", kept>>20, most>>20)
		}
		n, err := tx.Exec(ctx, "UPDATE files SET hash = ?, whole = TRUE, taken_at = ? WHERE id = ? AND size = ? AND NOT whole", f.Hash, now, f.ID, f.Size)
		if err == nil && n == 0 {
			err = fault.New(fault.Conflict, "file %d did not come whole: upload it again", f.ID)
		}
		return err
	})
	return f, err
}

// DropFile forgets a file that was begun.
func (s *Store) DropFile(ctx context.Context, id int64) error {
	return s.inTx(ctx, func(tx conn) error {
		_, err := tx.Exec(ctx, "DELETE FROM files WHERE id = ? AND NOT whole", id)
		return err
	})
}

// fileAbandonedAfter is how long a file may take to come in.
const fileAbandonedAfter = 24 * time.Hour

// forgetBegunFiles forgets files that never came whole.
func (tx conn) forgetBegunFiles(ctx context.Context) error {
	_, err := tx.Exec(ctx, "DELETE FROM files WHERE NOT whole AND created_at < ?", sqldb.Millis(tx.s.clock.Now().Add(-fileAbandonedAfter)))
	return err
}

// FileByToken is the file of an address.
func (s *Store) FileByToken(ctx context.Context, token string) (messages.File, error) {
	f, err := scanFile(s.reader().Row(ctx, selectFile+" WHERE token = ? AND whole", token).Scan)
	if errors.Is(err, sql.ErrNoRows) {
		return f, fault.New(fault.NotFound, "there is no such file, or it is kept no more")
	}
	return f, s.translate(err)
}

func noFile(id int64) error {
	return fault.New(fault.NotFound, "there is no uploaded file %d: GET /v1/media lists them", id)
}

// GetFile is a file that was uploaded to be used again.
func (s *Store) GetFile(ctx context.Context, accountID, id int64) (messages.File, error) {
	f, err := scanFile(s.reader().Row(ctx, selectFile+" WHERE id = ? AND account_id = ? AND library AND whole", id, accountID).Scan)
	if errors.Is(err, sql.ErrNoRows) {
		return f, noFile(id)
	}
	return f, s.translate(err)
}

// ListFiles are those that were uploaded to be used again, newest first.
func (s *Store) ListFiles(ctx context.Context, filter messages.FileFilter) ([]messages.File, error) {
	query, args := selectFile+" WHERE account_id = ? AND library AND whole", []any{filter.AccountID}
	if filter.Before > 0 {
		query, args = query+" AND id < ?", append(args, filter.Before)
	}
	if filter.Unused {
		uses, err := s.FileUses(ctx, filter.AccountID)
		if err != nil {
			return nil, err
		}
		used := make([]int64, 0, len(uses))
		for id := range uses {
			used = append(used, id)
		}
		query, args = query+" AND NOT (id "+s.d.InIDs+")", append(args, s.d.IDList(used))
	}
	list, err := sqldb.Query(ctx, s.reader(), scanFile, query+" ORDER BY id DESC LIMIT ?", append(args, filter.Limit)...)
	return list, s.translate(err)
}

// FilePiece is the piece of a file in which a byte is.
func (s *Store) FilePiece(ctx context.Context, id, at int64) (begins int64, content []byte, err error) {
	err = s.reader().Row(ctx, "SELECT at, content FROM file_pieces WHERE file_id = ? AND at <= ? ORDER BY at DESC LIMIT 1", id, at).Scan(&begins, &content)
	if errors.Is(err, sql.ErrNoRows) {
		return 0, nil, fault.New(fault.NotFound, "the file is kept no more")
	}
	return begins, content, s.translate(err)
}

// DeleteFile forgets a file that was uploaded, unless something says it.
func (s *Store) DeleteFile(ctx context.Context, accountID, id int64) error {
	return s.inTx(ctx, func(tx conn) error {
		// What is saved at this moment holds it (holdFiles), and is seen afterwards.
		var locked int64
		err := tx.Row(ctx, "SELECT id FROM files WHERE id = ? AND account_id = ? AND library AND whole"+tx.d.ForUpdate, id, accountID).Scan(&locked)
		if errors.Is(err, sql.ErrNoRows) {
			return noFile(id)
		}
		if err != nil {
			return err
		}
		uses, err := tx.fileUses(ctx, accountID)
		if err != nil {
			return err
		}
		if len(uses[id]) == 0 {
			_, err := tx.Exec(ctx, "DELETE FROM files WHERE id = ?", id)
			return err
		}
		names := make([]string, len(uses[id]))
		for i, u := range uses[id] {
			names[i] = fmt.Sprintf("%s %d", u.Kind, u.ID)
		}
		return fault.New(fault.Conflict, "file %d is used by %s: take it out there, or delete, cancel or await these first", id, someOf(names))
	})
}

// mediaIn finds the files that a JSON document says. In a text of it the quotes would be escaped.
var mediaIn = regexp.MustCompile(`"media_id":([0-9]{1,18})\b`)

// addressIn finds the addresses of files, such as those of pictures in HTML.
var addressIn = regexp.MustCompile(messages.FilePath + `([A-Za-z0-9_-]{24})/`)

// sayingFiles is true of a column that may say a file.
func sayingFiles(column string) string {
	return "(" + column + ` LIKE '%"media_id":%' OR ` + column + " LIKE '%" + messages.FilePath + "%')"
}

// filesIn are the files that a JSON document says.
func filesIn(document string) (ids []int64) {
	if !strings.Contains(document, `"media_id":`) {
		return nil // as nearly all
	}
	for _, found := range mediaIn.FindAllStringSubmatch(document, -1) {
		id, err := strconv.ParseInt(found[1], 10, 64)
		if err == nil && !slices.Contains(ids, id) {
			ids = append(ids, id)
		}
	}
	return ids
}

// holdFiles keeps the uploaded files that a document says from being deleted until the
// transaction ends. One that is not there is an Invalid error.
func (tx conn) holdFiles(ctx context.Context, accountID int64, field, document string) error {
	for _, id := range filesIn(document) {
		var found int64
		err := tx.Row(ctx, "SELECT id FROM files WHERE id = ? AND account_id = ? AND library AND whole"+tx.d.ForShare, id, accountID).Scan(&found)
		if errors.Is(err, sql.ErrNoRows) {
			return fault.InvalidField(field, id, "there is no uploaded file %d: GET /v1/media lists them", id)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// FileUses are what says the account's files.
func (s *Store) FileUses(ctx context.Context, accountID int64) (map[int64][]messages.FileUse, error) {
	uses, err := s.reader().fileUses(ctx, accountID)
	return uses, s.translate(err)
}

// fileUses looks through what may say a file: campaigns that are not over with the versions that
// their runs under way have, versions of flows that people are on, the latest version of each
// template, and single messages that are not sent.
func (tx conn) fileUses(ctx context.Context, accountID int64) (map[int64][]messages.FileUse, error) {
	const open = "status IN ('draft', 'scheduled', 'running', 'paused')"
	uses, byToken := map[int64][]messages.FileUse{}, map[string]int64{}
	if err := sqldb.Each(ctx, tx, func(scan sqldb.Scan) error {
		var id int64
		var token string
		err := scan(&id, &token)
		byToken[token] = id
		return err
	}, "SELECT id, token FROM files WHERE account_id = ? AND library AND whole", accountID); err != nil {
		return nil, err
	}
	for _, from := range []struct{ kind, query string }{
		{"campaign", "SELECT id, content FROM campaigns WHERE account_id = ? AND " + open + " AND " + sayingFiles("content")},
		{"campaign", `SELECT v.campaign_id, v.content || COALESCE(v.resolved, '') || COALESCE(v.variants, '') FROM campaigns k
			JOIN runs r ON r.campaign_id = k.id AND r.finished_at IS NULL JOIN campaign_versions v ON v.campaign_id = r.campaign_id AND v.version = r.version
			WHERE k.account_id = ? AND k.` + open + " AND (" + sayingFiles("v.content") + " OR " + sayingFiles("v.resolved") + " OR " + sayingFiles("v.variants") + ")"},
		{"flow", "SELECT f.campaign_id, f.definition FROM flows f JOIN campaigns k ON k.id = f.campaign_id WHERE f.account_id = ? AND k." + open +
			" AND " + sayingFiles("f.definition")},
		{"flow", `SELECT v.campaign_id, v.definition FROM flows f JOIN flow_versions v ON v.campaign_id = f.campaign_id AND v.retired_at IS NULL
			JOIN campaigns k ON k.id = f.campaign_id WHERE f.account_id = ? AND k.` + open + " AND " + sayingFiles("v.definition")},
		{"template", `SELECT t.id, v.definition FROM templates t JOIN template_versions v ON v.template_id = t.id AND v.version = t.version
			WHERE t.account_id = ? AND t.deleted_at IS NULL AND ` + sayingFiles("v.definition")},
		{"message", `SELECT m.id, b.content FROM channels c JOIN messages m ON m.channel_id = c.id AND m.run_id = 0 AND m.` + phasePending + `
			JOIN message_contents b ON b.message_id = m.id WHERE c.account_id = ? AND ` + sayingFiles("b.content")},
		{"message", `SELECT m.id, b.content FROM channels c JOIN messages m ON m.channel_id = c.id AND m.run_id = 0 AND m.` + phaseInFlight + `
			JOIN message_contents b ON b.message_id = m.id WHERE c.account_id = ? AND ` + sayingFiles("b.content")},
	} {
		err := sqldb.Each(ctx, tx, func(scan sqldb.Scan) error {
			use := messages.FileUse{Kind: from.kind}
			var document string
			if err := scan(&use.ID, &document); err != nil {
				return err
			}
			said := filesIn(document)
			for _, found := range addressIn.FindAllStringSubmatch(document, -1) {
				if id, known := byToken[found[1]]; known {
					said = append(said, id)
				}
			}
			for _, id := range said {
				if !slices.Contains(uses[id], use) {
					uses[id] = append(uses[id], use)
				}
			}
			return nil
		}, from.query, accountID)
		if err != nil {
			return nil, err
		}
	}
	return uses, nil
}
