package chatwoot

import (
	"context"
	"net/http"
	"slices"
	"strconv"
	"time"

	"carillon/conversations"
	"carillon/statistics"
)

// Metrics of reports: those that are counted, and those of people who answer, of whom there
// are none here.
var (
	counted  = []string{"conversations_count", "incoming_messages_count", "outgoing_messages_count", "resolutions_count"}
	averaged = []string{"avg_first_response_time", "avg_resolution_time", "reply_time"}
	always0  = []string{"bot_resolutions_count", "bot_handoffs_count"}
)

// span is a report's time in parts, and what it is of.
type span struct {
	windows []statistics.Window
	channel int64
	label   string
	// nobody is meant by what there is none of: agents and teams.
	nobody bool
}

var intervals = map[string]statistics.Interval{
	"hour": statistics.Hour, "day": statistics.Day, "week": statistics.Week, "month": statistics.Month, "": statistics.Day, "year": statistics.Whole,
}

// lately is the time of a report that names none.
const lately = 30 * 24 * time.Hour

// span reads what a report is asked for.
func (c *Server) span(ctx context.Context, a asked, interval statistics.Interval) (s span, since, until time.Time, err error) {
	switch kind := a.given.text("type"); kind {
	case "account":
	case "inbox":
		s.channel = a.given.number("id")
	case "label":
		l, err := c.Lists.Get(ctx, a.account(), "label", a.given.number("id"))
		if err != nil {
			return s, since, until, err
		}
		s.label = l.Name
	case "agent", "team":
		s.nobody = true
	default:
		return s, since, until, &refusal{http.StatusUnprocessableEntity, nothing(http.StatusUnprocessableEntity)}
	}
	until = c.clock.Now().Add(time.Second) // with what happens now
	if n := a.given.number("until"); n > 0 {
		until = time.Unix(min(n, 1<<40), 0)
	}
	since = until.Add(-lately)
	if n := a.given.number("since"); n > 0 {
		since = time.Unix(min(n, 1<<40), 0)
	}
	hours, _ := strconv.ParseFloat(a.given.text("timezone_offset"), 64)
	const day = 24
	if hours < -day || hours > day {
		hours = 0
	}
	zone := time.FixedZone("", int(hours*float64(time.Hour/time.Second)))
	if since.Before(until) {
		s.windows, err = statistics.Windows(since, until, interval, zone)
	}
	return s, since, until, err
}

// count is how often something happened in each part. What campaigns sent is among what went
// out, which the statistics count.
func (c *Server) count(ctx context.Context, account int64, metric string, s span) ([]int64, error) {
	counts := make([]int64, len(s.windows))
	if s.nobody || len(s.windows) == 0 {
		return counts, nil
	}
	switch metric {
	case "conversations_count", "resolutions_count":
		q := conversations.Count{AccountID: account, What: conversations.CountOpened, ChannelID: s.channel, Label: s.label, Times: times(s.windows)}
		if metric == "resolutions_count" {
			q.What = conversations.CountResolved
		}
		return c.Conversations.Count(ctx, q)
	}
	if s.label != "" { // of the conversations that have it
		q := conversations.Count{AccountID: account, What: conversations.CountOutgoing, ChannelID: s.channel, Label: s.label, Times: times(s.windows)}
		if metric == "incoming_messages_count" {
			q.What = conversations.CountIncoming
		}
		return c.Conversations.Count(ctx, q)
	}
	// Things are counted by quarters of an hour: each part has those that begin in it.
	from, to := s.windows[0].Start.Truncate(statistics.Slot), s.windows[len(s.windows)-1].End
	err := c.Statistics.Each(ctx, statistics.Request{
		AccountID: account, Subject: statistics.Channels, From: from, To: to.Add(statistics.Slot - 1), Interval: statistics.Hour, Zone: "UTC", ChannelID: s.channel,
	}, func(row any) error {
		r, ok := row.(statistics.ChannelRow)
		if !ok {
			return nil
		}
		at := slices.IndexFunc(s.windows, func(w statistics.Window) bool { return r.Start.Before(w.End) })
		if at < 0 {
			at = len(s.windows) - 1
		}
		if metric == "incoming_messages_count" {
			counts[at] += r.Replied
		} else {
			counts[at] += r.Sent
		}
		return nil
	})
	return counts, err
}

func times(windows []statistics.Window) []time.Time {
	list := []time.Time{windows[0].Start}
	for _, w := range windows {
		list = append(list, w.End)
	}
	return list
}

func (c *Server) report(ctx context.Context, a asked) (any, error) {
	interval, known := intervals[a.given.text("group_by")]
	if !known {
		interval = statistics.Day
	}
	s, _, _, err := c.span(ctx, a, interval)
	if err != nil {
		return nil, err
	}
	metric := a.given.text("metric")
	average := slices.Contains(averaged, metric)
	if !average && !slices.Contains(counted, metric) && !slices.Contains(always0, metric) {
		return map[string]any{}, nil
	}
	counts := make([]int64, len(s.windows))
	if slices.Contains(counted, metric) {
		if counts, err = c.count(ctx, a.account(), metric, s); err != nil {
			return nil, err
		}
	}
	shown := []any{}
	for i, w := range s.windows {
		row := map[string]any{"value": counts[i], "timestamp": w.Start.Unix()}
		if average {
			row["count"] = 0
		}
		shown = append(shown, row)
	}
	return shown, nil
}

func (c *Server) summary(ctx context.Context, a asked) (any, error) {
	s, since, until, err := c.span(ctx, a, statistics.Whole)
	if err != nil {
		return nil, err
	}
	now, err := c.sums(ctx, a.account(), s)
	if err != nil {
		return nil, err
	}
	if before := since.Add(since.Sub(until)); before.Before(since) {
		s.windows = []statistics.Window{{Start: before, End: since}}
	}
	if now["previous"], err = c.sums(ctx, a.account(), s); err != nil {
		return nil, err
	}
	return now, nil
}

// sums are the counts of a time as a whole.
func (c *Server) sums(ctx context.Context, account int64, s span) (map[string]any, error) {
	out := map[string]any{}
	for _, metric := range counted {
		counts, err := c.count(ctx, account, metric, s)
		if err != nil {
			return nil, err
		}
		sum := int64(0)
		for _, n := range counts {
			sum += n
		}
		out[metric] = sum
	}
	for _, metric := range averaged {
		out[metric] = nil
	}
	return out, nil
}

// openConversations counts what is open now. There are no agents to tell them apart by.
func (c *Server) openConversations(ctx context.Context, a asked) (any, error) {
	switch a.given.text("type") {
	case "agent":
		return []any{}, nil
	case "account":
	default:
		return nil, &refusal{http.StatusUnprocessableEntity, nothing(http.StatusUnprocessableEntity)}
	}
	counts := map[conversations.Status]int64{}
	for _, status := range []conversations.Status{conversations.Open, conversations.Pending} {
		_, total, err := c.Conversations.List(ctx, conversations.Filter{AccountID: a.account(), Status: status, Limit: 1})
		if err != nil {
			return nil, err
		}
		counts[status] = total
	}
	open := counts[conversations.Open]
	return map[string]any{"open": open, "unattended": open, "unassigned": open, "pending": counts[conversations.Pending]}, nil
}
