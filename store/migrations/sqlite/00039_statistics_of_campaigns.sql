-- +goose Up
-- What is counted of one campaign is found without looking at all that the account's others did.
CREATE INDEX stats_runs ON stats (run_id) WHERE run_id > 0;
CREATE INDEX stats_flows ON stats (campaign_id) WHERE campaign_id > 0;

-- +goose Down
DROP INDEX stats_runs;
DROP INDEX stats_flows;
