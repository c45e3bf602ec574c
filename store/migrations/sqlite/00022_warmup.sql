-- +goose Up
-- Where the warm-up of a channel stands: JSON, empty where there is none.
ALTER TABLE channels ADD COLUMN warmth TEXT NOT NULL DEFAULT '';

-- What went wrong of a channel's messages, ever: how often the provider put one off, and
-- how many addresses were suppressed because they bounced or their holders complained.
-- A row for each of those who write, as run_counts has.
CREATE TABLE channel_troubles (
    channel_id INTEGER NOT NULL,
    shard      INTEGER NOT NULL,
    deferred   INTEGER NOT NULL DEFAULT 0,
    bounced    INTEGER NOT NULL DEFAULT 0,
    complained INTEGER NOT NULL DEFAULT 0,
    PRIMARY KEY (channel_id, shard)
);

-- Of which channel and run the message was; 0 of what was noted before this was kept.
ALTER TABLE bounces ADD COLUMN channel_id INTEGER NOT NULL DEFAULT 0;
ALTER TABLE bounces ADD COLUMN run_id INTEGER NOT NULL DEFAULT 0;

-- How many people complained about a run.
ALTER TABLE runs ADD COLUMN complained INTEGER NOT NULL DEFAULT 0;

-- Of a campaign that goes out in batches: how many the present one may still have, and
-- from when on the next one may begin, ms since 1970.
ALTER TABLE runs ADD COLUMN batch_left INTEGER NOT NULL DEFAULT 0;
ALTER TABLE runs ADD COLUMN batch_next INTEGER NOT NULL DEFAULT 0;

-- +goose Down
ALTER TABLE runs DROP COLUMN batch_next;
ALTER TABLE runs DROP COLUMN batch_left;
ALTER TABLE runs DROP COLUMN complained;
ALTER TABLE bounces DROP COLUMN run_id;
ALTER TABLE bounces DROP COLUMN channel_id;
DROP TABLE channel_troubles;
ALTER TABLE channels DROP COLUMN warmth;
