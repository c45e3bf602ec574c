-- +goose Up
-- Who gets mails about the account, through which channel, and about what: JSON, empty for nobody.
ALTER TABLE account_settings ADD COLUMN report_mail TEXT NOT NULL DEFAULT '';
-- Until when its weeks are summed up in mails that were written.
ALTER TABLE account_settings ADD COLUMN summed_until INTEGER NOT NULL DEFAULT 0;

-- +goose Down
ALTER TABLE account_settings DROP COLUMN report_mail;
ALTER TABLE account_settings DROP COLUMN summed_until;
