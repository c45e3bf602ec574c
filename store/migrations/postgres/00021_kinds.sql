-- +goose Up
-- What campaigns are found by. kind follows from content and schedule; tags is a JSON array or null,
-- kept in campaign_tags as well; archived_at hides a campaign that has ended from lists.
ALTER TABLE campaigns ADD COLUMN kind TEXT NOT NULL DEFAULT 'newsletter';
ALTER TABLE campaigns ADD COLUMN tags TEXT NOT NULL DEFAULT 'null';
ALTER TABLE campaigns ADD COLUMN notes TEXT NOT NULL DEFAULT '';
ALTER TABLE campaigns ADD COLUMN archived_at BIGINT;
UPDATE campaigns SET kind = 'notification' WHERE content LIKE '%"template":{%';
UPDATE campaigns SET kind = 'recurring' WHERE schedule LIKE '%"cron":[%' OR schedule LIKE '%"calendar":[%' OR schedule LIKE '%"every":"%'
    OR schedule LIKE '{"dates":[%' OR schedule LIKE '%,"dates":[%';
CREATE TABLE campaign_tags (
    account_id  BIGINT NOT NULL,
    tag         TEXT   COLLATE "C" NOT NULL,
    campaign_id BIGINT NOT NULL REFERENCES campaigns (id) ON DELETE CASCADE,
    PRIMARY KEY (account_id, tag, campaign_id)
);
CREATE INDEX campaign_tags_campaign ON campaign_tags (campaign_id);

-- +goose Down
DROP TABLE campaign_tags;
ALTER TABLE campaigns DROP COLUMN archived_at;
ALTER TABLE campaigns DROP COLUMN notes;
ALTER TABLE campaigns DROP COLUMN tags;
ALTER TABLE campaigns DROP COLUMN kind;
