-- +goose Up
SET LOCAL lock_timeout = '2s';
-- What is wrong in an upload by column and reason, whom a dry run shows, and the properties
-- that are made of columns: JSON lists.
ALTER TABLE uploads ADD COLUMN faults TEXT NOT NULL DEFAULT '[]';
ALTER TABLE uploads ADD COLUMN preview TEXT NOT NULL DEFAULT '[]';
ALTER TABLE uploads ADD COLUMN proposed TEXT NOT NULL DEFAULT '[]';

-- +goose Down
SET LOCAL lock_timeout = '2s';
ALTER TABLE uploads DROP COLUMN proposed;
ALTER TABLE uploads DROP COLUMN preview;
ALTER TABLE uploads DROP COLUMN faults;
