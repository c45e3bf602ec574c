package store

import (
	"context"
	"database/sql"
	"errors"

	"carillon/channels"
)

// APISettings are what an API of others keeps of a channel.
func (s *Store) APISettings(ctx context.Context, of channels.APISettings) (string, error) {
	text, err := s.reader().apiSettings(ctx, of)
	return text, s.translate(err)
}

func (tx conn) apiSettings(ctx context.Context, of channels.APISettings) (text string, err error) {
	err = tx.Row(ctx, "SELECT settings FROM api_settings WHERE account_id = ? AND api = ? AND channel_id = ?", of.AccountID, of.API, of.ChannelID).Scan(&text)
	if errors.Is(err, sql.ErrNoRows) {
		return "", nil
	}
	return text, err
}

// ChangeAPISettings replaces them by what change makes of them.
func (s *Store) ChangeAPISettings(ctx context.Context, of channels.APISettings, change func(string) (string, error)) error {
	return s.inTx(ctx, func(tx conn) error {
		if err := tx.lockAccount(ctx, of.AccountID); err != nil {
			return err
		}
		if of.ChannelID != 0 {
			if err := tx.ownsChannel(ctx, of.AccountID, of.ChannelID); err != nil {
				return err
			}
		}
		text, err := tx.apiSettings(ctx, of)
		if err != nil {
			return err
		}
		if text, err = change(text); err != nil {
			return err
		}
		_, err = tx.Exec(ctx, `INSERT INTO api_settings (account_id, api, channel_id, settings) VALUES (?, ?, ?, ?)
			ON CONFLICT (account_id, api, channel_id) DO UPDATE SET settings = excluded.settings`, of.AccountID, of.API, of.ChannelID, text)
		return err
	})
}
