-- +goose Up
SET LOCAL lock_timeout = '2s';
-- The run of the message by which somebody opted out or in; 0 where it was none's. What a run's
-- opt-outs, bounces and complaints are counted as names it.
ALTER TABLE consents ADD COLUMN run_id BIGINT NOT NULL DEFAULT 0;
-- +goose StatementBegin
CREATE OR REPLACE FUNCTION stats_consented() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
    INSERT INTO stats_deltas (account_id, slot, metric, channel_id, campaign_id, run_id, variant, language, template_id, code, n)
    SELECT NEW.account_id, NEW.at / 900000, CASE NEW.action WHEN 'opt_out' THEN 51 ELSE 52 END, COALESCE((SELECT channel_id FROM runs WHERE id = NEW.run_id), 0), 0, NEW.run_id, 0, '', 0, '', 1 WHERE TRUE;
    RETURN NULL;
END $$;
-- +goose StatementEnd

-- Who joins and leaves lists and categories, by the list's id, once for each statement; those who
-- were in one before this was counted joined when it was made.
-- +goose StatementBegin
CREATE FUNCTION stats_joined() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
    INSERT INTO stats_deltas (account_id, slot, metric, channel_id, campaign_id, run_id, variant, language, template_id, code, n)
    SELECT l.account_id, CAST(extract(epoch FROM clock_timestamp()) * 1000 AS bigint) / 900000, 62, 0, 0, 0, 0, '', 0, CAST(l.id AS TEXT), COUNT(*)
    FROM changed c JOIN lists l ON l.id = c.list_id WHERE l.kind <> 'upload' GROUP BY l.account_id, l.id;
    RETURN NULL;
END $$;
-- +goose StatementEnd
-- +goose StatementBegin
CREATE FUNCTION stats_left() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
    INSERT INTO stats_deltas (account_id, slot, metric, channel_id, campaign_id, run_id, variant, language, template_id, code, n)
    SELECT l.account_id, CAST(extract(epoch FROM clock_timestamp()) * 1000 AS bigint) / 900000, 63, 0, 0, 0, 0, '', 0, CAST(l.id AS TEXT), COUNT(*)
    FROM changed c JOIN lists l ON l.id = c.list_id WHERE l.kind <> 'upload' GROUP BY l.account_id, l.id;
    RETURN NULL;
END $$;
-- +goose StatementEnd
CREATE TRIGGER stats_joined AFTER INSERT ON members REFERENCING NEW TABLE AS changed FOR EACH STATEMENT EXECUTE FUNCTION stats_joined();
CREATE TRIGGER stats_left AFTER DELETE ON members REFERENCING OLD TABLE AS changed FOR EACH STATEMENT EXECUTE FUNCTION stats_left();
INSERT INTO stats (account_id, slot, metric, channel_id, campaign_id, run_id, variant, language, template_id, code, n)
SELECT l.account_id, l.created_at / 900000, 62, 0, 0, 0, 0, '', 0, CAST(l.id AS TEXT), COUNT(*) FROM members m JOIN lists l ON l.id = m.list_id WHERE l.kind <> 'upload' GROUP BY l.id, l.account_id, l.created_at;

-- +goose Down
DROP TRIGGER stats_joined ON members;
DROP TRIGGER stats_left ON members;
DROP FUNCTION stats_joined();
DROP FUNCTION stats_left();
-- +goose StatementBegin
CREATE OR REPLACE FUNCTION stats_consented() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
    INSERT INTO stats_deltas (account_id, slot, metric, channel_id, campaign_id, run_id, variant, language, template_id, code, n)
    SELECT NEW.account_id, NEW.at / 900000, CASE NEW.action WHEN 'opt_out' THEN 51 ELSE 52 END, 0, 0, 0, 0, '', 0, '', 1 WHERE TRUE;
    RETURN NULL;
END $$;
-- +goose StatementEnd
DELETE FROM stats_deltas WHERE metric IN (46, 47, 62, 63);
DELETE FROM stats WHERE metric IN (46, 47, 62, 63);
ALTER TABLE consents DROP COLUMN run_id;
