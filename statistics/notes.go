package statistics

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"carillon/messages"
)

// Note says in words what is out of the ordinary.
type Note struct {
	ChannelID int64     `json:"channel_id"`
	Channel   string    `json:"channel"`
	Since     time.Time `json:"since"`
	Rate      float64   `json:"rate" doc:"Part of the messages that the provider refuses since then, from 0 to 1."`
	Before    float64   `json:"before" doc:"Part of those of the week before."`
	Code      string    `json:"code,omitempty" doc:"What it refuses them with most."`
	Words     string    `json:"words" example:"rejections 12 % at channel news since 14:00 (2 % before): code 131049"`
}

// What is out of the ordinary: of so many messages in the last hour or two, so large a part
// is refused, and so many times as much as in the week before.
const (
	notedMessages = 50
	notedPart     = 0.05
	notedTimes    = 3

	notedHours = 24
	notedDays  = 7
)

// refusals are messages of a time and how many of them were refused.
type refusals struct{ asked, failed, rejected int64 }

func (r *refusals) add(o refusals) {
	r.asked, r.failed, r.rejected = r.asked+o.asked, r.failed+o.failed, r.rejected+o.rejected
}

func (r refusals) part() float64 {
	if r.asked == 0 {
		return 0
	}
	return float64(r.failed+r.rejected) / float64(r.asked)
}

// odd says whether a time's refusals are out of the ordinary for a part before.
func (r refusals) odd(before float64) bool {
	return r.part() >= notedPart && r.part() >= notedTimes*before
}

// Notes are what is out of the ordinary now, by channel.
func (s *Service) Notes(ctx context.Context, accountID int64) ([]Note, error) {
	until := s.clock.Now().Truncate(Slot).Add(Slot)
	r := Request{AccountID: accountID, From: until.Add(-notedHours * time.Hour), To: until, Interval: Hour}
	location, err := s.Settle(ctx, &r)
	if err != nil {
		return nil, err
	}
	windows := []Window{{r.From.AddDate(0, 0, -notedDays), r.From}}
	for at := r.To; at.After(r.From); at = at.Add(-time.Hour) {
		windows = append(windows, Window{at.Add(-time.Hour), at}) // the last hour first
	}
	of := map[int64][]refusals{}
	if err := s.store.CountStatistics(ctx, Query{
		AccountID: accountID, Windows: windows, By: Dimensions{Channel: true},
		Metrics: []Metric{Metric(messages.Sent), Metric(messages.Delivered), Metric(messages.Read), Metric(messages.Failed), Metric(messages.Rejected)},
	}, func(c Count) error {
		if of[c.ChannelID] == nil {
			of[c.ChannelID] = make([]refusals, len(windows))
		}
		n := refusals{asked: c.N}
		switch c.Metric {
		case Metric(messages.Failed):
			n.failed = c.N
		case Metric(messages.Rejected):
			n.rejected = c.N
		}
		of[c.ChannelID][c.Window].add(n)
		return nil
	}); err != nil {
		return nil, err
	}
	notes := []Note{}
	for _, channel := range slices.Sorted(maps.Keys(of)) {
		hours, now := oddHours(of[channel])
		if hours == 0 {
			continue
		}
		n := Note{ChannelID: channel, Since: windows[hours].Start.In(location), Rate: now.part(), Before: of[channel][0].part()}
		if err := s.explain(ctx, accountID, &n, now); err != nil {
			return nil, err
		}
		notes = append(notes, n)
	}
	return notes, nil
}

// oddHours is how many of the last hours are out of the ordinary for what was before, and
// what was refused in them. The first of the list is what was before, then come hours, the
// last one first; one in which hardly anything was sent says nothing by itself.
func oddHours(list []refusals) (hours int, sum refusals) {
	before := list[0].part()
	for i := 1; i < len(list); i++ {
		grown := sum
		grown.add(list[i])
		switch {
		case list[i].asked > 0 && !list[i].odd(before):
			return hours, sum
		case list[i].asked > 0:
			sum = grown
			if sum.asked >= notedMessages {
				hours = i
			}
		}
		if hours == 0 && i >= 2 {
			return 0, sum // too few in two hours
		}
	}
	return hours, sum
}

// explain puts the channel's name, the code and the words into a note.
func (s *Service) explain(ctx context.Context, accountID int64, n *Note, of refusals) error {
	names, err := s.store.StatisticsNames(ctx, accountID, Channels, []int64{n.ChannelID})
	if err != nil {
		return err
	}
	n.Channel = names[n.ChannelID]
	codes := map[string]int64{}
	if err := s.store.CountStatistics(ctx, Query{
		AccountID: accountID, ChannelID: n.ChannelID, Windows: []Window{{n.Since, s.clock.Now().Truncate(Slot).Add(Slot)}}, Metrics: []Metric{Tried},
		By: Dimensions{Code: true},
	}, func(c Count) error {
		kind, code, _ := strings.Cut(c.Code, ":")
		codes[cmp.Or(code, kind)] += c.N
		return nil
	}); err != nil {
		return err
	}
	for _, code := range slices.Sorted(maps.Keys(codes)) {
		if codes[code] > codes[n.Code] {
			n.Code = code
		}
	}
	what := "rejections"
	if of.failed > of.rejected {
		what = "failures"
	}
	n.Words = fmt.Sprintf("%s %.0f %% at channel %s since %s (%.0f %% before)", what, 100*n.Rate, n.Channel, n.Since.Format("15:04"), 100*n.Before)
	if n.Code != "" {
		n.Words += ": code " + n.Code
	}
	return nil
}
