-- +goose Up
-- Texts that templates render by name.
CREATE TABLE snippets (
    account_id BIGINT NOT NULL,
    name       TEXT   COLLATE "C" NOT NULL,
    text       TEXT   NOT NULL,
    created_at BIGINT NOT NULL,
    updated_at BIGINT NOT NULL,
    PRIMARY KEY (account_id, name)
);
-- The snippets that a run renders, as they were when it was fired: a JSON object of
-- texts by name.
ALTER TABLE runs ADD COLUMN snippets TEXT NOT NULL DEFAULT '{}';

-- +goose Down
ALTER TABLE runs DROP COLUMN snippets;
DROP TABLE snippets;
