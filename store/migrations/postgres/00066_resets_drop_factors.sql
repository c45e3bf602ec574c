-- +goose Up
SET LOCAL lock_timeout = '2s';
-- A link may take the second factor away when it is used.
ALTER TABLE password_resets ADD COLUMN drops_totp BOOLEAN NOT NULL DEFAULT FALSE;

-- +goose Down
SET LOCAL lock_timeout = '2s';
ALTER TABLE password_resets DROP COLUMN drops_totp;
