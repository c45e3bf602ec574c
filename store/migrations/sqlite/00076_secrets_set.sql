-- +goose Up
-- When each secret was set last and by whom, as JSON by the names of the settings. What was set
-- before this was kept is not in it.
ALTER TABLE channels ADD COLUMN secrets_set TEXT NOT NULL DEFAULT '{}';
ALTER TABLE webhooks ADD COLUMN secrets_set TEXT NOT NULL DEFAULT '{}';
ALTER TABLE identity_providers ADD COLUMN secrets_set TEXT NOT NULL DEFAULT '{}';
-- What secrets of a channel were before and are still taken as, sealed, and until when anything
-- of it is at most; empty for nothing.
ALTER TABLE channels ADD COLUMN replaced TEXT NOT NULL DEFAULT '';
ALTER TABLE channels ADD COLUMN replaced_until INTEGER;
-- Until when the older of a webhook's secrets signs along; NULL for until it is ended.
ALTER TABLE webhooks ADD COLUMN secret_ends_at INTEGER;

-- +goose Down
ALTER TABLE webhooks DROP COLUMN secret_ends_at;
ALTER TABLE channels DROP COLUMN replaced_until;
ALTER TABLE channels DROP COLUMN replaced;
ALTER TABLE identity_providers DROP COLUMN secrets_set;
ALTER TABLE webhooks DROP COLUMN secrets_set;
ALTER TABLE channels DROP COLUMN secrets_set;
