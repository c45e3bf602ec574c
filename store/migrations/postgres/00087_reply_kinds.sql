-- +goose Up
SET LOCAL lock_timeout = '2s';
-- In which way somebody replied, and what there is beside words, as JSON; empty for nothing. What came before has words alone.
ALTER TABLE replies ADD COLUMN type TEXT NOT NULL DEFAULT 'text';
ALTER TABLE replies ADD COLUMN parts TEXT NOT NULL DEFAULT '';

-- +goose Down
SET LOCAL lock_timeout = '2s';
ALTER TABLE replies DROP COLUMN parts;
ALTER TABLE replies DROP COLUMN type;
