package flows

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"hash/fnv"
	"maps"
	"math"
	"slices"
	"strconv"
	"time"

	"carillon/campaigns"
	"carillon/campaigns/flow"
	"carillon/internal/fault"
	"carillon/internal/naming"
	"carillon/internal/zone"
	"carillon/messages"
	"carillon/providers"
	"carillon/targeting"
	"carillon/targeting/rule"
)

// Subject is somebody for whom a flow is played.
type Subject struct {
	Contact   *rule.Contact
	Recipient messages.Recipient
	// Lists are the targeting lists inside of rules.
	Lists map[int64]rule.Rule
	// Refused says why nothing is sent to an address of a kind; a kind that is missing has
	// no address.
	Reached map[providers.AddressKind]string
	// Stop is why the contact would leave at once; empty if it would not.
	Stop string
	// Wrote is when the contact wrote to channels last, as far as that is known or played.
	Wrote map[int64]time.Time
}

// wrote has somebody write to a channel.
func (to *Subject) wrote(channelID int64, at time.Time) {
	if to.Wrote == nil {
		to.Wrote = map[int64]time.Time{}
	}
	to.Wrote[channelID] = later(to.Wrote[channelID], at)
}

// Subjects finds people for whom a flow can be played.
type Subjects interface {
	// FlowSubjects are the contacts of ids, or some of an audience if there are none, with
	// what the flow's rules look at.
	FlowSubjects(ctx context.Context, of Flow, channel providers.Channel, ids []int64, n int) ([]Subject, error)
}

// Ask is how a flow is played.
type Ask struct {
	// From is when everybody enters, Until the end of what is played.
	From, Until time.Time
	// Contacts are those for whom it is played; if there are none, Sample of the audience.
	Contacts []Who
	Sample   int
	// Answers are given to questions, by step: each is taken by the next who is asked, in
	// turn. Where there are none, answers are made up; one in Silent says nothing, 0 for
	// nobody.
	Answers map[string][]string
	Silent  int
	// After is how long people take to answer.
	After time.Duration
	// Wrote is how long before From everybody wrote to the flow's channels last, and Never that
	// nobody did; nil is as it is known.
	Wrote *time.Duration
}

// Never is a time ago that is longer than any.
const Never time.Duration = math.MaxInt64

// The bounds of what is played.
const (
	MostPlayed  = 1000
	longestPlay = 400 * 24 * time.Hour
	mostMoves   = 10_000 // of one person
	// mostPlayedMoves are of all together, some seconds of work.
	mostPlayedMoves = 500_000
)

// Said is a message of a simulation, or one that would not be sent.
type Said struct {
	At        time.Time
	ContactID int64
	Step      string
	ChannelID int64
	Content   providers.Content
	// Skipped is why it is not sent; empty if it is.
	Skipped string
}

// Played is what came of one person.
type Played struct {
	ContactID int64
	Moves     []Move
	Session   flow.Session
	EndedAt   time.Time
}

// Simulation is what came of a flow that was played.
type Simulation struct {
	Flow     Flow
	From     time.Time
	Until    time.Time
	People   []Played
	Messages []Said
	Steps    []StepCount
	Outcomes []Outcome
	Notices  []string
}

// Player plays a flow for one person after the other; nothing that one does is seen by
// another.
type Player struct {
	Flow       *flow.Flow
	CampaignID int64
	// ChannelID is the channel of the steps that name none.
	ChannelID int64
	Until     time.Time
	// Home is the zone of those of whom none is known; nil is UTC.
	Home *time.Location
	// Sends is when a message that is made now goes out to somebody, and why it does not; again
	// says that it is the words for another try.
	Sends func(step flow.Step, again bool, to *Subject, now time.Time) (at time.Time, skipped string)
	// Replies is what is answered to a question, and how long after it was sent; false for
	// nothing.
	Replies func(step flow.Step, to *Subject, try int) (text string, after time.Duration, ok bool)
	// Left is how many moves may still be played, of all people together; 0 sets no bound.
	Left int
	// Say is told of each message.
	Say func(Spoken)
}

// Spoken is a message that is made for somebody.
type Spoken struct {
	Step flow.Step
	// Again says that it is the words for another try.
	Again bool
	To    *Subject
	// Answers are known when it is made.
	Answers map[string]json.RawMessage
	Said    Said
}

// Play walks somebody through the flow by the interpreter that does so for real.
func (p *Player) Play(to *Subject, from time.Time) (played Played) {
	played.ContactID = to.Contact.ID
	now, s := from, flow.Session{CampaignID: p.CampaignID, ContactID: to.Contact.ID, Step: p.Flow.First()}
	location := p.zoneOf(to)
	in := flow.Input{Zone: location, Contact: to.Contact, Lists: to.Lists, Stop: to.Stop, Steps: map[string][]string{}}
	var settleAt time.Time
	var settled, why string
	var answer *flow.Heard
	var asked int64 // the channel of the last question
	for range mostMoves {
		if now.After(p.Until) || p.Left < 0 {
			break
		}
		if p.Left > 0 {
			if p.Left--; p.Left == 0 {
				p.Left = -1
			}
		}
		var do flow.Effects
		before := s
		s, do = p.Flow.Step(s, in, now)
		for _, left := range do.Trace {
			played.Moves = append(played.Moves, Move{At: now, Step: left.Step, Exit: left.Exit, Why: left.Why})
		}
		if do.Heard > 0 {
			answer = nil
		}
		in.Heard, in.Settled, in.Why = nil, "", ""
		p.change(to, s, do, now)
		if s.Phase == flow.Ended {
			played.EndedAt = now
			break
		}
		if do.Send != "" {
			step, _ := p.Flow.StepOf(do.Send)
			at, skipped := p.Sends(step, do.Again, to, now)
			settleAt, settled, why = at, flow.SettledSent, ""
			in.Steps[do.Send] = []string{"sent", "delivered"}
			in.Arrived = skipped == ""
			if skipped != "" {
				settleAt, settled, why = now, flow.SettledSkipped, skipped
				in.Steps[do.Send] = []string{"skipped"}
			}
			p.Say(Spoken{step, do.Again, to, before.Answers, Said{
				At: settleAt, ContactID: to.Contact.ID, Step: do.Send, ChannelID: step.ChannelID, Skipped: skipped,
			}})
			if step.Kind == flow.Ask && skipped == "" {
				tries := 0
				if do.Again {
					tries = s.Tries
				}
				if text, after, ok := p.Replies(step, to, tries); ok {
					answer, asked = &flow.Heard{Reply: &text, At: at.Add(after)}, cmp.Or(step.ChannelID, p.ChannelID)
				}
			}
		}
		// What comes next: the message is settled, an answer, or the deadline.
		next := do.Wake
		sooner := func(at time.Time) bool { return next.IsZero() || !at.After(next) }
		switch {
		case s.Phase == flow.Sending:
			next, in.Settled, in.Why = settleAt, settled, why
		case s.Phase == flow.Arriving && in.Arrived:
			next = now // what is sent arrives
		case s.Phase == flow.Calling:
			next, in.Heard = now, []flow.Heard{{Called: map[string]json.RawMessage{}, At: now}}
		case answer != nil && sooner(answer.At):
			next, in.Heard = answer.At, []flow.Heard{*answer}
			to.wrote(asked, answer.At)
		}
		if next.IsZero() {
			break
		}
		now = later(now, next)
	}
	played.Session = s
	return played
}

func later(a, b time.Time) time.Time {
	if b.After(a) {
		return b
	}
	return a
}

// change makes the changes of a move to the contact.
func (p *Player) change(to *Subject, s flow.Session, do flow.Effects, now time.Time) {
	write := func(key string, stored json.RawMessage) {
		attributes := maps.Clone(to.Contact.Attributes)
		if attributes == nil {
			attributes = map[string]any{}
		}
		var value any
		if json.Unmarshal(stored, &value) == nil && value != nil {
			attributes[key] = value
		} else {
			delete(attributes, key)
		}
		to.Contact.Attributes = attributes
		if text, err := json.Marshal(attributes); err == nil {
			to.Recipient.Attributes = string(text)
		}
	}
	for _, a := range do.Answered {
		to.Contact.LastRepliedAt = now
		if a.Write != "" {
			write(a.Write, a.Value)
		}
	}
	if do.Set == "" {
		return
	}
	step, _ := p.Flow.StepOf(do.Set)
	for key, value := range step.Set.Attributes {
		write(key, value)
	}
	lists := maps.Clone(to.Contact.Lists)
	if lists == nil {
		lists = map[int64]string{}
	}
	for _, side := range []struct {
		of  *flow.NamedLists
		add bool
	}{{step.Set.Add, true}, {step.Set.Remove, false}} {
		if side.of == nil {
			continue
		}
		for kind, ids := range map[string][]naming.Ref{"group": side.of.Groups, "label": side.of.Labels, "category": side.of.Categories} {
			for _, id := range naming.IDs(ids) {
				if side.add {
					lists[id] = kind
				} else {
					delete(lists, id)
				}
			}
		}
	}
	to.Contact.Lists = lists
}

// zoneOf is where somebody is.
func (p *Player) zoneOf(to *Subject) *time.Location {
	if location, known := zone.Known(to.Contact.Timezone); known {
		return location
	}
	return cmp.Or(p.Home, time.UTC)
}

// Simulate plays a flow as it is written for chosen contacts, or for some of its audience,
// on a clock of its own. Nothing is sent and nothing changed.
func (s *Service) Simulate(ctx context.Context, accountID, id int64, ask Ask) (sim Simulation, err error) {
	f, err := s.store.GetFlow(ctx, accountID, id)
	if err != nil {
		return sim, err
	}
	compiled, err := s.check(ctx, &f)
	if err != nil {
		return sim, err
	}
	if ask.From.IsZero() {
		ask.From = s.clock.Now()
	}
	if ask.Until.IsZero() {
		ask.Until = ask.From.Add(30 * 24 * time.Hour)
	}
	if !ask.Until.After(ask.From) || ask.Until.Sub(ask.From) > longestPlay {
		return sim, fault.InvalidField("until", ask.Until.Format(time.RFC3339), "must be after from, and at most 400 days later")
	}
	for step := range ask.Answers {
		if of, known := compiled.StepOf(step); !known || of.Kind != flow.Ask {
			return sim, fault.InvalidField("answers."+step, step, "is no step of the kind ask")
		}
	}
	channel, err := s.store.GetChannel(ctx, accountID, f.ChannelID)
	if err != nil {
		return sim, err
	}
	subjects, err := s.subjects(ctx, f, channel, ask)
	if err != nil {
		return sim, err
	}
	sim = Simulation{Flow: f, From: ask.From, Until: ask.Until, Notices: simulated(f)}
	if len(subjects) == 0 {
		sim.Notices = append(sim.Notices, "nobody is in the audience: name contacts for whom it is played")
	}
	p, err := s.player(ctx, compiled, ask, stage{&sim, subjects})
	if err != nil {
		return sim, err
	}
	for i := range subjects {
		sim.People = append(sim.People, p.Play(&subjects[i], ask.From))
		if ctx.Err() != nil {
			return sim, ctx.Err()
		}
	}
	if p.Left < 0 {
		sim.Notices = append(sim.Notices, fmt.Sprintf("it was not played to its end: people moved %d times, and no more is played at once", mostPlayedMoves))
	}
	slices.SortStableFunc(sim.Messages, func(a, b Said) int { return a.At.Compare(b.At) })
	sim.count()
	return sim, nil
}

// hear has people have written to a channel that has a window, as it is asked for or known.
func hear(ctx context.Context, one speaker, ask Ask, people []Subject) error {
	for i := range people {
		to := &people[i]
		switch address := to.Contact.Addresses[string(one.channel.Address)]; {
		case address == "" || ask.Wrote != nil && *ask.Wrote == Never:
		case ask.Wrote != nil:
			to.wrote(one.channel.ID, ask.From.Add(-*ask.Wrote))
		default:
			at, err := one.voice.Heard(ctx, address)
			if err != nil {
				return err
			}
			to.wrote(one.channel.ID, at)
		}
	}
	return nil
}

// simulated says what a simulation can't know.
func simulated(f Flow) (list []string) {
	if slices.ContainsFunc(f.Definition.Steps, func(s flow.Step) bool { return s.Kind == flow.Call }) {
		list = append(list, "no program is asked: each call goes on without an answer")
	}
	if slices.ContainsFunc(f.Definition.Steps, func(s flow.Step) bool { return s.Wait != nil && s.Wait.Event != "" }) {
		list = append(list, "no events come: each wait for one ends by its time")
	}
	return append(list, "every message is delivered as soon as its hours allow: limits, caps and what providers do are not in it")
}

func (s *Service) subjects(ctx context.Context, f Flow, channel providers.Channel, ask Ask) ([]Subject, error) {
	n := ask.Sample
	if n == 0 {
		n = 20
	}
	if n < 0 || n > MostPlayed || len(ask.Contacts) > MostPlayed {
		return nil, fault.InvalidField("sample", n, "a flow is played for 1 to %d people", MostPlayed)
	}
	var ids []int64
	if len(ask.Contacts) > 0 {
		var err error
		if ids, err = s.store.FindContacts(ctx, f.AccountID, ask.Contacts); err != nil {
			return nil, err
		}
		for i, id := range ids {
			if id == 0 {
				return nil, fault.InvalidField(fmt.Sprintf("contacts[%d]", i), ask.Contacts[i].said(), "nobody is known by this")
			}
		}
	} else if !f.Audience.All && !f.Audience.Some() {
		f.Audience = targeting.Audience{All: true} // who might enter
	}
	return s.store.FlowSubjects(ctx, f, channel, ids, n)
}

// speaker is a channel that says a step.
type speaker struct {
	channel providers.Channel
	voice   campaigns.Voice
	timing  campaigns.Timing
}

// stage is on which a flow is played, and for whom.
type stage struct {
	sim    *Simulation
	people []Subject
}

// player plays with what is said for real.
func (s *Service) player(ctx context.Context, compiled *flow.Flow, ask Ask, on stage) (*Player, error) {
	sim, f := on.sim, on.sim.Flow
	said := map[string]speaker{} // by step; with a ! behind it, the words to try again
	for _, step := range compiled.Says() {
		id := step.ChannelID
		if id == 0 {
			id = f.ChannelID
		}
		channel, err := s.store.GetChannel(ctx, f.AccountID, id)
		if err != nil {
			return nil, err
		}
		c := f.Campaign
		c.ChannelID, c.Content, c.Template = id, step.Content.Content, step.Content.Template
		one := speaker{channel: channel}
		if one.timing, err = s.campaigns.FlowTiming(ctx, f.Campaign, channel); err != nil {
			return nil, err
		}
		if one.voice, err = s.campaigns.Speak(ctx, c, channel); err != nil {
			return nil, err
		}
		said[step.ID] = one
		if step.Question != nil && step.Question.Retry != nil {
			c.Content, c.Template = step.Question.Retry.Content, step.Question.Retry.Template
			if one.voice, err = s.campaigns.Speak(ctx, c, channel); err != nil {
				return nil, err
			}
			said[step.ID+"!"] = one
		}
	}
	windows := map[int64]bool{}
	for _, one := range said {
		if windows[one.channel.ID] || !one.voice.Windowed() {
			continue
		}
		windows[one.channel.ID] = true
		if err := hear(ctx, one, ask, on.people); err != nil {
			return nil, err
		}
	}
	if len(windows) > 0 {
		sim.Notices = append(sim.Notices, "of a channel that sends anything only to who has written lately people are played as having written to it "+
			"as they did by now, or as wrote says, and when they answer")
	}
	words := func(step flow.Step, again bool) speaker {
		if again {
			return said[step.ID+"!"]
		}
		return said[step.ID]
	}
	given := map[string]int{}
	channel, err := s.store.GetChannel(ctx, f.AccountID, f.ChannelID)
	if err != nil {
		return nil, err
	}
	home, _ := zone.Known(channel.Timezone)
	return &Player{
		Flow: compiled, CampaignID: f.ID, ChannelID: f.ChannelID, Until: ask.Until, Home: home, Left: mostPlayedMoves,
		Sends: func(step flow.Step, again bool, to *Subject, now time.Time) (time.Time, string) {
			one := words(step, again)
			why, reached := to.Reached[one.channel.Address]
			if !reached {
				return now, messages.ReasonNoAddress
			}
			at := one.timing.Next(now, one.timing.Zone(to.Contact.Timezone))
			if why == "" && one.voice.Closed(to.Wrote[one.channel.ID], at) && !one.voice.Reaches(to.Recipient.Language) {
				why = messages.ReasonWindow
			}
			return at, why
		},
		Replies: func(step flow.Step, to *Subject, try int) (string, time.Duration, bool) {
			if list := ask.Answers[step.ID]; len(list) > 0 {
				text := list[given[step.ID]%len(list)]
				given[step.ID]++
				return text, ask.After, text != ""
			}
			n := chance(f.ID, to.Contact.ID, step.ID, try)
			if ask.Silent > 0 && n%uint64(ask.Silent) == 0 {
				return "", 0, false
			}
			text, ok := compiled.MadeUp(step.ID, n/7)
			return text, ask.After, ok
		},
		Say: func(spoken Spoken) {
			if len(sim.Messages) >= mostSaid {
				return
			}
			one, m := words(spoken.Step, spoken.Again), spoken.Said
			recipient := spoken.To.Recipient
			if text, err := json.Marshal(spoken.Answers); err == nil && len(spoken.Answers) > 0 {
				recipient.Answers = string(text)
			}
			var err error
			closed := m.Skipped == "" && one.voice.Closed(spoken.To.Wrote[one.channel.ID], m.At)
			if m.Content, err = one.voice.Says(ctx, recipient, closed); err != nil {
				m.Skipped = err.Error()
			}
			sim.Messages = append(sim.Messages, m)
		},
	}, nil
}

// mostSaid bounds the messages of an answer.
const mostSaid = 10_000

// chance is a number that is the same for the same contact, step and try.
func chance(flowID, contactID int64, step string, try int) uint64 {
	h := fnv.New64a()
	_, _ = h.Write([]byte(strconv.FormatInt(flowID, 10) + " " + strconv.FormatInt(contactID, 10) + " " + step + " " + strconv.Itoa(try)))
	n := h.Sum64() // whose last letters move its lowest bits alone
	n = (n ^ n>>33) * 0xff51afd7ed558ccd
	return (n ^ n>>33) >> 1
}

// count counts what came of everybody.
func (sim *Simulation) count() {
	at := map[string]*StepCount{}
	for _, step := range sim.Flow.Definition.Steps {
		sim.Steps = append(sim.Steps, StepCount{Step: step.ID, Kind: step.Kind, Exits: map[string]int64{}})
	}
	for i := range sim.Steps {
		at[sim.Steps[i].Step] = &sim.Steps[i]
	}
	ends := map[[2]string]int64{}
	for _, p := range sim.People {
		for _, m := range p.Moves {
			if at[m.Step] != nil {
				at[m.Step].Exits[m.Exit]++
			}
		}
		if p.Session.Phase == flow.Ended {
			ends[[2]string{p.Session.Outcome, p.Session.Reason}]++
		} else if at[p.Session.Step] != nil {
			at[p.Session.Step].Here++
		}
	}
	for end, n := range ends {
		sim.Outcomes = append(sim.Outcomes, Outcome{Outcome: end[0], Reason: end[1], Count: n})
	}
	slices.SortFunc(sim.Outcomes, func(a, b Outcome) int {
		if a.Count != b.Count {
			return int(b.Count - a.Count)
		}
		return slices.Compare([]string{a.Outcome, a.Reason}, []string{b.Outcome, b.Reason})
	})
}
