-- +goose Up
-- Where a message is to be looked for: 0 waits to be fed (pending), 1 is in
-- flight (queued or sending), NULL is neither. The partial indexes speak of it
-- instead of the state, as on PostgreSQL, where that keeps updates by id away from
-- them and lets a claim (queued to sending) write no index entry.
ALTER TABLE messages ADD COLUMN phase SMALLINT GENERATED ALWAYS AS (CASE WHEN state = 0 THEN 0 WHEN state IN (1, 2) THEN 1 END) VIRTUAL;
DROP INDEX messages_pending;
DROP INDEX messages_inflight;
CREATE INDEX messages_pending ON messages (channel_id, run_id, due_at, id) WHERE phase = 0;
CREATE INDEX messages_inflight ON messages (channel_id, run_id) WHERE phase = 1;

-- +goose Down
DROP INDEX messages_inflight;
DROP INDEX messages_pending;
ALTER TABLE messages DROP COLUMN phase;
CREATE INDEX messages_pending ON messages (channel_id, run_id, due_at, id) WHERE state = 0;
CREATE INDEX messages_inflight ON messages (state, channel_id, run_id) WHERE state IN (1, 2);
