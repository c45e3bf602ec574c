// Package simulate plays the schedules of campaigns on a clock of its own: which
// instants fire, how many messages go out when, what holds them up, and when each run
// ends. What becomes of an instant and when somebody has their turn is asked of the
// rules that the scheduler asks, campaigns.Timetable and campaigns.Timing; what a
// channel takes is reckoned as a flow under its limits. It must not know the store, the
// clock or what anything is called, and does nothing but reckon.
package simulate

import (
	"cmp"
	"fmt"
	"slices"
	"time"

	"carillon/campaigns"
	"carillon/contacts"
	"carillon/internal/words"
	"carillon/providers"
	"carillon/targeting"
)

// Bounds of what is played.
const (
	// MostRuns bounds the instants of an answer.
	MostRuns = 1000
	// LongestSpan bounds the time that is played.
	LongestSpan = 366 * day
	// runOut is for how long, behind the span, what has begun is played to its end.
	runOut = 31 * day
	// mostWork bounds the looks at what waits, which take some 15 ns each.
	mostWork = 50_000_000

	day = 24 * time.Hour
)

// The shares of their rates for which slots are given out to channels and to campaigns
// (docs/performance.md): a run of n messages takes so much longer than n/rate. app's
// tests hold them to the limiter's own.
const (
	ChannelShare  = 0.985
	CampaignShare = 0.965
)

// What may hold messages up, besides the reasons of messages.
const (
	ByChannelRate  = "channel.per_second"
	ByCampaignRate = "campaign.per_second"
	ByBatch        = "campaign.batch"
	ByRecipients   = "channel.recipients_per_day"
	ByChannel      = "channel_paused"
	ByPause        = "paused"
)

// CanceledForNext is the reason of a run that gave way to the next one.
const CanceledForNext = "canceled for the next run"

// Input is what is played.
type Input struct {
	// Begin is when the simulation begins, From from when on it is told of, and Until
	// the last time at which an instant may come.
	Begin, From, Until time.Time
	// Zone is where the days are counted.
	Zone      *time.Location
	Channels  []Channel
	Campaigns []Campaign
}

// Channel is what counts of a channel.
type Channel struct {
	ID     int64
	Limits providers.Limits
	// Warmth is where limits.warm_up stands; nil without one.
	Warmth *providers.Warmth
	// Stopped says that nothing goes out over it, as of a paused one.
	Stopped bool
}

// Campaign is what counts of a campaign.
type Campaign struct {
	ID, ChannelID int64
	Schedule      campaigns.Schedule
	// Timetable is that of a campaign that recurs, with where it stands; nil for one
	// that fires once, at At, or has fired already if that is zero.
	Timetable *campaigns.Timetable
	Standing  campaigns.Standing
	At        time.Time
	// Stopped says that the messages of its runs do not go out: it is paused.
	Stopped bool
	// Throttle and Weight bound its share of the channel.
	Throttle campaigns.Throttle
	Weight   int
	// Zone stands in for a zone that the schedule does not name.
	Zone     string
	Quiet    campaigns.Quieting
	Audience Audience
	// Waiting is the share of its recipients who wait for the variant that wins, from 0 to
	// 1, and Told how long after a run's start that is told; 0 if nobody knows when.
	Waiting float64
	Told    time.Duration
	// Received leaves out whom earlier runs have reached; nil for nobody.
	Received *targeting.Received
	// Caps are the frequency caps that count its messages.
	Caps []contacts.FrequencyCap
	// Runs are those that are not over, and what was decided of instants to come.
	Runs []campaigns.Run
}

// Audience is whom a run goes to; it is taken to stay the same.
type Audience struct {
	// Zones counts those who are sent to by their time zones, as they are kept.
	Zones map[string]int64
	// Skipped counts the others by reason.
	Skipped map[string]int64
}

// Reachable is how many are sent to.
func (a Audience) Reachable() (n int64) {
	for _, in := range a.Zones {
		n += in
	}
	return n
}

// Result is what happens.
type Result struct {
	// Runs are the instants, in order, with what becomes of them.
	Runs []Run
	// Days are those on which something begins or goes out, in order.
	Days []Day
	// Loads are the times at which messages wait for a channel's limits.
	Loads []Load
	// Until is until when instants were played, and Cut why that is not as far as was
	// asked; empty if it is.
	Until time.Time
	Cut   string
}

// Run is an instant, and what becomes of it.
type Run struct {
	CampaignID, ChannelID int64
	Instant               time.Time
	// Status is RunFinished, RunSkipped or RunCanceled; or RunWaiting, RunSending and
	// RunPaused for what is not over when the simulation ends. Reason and Detail are those of runs.
	Status         campaigns.RunStatus
	Reason, Detail string
	// Starts is when it fires, First and Last when the first and the last message go,
	// and Ends when nothing of it waits any more; zero if that does not happen.
	Starts, First, Last, Ends time.Time
	// Recipients is whom it is to be sent to, and Sent how many messages go out.
	Recipients, Sent int64
	// Skipped counts by reason whom it is not sent to.
	Skipped map[string]int64
	// Waves are when its recipients have their turn; none where all have it at once.
	Waves []Wave
	// Held says by what its messages are held up, the longest first.
	Held []Hold
}

// Wave is how many have their turn from a time on.
type Wave struct {
	At         time.Time
	Recipients int64
	// Waits says that it is later than was meant, because of hours.
	Waits bool
}

// Hold is what holds messages up.
type Hold struct {
	// By is a reason of messages, or one of this package.
	By string
	// For is how long it does, and Messages how many at most at a time.
	For      time.Duration
	Messages int64
}

// Day is what happens on a day.
type Day struct {
	// Date is such as 2026-12-01, in the zone of the input.
	Date string
	// Runs begin on it, and Messages go out.
	Runs     int
	Messages int64
}

// Load is a time during which messages wait for limits.
type Load struct {
	ChannelID   int64
	From, Until time.Time
	// Messages went out meanwhile, of so many Runs.
	Messages int64
	Runs     int
	// By is the limit that held most of them for the longest.
	By string
	// Open says that it goes on when the simulation ends.
	Open bool
}

// Play plays campaigns on their channels. It takes milliseconds for a week of one.
func Play(in Input) Result {
	if in.Zone == nil {
		in.Zone = time.UTC
	}
	result := Result{Until: in.Until}
	days := map[string]*dayTotal{}
	for _, channel := range in.Channels {
		l := newLane(in, channel, days)
		l.play()
		result.Runs = append(result.Runs, l.told()...)
		result.Loads = append(result.Loads, l.loads...)
		if l.cut != "" && l.until.Before(result.Until) {
			result.Until, result.Cut = l.until, l.cut
		}
	}
	slices.SortStableFunc(result.Runs, func(a, b Run) int {
		return cmp.Or(a.Instant.Compare(b.Instant), cmp.Compare(a.CampaignID, b.CampaignID))
	})
	if len(result.Runs) > MostRuns {
		result.Runs = result.Runs[:MostRuns]
		result.Until, result.Cut = result.Runs[MostRuns-1].Instant, tooManyRuns()
	}
	slices.SortStableFunc(result.Loads, func(a, b Load) int { return a.From.Compare(b.From) })
	result.Days = inOrder(days)
	return result
}

func tooManyRuns() string {
	return fmt.Sprintf("there are more than %s: take a shorter span for the others", words.Count(MostRuns, "instant"))
}

// dayTotal is a Day that is still counted.
type dayTotal struct {
	runs     int
	messages float64
}

// inOrder makes whole messages of the days' flows, so that they add up.
func inOrder(days map[string]*dayTotal) (list []Day) {
	var flowed float64
	var told int64
	for _, date := range sortedKeys(days) {
		d := days[date]
		flowed += d.messages
		n := whole(flowed) - told
		told += n
		if n > 0 || d.runs > 0 {
			list = append(list, Day{Date: date, Runs: d.runs, Messages: n})
		}
	}
	return list
}
