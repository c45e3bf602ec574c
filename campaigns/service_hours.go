package campaigns

import (
	"context"
	"slices"
	"strings"
	"time"

	"carillon/campaigns/hours"
	"carillon/internal/fault"
	"carillon/providers"
)

// quieting is what a channel and its account say of hours.
func (s *Service) quieting(ctx context.Context, channel providers.Channel) (Quieting, error) {
	settings, err := s.store.GetSettings(ctx, channel.AccountID)
	return Quieting{Channel: channel.QuietHours, Account: settings.QuietHours}, err
}

// checkHours refuses hours of a campaign that leave no time to send at, and names those
// that exclude them.
func (s *Service) checkHours(ctx context.Context, c Campaign, channel providers.Channel) error {
	if c.Schedule.Hours == nil {
		return nil
	}
	quiet, err := s.quieting(ctx, channel)
	if err != nil {
		return err
	}
	if _, err := hours.Compile("schedule.hours", quiet.All(c.Schedule.Hours)...); err == nil {
		return nil
	}
	var besides []string
	for _, q := range []struct {
		whose string
		quiet *providers.QuietHours
	}{{"its channel's", quiet.Channel}, {"the account's", quiet.Account}} {
		if q.quiet != nil {
			besides = append(besides, q.whose+" quiet hours "+q.quiet.From+"-"+q.quiet.To)
		}
	}
	return fault.InvalidField("schedule.hours", c.Schedule.Hours.From+"-"+c.Schedule.Hours.To, "leave no time to send at, together with %s: change one of them",
		strings.Join(besides, " and "))
}

// Wave is when the recipients of some zones have their turn.
type Wave struct {
	At time.Time
	// Zones are IANA names, in order, the campaign's own for who has none; ZoneCount is
	// how many there are, of which Zones are the first.
	Zones      []string
	ZoneCount  int
	Recipients int64
	// Waits says that it is later than was meant, because of hours.
	Waits bool
}

const (
	// mostWaves bounds what a preview lists; there are about forty offsets on earth.
	mostWaves = 100
	// mostZones bounds the zones of one wave that are named.
	mostZones = 20
)

// waves says when the recipients of each zone have their turn, if a campaign was fired
// when it would be; and how many of them are outside of their hours then.
func (f *Forecast) waves(t Timing, zones map[string]int64) {
	at := map[time.Time]*Wave{}
	for name, n := range zones {
		home := t.Zone(name)
		turn := t.Turn(home)
		w := at[turn.Due]
		if w == nil {
			w = &Wave{At: turn.Due}
			at[turn.Due] = w
		}
		if !slices.Contains(w.Zones, home.String()) {
			w.Zones = append(w.Zones, home.String())
		}
		w.Recipients += n
		if turn.Reason != "" {
			w.Waits = true
			f.OutsideHours += n
		}
	}
	for _, w := range at {
		slices.Sort(w.Zones)
		w.ZoneCount = len(w.Zones)
		w.Zones = w.Zones[:min(len(w.Zones), mostZones)]
		f.Waves = append(f.Waves, *w)
	}
	slices.SortFunc(f.Waves, func(a, b Wave) int { return a.At.Compare(b.At) })
	f.Waves = f.Waves[:min(len(f.Waves), mostWaves)]
}

// forecastWaves adds the waves to a forecast of a campaign in which not everybody has
// their turn at once.
func (s *Service) forecastWaves(ctx context.Context, c Campaign, channel providers.Channel, f *Forecast) error {
	quiet, err := s.quieting(ctx, channel)
	if err != nil {
		return err
	}
	instant := s.clock.Now()
	if at, ok, err := c.Schedule.Instant(channel.Timezone); err == nil && ok && at.After(instant) {
		instant = c.Schedule.Fires(at, channel.Timezone)
	}
	t := NewTiming(c.Schedule, instant, channel.Timezone, quiet)
	if t.Plain() || !t.ByRecipientTime() && !t.rule.Bounded() {
		return nil
	}
	zones, err := s.store.ZonesOfAudience(ctx, channel, c.Audience, c.CategoryID)
	if err == nil {
		f.waves(t, zones)
	}
	return err
}
