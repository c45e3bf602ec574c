-- +goose Up
-- A channel's health: what is the matter with its provider now, since when, and
-- when it is tried again. It was a text in status_reason, which nothing cleared.
ALTER TABLE channels ADD COLUMN health TEXT NOT NULL DEFAULT 'ok';
ALTER TABLE channels ADD COLUMN health_reason TEXT NOT NULL DEFAULT '';
ALTER TABLE channels ADD COLUMN health_since INTEGER;
ALTER TABLE channels ADD COLUMN next_try_at INTEGER;
UPDATE channels SET health = 'stopped', health_reason = status_reason, health_since = updated_at WHERE status = 'stopped';
UPDATE channels SET status_reason = '' WHERE status = 'active';

-- +goose Down
ALTER TABLE channels DROP COLUMN next_try_at;
ALTER TABLE channels DROP COLUMN health_since;
ALTER TABLE channels DROP COLUMN health_reason;
ALTER TABLE channels DROP COLUMN health;
