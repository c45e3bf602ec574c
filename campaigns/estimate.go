package campaigns

import (
	"context"
	"time"

	"carillon/internal/fault"
	"carillon/providers"
)

const (
	day = 24 * time.Hour
	// longest is the most that is estimated.
	longest = float64(100 * 365 * day)
)

// bounds are what a run's pace is bounded by.
type bounds struct {
	limits   providers.Limits
	warmth   *providers.Warmth // of limits.warm_up; nil without one
	throttle Throttle
	// perSecond and perDay are the account's over all its channels; 0 for none.
	perSecond, perDay int64
	// gone is how many messages of the run went before.
	gone int64
}

func boundsOf(c providers.Channel, t Throttle) bounds {
	return bounds{limits: c.Limits, warmth: c.Warmth, throttle: t, perSecond: c.AccountPerSecond, perDay: c.AccountPerDay}
}

// estimate is the least time that n messages take, and the limit that decides.
func (b bounds) estimate(n int64) (d time.Duration, limitedBy string) {
	limits, throttle := b.limits, b.throttle
	consider := func(name string, seconds float64) {
		if took := time.Duration(min(seconds*float64(time.Second), longest)); took > d || limitedBy == "" {
			d, limitedBy = took, name
		}
	}
	if limits.PerSecond > 0 {
		consider("channel.per_second", float64(n)/limits.PerSecond)
	}
	if b.perSecond > 0 {
		consider("account.per_second", float64(n)/float64(b.perSecond))
	}
	if b.perDay > 0 && n > b.perDay {
		consider("account.per_day", float64((n-1)/b.perDay)*day.Seconds())
	}
	if throttle.PerSecond > 0 {
		consider("campaign.per_second", float64(n)/throttle.PerSecond)
	}
	if took := throttle.Batch.takes(b.gone, n); took > 0 {
		consider("campaign.batch", took.Seconds())
	}
	if b.warmth != nil {
		if days := limits.WarmUp.Takes(*b.warmth, n); days > 0 {
			consider("channel.warm_up", float64(days)*day.Seconds())
		}
	}
	if perDay := int64(limits.RecipientsPerDay); perDay > 0 && n > perDay {
		// The first day's share goes at once; the last share waits for as many
		// days as there are full shares before it.
		consider("channel.recipients_per_day", float64((n-1)/perDay)*day.Seconds())
	}
	return d, limitedBy
}

// Pace is how fast a run is and when it will be done.
type Pace struct {
	// PerSecond is the average of what the provider was asked since the run
	// began; 0 as long as it was asked nothing.
	PerSecond float64
	// End is about when nothing of the run waits any more: at the average so
	// far, and no sooner than the limits allow. It is nil while the run is not
	// being sent or not planned to its end, while it stands still for who knows how
	// long, and where nothing is known yet: no limit is set and the provider was asked
	// nothing.
	End *time.Time
	// Still says why nothing of the run goes out.
	Still Standstill
}

// Pace says how fast a run is and when it will be done.
func (s *Service) Pace(ctx context.Context, r Run) (Pace, error) {
	now := s.clock.Now()
	if !r.waits() && r.Status != RunPaused {
		return Pace{PerSecond: r.perSecond(now)}, nil
	}
	channel, err := s.store.GetChannel(ctx, r.AccountID, r.ChannelID)
	if fault.Is(err, fault.NotFound) {
		return Pace{PerSecond: r.perSecond(now)}, nil // deleted meanwhile
	}
	if err != nil {
		return Pace{}, err
	}
	c, err := s.store.GetCampaign(ctx, r.AccountID, r.CampaignID)
	if err != nil {
		return Pace{}, err
	}
	around, err := newSurvey(ctx, s.store, now)
	if err != nil {
		return Pace{}, err
	}
	still, err := around.run(ctx, r, c.UpdatedAt, channel)
	if err != nil {
		return Pace{}, err
	}
	last, err := around.lastDue(ctx, r)
	return r.pace(still, last, boundsOf(channel, c.Throttle), now), err
}

// endsByItself reports whether the run goes on to its end unless somebody
// interferes.
func (r Run) endsByItself() bool {
	return r.Status == RunSending && r.PlanDone && r.Counts.Active() > 0
}

// pace reckons the pace; last is when the last message that waits is due.
func (r Run) pace(still Standstill, last time.Time, b bounds, now time.Time) Pace {
	p := Pace{PerSecond: r.perSecond(now), Still: still}
	switch later := still.Reason == StillDueLater || still.Reason == StillUndecided && !still.Until.IsZero(); {
	case !r.endsByItself() || still.Stands() && !later:
		return p // nobody knows when it goes on
	case r.Undecided && r.LookAt.IsZero():
		return p // nor when a person chooses the winner
	}
	if left, known := r.remaining(p.PerSecond, b, now); known {
		from := now
		if still.Stands() && still.Until.After(now) {
			from = still.Until // nothing goes before
		}
		if r.Undecided && r.LookAt.After(from) {
			from = r.LookAt // nor do those who wait for the winner
		}
		end := from.Add(left)
		if end.Before(last) {
			end = last // who lives where it is not time yet
		}
		end = end.Truncate(time.Second)
		p.End = &end
	}
	return p
}

func (r Run) perSecond(now time.Time) float64 {
	until := now
	if r.FinishedAt != nil {
		until = *r.FinishedAt
	}
	if took := until.Sub(r.Began()).Seconds(); took > 0 {
		return float64(r.Counts.Asked()) / took
	}
	return 0
}

// remaining is how long the messages that still wait take from now on.
func (r Run) remaining(perSecond float64, b bounds, now time.Time) (left time.Duration, known bool) {
	waiting := r.Counts.Active()
	b.gone = r.Counts.Asked()
	left, limitedBy := b.estimate(waiting)
	known = limitedBy != ""
	if w := b.warmth; w != nil && !r.Began().Before(w.Since) && !w.Since.IsZero() {
		// What the run has sent today uses the day's share up, too.
		whole := time.Duration(b.limits.WarmUp.Takes(*w, r.Counts.Asked()+waiting)) * day
		left = max(left, w.Since.Add(whole).Sub(now))
	}
	if b.limits.RecipientsPerDay > 0 || b.perDay > 0 {
		// What was sent lately uses the day's share up: the run as a whole takes its
		// days from its beginning. A day from now nothing of that counts any more.
		perDay := bounds{limits: providers.Limits{RecipientsPerDay: b.limits.RecipientsPerDay}, perDay: b.perDay}
		whole, _ := perDay.estimate(r.Counts.Asked() + waiting)
		rest, _ := perDay.estimate(waiting)
		left = max(left, min(r.Began().Add(whole).Sub(now), rest+day))
	}
	if perSecond > 0 {
		left, known = max(left, time.Duration(min(float64(waiting)/perSecond*float64(time.Second), longest))), true
	}
	return left, known
}
