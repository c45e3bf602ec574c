-- +goose Up
-- The keys that mail of a channel is signed with, sealed; empty for none.
ALTER TABLE channels ADD COLUMN signing_keys TEXT NOT NULL DEFAULT '';

-- +goose Down
ALTER TABLE channels DROP COLUMN signing_keys;
