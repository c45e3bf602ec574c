-- +goose Up
-- Counts what was withdrawn from workers: pauses, cancelations, clearings, opt-outs.
-- A worker that finds the sum as it was before its claim may ask the provider. Each
-- withdrawal counts up one of the rows, in its own transaction, so that few wait for
-- each other.
CREATE TABLE halts (
    shard   BIGINT PRIMARY KEY,
    version BIGINT NOT NULL
);
INSERT INTO halts (shard, version) VALUES (0, 0), (1, 0), (2, 0), (3, 0), (4, 0), (5, 0), (6, 0), (7, 0);

-- +goose Down
DROP TABLE halts;
