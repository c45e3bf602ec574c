-- +goose Up
SET LOCAL lock_timeout = '2s';
-- Contacts are listed page by page in several orders, and counted, without reading them all.
CREATE INDEX contacts_listed ON contacts (account_id, id) WHERE status <> 'deleted' AND NOT bare;
CREATE INDEX contacts_by_name ON contacts (account_id, LOWER(name), id) WHERE status <> 'deleted' AND NOT bare AND name <> '';
CREATE INDEX contacts_by_activity ON contacts (account_id, last_activity_at, id) WHERE status <> 'deleted' AND NOT bare AND last_activity_at IS NOT NULL;
CREATE INDEX contacts_gone ON contacts (account_id, id) WHERE status = 'deleted';

-- +goose Down
DROP INDEX contacts_gone;
DROP INDEX contacts_by_activity;
DROP INDEX contacts_by_name;
DROP INDEX contacts_listed;
