package reports

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"time"

	"carillon/campaigns"
	"carillon/statistics"
)

// How much of everything a report shows.
const (
	mostRuns   = 50
	mostLinks  = 20
	mostErrors = 10
)

// Campaign is the report of a campaign.
type Campaign struct {
	Account    string    `json:"account"`
	CampaignID int64     `json:"campaign_id"`
	Name       string    `json:"name"`
	Kind       string    `json:"kind"`
	Status     string    `json:"status"`
	Channel    string    `json:"channel"`
	Subject    string    `json:"subject,omitempty"`
	Timezone   string    `json:"timezone"`
	From       time.Time `json:"from" doc:"When the first that is counted happened, to the window."`
	To         time.Time `json:"to"`
	MadeAt     time.Time `json:"made_at"`

	Words    []string                 `json:"words" doc:"What became of it, in sentences."`
	Total    statistics.CampaignRow   `json:"totals"`
	Interval statistics.Interval      `json:"interval" doc:"How long the windows of its course are."`
	Course   []statistics.CampaignRow `json:"course" doc:"By window."`
	Variants []CampaignVariant        `json:"variants" doc:"Of a campaign that tries some out."`
	Runs     []statistics.CampaignRow `json:"runs" doc:"The newest first, at most 50; of one that ran more than once."`
	Links    []Link                   `json:"links" doc:"Those that most people clicked on, at most 20."`
	Errors   []statistics.ErrorRow    `json:"errors" doc:"What the provider refused most often, at most 10."`
	Arrivals statistics.ArrivalRow    `json:"arrivals"`

	location *time.Location
}

// CampaignVariant is what became of one variant.
type CampaignVariant struct {
	Name string `json:"name"`
	statistics.CampaignRow
}

// Link is an address of which a campaign's messages have links, over all of its runs.
type Link struct {
	Address string `json:"address"`
	People  int64  `json:"people"`
	Clicks  int64  `json:"clicks"`
}

// Campaign reports on a campaign, by what is counted from a request's From to its To, which
// may be zero: from its beginning to now. It is NotFound if the account has no such campaign.
func (s *Service) Campaign(ctx context.Context, accountID, id int64, within statistics.Request) (r Campaign, err error) {
	c, err := s.store.GetCampaign(ctx, accountID, id)
	if err != nil {
		return r, err
	}
	within.AccountID, within.CampaignID, within.ChannelID, within.By = accountID, id, 0, statistics.ByCampaign
	if within.From.IsZero() {
		within.From = c.CreatedAt
		if !within.To.IsZero() && !within.From.Before(within.To) {
			within.From = time.Time{}
		}
	}
	within.Interval = statistics.Whole
	if r.location, err = s.statistics.Settle(ctx, &within); err != nil {
		return r, err
	}
	r.CampaignID, r.Name, r.Kind, r.Status, r.Timezone, r.MadeAt = id, c.Name, string(c.Kind()), string(c.Status), within.Zone, s.clock.Now().In(r.location)
	r.Subject = c.Content.Subject
	names, err := s.store.StatisticsNames(ctx, accountID, statistics.Channels, []int64{c.ChannelID})
	if err != nil {
		return r, err
	}
	r.Channel = names[c.ChannelID] // a flow may have none of its own
	if r.Account, err = s.store.AccountName(ctx, accountID); err != nil {
		return r, err
	}
	ask := func(subject statistics.Subject) statistics.Request {
		within.Subject = subject
		return within
	}
	if r.Total, err = sole[statistics.CampaignRow](ctx, s.statistics, ask(statistics.Campaigns)); err != nil {
		return r, err
	}
	if err := s.course(ctx, &r, ask(statistics.Campaigns)); err != nil {
		return r, err
	}
	if err := s.parts(ctx, &r, c, ask(statistics.Campaigns)); err != nil {
		return r, err
	}
	if r.Links, err = s.links(ctx, ask(statistics.Links)); err != nil {
		return r, err
	}
	if r.Errors, err = rows[statistics.ErrorRow](ctx, s.statistics, ask(statistics.Errors)); err != nil {
		return r, err
	}
	slices.SortStableFunc(r.Errors, func(a, b statistics.ErrorRow) int { return cmp.Compare(b.Tries, a.Tries) })
	r.Errors = r.Errors[:min(len(r.Errors), mostErrors)]
	arrivals, err := rows[statistics.ArrivalRow](ctx, s.statistics, ask(statistics.Arrivals))
	if err != nil {
		return r, err
	}
	for _, a := range arrivals { // a flow may speak through several channels
		r.Arrivals.Add(a)
	}
	r.Words = r.words()
	return r, nil
}

// course cuts the time in which anything happened into windows that a chart can show.
func (s *Service) course(ctx context.Context, r *Campaign, all statistics.Request) error {
	all.Interval = statistics.Month
	months, err := rows[statistics.CampaignRow](ctx, s.statistics, all)
	if err != nil {
		return err
	}
	r.From, r.To = all.From.In(r.location), all.To.In(r.location)
	if len(months) == 0 {
		return nil
	}
	// The months in which anything happened, then the days of these.
	all.From = latest(all.From, months[0].Start)
	all.To = earliest(all.To, months[len(months)-1].Start.AddDate(0, 1, 0))
	all.Interval = statistics.Day
	days, err := rows[statistics.CampaignRow](ctx, s.statistics, all)
	if err != nil {
		return err
	}
	first, last := days[0].Start, days[len(days)-1].Start
	all.From, all.To = latest(all.From, first), earliest(all.To, last.AddDate(0, 0, 1))
	r.From, r.To = all.From.In(r.location), all.To.In(r.location)
	switch span := last.Sub(first); {
	case span < 3*24*time.Hour:
		all.Interval = statistics.Hour
	case span > 366*24*time.Hour:
		all.Interval = statistics.Month
	case span > 100*24*time.Hour:
		all.Interval = statistics.Week
	}
	r.Interval = all.Interval
	r.Course = days
	if all.Interval != statistics.Day {
		if r.Course, err = rows[statistics.CampaignRow](ctx, s.statistics, all); err != nil {
			return err
		}
	}
	r.Course, err = filled(r.Course, all, r.location)
	return err
}

func latest(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}

func earliest(a, b time.Time) time.Time {
	if a.Before(b) {
		return a
	}
	return b
}

// filled has a row for each window from the first to the last in which anything happened.
func filled(rows []statistics.CampaignRow, of statistics.Request, location *time.Location) ([]statistics.CampaignRow, error) {
	if len(rows) == 0 {
		return nil, nil
	}
	windows, err := statistics.Windows(of.From, of.To, of.Interval, location)
	if err != nil {
		return nil, err
	}
	var all []statistics.CampaignRow
	next := 0
	for _, w := range windows {
		switch {
		case next < len(rows) && rows[next].Start.Equal(w.Start):
			all = append(all, rows[next])
			next++
		case next > 0 && next < len(rows):
			all = append(all, statistics.CampaignRow{Span: statistics.Span{Start: w.Start.In(location)}})
		}
	}
	return all, nil
}

// parts are what became of runs and variants.
func (s *Service) parts(ctx context.Context, r *Campaign, c campaigns.Campaign, all statistics.Request) error {
	all.By = statistics.ByRun
	runs, err := rows[statistics.CampaignRow](ctx, s.statistics, all)
	if err != nil {
		return err
	}
	if len(runs) > 1 && !c.IsFlow { // those of a flow are its texts
		slices.Reverse(runs)
		r.Runs = runs[:min(len(runs), mostRuns)]
	}
	if c.Experiment == nil {
		return nil
	}
	all.By = statistics.ByVariant
	list, err := rows[statistics.CampaignRow](ctx, s.statistics, all)
	if err != nil {
		return err
	}
	of := map[int64]*statistics.CampaignRow{}
	for _, row := range list {
		if of[row.Variant] == nil {
			of[row.Variant] = &statistics.CampaignRow{CampaignID: row.CampaignID, Campaign: row.Campaign, Variant: row.Variant}
		}
		of[row.Variant].Add(row)
	}
	for i, v := range c.Experiment.Variants {
		if row := of[int64(i+1)]; row != nil {
			r.Variants = append(r.Variants, CampaignVariant{cmp.Or(v.Name, fmt.Sprintf("%d", i+1)), *row})
		}
	}
	return nil
}

// links are the addresses over all runs, those with the most people first.
func (s *Service) links(ctx context.Context, all statistics.Request) (list []Link, err error) {
	found, err := rows[statistics.LinkRow](ctx, s.statistics, all)
	if err != nil {
		return nil, err
	}
	of := map[string]*Link{}
	for _, row := range found {
		if of[row.Address] == nil {
			of[row.Address] = &Link{Address: row.Address}
		}
		of[row.Address].People += row.People
		of[row.Address].Clicks += row.Clicks
	}
	for _, l := range of {
		list = append(list, *l)
	}
	slices.SortFunc(list, func(a, b Link) int { return cmp.Or(cmp.Compare(b.People, a.People), cmp.Compare(a.Address, b.Address)) })
	return list[:min(len(list), mostLinks)], nil
}

// words say what became of it.
func (r Campaign) words() (list []string) {
	t := r.Total
	if t.Total == 0 {
		list = append(list, "Nothing has been sent in this time.")
		if t.Skipped > 0 {
			list = append(list, number(t.Skipped)+" messages were skipped by your own rules.")
		}
		return list
	}
	say := func(format string, args ...any) { list = append(list, fmt.Sprintf(format, args...)) }
	say("%s messages were handed to the provider, and it took %s of them (%s).", number(t.Total), number(t.Sent), percent(part(t.Sent, t.Total)))
	if t.Delivered > 0 {
		say("%s have arrived (%s of those sent), %s were read.", number(t.Delivered), percent(t.DeliveryRate), number(t.Read))
	}
	if t.Opened+t.Clicked > 0 {
		say("%s people opened it and %s clicked (%s).", number(t.Opened), number(t.Clicked), percent(t.ClickRate))
	}
	if t.Converted > 0 {
		say("%s did what it was for (%s).", number(t.Converted), percent(t.ConversionRate))
	}
	if gone := t.OptedOut + t.Bounced + t.Complained; gone > 0 {
		say("%s opted out (%s), %s addresses came back and are written to no more (%s), %s called it spam (%s).", number(t.OptedOut), percent(t.OptOutRate),
			number(t.Bounced), percent(t.BounceRate), number(t.Complained), percent(t.ComplaintRate))
	}
	if t.Failed+t.Rejected > 0 {
		say("%s failed or were rejected (%s).", number(t.Failed+t.Rejected), percent(t.FailureRate))
	}
	if t.Unknown > 0 {
		say("Of %s it is not known whether they were sent: say what became of them with `carillon messages settle`.", number(t.Unknown))
	}
	if t.Skipped > 0 {
		say("%s more were skipped by your own rules, such as opt-outs and missing addresses.", number(t.Skipped))
	}
	return list
}

// part is a part of a whole, nil of nothing.
func part(n, of int64) *float64 {
	if of == 0 {
		return nil
	}
	p := float64(n) / float64(of)
	return &p
}
