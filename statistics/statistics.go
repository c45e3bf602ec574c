// Package statistics owns what is counted of that which happened, and how it is asked for:
// the metrics that the store keeps, windows of time in a zone, and the rows that come of
// them. It must not know how counts are kept.
package statistics

import (
	"context"
	"time"

	"carillon/internal/fault"
	"carillon/internal/zone"
)

// Metric is something that is counted. The numbers are stored; they never change their
// meaning. Below ArrivedSoonest a metric is the number of the state of messages.
type Metric int64

// The metrics beside the states of messages. Times to arrive are counted in the slot in
// which the message was sent, like its state; everything else when it happens.
const (
	ArrivedSoonest Metric = 20 // and those that follow: by ArrivedWithin, the last is longer
	Tried          Metric = 30 // a provider's answer that was no success; the code is kind:code
	Opened         Metric = 40 // people, by a tracked message
	Clicked        Metric = 41 // people, whatever the link
	LinkPeople     Metric = 42 // by the link's number, as the two that follow
	LinkClicks     Metric = 43
	LinkMachine    Metric = 44
	Converted      Metric = 45
	Bounced        Metric = 46 // addresses suppressed for what a run's message came to
	Complained     Metric = 47
	Replied        Metric = 50
	OptedOut       Metric = 51
	OptedIn        Metric = 52
	Suppressed     Metric = 53 // by reason
	ContactCreated Metric = 60
	ContactRemoved Metric = 61 // deleted or erased; less those that came back
	ListJoined     Metric = 62 // by the list's id, as the one that follows
	ListLeft       Metric = 63
	FlowEntered    Metric = 70
	FlowEnded      Metric = 71 // by outcome
	FlowAnswered   Metric = 72
)

// ArrivedWithin are the times from sending to a receipt by which messages are counted, the
// shortest first; what took longer is counted apart.
var ArrivedWithin = []time.Duration{
	time.Second, 5 * time.Second, 15 * time.Second, time.Minute, 5 * time.Minute, 15 * time.Minute, time.Hour, 6 * time.Hour, 24 * time.Hour,
}

// Slot is how finely things are counted: days of every zone begin at a quarter of an hour.
const Slot = 15 * time.Minute

// Interval is how long the windows are by which is counted.
type Interval string

// The intervals. A day is one of the zone's clock: of 23 or 25 hours where the clock changes.
const (
	Hour  Interval = "hour"
	Day   Interval = "day"
	Week  Interval = "week" // from Monday
	Month Interval = "month"
	Whole Interval = "all" // one window
)

// Window is a part of the time that is asked for; End is not within.
type Window struct{ Start, End time.Time }

// maxWindows bounds what one request counts: a year of hours.
const maxWindows = 9000

// Windows cuts a time into windows on a zone's clock. The first and the last are shorter
// where the time begins or ends in the middle of one. It is Invalid if there are too many.
func Windows(from, to time.Time, interval Interval, location *time.Location) (list []Window, err error) {
	for start := from; start.Before(to); {
		end := to
		if interval != Whole {
			if next := following(start, interval, location); next.Before(to) {
				end = next
			}
		}
		if len(list) == maxWindows {
			return nil, fault.InvalidField("interval", interval, "from %s to %s there are more than %d: choose a longer interval or a shorter time",
				from.Format(time.DateOnly), to.Format(time.DateOnly), maxWindows)
		}
		list = append(list, Window{start, end})
		start = end
	}
	return list, nil
}

// following is where the window after the one of an instant begins.
func following(at time.Time, interval Interval, location *time.Location) time.Time {
	local := at.In(location)
	y, m, d := local.Date()
	switch interval {
	case Hour:
		// On the zone's clock, and an hour that is there twice is two.
		_, offset := local.Zone()
		into := (at.Unix() + int64(offset)) % 3600
		next := at.Add(time.Duration(3600-into) * time.Second).Truncate(time.Second)
		if _, then := next.In(location).Zone(); then != offset {
			if change, ends := zone.Evenly(at, location); ends && change.After(at) && change.Before(next) {
				return change
			}
		}
		return next
	case Week:
		return Midnight(y, m, d+7-(int(local.Weekday())+6)%7, location)
	case Month:
		return Midnight(y, m+1, 1, location)
	default:
		return Midnight(y, m, d+1, location)
	}
}

// Midnight is when a day begins, also where the clock leaves midnight out.
func Midnight(y int, m time.Month, d int, location *time.Location) time.Time {
	return zone.Resolve(time.Date(y, m, d, 0, 0, 0, 0, time.UTC), location)
}

// Subject is of what there are statistics.
type Subject string

// The subjects.
const (
	Notifications Subject = "notifications" // messages by template and language
	Campaigns     Subject = "campaigns"
	Channels      Subject = "channels"
	Errors        Subject = "errors"   // answers of providers that were no success
	Arrivals      Subject = "arrivals" // how long messages took to arrive
	Hours         Subject = "hours"    // by weekday and hour
	Links         Subject = "links"
	Contacts      Subject = "contacts" // how many there are, come and go
	Lists         Subject = "lists"    // the same of lists and categories
	People        Subject = "people"   // whom messages reached, each counted once
	Flows         Subject = "flows"
)

// By is how finely campaigns are counted.
type By string

// The ways to count campaigns.
const (
	ByCampaign By = "campaign"
	ByRun      By = "run"
	ByVariant  By = "variant"
)

// Kinds is what channels send to; it names them, and is counted by no one.
const Kinds Subject = "kinds"

// Request asks for statistics. What is zero is left to Ask.
type Request struct {
	AccountID int64
	Subject   Subject
	// From and To bound the time; without them it is the last 30 days.
	From, To time.Time
	Interval Interval
	// Zone is an IANA name; empty is the account's.
	Zone string
	By   By
	// ChannelID and CampaignID are of what alone; 0 is all.
	ChannelID, CampaignID int64
}

// Dimensions are what counts are told apart by, beside the window and the metric.
type Dimensions struct{ Channel, Campaign, Run, Variant, Template, Language, Code bool }

// Query asks the store for counts.
type Query struct {
	AccountID             int64
	Windows               []Window
	Metrics               []Metric
	By                    Dimensions
	ChannelID, CampaignID int64
}

// Count is how often something happened in a window. What it was not told apart by is zero.
type Count struct {
	Window                                           int
	Metric                                           Metric
	ChannelID, CampaignID, RunID, Variant, Templated int64
	Language, Code                                   string
	N                                                int64
}

// Reached is how many people messages reached in a window, and how many of them did
// something.
type Reached struct{ People, Active int64 }

// Drift is a count that is not what the rows say.
type Drift struct {
	Metric  Metric
	Slot    time.Time // zero where only totals are compared
	Whose   string    // such as "run 4711"
	Counted int64
	Rows    int64
}

// Store keeps counts.
type Store interface {
	// CountStatistics yields counts in the order of their windows.
	CountStatistics(ctx context.Context, q Query, yield func(Count) error) error
	// CountReached is by window.
	CountReached(ctx context.Context, accountID int64, windows []Window) ([]Reached, error)
	// StatisticsZone is the zone of an account's days.
	StatisticsZone(ctx context.Context, accountID int64) (string, error)
	// StatisticsNames are the names of an account's channels, campaigns, templates or lists,
	// or (Kinds) what its channels send to.
	StatisticsNames(ctx context.Context, accountID int64, of Subject, ids []int64) (map[int64]string, error)
	// RunTemplates are the names of the templates that runs speak, by run and variant; 0 is
	// without one, or for all of them.
	RunTemplates(ctx context.Context, accountID int64, runIDs []int64) (map[int64]map[int64]string, error)
	// LinkAddresses are the addresses of a run's links by their numbers.
	LinkAddresses(ctx context.Context, runID int64) (map[string]string, error)
	// StatisticsDrift compares counts with rows, and lists some of what differs.
	StatisticsDrift(ctx context.Context, accountID int64, most int) (list []Drift, compared int64, err error)
	// RepairStatistics makes the counts what the rows say, and returns how many were not.
	RepairStatistics(ctx context.Context, accountID int64) (int64, error)
}
