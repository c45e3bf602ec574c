-- +goose Up
-- When the value of each property was last changed, UTC milliseconds by the property's key; of
-- values from before there is none.
ALTER TABLE contacts ADD COLUMN attribute_changed TEXT NOT NULL DEFAULT '{}';
-- Of whom programs keep what no property takes: a new property takes it over.
CREATE INDEX contacts_free ON contacts (account_id, id) WHERE free <> '{}';

-- +goose Down
DROP INDEX contacts_free;
ALTER TABLE contacts DROP COLUMN attribute_changed;
