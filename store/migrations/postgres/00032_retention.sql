-- +goose Up
-- Others wait behind it: it gives up where it would wait for long, and is tried again.
SET LOCAL lock_timeout = '2s';
-- How many days what is kept, by name; '' keeps what always was.
ALTER TABLE account_settings ADD COLUMN retention TEXT NOT NULL DEFAULT '';

-- When every message of a run was gone; NULL while there are some.
ALTER TABLE runs ADD COLUMN swept_at BIGINT;

-- What messages counted as whose rows are removed, in the keys of stats, so that counts and
-- rows can be compared and counts be made anew for ever.
CREATE TABLE stats_removed (
    run_id      BIGINT NOT NULL,
    channel_id  BIGINT NOT NULL,
    metric      BIGINT NOT NULL,
    slot        BIGINT NOT NULL,
    variant     BIGINT NOT NULL,
    language    TEXT   NOT NULL,
    template_id BIGINT NOT NULL,
    code        TEXT   NOT NULL,
    account_id  BIGINT NOT NULL,
    n           BIGINT NOT NULL,
    PRIMARY KEY (run_id, channel_id, metric, slot, variant, language, template_id, code)
);
CREATE INDEX stats_removed_account ON stats_removed (account_id);

-- What is old is found in the order of ids.
DROP INDEX contact_events_age;
DROP INDEX webhook_deliveries_created;

-- +goose Down
CREATE INDEX contact_events_age ON contact_events (at);
CREATE INDEX webhook_deliveries_created ON webhook_deliveries (created_at) WHERE state <> 'pending';
DROP TABLE stats_removed;
ALTER TABLE runs DROP COLUMN swept_at;
ALTER TABLE account_settings DROP COLUMN retention;
