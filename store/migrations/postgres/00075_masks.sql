-- +goose Up
-- From which role on fields of contacts are seen, as JSON; empty for every role.
ALTER TABLE account_settings ADD COLUMN masked TEXT NOT NULL DEFAULT '';
-- Where recipients of the account reach this server; empty is the installation's address.
ALTER TABLE account_settings ADD COLUMN public_url TEXT NOT NULL DEFAULT '';

-- +goose Down
ALTER TABLE account_settings DROP COLUMN public_url;
ALTER TABLE account_settings DROP COLUMN masked;
