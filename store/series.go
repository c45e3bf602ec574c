package store

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"

	"carillon/internal/fault"
	"carillon/messages"
	"carillon/store/sqldb"
)

const selectSeries = "SELECT id, account_id, name, options, created_at FROM series"

func scanSeries(scan sqldb.Scan) (messages.Series, error) {
	var s messages.Series
	var options string
	var created sqldb.Time
	err := scan(&s.ID, &s.AccountID, &s.Name, &options, &created)
	s.Options, s.CreatedAt = json.RawMessage(options), created.Time
	return s, err
}

// CreateSeries keeps a series, or finds the one of its name.
func (s *Store) CreateSeries(ctx context.Context, series messages.Series, most int) (made messages.Series, err error) {
	err = s.inTx(ctx, func(tx conn) error {
		if err := tx.lockAccount(ctx, series.AccountID); err != nil {
			return err
		}
		made, err = scanSeries(tx.Row(ctx, selectSeries+" WHERE account_id = ? AND name = ?", series.AccountID, series.Name).Scan)
		if !errors.Is(err, sql.ErrNoRows) {
			return err
		}
		var n int
		if err := tx.Row(ctx, "SELECT COUNT(*) FROM series WHERE account_id = ?", series.AccountID).Scan(&n); err != nil {
			return err
		}
		if n >= most {
			return fault.New(fault.Conflict, "there are %d series already: use one of them", n)
		}
		id, err := tx.Insert(ctx, "INSERT INTO series (account_id, name, options, created_at) VALUES (?, ?, ?, ?)",
			series.AccountID, series.Name, string(series.Options), sqldb.Millis(s.clock.Now()))
		if err != nil {
			return err
		}
		made, err = scanSeries(tx.Row(ctx, selectSeries+" WHERE id = ?", id).Scan)
		return err
	})
	return made, err
}

// GetSeries is one series.
func (s *Store) GetSeries(ctx context.Context, accountID, id int64) (messages.Series, error) {
	series, err := scanSeries(s.reader().Row(ctx, selectSeries+" WHERE id = ? AND account_id = ?", id, accountID).Scan)
	if errors.Is(err, sql.ErrNoRows) {
		return messages.Series{}, fault.New(fault.NotFound, "there is no series %d", id)
	}
	return series, s.translate(err)
}

// FindSeries is a series by its name.
func (s *Store) FindSeries(ctx context.Context, accountID int64, name string) (messages.Series, error) {
	series, err := scanSeries(s.reader().Row(ctx, selectSeries+" WHERE account_id = ? AND name = ?", accountID, name).Scan)
	if errors.Is(err, sql.ErrNoRows) {
		return messages.Series{}, fault.New(fault.NotFound, "there is no series %q", name)
	}
	return series, s.translate(err)
}

// ListSeries lists series behind the id after.
func (s *Store) ListSeries(ctx context.Context, accountID, after int64, limit int) ([]messages.Series, error) {
	list, err := sqldb.Query(ctx, s.reader(), scanSeries, selectSeries+" WHERE account_id = ? AND id > ? ORDER BY id LIMIT ?", accountID, after, limit)
	return list, s.translate(err)
}

// CountSeries counts a series' messages that are kept by their states.
func (s *Store) CountSeries(ctx context.Context, id int64) (counts messages.Counts, err error) {
	err = sqldb.Each(ctx, s.reader(), func(scan sqldb.Scan) error {
		var state messages.State
		var n int64
		if err := scan(&state, &n); err != nil {
			return err
		}
		counts[state] = n
		return nil
	}, "SELECT m.state, COUNT(*) FROM series_messages k JOIN messages m ON m.id = k.message_id WHERE k.series_id = ? GROUP BY m.state", id)
	return counts, s.translate(err)
}

// intoSeries counts a message in a series; one that the account has not is Invalid.
func (tx conn) intoSeries(ctx context.Context, o messages.Outgoing, messageID int64) error {
	n, err := tx.Exec(ctx, "INSERT INTO series_messages (message_id, series_id) SELECT CAST(? AS BIGINT), id FROM series WHERE id = ? AND account_id = ?",
		messageID, o.SeriesID, o.AccountID)
	if err == nil && n == 0 {
		err = fault.InvalidField("series_id", o.SeriesID, "there is no such series: GET /v1/series lists them")
	}
	if err != nil {
		return fmt.Errorf("count a message in its series: %w", err)
	}
	return nil
}

// forgetFound forgets of which series messages were that are not kept any more, whose, and by
// what they were found, as far as they are older than all that are.
func (tx conn) forgetFound(ctx context.Context) error {
	for _, table := range []string{"series_messages", "message_metadata", "message_senders"} {
		if _, err := tx.Exec(ctx, "DELETE FROM "+table+" WHERE message_id < (SELECT MIN(id) FROM messages)"); err != nil {
			return err
		}
	}
	return nil
}
