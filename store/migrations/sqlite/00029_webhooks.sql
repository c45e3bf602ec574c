-- +goose Up
-- Programs that are told what happens. events are names, channels and campaigns the ids to
-- which they are bound (empty: all), each a JSON list; config is sealed: the secrets, the
-- headers. cursor_seq is how far the outbox was made into deliveries.
CREATE TABLE webhooks (
    id            INTEGER PRIMARY KEY AUTOINCREMENT,
    account_id    INTEGER NOT NULL,
    url           TEXT NOT NULL,
    description   TEXT NOT NULL DEFAULT '',
    events        TEXT NOT NULL,
    channels      TEXT NOT NULL DEFAULT '[]',
    campaigns     TEXT NOT NULL DEFAULT '[]',
    batch_most    INTEGER NOT NULL DEFAULT 1,
    batch_within  INTEGER NOT NULL DEFAULT 0, -- ms
    config        TEXT NOT NULL,
    state         TEXT NOT NULL DEFAULT 'on',
    reason        TEXT NOT NULL DEFAULT '',
    failing_since INTEGER,
    cursor_seq    INTEGER NOT NULL,
    created_at    INTEGER NOT NULL,
    updated_at    INTEGER NOT NULL
);
CREATE INDEX webhooks_account ON webhooks (account_id, id);

-- What happened and was not made into deliveries for everybody who wants to know. Rows get
-- their seq once they are committed, in the order of their ids: who reads by seq misses
-- none, and whatever happened to one message stays in its order. Moves of messages are
-- written by triggers that are there while somebody wants to know: state and ids, a JSON
-- list; of all else event, account and body.
CREATE TABLE outbox (
    id          INTEGER PRIMARY KEY AUTOINCREMENT,
    seq         INTEGER,
    at          INTEGER NOT NULL,
    state       INTEGER,
    run_id      INTEGER NOT NULL DEFAULT 0,
    channel_id  INTEGER NOT NULL DEFAULT 0,
    ids         TEXT,
    event       TEXT,
    account_id  INTEGER NOT NULL DEFAULT 0,
    campaign_id INTEGER NOT NULL DEFAULT 0,
    body        TEXT
);
CREATE INDEX outbox_seq ON outbox (seq) WHERE seq IS NOT NULL;
CREATE INDEX outbox_new ON outbox (id) WHERE seq IS NULL;
-- One row: the seq given last, and the states of messages of which somebody wants to know.
CREATE TABLE outbox_state (last_seq INTEGER NOT NULL, watched TEXT NOT NULL);
INSERT INTO outbox_state VALUES (0, '');

-- One request, and what became of it. key is its webhook-id, the same over all tries.
CREATE TABLE webhook_deliveries (
    id          INTEGER PRIMARY KEY AUTOINCREMENT,
    webhook_id  INTEGER NOT NULL,
    key         TEXT NOT NULL,
    events      INTEGER NOT NULL,
    body        TEXT NOT NULL,
    state       TEXT NOT NULL DEFAULT 'pending', -- delivered, failed
    tries       INTEGER NOT NULL DEFAULT 0,
    next_try_at INTEGER NOT NULL,
    created_at  INTEGER NOT NULL,
    tried_at    INTEGER,
    status      INTEGER NOT NULL DEFAULT 0,
    answer      TEXT NOT NULL DEFAULT '',
    took        INTEGER NOT NULL DEFAULT 0 -- ms
);
CREATE INDEX webhook_deliveries_state ON webhook_deliveries (webhook_id, state, id);
CREATE INDEX webhook_deliveries_webhook ON webhook_deliveries (webhook_id, id);
CREATE INDEX webhook_deliveries_created ON webhook_deliveries (created_at) WHERE state <> 'pending';

-- +goose Down
DROP TRIGGER IF EXISTS outbox_moved;
DROP TRIGGER IF EXISTS outbox_made;
DROP TABLE webhook_deliveries;
DROP TABLE outbox_state;
DROP TABLE outbox;
DROP TABLE webhooks;
