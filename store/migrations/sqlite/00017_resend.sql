-- +goose Up
-- Who a run's audience names by messages, as it was when the run began: messages change
-- their states while it is planned. side is 0 for who is in and 1 for who is left out.
-- runs.frozen says that the rows are there; they go when the run is planned.
CREATE TABLE frozen_members (
    run_id     INTEGER NOT NULL,
    side       INTEGER NOT NULL,
    contact_id INTEGER NOT NULL,
    PRIMARY KEY (run_id, side, contact_id)
) WITHOUT ROWID;
ALTER TABLE runs ADD COLUMN frozen INTEGER NOT NULL DEFAULT 0;
-- The run whose messages a run of kind resend sends again.
ALTER TABLE runs ADD COLUMN resend_of INTEGER NOT NULL DEFAULT 0;
CREATE INDEX runs_frozen ON runs (id) WHERE frozen;
CREATE INDEX runs_resends ON runs (resend_of) WHERE resend_of > 0;

-- Whether nothing is started before another person has approved it, and what was said of
-- a campaign: hash is of what it was then.
ALTER TABLE account_settings ADD COLUMN approval_required INTEGER NOT NULL DEFAULT 0;
CREATE TABLE approvals (
    campaign_id INTEGER PRIMARY KEY REFERENCES campaigns (id) ON DELETE CASCADE,
    state       TEXT NOT NULL, -- proposed, approved, rejected
    hash        TEXT NOT NULL,
    proposed_by INTEGER NOT NULL, -- keys, by their ids
    proposer    TEXT NOT NULL,
    proposed_at INTEGER NOT NULL,
    decided_by  INTEGER NOT NULL DEFAULT 0,
    decider     TEXT NOT NULL DEFAULT '',
    decided_at  INTEGER,
    note        TEXT NOT NULL DEFAULT ''
);

-- +goose Down
DROP TABLE approvals;
ALTER TABLE account_settings DROP COLUMN approval_required;
DROP INDEX runs_resends;
DROP INDEX runs_frozen;
ALTER TABLE runs DROP COLUMN resend_of;
ALTER TABLE runs DROP COLUMN frozen;
DROP TABLE frozen_members;
