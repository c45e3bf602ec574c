package store

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"carillon/internal/fault"
	"carillon/internal/secret"
	"carillon/store/sqldb"
	"carillon/webhooks"
)

const selectWebhook = `SELECT id, account_id, url, description, events, channels, campaigns, batch_most, batch_within, content, config, state, reason,
	failing_since, created_at, updated_at, format, options, key_id, secrets_set, secret_ends_at FROM webhooks`

// webhookConfig is what of a webhook is sealed.
type webhookConfig struct {
	Secrets []string          `json:"secrets"`
	Headers map[string]string `json:"headers,omitempty"`
}

func (s *Store) scanWebhook(scan sqldb.Scan) (w webhooks.Webhook, err error) {
	var events, channels, campaigns, set []byte
	var config string
	var within int64
	var failing, created, updated, ends sqldb.Time
	if err := scan(&w.ID, &w.AccountID, &w.URL, &w.Description, &events, &channels, &campaigns, &w.Batch.Most, &within, &w.Content, &config, &w.State,
		&w.Reason, &failing, &created, &updated, &w.Format, (*[]byte)(&w.Options), &w.KeyID, &set, &ends); err != nil {
		return w, err
	}
	w.Batch.Within, w.FailingSince, w.CreatedAt, w.UpdatedAt = time.Duration(within)*time.Millisecond, failing.Ptr(), created.Time, updated.Time
	w.SecretEndsAt = ends.Ptr()
	for text, into := range map[*[]byte]any{&events: &w.Events, &channels: &w.Channels, &campaigns: &w.Campaigns, &set: &w.SecretsSet} {
		if err := json.Unmarshal(*text, into); err != nil {
			return w, fmt.Errorf("read webhook %d: %w", w.ID, err)
		}
	}
	plain, err := s.box.Open(config)
	if err != nil {
		return w, fault.Wrap(fault.Internal, fmt.Sprintf("open the secrets of webhook %d", w.ID), err)
	}
	var sealed webhookConfig
	if err := json.Unmarshal(plain, &sealed); err != nil {
		return w, fmt.Errorf("read the secrets of webhook %d: %w", w.ID, err)
	}
	for _, key := range sealed.Secrets {
		w.Secrets = append(w.Secrets, secret.New(key))
	}
	w.Headers = make(map[string]secret.String, len(sealed.Headers))
	for name, value := range sealed.Headers {
		w.Headers[name] = secret.New(value)
	}
	return w, nil
}

// sealWebhook makes the stored form of what is secret. No error of it carries a part.
func (tx conn) sealWebhook(ctx context.Context, w webhooks.Webhook) (string, error) {
	config := webhookConfig{Headers: make(map[string]string, len(w.Headers))}
	for _, key := range w.Secrets {
		config.Secrets = append(config.Secrets, key.Reveal())
	}
	for name, value := range w.Headers {
		config.Headers[name] = value.Reveal()
	}
	sealed, err := tx.seal(ctx, ofWebhook, []byte(mustJSON(config)))
	if err != nil {
		return "", fault.Wrap(fault.Internal, "seal webhook", err)
	}
	return sealed, nil
}

func noWebhook(id int64) error { return fault.New(fault.NotFound, "there is no webhook %d", id) }

// listJSON is a list as it is stored.
func listJSON[T any](list []T) string {
	if list == nil {
		return "[]"
	}
	return mustJSON(list)
}

// CreateWebhook keeps a webhook; there may be so many of an account.
func (s *Store) CreateWebhook(ctx context.Context, w webhooks.Webhook, most int) (webhooks.Webhook, error) {
	config, err := s.reader().sealWebhook(ctx, w)
	if err != nil {
		return w, err
	}
	err = s.inTx(ctx, func(tx conn) error {
		if err := tx.lockWebhooks(ctx); err != nil {
			return err
		}
		var n int
		if err := tx.Row(ctx, "SELECT COUNT(*) FROM webhooks WHERE account_id = ? AND format <> 'log'", w.AccountID).Scan(&n); err != nil {
			return err
		}
		if n >= most {
			return fault.New(fault.Conflict, "there are %d webhooks already: delete one that is not needed", n)
		}
		if err := tx.refuseSecond(ctx, w); err != nil {
			return err
		}
		if err := tx.boundToOwn(ctx, webhooks.Webhook{}, w); err != nil {
			return err
		}
		now := sqldb.Millis(s.clock.Now())
		id, err := tx.Insert(ctx, `INSERT INTO webhooks (account_id, url, description, events, channels, campaigns, batch_most, batch_within, content, config,
			state, cursor_seq, created_at, updated_at, format, options, key_id, secrets_set) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, 0, ?, ?, ?, ?, ?, ?)`,
			w.AccountID, w.URL, w.Description, listJSON(w.Events), listJSON(w.Channels), listJSON(w.Campaigns), w.Batch.Most, w.Batch.Within.Milliseconds(),
			w.Content, config, string(w.State), now, now,
			string(w.Format), optionsJSON(w.Options), w.KeyID, keepRecord(w.SecretsSet))
		if err != nil {
			return err
		}
		if err := tx.skipOutbox(ctx, id); err != nil {
			return err
		}
		if err := tx.watchMessages(ctx); err != nil {
			return err
		}
		w, err = s.scanWebhook(tx.Row(ctx, selectWebhook+" WHERE id = ?", id).Scan)
		return err
	})
	return w, err
}

// boundToOwn refuses channels and campaigns that the webhook's account has not, of those that it
// was not bound to before: these may be gone by now.
func (tx conn) boundToOwn(ctx context.Context, before, w webhooks.Webhook) error {
	for _, of := range []struct {
		table, noun string
		ids, known  []int64
	}{{"channels", "channel", w.Channels, before.Channels}, {"campaigns", "campaign", w.Campaigns, before.Campaigns}} {
		for i, id := range of.ids {
			if slices.Contains(of.known, id) || id == 0 { // 0 are messages of no campaign
				continue
			}
			var has bool
			if err := tx.Row(ctx, "SELECT EXISTS (SELECT 1 FROM "+of.table+" WHERE id = ? AND account_id = ?)", id, w.AccountID).Scan(&has); err != nil {
				return err
			}
			if !has {
				return fault.InvalidField(fmt.Sprintf("%s[%d]", of.table, i), id, "there is no %s %d", of.noun, id)
			}
		}
	}
	return nil
}

// refuseSecond refuses a webhook that is to be the only one beside one that is there. The
// transaction must hold lockWebhooks.
func (tx conn) refuseSecond(ctx context.Context, w webhooks.Webhook) error {
	by, value := "channels = ?", any(listJSON(w.Channels))
	switch w.Sole {
	case "":
		return nil
	case webhooks.SoleOfKey:
		by, value = "key_id = ?", w.KeyID
	}
	var id int64
	err := tx.Row(ctx, "SELECT id FROM webhooks WHERE account_id = ? AND format = ? AND "+by, w.AccountID, string(w.Format), value).Scan(&id)
	if errors.Is(err, sql.ErrNoRows) {
		return nil
	}
	if err == nil {
		err = fault.New(fault.Conflict, "webhook %d was set meanwhile: set it again", id)
	}
	return err
}

// UpdateWebhook changes a webhook. One that was off is told of what happens from now on.
func (s *Store) UpdateWebhook(ctx context.Context, accountID, id int64, change func(*webhooks.Webhook) error) (w webhooks.Webhook, err error) {
	err = s.inTx(ctx, func(tx conn) error {
		if err := tx.lockWebhooks(ctx); err != nil {
			return err
		}
		if w, err = tx.webhook(ctx, accountID, id); err != nil {
			return err
		}
		before, was := w, w.State
		if err := change(&w); err != nil {
			return err
		}
		if err := tx.boundToOwn(ctx, before, w); err != nil {
			return err
		}
		config, err := tx.sealWebhook(ctx, w)
		if err != nil {
			return err
		}
		if _, err := tx.Exec(ctx, `UPDATE webhooks SET url = ?, description = ?, events = ?, channels = ?, campaigns = ?, batch_most = ?, batch_within = ?,
			content = ?, config = ?, state = ?, reason = ?, failing_since = ?, updated_at = ?, options = ?, key_id = ?, secrets_set = ?, secret_ends_at = ?
			WHERE id = ?`,
			w.URL, w.Description, listJSON(w.Events), listJSON(w.Channels), listJSON(w.Campaigns), w.Batch.Most, w.Batch.Within.Milliseconds(),
			w.Content, config, string(w.State), w.Reason, millisPtr(w.FailingSince), sqldb.Millis(s.clock.Now()), optionsJSON(w.Options),
			w.KeyID, keepRecord(w.SecretsSet), millisPtr(w.SecretEndsAt), id); err != nil {
			return err
		}
		if was == webhooks.Off && w.State != webhooks.Off {
			if err := tx.skipOutbox(ctx, id); err != nil {
				return err
			}
		}
		if err := tx.watchMessages(ctx); err != nil {
			return err
		}
		w, err = tx.webhook(ctx, accountID, id)
		return err
	})
	return w, err
}

// forgetReplaced forgets what secrets of channels and webhooks were before, once it is taken, or
// signs, no more.
func (s *Store) forgetReplaced(ctx context.Context) error {
	now := sqldb.Millis(s.clock.Now())
	var ended bool
	if err := s.reader().Row(ctx, `SELECT EXISTS (SELECT 1 FROM channels WHERE replaced_until <= ?) OR EXISTS (SELECT 1 FROM webhooks WHERE secret_ends_at <= ?)`,
		now, now).Scan(&ended); err != nil || !ended {
		return s.translate(err)
	}
	return s.inTx(ctx, func(tx conn) error {
		if _, err := tx.Exec(ctx, "UPDATE channels SET replaced = '', replaced_until = NULL WHERE replaced_until <= ?", now); err != nil {
			return err
		}
		if err := tx.lockWebhooks(ctx); err != nil {
			return err
		}
		list, err := sqldb.Query(ctx, tx, s.scanWebhook, selectWebhook+" WHERE secret_ends_at <= ?", now)
		if err != nil {
			return err
		}
		for _, w := range list {
			w.EndOverlap()
			config, err := tx.sealWebhook(ctx, w)
			if err != nil {
				return err
			}
			if _, err := tx.Exec(ctx, "UPDATE webhooks SET config = ?, secret_ends_at = NULL WHERE id = ?", config, w.ID); err != nil {
				return err
			}
		}
		return nil
	})
}

func millisPtr(t *time.Time) any {
	if t == nil {
		return nil
	}
	return sqldb.Millis(*t)
}

func optionsJSON(options json.RawMessage) string {
	if len(options) == 0 {
		return "{}"
	}
	return string(options)
}

// webhook is one of an account.
func (tx conn) webhook(ctx context.Context, accountID, id int64) (webhooks.Webhook, error) {
	w, err := tx.s.scanWebhook(tx.Row(ctx, selectWebhook+" WHERE id = ? AND account_id = ? AND format <> 'log'", id, accountID).Scan)
	if errors.Is(err, sql.ErrNoRows) {
		return w, noWebhook(id)
	}
	return w, err
}

// GetWebhook is one webhook.
func (s *Store) GetWebhook(ctx context.Context, accountID, id int64) (webhooks.Webhook, error) {
	w, err := s.reader().webhook(ctx, accountID, id)
	return w, s.translate(err)
}

// ListWebhooks lists an account's webhooks behind the id after.
func (s *Store) ListWebhooks(ctx context.Context, accountID, after int64, limit int) ([]webhooks.Webhook, error) {
	list, err := sqldb.Query(ctx, s.reader(), s.scanWebhook,
		selectWebhook+" WHERE account_id = ? AND id > ? AND format <> 'log' ORDER BY id LIMIT ?", accountID, after, limit)
	return list, s.translate(err)
}

// DeleteWebhook deletes a webhook with what it was told.
func (s *Store) DeleteWebhook(ctx context.Context, accountID, id int64) error {
	return s.inTx(ctx, func(tx conn) error {
		if err := tx.lockWebhooks(ctx); err != nil {
			return err
		}
		n, err := tx.Exec(ctx, "DELETE FROM webhooks WHERE id = ? AND account_id = ? AND format <> 'log'", id, accountID)
		if err == nil && n == 0 {
			return noWebhook(id)
		}
		if err != nil {
			return err
		}
		if _, err := tx.Exec(ctx, "DELETE FROM webhook_deliveries WHERE webhook_id = ?", id); err != nil {
			return err
		}
		return tx.watchMessages(ctx)
	})
}

const selectDelivery = `SELECT id, webhook_id, key, events, COALESCE((SELECT b.body FROM webhook_bodies b WHERE b.id = shared), body), state, tries,
	next_try_at, created_at, tried_at, status, answer, took FROM webhook_deliveries`

func scanDelivery(scan sqldb.Scan) (d webhooks.Delivery, err error) {
	var next, created, tried sqldb.Time
	var took int64
	err = scan(&d.ID, &d.WebhookID, &d.Key, &d.Events, &d.Body, &d.State, &d.Tries, &next, &created, &tried, &d.Status, &d.Answer, &took)
	d.NextTryAt, d.CreatedAt, d.TriedAt, d.Took = next.Time, created.Time, tried.Ptr(), time.Duration(took)*time.Millisecond
	return d, err
}

// AddDelivery has something told a webhook alone.
func (s *Store) AddDelivery(ctx context.Context, accountID, webhookID int64, body string) (d webhooks.Delivery, err error) {
	err = s.inTx(ctx, func(tx conn) error {
		if _, err := tx.webhook(ctx, accountID, webhookID); err != nil {
			return err
		}
		d, err = tx.addDelivery(ctx, webhooks.Delivery{WebhookID: webhookID, Events: 1, Body: body})
		return err
	})
	return d, err
}

// addDelivery makes a request; its key is made of its id, unless it has one.
func (tx conn) addDelivery(ctx context.Context, d webhooks.Delivery) (webhooks.Delivery, error) {
	now := sqldb.Millis(tx.s.clock.Now())
	id, err := tx.Insert(ctx, "INSERT INTO webhook_deliveries (webhook_id, key, events, body, next_try_at, created_at) VALUES (?, ?, ?, ?, ?, ?)",
		d.WebhookID, d.Key, d.Events, d.Body, now, now)
	if err == nil && d.Key == "" {
		_, err = tx.Exec(ctx, "UPDATE webhook_deliveries SET key = ? WHERE id = ?", fmt.Sprintf("msg_%d_%d", d.WebhookID, id), id)
	}
	if err != nil {
		return d, err
	}
	return scanDelivery(tx.Row(ctx, selectDelivery+" WHERE id = ?", id).Scan)
}

// ListDeliveries lists requests, newest first.
func (s *Store) ListDeliveries(ctx context.Context, f webhooks.DeliveryFilter) ([]webhooks.Delivery, error) {
	where, args := "webhook_id = ? AND id < ?", []any{f.WebhookID, orNewest(f.Before)}
	if f.State != "" {
		where, args = where+" AND state = ?", append(args, string(f.State))
	}
	list, err := sqldb.Query(ctx, s.reader(), scanDelivery, selectDelivery+" WHERE "+where+" ORDER BY id DESC LIMIT ?", append(args, f.Limit)...)
	return list, s.translate(err)
}

// GetDelivery is one request.
func (s *Store) GetDelivery(ctx context.Context, accountID, webhookID, id int64) (webhooks.Delivery, error) {
	d, err := s.reader().delivery(ctx, accountID, webhookID, id)
	return d, s.translate(err)
}

func (tx conn) delivery(ctx context.Context, accountID, webhookID, id int64) (webhooks.Delivery, error) {
	if _, err := tx.webhook(ctx, accountID, webhookID); err != nil {
		return webhooks.Delivery{}, err
	}
	d, err := scanDelivery(tx.Row(ctx, selectDelivery+" WHERE id = ? AND webhook_id = ?", id, webhookID).Scan)
	if errors.Is(err, sql.ErrNoRows) {
		err = fault.New(fault.NotFound, "webhook %d has no delivery %d: they are kept for a time (carillon retention show)", webhookID, id)
	}
	return d, err
}

// ReplayDelivery has a request made again, behind what waits for the webhook.
func (s *Store) ReplayDelivery(ctx context.Context, accountID, webhookID, id int64) (d webhooks.Delivery, err error) {
	err = s.inTx(ctx, func(tx conn) error {
		was, err := tx.delivery(ctx, accountID, webhookID, id)
		if err != nil {
			return err
		}
		if was.State == webhooks.Pending {
			return fault.New(fault.Conflict, "delivery %d is under way, and is tried again by itself", id)
		}
		d, err = tx.addDelivery(ctx, was)
		return err
	})
	return d, err
}

// ReplayDeliveries has requests made again. Of those with one key the first is meant: the
// others are repeats of it.
func (s *Store) ReplayDeliveries(ctx context.Context, f webhooks.ReplayFilter, most int, dry bool) (n int, err error) {
	having := "COUNT(CASE WHEN k.state = 'pending' THEN 1 END) = 0"
	switch f.State {
	case webhooks.Delivered:
		having += " AND COUNT(CASE WHEN k.state = 'delivered' THEN 1 END) > 0"
	case webhooks.Failed:
		having += " AND COUNT(CASE WHEN k.state = 'delivered' THEN 1 END) = 0"
	}
	which := " FROM webhook_deliveries d WHERE d.id IN (SELECT MIN(k.id) FROM webhook_deliveries k WHERE k.webhook_id = ? GROUP BY k.key HAVING " + having + ")"
	args := []any{f.WebhookID}
	and := func(condition string, value any) { which, args = which+" AND "+condition, append(args, value) }
	if !f.From.IsZero() {
		and("d.created_at >= ?", sqldb.Millis(f.From))
	}
	if !f.To.IsZero() {
		and("d.created_at < ?", sqldb.Millis(f.To))
	}
	if f.Event != "" {
		and("COALESCE((SELECT b.body FROM webhook_bodies b WHERE b.id = d.shared), d.body) LIKE ?", `%"type":"`+string(f.Event)+`"%`)
	}
	err = s.inTx(ctx, func(tx conn) error {
		if _, err := tx.webhook(ctx, f.AccountID, f.WebhookID); err != nil {
			return err
		}
		if err := tx.Row(ctx, "SELECT COUNT(*)"+which, args...).Scan(&n); err != nil || dry {
			return err
		}
		if n > most {
			return fault.New(fault.Conflict, "these are %d requests, and at most %d are made again at a time: choose a shorter time, or an event", n, most)
		}
		now := sqldb.Millis(s.clock.Now())
		_, err := tx.Exec(ctx, "INSERT INTO webhook_deliveries (webhook_id, key, events, body, shared, next_try_at, created_at) SELECT d.webhook_id, d.key, "+
			"d.events, d.body, d.shared, CAST(? AS BIGINT), CAST(? AS BIGINT)"+which+" ORDER BY d.id", append([]any{now, now}, args...)...)
		return err
	})
	return n, err
}

// TriedDeliveries writes down a try of each of some requests. A request that is over is not
// tried again; a webhook that was ended by it, or fails for too long, is off, and what waits
// for it is given up.
func (s *Store) TriedDeliveries(ctx context.Context, w webhooks.Webhook, tried []webhooks.Delivery, off string) error {
	if len(tried) == 0 {
		return nil
	}
	rows := make([][]any, len(tried))
	for i, d := range tried {
		rows[i] = []any{d.ID, string(d.State), d.Tries, sqldb.Millis(d.NextTryAt), sqldb.MillisPtr(d.TriedAt), d.Status, clean(d.Answer), d.Took.Milliseconds()}
	}
	last := tried[len(tried)-1]
	return s.inTxAsync(ctx, func(tx conn) error {
		f := tx.d.statements.field
		if _, err := tx.Exec(ctx, "UPDATE webhook_deliveries SET state = "+f(1, "text")+", tries = "+f(2, "bigint")+", next_try_at = "+f(3, "bigint")+
			", tried_at = "+f(4, "bigint")+", status = "+f(5, "bigint")+", answer = "+f(6, "text")+", took = "+f(7, "bigint")+" FROM "+tx.d.statements.rows+
			" WHERE webhook_deliveries.id = "+f(0, "bigint")+" AND webhook_deliveries.state = 'pending'", mustJSON(rows)); err != nil {
			return err
		}
		failing, args := "failing_since = ? WHERE failing_since IS NULL AND", []any{sqldb.MillisPtr(last.TriedAt)}
		if last.State == webhooks.Delivered {
			failing, args = "failing_since = NULL WHERE failing_since IS NOT NULL AND", nil
		} else if len(tried) > 1 { // those before it were taken
			failing = "failing_since = ? WHERE"
		}
		if _, err := tx.Exec(ctx, "UPDATE webhooks SET "+failing+" id = ?", append(args, w.ID)...); err != nil || off == "" {
			return err
		}
		if _, err := tx.Exec(ctx, "UPDATE webhook_deliveries SET state = 'failed' WHERE webhook_id = ? AND state = 'pending'", w.ID); err != nil {
			return err
		}
		switched, err := tx.Exec(ctx, "UPDATE webhooks SET state = 'off', reason = ?, updated_at = ? WHERE id = ? AND state <> 'off'", clean(off),
			sqldb.Millis(s.clock.Now()), w.ID)
		if err != nil || switched == 0 {
			return err
		}
		return tx.mailTrouble(ctx, w.AccountID, 0, w.OffMail(clean(off)))
	})
}

// eventsRead bounds what of a webhook is in memory at a time: 5,000 events are about a
// megabyte.
const eventsRead = 5000

// NextDeliveries are the requests that come next for a webhook that is on. The first may
// have to wait for its time.
func (s *Store) NextDeliveries(ctx context.Context, webhookID int64, most int) (w webhooks.Webhook, next []webhooks.Delivery, err error) {
	c := s.reader()
	if w, err = s.scanWebhook(c.Row(ctx, selectWebhook+" WHERE id = ? AND state = 'on'", webhookID).Scan); err == nil {
		most = max(1, min(most, eventsRead/max(1, w.Batch.Most)))
		next, err = sqldb.Query(ctx, c, scanDelivery, selectDelivery+" WHERE webhook_id = ? AND state = 'pending' ORDER BY id LIMIT ?", webhookID, most)
	}
	if errors.Is(err, sql.ErrNoRows) {
		return w, nil, nil
	}
	for i := range next {
		if err == nil && w.Content {
			next[i].Body, err = c.fillContent(ctx, next[i].Body)
		}
	}
	return w, next, s.translate(err)
}

// fillContent puts what people wrote into a body, as far as it is still kept: what was
// erased is in no request that is made afterwards.
func (tx conn) fillContent(ctx context.Context, body string) (string, error) {
	if !strings.Contains(body, string(webhooks.MessageReceived)) && !strings.Contains(body, string(webhooks.FlowAnswered)) {
		return body, nil
	}
	return webhooks.Fill(body, func(o *webhooks.Occurrence) error {
		switch o.Type {
		case webhooks.MessageReceived:
			return refill(o, func(r *webhooks.Reply) error {
				var w webhooks.Written
				var parts string
				err := tx.Row(ctx, "SELECT address, text, parts FROM replies WHERE id = ?", r.ID).Scan(&w.From, &w.Text, &parts)
				if err != nil || w.From == "" {
					return err
				}
				w.ReplyParts, err = replyParts(parts)
				r.Content = &w
				return err
			})
		case webhooks.FlowAnswered:
			return refill(o, func(a *webhooks.Session) error {
				var w webhooks.Answered
				err := tx.Row(ctx, "SELECT text, value FROM flow_answers WHERE contact_id = ? AND session_id = ? AND step = ? "+
					"ORDER BY id DESC LIMIT 1", a.ContactID, a.ID, a.Step).
					Scan(&w.Text, (*[]byte)(&w.Value))
				if err == nil {
					a.Content = &w
				}
				return err
			})
		default:
			return nil
		}
	})
}

// refill changes the data of an occurrence; what is gone stays without content.
func refill[D any](o *webhooks.Occurrence, change func(*D) error) error {
	data := new(D)
	if err := json.Unmarshal(o.Data, data); err != nil {
		return err
	}
	if err := change(data); err != nil && !errors.Is(err, sql.ErrNoRows) {
		return err
	}
	o.Data = []byte(mustJSON(data))
	return nil
}

// LiveWebhooks are those for which something waits, or may come.
func (s *Store) LiveWebhooks(ctx context.Context) ([]int64, error) {
	return s.ids(ctx, `SELECT w.id FROM webhooks w WHERE w.state = 'on' AND (w.cursor_seq < `+s.d.lastTold+`
		OR EXISTS (SELECT 1 FROM webhook_deliveries d WHERE d.webhook_id = w.id AND d.state = 'pending')) AND w.`+ofOpenAccounts+` ORDER BY w.id`)
}

// WebhookBacklog is how many webhooks there are by state, and since when the oldest thing
// waits that one of them which is on is still to be told; zero if nothing does.
func (s *Store) WebhookBacklog(ctx context.Context) (states map[webhooks.State]int, oldest time.Time, err error) {
	states, err = sqldb.Map[webhooks.State, int](ctx, s.reader(), "SELECT state, COUNT(*) FROM webhooks WHERE format <> 'log' GROUP BY state")
	if err != nil || states[webhooks.On] == 0 {
		return states, oldest, s.translate(err)
	}
	var waiting, behind sqldb.Time
	err = s.reader().Row(ctx, `SELECT MIN((SELECT d.created_at FROM webhook_deliveries d WHERE d.webhook_id = w.id AND d.state = 'pending' ORDER BY d.id LIMIT 1)),
		MIN((SELECT o.at FROM outbox o WHERE o.seq > w.cursor_seq ORDER BY o.seq LIMIT 1)) FROM webhooks w WHERE w.state = 'on'`).Scan(&waiting, &behind)
	if oldest = waiting.Time; oldest.IsZero() || !behind.IsZero() && behind.Before(oldest) {
		oldest = behind.Time
	}
	return states, oldest, s.translate(err)
}

// Housekeeping of what was told.
const (
	toldKeptFor     = 7 * 24 * time.Hour
	forgottenAtOnce = 1000
)

// forgetTold deletes what of the outbox nobody waits for any more, or has waited for too
// long, and bodies that no delivery has.
func (tx conn) forgetTold(ctx context.Context) (n int64, err error) {
	before := sqldb.Millis(tx.s.clock.Now().Add(-toldKeptFor))
	if n, err = tx.Exec(ctx, `DELETE FROM outbox WHERE seq IN (SELECT seq FROM outbox WHERE seq IS NOT NULL
		AND (seq <= (SELECT COALESCE(MIN(cursor_seq), ?) FROM webhooks WHERE state <> 'off') OR at < ?) ORDER BY seq LIMIT ?)`,
		int64(pastEveryID), before, forgottenAtOnce); err != nil {
		return 0, err
	}
	bodies, err := tx.Exec(ctx, `DELETE FROM webhook_bodies WHERE id IN (SELECT b.id FROM webhook_bodies b WHERE b.at < ?
		AND NOT EXISTS (SELECT 1 FROM webhook_deliveries d WHERE d.shared = b.id AND d.shared IS NOT NULL) ORDER BY b.at LIMIT ?)`, before, forgottenAtOnce)
	return max(n, bodies), err
}
