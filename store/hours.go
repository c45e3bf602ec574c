package store

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"

	"carillon/campaigns"
	"carillon/campaigns/hours"
	"carillon/internal/fault"
	"carillon/messages"
	"carillon/providers"
	"carillon/store/sqldb"
)

// readQuiet reads quiet hours as they are kept: JSON, empty for none.
func readQuiet(text string) (*providers.QuietHours, error) {
	if text == "" {
		return nil, nil
	}
	q := new(providers.QuietHours)
	return q, json.Unmarshal([]byte(text), q)
}

// keepQuiet is what readQuiet reads.
func keepQuiet(q *providers.QuietHours) string {
	if q == nil {
		return ""
	}
	return mustJSON(q)
}

const settingsOf = `COALESCE((SELECT s.quiet_hours FROM account_settings s WHERE s.account_id = h.account_id), ''),
	COALESCE((SELECT s.quiet_transactional FROM account_settings s WHERE s.account_id = h.account_id), FALSE)`

// GetSettings are an account's; zero but for the account if it has set none.
func (s *Store) GetSettings(ctx context.Context, accountID int64) (campaigns.Settings, error) {
	settings, err := s.reader().settings(ctx, accountID)
	return settings, s.translate(err)
}

func (tx conn) settings(ctx context.Context, accountID int64) (campaigns.Settings, error) {
	settings := campaigns.Settings{AccountID: accountID}
	var quiet, mail, masked string
	var apis sql.NullString
	err := tx.Row(ctx, `SELECT quiet_hours, quiet_transactional, approval_required, timezone, brand_name, brand_color, report_mail, apis, country,
		masked, public_url FROM account_settings WHERE account_id = ?`, accountID).Scan(&quiet, &settings.QuietTransactional,
		&settings.ApprovalRequired, &settings.Timezone, &settings.Brand.Name, &settings.Brand.Color, &mail, &apis, &settings.Country, &masked, &settings.PublicURL)
	if errors.Is(err, sql.ErrNoRows) {
		return settings, nil
	}
	if err == nil {
		settings.QuietHours, err = readQuiet(quiet)
	}
	if err == nil && mail != "" {
		err = json.Unmarshal([]byte(mail), &settings.ReportMail)
	}
	if err == nil && masked != "" {
		err = json.Unmarshal([]byte(masked), &settings.Masked)
	}
	if err == nil && apis.Valid {
		err = json.Unmarshal([]byte(apis.String), &settings.APIs)
	}
	return settings, err
}

// SetSettings replaces an account's settings. They bind when it returns: what is in a
// window goes back, to be held against them.
func (s *Store) SetSettings(ctx context.Context, settings campaigns.Settings) (campaigns.Settings, error) {
	err := s.withdraw(ctx, func(tx conn) error {
		if err := tx.lockAccount(ctx, settings.AccountID); err != nil {
			return err
		}
		before, err := tx.settings(ctx, settings.AccountID)
		if err != nil {
			return err
		}
		if before.ApprovalRequired != settings.ApprovalRequired || before.Brand != settings.Brand || before.Timezone != settings.Timezone ||
			before.Country != settings.Country || before.PublicURL != settings.PublicURL {
			if _, err := tx.Exec(ctx, `INSERT INTO account_settings (account_id, approval_required, timezone, brand_name, brand_color, country, public_url)
				VALUES (?, ?, ?, ?, ?, ?, ?)
				ON CONFLICT (account_id) DO UPDATE SET approval_required = excluded.approval_required, timezone = excluded.timezone,
					brand_name = excluded.brand_name, brand_color = excluded.brand_color, country = excluded.country, public_url = excluded.public_url`,
				settings.AccountID, settings.ApprovalRequired, settings.Timezone, settings.Brand.Name, settings.Brand.Color, settings.Country,
				settings.PublicURL); err != nil {
				return err
			}
		}
		if !maps.Equal(before.Masked, settings.Masked) {
			masked, err := json.Marshal(settings.Masked)
			if err != nil {
				return err
			}
			if _, err := tx.Exec(ctx, `INSERT INTO account_settings (account_id, masked) VALUES (?, ?)
				ON CONFLICT (account_id) DO UPDATE SET masked = excluded.masked`, settings.AccountID, string(masked)); err != nil {
				return err
			}
		}
		if !slices.Equal(before.APIs, settings.APIs) || (before.APIs == nil) != (settings.APIs == nil) {
			apis := sql.NullString{Valid: settings.APIs != nil}
			if apis.Valid {
				apis.String = listJSON(settings.APIs)
			}
			if _, err := tx.Exec(ctx, `INSERT INTO account_settings (account_id, apis) VALUES (?, ?)
				ON CONFLICT (account_id) DO UPDATE SET apis = excluded.apis`, settings.AccountID, apis); err != nil {
				return err
			}
		}
		if err := tx.setReportMail(ctx, settings.AccountID, before.ReportMail, settings.ReportMail); err != nil {
			return err
		}
		if keepQuiet(before.QuietHours) == keepQuiet(settings.QuietHours) && before.QuietTransactional == settings.QuietTransactional {
			return nil
		}
		if err := tx.checkSettings(ctx, settings); err != nil {
			return err
		}
		if err := tx.lockChannels(ctx, settings.AccountID, 0); err != nil {
			return err
		}
		if _, err := tx.Exec(ctx, `INSERT INTO account_settings (account_id, quiet_hours, quiet_transactional) VALUES (?, ?, ?)
			ON CONFLICT (account_id) DO UPDATE SET quiet_hours = excluded.quiet_hours, quiet_transactional = excluded.quiet_transactional`,
			settings.AccountID, keepQuiet(settings.QuietHours), settings.QuietTransactional); err != nil {
			return err
		}
		return tx.hoursChanged(ctx, settings.AccountID, 0)
	})
	return settings, err
}

// hoursChanged has the hours of what waits on a channel (0: on all of the account)
// looked at again, and takes back what is in its window. The transaction must hold the
// channels, so that no feeder works by the old hours any more.
func (tx conn) hoursChanged(ctx context.Context, accountID, channelID int64) error {
	ids, err := sqldb.IDs(ctx, tx, "SELECT id FROM channels WHERE account_id = ? AND (? = 0 OR id = ?) AND deleted_at IS NULL ORDER BY id",
		accountID, channelID, channelID)
	if err != nil {
		return err
	}
	for _, id := range ids {
		if _, err := tx.Exec(ctx, "UPDATE channels SET rehours = rehours + 1 WHERE id = ?", id); err != nil {
			return err
		}
		if err := tx.takeBack(ctx, windowOf{channelID: id}, messages.ReasonHours); err != nil {
			return err
		}
	}
	return nil
}

// keeping is a campaign with hours that is not over, and its channel's quiet hours.
type keeping struct {
	id       int64
	name     string
	schedule campaigns.Schedule
	channel  *providers.QuietHours
}

// kept are the campaigns with hours that are not over, of a channel or (0) of all of
// the account.
func (tx conn) kept(ctx context.Context, accountID, channelID int64) (list []keeping, err error) {
	err = sqldb.Each(ctx, tx, func(scan sqldb.Scan) error {
		var k keeping
		var schedule, quiet string
		if err := scan(&k.id, &k.name, &schedule, &quiet); err != nil {
			return err
		}
		if err := json.Unmarshal([]byte(schedule), &k.schedule); err != nil {
			return fmt.Errorf("read schedule of campaign %d: %w", k.id, err)
		}
		k.channel, err = readQuiet(quiet)
		if k.schedule.Hours != nil {
			list = append(list, k)
		}
		return err
	}, `SELECT k.id, k.name, k.schedule, h.quiet_hours FROM campaigns k JOIN channels h ON h.id = k.channel_id
		WHERE k.account_id = ? AND (? = 0 OR k.channel_id = ?) AND k.status IN ('scheduled', 'running', 'paused') ORDER BY k.id`,
		accountID, channelID, channelID)
	return list, err
}

// excluding is the error for quiet hours that leave no time together with what is named.
func excluding(q *providers.QuietHours, format string, args ...any) error {
	return fault.InvalidField("quiet_hours", q.From+"-"+q.To, "leave no time to send at, together with %s", fmt.Sprintf(format, args...))
}

// leaves reports whether hours leave any time at all.
func leaves(quiet campaigns.Quieting, own *hours.Hours) bool {
	_, err := hours.Compile("hours", quiet.All(own)...)
	return err == nil
}

// checkQuiet refuses quiet hours of a channel that leave no time to send at.
func (tx conn) checkQuiet(ctx context.Context, c providers.Channel) error {
	if c.QuietHours == nil {
		return nil
	}
	settings, err := tx.settings(ctx, c.AccountID)
	if err != nil {
		return err
	}
	quiet := campaigns.Quieting{Channel: c.QuietHours, Account: settings.QuietHours}
	if !leaves(quiet, nil) {
		return excluding(c.QuietHours, "the account's quiet hours %s-%s", settings.QuietHours.From, settings.QuietHours.To)
	}
	if c.ID == 0 {
		return nil
	}
	campaigns, err := tx.kept(ctx, c.AccountID, c.ID)
	for _, k := range campaigns {
		if !leaves(quiet, k.schedule.Hours) {
			return excluding(c.QuietHours, "the hours %s-%s of campaign %d (%s), which is not over", k.schedule.Hours.From, k.schedule.Hours.To, k.id, k.name)
		}
	}
	return err
}

// checkSettings is checkQuiet for those of an account.
func (tx conn) checkSettings(ctx context.Context, settings campaigns.Settings) error {
	if settings.QuietHours == nil {
		return nil
	}
	err := sqldb.Each(ctx, tx, func(scan sqldb.Scan) error {
		var id int64
		var name, text string
		if err := scan(&id, &name, &text); err != nil {
			return err
		}
		quiet, err := readQuiet(text)
		if err == nil && !leaves(campaigns.Quieting{Channel: quiet, Account: settings.QuietHours}, nil) {
			err = excluding(settings.QuietHours, "the quiet hours %s-%s of channel %d (%s)", quiet.From, quiet.To, id, name)
		}
		return err
	}, "SELECT id, name, quiet_hours FROM channels WHERE account_id = ? AND deleted_at IS NULL AND quiet_hours <> '' ORDER BY id", settings.AccountID)
	if err != nil {
		return err
	}
	list, err := tx.kept(ctx, settings.AccountID, 0)
	for _, k := range list {
		if !leaves(campaigns.Quieting{Channel: k.channel, Account: settings.QuietHours}, k.schedule.Hours) {
			return excluding(settings.QuietHours, "the hours %s-%s of campaign %d (%s), which is not over", k.schedule.Hours.From, k.schedule.Hours.To, k.id, k.name)
		}
	}
	return err
}

// timingOf is when the messages that a feeder asks for may go, by the hours that hold
// now.
func (tx conn) timingOf(ctx context.Context, f feeding) (campaigns.Timing, error) {
	if f.runID != 0 {
		return tx.runTiming(ctx, f.runID)
	}
	var channel, account, zone string
	var obey bool
	err := tx.Row(ctx, "SELECT h.timezone, h.quiet_hours, "+settingsOf+" FROM channels h WHERE h.id = ?", f.channelID).Scan(&zone, &channel, &account, &obey)
	if err != nil || !obey {
		return campaigns.NewTiming(campaigns.Schedule{}, time.Time{}, zone, campaigns.Quieting{}), err
	}
	quiet, err := readQuieting(channel, account)
	return campaigns.NewTiming(campaigns.Schedule{}, time.Time{}, zone, quiet), err
}

// runTiming is the timing of a run by the hours that hold now.
func (tx conn) runTiming(ctx context.Context, runID int64) (campaigns.Timing, error) {
	var schedule campaigns.Schedule
	var text, zone, channel, account string
	var transactional bool
	var instant sqldb.Time
	err := tx.Row(ctx, "SELECT r.instant, k.schedule, h.timezone, h.quiet_hours, "+settingsOf+
		" FROM runs r JOIN campaigns k ON k.id = r.campaign_id JOIN channels h ON h.id = r.channel_id WHERE r.id = ?", runID).
		Scan(&instant, &text, &zone, &channel, &account, &transactional)
	if err != nil {
		return campaigns.Timing{}, err
	}
	if err := json.Unmarshal([]byte(text), &schedule); err != nil {
		return campaigns.Timing{}, fmt.Errorf("read schedule of run %d: %w", runID, err)
	}
	quiet, err := readQuieting(channel, account)
	return campaigns.NewTiming(schedule, instant.Time, zone, quiet), err
}

func readQuieting(channel, account string) (q campaigns.Quieting, err error) {
	if q.Channel, err = readQuiet(channel); err == nil {
		q.Account, err = readQuiet(account)
	}
	return q, err
}

// PublicURLs are where recipients reach this server, by the accounts that have an address of
// their own.
func (s *Store) PublicURLs(ctx context.Context) (map[int64]string, error) {
	own := map[int64]string{}
	err := sqldb.Each(ctx, s.reader(), func(scan sqldb.Scan) error {
		var account int64
		var address string
		err := scan(&account, &address)
		own[account] = address
		return err
	}, "SELECT account_id, public_url FROM account_settings WHERE public_url <> ''")
	return own, s.translate(err)
}
