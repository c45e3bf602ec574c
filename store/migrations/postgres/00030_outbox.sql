-- +goose Up
-- Whether a program is told what people wrote, too. That is put into requests when they are
-- made, and kept nowhere but where it was written.
ALTER TABLE webhooks ADD COLUMN content BOOLEAN NOT NULL DEFAULT FALSE;
-- Bodies of requests that several webhooks may have alike are kept once, by their hashes.
CREATE TABLE webhook_bodies (
    id   TEXT   PRIMARY KEY,
    at   BIGINT NOT NULL,
    body TEXT   NOT NULL
);
CREATE INDEX webhook_bodies_at ON webhook_bodies (at);
ALTER TABLE webhook_deliveries ADD COLUMN shared TEXT; -- the id of its body; NULL if that is its own
CREATE INDEX webhook_deliveries_shared ON webhook_deliveries (shared) WHERE shared IS NOT NULL;

-- What happens to campaigns, runs, channels, uploads and templates is written by triggers:
-- nothing that changes them can forget it.
-- +goose StatementBegin
CREATE FUNCTION outbox_campaigns() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
    INSERT INTO outbox (at, event, account_id, channel_id, campaign_id, body)
    SELECT CAST(extract(epoch FROM clock_timestamp()) * 1000 AS BIGINT), e.event, e.account, NEW.channel_id, NEW.id,
        jsonb_build_object('campaign_id', NEW.id, 'status', NEW.status)
    FROM (SELECT CASE NEW.status WHEN 'running' THEN 'campaign.started' ELSE 'campaign.' || NEW.status END AS event, NEW.account_id AS account) e
    WHERE EXISTS (SELECT 1 FROM webhooks w WHERE w.account_id = e.account AND w.state <> 'off' AND w.events LIKE '%"' || e.event || '"%');
    RETURN NULL;
END $$;
-- +goose StatementEnd
CREATE TRIGGER outbox_campaigns AFTER UPDATE OF status ON campaigns FOR EACH ROW WHEN (NEW.status <> OLD.status AND NEW.status IN ('running', 'paused', 'finished', 'canceled', 'failed') AND NOT (NEW.status = 'running' AND OLD.status = 'paused')) EXECUTE FUNCTION outbox_campaigns();
-- +goose StatementBegin
CREATE FUNCTION outbox_run_ended() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
    INSERT INTO outbox (at, event, account_id, channel_id, campaign_id, body)
    SELECT CAST(extract(epoch FROM clock_timestamp()) * 1000 AS BIGINT), e.event, e.account, NEW.channel_id, NEW.campaign_id,
        jsonb_build_object('campaign_id', NEW.campaign_id, 'run_id', NEW.id, 'status', NEW.status, 'reason', NEW.reason)
    FROM (SELECT CASE NEW.status WHEN 'skipped' THEN 'run.skipped' ELSE 'run.finished' END AS event, NEW.account_id AS account) e
    WHERE EXISTS (SELECT 1 FROM webhooks w WHERE w.account_id = e.account AND w.state <> 'off' AND w.events LIKE '%"' || e.event || '"%');
    RETURN NULL;
END $$;
-- +goose StatementEnd
CREATE TRIGGER outbox_run_ended AFTER UPDATE OF finished_at ON runs FOR EACH ROW WHEN (OLD.finished_at IS NULL AND NEW.finished_at IS NOT NULL) EXECUTE FUNCTION outbox_run_ended();
-- +goose StatementBegin
CREATE FUNCTION outbox_run_skipped() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
    INSERT INTO outbox (at, event, account_id, channel_id, campaign_id, body)
    SELECT CAST(extract(epoch FROM clock_timestamp()) * 1000 AS BIGINT), e.event, e.account, NEW.channel_id, NEW.campaign_id,
        jsonb_build_object('campaign_id', NEW.campaign_id, 'run_id', NEW.id, 'status', NEW.status, 'reason', NEW.reason)
    FROM (SELECT 'run.skipped' AS event, NEW.account_id AS account) e
    WHERE EXISTS (SELECT 1 FROM webhooks w WHERE w.account_id = e.account AND w.state <> 'off' AND w.events LIKE '%"' || e.event || '"%');
    RETURN NULL;
END $$;
-- +goose StatementEnd
CREATE TRIGGER outbox_run_skipped AFTER INSERT ON runs FOR EACH ROW WHEN (NEW.status = 'skipped') EXECUTE FUNCTION outbox_run_skipped();
-- +goose StatementBegin
CREATE FUNCTION outbox_channels() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
    INSERT INTO outbox (at, event, account_id, channel_id, campaign_id, body)
    SELECT CAST(extract(epoch FROM clock_timestamp()) * 1000 AS BIGINT), e.event, e.account, NEW.id, 0,
        jsonb_build_object('channel_id', NEW.id, 'status', NEW.status, 'health', NEW.health, 'reason', CASE WHEN NEW.status = 'active' THEN NEW.health_reason ELSE NEW.status_reason END)
    FROM (SELECT CASE WHEN NEW.status <> 'active' THEN CASE WHEN OLD.status = 'active' THEN 'channel.paused' END
        WHEN NEW.health IN ('degraded', 'held') THEN 'channel.degraded'
        WHEN OLD.status <> 'active' OR OLD.health IN ('degraded', 'held', 'stopped') THEN 'channel.recovered' END AS event, NEW.account_id AS account) e
    WHERE EXISTS (SELECT 1 FROM webhooks w WHERE w.account_id = e.account AND w.state <> 'off' AND w.events LIKE '%"' || e.event || '"%');
    RETURN NULL;
END $$;
-- +goose StatementEnd
CREATE TRIGGER outbox_channels AFTER UPDATE OF status, health ON channels FOR EACH ROW WHEN (NEW.status <> OLD.status OR NEW.health <> OLD.health) EXECUTE FUNCTION outbox_channels();
-- +goose StatementBegin
CREATE FUNCTION outbox_uploads() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
    INSERT INTO outbox (at, event, account_id, channel_id, campaign_id, body)
    SELECT CAST(extract(epoch FROM clock_timestamp()) * 1000 AS BIGINT), e.event, e.account, 0, 0,
        jsonb_build_object('upload_id', NEW.id, 'status', NEW.state, 'rows', NEW.row_count, 'created', NEW.created, 'updated', NEW.updated, 'refused', NEW.refused, 'duplicates', NEW.duplicates)
    FROM (SELECT 'import.finished' AS event, NEW.account_id AS account) e
    WHERE EXISTS (SELECT 1 FROM webhooks w WHERE w.account_id = e.account AND w.state <> 'off' AND w.events LIKE '%"' || e.event || '"%');
    RETURN NULL;
END $$;
-- +goose StatementEnd
CREATE TRIGGER outbox_uploads AFTER UPDATE OF state ON uploads FOR EACH ROW WHEN (NEW.state <> OLD.state AND NEW.state IN ('finished', 'failed')) EXECUTE FUNCTION outbox_uploads();
-- +goose StatementBegin
CREATE FUNCTION outbox_template_said() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
    INSERT INTO outbox (at, event, account_id, channel_id, campaign_id, body)
    SELECT CAST(extract(epoch FROM clock_timestamp()) * 1000 AS BIGINT), e.event, e.account, NEW.channel_id, 0,
        jsonb_build_object('template_id', NEW.template_id, 'name', (SELECT name FROM templates WHERE id = NEW.template_id), 'channel_id', NEW.channel_id, 'language', NEW.language, 'status', NEW.state, 'reason', NEW.reason)
    FROM (SELECT 'template.' || NEW.state AS event, (SELECT account_id FROM templates WHERE id = NEW.template_id) AS account) e
    WHERE EXISTS (SELECT 1 FROM webhooks w WHERE w.account_id = e.account AND w.state <> 'off' AND w.events LIKE '%"' || e.event || '"%');
    RETURN NULL;
END $$;
-- +goose StatementEnd
CREATE TRIGGER outbox_template_said AFTER INSERT ON template_statuses FOR EACH ROW WHEN (NEW.state IN ('approved', 'rejected')) EXECUTE FUNCTION outbox_template_said();
-- +goose StatementBegin
CREATE FUNCTION outbox_template_changed() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
    INSERT INTO outbox (at, event, account_id, channel_id, campaign_id, body)
    SELECT CAST(extract(epoch FROM clock_timestamp()) * 1000 AS BIGINT), e.event, e.account, NEW.channel_id, 0,
        jsonb_build_object('template_id', NEW.template_id, 'name', (SELECT name FROM templates WHERE id = NEW.template_id), 'channel_id', NEW.channel_id, 'language', NEW.language, 'status', NEW.state, 'reason', NEW.reason)
    FROM (SELECT 'template.' || NEW.state AS event, (SELECT account_id FROM templates WHERE id = NEW.template_id) AS account) e
    WHERE EXISTS (SELECT 1 FROM webhooks w WHERE w.account_id = e.account AND w.state <> 'off' AND w.events LIKE '%"' || e.event || '"%');
    RETURN NULL;
END $$;
-- +goose StatementEnd
CREATE TRIGGER outbox_template_changed AFTER UPDATE OF state ON template_statuses FOR EACH ROW WHEN (NEW.state <> OLD.state AND NEW.state IN ('approved', 'rejected')) EXECUTE FUNCTION outbox_template_changed();

-- +goose Down
UPDATE webhook_deliveries SET body = (SELECT b.body FROM webhook_bodies b WHERE b.id = shared) WHERE shared IS NOT NULL;
DROP INDEX webhook_deliveries_shared;
ALTER TABLE webhook_deliveries DROP COLUMN shared;
DROP TABLE webhook_bodies;
ALTER TABLE webhooks DROP COLUMN content;
DROP TRIGGER outbox_campaigns ON campaigns;
DROP FUNCTION outbox_campaigns;
DROP TRIGGER outbox_run_ended ON runs;
DROP FUNCTION outbox_run_ended;
DROP TRIGGER outbox_run_skipped ON runs;
DROP FUNCTION outbox_run_skipped;
DROP TRIGGER outbox_channels ON channels;
DROP FUNCTION outbox_channels;
DROP TRIGGER outbox_uploads ON uploads;
DROP FUNCTION outbox_uploads;
DROP TRIGGER outbox_template_said ON template_statuses;
DROP FUNCTION outbox_template_said;
DROP TRIGGER outbox_template_changed ON template_statuses;
DROP FUNCTION outbox_template_changed;
