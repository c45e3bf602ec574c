package campaigns

import (
	"context"
	"fmt"
	"time"

	"carillon/messages"
	"carillon/providers"
)

// Standstill says why nothing goes out, since when and what to do; the zero value
// that nothing is in the way. Every view shows its words.
type Standstill struct {
	Reason StandstillReason
	// Since is when it began; zero where nobody knows.
	Since time.Time
	// Until is when it ends by itself, or when the provider is asked again; zero where
	// it doesn't, or isn't.
	Until time.Time
	// Words say all of this in a sentence, Remedy what to do in another.
	Words, Remedy string
	// Waits is the reason of a message that is due later, of messages that all are.
	Waits string
}

// StandstillReason is a Standstill in a word.
type StandstillReason string

// The reasons, in the order in which they are told: of two the first.
const (
	// StillCampaignPaused to StillChannelStopped are a person's to end.
	StillCampaignPaused StandstillReason = "campaign_paused"
	StillChannelPaused  StandstillReason = "channel_paused"
	StillChannelStopped StandstillReason = "channel_stopped"
	// StillNoWorker to StillNoQueue hold everything.
	StillNoWorker    StandstillReason = "no_worker"
	StillNoScheduler StandstillReason = "no_scheduler"
	StillNoQueue     StandstillReason = "redis_unreachable"
	// StillNotServed is a channel that the workers can't serve.
	StillNotServed StandstillReason = "channel_not_served"
	// StillDegraded and StillHeld are a channel's health.
	StillDegraded StandstillReason = "channel_degraded"
	StillHeld     StandstillReason = "channel_held"
	// StillAccountDay is an account that has sent as much as it may in a day.
	StillAccountDay StandstillReason = "account_per_day"
	// StillUndecided is a run of which all that wait do so for the variant that wins.
	StillUndecided StandstillReason = "awaits_winner"
	// StillDueLater is a run of which every message that waits is due later.
	StillDueLater StandstillReason = "due_later"
)

// StandstillReasons are all of them.
func StandstillReasons() []StandstillReason {
	return []StandstillReason{
		StillCampaignPaused, StillChannelPaused, StillChannelStopped, StillNoWorker, StillNoScheduler, StillNoQueue,
		StillNotServed, StillDegraded, StillHeld, StillAccountDay, StillUndecided, StillDueLater,
	}
}

// Stands reports whether something is in the way.
func (s Standstill) Stands() bool { return s.Reason != "" }

// Times of standstills.
const (
	// WorkerSilentAfter is how old the heartbeat of a worker is that counts as alive
	// no more: it sends nothing by then, whether or not it lives.
	WorkerSilentAfter = 4 * time.Second
	// passingFor is what is not worth a word: a lease that changes hands, a message
	// that is due in a moment.
	passingFor = 2 * time.Second
	// beginFor is how long workers have to serve a channel that is new to them.
	beginFor = 5 * time.Second
)

// WorkerState is whether a worker sends.
type WorkerState string

// The states of workers.
const (
	WorkerAlive WorkerState = "alive"
	// WorkerDead is not heard of any more; what it had in flight is settled.
	WorkerDead WorkerState = "dead"
	// WorkerRetired has stopped in good order.
	WorkerRetired WorkerState = "retired"
)

// Worker is a process that sends, or sent.
type Worker struct {
	ID            int64
	Name, Version string
	Since         time.Time
	// SeenAt is its last heartbeat.
	SeenAt time.Time
	State  WorkerState
	// Channels are those that it serves, InFlight the messages that it has claimed and
	// not recorded; both as of its last heartbeat.
	Channels []int64
	// Requests are how many it has under way at most, by channel.
	Requests map[int64]int
	// Accepted are how many messages a second providers took from it over the last
	// AcceptedOver, by channel; one that took none is left out.
	Accepted map[int64]float64
	InFlight int
}

// AcceptedOver is over how long it is counted what providers took: long enough for a
// channel of one message in a few seconds, and short enough to be called now.
const AcceptedOver = 10 * time.Second

// Beat is what a worker says of itself with its heartbeat.
type Beat struct {
	Version  string
	Channels []int64
	Requests map[int64]int
	Accepted map[int64]float64
	InFlight int
}

// Leader is the scheduler that leads.
type Leader struct {
	// Holder is its name; empty if there never was one.
	Holder string
	// Until is when its lease runs out, and Expired for how long it has by now; 0 while
	// it leads.
	Until   time.Time
	Expired time.Duration
}

// Leads reports whether it leads now.
func (l Leader) Leads() bool { return l.Holder != "" && l.Expired == 0 }

// StandstillStore knows what has to work for messages to go out.
type StandstillStore interface {
	// Workers are those of the last day, newest first.
	Workers(ctx context.Context) ([]Worker, error)
	// Leader is the scheduler that leads, or the last that did; zero if none ever has.
	Leader(ctx context.Context) (Leader, error)
	// NextDue is when the first pending message of a run is due, and why it waits;
	// zero if none is pending.
	NextDue(ctx context.Context, channelID, runID int64) (messages.Due, error)
	// LastDue is when the last pending message of a run is due that does not wait for a
	// winner; zero if none is.
	LastDue(ctx context.Context, channelID, runID int64) (time.Time, error)
	// FullDays are the accounts that have sent as much as they may in a day.
	FullDays(ctx context.Context) (map[int64]messages.DaySends, error)
}

// QueueReach is a StandstillStore that knows whether Redis answers.
type QueueReach interface {
	// QueueAnswers is Unavailable if it does not.
	QueueAnswers(ctx context.Context) error
}

// survey is what is known at a moment of all that has to work for messages to go
// out.
type survey struct {
	store StandstillStore
	now   time.Time
	// everything holds every message, whatever its channel.
	everything Standstill
	serving    map[int64]bool
	// requests are how many the living workers have under way at most together, by
	// channel.
	requests map[int64]int
	// accepted are how many messages a second providers took from them together.
	accepted map[int64]float64
	// full are the accounts that may send no more today.
	full map[int64]messages.DaySends
	// begun is since when the oldest worker is alive; zero if none is.
	begun time.Time
}

// newSurvey looks at all that has to work.
func newSurvey(ctx context.Context, store StandstillStore, now time.Time) (*survey, error) {
	workers, err := store.Workers(ctx)
	if err != nil {
		return nil, err
	}
	leader, err := store.Leader(ctx)
	if err != nil {
		return nil, err
	}
	full, err := store.FullDays(ctx)
	if err != nil {
		return nil, err
	}
	v := &survey{store: store, now: now, serving: map[int64]bool{}, requests: map[int64]int{}, accepted: map[int64]float64{}, full: full}
	var last time.Time
	for _, w := range workers {
		if w.SeenAt.After(last) {
			last = w.SeenAt
		}
		if w.State != WorkerAlive {
			continue
		}
		if v.begun.IsZero() || w.Since.Before(v.begun) {
			v.begun = w.Since
		}
		for _, id := range w.Channels {
			v.serving[id] = true
			v.requests[id] += w.Requests[id]
			v.accepted[id] += w.Accepted[id]
		}
	}
	switch {
	case v.begun.IsZero():
		v.everything = noWorker(last)
	case leader.Holder == "" || leader.Expired > passingFor:
		v.everything = noScheduler(leader)
	default:
		if reach, ok := store.(QueueReach); ok && reach.QueueAnswers(ctx) != nil {
			v.everything = Standstill{
				Reason: StillNoQueue, Words: "Redis does not answer: no message is handed to a worker.",
				Remedy: "See to Redis, and to redis_url; everything goes on by itself when it answers, and nothing is lost meanwhile.",
			}
		}
	}
	return v, nil
}

func noWorker(last time.Time) Standstill {
	s := Standstill{
		Reason: StillNoWorker, Since: last, Words: "No worker is running: nothing is sent.",
		Remedy: "Start one: `carillon worker`, or `carillon serve`, which is one too. `carillon workers` shows those that were there.",
	}
	if !last.IsZero() {
		s.Words = "No worker is alive since " + exactTime(last) + ": nothing is sent."
	}
	return s
}

func noScheduler(l Leader) Standstill {
	s := Standstill{
		Reason: StillNoScheduler, Since: l.Until, Words: "No scheduler is running: nothing is planned and nothing handed to the workers.",
		Remedy: "Start one: `carillon scheduler`, or `carillon serve`, which is one too.",
	}
	if !l.Until.IsZero() {
		s.Words = "No scheduler is alive since " + exactTime(l.Until) + ": nothing is planned and nothing handed to the workers."
	}
	return s
}

// exactTime is a time in a sentence.
func exactTime(t time.Time) string { return t.UTC().Format("2006-01-02 15:04:05 UTC") }

func sinceWords(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return " since " + exactTime(t)
}

// channel says why nothing goes out on a channel.
func (v *survey) channel(c providers.Channel) Standstill {
	if own := statusStandstill(c); own.Stands() {
		return own
	}
	if v.everything.Stands() {
		return v.everything
	}
	return v.channelItself(c)
}

// channelItself is what is the matter with one channel and not with all.
func (v *survey) channelItself(c providers.Channel) Standstill {
	name := fmt.Sprintf("Channel %d (%s)", c.ID, c.Name)
	switch {
	case statusStandstill(c).Stands():
		return statusStandstill(c)
	case !v.serving[c.ID] && !v.begun.IsZero() && v.now.Sub(v.begun) > beginFor && v.now.Sub(c.UpdatedAt) > beginFor:
		return Standstill{
			Reason: StillNotServed, Words: name + " is served by no worker, although some are alive: nothing is sent through it.",
			Remedy: "The logs of the workers say why (\"a channel can't be served\"): most often its settings; `carillon channel set` corrects them.",
		}
	case c.Health.Well():
		return v.accountDay(c.AccountID)
	}
	s := Standstill{Reason: StillDegraded, Since: c.Health.Since, Until: c.Health.NextTry}
	words := name + " is degraded" + sinceWords(c.Health.Since)
	s.Remedy = fmt.Sprintf("It is tried again by itself, and goes on with the first success. If its settings are wrong, `carillon channel set %d` corrects "+
		"them, and it begins anew at once.", c.ID)
	if c.Health.State == providers.HealthHeld {
		s.Reason, words = StillHeld, name+" is held"+sinceWords(c.Health.Since)
		s.Remedy = fmt.Sprintf("It goes on by itself then. `carillon channel resume %d` lets it begin anew at once.", c.ID)
	}
	switch {
	case c.Health.NextTry.After(v.now):
		words += ", and the provider is asked again at " + exactTime(c.Health.NextTry)
	case !c.Health.NextTry.IsZero():
		words += ", and the provider is asked again with the next message"
	}
	s.Words = words + ": " + sentence(c.Health.Reason)
	return s
}

// accountDay is of an account that has sent as much as it may in a day.
func (v *survey) accountDay(accountID int64) Standstill {
	day, full := v.full[accountID]
	if !full {
		return Standstill{}
	}
	words := fmt.Sprintf("The account has sent as many messages as it may in 24 hours over all of its channels, %d", day.Most)
	if !day.RoomAt.IsZero() {
		words += ", and goes on at " + exactTime(day.RoomAt)
	}
	return Standstill{
		Reason: StillAccountDay, Until: day.RoomAt, Words: words + ".",
		Remedy: fmt.Sprintf("It goes on by itself then. An operator of the installation can raise the limit: `carillon accounts set %d --max-per-day N`.", accountID),
	}
}

// statusStandstill is of a channel that waits for a person.
func statusStandstill(c providers.Channel) Standstill {
	s := Standstill{Since: c.StatusSince}
	about := fmt.Sprintf("Channel %d (%s) is %s%s", c.ID, c.Name, c.Status, sinceWords(c.StatusSince))
	if c.StatusReason != "" {
		about += ": " + sentence(c.StatusReason)
	} else {
		about += "."
	}
	switch c.Status {
	case providers.ChannelPaused:
		s.Reason = StillChannelPaused
		s.Remedy = fmt.Sprintf("`carillon channel resume %d` lets it send again.", c.ID)
	case providers.ChannelStopped:
		s.Reason = StillChannelStopped
		s.Remedy = fmt.Sprintf("Correct what the provider refuses (`carillon channel set %d`), then let it send again: `carillon channel resume %d`.", c.ID, c.ID)
	default:
		return Standstill{}
	}
	s.Words = about
	return s
}

// sentence ends words with a full stop.
func sentence(words string) string {
	if words == "" || words[len(words)-1] == '.' {
		return words
	}
	return words + "."
}

// run says why nothing of a run goes out. changed is when its campaign was changed
// last: when it was paused, if it is.
func (v *survey) run(ctx context.Context, r Run, changed time.Time, c providers.Channel) (Standstill, error) {
	own, err := v.runItself(ctx, r, changed)
	if err != nil || own.Reason == StillCampaignPaused || !r.waits() || c.ID == 0 { // 0: deleted
		return own, err
	}
	if s := v.channel(c); s.Stands() {
		return s, nil
	}
	return own, nil
}

// lastDue is when the last message of a run that goes on by itself is due.
func (v *survey) lastDue(ctx context.Context, r Run) (time.Time, error) {
	if !r.endsByItself() {
		return time.Time{}, nil
	}
	return v.store.LastDue(ctx, r.ChannelID, r.ID)
}

// waits reports whether something of the run is still to go out.
func (r Run) waits() bool {
	return r.FinishedAt == nil && (r.Status == RunPlanning || r.Status == RunSending && (!r.PlanDone || r.Counts.Active() > 0))
}

// runItself is what holds one run and not its channel.
func (v *survey) runItself(ctx context.Context, r Run, changed time.Time) (Standstill, error) {
	if r.Status == RunPaused && r.FinishedAt == nil {
		s := Standstill{
			Reason: StillCampaignPaused, Since: changed,
			Words:  fmt.Sprintf("Campaign %d is paused%s.", r.CampaignID, sinceWords(changed)),
			Remedy: fmt.Sprintf("`carillon campaign resume %d` lets it go on exactly where it stopped.", r.CampaignID),
		}
		if r.Reason != "" {
			s.Words = fmt.Sprintf("Campaign %d is paused%s: %s", r.CampaignID, sinceWords(changed), sentence(r.Reason))
		}
		return s, nil
	}
	if !r.endsByItself() || r.Counts[messages.Queued]+r.Counts[messages.Sending] > 0 {
		return Standstill{}, nil
	}
	due, err := v.store.NextDue(ctx, r.ChannelID, r.ID)
	if err != nil || !due.At.After(v.now.Add(passingFor)) {
		return Standstill{}, err
	}
	if due.Reason == messages.ReasonUndecided {
		return r.undecided(), nil
	}
	return dueLater(fmt.Sprintf("Every message of campaign %d that still waits is due later, the first", r.CampaignID), due), nil
}

// undecided is of a run of which all that wait do so for a winner.
func (r Run) undecided() Standstill {
	who := fmt.Sprintf("Whoever of campaign %d still waits gets the variant that wins", r.CampaignID)
	choose := fmt.Sprintf("`carillon campaign winner %d` says how they stand, and with --variant chooses one.", r.CampaignID)
	switch {
	case !r.Undecided: // chosen a moment ago
		return Standstill{Reason: StillUndecided, Words: who + ", which is told.", Remedy: "It goes on by itself in a moment."}
	case r.LookAt.IsZero():
		return Standstill{Reason: StillUndecided, Words: who + ", which a person has to choose.", Remedy: choose}
	}
	return Standstill{
		Reason: StillUndecided, Until: r.LookAt, Words: who + ", which is looked for at " + exactTime(r.LookAt) + ".",
		Remedy: "It goes on by itself then, if one can be told. " + choose,
	}
}

// DueBatch is why a run waits of which no message waits for itself: its next batch has
// not begun.
const DueBatch = "batch"

func dueLater(what string, due messages.Due) Standstill {
	return Standstill{
		Reason: StillDueLater, Until: due.At, Waits: due.Reason, Words: fmt.Sprintf("%s at %s%s.", what, exactTime(due.At), waitWords(due.Reason)),
		Remedy: "It goes on by itself then.",
	}
}

// waitWords say why a message waits for its time.
func waitWords(reason string) string {
	switch reason {
	case "":
		return ""
	case DueBatch:
		return ", with the next batch"
	case messages.ReasonRecipientPerDay:
		return ", because the channel's limit of recipients a day is used up"
	case messages.ReasonAccountPerDay:
		return ", because the account has sent as much as it may in a day"
	case messages.ReasonRecipientSpacing:
		return ", because its recipient was written to a moment ago"
	case messages.ReasonMailbox:
		return ", because of the limit of its mailbox provider"
	case messages.ReasonMailboxPerDay:
		return ", because the limit of recipients a day at its mailbox provider is used up"
	case messages.ReasonTemporary:
		return ", for another try after a temporary error"
	case messages.ReasonCapped:
		return ", because of a frequency cap"
	case messages.ReasonHours:
		return ", because it is not within the hours at which its recipient may be written to"
	case messages.ReasonChannelHeld:
		return ", because its channel was held"
	}
	return " (" + reason + ")"
}
