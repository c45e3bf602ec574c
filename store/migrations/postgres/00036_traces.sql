-- +goose Up
-- Others wait behind it: it gives up where it would wait for long, and is tried again.
SET LOCAL lock_timeout = '2s';
-- The trace that a message was made in, as a traceparent; empty where it is not followed.
ALTER TABLE message_contents ADD COLUMN trace TEXT NOT NULL DEFAULT '';

-- +goose Down
ALTER TABLE message_contents DROP COLUMN trace;
