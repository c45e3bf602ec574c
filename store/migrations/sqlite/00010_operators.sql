-- +goose Up
-- What a worker says of itself with each heartbeat. seen_at is the last one, which
-- stays when heartbeat_at is put to 0 because the worker is known to be gone;
-- processes that are no workers have none.
ALTER TABLE workers ADD COLUMN seen_at INTEGER;
ALTER TABLE workers ADD COLUMN retired_at INTEGER;
ALTER TABLE workers ADD COLUMN version TEXT NOT NULL DEFAULT '';
ALTER TABLE workers ADD COLUMN channels TEXT NOT NULL DEFAULT '[]';
ALTER TABLE workers ADD COLUMN in_flight INTEGER NOT NULL DEFAULT 0;
-- Since when a channel has its status; NULL where nobody knows.
ALTER TABLE channels ADD COLUMN status_since INTEGER;
-- Which request an entry is of, and where that came from; empty for what no request
-- did.
ALTER TABLE audit ADD COLUMN request_id TEXT NOT NULL DEFAULT '';
ALTER TABLE audit ADD COLUMN source TEXT NOT NULL DEFAULT '';

-- +goose Down
ALTER TABLE audit DROP COLUMN source;
ALTER TABLE audit DROP COLUMN request_id;
ALTER TABLE channels DROP COLUMN status_since;
ALTER TABLE workers DROP COLUMN in_flight;
ALTER TABLE workers DROP COLUMN channels;
ALTER TABLE workers DROP COLUMN version;
ALTER TABLE workers DROP COLUMN retired_at;
ALTER TABLE workers DROP COLUMN seen_at;
