-- +goose Up
-- Whenever an answer or an event comes, who is inside is looked for by contact. PostgreSQL
-- took this index for that as long as it had no statistics, and read the whole of it.
DROP INDEX flow_sessions_inside;
CREATE UNIQUE INDEX flow_sessions_inside ON flow_sessions (contact_id, campaign_id, lane) WHERE ended_at IS NULL;

-- Who writes, as it stands on the pages of recipients; empty for nothing.
ALTER TABLE account_settings ADD COLUMN brand_name TEXT NOT NULL DEFAULT '';

-- +goose Down
ALTER TABLE account_settings DROP COLUMN brand_name;
DROP INDEX flow_sessions_inside;
CREATE UNIQUE INDEX flow_sessions_inside ON flow_sessions (campaign_id, contact_id, lane) WHERE ended_at IS NULL;
