-- +goose Up
-- What a run is made of stays as it was when the run began, while its campaign may be
-- changed for the runs to come.
CREATE TABLE campaign_versions (
    campaign_id INTEGER NOT NULL REFERENCES campaigns (id) ON DELETE CASCADE,
    version     INTEGER NOT NULL,
    audience    TEXT NOT NULL,
    content     TEXT NOT NULL,
    -- What the template that the content names came to, as JSON; NULL without one.
    resolved    TEXT,
    created_at  INTEGER NOT NULL,
    PRIMARY KEY (campaign_id, version)
);
ALTER TABLE campaigns ADD COLUMN version INTEGER NOT NULL DEFAULT 1;
INSERT INTO campaign_versions (campaign_id, version, audience, content, created_at)
    SELECT id, 1, audience, content, updated_at FROM campaigns WHERE run_id > 0;

-- When a campaign is to be looked at; next_fire_at is when it fires, for people, which
-- may be later: an instant that is left out is looked at, too. Of all instants up to
-- behind_at something was decided. fired counts those that fired, or wait to.
ALTER TABLE campaigns ADD COLUMN look_at INTEGER;
ALTER TABLE campaigns ADD COLUMN behind_at INTEGER;
ALTER TABLE campaigns ADD COLUMN fired INTEGER NOT NULL DEFAULT 0;
-- Who paused the campaign, and who its schedule alone: JSON objects.
ALTER TABLE campaigns ADD COLUMN pause TEXT NOT NULL DEFAULT '{}';
ALTER TABLE campaigns ADD COLUMN schedule_pause TEXT NOT NULL DEFAULT '{}';
-- The zone database by which the instants were reckoned.
ALTER TABLE campaigns ADD COLUMN zones TEXT NOT NULL DEFAULT '';
UPDATE campaigns SET look_at = next_fire_at WHERE status = 'scheduled';
DROP INDEX campaigns_due;
CREATE INDEX campaigns_due ON campaigns (look_at) WHERE look_at IS NOT NULL;
CREATE INDEX campaigns_next ON campaigns (account_id, next_fire_at) WHERE next_fire_at IS NOT NULL;

-- Every instant of a schedule is a run, those that are left out, too. A waiting one
-- starts at starts_at, or, where that is NULL, when the run before it is over.
ALTER TABLE runs ADD COLUMN kind TEXT NOT NULL DEFAULT 'scheduled';
ALTER TABLE runs ADD COLUMN detail TEXT NOT NULL DEFAULT '';
ALTER TABLE runs ADD COLUMN version INTEGER NOT NULL DEFAULT 1;
ALTER TABLE runs ADD COLUMN starts_at INTEGER;
-- held: nothing of it is fed before its guards have looked at its plan; watched: they
-- look at what fails; released: a person has resumed it, and they have no say any more.
ALTER TABLE runs ADD COLUMN guard TEXT NOT NULL DEFAULT '';
ALTER TABLE runs ADD COLUMN started_at INTEGER;
UPDATE runs SET started_at = created_at;
CREATE INDEX runs_guarded ON runs (id) WHERE finished_at IS NULL AND guard IN ('held', 'watched');
CREATE INDEX runs_open ON runs (campaign_id) WHERE finished_at IS NULL;
CREATE INDEX runs_starting ON runs (starts_at) WHERE status = 'waiting' AND starts_at IS NOT NULL;

-- +goose Down
DROP INDEX runs_starting;
DROP INDEX runs_open;
DROP INDEX runs_guarded;
ALTER TABLE runs DROP COLUMN started_at;
ALTER TABLE runs DROP COLUMN guard;
ALTER TABLE runs DROP COLUMN starts_at;
ALTER TABLE runs DROP COLUMN version;
ALTER TABLE runs DROP COLUMN detail;
ALTER TABLE runs DROP COLUMN kind;
DROP INDEX campaigns_next;
DROP INDEX campaigns_due;
CREATE INDEX campaigns_due ON campaigns (next_fire_at) WHERE next_fire_at IS NOT NULL;
ALTER TABLE campaigns DROP COLUMN zones;
ALTER TABLE campaigns DROP COLUMN schedule_pause;
ALTER TABLE campaigns DROP COLUMN pause;
ALTER TABLE campaigns DROP COLUMN fired;
ALTER TABLE campaigns DROP COLUMN behind_at;
ALTER TABLE campaigns DROP COLUMN look_at;
ALTER TABLE campaigns DROP COLUMN version;
DROP TABLE campaign_versions;
