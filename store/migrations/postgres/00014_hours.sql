-- +goose Up
-- Quiet hours, a JSON object of from and to; empty for none. rehours counts up with
-- every change of what hours a channel's messages have, until those that wait have been
-- reconsidered; then it is 0.
ALTER TABLE channels ADD COLUMN quiet_hours TEXT NOT NULL DEFAULT '';
ALTER TABLE channels ADD COLUMN rehours BIGINT NOT NULL DEFAULT 0;
-- What an account has set; who has set nothing has no row.
CREATE TABLE account_settings (
    account_id BIGINT PRIMARY KEY,
    quiet_hours TEXT NOT NULL DEFAULT '',
    quiet_transactional BOOLEAN NOT NULL DEFAULT FALSE
);

-- +goose Down
DROP TABLE account_settings;
ALTER TABLE channels DROP COLUMN rehours;
ALTER TABLE channels DROP COLUMN quiet_hours;
