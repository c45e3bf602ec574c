-- +goose Up
-- How people find their campaigns again: tags is a JSON array of words, notes what they
-- keep about it. What is archived is not listed unless somebody asks for it.
ALTER TABLE campaigns ADD COLUMN tags TEXT NOT NULL DEFAULT '[]';
ALTER TABLE campaigns ADD COLUMN notes TEXT NOT NULL DEFAULT '';
ALTER TABLE campaigns ADD COLUMN archived_at INTEGER;

-- +goose Down
ALTER TABLE campaigns DROP COLUMN archived_at;
ALTER TABLE campaigns DROP COLUMN notes;
ALTER TABLE campaigns DROP COLUMN tags;
