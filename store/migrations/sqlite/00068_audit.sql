-- +goose Up
-- The name of what an entry is about, when it was written; the keyed hashes of an entry and of its
-- detail; what says that the detail was erased; the place in the account's chain and the
-- hash there, absent until it is sealed. docs/adr/0040-audit-chain.md says how they fit.
ALTER TABLE audit ADD COLUMN target_name TEXT NOT NULL DEFAULT '';
ALTER TABLE audit ADD COLUMN mac TEXT NOT NULL DEFAULT '';
ALTER TABLE audit ADD COLUMN detail_mac TEXT NOT NULL DEFAULT '';
ALTER TABLE audit ADD COLUMN erased TEXT NOT NULL DEFAULT '';
ALTER TABLE audit ADD COLUMN seq INTEGER;
ALTER TABLE audit ADD COLUMN hash TEXT NOT NULL DEFAULT '';
CREATE UNIQUE INDEX audit_sealed ON audit (account_id, seq) WHERE seq IS NOT NULL;
CREATE INDEX audit_unsealed ON audit (account_id, id) WHERE seq IS NULL;
CREATE INDEX audit_actor ON audit (account_id, actor, id);
CREATE INDEX audit_action ON audit (account_id, action, id);
CREATE INDEX audit_target ON audit (account_id, target, id);
CREATE INDEX audit_at ON audit (account_id, at, id);
CREATE INDEX audit_request ON audit (account_id, request_id, id) WHERE request_id <> '';

-- The newest place of each account's chain, and the floor: the place up to which entries
-- were removed because their time was over. Entries up to legacy are from before there
-- were chains. A chain is closed when its account is deleted: then all of it may go. The places
-- up to which it was written into a file and sent to syslog tell from where these go on.
CREATE TABLE audit_chains (
    account_id INTEGER PRIMARY KEY,
    seq        INTEGER NOT NULL,
    hash       TEXT NOT NULL,
    floor_seq  INTEGER NOT NULL,
    floor_hash TEXT NOT NULL,
    legacy     INTEGER NOT NULL,
    mac        TEXT NOT NULL,
    closed     INTEGER NOT NULL DEFAULT 0,
    file_seq   INTEGER NOT NULL DEFAULT 0,
    syslog_seq INTEGER NOT NULL DEFAULT 0
);
INSERT INTO meta (name, value) SELECT 'audit_legacy', CAST(COALESCE(MAX(id), 0) AS TEXT) FROM audit;

-- +goose StatementBegin
CREATE TRIGGER audit_kept BEFORE DELETE ON audit
WHEN NOT EXISTS (SELECT 1 FROM audit_chains c WHERE c.account_id = OLD.account_id AND (c.closed <> 0 OR OLD.seq <= c.floor_seq))
BEGIN
    SELECT RAISE(ABORT, 'entries of the audit trail are removed by retention alone');
END;
-- +goose StatementEnd
-- +goose StatementBegin
CREATE TRIGGER audit_unchanged BEFORE UPDATE ON audit
WHEN NEW.id <> OLD.id OR NEW.account_id <> OLD.account_id OR NEW.actor <> OLD.actor OR NEW.action <> OLD.action OR NEW.target <> OLD.target
    OR NEW.target_name <> OLD.target_name OR NEW.request_id <> OLD.request_id OR NEW.source <> OLD.source OR NEW.at <> OLD.at
    OR (NEW.detail <> OLD.detail AND (NEW.detail <> '{}' OR (NEW.erased = '' AND OLD.mac <> '')))
    OR (OLD.mac <> '' AND (NEW.mac <> OLD.mac OR NEW.detail_mac <> OLD.detail_mac))
    OR (OLD.erased <> '' AND NEW.erased <> OLD.erased)
    OR (OLD.seq IS NOT NULL AND (NEW.seq IS NOT OLD.seq OR NEW.hash <> OLD.hash))
BEGIN
    SELECT RAISE(ABORT, 'entries of the audit trail are not changed');
END;
-- +goose StatementEnd

-- +goose Down
DROP TRIGGER audit_unchanged;
DROP TRIGGER audit_kept;
DELETE FROM meta WHERE name = 'audit_legacy';
DROP TABLE audit_chains;
DROP INDEX audit_request;
DROP INDEX audit_at;
DROP INDEX audit_target;
DROP INDEX audit_action;
DROP INDEX audit_actor;
DROP INDEX audit_unsealed;
DROP INDEX audit_sealed;
ALTER TABLE audit DROP COLUMN hash;
ALTER TABLE audit DROP COLUMN seq;
ALTER TABLE audit DROP COLUMN erased;
ALTER TABLE audit DROP COLUMN detail_mac;
ALTER TABLE audit DROP COLUMN mac;
ALTER TABLE audit DROP COLUMN target_name;
