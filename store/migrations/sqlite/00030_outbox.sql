-- +goose Up
-- SQLite has one writer: the id of a row is its place in the order, and nothing has to be
-- put in order afterwards. Rows keep their places.
CREATE TABLE outbox_kept AS SELECT seq, id, at, state, run_id, channel_id, ids, event, account_id, campaign_id, body FROM outbox;
DROP TABLE outbox;
CREATE TABLE outbox (
    seq         INTEGER PRIMARY KEY AUTOINCREMENT,
    at          INTEGER NOT NULL,
    state       INTEGER,
    run_id      INTEGER NOT NULL DEFAULT 0,
    channel_id  INTEGER NOT NULL DEFAULT 0,
    ids         TEXT,
    event       TEXT,
    account_id  INTEGER NOT NULL DEFAULT 0,
    campaign_id INTEGER NOT NULL DEFAULT 0,
    body        TEXT
);
INSERT INTO outbox (seq, at) SELECT last_seq, 0 FROM outbox_state WHERE last_seq > 0;
DELETE FROM outbox;
INSERT INTO outbox (seq, at, state, run_id, channel_id, ids, event, account_id, campaign_id, body)
    SELECT COALESCE(seq, (SELECT last_seq FROM outbox_state) + ROW_NUMBER() OVER (PARTITION BY seq IS NULL ORDER BY id)),
        at, state, run_id, channel_id, ids, event, account_id, campaign_id, body FROM outbox_kept ORDER BY 1;
DROP TABLE outbox_kept;
ALTER TABLE outbox_state DROP COLUMN last_seq;

-- Whether a program is told what people wrote, too. That is put into requests when they are
-- made, and kept nowhere but where it was written.
ALTER TABLE webhooks ADD COLUMN content BOOLEAN NOT NULL DEFAULT FALSE;
-- Bodies of requests that several webhooks may have alike are kept once, by their hashes.
CREATE TABLE webhook_bodies (
    id   TEXT   PRIMARY KEY,
    at   INTEGER NOT NULL,
    body TEXT   NOT NULL
);
CREATE INDEX webhook_bodies_at ON webhook_bodies (at);
ALTER TABLE webhook_deliveries ADD COLUMN shared TEXT; -- the id of its body; NULL if that is its own
CREATE INDEX webhook_deliveries_shared ON webhook_deliveries (shared) WHERE shared IS NOT NULL;

-- What happens to campaigns, runs, channels, uploads and templates is written by triggers:
-- nothing that changes them can forget it.
-- +goose StatementBegin
CREATE TRIGGER outbox_campaigns AFTER UPDATE OF status ON campaigns WHEN NEW.status <> OLD.status AND NEW.status IN ('running', 'paused', 'finished', 'canceled', 'failed') AND NOT (NEW.status = 'running' AND OLD.status = 'paused') BEGIN
    INSERT INTO outbox (at, event, account_id, channel_id, campaign_id, body)
    SELECT CAST(unixepoch('subsec') * 1000 AS INTEGER), e.event, e.account, NEW.channel_id, NEW.id,
        json_object('campaign_id', NEW.id, 'status', NEW.status)
    FROM (SELECT CASE NEW.status WHEN 'running' THEN 'campaign.started' ELSE 'campaign.' || NEW.status END AS event, NEW.account_id AS account) e
    WHERE EXISTS (SELECT 1 FROM webhooks w WHERE w.account_id = e.account AND w.state <> 'off' AND w.events LIKE '%"' || e.event || '"%');
END;
-- +goose StatementEnd
-- +goose StatementBegin
CREATE TRIGGER outbox_run_ended AFTER UPDATE OF finished_at ON runs WHEN OLD.finished_at IS NULL AND NEW.finished_at IS NOT NULL BEGIN
    INSERT INTO outbox (at, event, account_id, channel_id, campaign_id, body)
    SELECT CAST(unixepoch('subsec') * 1000 AS INTEGER), e.event, e.account, NEW.channel_id, NEW.campaign_id,
        json_object('campaign_id', NEW.campaign_id, 'run_id', NEW.id, 'status', NEW.status, 'reason', NEW.reason)
    FROM (SELECT CASE NEW.status WHEN 'skipped' THEN 'run.skipped' ELSE 'run.finished' END AS event, NEW.account_id AS account) e
    WHERE EXISTS (SELECT 1 FROM webhooks w WHERE w.account_id = e.account AND w.state <> 'off' AND w.events LIKE '%"' || e.event || '"%');
END;
-- +goose StatementEnd
-- +goose StatementBegin
CREATE TRIGGER outbox_run_skipped AFTER INSERT ON runs WHEN NEW.status = 'skipped' BEGIN
    INSERT INTO outbox (at, event, account_id, channel_id, campaign_id, body)
    SELECT CAST(unixepoch('subsec') * 1000 AS INTEGER), e.event, e.account, NEW.channel_id, NEW.campaign_id,
        json_object('campaign_id', NEW.campaign_id, 'run_id', NEW.id, 'status', NEW.status, 'reason', NEW.reason)
    FROM (SELECT 'run.skipped' AS event, NEW.account_id AS account) e
    WHERE EXISTS (SELECT 1 FROM webhooks w WHERE w.account_id = e.account AND w.state <> 'off' AND w.events LIKE '%"' || e.event || '"%');
END;
-- +goose StatementEnd
-- +goose StatementBegin
CREATE TRIGGER outbox_channels AFTER UPDATE OF status, health ON channels WHEN NEW.status <> OLD.status OR NEW.health <> OLD.health BEGIN
    INSERT INTO outbox (at, event, account_id, channel_id, campaign_id, body)
    SELECT CAST(unixepoch('subsec') * 1000 AS INTEGER), e.event, e.account, NEW.id, 0,
        json_object('channel_id', NEW.id, 'status', NEW.status, 'health', NEW.health, 'reason', CASE WHEN NEW.status = 'active' THEN NEW.health_reason ELSE NEW.status_reason END)
    FROM (SELECT CASE WHEN NEW.status <> 'active' THEN CASE WHEN OLD.status = 'active' THEN 'channel.paused' END
        WHEN NEW.health IN ('degraded', 'held') THEN 'channel.degraded'
        WHEN OLD.status <> 'active' OR OLD.health IN ('degraded', 'held', 'stopped') THEN 'channel.recovered' END AS event, NEW.account_id AS account) e
    WHERE EXISTS (SELECT 1 FROM webhooks w WHERE w.account_id = e.account AND w.state <> 'off' AND w.events LIKE '%"' || e.event || '"%');
END;
-- +goose StatementEnd
-- +goose StatementBegin
CREATE TRIGGER outbox_uploads AFTER UPDATE OF state ON uploads WHEN NEW.state <> OLD.state AND NEW.state IN ('finished', 'failed') BEGIN
    INSERT INTO outbox (at, event, account_id, channel_id, campaign_id, body)
    SELECT CAST(unixepoch('subsec') * 1000 AS INTEGER), e.event, e.account, 0, 0,
        json_object('upload_id', NEW.id, 'status', NEW.state, 'rows', NEW.row_count, 'created', NEW.created, 'updated', NEW.updated, 'refused', NEW.refused, 'duplicates', NEW.duplicates)
    FROM (SELECT 'import.finished' AS event, NEW.account_id AS account) e
    WHERE EXISTS (SELECT 1 FROM webhooks w WHERE w.account_id = e.account AND w.state <> 'off' AND w.events LIKE '%"' || e.event || '"%');
END;
-- +goose StatementEnd
-- +goose StatementBegin
CREATE TRIGGER outbox_template_said AFTER INSERT ON template_statuses WHEN NEW.state IN ('approved', 'rejected') BEGIN
    INSERT INTO outbox (at, event, account_id, channel_id, campaign_id, body)
    SELECT CAST(unixepoch('subsec') * 1000 AS INTEGER), e.event, e.account, NEW.channel_id, 0,
        json_object('template_id', NEW.template_id, 'name', (SELECT name FROM templates WHERE id = NEW.template_id), 'channel_id', NEW.channel_id, 'language', NEW.language, 'status', NEW.state, 'reason', NEW.reason)
    FROM (SELECT 'template.' || NEW.state AS event, (SELECT account_id FROM templates WHERE id = NEW.template_id) AS account) e
    WHERE EXISTS (SELECT 1 FROM webhooks w WHERE w.account_id = e.account AND w.state <> 'off' AND w.events LIKE '%"' || e.event || '"%');
END;
-- +goose StatementEnd
-- +goose StatementBegin
CREATE TRIGGER outbox_template_changed AFTER UPDATE OF state ON template_statuses WHEN NEW.state <> OLD.state AND NEW.state IN ('approved', 'rejected') BEGIN
    INSERT INTO outbox (at, event, account_id, channel_id, campaign_id, body)
    SELECT CAST(unixepoch('subsec') * 1000 AS INTEGER), e.event, e.account, NEW.channel_id, 0,
        json_object('template_id', NEW.template_id, 'name', (SELECT name FROM templates WHERE id = NEW.template_id), 'channel_id', NEW.channel_id, 'language', NEW.language, 'status', NEW.state, 'reason', NEW.reason)
    FROM (SELECT 'template.' || NEW.state AS event, (SELECT account_id FROM templates WHERE id = NEW.template_id) AS account) e
    WHERE EXISTS (SELECT 1 FROM webhooks w WHERE w.account_id = e.account AND w.state <> 'off' AND w.events LIKE '%"' || e.event || '"%');
END;
-- +goose StatementEnd

-- +goose Down
UPDATE webhook_deliveries SET body = (SELECT b.body FROM webhook_bodies b WHERE b.id = shared) WHERE shared IS NOT NULL;
DROP INDEX webhook_deliveries_shared;
ALTER TABLE webhook_deliveries DROP COLUMN shared;
DROP TABLE webhook_bodies;
ALTER TABLE webhooks DROP COLUMN content;
DROP TRIGGER outbox_campaigns;
DROP TRIGGER outbox_run_ended;
DROP TRIGGER outbox_run_skipped;
DROP TRIGGER outbox_channels;
DROP TRIGGER outbox_uploads;
DROP TRIGGER outbox_template_said;
DROP TRIGGER outbox_template_changed;
ALTER TABLE outbox_state ADD COLUMN last_seq INTEGER NOT NULL DEFAULT 0;
UPDATE outbox_state SET last_seq = COALESCE((SELECT seq FROM sqlite_sequence WHERE name = 'outbox'), 0);
CREATE TABLE outbox_kept AS SELECT * FROM outbox;
DROP TABLE outbox;
CREATE TABLE outbox (
    id          INTEGER PRIMARY KEY AUTOINCREMENT,
    seq         INTEGER,
    at          INTEGER NOT NULL,
    state       INTEGER,
    run_id      INTEGER NOT NULL DEFAULT 0,
    channel_id  INTEGER NOT NULL DEFAULT 0,
    ids         TEXT,
    event       TEXT,
    account_id  INTEGER NOT NULL DEFAULT 0,
    campaign_id INTEGER NOT NULL DEFAULT 0,
    body        TEXT
);
INSERT INTO outbox (id, seq, at, state, run_id, channel_id, ids, event, account_id, campaign_id, body)
    SELECT seq, seq, at, state, run_id, channel_id, ids, event, account_id, campaign_id, body FROM outbox_kept ORDER BY 1;
DROP TABLE outbox_kept;
CREATE INDEX outbox_seq ON outbox (seq) WHERE seq IS NOT NULL;
CREATE INDEX outbox_new ON outbox (id) WHERE seq IS NULL;
