-- +goose Up
-- Sessions also wait for a receipt of their last message.
DROP INDEX flow_sessions_message;
CREATE INDEX flow_sessions_message ON flow_sessions (message_id) WHERE phase IN ('sending', 'arriving');

-- +goose Down
UPDATE flow_sessions SET phase = 'waiting' WHERE phase = 'arriving';
DROP INDEX flow_sessions_message;
CREATE INDEX flow_sessions_message ON flow_sessions (message_id) WHERE phase = 'sending';
