-- +goose Up
-- How many batches of a run have begun, by which they grow.
ALTER TABLE runs ADD COLUMN batches_begun INTEGER NOT NULL DEFAULT 0;

-- +goose Down
ALTER TABLE runs DROP COLUMN batches_begun;
