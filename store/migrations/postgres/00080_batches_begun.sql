-- +goose Up
SET LOCAL lock_timeout = '2s';
-- How many batches of a run have begun, by which they grow.
ALTER TABLE runs ADD COLUMN batches_begun BIGINT NOT NULL DEFAULT 0;

-- +goose Down
SET LOCAL lock_timeout = '2s';
ALTER TABLE runs DROP COLUMN batches_begun;
