package store

import (
	"bytes"
	"cmp"
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"time"

	"carillon/internal/clock"
	"carillon/internal/fault"
	"carillon/internal/secret"
	"carillon/providers"
	"carillon/store/sqldb"
)

// selectChannel reads what scanChannel takes.
const selectChannel = `SELECT id, account_id, name, provider, config, address_kind, limits, timezone, in_doubt, quiet_hours, silent_opt_out, status,
	status_reason, status_since, health, health_reason, health_since, next_try_at, epoch, warmth, mailbox_warmth, handle, created_at, updated_at, secrets_set,
	replaced, signing_keys, COALESCE((SELECT a.most_per_second FROM accounts a WHERE a.id = channels.account_id), 0),
	COALESCE((SELECT a.most_per_day FROM accounts a WHERE a.id = channels.account_id), 0) FROM channels`

func (s *Store) scanChannel(scan sqldb.Scan) (providers.Channel, error) {
	var c providers.Channel
	var config, quiet, warmth, mailboxes, replaced, keys string
	var limits, set []byte
	var created, updated, statusSince, since, next sqldb.Time
	err := scan(&c.ID, &c.AccountID, &c.Name, &c.Provider, &config, &c.Address, &limits, &c.Timezone, &c.InDoubt, &quiet, &c.SilentOptOut, &c.Status,
		&c.StatusReason, &statusSince, &c.Health.State, &c.Health.Reason, &since, &next, &c.Epoch, &warmth, &mailboxes, &c.Handle, &created, &updated,
		&set, &replaced, &keys, &c.AccountPerSecond, &c.AccountPerDay)
	if err != nil {
		return c, err
	}
	c.StatusSince, c.Health.Since, c.Health.NextTry = statusSince.Time, since.Time, next.Time
	c.CreatedAt, c.UpdatedAt = created.Time, updated.Time
	if err := json.Unmarshal(limits, &c.Limits); err != nil {
		return c, fmt.Errorf("read limits of channel %d: %w", c.ID, err)
	}
	if c.Warmth, err = readWarmth(warmth); err != nil {
		return c, fmt.Errorf("read the warm-up of channel %d: %w", c.ID, err)
	}
	if c.MailboxWarmth, err = readWarmths(mailboxes); err != nil {
		return c, fmt.Errorf("read the warm-ups of the mailbox providers of channel %d: %w", c.ID, err)
	}
	if c.QuietHours, err = readQuiet(quiet); err != nil {
		return c, fmt.Errorf("read quiet hours of channel %d: %w", c.ID, err)
	}
	if err := json.Unmarshal(set, &c.SecretsSet); err != nil {
		return c, fmt.Errorf("read when the secrets of channel %d were set: %w", c.ID, err)
	}
	if s.box == nil {
		return c, fault.New(fault.Internal, "open channel %d: there is no master key", c.ID)
	}
	plain, err := s.box.Open(config)
	if err != nil {
		return c, fault.Wrap(fault.Internal, fmt.Sprintf("open channel %d", c.ID), err)
	}
	c.Config = plain
	if replaced != "" {
		if c.Replaced, err = s.openReplaced(replaced); err != nil {
			return c, fault.Wrap(fault.Internal, fmt.Sprintf("open the secrets of before of channel %d", c.ID), err)
		}
	}
	if c.SigningKeys, err = s.openKeys(keys); err != nil {
		return c, fault.Wrap(fault.Internal, fmt.Sprintf("open the signing keys of channel %d", c.ID), err)
	}
	return c, nil
}

// replacedSecret is the stored form of providers.Replaced, before it is sealed.
type replacedSecret struct {
	Secret string `json:"secret"`
	EndsAt int64  `json:"ends_at"` // ms since 1970
}

// openReplaced is what of secrets of before is still taken.
func (s *Store) openReplaced(sealed string) (map[string]providers.Replaced, error) {
	plain, err := s.box.Open(sealed)
	if err != nil {
		return nil, err
	}
	var kept map[string]replacedSecret
	if err := json.Unmarshal(plain, &kept); err != nil {
		return nil, errors.New("damaged") // the cause could quote a secret
	}
	var replaced map[string]providers.Replaced
	for name, was := range kept {
		if ends := time.UnixMilli(was.EndsAt).UTC(); s.clock.Now().Before(ends) {
			if replaced == nil {
				replaced = map[string]providers.Replaced{}
			}
			replaced[name] = providers.Replaced{Secret: secret.New(was.Secret), EndsAt: ends}
		}
	}
	return replaced, nil
}

// keepReplaced writes down what secrets of a channel were before, sealed, and until when
// anything of it is taken.
func (tx conn) keepReplaced(ctx context.Context, c providers.Channel) error {
	sealed, until := "", any(nil)
	if len(c.Replaced) > 0 {
		kept, last := map[string]replacedSecret{}, time.Time{}
		for name, was := range c.Replaced {
			kept[name] = replacedSecret{was.Secret.Reveal(), was.EndsAt.UnixMilli()}
			if was.EndsAt.After(last) {
				last = was.EndsAt
			}
		}
		var err error
		if sealed, err = tx.seal(ctx, ofReplaced, []byte(mustJSON(kept))); err != nil {
			return fault.Wrap(fault.Internal, "seal the secrets of before", err)
		}
		until = sqldb.Millis(last)
	}
	_, err := tx.Exec(ctx, "UPDATE channels SET replaced = ?, replaced_until = ? WHERE id = ?", sealed, until, c.ID)
	return err
}

// sealChannel makes the stored forms of configuration and limits. No error of
// it carries a part of the configuration.
func (tx conn) sealChannel(ctx context.Context, c providers.Channel) (config, limits string, err error) {
	if config, err = tx.seal(ctx, ofChannel, c.Config); err != nil {
		return "", "", fault.Wrap(fault.Internal, "seal channel", err)
	}
	encoded, err := json.Marshal(c.Limits)
	if err != nil {
		return "", "", fmt.Errorf("encode limits: %w", err)
	}
	return config, string(encoded), nil
}

// nameTaken is the error for a channel name that another channel has.
func (tx conn) nameTaken(ctx context.Context, c providers.Channel) error {
	var other int64
	err := tx.Row(ctx, "SELECT id FROM channels WHERE account_id = ? AND name = ? AND id <> ? AND deleted_at IS NULL", c.AccountID, c.Name, c.ID).Scan(&other)
	if errors.Is(err, sql.ErrNoRows) {
		return nil
	}
	if err != nil {
		return err
	}
	return &fault.Error{Code: fault.Conflict, Message: "the name is taken", Fields: []fault.Field{{
		Location: "name", Value: c.Name, Message: fmt.Sprintf("channel %d has this name: choose another", other),
	}}}
}

// CreateChannel keeps a new channel, active; ID, Status and the times are set
// here. A name that is taken is a Conflict.
func (s *Store) CreateChannel(ctx context.Context, c providers.Channel) (providers.Channel, error) {
	err := s.inTx(ctx, func(tx conn) error {
		if err := tx.lockAccount(ctx, c.AccountID); err != nil {
			return err
		}
		config, limits, err := tx.sealChannel(ctx, c)
		if err != nil {
			return err
		}
		c.ID = 0
		if err := tx.nameTaken(ctx, c); err != nil {
			return err
		}
		if err := tx.checkQuiet(ctx, c); err != nil {
			return err
		}
		now := sqldb.Millis(s.clock.Now())
		id, err := tx.Insert(ctx, `INSERT INTO channels (account_id, name, provider, config, address_kind, limits, timezone, in_doubt, quiet_hours,
			silent_opt_out, status, created_at, updated_at, secrets_set) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`, c.AccountID, c.Name, c.Provider, config,
			string(c.Address), limits, c.Timezone, string(c.InDoubt), keepQuiet(c.QuietHours), c.SilentOptOut, string(providers.ChannelActive), now, now,
			keepRecord(c.SecretsSet))
		if err != nil {
			return err
		}
		c.ID = id
		if err := tx.handle(ctx, c); err != nil {
			return err
		}
		if err := tx.adoptWarmUp(ctx, c, nil); err != nil {
			return err
		}
		if err := tx.adoptMailboxes(ctx, c, nil); err != nil {
			return err
		}
		c, err = s.scanChannel(tx.Row(ctx, selectChannel+" WHERE id = ?", id).Scan)
		return err
	})
	return c, err
}

// handle gives a new channel what programs know it by for ever: its sender where it has one
// that no other channel of the kind is known by, else its id.
func (tx conn) handle(ctx context.Context, c providers.Channel) error {
	id := strconv.FormatInt(c.ID, 10)
	own := c.Handle
	if own != "" {
		var taken bool
		err := tx.Row(ctx, `SELECT EXISTS (SELECT 1 FROM channels WHERE account_id = ? AND address_kind = ? AND handle = ? AND deleted_at IS NULL)`,
			c.AccountID, string(c.Address), own).Scan(&taken)
		if err != nil {
			return err
		}
		if taken {
			own += "-" + id
		}
	}
	_, err := tx.Exec(ctx, "UPDATE channels SET handle = ? WHERE id = ?", cmp.Or(own, id), c.ID)
	return err
}

// keepRecord is the stored form of when secrets were set.
func keepRecord(r secret.Record) string {
	if len(r) == 0 {
		return "{}"
	}
	return mustJSON(r)
}

// UpdateChannel is ChangeChannel to what c has, whatever the channel has become meanwhile.
func (s *Store) UpdateChannel(ctx context.Context, c providers.Channel) (providers.Channel, error) {
	return s.ChangeChannel(ctx, c.AccountID, c.ID, func(to *providers.Channel) error {
		*to = c
		return nil
	})
}

// ChangeChannel changes what a channel's owner may change: name, provider,
// configuration, limits, time zone and policy, but not its status. UpdatedAt
// grows with every call, Epoch with every change of the configuration, and the
// health begins anew with it: no request with another configuration begins after
// the answer. Two changes of a channel wait for each other, so that none brings a
// secret back that the other has replaced.
func (s *Store) ChangeChannel(ctx context.Context, accountID, id int64, change func(*providers.Channel) error) (providers.Channel, error) {
	var updated providers.Channel
	var reconsider int
	var otherHours bool
	err := s.inTx(ctx, func(tx conn) error {
		if err := tx.lockAccount(ctx, accountID); err != nil {
			return err
		}
		before, err := s.scanChannel(tx.Row(ctx, selectChannel+" WHERE id = ? AND account_id = ? AND deleted_at IS NULL", id, accountID).Scan)
		if errors.Is(err, sql.ErrNoRows) {
			return noChannel(id)
		}
		if err != nil {
			return err
		}
		c := before
		if err := change(&c); err != nil {
			return err
		}
		config, limits, err := tx.sealChannel(ctx, c)
		if err != nil {
			return err
		}
		if err := tx.nameTaken(ctx, c); err != nil {
			return err
		}
		if err := tx.checkQuiet(ctx, c); err != nil {
			return err
		}
		var anew int
		reconsider = nothingChanged
		if !before.Limits.Equal(c.Limits) {
			reconsider = limitsChanged
		}
		if before.Provider != c.Provider || !bytes.Equal(before.Config, c.Config) {
			anew, reconsider = 1, begunAnew
			// Files are kept by the account at the provider that it was.
			if _, err := tx.Exec(ctx, "DELETE FROM media_ids WHERE channel_id = ?", c.ID); err != nil {
				return err
			}
		}
		now := sqldb.Millis(s.clock.Now())
		_, err = tx.Exec(ctx, `UPDATE channels SET name = ?, provider = ?, config = ?, address_kind = ?, limits = ?, timezone = ?, in_doubt = ?,
			quiet_hours = ?, silent_opt_out = ?, secrets_set = ?, epoch = epoch + ?, reconsider = CASE WHEN reconsider < ? THEN ? ELSE reconsider END, `+touch+
			` WHERE id = ? AND account_id = ? AND deleted_at IS NULL`,
			c.Name, c.Provider, config, string(c.Address), limits, c.Timezone, string(c.InDoubt), keepQuiet(c.QuietHours), c.SilentOptOut,
			keepRecord(c.SecretsSet), anew, reconsider, reconsider, now, now, c.ID, c.AccountID)
		if err != nil {
			return err
		}
		if err := tx.keepReplaced(ctx, c); err != nil {
			return err
		}
		if err := tx.adoptWarmUp(ctx, c, before.Warmth); err != nil {
			return err
		}
		if err := tx.adoptMailboxes(ctx, c, before.MailboxWarmth); err != nil {
			return err
		}
		if reconsider != nothingChanged {
			// A channel that was stopped stays so until a person resumes it.
			if _, err := tx.Exec(ctx, "UPDATE channels SET "+nothingKnown+" WHERE id = ? AND status <> 'stopped'", c.ID); err != nil {
				return err
			}
		}
		if otherHours = keepQuiet(before.QuietHours) != keepQuiet(c.QuietHours) || before.Timezone != c.Timezone; otherHours {
			if err := tx.hoursChanged(ctx, c.AccountID, c.ID); err != nil {
				return err
			}
		}
		updated, err = s.scanChannel(tx.Row(ctx, selectChannel+" WHERE id = ?", c.ID).Scan)
		if err != nil || reconsider == nothingChanged {
			return err
		}
		return tx.halt(ctx)
	})
	if err == nil && (reconsider != nothingChanged || otherHours) {
		// Not only if something is in flight: a worker may still claim by what it knew.
		// It is the time that passes for the workers, whatever the store's clock.
		_ = clock.System{}.Sleep(ctx, s.haltWait())
	}
	return updated, err
}

// ownsChannel refuses, as NotFound, a channel that an account has not.
func (tx conn) ownsChannel(ctx context.Context, accountID, id int64) error {
	var has bool
	err := tx.Row(ctx, "SELECT EXISTS (SELECT 1 FROM channels WHERE id = ? AND account_id = ? AND deleted_at IS NULL)", id, accountID).Scan(&has)
	if err == nil && !has {
		err = noChannel(id)
	}
	return err
}

func noChannel(id int64) error { return fault.New(fault.NotFound, "there is no channel %d", id) }

// GetChannel is one channel, its secrets included.
func (s *Store) GetChannel(ctx context.Context, accountID, id int64) (providers.Channel, error) {
	c, err := s.scanChannel(s.reader().Row(ctx, selectChannel+" WHERE id = ? AND account_id = ? AND deleted_at IS NULL", id, accountID).Scan)
	if errors.Is(err, sql.ErrNoRows) {
		return providers.Channel{}, noChannel(id)
	}
	return c, s.translate(err)
}

// FindChannel is a channel by its name.
func (s *Store) FindChannel(ctx context.Context, accountID int64, name string) (providers.Channel, error) {
	c, err := s.scanChannel(s.reader().Row(ctx, selectChannel+" WHERE account_id = ? AND name = ? AND deleted_at IS NULL", accountID, name).Scan)
	if errors.Is(err, sql.ErrNoRows) {
		return providers.Channel{}, fault.New(fault.NotFound, "there is no channel %q", name)
	}
	return c, s.translate(err)
}

// ListChannels lists an account's channels behind the id after.
func (s *Store) ListChannels(ctx context.Context, accountID, after int64, limit int) ([]providers.Channel, error) {
	return s.channels(ctx, selectChannel+" WHERE account_id = ? AND id > ? AND deleted_at IS NULL ORDER BY id LIMIT ?", accountID, after, limit)
}

// AllChannels lists the channels of every account, paused and stopped ones
// included: what the workers serve.
func (s *Store) AllChannels(ctx context.Context) ([]providers.Channel, error) {
	return s.channels(ctx, selectChannel+" WHERE deleted_at IS NULL ORDER BY id")
}

func (s *Store) channels(ctx context.Context, query string, args ...any) ([]providers.Channel, error) {

	list, err := sqldb.Query(ctx, s.reader(), func(scan sqldb.Scan) (providers.Channel, error) {
		c, err := s.scanChannel(scan)
		return c, err
	}, query, args...)
	if err != nil {
		return nil, s.translate(err)
	}
	return list, nil
}

// DeleteChannel ends a channel and forgets its credentials; its messages stay.
// It is refused while a campaign that is not over uses the channel or messages
// of it are on their way.
func (s *Store) DeleteChannel(ctx context.Context, accountID, id int64) error {
	return s.inTx(ctx, func(tx conn) error {
		var found int64
		err := tx.Row(ctx, "SELECT id FROM channels WHERE id = ? AND account_id = ? AND deleted_at IS NULL"+s.d.ForUpdate, id, accountID).Scan(&found)
		if errors.Is(err, sql.ErrNoRows) {
			return noChannel(id)
		}
		if err != nil {
			return err
		}
		var campaign int64
		err = tx.Row(ctx, `SELECT id FROM campaigns WHERE (channel_id = ? OR id IN (SELECT r.campaign_id FROM runs r WHERE r.channel_id = ? AND r.kind = 'step'
			AND r.finished_at IS NULL)) AND status IN ('draft', 'scheduled', 'running', 'paused') ORDER BY id LIMIT 1`, id, id).Scan(&campaign)
		if err == nil {
			return fault.New(fault.Conflict, "campaign %d uses channel %d: cancel it or give it another channel first", campaign, id)
		}
		if !errors.Is(err, sql.ErrNoRows) {
			return err
		}
		var waiting int64
		if err := tx.Row(ctx, "SELECT CAST(COALESCE(SUM(pending + queued + sending), 0) AS BIGINT) FROM run_counts WHERE channel_id = ?", id).
			Scan(&waiting); err != nil {
			return err
		}
		if waiting > 0 {
			return fault.New(fault.Conflict, "%d messages of channel %d are not sent yet: wait for them or clear its queue first", waiting, id)
		}
		now := sqldb.Millis(s.clock.Now())
		_, err = tx.Exec(ctx, `UPDATE channels SET deleted_at = ?, updated_at = ?, config = '', secrets_set = '{}', replaced = '', replaced_until = NULL,
			signing_keys = ''
			WHERE id = ?`, now, now, id)
		return err
	})
}
