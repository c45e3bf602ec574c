-- +goose Up
-- Single messages that are counted together under a name, and which of them each is. options are
-- what the program that made it says of it, JSON.
CREATE TABLE series (
    id         INTEGER PRIMARY KEY AUTOINCREMENT,
    account_id INTEGER NOT NULL,
    name       TEXT    NOT NULL,
    options    TEXT    NOT NULL DEFAULT '{}',
    created_at INTEGER NOT NULL,
    UNIQUE (account_id, name)
);
CREATE TABLE series_messages (
    message_id INTEGER PRIMARY KEY,
    series_id  INTEGER NOT NULL
);
CREATE INDEX series_messages_series ON series_messages (series_id);

-- +goose Down
DROP TABLE series_messages;
DROP TABLE series;
