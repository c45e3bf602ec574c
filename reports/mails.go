package reports

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"carillon/campaigns"
	"carillon/internal/fault"
	"carillon/messages"
	"carillon/providers"
	"carillon/statistics"
)

// WeeklyMail is an account that gets a mail about each week.
type WeeklyMail struct {
	AccountID int64
	Mail      campaigns.ReportMail
	// SummedUntil is until when its weeks are summed up.
	SummedUntil time.Time
}

// Mails keeps what is mailed.
type Mails interface {
	// ReportMail is who gets mails about an account.
	ReportMail(ctx context.Context, accountID int64) (campaigns.ReportMail, error)
	// WeeklyMails are the accounts that get a mail about each week.
	WeeklyMails(ctx context.Context) ([]WeeklyMail, error)
	// WriteSummary writes the mails about an account's week that ends at until, once. It is
	// Invalid if there is no such channel any more.
	WriteSummary(ctx context.Context, accountID int64, until time.Time, mails []messages.Outgoing) error
	// CreateMessage writes a message down, which is sent from then on.
	CreateMessage(ctx context.Context, o messages.Outgoing) (messages.Message, error)
}

// mailedAt is the hour on Monday, on the account's clock, from which the week before is mailed:
// most receipts of Sunday have come by then.
const mailedAt = 7 * time.Hour

// MailWeeks mails the weeks that are over to the accounts that want it, each once. Weeks in
// which nothing ran are left out but for the last.
func (s *Service) MailWeeks(ctx context.Context) (worked bool, err error) {
	list, err := s.store.WeeklyMails(ctx)
	if err != nil {
		return false, err
	}
	now := s.clock.Now()
	var errs []error
	for _, of := range list {
		_, to, err := s.WeekOf(ctx, of.AccountID, now)
		if err == nil && of.SummedUntil.Before(to) && !now.Before(to.Add(mailedAt)) {
			worked = true
			err = s.mailWeek(ctx, of, now)
		}
		if err != nil {
			errs = append(errs, fmt.Errorf("sum up the week of account %d: %w", of.AccountID, err))
		}
	}
	return worked && len(errs) == 0, errors.Join(errs...)
}

func (s *Service) mailWeek(ctx context.Context, of WeeklyMail, now time.Time) error {
	week, err := s.Week(ctx, of.AccountID, now)
	if err != nil {
		return err
	}
	content, err := week.Mail(ctx, s.mailer)
	if err != nil {
		return err
	}
	mails, err := outgoing(of.AccountID, of.Mail, content)
	if err != nil {
		return err
	}
	return s.store.WriteSummary(ctx, of.AccountID, week.To, mails)
}

// outgoing is a mail for everybody who gets it.
func outgoing(accountID int64, to campaigns.ReportMail, content providers.Content) (list []messages.Outgoing, err error) {
	text, err := json.Marshal(content)
	if err != nil {
		return nil, fmt.Errorf("encode a mail: %w", err)
	}
	for _, address := range to.To {
		list = append(list, messages.Outgoing{AccountID: accountID, ChannelID: to.ChannelID, Address: address, Content: text})
	}
	return list, nil
}

// SendCampaign mails the report of a campaign now, to those named or, where nobody is, to those
// who get mails about the account. It returns the messages.
func (s *Service) SendCampaign(ctx context.Context, accountID, id int64, within statistics.Request, to campaigns.ReportMail) ([]messages.Message, error) {
	return s.send(ctx, accountID, to, func() (providers.Content, error) {
		report, err := s.Campaign(ctx, accountID, id, within)
		if err != nil {
			return providers.Content{}, err
		}
		return report.Mail(ctx, s.mailer)
	})
}

// SendWeek mails the summary of the last week that is over at a time, as SendCampaign does.
func (s *Service) SendWeek(ctx context.Context, accountID int64, at time.Time, to campaigns.ReportMail) ([]messages.Message, error) {
	return s.send(ctx, accountID, to, func() (providers.Content, error) {
		week, err := s.Week(ctx, accountID, at)
		if err != nil {
			return providers.Content{}, err
		}
		return week.Mail(ctx, s.mailer)
	})
}

// said makes the content of a mail.
type said func() (providers.Content, error)

func (s *Service) send(ctx context.Context, accountID int64, to campaigns.ReportMail, what said) (sent []messages.Message, err error) {
	usual, err := s.store.ReportMail(ctx, accountID)
	if err != nil {
		return nil, err
	}
	if to.ChannelID == 0 {
		to.ChannelID = usual.ChannelID
	}
	if len(to.To) == 0 {
		to.To = usual.To
	}
	switch {
	case to.ChannelID == 0:
		return nil, fault.InvalidField("channel_id", nil, "say through which e-mail channel, or set one for all such mails: carillon settings set --report-channel")
	case len(to.To) == 0:
		return nil, fault.InvalidField("to", nil, "say to whom, or set it for all such mails: carillon settings set --report-to")
	}
	if err := to.Settle(); err != nil {
		return nil, err
	}
	channel, err := s.store.GetChannel(ctx, accountID, to.ChannelID)
	if fault.Is(err, fault.NotFound) || err == nil && channel.Address != providers.Email {
		return nil, fault.InvalidField("channel_id", to.ChannelID, "is no e-mail channel: GET /v1/channels lists them")
	}
	if err != nil {
		return nil, err
	}
	content, err := what()
	if err != nil {
		return nil, err
	}
	mails, err := outgoing(accountID, to, content)
	if err != nil {
		return nil, err
	}
	for _, mail := range mails {
		m, err := s.store.CreateMessage(ctx, mail)
		if err != nil {
			return sent, err
		}
		sent = append(sent, m)
	}
	return sent, nil
}
