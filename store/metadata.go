package store

import (
	"context"
	"encoding/json"
	"fmt"

	"carillon/messages"
	"carillon/store/sqldb"
)

// describe keeps by which metadata a single message is found.
func (tx conn) describe(ctx context.Context, accountID, messageID int64, metadata []byte) error {
	entries := map[string]string{}
	if err := json.Unmarshal(metadata, &entries); err != nil {
		return fmt.Errorf("read the metadata of a message: %w", err)
	}
	for name, value := range entries {
		if len(name) > messages.MaxMetadataFound || len(value) > messages.MaxMetadataFound {
			continue
		}
		if _, err := tx.Exec(ctx, "INSERT INTO message_metadata (account_id, name, value, message_id) VALUES (?, ?, ?, ?)",
			accountID, name, value, messageID); err != nil {
			return fmt.Errorf("keep by what a message is found: %w", err)
		}
	}
	return nil
}

// fillMetadata writes into single messages what programs said of them.
func (tx conn) fillMetadata(ctx context.Context, list []messages.Message) error {
	of := map[int64]*messages.Message{}
	ids := make([]int64, 0, len(list))
	for i := range list {
		if list[i].RunID == 0 {
			of[list[i].ID], ids = &list[i], append(ids, list[i].ID)
		}
	}
	if len(ids) == 0 {
		return nil
	}
	which := tx.d.among("message_id", ids)
	return sqldb.Each(ctx, tx, func(scan sqldb.Scan) error {
		var id int64
		var metadata []byte
		if err := scan(&id, &metadata); err != nil {
			return err
		}
		return json.Unmarshal(metadata, &of[id].Metadata)
	}, "SELECT message_id, metadata FROM message_contents WHERE metadata <> '{}' AND "+which.sql, which.args...)
}
