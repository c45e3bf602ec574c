-- +goose Up
-- A link may take the second factor away when it is used.
ALTER TABLE password_resets ADD COLUMN drops_totp INTEGER NOT NULL DEFAULT 0;

-- +goose Down
ALTER TABLE password_resets DROP COLUMN drops_totp;
