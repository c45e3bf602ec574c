-- +goose Up
-- Messages that came to be in doubt, and when their provider is asked what became of them.
CREATE TABLE doubts (
    message_id BIGINT PRIMARY KEY,
    began_at   BIGINT NOT NULL,
    ask_at     BIGINT NOT NULL,
    tries      SMALLINT NOT NULL DEFAULT 0
);
CREATE INDEX doubts_due ON doubts (ask_at);

-- +goose Down
DROP TABLE doubts;
