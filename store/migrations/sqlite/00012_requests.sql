-- +goose Up
-- How many requests a worker has under way at most on each channel that it serves: a
-- JSON object of numbers by the channel's id.
ALTER TABLE workers ADD COLUMN requests TEXT NOT NULL DEFAULT '{}';

-- +goose Down
ALTER TABLE workers DROP COLUMN requests;
