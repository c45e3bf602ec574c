-- +goose Up
-- Flow campaigns: a campaign of the kind flow with a definition. definition is what people
-- write, JSON; version is the one that is in force, 0 before the first. closed_at is since when nobody
-- enters any more. dated_until is up to when days of contacts were looked at.
CREATE TABLE flows (
    campaign_id INTEGER PRIMARY KEY,
    account_id  INTEGER NOT NULL,
    definition  TEXT    NOT NULL,
    version     INTEGER NOT NULL DEFAULT 0,
    changed     INTEGER NOT NULL DEFAULT 1,
    closed_at   INTEGER,
    dated_until INTEGER NOT NULL DEFAULT 0
);
CREATE INDEX flows_account ON flows (account_id, campaign_id);

CREATE TABLE flow_versions (
    campaign_id INTEGER NOT NULL,
    version     INTEGER NOT NULL,
    definition  TEXT    NOT NULL,
    by_whom     TEXT    NOT NULL,
    created_at  INTEGER NOT NULL,
    retired_at  INTEGER, -- nobody is on it any more
    PRIMARY KEY (campaign_id, version)
) WITHOUT ROWID;

-- The runs whose messages the steps of a version send; again is for the words of another try.
CREATE TABLE flow_says (
    campaign_id INTEGER NOT NULL,
    version     INTEGER NOT NULL,
    step        TEXT    NOT NULL,
    again       INTEGER NOT NULL,
    run_id      INTEGER NOT NULL,
    PRIMARY KEY (campaign_id, version, step, again)
) WITHOUT ROWID;
CREATE INDEX flow_says_run ON flow_says (run_id);

-- Questions keep their id through the versions.
CREATE TABLE flow_questions (
    id          INTEGER PRIMARY KEY AUTOINCREMENT,
    campaign_id INTEGER NOT NULL,
    step        TEXT    NOT NULL,
    text        TEXT    NOT NULL,
    UNIQUE (campaign_id, step)
);

-- What lets people enter: a word on a channel, an event, a list, the day of a property.
CREATE TABLE flow_triggers (
    account_id  INTEGER NOT NULL,
    kind        TEXT    NOT NULL,
    key         TEXT    NOT NULL,
    campaign_id INTEGER NOT NULL,
    channel_id  INTEGER NOT NULL,
    PRIMARY KEY (account_id, kind, key, campaign_id)
) WITHOUT ROWID;
CREATE INDEX flow_triggers_campaign ON flow_triggers (campaign_id);

-- Sessions. lane keeps those apart of who may be inside more than once; wake_at is when it
-- is looked at, deadline when its step ends by itself. answers and said are JSON objects.
CREATE TABLE flow_sessions (
    id          INTEGER PRIMARY KEY AUTOINCREMENT,
    account_id  INTEGER NOT NULL,
    campaign_id INTEGER NOT NULL,
    version     INTEGER NOT NULL,
    contact_id  INTEGER NOT NULL,
    run_id      INTEGER NOT NULL DEFAULT 0,
    lane        INTEGER NOT NULL,
    depth       INTEGER NOT NULL DEFAULT 0,
    source      TEXT    NOT NULL,
    step        TEXT    NOT NULL,
    phase       TEXT    NOT NULL DEFAULT '',
    rev         INTEGER NOT NULL DEFAULT 0,
    wake_at     INTEGER,
    deadline    INTEGER,
    tries       INTEGER NOT NULL DEFAULT 0,
    sends       INTEGER NOT NULL DEFAULT 0,
    message_id  INTEGER NOT NULL DEFAULT 0, -- the latest
    awaits      TEXT, -- the event that ends its wait
    answers     TEXT    NOT NULL DEFAULT '{}',
    said        TEXT    NOT NULL DEFAULT '{}',
    outcome     TEXT    NOT NULL DEFAULT '',
    reason      TEXT    NOT NULL DEFAULT '',
    entered_at  INTEGER NOT NULL,
    moved_at    INTEGER NOT NULL,
    ended_at    INTEGER
);
CREATE UNIQUE INDEX flow_sessions_inside ON flow_sessions (campaign_id, contact_id, lane) WHERE ended_at IS NULL;
CREATE INDEX flow_sessions_contact ON flow_sessions (contact_id, campaign_id);
CREATE INDEX flow_sessions_wake ON flow_sessions (campaign_id, wake_at, id) WHERE wake_at IS NOT NULL;
CREATE INDEX flow_sessions_message ON flow_sessions (message_id) WHERE phase = 'sending';
CREATE INDEX flow_sessions_campaign ON flow_sessions (campaign_id, id);

-- What came for a session and was not dealt with: a reply, an event, a program's answer.
CREATE TABLE flow_inbox (
    id         INTEGER PRIMARY KEY AUTOINCREMENT,
    session_id INTEGER NOT NULL,
    body       TEXT    NOT NULL,
    at         INTEGER NOT NULL
);
CREATE INDEX flow_inbox_session ON flow_inbox (session_id, id);

-- One way through a flow, step by step.
CREATE TABLE flow_moves (
    session_id INTEGER NOT NULL,
    seq        INTEGER NOT NULL, -- the session's rev, and the place within the move
    at         INTEGER NOT NULL,
    step       TEXT    NOT NULL,
    exit       TEXT    NOT NULL,
    why        TEXT    NOT NULL,
    PRIMARY KEY (session_id, seq)
) WITHOUT ROWID;

CREATE TABLE flow_answers (
    id          INTEGER PRIMARY KEY AUTOINCREMENT,
    session_id  INTEGER NOT NULL,
    campaign_id INTEGER NOT NULL,
    contact_id  INTEGER NOT NULL,
    step        TEXT    NOT NULL,
    text        TEXT    NOT NULL,
    value       TEXT    NOT NULL,
    at          INTEGER NOT NULL
);
CREATE INDEX flow_answers_campaign ON flow_answers (campaign_id, id);
CREATE INDEX flow_answers_contact ON flow_answers (contact_id, id);

-- Programs that are asked: one for a session at a time.
CREATE TABLE flow_calls (
    session_id INTEGER PRIMARY KEY,
    rev        INTEGER NOT NULL,
    step       TEXT    NOT NULL,
    tries      INTEGER NOT NULL DEFAULT 0,
    due_at     INTEGER NOT NULL
);
CREATE INDEX flow_calls_due ON flow_calls (due_at);

-- What was answered before a message of a flow was made, for its texts.
CREATE TABLE message_answers (
    message_id INTEGER PRIMARY KEY,
    answers    TEXT NOT NULL
);

-- +goose Down
DROP TABLE message_answers;
DROP TABLE flow_calls;
DROP TABLE flow_answers;
DROP TABLE flow_moves;
DROP TABLE flow_inbox;
DROP TABLE flow_sessions;
DROP TABLE flow_triggers;
DROP TABLE flow_questions;
DROP TABLE flow_says;
DROP TABLE flow_versions;
DROP TABLE flows;
