package calendar

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"carillon/campaigns"
	"carillon/campaigns/simulate"
	"carillon/internal/fault"
	"carillon/internal/words"
	"carillon/providers"
	"carillon/targeting"
)

// Bounds of a calendar.
const (
	mostCampaigns = 100
	// mostPairs bounds the pairs of audiences that are compared, each a query over both.
	mostPairs = 20
	// longLoad is from when on a channel's load is told, if it is of one run alone.
	longLoad = time.Hour
)

// Calendar is what goes out over the channels of an account.
type Calendar struct {
	simulate.Result
	From  time.Time
	Zone  *time.Location
	Names map[int64]string // of campaigns
	// Channels are those that something goes over.
	Channels map[int64]providers.Channel
	// Overlaps are the campaigns that go to the same people on one day, in the order of
	// days.
	Overlaps []Overlap
	// Loads are the times at which more is to go than a channel takes at once.
	Loads []Load
	// Notices say what is not in it.
	Notices []string
}

// Overlap says that two campaigns go to the same people on a day.
type Overlap struct {
	Date       string
	One, Other int64
	// Shared is how many people get both.
	Shared int64
}

// Load is a load of a channel in words.
type Load struct {
	simulate.Load
	Words string
}

// Calendar says what goes out of what is scheduled, recurs or is under way: audiences
// are counted now.
func (s *Service) Calendar(ctx context.Context, accountID int64, ask Ask) (cal Calendar, err error) {
	if cal.Zone, err = zoneOf(ask.Zone); err != nil {
		return cal, err
	}
	known, err := s.newSurvey(ctx, accountID)
	if err != nil {
		return cal, err
	}
	if known.span, err = ask.span(known.now, cal.Zone, "to"); err != nil {
		return cal, err
	}
	live, err := known.live(ctx, &cal)
	if err != nil {
		return cal, err
	}
	cal.From, cal.Names = known.from, map[int64]string{}
	in := simulate.Input{Begin: known.now, From: known.from, Until: known.until, Zone: cal.Zone}
	recipients := map[int64]Recipients{}
	for _, c := range live {
		played, channel, err := known.campaign(ctx, c)
		if fault.Is(err, fault.Invalid) || fault.Is(err, fault.Conflict) || fault.Is(err, fault.NotFound) {
			cal.Notices = append(cal.Notices, fmt.Sprintf("campaign %d (%s) is left out: %v", c.ID, c.Name, err))
			continue
		}
		if err != nil {
			return cal, err
		}
		in.Campaigns = append(in.Campaigns, played)
		cal.Names[c.ID] = c.Name
		c.Audience.Of = targeting.Owner{CampaignID: c.ID}
		recipients[c.ID] = Recipients{Channel: channel, Audience: c.Audience, Category: c.CategoryID}
	}
	in.Channels, cal.Channels = known.channelList(), known.channels
	for _, channel := range in.Channels {
		if len(channel.Limits.Mailboxes) > 0 {
			cal.Notices = append(cal.Notices, fmt.Sprintf("limits.mailboxes of channel %q are not in it", cal.Channels[channel.ID].Name))
		}
	}
	cal.Result = simulate.Play(in)
	cal.sayLoads()
	return cal, s.overlaps(ctx, recipients, &cal)
}

// live are the campaigns of which something is to come.
func (v *survey) live(ctx context.Context, cal *Calendar) (list []campaigns.Campaign, err error) {
	for _, status := range []campaigns.Status{campaigns.Scheduled, campaigns.Running, campaigns.Paused} {
		some, err := v.store.ListCampaigns(ctx, campaigns.Filter{AccountID: v.accountID, Status: status, Limit: mostCampaigns + 1})
		if err != nil {
			return nil, err
		}
		for _, c := range some {
			if !c.IsFlow { // when its messages go is up to its people
				list = append(list, c)
			}
		}
	}
	if len(list) > mostCampaigns {
		list = list[:mostCampaigns]
		cal.Notices = append(cal.Notices, fmt.Sprintf("there are more than %d campaigns of which something is to come: the others are left out", mostCampaigns))
	}
	return list, nil
}

// sayLoads keeps the loads that somebody has to know of: long ones, and those of
// several runs.
func (cal *Calendar) sayLoads() {
	for _, l := range cal.Result.Loads {
		took := l.Until.Sub(l.From)
		if took < longLoad && l.Runs < 2 {
			continue
		}
		text := fmt.Sprintf("%s needs %s", l.From.In(cal.Zone).Format("Monday 2006-01-02 15:04"), needs(took))
		if l.Open {
			text = fmt.Sprintf("%s needs more than %s", l.From.In(cal.Zone).Format("Monday 2006-01-02 15:04"), needs(took))
		}
		text += fmt.Sprintf(" on %s: %s of %s (%s)", cal.Channels[l.ChannelID].Name, words.Count(l.Messages, "message"), words.Count(int64(l.Runs), "run"), l.By)
		cal.Loads = append(cal.Loads, Load{l, text})
	}
}

// needs is a duration such as "4 h" or "1 h 30 min".
func needs(d time.Duration) string {
	var parts []string
	d = d.Round(time.Second)
	if d >= time.Minute {
		d = d.Round(time.Minute)
	}
	for _, unit := range []struct {
		size time.Duration
		name string
	}{{24 * time.Hour, "d"}, {time.Hour, "h"}, {time.Minute, "min"}, {time.Second, "s"}} {
		if d >= unit.size {
			parts = append(parts, fmt.Sprintf("%d %s", d/unit.size, unit.name))
			d %= unit.size
		}
	}
	return strings.Join(parts, " ")
}

// overlaps counts whom campaigns share that go out on one day.
func (s *Service) overlaps(ctx context.Context, recipients map[int64]Recipients, cal *Calendar) error {
	days := map[string][]int64{}
	var dates []string
	for _, r := range cal.Runs {
		if r.Starts.IsZero() || r.Recipients == 0 {
			continue
		}
		began := r.Starts
		if began.Before(cal.From) {
			began = cal.From
		}
		date := began.In(cal.Zone).Format(time.DateOnly)
		if days[date] == nil {
			dates = append(dates, date)
		}
		if !slices.Contains(days[date], r.CampaignID) {
			days[date] = append(days[date], r.CampaignID)
		}
	}
	slices.Sort(dates)
	counted, left := map[[2]int64]int64{}, map[[2]int64]bool{}
	for _, date := range dates {
		ids := days[date]
		slices.Sort(ids)
		for i, one := range ids {
			for _, other := range ids[i+1:] {
				pair := [2]int64{one, other}
				shared, known := counted[pair]
				if !known && len(counted) >= mostPairs {
					left[pair] = true
					continue
				}
				if !known {
					var err error
					if shared, err = s.store.SharedRecipients(ctx, recipients[one], recipients[other]); err != nil {
						return err
					}
					counted[pair] = shared
				}
				if shared > 0 {
					cal.Overlaps = append(cal.Overlaps, Overlap{Date: date, One: one, Other: other, Shared: shared})
				}
			}
		}
	}
	if len(left) > 0 {
		more := words.Count(int64(len(left)), "further pair")
		cal.Notices = append(cal.Notices, fmt.Sprintf("whom %s of campaigns share was not counted: take a shorter span", more))
	}
	return nil
}
