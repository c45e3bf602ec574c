-- +goose Up
SET LOCAL lock_timeout = '2s';
-- Several accounts, each known by its name. closed_at is when one was closed to be deleted at
-- deletes_at, closed_by who did so; deleting_at is when that began, deleted_rows how far it is.
CREATE UNIQUE INDEX accounts_name ON accounts (name);
ALTER TABLE accounts ADD COLUMN closed_at BIGINT;
ALTER TABLE accounts ADD COLUMN deletes_at BIGINT;
ALTER TABLE accounts ADD COLUMN closed_by TEXT NOT NULL DEFAULT '';
ALTER TABLE accounts ADD COLUMN deleting_at BIGINT;
ALTER TABLE accounts ADD COLUMN deleted_rows BIGINT NOT NULL DEFAULT 0;

-- A key of an operator may make accounts and delete them: the first one of an installation, and
-- the one that its configuration names.
ALTER TABLE api_keys ADD COLUMN operator BOOLEAN NOT NULL DEFAULT FALSE;
UPDATE api_keys SET operator = TRUE WHERE role = 'admin' AND api = '' AND name IN ('first admin key', 'configured admin key')
    AND account_id = (SELECT CAST(value AS BIGINT) FROM meta WHERE name = 'default_account');

-- +goose Down
SET LOCAL lock_timeout = '2s';
ALTER TABLE api_keys DROP COLUMN operator;
ALTER TABLE accounts DROP COLUMN deleted_rows;
ALTER TABLE accounts DROP COLUMN deleting_at;
ALTER TABLE accounts DROP COLUMN closed_by;
ALTER TABLE accounts DROP COLUMN deletes_at;
ALTER TABLE accounts DROP COLUMN closed_at;
DROP INDEX accounts_name;
