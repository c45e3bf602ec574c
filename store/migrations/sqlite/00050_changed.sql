-- +goose Up
-- When the value of each property was last changed, UTC milliseconds by the property's key; of
-- values from before there is none.
ALTER TABLE contacts ADD COLUMN attribute_changed TEXT NOT NULL DEFAULT '{}';

-- +goose Down
ALTER TABLE contacts DROP COLUMN attribute_changed;
