-- +goose Up
SET LOCAL lock_timeout = '2s';
-- When the value of each property was last changed, UTC milliseconds by the property's key; of
-- values from before there is none.
ALTER TABLE contacts ADD COLUMN attribute_changed JSONB NOT NULL DEFAULT '{}';

-- +goose Down
SET LOCAL lock_timeout = '2s';
ALTER TABLE contacts DROP COLUMN attribute_changed;
