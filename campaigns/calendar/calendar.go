// Package calendar owns what is said of times to come: what a campaign would do if it
// went on as it is, and what goes out over an account's channels when. It asks how
// things stand and has campaigns/simulate play them, and changes nothing. It must not
// know how anything is kept, or sent.
package calendar

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"time"

	"carillon/campaigns"
	"carillon/campaigns/schedule"
	"carillon/campaigns/simulate"
	"carillon/contacts"
	"carillon/internal/clock"
	"carillon/internal/fault"
	"carillon/providers"
	"carillon/targeting"
)

// Campaigns looks campaigns and their runs up.
type Campaigns interface {
	// GetCampaign is NotFound if the account has no such campaign.
	GetCampaign(ctx context.Context, accountID, id int64) (campaigns.Campaign, error)
	// ListCampaigns lists those of a filter, newest first.
	ListCampaigns(ctx context.Context, f campaigns.Filter) ([]campaigns.Campaign, error)
	// ListRuns lists those before the id before, newest first; 0 begins with the newest.
	ListRuns(ctx context.Context, accountID, campaignID, before int64, limit int) ([]campaigns.Run, error)
	// RunsAt are the campaign's runs of instants within two, both included, in their
	// order.
	RunsAt(ctx context.Context, accountID, campaignID int64, from, to time.Time) ([]campaigns.Run, error)
}

// Audiences counts whom an audience names. Its errors are Invalid if a rule can't be
// read, and a Conflict if that is a targeting list's.
type Audiences interface {
	CheckAudience(ctx context.Context, accountID int64, a *targeting.Audience) ([]fault.Field, error)
	PreviewAudience(ctx context.Context, channel providers.Channel, audience targeting.Audience, category int64) (campaigns.Preview, error)
	ZonesOfAudience(ctx context.Context, channel providers.Channel, audience targeting.Audience, category int64) (map[string]int64, error)
	// SharedRecipients counts those who would be sent to by both.
	SharedRecipients(ctx context.Context, one, other Recipients) (int64, error)
}

// Store is what is looked up.
type Store interface {
	Campaigns
	Audiences
	// GetChannel is NotFound if the account has no such channel.
	GetChannel(ctx context.Context, accountID, id int64) (providers.Channel, error)
	// GetSettings are the account's; zero but for the account if it has set none.
	GetSettings(ctx context.Context, accountID int64) (campaigns.Settings, error)
	// HolidaysByID are the days of those of the calendars that the account has.
	HolidaysByID(ctx context.Context, accountID int64, ids []int64) (map[int64]schedule.Holidays, error)
	// ListCaps lists those behind the id after.
	ListCaps(ctx context.Context, accountID, after int64, limit int) ([]contacts.FrequencyCap, error)
}

// Recipients are those of an audience who are sent to over a channel by a campaign of a
// category, 0 for none.
type Recipients struct {
	Channel  providers.Channel
	Audience targeting.Audience
	Category int64
}

// Service says what is to come. It is safe for concurrent use.
type Service struct {
	store Store
	clock clock.Clock
}

// NewService makes the service.
func NewService(store Store, c clock.Clock) *Service { return &Service{store: store, clock: c} }

// Ask is what is asked for. Its times are a date, a wall-clock time in the zone, or an
// RFC 3339 time.
type Ask struct {
	// From is now, and Until a week later, if it is empty.
	From, Until string
	// Zone is the IANA name of where days are counted; empty for the campaign's, or UTC.
	Zone string
}

// span is a time that is played.
type span struct{ from, until time.Time }

// Simulation is what a campaign would do.
type Simulation struct {
	simulate.Result
	Campaign campaigns.Campaign
	Channel  providers.Channel
	From     time.Time
	Zone     *time.Location
	// Notices say what is not in it.
	Notices []string
}

// slack is how long a request may have been under way since its now.
const slack = time.Minute

// span is the time that is asked for; until names the field of its end.
func (a Ask) span(now time.Time, in *time.Location, until string) (s span, err error) {
	if s.from, err = timeOf("from", a.From, in, now); err != nil {
		return s, err
	}
	if s.from.Before(now) && now.Sub(s.from) < slack {
		s.from = now
	}
	if s.until, err = timeOf(until, a.Until, in, s.from.Add(7*24*time.Hour)); err != nil {
		return s, err
	}
	switch {
	case s.from.Before(now):
		return s, fault.InvalidField("from", a.From, "is over: leave it out for now, or set a time to come; what was is in GET /v1/campaigns/{id}/runs")
	case s.from.Sub(now) > simulate.LongestSpan && until == "to":
		return s, fault.InvalidField("from", a.From, "is more than a year ahead: it is %s", now.Format(time.RFC3339))
	case !s.until.After(s.from):
		return s, fault.InvalidField(until, a.Until, "must be after from (%s)", s.from.Format(time.RFC3339))
	case s.until.Sub(s.from) > simulate.LongestSpan:
		return s, fault.InvalidField(until, a.Until, "must be at most 366 days after from: take a shorter span")
	}
	return s, nil
}

// timeOf reads a time of a field; none is otherwise.
func timeOf(field, text string, in *time.Location, otherwise time.Time) (time.Time, error) {
	if text == "" {
		return otherwise, nil
	}
	wall := text
	if _, err := time.Parse(time.DateOnly, text); err == nil {
		wall = text + "T00:00"
	}
	at, ok, err := (campaigns.Schedule{At: wall}).Instant(in.String())
	if err != nil || !ok {
		return at, fault.InvalidField(field, text, "not a time: write 2026-12-01, 2026-12-01T09:00 (in the zone) or 2026-12-01T09:00:00+01:00")
	}
	return at, nil
}

// zoneOf is where days are counted.
func zoneOf(names ...string) (*time.Location, error) {
	for _, name := range names {
		if name == "" {
			continue
		}
		plan, err := (schedule.Schedule{Every: "1h", Timezone: name}).Compile(schedule.Options{})
		if err != nil {
			return nil, fault.InvalidField("timezone", name, "not an IANA time zone: write a name such as Europe/Berlin")
		}
		return plan.Zone(), nil
	}
	return time.UTC, nil
}

// Simulate plays a campaign on a clock of its own: one that was started from how it
// stands, and a draft as if it were started at the span's beginning.
func (s *Service) Simulate(ctx context.Context, accountID, id int64, ask Ask) (sim Simulation, err error) {
	if sim.Campaign, err = s.store.GetCampaign(ctx, accountID, id); err != nil {
		return sim, err
	}
	c := sim.Campaign
	if c.IsFlow {
		return sim, fault.New(fault.Conflict, "campaign %d (%s) is a flow: POST /v1/flows/%d/simulate plays it", id, c.Name, id)
	}
	switch c.Status {
	case campaigns.Finished, campaigns.Canceled, campaigns.Failed:
		return sim, fault.New(fault.Conflict, "campaign %d is %s and does nothing any more: duplicate it to simulate it again", id, c.Status)
	}
	known, err := s.newSurvey(ctx, accountID)
	if err != nil {
		return sim, err
	}
	if sim.Channel, err = known.channel(ctx, c.ChannelID); err != nil {
		return sim, err
	}
	if sim.Zone, err = zoneOf(ask.Zone, c.Schedule.Timezone, sim.Channel.Timezone); err != nil {
		return sim, err
	}
	if known.span, err = ask.span(known.now, sim.Zone, "until"); err != nil {
		return sim, err
	}
	begin := known.now
	if c.Status == campaigns.Draft {
		begin = known.from
	} else if known.from.Sub(begin) > simulate.LongestSpan {
		return sim, fault.InvalidField("from", ask.From, "is more than a year ahead, and what campaign %d does until then would have to be played, too", id)
	}
	missing, err := s.store.CheckAudience(ctx, accountID, &c.Audience)
	if err == nil {
		err = fault.InvalidFields(missing)
	}
	if err != nil {
		return sim, err
	}
	in, channel, err := known.campaign(ctx, c)
	if err != nil {
		return sim, err
	}
	sim.From, sim.Notices = known.from, notices(c, channel, in)
	sim.Result = simulate.Play(simulate.Input{
		Begin: begin, From: known.from, Until: known.until, Zone: sim.Zone, Channels: known.channelList(), Campaigns: []simulate.Campaign{in},
	})
	return sim, nil
}

// notices say what a simulation of a campaign can't know.
func notices(c campaigns.Campaign, channel providers.Channel, in simulate.Campaign) (list []string) {
	say := func(when bool, format string, args ...any) {
		if when {
			list = append(list, fmt.Sprintf(format, args...))
		}
	}
	say(c.Status == campaigns.Paused, "the campaign is paused, and nothing of it goes out before it is resumed")
	say(channel.Status != providers.ChannelActive, "channel %q is %s, and nothing goes out over it before it is resumed", channel.Name, channel.Status)
	say(channel.Limits.PerSecond == 0 && c.Throttle.PerSecond == 0, "no rate is set: how long a run takes is up to the provider, and is not in it")
	say(len(channel.Limits.Mailboxes) > 0,
		"limits.mailboxes of channel %q are not in it: GET /v1/campaigns/%d/preview says how long the campaign takes at least", channel.Name, c.ID)
	say(c.Audience.Exclude != nil && len(c.Audience.Exclude.Campaigns) > 0,
		"the audience leaves out who was written to by campaigns: later runs may go to fewer people")
	say(in.Received != nil && !in.Received.Ever, "whom runs before now have reached is left out all the time, also when that is long ago")
	say(len(in.Caps) > 0, "frequency caps count what the simulation itself sends, and not what people were sent before or by others")
	return list
}

// survey is how an account stands, read once for an answer.
type survey struct {
	store     Store
	accountID int64
	now       time.Time
	span
	settings  campaigns.Settings
	caps      []contacts.FrequencyCap
	channels  map[int64]providers.Channel
	audiences map[string]simulate.Audience
}

func (s *Service) newSurvey(ctx context.Context, accountID int64) (v *survey, err error) {
	v = &survey{
		store: s.store, accountID: accountID, now: s.clock.Now().Truncate(time.Millisecond),
		channels: map[int64]providers.Channel{}, audiences: map[string]simulate.Audience{},
	}
	if v.settings, err = s.store.GetSettings(ctx, accountID); err != nil {
		return nil, err
	}
	const mostCaps = 1000
	v.caps, err = s.store.ListCaps(ctx, accountID, 0, mostCaps)
	return v, err
}

func (v *survey) channel(ctx context.Context, id int64) (providers.Channel, error) {
	if c, ok := v.channels[id]; ok {
		return c, nil
	}
	c, err := v.store.GetChannel(ctx, v.accountID, id)
	if err == nil {
		v.channels[id] = c
	}
	return c, err
}

// channelList are the channels that were asked for.
func (v *survey) channelList() (list []simulate.Channel) {
	for id, c := range v.channels {
		list = append(list, simulate.Channel{ID: id, Limits: c.Limits, Warmth: c.Warmth, Stopped: c.Status != providers.ChannelActive})
	}
	slices.SortFunc(list, func(a, b simulate.Channel) int { return cmp.Compare(a.ID, b.ID) })
	return list
}

// audience counts whom a campaign goes to, once for all that have the same.
func (v *survey) audience(ctx context.Context, r Recipients) (a simulate.Audience, err error) {
	text, err := json.Marshal(r.Audience)
	if err != nil {
		return a, fmt.Errorf("write audience: %w", err)
	}
	key := fmt.Sprint(r.Channel.Address, " ", r.Category, " ", string(text))
	if r.Audience.Exclude != nil && r.Audience.Exclude.Received != nil || r.Audience.Of.Split != nil {
		key += fmt.Sprint(" ", r.Audience.Of.CampaignID) // no other has had the same runs, or holds the same people out
	}
	if a, ok := v.audiences[key]; ok {
		return a, nil
	}
	preview, err := v.store.PreviewAudience(ctx, r.Channel, r.Audience, r.Category)
	if err != nil {
		return a, err
	}
	a.Skipped = preview.Skipped
	if a.Zones, err = v.store.ZonesOfAudience(ctx, r.Channel, r.Audience, r.Category); err == nil {
		v.audiences[key] = a
	}
	return a, err
}

// campaign is what counts of a campaign.
func (v *survey) campaign(ctx context.Context, c campaigns.Campaign) (in simulate.Campaign, channel providers.Channel, err error) {
	if channel, err = v.channel(ctx, c.ChannelID); err != nil {
		return in, channel, err
	}
	// Who still waits in its runs is left out as it is played.
	c.Audience.Of = targeting.Owner{CampaignID: c.ID, Split: c.Audience.Of.Split}
	in = simulate.Campaign{
		ID: c.ID, ChannelID: c.ChannelID, Schedule: c.Schedule, Stopped: c.Status == campaigns.Paused, Throttle: c.Throttle, Weight: c.Weight,
		Zone: channel.Timezone, Quiet: campaigns.Quieting{Channel: channel.QuietHours, Account: v.settings.QuietHours},
	}
	if c.Experiment.Waits() {
		in.Waiting = 1 - float64(c.Experiment.TestShare)/100
		if looks := c.Experiment.Winner.Looks(); len(looks) > 0 {
			in.Told = looks[0]
		}
	}
	if in.Audience, err = v.audience(ctx, Recipients{Channel: channel, Audience: c.Audience, Category: c.CategoryID}); err != nil {
		return in, channel, err
	}
	if c.Audience.Exclude != nil {
		in.Received = c.Audience.Exclude.Received
	}
	for _, rule := range v.caps {
		if rule.CategoryID == 0 || rule.CategoryID == c.CategoryID {
			in.Caps = append(in.Caps, rule)
		}
	}
	if err := v.times(ctx, c, &in); err != nil || c.Status == campaigns.Draft {
		return in, channel, err
	}
	return in, channel, v.runs(ctx, c, &in)
}

// times says when a campaign fires.
func (v *survey) times(ctx context.Context, c campaigns.Campaign, in *simulate.Campaign) (err error) {
	channel := v.channels[c.ChannelID]
	switch {
	case c.Schedule.Recurs():
		o := schedule.Options{Timezone: channel.Timezone}
		if e := c.Schedule.Exclude; e != nil && len(e.Holidays) > 0 {
			if o.Holidays, err = v.store.HolidaysByID(ctx, c.AccountID, e.Holidays); err != nil {
				return err
			}
		}
		in.Timetable, err = c.Schedule.Timetable(o)
		in.Standing = campaigns.Standing{CampaignID: c.ID, Behind: c.Behind, Fired: c.Fired, Pause: c.SchedulePause}
		if c.Status == campaigns.Paused {
			in.Standing.Pause = c.Pause
		}
		if c.Status == campaigns.Draft {
			in.Standing.Behind = v.from.Add(-time.Nanosecond)
		}
	case c.Status == campaigns.Draft:
		at, ok, wrong := c.Schedule.Instant(channel.Timezone)
		if err = wrong; !ok {
			in.At = v.from
		} else if at = c.Schedule.Fires(at, channel.Timezone); !at.Before(v.from) {
			in.At = at
		}
	case c.NextFireAt != nil && c.Status != campaigns.Paused:
		in.At = *c.NextFireAt
	}
	return err
}

// runs adds the runs that are not over, and what was decided of instants to come.
func (v *survey) runs(ctx context.Context, c campaigns.Campaign, in *simulate.Campaign) error {
	// Those that are not over are the newest, and some hundred at most.
	const newest = 200
	list, err := v.store.ListRuns(ctx, c.AccountID, c.ID, 0, newest)
	if err != nil {
		return err
	}
	seen := map[int64]bool{}
	for _, r := range list {
		if r.FinishedAt == nil {
			in.Runs, seen[r.ID] = append(in.Runs, r), true
		}
	}
	if !c.Schedule.Recurs() {
		return nil
	}
	ahead, err := v.store.RunsAt(ctx, c.AccountID, c.ID, c.Behind.Add(time.Millisecond), v.until)
	in.Standing.Decided = map[int64]bool{}
	for _, r := range ahead {
		in.Standing.Decided[r.Instant.UnixMilli()] = true
		if !seen[r.ID] && r.Instant.After(v.now) {
			in.Runs = append(in.Runs, r)
		}
	}
	return err
}
