-- +goose Up
-- What programs tell of contacts. key is the event's own, by which a repeat is known;
-- payload is a JSON object. Times are ms since 1970.
CREATE TABLE contact_events (
    id         INTEGER PRIMARY KEY AUTOINCREMENT,
    account_id INTEGER NOT NULL,
    contact_id INTEGER NOT NULL,
    name       TEXT    NOT NULL,
    key        TEXT,
    payload    TEXT    NOT NULL,
    at         INTEGER NOT NULL,
    created_at INTEGER NOT NULL
);
CREATE INDEX contact_events_contact ON contact_events (contact_id, name, at);
CREATE UNIQUE INDEX contact_events_key ON contact_events (account_id, name, key) WHERE key IS NOT NULL;
CREATE INDEX contact_events_age ON contact_events (at);

-- The names that there are, for rules.
CREATE TABLE event_names (
    account_id INTEGER NOT NULL,
    name       TEXT    NOT NULL,
    first_at   INTEGER NOT NULL,
    last_at    INTEGER NOT NULL,
    total      INTEGER NOT NULL DEFAULT 0,
    PRIMARY KEY (account_id, name)
) WITHOUT ROWID;

-- Campaigns for which an event counts, and the messages for which one did.
CREATE TABLE campaign_conversions (
    account_id  INTEGER NOT NULL,
    event       TEXT    NOT NULL,
    campaign_id INTEGER NOT NULL,
    within_days INTEGER NOT NULL,
    PRIMARY KEY (account_id, event, campaign_id)
) WITHOUT ROWID;
CREATE INDEX campaign_conversions_campaign ON campaign_conversions (campaign_id);
CREATE TABLE conversions (
    message_id INTEGER PRIMARY KEY,
    run_id     INTEGER NOT NULL,
    variant    INTEGER NOT NULL,
    event_id   INTEGER NOT NULL,
    at         INTEGER NOT NULL
);
CREATE INDEX conversions_run ON conversions (run_id, variant);

-- +goose Down
DROP TABLE conversions;
DROP TABLE campaign_conversions;
DROP TABLE event_names;
DROP TABLE contact_events;
