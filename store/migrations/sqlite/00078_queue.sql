-- +goose Up
-- How many messages a second the providers accepted from a worker lately, as JSON by the ids of
-- the channels.
ALTER TABLE workers ADD COLUMN accepted TEXT NOT NULL DEFAULT '{}';
-- Whose messages are in doubt: few of the counters ever counted one. The messages themselves have
-- no such index: one by their state would have every claim and every receipt write into each of
-- their indexes.
CREATE INDEX run_counts_doubt ON run_counts (channel_id, run_id) WHERE unknown <> 0;

-- +goose Down
DROP INDEX run_counts_doubt;
ALTER TABLE workers DROP COLUMN accepted;
