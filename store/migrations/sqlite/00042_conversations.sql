-- +goose Up
-- What programs keep of a contact that no property takes, as JSON: {"custom":{…},"additional":{…}}.
ALTER TABLE contacts ADD COLUMN free TEXT NOT NULL DEFAULT '{}';
-- Who has neither an address nor an external id, and is known by a name alone.
ALTER TABLE contacts ADD COLUMN bare BOOLEAN NOT NULL DEFAULT FALSE;
-- A campaign's place among those of its account, from 1, and what programs keep of it, as JSON.
ALTER TABLE campaigns ADD COLUMN number INTEGER NOT NULL DEFAULT 0;
ALTER TABLE campaigns ADD COLUMN data TEXT NOT NULL DEFAULT '';
-- The last of the numbers that an account's things have, by what they are: no number comes again.
CREATE TABLE account_numbers (
    account_id INTEGER NOT NULL,
    kind       TEXT NOT NULL, -- campaign, conversation
    last       INTEGER NOT NULL,
    PRIMARY KEY (account_id, kind)
);
UPDATE campaigns SET number = n.number FROM (SELECT id, ROW_NUMBER() OVER (PARTITION BY account_id ORDER BY id) AS number FROM campaigns) n
    WHERE n.id = campaigns.id;
INSERT INTO account_numbers (account_id, kind, last) SELECT account_id, 'campaign', MAX(number) FROM campaigns GROUP BY account_id;
CREATE UNIQUE INDEX campaigns_number ON campaigns (account_id, number) WHERE number > 0;
-- What people are shown of an attribute, of contacts and of conversations. One of contacts has a
-- property for its values.
CREATE TABLE attribute_definitions (
    id          INTEGER PRIMARY KEY AUTOINCREMENT,
    account_id  INTEGER NOT NULL,
    model       TEXT NOT NULL, -- contact, conversation
    key         TEXT NOT NULL,
    property    TEXT NOT NULL DEFAULT '', -- the property's key
    name        TEXT NOT NULL DEFAULT '',
    display     TEXT NOT NULL DEFAULT '', -- empty: what the property's type says
    description TEXT NOT NULL DEFAULT '',
    choices     TEXT NOT NULL DEFAULT '[]',
    pattern     TEXT NOT NULL DEFAULT '',
    cue         TEXT NOT NULL DEFAULT '',
    created_at  INTEGER NOT NULL,
    updated_at  INTEGER NOT NULL
);
CREATE UNIQUE INDEX attribute_definitions_key ON attribute_definitions (account_id, model, key);
INSERT INTO attribute_definitions (account_id, model, key, property, created_at, updated_at)
    SELECT account_id, 'contact', key, key, created_at, updated_at FROM properties ORDER BY id;
-- Filters that a key's holder saved, as they were asked for.
CREATE TABLE saved_filters (
    id         INTEGER PRIMARY KEY AUTOINCREMENT,
    account_id INTEGER NOT NULL,
    key_id     INTEGER NOT NULL,
    kind       TEXT NOT NULL, -- contact, conversation, report
    name       TEXT NOT NULL,
    query      TEXT NOT NULL,
    targeting  INTEGER NOT NULL DEFAULT 0, -- the targeting list that stands for it; 0: none
    created_at INTEGER NOT NULL,
    updated_at INTEGER NOT NULL
);
CREATE INDEX saved_filters_of ON saved_filters (account_id, key_id, kind, id);
CREATE TABLE conversations (
    id               INTEGER PRIMARY KEY AUTOINCREMENT,
    account_id       INTEGER NOT NULL,
    number           INTEGER NOT NULL,
    channel_id       INTEGER NOT NULL,
    contact_id       INTEGER NOT NULL,
    uuid             TEXT NOT NULL,
    source_id        TEXT NOT NULL DEFAULT '',
    status           TEXT NOT NULL, -- open, resolved, pending, snoozed
    labels           TEXT NOT NULL DEFAULT '[]',
    custom           TEXT NOT NULL DEFAULT '{}',
    additional       TEXT NOT NULL DEFAULT '{}',
    created_at       INTEGER NOT NULL,
    updated_at       INTEGER NOT NULL,
    last_activity_at INTEGER NOT NULL,
    resolved_at      INTEGER
);
CREATE UNIQUE INDEX conversations_number ON conversations (account_id, number);
CREATE INDEX conversations_lately ON conversations (account_id, last_activity_at, id);
CREATE INDEX conversations_of ON conversations (contact_id, channel_id);
-- What was said in a conversation, in its order: messages, replies and private notes.
CREATE TABLE conversation_entries (
    id              INTEGER PRIMARY KEY AUTOINCREMENT,
    account_id      INTEGER NOT NULL,
    conversation_id INTEGER NOT NULL,
    message_id      INTEGER NOT NULL DEFAULT 0,
    reply_id        INTEGER NOT NULL DEFAULT 0,
    direction       TEXT NOT NULL, -- incoming, outgoing
    private         BOOLEAN NOT NULL DEFAULT FALSE,
    kind            TEXT NOT NULL DEFAULT 'text',
    text            TEXT NOT NULL DEFAULT '',
    attributes      TEXT NOT NULL DEFAULT '{}',
    additional      TEXT NOT NULL DEFAULT '{}',
    source_id       TEXT NOT NULL DEFAULT '',
    created_at      INTEGER NOT NULL,
    updated_at      INTEGER NOT NULL,
    deleted_at      INTEGER
);
CREATE INDEX conversation_entries_of ON conversation_entries (conversation_id, id);
CREATE UNIQUE INDEX conversation_entries_message ON conversation_entries (message_id) WHERE message_id > 0;
CREATE INDEX conversation_entries_when ON conversation_entries (account_id, created_at);

-- +goose Down
DROP TABLE conversation_entries;
DROP TABLE conversations;
DROP TABLE saved_filters;
DROP TABLE attribute_definitions;
DROP INDEX campaigns_number;
DROP TABLE account_numbers;
ALTER TABLE campaigns DROP COLUMN data;
ALTER TABLE campaigns DROP COLUMN number;
ALTER TABLE contacts DROP COLUMN bare;
ALTER TABLE contacts DROP COLUMN free;
