-- +goose Up
SET LOCAL lock_timeout = '2s';
-- By which single messages are found: the entries of their metadata that are short enough.
CREATE TABLE message_metadata (
    account_id BIGINT NOT NULL,
    name       TEXT   NOT NULL,
    value      TEXT   NOT NULL,
    message_id BIGINT NOT NULL,
    PRIMARY KEY (account_id, name, value, message_id)
);
CREATE INDEX message_metadata_message ON message_metadata (message_id);

-- +goose Down
DROP TABLE message_metadata;
