-- +goose Up
-- Which of its campaign's variants a message is, from 1 on; 0 for none, or none yet.
ALTER TABLE messages ADD COLUMN variant SMALLINT NOT NULL DEFAULT 0;
-- What the templates of the variants came to, as a JSON list; NULL without any.
ALTER TABLE campaign_versions ADD COLUMN variants TEXT;

-- The runs in which people wait for the variant that wins. look_at is when the test is
-- looked at next; NULL when that is over, or a person chooses. The winner is written once,
-- with what was known then; moved_at is when all who waited had it.
CREATE TABLE experiments (
    run_id     BIGINT PRIMARY KEY REFERENCES runs (id) ON DELETE CASCADE,
    look_at    BIGINT,
    looks      INTEGER NOT NULL DEFAULT 0,
    winner     SMALLINT NOT NULL DEFAULT 0,
    chosen_at  BIGINT,
    chosen_by  TEXT    NOT NULL DEFAULT '', -- empty: by its rule
    tallies    TEXT    NOT NULL DEFAULT '[]',
    moved_at   BIGINT
);
CREATE INDEX experiments_looked_at ON experiments (look_at) WHERE look_at IS NOT NULL;
CREATE INDEX experiments_open ON experiments (run_id) WHERE winner = 0;
CREATE INDEX experiments_moving ON experiments (run_id) WHERE winner > 0 AND moved_at IS NULL;

-- +goose Down
DROP TABLE experiments;
ALTER TABLE campaign_versions DROP COLUMN variants;
ALTER TABLE messages DROP COLUMN variant;
