-- The second step reads every row and sees that it lies where it should. Everybody reads and
-- writes meanwhile.

-- +goose Up
ALTER TABLE messages VALIDATE CONSTRAINT messages_bound;
ALTER TABLE transitions VALIDATE CONSTRAINT transitions_bound;
ALTER TABLE message_contents VALIDATE CONSTRAINT message_contents_bound;
ALTER TABLE message_answers VALIDATE CONSTRAINT message_answers_bound;
ALTER TABLE engagement VALIDATE CONSTRAINT engagement_bound;

-- +goose Down
SELECT 1;
