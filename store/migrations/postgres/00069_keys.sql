-- +goose Up
SET LOCAL lock_timeout = '2s';
-- What keys are bound to: scopes and networks are separated by spaces.
ALTER TABLE api_keys ADD COLUMN scopes TEXT NOT NULL DEFAULT '';
ALTER TABLE api_keys ADD COLUMN networks TEXT NOT NULL DEFAULT '';
ALTER TABLE api_keys ADD COLUMN rate DOUBLE PRECISION NOT NULL DEFAULT 0;
ALTER TABLE api_keys ADD COLUMN last_used_from TEXT NOT NULL DEFAULT '';

-- What keys were before they were rotated. A row stays when its time is over, so that nobody
-- takes it for a new key.
CREATE TABLE replaced_keys (
    hash         TEXT   NOT NULL PRIMARY KEY,
    key_id       BIGINT NOT NULL,
    ends_at      BIGINT NOT NULL,
    last_used_at BIGINT
);
CREATE INDEX replaced_keys_key ON replaced_keys (key_id, ends_at);

-- Whose single messages are: of a sender's key, or of a person (less the user's id) who is one.
CREATE TABLE message_senders (
    message_id BIGINT NOT NULL PRIMARY KEY,
    sender_id  BIGINT NOT NULL
);
CREATE INDEX message_senders_sender ON message_senders (sender_id, message_id);

-- +goose Down
SET LOCAL lock_timeout = '2s';
DROP TABLE message_senders;
DROP TABLE replaced_keys;
ALTER TABLE api_keys DROP COLUMN last_used_from;
ALTER TABLE api_keys DROP COLUMN rate;
ALTER TABLE api_keys DROP COLUMN networks;
ALTER TABLE api_keys DROP COLUMN scopes;
