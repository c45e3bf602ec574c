-- +goose Up
ALTER TABLE account_settings ADD COLUMN timezone TEXT NOT NULL DEFAULT '';
-- The template of a single message; a campaign's is in its content.
ALTER TABLE messages ADD COLUMN template_id INTEGER;

-- What happened, counted by quarters of an hour (slot: since 1970), so that days begin where
-- they do in every zone. Metrics are those of the package statistics: 3 to 10 are messages by
-- their state, in the slot in which they were sent or, if they were not, ended; 20 to 29 how
-- long they took to arrive. Triggers keep it in the transactions that change what is counted.
-- run_id is 0 for single messages, campaign_id is of flows alone: a run has its own.
CREATE TABLE stats (
    account_id  INTEGER NOT NULL,
    slot        INTEGER NOT NULL,
    metric      INTEGER NOT NULL,
    channel_id  INTEGER NOT NULL,
    campaign_id INTEGER NOT NULL,
    run_id      INTEGER NOT NULL,
    variant     INTEGER NOT NULL,
    language    TEXT   NOT NULL,
    template_id INTEGER NOT NULL,
    code        TEXT   NOT NULL,
    n           INTEGER NOT NULL,
    PRIMARY KEY (account_id, metric, slot, channel_id, campaign_id, run_id, variant, language, template_id, code)
) WITHOUT ROWID;
CREATE VIEW stats_now AS SELECT * FROM stats;

-- +goose StatementBegin
CREATE TRIGGER stats_moved AFTER UPDATE OF state, sent_at, delivered_at, final_at, reason ON messages
    WHEN (NEW.state >= 3 OR OLD.state >= 3) AND (NEW.state IS NOT OLD.state OR NEW.sent_at IS NOT OLD.sent_at OR NEW.delivered_at IS NOT OLD.delivered_at OR NEW.final_at IS NOT OLD.final_at OR NEW.reason IS NOT OLD.reason) BEGIN
    INSERT INTO stats (account_id, slot, metric, channel_id, campaign_id, run_id, variant, language, template_id, code, n)
    SELECT (SELECT account_id FROM channels WHERE id = OLD.channel_id), COALESCE(OLD.sent_at, OLD.final_at, OLD.created_at) / 900000, OLD.state, OLD.channel_id, 0, OLD.run_id, OLD.variant, COALESCE(OLD.language, ''), COALESCE(OLD.template_id, 0), CASE WHEN OLD.state IN (3, 4, 5) THEN '' ELSE COALESCE(OLD.reason, '') END, -1  WHERE OLD.state >= 3
    UNION ALL SELECT (SELECT account_id FROM channels WHERE id = OLD.channel_id), COALESCE(OLD.sent_at, OLD.final_at, OLD.created_at) / 900000, CASE WHEN (OLD.delivered_at - OLD.sent_at) <= 1000 THEN 20 WHEN (OLD.delivered_at - OLD.sent_at) <= 5000 THEN 21 WHEN (OLD.delivered_at - OLD.sent_at) <= 15000 THEN 22 WHEN (OLD.delivered_at - OLD.sent_at) <= 60000 THEN 23 WHEN (OLD.delivered_at - OLD.sent_at) <= 300000 THEN 24 WHEN (OLD.delivered_at - OLD.sent_at) <= 900000 THEN 25 WHEN (OLD.delivered_at - OLD.sent_at) <= 3600000 THEN 26 WHEN (OLD.delivered_at - OLD.sent_at) <= 21600000 THEN 27 WHEN (OLD.delivered_at - OLD.sent_at) <= 86400000 THEN 28 ELSE 29 END, OLD.channel_id, 0, OLD.run_id, OLD.variant, COALESCE(OLD.language, ''), COALESCE(OLD.template_id, 0), '', -1  WHERE OLD.state >= 3 AND OLD.sent_at IS NOT NULL AND OLD.delivered_at IS NOT NULL
    UNION ALL SELECT (SELECT account_id FROM channels WHERE id = NEW.channel_id), COALESCE(NEW.sent_at, NEW.final_at, NEW.created_at) / 900000, NEW.state, NEW.channel_id, 0, NEW.run_id, NEW.variant, COALESCE(NEW.language, ''), COALESCE(NEW.template_id, 0), CASE WHEN NEW.state IN (3, 4, 5) THEN '' ELSE COALESCE(NEW.reason, '') END, 1  WHERE NEW.state >= 3
    UNION ALL SELECT (SELECT account_id FROM channels WHERE id = NEW.channel_id), COALESCE(NEW.sent_at, NEW.final_at, NEW.created_at) / 900000, CASE WHEN (NEW.delivered_at - NEW.sent_at) <= 1000 THEN 20 WHEN (NEW.delivered_at - NEW.sent_at) <= 5000 THEN 21 WHEN (NEW.delivered_at - NEW.sent_at) <= 15000 THEN 22 WHEN (NEW.delivered_at - NEW.sent_at) <= 60000 THEN 23 WHEN (NEW.delivered_at - NEW.sent_at) <= 300000 THEN 24 WHEN (NEW.delivered_at - NEW.sent_at) <= 900000 THEN 25 WHEN (NEW.delivered_at - NEW.sent_at) <= 3600000 THEN 26 WHEN (NEW.delivered_at - NEW.sent_at) <= 21600000 THEN 27 WHEN (NEW.delivered_at - NEW.sent_at) <= 86400000 THEN 28 ELSE 29 END, NEW.channel_id, 0, NEW.run_id, NEW.variant, COALESCE(NEW.language, ''), COALESCE(NEW.template_id, 0), '', 1  WHERE NEW.state >= 3 AND NEW.sent_at IS NOT NULL AND NEW.delivered_at IS NOT NULL
    ON CONFLICT (account_id, slot, metric, channel_id, campaign_id, run_id, variant, language, template_id, code) DO UPDATE SET n = stats.n + excluded.n;
END;
-- +goose StatementEnd
-- +goose StatementBegin
CREATE TRIGGER stats_made AFTER INSERT ON messages
    WHEN NEW.state >= 3 BEGIN
    INSERT INTO stats (account_id, slot, metric, channel_id, campaign_id, run_id, variant, language, template_id, code, n)
    SELECT (SELECT account_id FROM channels WHERE id = NEW.channel_id), COALESCE(NEW.sent_at, NEW.final_at, NEW.created_at) / 900000, NEW.state, NEW.channel_id, 0, NEW.run_id, NEW.variant, COALESCE(NEW.language, ''), COALESCE(NEW.template_id, 0), CASE WHEN NEW.state IN (3, 4, 5) THEN '' ELSE COALESCE(NEW.reason, '') END, 1  WHERE NEW.state >= 3
    UNION ALL SELECT (SELECT account_id FROM channels WHERE id = NEW.channel_id), COALESCE(NEW.sent_at, NEW.final_at, NEW.created_at) / 900000, CASE WHEN (NEW.delivered_at - NEW.sent_at) <= 1000 THEN 20 WHEN (NEW.delivered_at - NEW.sent_at) <= 5000 THEN 21 WHEN (NEW.delivered_at - NEW.sent_at) <= 15000 THEN 22 WHEN (NEW.delivered_at - NEW.sent_at) <= 60000 THEN 23 WHEN (NEW.delivered_at - NEW.sent_at) <= 300000 THEN 24 WHEN (NEW.delivered_at - NEW.sent_at) <= 900000 THEN 25 WHEN (NEW.delivered_at - NEW.sent_at) <= 3600000 THEN 26 WHEN (NEW.delivered_at - NEW.sent_at) <= 21600000 THEN 27 WHEN (NEW.delivered_at - NEW.sent_at) <= 86400000 THEN 28 ELSE 29 END, NEW.channel_id, 0, NEW.run_id, NEW.variant, COALESCE(NEW.language, ''), COALESCE(NEW.template_id, 0), '', 1  WHERE NEW.state >= 3 AND NEW.sent_at IS NOT NULL AND NEW.delivered_at IS NOT NULL
    ON CONFLICT (account_id, slot, metric, channel_id, campaign_id, run_id, variant, language, template_id, code) DO UPDATE SET n = stats.n + excluded.n;
END;
-- +goose StatementEnd
-- +goose StatementBegin
CREATE TRIGGER stats_tried AFTER INSERT ON transitions
    WHEN NEW.kind <> '' BEGIN
    INSERT INTO stats (account_id, slot, metric, channel_id, campaign_id, run_id, variant, language, template_id, code, n)
    SELECT (SELECT account_id FROM channels WHERE id = m.channel_id), NEW.at / 900000, 30, m.channel_id, 0, m.run_id, 0, '', 0, NEW.kind || ':' || NEW.code, 1 FROM messages m WHERE m.id = NEW.message_id AND NEW.kind <> ''
    ON CONFLICT (account_id, slot, metric, channel_id, campaign_id, run_id, variant, language, template_id, code) DO UPDATE SET n = stats.n + excluded.n;
END;
-- +goose StatementEnd
-- +goose StatementBegin
CREATE TRIGGER stats_tried_again AFTER UPDATE OF repeats ON transitions
    WHEN NEW.kind <> '' BEGIN
    INSERT INTO stats (account_id, slot, metric, channel_id, campaign_id, run_id, variant, language, template_id, code, n)
    SELECT (SELECT account_id FROM channels WHERE id = m.channel_id), NEW.at / 900000, 30, m.channel_id, 0, m.run_id, 0, '', 0, NEW.kind || ':' || NEW.code, 1 FROM messages m WHERE m.id = NEW.message_id AND NEW.kind <> ''
    ON CONFLICT (account_id, slot, metric, channel_id, campaign_id, run_id, variant, language, template_id, code) DO UPDATE SET n = stats.n + excluded.n;
END;
-- +goose StatementEnd
-- +goose StatementBegin
CREATE TRIGGER stats_converted AFTER INSERT ON conversions BEGIN
    INSERT INTO stats (account_id, slot, metric, channel_id, campaign_id, run_id, variant, language, template_id, code, n)
    SELECT r.account_id, NEW.at / 900000, 45, r.channel_id, 0, r.id, NEW.variant, '', 0, '', 1 FROM runs r WHERE r.id = NEW.run_id
    ON CONFLICT (account_id, slot, metric, channel_id, campaign_id, run_id, variant, language, template_id, code) DO UPDATE SET n = stats.n + excluded.n;
END;
-- +goose StatementEnd
-- +goose StatementBegin
CREATE TRIGGER stats_replied AFTER INSERT ON replies BEGIN
    INSERT INTO stats (account_id, slot, metric, channel_id, campaign_id, run_id, variant, language, template_id, code, n)
    SELECT NEW.account_id, NEW.at / 900000, 50, NEW.channel_id, 0, 0, 0, '', 0, '', 1 WHERE TRUE
    ON CONFLICT (account_id, slot, metric, channel_id, campaign_id, run_id, variant, language, template_id, code) DO UPDATE SET n = stats.n + excluded.n;
END;
-- +goose StatementEnd
-- +goose StatementBegin
CREATE TRIGGER stats_consented AFTER INSERT ON consents BEGIN
    INSERT INTO stats (account_id, slot, metric, channel_id, campaign_id, run_id, variant, language, template_id, code, n)
    SELECT NEW.account_id, NEW.at / 900000, CASE NEW.action WHEN 'opt_out' THEN 51 ELSE 52 END, 0, 0, 0, 0, '', 0, '', 1 WHERE TRUE
    ON CONFLICT (account_id, slot, metric, channel_id, campaign_id, run_id, variant, language, template_id, code) DO UPDATE SET n = stats.n + excluded.n;
END;
-- +goose StatementEnd
-- +goose StatementBegin
CREATE TRIGGER stats_suppressed AFTER INSERT ON suppressions BEGIN
    INSERT INTO stats (account_id, slot, metric, channel_id, campaign_id, run_id, variant, language, template_id, code, n)
    SELECT NEW.account_id, NEW.created_at / 900000, 53, 0, 0, 0, 0, '', 0, NEW.reason, 1 WHERE TRUE
    ON CONFLICT (account_id, slot, metric, channel_id, campaign_id, run_id, variant, language, template_id, code) DO UPDATE SET n = stats.n + excluded.n;
END;
-- +goose StatementEnd
-- +goose StatementBegin
CREATE TRIGGER stats_contact_status AFTER UPDATE OF status ON contacts
    WHEN NEW.status <> OLD.status AND (NEW.status = 'deleted' OR OLD.status = 'deleted') BEGIN
    INSERT INTO stats (account_id, slot, metric, channel_id, campaign_id, run_id, variant, language, template_id, code, n)
    SELECT NEW.account_id, NEW.updated_at / 900000, 61, 0, 0, 0, 0, '', 0, '', CASE NEW.status WHEN 'deleted' THEN 1 ELSE -1 END WHERE TRUE
    ON CONFLICT (account_id, slot, metric, channel_id, campaign_id, run_id, variant, language, template_id, code) DO UPDATE SET n = stats.n + excluded.n;
END;
-- +goose StatementEnd
-- +goose StatementBegin
CREATE TRIGGER stats_flow_entered AFTER INSERT ON flow_sessions BEGIN
    INSERT INTO stats (account_id, slot, metric, channel_id, campaign_id, run_id, variant, language, template_id, code, n)
    SELECT NEW.account_id, NEW.entered_at / 900000, 70, 0, NEW.campaign_id, 0, 0, '', 0, '', 1 WHERE TRUE
    ON CONFLICT (account_id, slot, metric, channel_id, campaign_id, run_id, variant, language, template_id, code) DO UPDATE SET n = stats.n + excluded.n;
END;
-- +goose StatementEnd
-- +goose StatementBegin
CREATE TRIGGER stats_flow_ended AFTER UPDATE OF ended_at ON flow_sessions
    WHEN OLD.ended_at IS NULL AND NEW.ended_at IS NOT NULL BEGIN
    INSERT INTO stats (account_id, slot, metric, channel_id, campaign_id, run_id, variant, language, template_id, code, n)
    SELECT NEW.account_id, NEW.ended_at / 900000, 71, 0, NEW.campaign_id, 0, 0, '', 0, NEW.outcome, 1 WHERE TRUE
    ON CONFLICT (account_id, slot, metric, channel_id, campaign_id, run_id, variant, language, template_id, code) DO UPDATE SET n = stats.n + excluded.n;
END;
-- +goose StatementEnd
-- +goose StatementBegin
CREATE TRIGGER stats_flow_answered AFTER INSERT ON flow_answers BEGIN
    INSERT INTO stats (account_id, slot, metric, channel_id, campaign_id, run_id, variant, language, template_id, code, n)
    SELECT k.account_id, NEW.at / 900000, 72, 0, NEW.campaign_id, 0, 0, '', 0, '', 1 FROM campaigns k WHERE k.id = NEW.campaign_id
    ON CONFLICT (account_id, slot, metric, channel_id, campaign_id, run_id, variant, language, template_id, code) DO UPDATE SET n = stats.n + excluded.n;
END;
-- +goose StatementEnd

INSERT INTO stats (account_id, slot, metric, channel_id, campaign_id, run_id, variant, language, template_id, code, n) SELECT (SELECT account_id FROM channels WHERE id = m.channel_id), COALESCE(m.sent_at, m.final_at, m.created_at) / 900000, m.state, m.channel_id, 0, m.run_id, m.variant, COALESCE(m.language, ''), COALESCE(m.template_id, 0), CASE WHEN m.state IN (3, 4, 5) THEN '' ELSE COALESCE(m.reason, '') END, COUNT(*) FROM messages m WHERE m.state >= 3 GROUP BY 1, 2, 3, 4, 6, 7, 8, 9, 10;
INSERT INTO stats (account_id, slot, metric, channel_id, campaign_id, run_id, variant, language, template_id, code, n) SELECT (SELECT account_id FROM channels WHERE id = m.channel_id), COALESCE(m.sent_at, m.final_at, m.created_at) / 900000, CASE WHEN (m.delivered_at - m.sent_at) <= 1000 THEN 20 WHEN (m.delivered_at - m.sent_at) <= 5000 THEN 21 WHEN (m.delivered_at - m.sent_at) <= 15000 THEN 22 WHEN (m.delivered_at - m.sent_at) <= 60000 THEN 23 WHEN (m.delivered_at - m.sent_at) <= 300000 THEN 24 WHEN (m.delivered_at - m.sent_at) <= 900000 THEN 25 WHEN (m.delivered_at - m.sent_at) <= 3600000 THEN 26 WHEN (m.delivered_at - m.sent_at) <= 21600000 THEN 27 WHEN (m.delivered_at - m.sent_at) <= 86400000 THEN 28 ELSE 29 END, m.channel_id, 0, m.run_id, m.variant, COALESCE(m.language, ''), COALESCE(m.template_id, 0), '', COUNT(*) FROM messages m WHERE m.state >= 3 AND m.sent_at IS NOT NULL AND m.delivered_at IS NOT NULL GROUP BY 1, 2, 3, 4, 6, 7, 8, 9, 10;
INSERT INTO stats (account_id, slot, metric, channel_id, campaign_id, run_id, variant, language, template_id, code, n) SELECT r.account_id, r.created_at / 900000, CASE e.number WHEN -1 THEN 40 WHEN -2 THEN 41 ELSE 42 END, r.channel_id, 0, r.id, e.variant, '', 0, CASE WHEN e.number > 0 THEN CAST(e.number AS TEXT) ELSE '' END, SUM(e.people) FROM engagement_counts e JOIN runs r ON r.id = e.run_id WHERE TRUE GROUP BY 1, 2, 3, 4, 5, 6, 7, 10;
INSERT INTO stats (account_id, slot, metric, channel_id, campaign_id, run_id, variant, language, template_id, code, n) SELECT r.account_id, r.created_at / 900000, 43, r.channel_id, 0, r.id, e.variant, '', 0, CAST(e.number AS TEXT), SUM(e.times) FROM engagement_counts e JOIN runs r ON r.id = e.run_id WHERE e.number > 0 GROUP BY 1, 2, 3, 4, 5, 6, 7, 10;
INSERT INTO stats (account_id, slot, metric, channel_id, campaign_id, run_id, variant, language, template_id, code, n) SELECT r.account_id, r.created_at / 900000, 44, r.channel_id, 0, r.id, e.variant, '', 0, CAST(e.number AS TEXT), SUM(e.machine) FROM engagement_counts e JOIN runs r ON r.id = e.run_id WHERE e.number > 0 GROUP BY 1, 2, 3, 4, 5, 6, 7, 10;
INSERT INTO stats (account_id, slot, metric, channel_id, campaign_id, run_id, variant, language, template_id, code, n) SELECT r.account_id, c.at / 900000, 45, r.channel_id, 0, r.id, c.variant, '', 0, '', COUNT(*) FROM conversions c JOIN runs r ON r.id = c.run_id WHERE TRUE GROUP BY 1, 2, 3, 4, 5, 6, 7, 10;
INSERT INTO stats (account_id, slot, metric, channel_id, campaign_id, run_id, variant, language, template_id, code, n) SELECT account_id, at / 900000, 50, channel_id, 0, 0, 0, '', 0, '', COUNT(*) FROM replies WHERE TRUE GROUP BY 1, 2, 3, 4, 5, 6, 7, 10;
INSERT INTO stats (account_id, slot, metric, channel_id, campaign_id, run_id, variant, language, template_id, code, n) SELECT account_id, at / 900000, CASE action WHEN 'opt_out' THEN 51 ELSE 52 END, 0, 0, 0, 0, '', 0, '', COUNT(*) FROM consents WHERE TRUE GROUP BY 1, 2, 3, 4, 5, 6, 7, 10;
INSERT INTO stats (account_id, slot, metric, channel_id, campaign_id, run_id, variant, language, template_id, code, n) SELECT account_id, created_at / 900000, 53, 0, 0, 0, 0, '', 0, reason, COUNT(*) FROM suppressions WHERE TRUE GROUP BY 1, 2, 3, 4, 5, 6, 7, 10;
INSERT INTO stats (account_id, slot, metric, channel_id, campaign_id, run_id, variant, language, template_id, code, n) SELECT account_id, created_at / 900000, 60, 0, 0, 0, 0, '', 0, '', COUNT(*) FROM contacts WHERE TRUE GROUP BY 1, 2, 3, 4, 5, 6, 7, 10;
INSERT INTO stats (account_id, slot, metric, channel_id, campaign_id, run_id, variant, language, template_id, code, n) SELECT account_id, updated_at / 900000, 61, 0, 0, 0, 0, '', 0, '', COUNT(*) FROM contacts WHERE status = 'deleted' GROUP BY 1, 2, 3, 4, 5, 6, 7, 10;
INSERT INTO stats (account_id, slot, metric, channel_id, campaign_id, run_id, variant, language, template_id, code, n) SELECT account_id, entered_at / 900000, 70, 0, campaign_id, 0, 0, '', 0, '', COUNT(*) FROM flow_sessions WHERE TRUE GROUP BY 1, 2, 3, 4, 5, 6, 7, 10;
INSERT INTO stats (account_id, slot, metric, channel_id, campaign_id, run_id, variant, language, template_id, code, n) SELECT account_id, ended_at / 900000, 71, 0, campaign_id, 0, 0, '', 0, outcome, COUNT(*) FROM flow_sessions WHERE ended_at IS NOT NULL GROUP BY 1, 2, 3, 4, 5, 6, 7, 10;
INSERT INTO stats (account_id, slot, metric, channel_id, campaign_id, run_id, variant, language, template_id, code, n) SELECT k.account_id, a.at / 900000, 72, 0, a.campaign_id, 0, 0, '', 0, '', COUNT(*) FROM flow_answers a JOIN campaigns k ON k.id = a.campaign_id WHERE TRUE GROUP BY 1, 2, 3, 4, 5, 6, 7, 10;
INSERT INTO stats (account_id, slot, metric, channel_id, campaign_id, run_id, variant, language, template_id, code, n) SELECT (SELECT account_id FROM channels WHERE id = m.channel_id), t.at / 900000, 30, m.channel_id, 0, m.run_id, 0, '', 0, t.kind || ':' || t.code, SUM(1 + t.repeats) FROM transitions t JOIN messages m ON m.id = t.message_id WHERE t.kind <> '' GROUP BY 1, 2, 3, 4, 5, 6, 7, 10;

-- +goose Down
DROP TRIGGER stats_moved;
DROP TRIGGER stats_made;
DROP TRIGGER stats_tried;
DROP TRIGGER stats_tried_again;
DROP TRIGGER stats_converted;
DROP TRIGGER stats_replied;
DROP TRIGGER stats_consented;
DROP TRIGGER stats_suppressed;
DROP TRIGGER stats_contact_status;
DROP TRIGGER stats_flow_entered;
DROP TRIGGER stats_flow_ended;
DROP TRIGGER stats_flow_answered;
DROP VIEW stats_now;
DROP TABLE stats;
ALTER TABLE messages DROP COLUMN template_id;
ALTER TABLE account_settings DROP COLUMN timezone;
