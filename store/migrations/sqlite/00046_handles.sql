-- +goose Up
-- What programs know a channel by, whatever becomes of its settings: of channels that are older, the id.
ALTER TABLE channels ADD COLUMN handle TEXT NOT NULL DEFAULT '';
UPDATE channels SET handle = CAST(id AS TEXT);
CREATE UNIQUE INDEX channels_handle ON channels (account_id, address_kind, handle) WHERE deleted_at IS NULL AND handle <> '';
-- Values that the programs of an account share: JSON by name.
CREATE TABLE variables (
    account_id  INTEGER NOT NULL,
    name        TEXT   NOT NULL,
    value       TEXT   NOT NULL,
    in_group    TEXT   NOT NULL DEFAULT '',
    description TEXT   NOT NULL DEFAULT '',
    disabled    INTEGER NOT NULL DEFAULT 0,
    created_at  INTEGER NOT NULL,
    updated_at  INTEGER NOT NULL,
    PRIMARY KEY (account_id, name)
);
-- Single messages whose content is forgotten once they were sent.
CREATE TABLE masked_messages (
    message_id INTEGER PRIMARY KEY
);

-- +goose Down
DROP TABLE masked_messages;
DROP TABLE variables;
DROP INDEX channels_handle;
ALTER TABLE channels DROP COLUMN handle;
