package messengerpeople

import (
	"bytes"
	"context"
	"encoding/csv"
	"fmt"
	"slices"
	"strconv"
	"time"

	"carillon/contacts"
	"carillon/internal/fault"
	"carillon/messages"
	"carillon/statistics"
	"carillon/targeting"
	"carillon/wording"
)

// lastDays is the time of statistics where none is asked for.
const lastDays = 30

// span is the time that statistics are of.
func (s *Server) span(a asked, from, to string, days int) (r statistics.Request, err error) {
	now := s.deps.Clock.Now()
	r = statistics.Request{AccountID: a.caller.AccountID, Zone: a.zone(), From: now.AddDate(0, 0, -days), To: now}
	for _, end := range []struct {
		name string
		to   *time.Time
	}{{from, &r.From}, {to, &r.To}} {
		if !a.Has(end.name) {
			continue
		}
		seconds, err := a.Int(end.name, 0)
		if err != nil {
			return r, err
		}
		if seconds < 0 || seconds > 1<<35 {
			return r, fault.InvalidField(end.name, seconds, "must be a Unix time in seconds")
		}
		*end.to = time.Unix(seconds, 0).UTC()
	}
	return r, nil
}

// interval reads the unit of time: hours, days, weeks or months, of which some are known.
func (a asked) interval(usual statistics.Interval, known ...string) (statistics.Interval, error) {
	text, err := a.Text("interval")
	if err != nil || text == "" {
		return usual, err
	}
	if !slices.Contains(known, text) {
		return usual, fault.InvalidField("interval", text, "must be one of %v", known)
	}
	return map[string]statistics.Interval{
		"hours": statistics.Hour, "days": statistics.Day, "weeks": statistics.Week, "months": statistics.Month,
	}[text], nil
}

// shown are rows as they are asked for: JSON, or CSV with the same names.
func shown(a asked, names []string, rows []newestFirst) (any, error) {
	format, err := a.Text("format")
	if err != nil {
		return nil, err
	}
	switch format {
	case "", "json":
		if rows == nil {
			rows = []newestFirst{}
		}
		return bare{rows}, nil
	case "csv":
	default:
		return nil, fault.InvalidField("format", format, "must be json or csv")
	}
	var b bytes.Buffer
	w := csv.NewWriter(&b)
	if err := w.Write(names); err != nil {
		return nil, fmt.Errorf("write csv: %w", err)
	}
	for _, row := range rows {
		cells := make([]string, len(row))
		for i, m := range row {
			cells[i] = fmt.Sprint(m.value)
		}
		if err := w.Write(cells); err != nil {
			return nil, fmt.Errorf("write csv: %w", err)
		}
	}
	w.Flush()
	return file{"text/csv; charset=utf-8", b.Bytes()}, w.Error()
}

func row(names []string, values ...any) newestFirst {
	r := make(newestFirst, len(names))
	for i, name := range names {
		r[i] = member{name, values[i]}
	}
	return r
}

func (s *Server) notificationStatistics(ctx context.Context, a asked) (any, error) {
	r, err := s.span(a, "from", "to", lastDays)
	if err != nil {
		return nil, err
	}
	r.Subject, r.ChannelID, r.Interval = statistics.Notifications, a.channel.ID, statistics.Day
	var order []string
	sums := map[string]*statistics.NotificationRow{}
	err = s.Statistics.Each(ctx, r, func(of any) error {
		n, is := of.(statistics.NotificationRow)
		if !is || n.Template == "" {
			return nil
		}
		sum := sums[n.Template]
		if sum == nil {
			sum = &statistics.NotificationRow{}
			sums[n.Template], order = sum, append(order, n.Template)
		}
		sum.Total += n.Total
		sum.TotalSent += n.TotalSent
		sum.TotalFailed += n.TotalFailed
		sum.TotalUndelivered += n.TotalUndelivered
		sum.TotalDelivered += n.TotalDelivered
		sum.TotalRead += n.TotalRead
		return nil
	})
	if err != nil {
		return nil, err
	}
	slices.Sort(order)
	names := []string{"template", "total", "total_sent", "total_failed", "total_undelivered", "total_delivered", "total_read"}
	var rows []newestFirst
	for _, name := range order {
		n := sums[name]
		rows = append(rows, row(names, name, n.Total, n.TotalSent, n.TotalFailed, n.TotalUndelivered, n.TotalDelivered, n.TotalRead))
	}
	return shown(a, names, rows)
}

// labelCount is how often a label was put on somebody in an interval.
type labelCount struct {
	ID    int64  `json:"id"`
	Label string `json:"label"`
	Color string `json:"color"`
	Count int64  `json:"count"`
}

// labelSum is the same by days.
type labelSum struct {
	Stats map[string]int64 `json:"stats"`
	Total int64            `json:"total"`
}

func (s *Server) labelStatistics(ctx context.Context, a asked) (any, error) {
	r, err := s.span(a, "from", "to", lastDays)
	if err != nil {
		return nil, err
	}
	r.Subject = statistics.Lists
	if r.Interval, err = a.interval(statistics.Day, "days", "weeks"); err != nil {
		return nil, err
	}
	list, err := s.Lists.List(ctx, a.caller.AccountID, contacts.Label, 0, mostLists)
	if err != nil {
		return nil, err
	}
	labels := map[int64]contacts.List{}
	for _, l := range list {
		labels[l.ID] = l
	}
	byLabel, byTime := map[string]labelSum{}, map[string]map[string]labelCount{}
	err = s.Statistics.Each(ctx, r, func(of any) error {
		n, is := of.(statistics.ListRow)
		l, known := labels[n.ListID]
		if !is {
			return nil
		}
		at := strconv.FormatInt(n.Start.Unix(), 10)
		if byTime[at] == nil {
			byTime[at] = map[string]labelCount{}
		}
		if !known || n.Joined == 0 {
			return nil
		}
		byTime[at][strconv.FormatInt(l.ID, 10)] = labelCount{l.ID, l.Name, l.Color, n.Joined}
		sum := byLabel[l.Name]
		if sum.Stats == nil {
			sum.Stats = map[string]int64{}
		}
		sum.Stats[n.Start.Format(time.DateOnly)] += n.Joined
		sum.Total += n.Joined
		byLabel[l.Name] = sum
		return nil
	})
	if err != nil {
		return nil, err
	}
	if a.Has("interval") {
		return bare{byTime}, nil
	}
	return bare{byLabel}, nil
}

// chatNames are what is counted of chats.
var chatNames = []string{"from", "outgoing", "delivered", "read", "failed", "incoming"}

// chatRows counts what went out and came in over the channel.
func (s *Server) chatRows(ctx context.Context, a asked, r statistics.Request) (rows []newestFirst, err error) {
	r.Subject, r.ChannelID = statistics.Channels, a.channel.ID
	err = s.Statistics.Each(ctx, r, func(of any) error {
		if n, is := of.(statistics.ChannelRow); is {
			rows = append(rows, row(chatNames, n.Start.Unix(), n.Sent, n.Delivered, n.Read, n.Failed+n.Rejected, n.Replied))
		}
		return nil
	})
	return rows, err
}

func (s *Server) chatStatistics(ctx context.Context, a asked) (any, error) {
	r, err := s.span(a, "from", "to", lastDays)
	if err != nil {
		return nil, err
	}
	r.Interval = statistics.Day
	rows, err := s.chatRows(ctx, a, r)
	if err != nil {
		return nil, err
	}
	return shown(a, chatNames, rows)
}

func (s *Server) customStatistics(ctx context.Context, a asked) (any, error) {
	r, err := s.span(a, "from", "to", lastDays)
	if err != nil {
		return nil, err
	}
	if r.Interval, err = a.interval(statistics.Day, "hours", "days", "weeks"); err != nil {
		return nil, err
	}
	source, err := a.Text("source")
	if err != nil {
		return nil, err
	}
	if source != "" && source != "chats" {
		return nil, fault.InvalidField("source", source, "must be chats: there are no tickets here")
	}
	kpi, err := a.Text("kpi")
	if err != nil {
		return nil, err
	}
	names := chatNames
	if kpi != "" {
		if !slices.Contains(chatNames[1:], kpi) {
			return nil, fault.InvalidField("kpi", kpi, "must be one of %v", chatNames[1:])
		}
		names = []string{"from", kpi}
	}
	rows, err := s.chatRows(ctx, a, r)
	if err != nil {
		return nil, err
	}
	for i := range rows {
		rows[i] = slices.DeleteFunc(rows[i], func(m member) bool { return !slices.Contains(names, m.name) })
	}
	return shown(a, names, rows)
}

// peopleRows says how many people messages reached.
func (s *Server) peopleRows(ctx context.Context, r statistics.Request, add func(statistics.PeopleRow)) error {
	r.Subject = statistics.People
	return s.Statistics.Each(ctx, r, func(of any) error {
		if n, is := of.(statistics.PeopleRow); is {
			add(n)
		}
		return nil
	})
}

func (s *Server) contentStatistics(ctx context.Context, a asked) (any, error) {
	r, err := s.span(a, "from", "to", lastDays)
	if err != nil {
		return nil, err
	}
	if r.Interval, err = a.interval(statistics.Day, "days", "weeks", "months"); err != nil {
		return nil, err
	}
	names := []string{"from", "reached", "active"}
	var rows []newestFirst
	if err := s.peopleRows(ctx, r, func(n statistics.PeopleRow) { rows = append(rows, row(names, n.Start.Unix(), n.Reached, n.Active)) }); err != nil {
		return nil, err
	}
	return shown(a, names, rows)
}

// mauStatistics says how many people messages reached in a month. Which messenger they are
// on follows from the channel.
func (s *Server) mauStatistics(ctx context.Context, a asked) (any, error) {
	r, err := s.span(a, "from", "to", lastDays)
	if err != nil {
		return nil, err
	}
	period, err := a.Text("period")
	if err != nil {
		return nil, err
	}
	now := s.deps.Clock.Now().In(s.location(a))
	month := time.Date(now.Year(), now.Month(), 1, 0, 0, 0, 0, now.Location())
	switch period {
	case "":
	case "invoicing_period":
		r.From, r.To = month, now
	case "last_invoicing_period":
		r.From, r.To = month.AddDate(0, -1, 0), month
	default:
		return nil, fault.InvalidField("period", period, "must be invoicing_period or last_invoicing_period")
	}
	r.Interval = statistics.Month
	grouped, err := a.Bool("group", false)
	if err != nil {
		return nil, err
	}
	names := []string{"from", "mau"}
	if grouped {
		names = append(names, "messenger")
	}
	var rows []newestFirst
	if err := s.peopleRows(ctx, r, func(n statistics.PeopleRow) {
		rows = append(rows, row(names, []any{n.Start.Unix(), n.Reached, wording.CodeOf(a.channel.Address)}[:len(names)]...))
	}); err != nil {
		return nil, err
	}
	return shown(a, names, rows)
}

// currentUsers is how many users the channel has, and newsletters reach.
func (s *Server) currentUsers(ctx context.Context, a asked) (any, error) {
	count, err := s.Rules.Count(ctx, a.caller.AccountID, targeting.Audience{All: true}, a.channel.Address)
	return struct {
		Users  int64 `json:"users"`
		Active int64 `json:"active"`
	}{count.Total - count.Skipped[messages.ReasonNoAddress], count.Reachable}, err
}

// days is the answer of the older statistics: by days, by hours or both.
type days struct {
	Days  map[string]newestFirst `json:"days,omitempty"`
	Hours map[string]newestFirst `json:"hours,omitempty"`
}

// byDays counts by days and hours as they are asked for; count gives the row of a window.
func (s *Server) byDays(ctx context.Context, a asked, subject statistics.Subject, count func(of any) (time.Time, newestFirst)) (any, error) {
	var flags [2]bool
	for i, names := range [][]string{{"days", "day"}, {"hours", "hour"}} {
		for _, name := range names {
			is, err := a.Bool(name, false)
			if err != nil {
				return nil, err
			}
			flags[i] = flags[i] || is
		}
	}
	if !flags[1] && !a.Has("days") && !a.Has("day") {
		flags[0] = true
	}
	var out days
	for i, of := range []struct {
		interval statistics.Interval
		back     int
		layout   string
		to       *map[string]newestFirst
	}{{statistics.Day, lastDays, time.DateOnly, &out.Days}, {statistics.Hour, 0, "2006-01-02 15", &out.Hours}} {
		if !flags[i] {
			continue
		}
		r, err := s.span(a, "start", "end", of.back)
		if err != nil {
			return nil, err
		}
		if now := s.deps.Clock.Now().In(s.location(a)); of.back == 0 && !a.Has("start") { // the current day
			r.From = time.Date(now.Year(), now.Month(), now.Day(), 0, 0, 0, 0, now.Location())
		}
		r.Subject, r.Interval, r.ChannelID = subject, of.interval, 0
		if subject != statistics.Contacts {
			r.ChannelID = a.channel.ID
		}
		*of.to = map[string]newestFirst{}
		if err := s.Statistics.Each(ctx, r, func(n any) error {
			at, row := count(n)
			key := at.Format(of.layout)
			(*of.to)[key] = summed((*of.to)[key], row)
			return nil
		}); err != nil {
			return nil, err
		}
	}
	return out, nil
}

// summed adds the numbers of two rows of the same names.
func summed(a, b newestFirst) newestFirst {
	for i := range a {
		x, _ := a[i].value.(int64)
		y, _ := b[i].value.(int64)
		b[i].value = x + y
	}
	return b
}

func (s *Server) userStatistics(ctx context.Context, a asked) (any, error) {
	names := []string{"created", "removed", "total", "opted_out", "opted_in"}
	return s.byDays(ctx, a, statistics.Contacts, func(of any) (time.Time, newestFirst) {
		n, _ := of.(statistics.ContactRow)
		return n.Start, row(names, n.Created, n.Removed, n.Total, n.OptedOut, n.OptedIn)
	})
}

func (s *Server) newsletterStatistics(ctx context.Context, a asked) (any, error) {
	names := []string{"sent", "delivered", "read", "failed"}
	clicks, err := a.Bool("clicks", false)
	if err != nil {
		return nil, err
	}
	if clicks {
		names = append(names, "clicks")
	}
	return s.byDays(ctx, a, statistics.Campaigns, func(of any) (time.Time, newestFirst) {
		n, _ := of.(statistics.CampaignRow)
		return n.Start, row(names, []any{n.Sent, n.Delivered, n.Read, n.Failed + n.Rejected, n.Clicked}[:len(names)]...)
	})
}
