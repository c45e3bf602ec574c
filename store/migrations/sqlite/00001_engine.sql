-- +goose Up
-- Times are UTC milliseconds since 1970. States are the numbers of
-- campaigns.State. JSON stands in TEXT columns.

CREATE TABLE meta (
    name  TEXT PRIMARY KEY,
    value TEXT NOT NULL
) WITHOUT ROWID;

CREATE TABLE accounts (
    id         INTEGER PRIMARY KEY,
    name       TEXT    NOT NULL,
    created_at INTEGER NOT NULL
);

CREATE TABLE api_keys (
    id           INTEGER PRIMARY KEY,
    account_id   INTEGER NOT NULL REFERENCES accounts (id),
    name         TEXT    NOT NULL,
    role         TEXT    NOT NULL,
    hash         TEXT    NOT NULL UNIQUE,
    hint         TEXT    NOT NULL,
    created_at   INTEGER NOT NULL,
    last_used_at INTEGER,
    revoked_at   INTEGER
);

CREATE TABLE audit (
    id         INTEGER PRIMARY KEY,
    account_id INTEGER NOT NULL,
    actor      TEXT    NOT NULL,
    action     TEXT    NOT NULL,
    target     TEXT    NOT NULL,
    detail     TEXT    NOT NULL DEFAULT '{}',
    at         INTEGER NOT NULL
);
CREATE INDEX audit_account ON audit (account_id, id);

CREATE TABLE idempotency (
    account_id INTEGER NOT NULL,
    key        TEXT    NOT NULL,
    request    TEXT    NOT NULL, -- hash of method, path and body
    status     INTEGER NOT NULL, -- 0 while the first request is still running
    headers    TEXT    NOT NULL DEFAULT '{}',
    body       BLOB,
    created_at INTEGER NOT NULL,
    PRIMARY KEY (account_id, key)
) WITHOUT ROWID;
CREATE INDEX idempotency_age ON idempotency (created_at);

CREATE TABLE channels (
    id            INTEGER PRIMARY KEY,
    account_id    INTEGER NOT NULL REFERENCES accounts (id),
    name          TEXT    NOT NULL,
    provider      TEXT    NOT NULL,
    config        TEXT    NOT NULL, -- sealed: it holds credentials
    address_kind  TEXT    NOT NULL,
    limits        TEXT    NOT NULL,
    timezone      TEXT    NOT NULL,
    in_doubt      TEXT    NOT NULL,
    status        TEXT    NOT NULL,
    status_reason TEXT    NOT NULL DEFAULT '',
    created_at    INTEGER NOT NULL,
    updated_at    INTEGER NOT NULL,
    deleted_at    INTEGER
);
CREATE UNIQUE INDEX channels_name ON channels (account_id, name) WHERE deleted_at IS NULL;

CREATE TABLE contacts (
    id          INTEGER PRIMARY KEY AUTOINCREMENT,
    account_id  INTEGER NOT NULL,
    external_id TEXT,
    name        TEXT    NOT NULL DEFAULT '',
    first_name  TEXT    NOT NULL DEFAULT '',
    last_name   TEXT    NOT NULL DEFAULT '',
    language    TEXT    NOT NULL DEFAULT '',
    timezone    TEXT    NOT NULL DEFAULT '',
    status      TEXT    NOT NULL DEFAULT 'active',
    created_at  INTEGER NOT NULL,
    updated_at  INTEGER NOT NULL
);
CREATE UNIQUE INDEX contacts_external ON contacts (account_id, external_id) WHERE external_id IS NOT NULL;

-- No foreign key: whoever writes here holds the account's lock, and the check of
-- each row would take half of an upload's time on PostgreSQL.
CREATE TABLE addresses (
    contact_id INTEGER NOT NULL,
    kind       TEXT    NOT NULL,
    account_id INTEGER NOT NULL,
    address    TEXT    NOT NULL,
    PRIMARY KEY (contact_id, kind)
) WITHOUT ROWID;
CREATE UNIQUE INDEX addresses_address ON addresses (account_id, kind, address);

CREATE TABLE suppressions (
    account_id INTEGER NOT NULL,
    kind       TEXT    NOT NULL,
    address    TEXT    NOT NULL,
    reason     TEXT    NOT NULL,
    created_at INTEGER NOT NULL,
    PRIMARY KEY (account_id, kind, address)
) WITHOUT ROWID;

CREATE TABLE lists (
    id         INTEGER PRIMARY KEY AUTOINCREMENT,
    account_id INTEGER NOT NULL,
    kind       TEXT    NOT NULL,
    name       TEXT    NOT NULL,
    created_at INTEGER NOT NULL
);
CREATE UNIQUE INDEX lists_group ON lists (account_id, name) WHERE kind = 'group';

CREATE TABLE members (
    list_id    INTEGER NOT NULL,
    contact_id INTEGER NOT NULL,
    data       TEXT, -- extra columns of an upload, a JSON object
    PRIMARY KEY (list_id, contact_id)
) WITHOUT ROWID;
CREATE INDEX members_contact ON members (contact_id);

CREATE TABLE uploads (
    id          INTEGER PRIMARY KEY REFERENCES lists (id),
    account_id  INTEGER NOT NULL,
    filename    TEXT    NOT NULL,
    size        INTEGER NOT NULL,
    options     TEXT    NOT NULL,
    state       TEXT    NOT NULL,
    error       TEXT    NOT NULL DEFAULT '',
    notices     TEXT    NOT NULL DEFAULT '[]',
    columns     TEXT    NOT NULL DEFAULT '[]',
    records     INTEGER NOT NULL DEFAULT 0,
    bytes_read  INTEGER NOT NULL DEFAULT 0,
    row_count   INTEGER NOT NULL DEFAULT 0,
    created     INTEGER NOT NULL DEFAULT 0,
    updated     INTEGER NOT NULL DEFAULT 0,
    refused     INTEGER NOT NULL DEFAULT 0,
    duplicates  INTEGER NOT NULL DEFAULT 0,
    touched_at  INTEGER NOT NULL DEFAULT 0, -- by the database's clock: whoever is at it is alive
    created_at  INTEGER NOT NULL,
    finished_at INTEGER
);
CREATE INDEX uploads_account ON uploads (account_id, id);
CREATE INDEX uploads_open ON uploads (id) WHERE state IN ('receiving', 'queued', 'running');

CREATE TABLE upload_chunks (
    upload_id INTEGER NOT NULL,
    seq       INTEGER NOT NULL,
    data      BLOB    NOT NULL,
    PRIMARY KEY (upload_id, seq)
);

CREATE TABLE upload_errors (
    id        INTEGER PRIMARY KEY,
    upload_id INTEGER NOT NULL,
    line      INTEGER NOT NULL,
    field     TEXT    NOT NULL,
    value     TEXT    NOT NULL,
    reason    TEXT    NOT NULL
);
CREATE INDEX upload_errors_upload ON upload_errors (upload_id, id);

CREATE TABLE campaigns (
    id           INTEGER PRIMARY KEY,
    account_id   INTEGER NOT NULL,
    name         TEXT    NOT NULL,
    channel_id   INTEGER NOT NULL REFERENCES channels (id),
    audience     TEXT    NOT NULL,
    content      TEXT    NOT NULL,
    schedule     TEXT    NOT NULL,
    throttle     TEXT    NOT NULL,
    weight       INTEGER NOT NULL DEFAULT 1,
    status       TEXT    NOT NULL,
    next_fire_at INTEGER,
    run_id       INTEGER NOT NULL DEFAULT 0,
    created_at   INTEGER NOT NULL,
    updated_at   INTEGER NOT NULL
);
CREATE INDEX campaigns_account ON campaigns (account_id, id);
CREATE INDEX campaigns_due ON campaigns (next_fire_at) WHERE next_fire_at IS NOT NULL;

CREATE TABLE runs (
    id          INTEGER PRIMARY KEY,
    account_id  INTEGER NOT NULL,
    campaign_id INTEGER NOT NULL REFERENCES campaigns (id),
    channel_id  INTEGER NOT NULL,
    instant     INTEGER NOT NULL,
    status      TEXT    NOT NULL,
    reason      TEXT    NOT NULL DEFAULT '',
    plan_done   INTEGER NOT NULL DEFAULT 0,
    cursor      INTEGER NOT NULL DEFAULT 0,
    planned     INTEGER NOT NULL DEFAULT 0,
    created_at  INTEGER NOT NULL,
    finished_at INTEGER,
    UNIQUE (campaign_id, instant)
);
CREATE INDEX runs_live ON runs (id) WHERE finished_at IS NULL;

-- One row per run and shard, so that writers of several processes do not wait
-- for each other's counters; a run's counts are the sums over its shards.
-- run_id 0 holds the transactional messages of a channel.
CREATE TABLE run_counts (
    run_id     INTEGER NOT NULL,
    channel_id INTEGER NOT NULL,
    shard      INTEGER NOT NULL,
    pending    INTEGER NOT NULL DEFAULT 0,
    queued     INTEGER NOT NULL DEFAULT 0,
    sending    INTEGER NOT NULL DEFAULT 0,
    sent       INTEGER NOT NULL DEFAULT 0,
    delivered  INTEGER NOT NULL DEFAULT 0,
    "read"     INTEGER NOT NULL DEFAULT 0,
    failed     INTEGER NOT NULL DEFAULT 0,
    rejected   INTEGER NOT NULL DEFAULT 0,
    skipped    INTEGER NOT NULL DEFAULT 0,
    canceled   INTEGER NOT NULL DEFAULT 0,
    unknown    INTEGER NOT NULL DEFAULT 0,
    PRIMARY KEY (run_id, channel_id, shard)
) WITHOUT ROWID;

-- AUTOINCREMENT keeps ids of deleted rows from coming back: providers know
-- messages by them.
CREATE TABLE messages (
    id           INTEGER PRIMARY KEY AUTOINCREMENT,
    channel_id   INTEGER NOT NULL,
    run_id       INTEGER NOT NULL, -- 0: transactional
    contact_id   INTEGER NOT NULL, -- 0: no contact behind the address
    step         INTEGER NOT NULL DEFAULT 0,
    priority     INTEGER NOT NULL DEFAULT 0,
    state        INTEGER NOT NULL,
    attempt      INTEGER NOT NULL DEFAULT 0,
    due_at       INTEGER NOT NULL DEFAULT 0, -- 0: as soon as there is room
    envelope_id  INTEGER NOT NULL DEFAULT 0,
    worker_id    INTEGER NOT NULL DEFAULT 0,
    created_at   INTEGER NOT NULL,
    queued_at    INTEGER,
    claimed_at   INTEGER,
    sent_at      INTEGER,
    delivered_at INTEGER,
    read_at      INTEGER,
    final_at     INTEGER,
    address      TEXT NOT NULL,
    reason       TEXT,
    detail       TEXT,
    provider_id  TEXT
);
CREATE UNIQUE INDEX messages_recipient ON messages (run_id, contact_id, step) WHERE run_id > 0;
CREATE INDEX messages_pending ON messages (channel_id, run_id, due_at, id) WHERE state = 0;
CREATE INDEX messages_inflight ON messages (state, channel_id, run_id) WHERE state IN (1, 2);
CREATE INDEX messages_provider ON messages (channel_id, provider_id) WHERE provider_id IS NOT NULL;
CREATE INDEX messages_transactional ON messages (channel_id, id) WHERE run_id = 0;

-- Content of transactional messages; a campaign's is in the campaign.
CREATE TABLE message_contents (
    message_id INTEGER PRIMARY KEY,
    content    TEXT NOT NULL,
    metadata   TEXT NOT NULL DEFAULT '{}'
);

-- Answers of tries that did not simply succeed.
CREATE TABLE attempts (
    id         INTEGER PRIMARY KEY,
    message_id INTEGER NOT NULL,
    attempt    INTEGER NOT NULL,
    at         INTEGER NOT NULL,
    kind       TEXT    NOT NULL,
    code       TEXT    NOT NULL,
    detail     TEXT    NOT NULL
);
CREATE INDEX attempts_message ON attempts (message_id, id);

-- Receipts that came before the worker had recorded the provider's answer.
CREATE TABLE receipts (
    id          INTEGER PRIMARY KEY,
    channel_id  INTEGER NOT NULL,
    message_id  INTEGER NOT NULL, -- 0: known by provider_id
    provider_id TEXT    NOT NULL DEFAULT '',
    status      TEXT    NOT NULL,
    at          INTEGER NOT NULL,
    code        TEXT    NOT NULL DEFAULT '',
    detail      TEXT    NOT NULL DEFAULT '',
    received_at INTEGER NOT NULL
);
CREATE INDEX receipts_message ON receipts (message_id) WHERE message_id > 0;
CREATE INDEX receipts_provider ON receipts (channel_id, provider_id) WHERE message_id = 0;
CREATE INDEX receipts_age ON receipts (received_at);

CREATE TABLE workers (
    id           INTEGER PRIMARY KEY AUTOINCREMENT,
    name         TEXT    NOT NULL,
    started_at   INTEGER NOT NULL,
    heartbeat_at INTEGER NOT NULL
);

CREATE TABLE leases (
    name       TEXT PRIMARY KEY,
    holder     TEXT    NOT NULL,
    epoch      INTEGER NOT NULL,
    expires_at INTEGER NOT NULL
) WITHOUT ROWID;

-- Clearing the queue: the row binds the feeder from its commit on, the messages
-- follow in batches.
CREATE TABLE clears (
    id          INTEGER PRIMARY KEY,
    account_id  INTEGER NOT NULL,
    channel_id  INTEGER NOT NULL, -- 0: every channel
    campaign_id INTEGER NOT NULL, -- 0: every campaign and the transactional messages
    max_id      INTEGER NOT NULL, -- later messages are not meant
    actor       TEXT    NOT NULL,
    cleared     INTEGER NOT NULL DEFAULT 0,
    examples    TEXT    NOT NULL DEFAULT '[]',
    created_at  INTEGER NOT NULL,
    finished_at INTEGER
);
CREATE INDEX clears_open ON clears (id) WHERE finished_at IS NULL;

-- +goose Down
DROP TABLE clears;
DROP TABLE leases;
DROP TABLE workers;
DROP TABLE receipts;
DROP TABLE attempts;
DROP TABLE message_contents;
DROP TABLE messages;
DROP TABLE run_counts;
DROP TABLE runs;
DROP TABLE campaigns;
DROP TABLE upload_errors;
DROP TABLE upload_chunks;
DROP TABLE uploads;
DROP TABLE members;
DROP TABLE lists;
DROP TABLE suppressions;
DROP TABLE addresses;
DROP TABLE contacts;
DROP TABLE channels;
DROP TABLE idempotency;
DROP TABLE audit;
DROP TABLE api_keys;
DROP TABLE accounts;
DROP TABLE meta;
