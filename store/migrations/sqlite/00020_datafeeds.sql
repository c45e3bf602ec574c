-- +goose Up
-- The data feeds of runs. A row is there from when a run was found to need one; until
-- kept_at is set, the run is not planned, and next_try_at says when the feed is read.
-- Afterwards nothing of it changes, but that old documents are forgotten.
CREATE TABLE run_feeds (
    run_id      INTEGER PRIMARY KEY,
    since       INTEGER NOT NULL,
    tries       INTEGER NOT NULL DEFAULT 0,
    next_try_at INTEGER,
    error       TEXT NOT NULL DEFAULT '',
    kept_at     INTEGER,
    news        INTEGER NOT NULL DEFAULT 0,
    bytes       INTEGER NOT NULL DEFAULT 0,
    body        TEXT
);
CREATE INDEX run_feeds_awaited ON run_feeds (next_try_at) WHERE next_try_at IS NOT NULL;
CREATE INDEX run_feeds_bodies ON run_feeds (kept_at) WHERE body IS NOT NULL;

-- The language in which a template spoke; NULL where none did.
ALTER TABLE messages ADD COLUMN language TEXT;

-- +goose Down
ALTER TABLE messages DROP COLUMN language;
DROP TABLE run_feeds;
