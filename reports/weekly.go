package reports

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"time"

	"carillon/internal/fault"
	"carillon/statistics"
)

// mostCampaigns is how many campaigns a summary lists.
const mostCampaigns = 10

// Week is the summary of a week of an account, from Monday to Sunday on its clock.
type Week struct {
	Account  string    `json:"account"`
	Timezone string    `json:"timezone"`
	From     time.Time `json:"from"`
	To       time.Time `json:"to" doc:"The Monday after."`

	Words          []string                 `json:"words" doc:"What happened, in sentences."`
	Messages       statistics.Sending       `json:"messages"`
	MessagesBefore statistics.Sending       `json:"messages_before" doc:"Those of the week before."`
	Days           []Day                    `json:"days" doc:"The messages of each day."`
	Contacts       statistics.ContactRow    `json:"contacts"`
	Campaigns      []statistics.CampaignRow `json:"campaigns" doc:"Those that sent most, at most 10."`
	Channels       []statistics.ChannelRow  `json:"channels"`
	Notes          []statistics.Note        `json:"notes" doc:"What is out of the ordinary now."`
}

// Day is what was sent on a day.
type Day struct {
	statistics.Span
	statistics.Sending
}

// WeekOf is the last week that is over at a time, on an account's clock: from its Monday to
// the next one.
func (s *Service) WeekOf(ctx context.Context, accountID int64, at time.Time) (from, to time.Time, err error) {
	location, err := s.statistics.Settle(ctx, &statistics.Request{AccountID: accountID})
	if err != nil {
		return from, to, err
	}
	local := at.In(location)
	monday := local.Day() - (int(local.Weekday())+6)%7
	begins := func(day int) time.Time {
		return statistics.Midnight(local.Year(), local.Month(), day, location).In(location)
	}
	return begins(monday - 7), begins(monday), nil
}

// Week sums up the last week that is over at a time; the zero time is now.
func (s *Service) Week(ctx context.Context, accountID int64, at time.Time) (w Week, err error) {
	now := s.clock.Now()
	if at.IsZero() {
		at = now
	}
	if at.After(now) {
		return w, fault.InvalidField("at", at.Format(time.RFC3339), "is not over yet: choose a time up to now")
	}
	if w.From, w.To, err = s.WeekOf(ctx, accountID, at); err != nil {
		return w, err
	}
	w.Timezone = w.From.Location().String()
	if w.Account, err = s.store.AccountName(ctx, accountID); err != nil {
		return w, err
	}
	ask := func(subject statistics.Subject, interval statistics.Interval) statistics.Request {
		return statistics.Request{AccountID: accountID, Subject: subject, From: w.From, To: w.To, Interval: interval, Zone: w.Timezone}
	}
	if w.Channels, err = rows[statistics.ChannelRow](ctx, s.statistics, ask(statistics.Channels, statistics.Whole)); err != nil {
		return w, err
	}
	for _, c := range w.Channels {
		w.Messages.Add(c.Sending)
	}
	before := ask(statistics.Channels, statistics.Whole)
	before.From, before.To = w.From.AddDate(0, 0, -7), w.From
	earlier, err := rows[statistics.ChannelRow](ctx, s.statistics, before)
	if err != nil {
		return w, err
	}
	for _, c := range earlier {
		w.MessagesBefore.Add(c.Sending)
	}
	if err := s.days(ctx, &w, ask(statistics.Channels, statistics.Day)); err != nil {
		return w, err
	}
	if w.Contacts, err = sole[statistics.ContactRow](ctx, s.statistics, ask(statistics.Contacts, statistics.Whole)); err != nil {
		return w, err
	}
	if w.Campaigns, err = rows[statistics.CampaignRow](ctx, s.statistics, ask(statistics.Campaigns, statistics.Whole)); err != nil {
		return w, err
	}
	w.Campaigns = slices.DeleteFunc(w.Campaigns, func(c statistics.CampaignRow) bool { return c.Total == 0 })
	slices.SortStableFunc(w.Campaigns, func(a, b statistics.CampaignRow) int { return cmp.Compare(b.Total, a.Total) })
	w.Campaigns = w.Campaigns[:min(len(w.Campaigns), mostCampaigns)]
	if w.Notes, err = s.statistics.Notes(ctx, accountID); err != nil {
		return w, err
	}
	w.Words = w.words()
	return w, nil
}

// days are the seven days of the week.
func (s *Service) days(ctx context.Context, w *Week, ask statistics.Request) error {
	windows, err := statistics.Windows(w.From, w.To, statistics.Day, w.From.Location())
	if err != nil {
		return err
	}
	for _, window := range windows {
		w.Days = append(w.Days, Day{Span: statistics.Span{Start: window.Start.In(w.From.Location())}})
	}
	found, err := rows[statistics.ChannelRow](ctx, s.statistics, ask)
	for _, row := range found {
		for i := range w.Days {
			if w.Days[i].Start.Equal(row.Start) {
				w.Days[i].Add(row.Sending)
			}
		}
	}
	return err
}

// words say what happened.
func (w Week) words() (list []string) {
	say := func(format string, args ...any) { list = append(list, fmt.Sprintf(format, args...)) }
	switch m, b := w.Messages, w.MessagesBefore; {
	case m.Total == 0 && b.Total == 0:
		say("Nothing was sent, nor in the week before.")
	case m.Total == 0:
		say("Nothing was sent; in the week before %s messages were.", number(b.Total))
	case b.Total == 0:
		say("%s messages were handed to providers, after none in the week before.", number(m.Total))
	default:
		say("%s messages were handed to providers, %s.", number(m.Total), change(m.Total, b.Total))
	}
	if m := w.Messages; m.Total > 0 {
		say("%s were taken (%s), %s have arrived and %s were read so far.", number(m.Sent), percent(part(m.Sent, m.Total)), number(m.Delivered), number(m.Read))
		if lost := m.Failed + m.Rejected; lost > 0 {
			say("%s failed or were rejected (%s; %s in the week before).", number(lost), percent(part(lost, m.Total)),
				percent(part(w.MessagesBefore.Failed+w.MessagesBefore.Rejected, w.MessagesBefore.Total)))
		}
		if m.Unknown > 0 {
			say("Of %s it is not known whether they were sent: say what became of them with `carillon messages settle`.", number(m.Unknown))
		}
	}
	c := w.Contacts
	say("There are %s contacts: %s are new, %s are gone; %s opted out, %s opted in, %s addresses bounced, %s complained.", number(c.Total), number(c.Created),
		number(c.Removed), number(c.OptedOut), number(c.OptedIn), number(c.Bounced), number(c.Complained))
	return list
}

// change says how a number compares with the one before, which is not 0.
func change(now, before int64) string {
	switch p := float64(now-before) / float64(before); {
	case now == before:
		return "as many as in the week before"
	case p > 0:
		return percent(&p) + " more than in the week before"
	default:
		p = -p
		return percent(&p) + " fewer than in the week before"
	}
}
