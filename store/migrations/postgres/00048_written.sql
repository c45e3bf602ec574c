-- +goose Up
SET LOCAL lock_timeout = '2s';
-- The country of phone numbers that programs give without one; empty for none.
ALTER TABLE account_settings ADD COLUMN country TEXT NOT NULL DEFAULT '';
-- How an address was written by a program that wants to read it so again; empty for as it is.
ALTER TABLE addresses ADD COLUMN written TEXT NOT NULL DEFAULT '';
-- What a program called a group that got another name because one has that; empty for its name.
ALTER TABLE lists ADD COLUMN called TEXT NOT NULL DEFAULT '';

-- +goose Down
SET LOCAL lock_timeout = '2s';
ALTER TABLE lists DROP COLUMN called;
ALTER TABLE addresses DROP COLUMN written;
ALTER TABLE account_settings DROP COLUMN country;
