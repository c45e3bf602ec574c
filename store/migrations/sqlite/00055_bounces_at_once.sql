-- +goose Up
-- Addresses are suppressed with the receipt or the refusal that decides it. What waits for that
-- is suppressed here; what waits to be sent there meets the suppression when it is fed.
INSERT INTO consents (account_id, contact_id, kind, address, action, source, wording, actor, at)
SELECT b.account_id, COALESCE((SELECT a.contact_id FROM addresses a WHERE a.account_id = b.account_id AND a.kind = b.kind AND a.address = b.address), 0),
    b.kind, b.address, 'opt_out', CASE b.hard WHEN 'complained' THEN 'complaint' ELSE 'bounce' END, b.hard, 'receipt', b.last_at
FROM bounces b WHERE b.hard <> '' AND NOT EXISTS (SELECT 1 FROM suppressions p
    WHERE p.account_id = b.account_id AND p.kind = b.kind AND p.address = b.address AND p.reason <> 'unsubscribed');
INSERT INTO suppressions (account_id, kind, address, reason, opted_out, created_at)
SELECT account_id, kind, address, hard, 0, last_at FROM bounces WHERE hard <> ''
ON CONFLICT (account_id, kind, address) DO UPDATE SET reason = excluded.reason WHERE suppressions.reason = 'unsubscribed';
DELETE FROM bounces WHERE hard <> '';
DROP INDEX bounces_due;
ALTER TABLE bounces DROP COLUMN run_id;
ALTER TABLE bounces DROP COLUMN channel_id;
ALTER TABLE bounces DROP COLUMN hard;

-- +goose Down
ALTER TABLE bounces ADD COLUMN hard TEXT NOT NULL DEFAULT '';
ALTER TABLE bounces ADD COLUMN channel_id INTEGER NOT NULL DEFAULT 0;
ALTER TABLE bounces ADD COLUMN run_id INTEGER NOT NULL DEFAULT 0;
CREATE INDEX bounces_due ON bounces (soft);
