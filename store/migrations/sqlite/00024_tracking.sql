-- +goose Up
-- The links of a run by their numbers, from 1 on. In an address U+E000 stands for what is
-- each recipient's own. feed is 1 for those of the data feed, which need not stand in any
-- message.
CREATE TABLE run_links (
    run_id  INTEGER NOT NULL,
    number  INTEGER NOT NULL,
    address TEXT    NOT NULL,
    feed    INTEGER NOT NULL DEFAULT 0,
    PRIMARY KEY (run_id, number)
) WITHOUT ROWID;

-- What was done with a message, times in ms since 1970. The first four are of persons;
-- doubt is what has to be known to take clicks back that turn out to be a machine's, events
-- are the first clicks and opens one by one; both are JSON.
CREATE TABLE engagement (
    message_id      INTEGER PRIMARY KEY,
    opened_at       INTEGER,
    last_opened_at  INTEGER,
    clicked_at      INTEGER,
    last_clicked_at INTEGER,
    opens           INTEGER NOT NULL DEFAULT 0,
    clicks          INTEGER NOT NULL DEFAULT 0,
    machine_opens   INTEGER NOT NULL DEFAULT 0,
    machine_clicks  INTEGER NOT NULL DEFAULT 0,
    doubt           TEXT    NOT NULL DEFAULT '{}',
    events          TEXT    NOT NULL DEFAULT '[]'
);

-- Counters of a run: of its links by their numbers, of opens (-1) and of clicks whatever the
-- link (-2). Processes that write have shards of their own.
CREATE TABLE engagement_counts (
    run_id  INTEGER NOT NULL,
    variant INTEGER NOT NULL,
    number  INTEGER NOT NULL,
    shard   INTEGER NOT NULL,
    people  INTEGER NOT NULL,
    times   INTEGER NOT NULL,
    machine INTEGER NOT NULL,
    PRIMARY KEY (run_id, variant, number, shard)
) WITHOUT ROWID;

-- Who clicked when is known by their messages.
ALTER TABLE contacts DROP COLUMN last_clicked_at;

-- +goose Down
ALTER TABLE contacts ADD COLUMN last_clicked_at INTEGER;
DROP TABLE engagement_counts;
DROP TABLE engagement;
DROP TABLE run_links;
