-- +goose Up
-- The run of the message by which somebody opted out or in; 0 where it was none's. What a run's
-- opt-outs, bounces and complaints are counted as names it.
ALTER TABLE consents ADD COLUMN run_id INTEGER NOT NULL DEFAULT 0;
DROP TRIGGER stats_consented;
-- +goose StatementBegin
CREATE TRIGGER stats_consented AFTER INSERT ON consents BEGIN
    INSERT INTO stats (account_id, slot, metric, channel_id, campaign_id, run_id, variant, language, template_id, code, n)
    SELECT NEW.account_id, NEW.at / 900000, CASE NEW.action WHEN 'opt_out' THEN 51 ELSE 52 END, COALESCE((SELECT channel_id FROM runs WHERE id = NEW.run_id), 0), 0, NEW.run_id, 0, '', 0, '', 1 WHERE TRUE
    ON CONFLICT (account_id, slot, metric, channel_id, campaign_id, run_id, variant, language, template_id, code) DO UPDATE SET n = stats.n + excluded.n;
END;
-- +goose StatementEnd

-- Who joins and leaves lists and categories, by the list's id; those who were in one before this
-- was counted joined when it was made.
-- +goose StatementBegin
CREATE TRIGGER stats_joined AFTER INSERT ON members
    WHEN EXISTS (SELECT 1 FROM lists WHERE id = NEW.list_id AND kind <> 'upload') BEGIN
    INSERT INTO stats (account_id, slot, metric, channel_id, campaign_id, run_id, variant, language, template_id, code, n)
    SELECT l.account_id, CAST(unixepoch('subsec') * 1000 AS INTEGER) / 900000, 62, 0, 0, 0, 0, '', 0, CAST(l.id AS TEXT), 1 FROM lists l WHERE l.id = NEW.list_id
    ON CONFLICT (account_id, slot, metric, channel_id, campaign_id, run_id, variant, language, template_id, code) DO UPDATE SET n = stats.n + excluded.n;
END;
-- +goose StatementEnd
-- +goose StatementBegin
CREATE TRIGGER stats_left AFTER DELETE ON members
    WHEN EXISTS (SELECT 1 FROM lists WHERE id = OLD.list_id AND kind <> 'upload') BEGIN
    INSERT INTO stats (account_id, slot, metric, channel_id, campaign_id, run_id, variant, language, template_id, code, n)
    SELECT l.account_id, CAST(unixepoch('subsec') * 1000 AS INTEGER) / 900000, 63, 0, 0, 0, 0, '', 0, CAST(l.id AS TEXT), 1 FROM lists l WHERE l.id = OLD.list_id
    ON CONFLICT (account_id, slot, metric, channel_id, campaign_id, run_id, variant, language, template_id, code) DO UPDATE SET n = stats.n + excluded.n;
END;
-- +goose StatementEnd
INSERT INTO stats (account_id, slot, metric, channel_id, campaign_id, run_id, variant, language, template_id, code, n)
SELECT l.account_id, l.created_at / 900000, 62, 0, 0, 0, 0, '', 0, CAST(l.id AS TEXT), COUNT(*) FROM members m JOIN lists l ON l.id = m.list_id WHERE l.kind <> 'upload' GROUP BY l.id, l.account_id, l.created_at;

-- +goose Down
DELETE FROM stats WHERE metric IN (46, 47, 62, 63);
DROP TRIGGER stats_joined;
DROP TRIGGER stats_left;
DROP TRIGGER stats_consented;
-- +goose StatementBegin
CREATE TRIGGER stats_consented AFTER INSERT ON consents BEGIN
    INSERT INTO stats (account_id, slot, metric, channel_id, campaign_id, run_id, variant, language, template_id, code, n)
    SELECT NEW.account_id, NEW.at / 900000, CASE NEW.action WHEN 'opt_out' THEN 51 ELSE 52 END, 0, 0, 0, 0, '', 0, '', 1 WHERE TRUE
    ON CONFLICT (account_id, slot, metric, channel_id, campaign_id, run_id, variant, language, template_id, code) DO UPDATE SET n = stats.n + excluded.n;
END;
-- +goose StatementEnd
ALTER TABLE consents DROP COLUMN run_id;
