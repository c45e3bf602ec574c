-- +goose Up
-- Counts a channel's resumptions and changes of its configuration: what its
-- provider said in an earlier epoch (slow down, down for everybody) holds no longer.
ALTER TABLE channels ADD COLUMN epoch INTEGER NOT NULL DEFAULT 0;
-- What has changed so that messages that wait for a later time may go sooner: 0
-- nothing, 1 the limits, 2 the channel begins anew. The leader sets it back when it
-- has looked at all of them.
ALTER TABLE channels ADD COLUMN reconsider INTEGER NOT NULL DEFAULT 0;

-- Until when the latest slots of a slow channel (campaign_id 0), or of a slow
-- campaign on it, are paid for. The rate limiter is seeded with it when Redis knows
-- nothing of them: after a restart of the embedded one, or a FLUSHALL.
CREATE TABLE slots (
    channel_id  INTEGER NOT NULL,
    campaign_id INTEGER NOT NULL,
    paid_until  INTEGER NOT NULL,
    PRIMARY KEY (channel_id, campaign_id)
) WITHOUT ROWID;

-- +goose Down
DROP TABLE slots;
ALTER TABLE channels DROP COLUMN reconsider;
ALTER TABLE channels DROP COLUMN epoch;
