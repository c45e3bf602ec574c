-- +goose Up
-- By which number other APIs know a category: 1 to 10 in each account, as clients have them in their code. Others have none.
ALTER TABLE lists ADD COLUMN slot INTEGER;
UPDATE lists SET slot = numbered.slot FROM (
    SELECT id, ROW_NUMBER() OVER (PARTITION BY account_id ORDER BY id) AS slot FROM lists WHERE kind = 'category'
) AS numbered WHERE lists.id = numbered.id AND numbered.slot <= 10;
CREATE UNIQUE INDEX lists_slot ON lists (account_id, slot) WHERE slot IS NOT NULL;
-- How a label is shown: six hexadecimal digits each, empty for what the reader likes.
ALTER TABLE lists ADD COLUMN color TEXT NOT NULL DEFAULT '';
ALTER TABLE lists ADD COLUMN text_color TEXT NOT NULL DEFAULT '';
-- How other APIs and files write a property's name, which may have capitals and hyphens; empty where that is its key.
ALTER TABLE properties ADD COLUMN name TEXT NOT NULL DEFAULT '';
CREATE UNIQUE INDEX properties_name ON properties (account_id, name) WHERE name <> '';
-- Since when a contact is not active; NULL while it is, and where nobody knows.
ALTER TABLE contacts ADD COLUMN stopped_at INTEGER;

-- +goose Down
ALTER TABLE contacts DROP COLUMN stopped_at;
DROP INDEX properties_name;
ALTER TABLE properties DROP COLUMN name;
ALTER TABLE lists DROP COLUMN text_color;
ALTER TABLE lists DROP COLUMN color;
DROP INDEX lists_slot;
ALTER TABLE lists DROP COLUMN slot;
