package store

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
)

// DialectSettings are what an API of others has set of a channel.
func (s *Store) DialectSettings(ctx context.Context, channelID int64, api string) (map[string]string, error) {
	settings, err := s.reader().dialectSettings(ctx, channelID, api)
	return settings, s.translate(err)
}

func (tx conn) dialectSettings(ctx context.Context, channelID int64, api string) (map[string]string, error) {
	settings := map[string]string{}
	var kept string
	err := tx.Row(ctx, "SELECT settings FROM channel_dialects WHERE channel_id = ? AND api = ?", channelID, api).Scan(&kept)
	if errors.Is(err, sql.ErrNoRows) {
		return settings, nil
	}
	if err != nil {
		return nil, err
	}
	if err := json.Unmarshal([]byte(kept), &settings); err != nil {
		return nil, fmt.Errorf("read the settings of channel %d for %s: %w", channelID, api, err)
	}
	return settings, nil
}

// KeepDialectSettings changes them.
func (s *Store) KeepDialectSettings(ctx context.Context, channelID int64, api string, change func(map[string]string) error) error {
	return s.inTx(ctx, func(tx conn) error {
		var found int64
		err := tx.Row(ctx, "SELECT id FROM channels WHERE id = ? AND deleted_at IS NULL"+s.d.ForUpdate, channelID).Scan(&found)
		if errors.Is(err, sql.ErrNoRows) {
			return noChannel(channelID)
		}
		if err != nil {
			return err
		}
		settings, err := tx.dialectSettings(ctx, channelID, api)
		if err != nil {
			return err
		}
		if err := change(settings); err != nil {
			return err
		}
		_, err = tx.Exec(ctx, `INSERT INTO channel_dialects (channel_id, api, settings) VALUES (?, ?, ?)
			ON CONFLICT (channel_id, api) DO UPDATE SET settings = excluded.settings`, channelID, api, mustJSON(settings))
		return err
	})
}
