-- +goose Up
-- The colour of the pages on which recipients choose, #rrggbb; empty for ours.
ALTER TABLE account_settings ADD COLUMN brand_color TEXT NOT NULL DEFAULT '';

-- +goose Down
ALTER TABLE account_settings DROP COLUMN brand_color;
