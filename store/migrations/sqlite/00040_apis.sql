-- +goose Up
-- Webhooks may be told in the words of another API: its name, and what only it reads. key_id
-- is the key that set such a webhook; 0 for a person's.
ALTER TABLE webhooks ADD COLUMN format TEXT NOT NULL DEFAULT '';
ALTER TABLE webhooks ADD COLUMN options TEXT NOT NULL DEFAULT '{}';
ALTER TABLE webhooks ADD COLUMN key_id INTEGER NOT NULL DEFAULT 0;

-- A key may be made for one API of others, and for one channel in it, and may end by itself.
ALTER TABLE api_keys ADD COLUMN api TEXT NOT NULL DEFAULT '';
ALTER TABLE api_keys ADD COLUMN channel_id INTEGER NOT NULL DEFAULT 0;
ALTER TABLE api_keys ADD COLUMN expires_at INTEGER;

-- Which APIs of others are served to an account, a JSON list; NULL is all of them.
ALTER TABLE account_settings ADD COLUMN apis TEXT;

-- One numbered log of what was sent and what was written to us, for the channels for which
-- somebody asked for it. What was said is read where it is kept.
CREATE TABLE message_log (
    id         INTEGER PRIMARY KEY AUTOINCREMENT,
    account_id INTEGER NOT NULL,
    channel_id INTEGER NOT NULL,
    at         INTEGER NOT NULL,
    message_id INTEGER NOT NULL DEFAULT 0,
    reply_id   INTEGER NOT NULL DEFAULT 0
);
CREATE INDEX message_log_channel ON message_log (channel_id, id);
CREATE INDEX message_log_reply ON message_log (reply_id) WHERE reply_id <> 0;

-- What an API of others keeps of a channel (0: of the account), a JSON object that only it
-- reads.
CREATE TABLE api_settings (
    account_id INTEGER NOT NULL,
    api        TEXT NOT NULL,
    channel_id INTEGER NOT NULL,
    settings   TEXT NOT NULL,
    PRIMARY KEY (account_id, api, channel_id)
);

-- Files that were taken in to be sent: providers fetch them by their token.
CREATE TABLE files (
    id           INTEGER PRIMARY KEY AUTOINCREMENT,
    account_id   INTEGER NOT NULL,
    token        TEXT NOT NULL UNIQUE,
    name         TEXT NOT NULL,
    content_type TEXT NOT NULL,
    size         INTEGER NOT NULL,
    content      BLOB NOT NULL,
    created_at   INTEGER NOT NULL
);
CREATE INDEX files_account ON files (account_id, id);

-- +goose Down
DROP TABLE files;
DROP TABLE api_settings;
DROP TABLE message_log;
DELETE FROM webhooks WHERE format <> '';
ALTER TABLE account_settings DROP COLUMN apis;
ALTER TABLE api_keys DROP COLUMN expires_at;
ALTER TABLE api_keys DROP COLUMN channel_id;
ALTER TABLE api_keys DROP COLUMN api;
ALTER TABLE webhooks DROP COLUMN key_id;
ALTER TABLE webhooks DROP COLUMN options;
ALTER TABLE webhooks DROP COLUMN format;
