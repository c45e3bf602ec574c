-- Three steps make messages, and what belongs to them, partitioned while they are in use: this
-- one says of the rows that there are, and will be until the third, below which id they lie.
-- It reads nothing.

-- +goose Up
-- Others wait behind it: it gives up where it would wait for long, and is tried again.
SET LOCAL lock_timeout = '2s';
-- Partition n holds the ids from first_id up to and without end_id. since is when ids began
-- to be given from it, in milliseconds UTC; NULL while it is only made ahead.
CREATE TABLE message_partitions (
    number      BIGINT PRIMARY KEY,
    first_id    BIGINT NOT NULL,
    end_id      BIGINT NOT NULL,
    since       BIGINT,
    detached_at BIGINT
);

-- +goose StatementBegin
DO $$
DECLARE
    -- As partitionWidth in partitions.go. Half of one is room for what is planned until
    -- the third step.
    width CONSTANT bigint := 100000000;
    ends bigint;
    t text[];
BEGIN
    SELECT (last_value + width / 2) / width * width + width INTO ends FROM messages_id_seq;
    INSERT INTO message_partitions (number, first_id, end_id, since) VALUES (0, 0, ends, 0);
    FOREACH t SLICE 1 IN ARRAY ARRAY[['messages', 'id'], ['transitions', 'message_id'], ['message_contents', 'message_id'],
        ['message_answers', 'message_id'], ['engagement', 'message_id']] LOOP
        EXECUTE format('ALTER TABLE %I ADD CONSTRAINT %I CHECK (%I < %s) NOT VALID', t[1], t[1] || '_bound', t[2], ends);
    END LOOP;
END $$;
-- +goose StatementEnd

-- +goose Down
ALTER TABLE messages DROP CONSTRAINT IF EXISTS messages_bound;
ALTER TABLE transitions DROP CONSTRAINT IF EXISTS transitions_bound;
ALTER TABLE message_contents DROP CONSTRAINT IF EXISTS message_contents_bound;
ALTER TABLE message_answers DROP CONSTRAINT IF EXISTS message_answers_bound;
ALTER TABLE engagement DROP CONSTRAINT IF EXISTS engagement_bound;
DROP TABLE message_partitions;
