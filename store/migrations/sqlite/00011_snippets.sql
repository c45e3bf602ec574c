-- +goose Up
-- Texts that templates render by name.
CREATE TABLE snippets (
    account_id INTEGER NOT NULL,
    name       TEXT    NOT NULL,
    text       TEXT    NOT NULL,
    created_at INTEGER NOT NULL,
    updated_at INTEGER NOT NULL,
    PRIMARY KEY (account_id, name)
) WITHOUT ROWID;
-- The snippets that a run renders, as they were when it was fired: a JSON object of
-- texts by name.
ALTER TABLE runs ADD COLUMN snippets TEXT NOT NULL DEFAULT '{}';

-- +goose Down
ALTER TABLE runs DROP COLUMN snippets;
DROP TABLE snippets;
