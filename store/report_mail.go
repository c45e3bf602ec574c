package store

import (
	"context"
	"slices"
	"time"

	"carillon/campaigns"
	"carillon/internal/fault"
	"carillon/messages"
	"carillon/providers"
	"carillon/reports"
	"carillon/store/sqldb"
)

// setReportMail replaces who gets mails about an account. Summaries begin with the week
// after they are asked for.
func (tx conn) setReportMail(ctx context.Context, accountID int64, before, mail campaigns.ReportMail) error {
	if mail.ChannelID == before.ChannelID && mail.Weekly == before.Weekly && mail.Troubles == before.Troubles && slices.Equal(mail.To, before.To) {
		return nil
	}
	if mail.ChannelID != 0 {
		kinds, err := sqldb.Column[string](ctx, tx, "SELECT address_kind FROM channels WHERE id = ? AND account_id = ? AND deleted_at IS NULL",
			mail.ChannelID, accountID)
		if err != nil {
			return err
		}
		if !slices.Equal(kinds, []string{string(providers.Email)}) {
			return fault.InvalidField("report_mail.channel_id", mail.ChannelID, "is no e-mail channel: GET /v1/channels lists them")
		}
	}
	until := "account_settings.summed_until"
	if mail.Weekly && !before.Weekly {
		until = "excluded.summed_until"
	}
	_, err := tx.Exec(ctx, `INSERT INTO account_settings (account_id, report_mail, summed_until) VALUES (?, ?, ?)
		ON CONFLICT (account_id) DO UPDATE SET report_mail = excluded.report_mail, summed_until = `+until,
		accountID, mustJSON(mail), sqldb.Millis(tx.s.clock.Now()))
	return err
}

// ReportMail is who gets mails about an account.
func (s *Store) ReportMail(ctx context.Context, accountID int64) (campaigns.ReportMail, error) {
	settings, err := s.GetSettings(ctx, accountID)
	return settings.ReportMail, err
}

// WeeklyMails are the accounts that get a mail about each week.
func (s *Store) WeeklyMails(ctx context.Context) (list []reports.WeeklyMail, err error) {
	ids, err := s.ids(ctx, `SELECT account_id FROM account_settings WHERE report_mail LIKE '%"weekly":true%' AND `+ofOpenAccounts+` ORDER BY account_id`)
	if err != nil {
		return nil, err
	}
	for _, id := range ids {
		w := reports.WeeklyMail{AccountID: id}
		if w.Mail, err = s.ReportMail(ctx, id); err != nil {
			return nil, err
		}
		var until sqldb.Time
		if err := s.reader().Row(ctx, "SELECT summed_until FROM account_settings WHERE account_id = ?", id).Scan(&until); err != nil {
			return nil, s.translate(err)
		}
		w.SummedUntil = until.Time
		list = append(list, w)
	}
	return list, nil
}

// WriteSummary writes the mails about an account's week that ends at until, and keeps that they
// are written, in one transaction. Where that, or a later one, is summed up already it does
// nothing.
func (s *Store) WriteSummary(ctx context.Context, accountID int64, until time.Time, mails []messages.Outgoing) error {
	return s.inTx(ctx, func(tx conn) error {
		n, err := tx.Exec(ctx, "UPDATE account_settings SET summed_until = ? WHERE account_id = ? AND summed_until < ?",
			sqldb.Millis(until), accountID, sqldb.Millis(until))
		if err != nil || n == 0 {
			return err
		}
		for _, mail := range mails {
			if _, err := tx.createMessage(ctx, mail); err != nil {
				return err
			}
		}
		return nil
	})
}

// mailTrouble writes a mail to those who want to hear of troubles of an account. stopped is the
// channel that the trouble is of, 0 for none: a mail through that one would come when it is over.
func (tx conn) mailTrouble(ctx context.Context, accountID, stopped int64, content providers.Content) error {
	settings, err := tx.settings(ctx, accountID)
	if err != nil || !settings.ReportMail.Troubles || settings.ReportMail.ChannelID == stopped {
		return err
	}
	for _, to := range settings.ReportMail.To {
		if _, err := tx.createMessage(ctx, messages.Outgoing{
			AccountID: accountID, ChannelID: settings.ReportMail.ChannelID, Address: to, Content: []byte(mustJSON(content)),
		}); err != nil && !fault.Is(err, fault.Invalid) { // the channel may be deleted by now
			return err
		}
	}
	return nil
}
