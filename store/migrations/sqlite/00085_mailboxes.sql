-- +goose Up
-- Where the warm-ups of a channel's mailbox providers stand, as JSON by their names; empty for none.
ALTER TABLE channels ADD COLUMN mailbox_warmth TEXT NOT NULL DEFAULT '';

-- What has come of messages to the mailbox providers that a channel warms up for.
CREATE TABLE channel_mailboxes (
    channel_id INTEGER NOT NULL,
    mailbox    TEXT NOT NULL,
    asked      INTEGER NOT NULL DEFAULT 0,
    deferred   INTEGER NOT NULL DEFAULT 0,
    bounced    INTEGER NOT NULL DEFAULT 0,
    complained INTEGER NOT NULL DEFAULT 0,
    PRIMARY KEY (channel_id, mailbox)
);

-- +goose Down
DROP TABLE channel_mailboxes;
ALTER TABLE channels DROP COLUMN mailbox_warmth;
