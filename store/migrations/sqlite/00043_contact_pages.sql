-- +goose Up
-- Contacts are listed page by page, and counted, without looking at those of other accounts.
CREATE INDEX contacts_listed ON contacts (account_id, id) WHERE status <> 'deleted' AND NOT bare;

-- +goose Down
DROP INDEX contacts_listed;
