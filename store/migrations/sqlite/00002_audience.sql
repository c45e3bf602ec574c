-- +goose Up
-- Who gets a message: properties, memberships, rules, consent, frequency caps.

-- attributes holds a contact's properties by key, as typed JSON values. folded
-- holds what rules compare as text, lower-cased by Go, because SQLite and
-- PostgreSQL fold different letters: contact columns by their name, properties
-- as "attributes.<key>". attribute_expiry says when values end, by key.
ALTER TABLE contacts ADD COLUMN attributes TEXT NOT NULL DEFAULT '{}';
ALTER TABLE contacts ADD COLUMN attribute_expiry TEXT NOT NULL DEFAULT '{}';
ALTER TABLE contacts ADD COLUMN folded TEXT NOT NULL DEFAULT '{}';
ALTER TABLE contacts ADD COLUMN last_activity_at INTEGER;
ALTER TABLE contacts ADD COLUMN last_clicked_at INTEGER;
ALTER TABLE contacts ADD COLUMN last_replied_at INTEGER;
ALTER TABLE contacts ADD COLUMN merged_into INTEGER NOT NULL DEFAULT 0; -- the contact that it became part of
CREATE INDEX contacts_expiring ON contacts (id) WHERE attribute_expiry <> '{}';

CREATE TABLE properties (
    id              INTEGER PRIMARY KEY AUTOINCREMENT,
    account_id      INTEGER NOT NULL,
    key             TEXT    NOT NULL,
    label           TEXT    NOT NULL DEFAULT '',
    type            TEXT    NOT NULL,
    rule            TEXT    NOT NULL DEFAULT '', -- constraint, such as ">=2 <=9" or "a,b,c"
    default_value   TEXT,                        -- JSON
    expires_seconds INTEGER NOT NULL DEFAULT -1, -- -1: values stay
    editable        INTEGER NOT NULL DEFAULT 1,
    hidden          INTEGER NOT NULL DEFAULT 0,
    position        INTEGER NOT NULL DEFAULT 0,
    filterable      INTEGER NOT NULL DEFAULT 0,  -- has an expression index
    created_at      INTEGER NOT NULL,
    updated_at      INTEGER NOT NULL
);
CREATE UNIQUE INDEX properties_key ON properties (account_id, key);

-- Groups, categories, labels and uploads are lists of one mechanism.
ALTER TABLE lists ADD COLUMN description TEXT NOT NULL DEFAULT '';
DROP INDEX lists_group;
CREATE UNIQUE INDEX lists_name ON lists (account_id, kind, name) WHERE kind <> 'upload';

CREATE TABLE targeting_lists (
    id         INTEGER PRIMARY KEY AUTOINCREMENT,
    account_id INTEGER NOT NULL,
    name       TEXT    NOT NULL,
    rule       TEXT    NOT NULL,
    created_at INTEGER NOT NULL,
    updated_at INTEGER NOT NULL
);
CREATE UNIQUE INDEX targeting_lists_name ON targeting_lists (account_id, name);

-- Every opt-in and opt-out, never changed: who, when, how, and what was said.
-- Erasure empties address and proof and keeps the rest.
CREATE TABLE consents (
    id          INTEGER PRIMARY KEY AUTOINCREMENT,
    account_id  INTEGER NOT NULL,
    contact_id  INTEGER NOT NULL,            -- 0: no contact holds the address
    kind        TEXT    NOT NULL DEFAULT '', -- of the address; empty: the contact as a whole
    address     TEXT    NOT NULL DEFAULT '',
    category_id INTEGER NOT NULL DEFAULT 0,  -- 0: everything
    action      TEXT    NOT NULL,            -- opt_in, opt_out
    source      TEXT    NOT NULL,
    wording     TEXT    NOT NULL DEFAULT '',
    proof       TEXT    NOT NULL DEFAULT '',
    lifted      TEXT    NOT NULL DEFAULT '', -- reasons of suppressions that a forced opt-in lifted
    actor       TEXT    NOT NULL,
    at          INTEGER NOT NULL
);
CREATE INDEX consents_contact ON consents (account_id, contact_id, id);
CREATE INDEX consents_address ON consents (account_id, kind, address, id);

-- The recipient opted out as well, whatever the reason says: a bounce that is
-- lifted leaves the opt-out.
ALTER TABLE suppressions ADD COLUMN opted_out INTEGER NOT NULL DEFAULT 0;

-- Suppressions whose address was erased: a keyed hash of it. Whenever an address
-- is taken in, it is looked up here and suppressed again.
CREATE TABLE suppression_hashes (
    account_id INTEGER NOT NULL,
    kind       TEXT    NOT NULL,
    hash       TEXT    NOT NULL,
    reason     TEXT    NOT NULL,
    opted_out  INTEGER NOT NULL DEFAULT 0,
    created_at INTEGER NOT NULL,
    PRIMARY KEY (account_id, kind, hash)
) WITHOUT ROWID;

-- What receipts said of an address since it was last delivered to: soft bounces in
-- a row, and the reason of a suppression that is due at once. Rows that are due are
-- suppressed and removed.
CREATE TABLE bounces (
    account_id INTEGER NOT NULL,
    kind       TEXT    NOT NULL,
    address    TEXT    NOT NULL,
    soft       INTEGER NOT NULL,
    hard       TEXT    NOT NULL DEFAULT '', -- bounced, complained; soft is then above every limit
    last_at    INTEGER NOT NULL,
    PRIMARY KEY (account_id, kind, address)
) WITHOUT ROWID;
CREATE INDEX bounces_due ON bounces (soft);

-- Receipts that wait may be bounces.
ALTER TABLE receipts ADD COLUMN bounce TEXT NOT NULL DEFAULT '';

-- Who opts out by a reply gets one confirmation, unless the channel is silent.
ALTER TABLE channels ADD COLUMN silent_opt_out INTEGER NOT NULL DEFAULT 0;

-- What people wrote to us.
CREATE TABLE replies (
    id          INTEGER PRIMARY KEY AUTOINCREMENT,
    account_id  INTEGER NOT NULL,
    channel_id  INTEGER NOT NULL,
    contact_id  INTEGER NOT NULL, -- 0: nobody known
    kind        TEXT    NOT NULL,
    address     TEXT    NOT NULL,
    provider_id TEXT    NOT NULL DEFAULT '', -- a repeat of the same is dropped
    text        TEXT    NOT NULL,
    meaning     TEXT    NOT NULL, -- opt_out, opt_in, help, near, other
    reviewed_at INTEGER,
    at          INTEGER NOT NULL
);
CREATE UNIQUE INDEX replies_provider ON replies (channel_id, provider_id) WHERE provider_id <> '';
CREATE INDEX replies_review ON replies (account_id, id) WHERE meaning = 'near' AND reviewed_at IS NULL;
CREATE INDEX replies_contact ON replies (contact_id, id) WHERE contact_id > 0;

-- Bulk operations on contacts.
CREATE TABLE jobs (
    id          INTEGER PRIMARY KEY AUTOINCREMENT,
    account_id  INTEGER NOT NULL,
    kind        TEXT    NOT NULL,
    spec        TEXT    NOT NULL,
    state       TEXT    NOT NULL, -- queued, running, finished, failed
    cursor      INTEGER NOT NULL DEFAULT 0,
    total       INTEGER NOT NULL DEFAULT 0,
    done        INTEGER NOT NULL DEFAULT 0,
    changed     INTEGER NOT NULL DEFAULT 0,
    error       TEXT    NOT NULL DEFAULT '',
    actor       TEXT    NOT NULL,
    created_at  INTEGER NOT NULL,
    finished_at INTEGER
);
CREATE INDEX jobs_account ON jobs (account_id, id);
CREATE INDEX jobs_open ON jobs (id) WHERE state IN ('queued', 'running');

CREATE TABLE frequency_caps (
    id             INTEGER PRIMARY KEY AUTOINCREMENT,
    account_id     INTEGER NOT NULL,
    category_id    INTEGER NOT NULL DEFAULT 0,  -- 0: every campaign of the account
    priority       TEXT    NOT NULL DEFAULT '', -- empty: every priority
    max_messages   INTEGER NOT NULL,
    window_seconds INTEGER NOT NULL,
    action         TEXT    NOT NULL,            -- defer, skip
    created_at     INTEGER NOT NULL
);
CREATE UNIQUE INDEX frequency_caps_scope ON frequency_caps (account_id, category_id, priority, window_seconds);

-- The category that a campaign counts for.
ALTER TABLE campaigns ADD COLUMN category_id INTEGER NOT NULL DEFAULT 0;

-- What a contact was sent and when: activity in rules, frequency caps. A message
-- enters it when it is sent, so that planning and claiming do not pay for it.
CREATE INDEX messages_contact ON messages (contact_id, sent_at) WHERE contact_id > 0 AND sent_at IS NOT NULL;

-- +goose Down
DROP INDEX messages_contact;
ALTER TABLE campaigns DROP COLUMN category_id;
DROP TABLE frequency_caps;
DROP TABLE jobs;
DROP TABLE replies;
DROP TABLE bounces;
DROP TABLE suppression_hashes;
DROP TABLE consents;
ALTER TABLE suppressions DROP COLUMN opted_out;
ALTER TABLE receipts DROP COLUMN bounce;
ALTER TABLE channels DROP COLUMN silent_opt_out;
DROP TABLE targeting_lists;
DROP INDEX lists_name;
CREATE UNIQUE INDEX lists_group ON lists (account_id, name) WHERE kind = 'group';
ALTER TABLE lists DROP COLUMN description;
DROP TABLE properties;
DROP INDEX contacts_expiring;
ALTER TABLE contacts DROP COLUMN merged_into;
ALTER TABLE contacts DROP COLUMN last_replied_at;
ALTER TABLE contacts DROP COLUMN last_clicked_at;
ALTER TABLE contacts DROP COLUMN last_activity_at;
ALTER TABLE contacts DROP COLUMN folded;
ALTER TABLE contacts DROP COLUMN attribute_expiry;
ALTER TABLE contacts DROP COLUMN attributes;
