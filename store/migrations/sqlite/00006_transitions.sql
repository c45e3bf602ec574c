-- +goose Up
-- Where messages went off the plain way, in order: what was tried, taken back,
-- in doubt, settled, sent again. The plain way is told by the times of the message
-- itself, of which the row that a message returned to pending with keeps a copy:
-- the next round overwrites them. A message has at most 100 rows; the last one
-- then stands for those that came before it, too, and says how many.
CREATE TABLE transitions (
    message_id   INTEGER NOT NULL,
    seq          INTEGER NOT NULL, -- from 0
    repeats      INTEGER NOT NULL DEFAULT 0, -- moves that this row took the place of
    state        INTEGER NOT NULL, -- that it came to
    at           INTEGER NOT NULL,
    attempt      INTEGER NOT NULL, -- the try that an answer was to, or the tries until then
    envelope_id  INTEGER NOT NULL DEFAULT 0, -- of the round that it was in
    reason       TEXT NOT NULL DEFAULT '',
    kind         TEXT NOT NULL DEFAULT '', -- of the provider's answer; empty: no answer
    code         TEXT NOT NULL DEFAULT '',
    detail       TEXT NOT NULL DEFAULT '',
    queued_at    INTEGER,
    claimed_at   INTEGER,
    sent_at      INTEGER,
    delivered_at INTEGER,
    read_at      INTEGER,
    PRIMARY KEY (message_id, seq)
) WITHOUT ROWID;

-- Answers of tries become moves: to where the message is if it was the last one
-- and the message ended by it, else back to pending.
INSERT INTO transitions (message_id, seq, state, at, attempt, reason, kind, code, detail)
SELECT message_id, seq, state, at, attempt, CASE WHEN state = 0 THEN kind ELSE COALESCE(reason, '') END, kind, code, detail FROM (
    SELECT a.message_id, a.at, a.attempt, a.kind, a.code, a.detail, m.reason,
        ROW_NUMBER() OVER (PARTITION BY a.message_id ORDER BY a.id) - 1 AS seq,
        CASE WHEN m.state IN (6, 7, 10) AND a.id = MAX(a.id) OVER (PARTITION BY a.message_id) THEN m.state ELSE 0 END AS state
    FROM attempts a JOIN messages m ON m.id = a.message_id
) WHERE seq < 100;
DROP TABLE attempts;

-- Requests of providers that were taken, so that a repeat changes nothing.
CREATE TABLE hook_requests (
    channel_id  INTEGER NOT NULL,
    webhook_id  TEXT    NOT NULL,
    received_at INTEGER NOT NULL,
    PRIMARY KEY (channel_id, webhook_id)
) WITHOUT ROWID;
CREATE INDEX hook_requests_age ON hook_requests (received_at);

-- AUTOINCREMENT, so that no id of a deleted row ever comes back. A table can't be
-- given it: each is copied, made anew and filled. The rows that point at it are
-- right again at the end.
PRAGMA defer_foreign_keys = ON;

CREATE TABLE kept AS SELECT * FROM accounts;
DROP TABLE accounts;
CREATE TABLE accounts (
    id         INTEGER PRIMARY KEY AUTOINCREMENT,
    name       TEXT    NOT NULL,
    created_at INTEGER NOT NULL
);
INSERT INTO accounts (id, name, created_at) SELECT id, name, created_at FROM kept;
DROP TABLE kept;

CREATE TABLE kept AS SELECT * FROM api_keys;
DROP TABLE api_keys;
CREATE TABLE api_keys (
    id           INTEGER PRIMARY KEY AUTOINCREMENT,
    account_id   INTEGER NOT NULL REFERENCES accounts (id),
    name         TEXT    NOT NULL,
    role         TEXT    NOT NULL,
    hash         TEXT    NOT NULL UNIQUE,
    hint         TEXT    NOT NULL,
    created_at   INTEGER NOT NULL,
    last_used_at INTEGER,
    revoked_at   INTEGER
);
INSERT INTO api_keys (id, account_id, name, role, hash, hint, created_at, last_used_at, revoked_at)
    SELECT id, account_id, name, role, hash, hint, created_at, last_used_at, revoked_at FROM kept;
DROP TABLE kept;

CREATE TABLE kept AS SELECT * FROM audit;
DROP TABLE audit;
CREATE TABLE audit (
    id         INTEGER PRIMARY KEY AUTOINCREMENT,
    account_id INTEGER NOT NULL,
    actor      TEXT    NOT NULL,
    action     TEXT    NOT NULL,
    target     TEXT    NOT NULL,
    detail     TEXT    NOT NULL DEFAULT '{}',
    at         INTEGER NOT NULL
);
INSERT INTO audit (id, account_id, actor, action, target, detail, at) SELECT id, account_id, actor, action, target, detail, at FROM kept;
DROP TABLE kept;
CREATE INDEX audit_account ON audit (account_id, id);

CREATE TABLE kept AS SELECT * FROM channels;
DROP TABLE channels;
CREATE TABLE channels (
    id             INTEGER PRIMARY KEY AUTOINCREMENT,
    account_id     INTEGER NOT NULL REFERENCES accounts (id),
    name           TEXT    NOT NULL,
    provider       TEXT    NOT NULL,
    config         TEXT    NOT NULL, -- sealed: it holds credentials
    address_kind   TEXT    NOT NULL,
    limits         TEXT    NOT NULL,
    timezone       TEXT    NOT NULL,
    in_doubt       TEXT    NOT NULL,
    status         TEXT    NOT NULL,
    status_reason  TEXT    NOT NULL DEFAULT '',
    created_at     INTEGER NOT NULL,
    updated_at     INTEGER NOT NULL,
    deleted_at     INTEGER,
    silent_opt_out INTEGER NOT NULL DEFAULT 0,
    -- As before: what its provider said in an earlier epoch holds no longer, and
    -- what has changed so that messages may go sooner.
    epoch          INTEGER NOT NULL DEFAULT 0,
    reconsider     INTEGER NOT NULL DEFAULT 0
);
INSERT INTO channels (id, account_id, name, provider, config, address_kind, limits, timezone, in_doubt, status, status_reason, created_at, updated_at, deleted_at, silent_opt_out, epoch, reconsider)
    SELECT id, account_id, name, provider, config, address_kind, limits, timezone, in_doubt, status, status_reason, created_at, updated_at, deleted_at, silent_opt_out, epoch, reconsider FROM kept;
DROP TABLE kept;
CREATE UNIQUE INDEX channels_name ON channels (account_id, name) WHERE deleted_at IS NULL;

CREATE TABLE kept AS SELECT * FROM campaigns;
DROP TABLE campaigns;
CREATE TABLE campaigns (
    id           INTEGER PRIMARY KEY AUTOINCREMENT,
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
    updated_at   INTEGER NOT NULL,
    category_id  INTEGER NOT NULL DEFAULT 0
);
INSERT INTO campaigns (id, account_id, name, channel_id, audience, content, schedule, throttle, weight, status, next_fire_at, run_id, created_at, updated_at, category_id)
    SELECT id, account_id, name, channel_id, audience, content, schedule, throttle, weight, status, next_fire_at, run_id, created_at, updated_at, category_id FROM kept;
DROP TABLE kept;
CREATE INDEX campaigns_account ON campaigns (account_id, id);
CREATE INDEX campaigns_due ON campaigns (next_fire_at) WHERE next_fire_at IS NOT NULL;

CREATE TABLE kept AS SELECT * FROM runs;
DROP TABLE runs;
CREATE TABLE runs (
    id          INTEGER PRIMARY KEY AUTOINCREMENT,
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
INSERT INTO runs (id, account_id, campaign_id, channel_id, instant, status, reason, plan_done, cursor, planned, created_at, finished_at)
    SELECT id, account_id, campaign_id, channel_id, instant, status, reason, plan_done, cursor, planned, created_at, finished_at FROM kept;
DROP TABLE kept;
CREATE INDEX runs_live ON runs (id) WHERE finished_at IS NULL;

CREATE TABLE kept AS SELECT * FROM clears;
DROP TABLE clears;
CREATE TABLE clears (
    id          INTEGER PRIMARY KEY AUTOINCREMENT,
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
INSERT INTO clears (id, account_id, channel_id, campaign_id, max_id, actor, cleared, examples, created_at, finished_at)
    SELECT id, account_id, channel_id, campaign_id, max_id, actor, cleared, examples, created_at, finished_at FROM kept;
DROP TABLE kept;
CREATE INDEX clears_open ON clears (id) WHERE finished_at IS NULL;

-- +goose Down
-- Tables with AUTOINCREMENT stay as they are: what is older works with them, too.
DROP TABLE hook_requests;
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
INSERT INTO attempts (message_id, attempt, at, kind, code, detail)
    SELECT message_id, attempt, at, kind, code, detail FROM transitions WHERE kind <> '' ORDER BY message_id, seq;
DROP TABLE transitions;
