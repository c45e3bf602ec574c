-- +goose Up
-- Lines that were taken without a value that could not be used: how many of an
-- upload, and which entries of its errors are of them.
ALTER TABLE uploads ADD COLUMN incomplete INTEGER NOT NULL DEFAULT 0;
ALTER TABLE upload_errors ADD COLUMN taken INTEGER NOT NULL DEFAULT 0;

-- +goose Down
DELETE FROM upload_errors WHERE taken = 1;
ALTER TABLE upload_errors DROP COLUMN taken;
ALTER TABLE uploads DROP COLUMN incomplete;
