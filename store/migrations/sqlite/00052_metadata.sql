-- +goose Up
-- By which single messages are found: the entries of their metadata that are short enough.
CREATE TABLE message_metadata (
    account_id INTEGER NOT NULL,
    name       TEXT    NOT NULL,
    value      TEXT    NOT NULL,
    message_id INTEGER NOT NULL,
    PRIMARY KEY (account_id, name, value, message_id)
) WITHOUT ROWID;
CREATE INDEX message_metadata_message ON message_metadata (message_id);

-- +goose Down
DROP TABLE message_metadata;
