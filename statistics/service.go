package statistics

import (
	"cmp"
	"context"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"carillon/contacts"
	"carillon/internal/clock"
	"carillon/internal/fault"
	"carillon/internal/zone"
	"carillon/messages"
)

// Service answers requests for statistics. It is safe for concurrent use.
type Service struct {
	store Store
	clock clock.Clock
	// reading is held by who reads the messages themselves: one at a time, so that nobody
	// takes the database from sending by asking often.
	reading chan struct{}
}

// NewService makes the service.
func NewService(store Store, c clock.Clock) *Service {
	return &Service{store: store, clock: c, reading: make(chan struct{}, 1)}
}

// alone waits until nobody else reads the messages, and returns what ends that.
func (s *Service) alone(ctx context.Context) (end func(), err error) {
	select {
	case s.reading <- struct{}{}:
		return func() { <-s.reading }, nil
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

// asked is a request with what it comes to.
type asked struct {
	Request
	*Service
	ctx      context.Context
	location *time.Location
	windows  []Window
	names    map[Subject]map[int64]string
	yield    func(row any) error
}

// lastDays is the time that is counted where none is said.
const lastDays = 30 * 24 * time.Hour

// Settle fills in what a request leaves open, and is Invalid for what can't be meant.
func (s *Service) Settle(ctx context.Context, r *Request) (*time.Location, error) {
	if r.Zone == "" {
		name, err := s.store.StatisticsZone(ctx, r.AccountID)
		if err != nil {
			return nil, err
		}
		r.Zone = cmp.Or(name, "UTC")
	}
	location, known := zone.Known(r.Zone)
	if !known {
		return nil, fault.InvalidField("timezone", r.Zone, "is no IANA time zone: write a name such as Europe/Berlin")
	}
	if r.To.IsZero() {
		r.To = s.clock.Now().Truncate(Slot).Add(Slot) // with what happens now
	}
	if r.From.IsZero() {
		r.From = r.To.Add(-lastDays)
		if r.Interval != Hour {
			y, m, d := r.From.In(location).Date()
			r.From = Midnight(y, m, d, location)
		}
	}
	// Things are counted by slots.
	r.From = r.From.Truncate(Slot)
	if cut := r.To.Truncate(Slot); cut.Before(r.To) {
		r.To = cut.Add(Slot)
	}
	r.Interval, r.By = cmp.Or(r.Interval, Day), cmp.Or(r.By, ByCampaign)
	if !r.From.Before(r.To) {
		return nil, fault.InvalidField("to", r.To, "is not after from, %s", r.From.Format(time.RFC3339))
	}
	return location, nil
}

// mostReachWindows bounds how often the messages of a time are read.
const mostReachWindows = 100

// Check is Settle, and refuses what would take too much: nothing that Each could refuse is
// left, so that an answer that has begun need not break off for it.
func (s *Service) Check(ctx context.Context, r *Request) (location *time.Location, windows []Window, err error) {
	if location, err = s.Settle(ctx, r); err != nil {
		return nil, nil, err
	}
	if r.Subject == Hours {
		r.Interval = Hour
	}
	windows, err = Windows(r.From, r.To, r.Interval, location)
	if err == nil && r.Subject == People && len(windows) > mostReachWindows {
		err = fault.InvalidField("interval", r.Interval,
			"people are counted by reading messages, for at most %d windows: choose a longer interval or a shorter time", mostReachWindows)
	}
	return location, windows, err
}

// Each yields the rows of a request in the order of their windows: those of its subject. A
// window in which nothing happened has none, but for contacts and people.
func (s *Service) Each(ctx context.Context, r Request, yield func(row any) error) error {
	location, windows, err := s.Check(ctx, &r)
	if err != nil {
		return err
	}
	a := &asked{Request: r, Service: s, ctx: ctx, location: location, windows: windows, names: map[Subject]map[int64]string{}, yield: yield}
	switch r.Subject {
	case Notifications:
		return a.notifications()
	case Campaigns:
		return a.campaigns()
	case Channels:
		return a.channels()
	case Errors:
		return a.errors()
	case Arrivals:
		return a.arrivals()
	case Hours:
		return a.hours()
	case Links:
		return a.links()
	case Contacts:
		return a.contacts()
	case Lists:
		return a.lists()
	case People:
		return a.people()
	case Flows:
		return a.flows()
	}
	return fault.New(fault.NotFound, "there are no statistics of %s", r.Subject)
}

func (a *asked) span(window int) Span { return Span{a.windows[window].Start.In(a.location)} }

// counting is a query of a request.
type counting struct {
	*asked
	Query
}

// query asks for counts of metrics.
func (a *asked) query(by Dimensions, metrics ...Metric) counting {
	return counting{a, Query{AccountID: a.AccountID, Windows: a.windows, Metrics: metrics, By: by, ChannelID: a.ChannelID, CampaignID: a.CampaignID}}
}

// states are the metrics of messages.
var states = []Metric{
	Metric(messages.Sent), Metric(messages.Delivered), Metric(messages.Read), Metric(messages.Failed), Metric(messages.Rejected),
	Metric(messages.Skipped), Metric(messages.Canceled), Metric(messages.Unknown),
}

// add counts messages in a state.
func (s *Sending) add(m Metric, n int64) {
	into := map[messages.State][]*int64{
		messages.Sent:      {&s.Total, &s.Sent},
		messages.Delivered: {&s.Total, &s.Sent, &s.Delivered},
		messages.Read:      {&s.Total, &s.Sent, &s.Delivered, &s.Read},
		messages.Failed:    {&s.Total, &s.Failed},
		messages.Rejected:  {&s.Total, &s.Rejected},
		messages.Unknown:   {&s.Total, &s.Unknown},
		messages.Skipped:   {&s.Skipped},
		messages.Canceled:  {&s.Canceled},
	}
	for _, field := range into[messages.State(m)] {
		*field += n
	}
}

// rowKey tells rows of a window apart, and is their order. What a row is not told apart by is
// zero.
type rowKey struct {
	channel, campaign, run, variant, number int64
	text, language                          string
}

func (k rowKey) compare(o rowKey) int {
	return cmp.Or(cmp.Compare(k.channel, o.channel), cmp.Compare(k.campaign, o.campaign), cmp.Compare(k.run, o.run), cmp.Compare(k.variant, o.variant),
		cmp.Compare(k.number, o.number), strings.Compare(k.text, o.text), strings.Compare(k.language, o.language))
}

// fold gathers the counts of each window into rows by their keys, and has those of a window
// finished, in the order of their keys, when the next one begins.
func fold[R any](q counting, key func(Count) rowKey, add func(*R, Count), finish func(rowKey, int, R) error) error {
	window, rows := 0, map[rowKey]*R{}
	flush := func() error {
		for _, k := range slices.SortedFunc(maps.Keys(rows), rowKey.compare) {
			if err := finish(k, window, *rows[k]); err != nil {
				return err
			}
		}
		clear(rows)
		return nil
	}
	if err := q.store.CountStatistics(q.ctx, q.Query, func(c Count) error {
		if c.Window != window {
			if err := flush(); err != nil {
				return err
			}
			window = c.Window
		}
		k := key(c)
		if rows[k] == nil {
			rows[k] = new(R)
		}
		add(rows[k], c)
		return nil
	}); err != nil {
		return err
	}
	return flush()
}

// name is that of a channel, campaign or template; those of one kind are looked up together.
func (a *asked) name(of Subject, id int64) (string, error) {
	if name, known := a.names[of][id]; known {
		return name, nil
	}
	found, err := a.store.StatisticsNames(a.ctx, a.AccountID, of, []int64{id})
	if err != nil {
		return "", err
	}
	if a.names[of] == nil {
		a.names[of] = map[int64]string{}
	}
	a.names[of][id] = found[id]
	return found[id], nil
}

// notifications counts by the names of templates, which a campaign's run says by its
// variants.
func (a *asked) notifications() error {
	spoken := map[int64]map[int64]string{} // by run and variant
	var failed error
	template := func(c Count) string {
		switch {
		case c.Templated != 0:
			name, err := a.name(Notifications, c.Templated)
			failed = cmp.Or(failed, err)
			return name
		case c.RunID == 0:
			return ""
		}
		if _, known := spoken[c.RunID]; !known {
			of, err := a.store.RunTemplates(a.ctx, a.AccountID, []int64{c.RunID})
			failed = cmp.Or(failed, err)
			spoken[c.RunID] = of[c.RunID]
		}
		return spoken[c.RunID][c.Variant]
	}
	q := a.query(Dimensions{Run: true, Variant: true, Template: true, Language: true}, states...)
	return fold(q, func(c Count) rowKey { return rowKey{text: template(c), language: c.Language} },
		func(s *Sending, c Count) { s.add(c.Metric, c.N) },
		func(k rowKey, window int, s Sending) error {
			if failed != nil || s.Total == 0 {
				return failed
			}
			return a.yield(NotificationRow{
				Span: a.span(window), Template: k.text, Language: k.language, Total: s.Total, TotalSent: s.Sent, TotalFailed: s.Failed + s.Rejected,
				TotalUndelivered: s.Sent - s.Delivered, TotalDelivered: s.Delivered, TotalRead: s.Read,
			})
		})
}

func (a *asked) campaigns() error {
	by := Dimensions{Campaign: true, Run: a.By != ByCampaign, Variant: a.By == ByVariant}
	metrics := append(slices.Clone(states), Opened, Clicked, Converted)
	if a.By != ByVariant {
		metrics = append(metrics, OptedOut, Bounced, Complained)
	}
	q := a.query(by, metrics...)
	return fold(q, func(c Count) rowKey { return rowKey{campaign: c.CampaignID, run: c.RunID, variant: c.Variant} },
		func(r *CampaignRow, c Count) {
			switch c.Metric {
			case Opened:
				r.Opened += c.N
			case Clicked:
				r.Clicked += c.N
			case Converted:
				r.Converted += c.N
			case OptedOut:
				r.OptedOut += c.N
			case Bounced:
				r.Bounced += c.N
			case Complained:
				r.Complained += c.N
			default:
				r.add(c.Metric, c.N)
			}
		},
		func(k rowKey, window int, r CampaignRow) (err error) {
			if k.campaign == 0 { // single messages
				return nil
			}
			r.Span, r.CampaignID, r.RunID, r.Variant = a.span(window), k.campaign, k.run, k.variant
			r.settle()
			if r.Campaign, err = a.name(Campaigns, k.campaign); err != nil {
				return err
			}
			return a.yield(r)
		})
}

func ofChannel(c Count) rowKey { return rowKey{channel: c.ChannelID} }

func (a *asked) channels() error {
	q := a.query(Dimensions{Channel: true}, append(slices.Clone(states), Replied)...)
	return fold(q, ofChannel,
		func(r *ChannelRow, c Count) {
			if c.Metric == Replied {
				r.Replied += c.N
				return
			}
			r.add(c.Metric, c.N)
		},
		func(k rowKey, window int, r ChannelRow) (err error) {
			r.Span, r.ChannelID, r.Rates, r.ReplyRate = a.span(window), k.channel, r.rates(), rate(r.Replied, r.Sent)
			if r.Channel, err = a.name(Channels, k.channel); err != nil {
				return err
			}
			if r.Kind, err = a.name(Kinds, k.channel); err != nil {
				return err
			}
			return a.yield(r)
		})
}

func (a *asked) errors() error {
	return fold(a.query(Dimensions{Channel: true, Code: true}, Tried), func(c Count) rowKey { return rowKey{channel: c.ChannelID, text: c.Code} },
		func(r *ErrorRow, c Count) { r.Tries += c.N },
		func(k rowKey, window int, r ErrorRow) (err error) {
			r.Span, r.ChannelID = a.span(window), k.channel
			r.Kind, r.Code, _ = strings.Cut(k.text, ":")
			if r.Channel, err = a.name(Channels, k.channel); err != nil {
				return err
			}
			return a.yield(r)
		})
}

func (a *asked) arrivals() error {
	metrics := make([]Metric, len(ArrivedWithin)+1)
	for i := range metrics {
		metrics[i] = ArrivedSoonest + Metric(i)
	}
	return fold(a.query(Dimensions{Channel: true}, metrics...), ofChannel,
		func(r *ArrivalRow, c Count) {
			r.Arrived += c.N
			*r.within()[c.Metric-ArrivedSoonest] += c.N
		},
		func(k rowKey, window int, r ArrivalRow) (err error) {
			r.Span, r.ChannelID = a.span(window), k.channel
			if r.Channel, err = a.name(Channels, k.channel); err != nil {
				return err
			}
			return a.yield(r)
		})
}

// hours folds the hours of the time into those of a week.
func (a *asked) hours() error {
	var week [7][24]HourRow
	if err := a.store.CountStatistics(a.ctx, a.query(Dimensions{}, append(slices.Clone(states), Opened, Clicked)...).Query, func(c Count) error {
		at := a.windows[c.Window].Start.In(a.location)
		switch row := &week[(int(at.Weekday())+6)%7][at.Hour()]; c.Metric {
		case Opened:
			row.Opened += c.N
		case Clicked:
			row.Clicked += c.N
		default:
			row.add(c.Metric, c.N)
		}
		return nil
	}); err != nil {
		return err
	}
	for day := range week {
		for hour, row := range week[day] {
			row.Weekday, row.Hour, row.Rates = strings.ToLower(time.Weekday((day+1)%7).String()), hour, row.rates()
			if err := a.yield(row); err != nil {
				return err
			}
		}
	}
	return nil
}

func (a *asked) links() error {
	addresses := map[int64]map[string]string{}
	q := a.query(Dimensions{Campaign: true, Run: true, Code: true}, LinkPeople, LinkClicks, LinkMachine)
	return fold(q, func(c Count) rowKey {
		number, _ := strconv.ParseInt(c.Code, 10, 64) // which the store wrote
		return rowKey{campaign: c.CampaignID, run: c.RunID, number: number, text: c.Code}
	},
		func(r *LinkRow, c Count) {
			switch c.Metric {
			case LinkPeople:
				r.People += c.N
			case LinkClicks:
				r.Clicks += c.N
			default:
				r.Machine += c.N
			}
		},
		func(k rowKey, window int, r LinkRow) (err error) {
			r.Span, r.CampaignID, r.RunID, r.Link = a.span(window), k.campaign, k.run, k.text
			if r.Campaign, err = a.name(Campaigns, k.campaign); err != nil {
				return err
			}
			if addresses[k.run] == nil {
				if addresses[k.run], err = a.store.LinkAddresses(a.ctx, k.run); err != nil {
					return err
				}
			}
			r.Address = addresses[k.run][k.text]
			return a.yield(r)
		})
}

// contacts has a row for each window, and knows how many there were before the first.
func (a *asked) contacts() error {
	var total int64
	before := a.query(Dimensions{}, ContactCreated, ContactRemoved)
	before.Windows = []Window{{time.Unix(0, 0), a.From}}
	if err := a.store.CountStatistics(a.ctx, before.Query, func(c Count) error {
		if c.Metric == ContactCreated {
			total += c.N
		} else {
			total -= c.N
		}
		return nil
	}); err != nil {
		return err
	}
	rows := make([]ContactRow, len(a.windows))
	q := a.query(Dimensions{Code: true}, ContactCreated, ContactRemoved, OptedOut, OptedIn, Suppressed)
	q.ChannelID, q.CampaignID = 0, 0
	if err := a.store.CountStatistics(a.ctx, q.Query, func(c Count) error {
		r := &rows[c.Window]
		switch {
		case c.Metric == ContactCreated:
			r.Created += c.N
		case c.Metric == ContactRemoved:
			r.Removed += c.N
		case c.Metric == OptedOut:
			r.OptedOut += c.N
		case c.Metric == OptedIn:
			r.OptedIn += c.N
		case c.Code == contacts.Complained:
			r.Complained += c.N
		case c.Code == contacts.Bounced:
			r.Bounced += c.N
		}
		return nil
	}); err != nil {
		return err
	}
	for i, r := range rows {
		total += r.Created - r.Removed
		r.Span, r.Total = a.span(i), total
		if err := a.yield(r); err != nil {
			return err
		}
	}
	return nil
}

// lists has a row for each list and window in which somebody came or went, and knows how many
// were in it before the first.
func (a *asked) lists() error {
	total := map[string]int64{}
	add := func(c Count) {
		if c.Metric == ListJoined {
			total[c.Code] += c.N
		} else {
			total[c.Code] -= c.N
		}
	}
	q := a.query(Dimensions{Code: true}, ListJoined, ListLeft)
	q.ChannelID, q.CampaignID = 0, 0
	before := q
	before.Windows = []Window{{time.Unix(0, 0), a.From}}
	if err := a.store.CountStatistics(a.ctx, before.Query, func(c Count) error {
		add(c)
		return nil
	}); err != nil {
		return err
	}
	return fold(q, func(c Count) rowKey {
		number, _ := strconv.ParseInt(c.Code, 10, 64) // which the store wrote
		return rowKey{number: number, text: c.Code}
	},
		func(r *ListRow, c Count) {
			if c.Metric == ListJoined {
				r.Joined += c.N
			} else {
				r.Left += c.N
			}
			add(c)
		},
		func(k rowKey, window int, r ListRow) (err error) {
			r.Span, r.ListID, r.Total = a.span(window), k.number, total[k.text]
			if r.List, err = a.name(Lists, k.number); err != nil {
				return err
			}
			return a.yield(r)
		})
}

func (a *asked) people() error {
	end, err := a.alone(a.ctx)
	if err != nil {
		return err
	}
	reached, err := a.store.CountReached(a.ctx, a.AccountID, a.windows)
	end()
	if err != nil {
		return err
	}
	for i, r := range reached {
		if err := a.yield(PeopleRow{a.span(i), r.People, r.Active}); err != nil {
			return err
		}
	}
	return nil
}

func (a *asked) flows() error {
	return fold(a.query(Dimensions{Campaign: true, Code: true}, FlowEntered, FlowEnded, FlowAnswered),
		func(c Count) rowKey { return rowKey{campaign: c.CampaignID, text: c.Code} },
		func(r *FlowRow, c Count) {
			switch c.Metric {
			case FlowEntered:
				r.Entered += c.N
			case FlowAnswered:
				r.Answered += c.N
			default:
				r.Ended += c.N
			}
		},
		func(k rowKey, window int, r FlowRow) (err error) {
			r.Span, r.CampaignID, r.Outcome = a.span(window), k.campaign, k.text
			if r.Campaign, err = a.name(Campaigns, k.campaign); err != nil {
				return err
			}
			return a.yield(r)
		})
}

// mostDrift is how many differences are listed.
const mostDrift = 100

// Verify compares counts with the rows that they are of, and lists the first that differ.
func (s *Service) Verify(ctx context.Context, accountID int64) (list []Drift, compared int64, err error) {
	end, err := s.alone(ctx)
	if err != nil {
		return nil, 0, err
	}
	defer end()
	return s.store.StatisticsDrift(ctx, accountID, mostDrift)
}

// Repair makes counts what the rows say, and returns how many were not.
func (s *Service) Repair(ctx context.Context, accountID int64) (int64, error) {
	end, err := s.alone(ctx)
	if err != nil {
		return 0, err
	}
	defer end()
	return s.store.RepairStatistics(ctx, accountID)
}
