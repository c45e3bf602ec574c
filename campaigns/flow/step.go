package flow

import (
	"cmp"
	"encoding/json"
	"maps"
	"slices"
	"time"

	"carillon/targeting/rule"
)

// mover is one move.
type mover struct {
	f   *Flow
	s   Session
	in  Input
	now time.Time
	do  Effects
	// contact is what rules see; it is made when the first asks.
	contact *rule.Contact
}

// Step moves a session as far as it can go now, and says what that does to the world. A
// move sends one message at most, and ends with a change of the contact, so that what
// follows sees it. It changes nothing that it is given.
func (f *Flow) Step(s Session, in Input, now time.Time) (Session, Effects) {
	m := &mover{f: f, s: s, in: in, now: now}
	m.s.Answers, m.s.Messages = maps.Clone(s.Answers), maps.Clone(s.Messages)
	m.move()
	switch m.s.Phase {
	case Ended:
		m.s.Deadline, m.do.Heard = time.Time{}, len(in.Heard)
	case Arrived:
		m.do.Wake = now
	case Sending: // what becomes of the message wakes it
	case Arriving:
		if m.do.Wake = m.s.Deadline; s.Phase != Arriving {
			m.do.Wake = now // its receipt may have come before it was waited for
		}
	default:
		m.do.Wake = m.s.Deadline
	}
	return m.s, m.do
}

func (m *mover) move() {
	if m.s.Phase == Ended {
		return
	}
	if m.in.Stop != "" {
		m.end(m.in.Stop, m.in.Stop)
		return
	}
	if m.goal() {
		return
	}
	s := m.f.at[m.s.Step]
	if s == nil { // a step that the version does not have any more
		m.end(ReasonCanceled, ReasonCanceled)
		return
	}
	switch m.s.Phase {
	case Sending:
		m.sending(s)
	case Open:
		m.open(s)
	case Waiting:
		m.waiting(s)
	case Arriving:
		m.arriving(s)
	case Calling:
		m.calling(s)
	default:
		m.arrive(s)
	}
}

// goal ends the session if it meets a goal.
func (m *mover) goal() bool {
	for i, r := range m.f.goals {
		if m.holds(r) {
			m.end(m.f.Goals[i].Outcome, ReasonGoal)
			return true
		}
	}
	return false
}

// holds reports whether a rule holds for the contact.
func (m *mover) holds(r rule.Rule) bool {
	if m.contact == nil {
		c := rule.Contact{}
		if m.in.Contact != nil {
			c = *m.in.Contact
		}
		c.Steps, c.Answers = m.in.Steps, make(map[string]any, len(m.s.Answers))
		for key, stored := range m.s.Answers {
			var value any
			if json.Unmarshal(stored, &value) == nil {
				c.Answers[key] = value
			}
		}
		m.contact = &c
	}
	return r.Match(m.contact, rule.Moment{Now: m.now, Lists: m.in.Lists})
}

func (m *mover) end(outcome, why string) {
	m.do.Trace = append(m.do.Trace, Left{Step: m.s.Step, Exit: string(Ended), Why: why})
	m.s.Phase, m.s.Outcome, m.s.Reason = Ended, outcome, why
}

// leave goes on by an exit of a step.
func (m *mover) leave(s *step, exit, why string) {
	m.do.Trace = append(m.do.Trace, Left{Step: s.ID, Exit: exit, Why: why})
	m.enter(s.follows(exit, why))
}

// enter goes to a step and does what that can at once.
func (m *mover) enter(id string) {
	m.s.Step, m.s.Phase, m.s.Deadline, m.s.Tries = id, Arrived, time.Time{}, 0
	m.arrive(m.f.at[id])
}

// arrive begins with a step.
func (m *mover) arrive(s *step) {
	switch s.Kind {
	case Send, Ask:
		if m.do.Send != "" || m.do.Set != "" {
			return // the next move's: one at a time
		}
		m.send(s, false)
	case Wait:
		m.wait(s)
	case Branch:
		m.branch(s)
	case Set:
		// What follows sees the contact as it is then, in another move.
		m.do.Set = s.ID
		m.do.Trace = append(m.do.Trace, Left{Step: s.ID})
		m.s.Step, m.s.Phase = s.next, Arrived
	case Call:
		m.do.Call, m.s.Phase = s.ID, Calling
	case Start:
		m.do.Start = append(m.do.Start, s.FlowID)
		m.leave(s, "", "")
	case End:
		m.do.Trace = append(m.do.Trace, Left{Step: s.ID, Exit: string(Ended)})
		m.s.Phase, m.s.Outcome = Ended, s.Outcome
	}
}

// send has a step's message made.
func (m *mover) send(s *step, again bool) {
	m.do.Send, m.do.Again = s.ID, again
	m.s.Phase, m.s.Sends = Sending, m.s.Sends+1
}

// sending goes on once it is known what became of the message.
func (m *mover) sending(s *step) {
	switch m.in.Settled {
	case SettledSent:
		if s.Kind != Ask {
			m.leave(s, "", "")
			return
		}
		m.s.Phase = Open
		if m.s.Deadline.IsZero() {
			m.s.Deadline = m.now.Add(s.timeout)
		}
		m.open(s)
	case SettledSkipped:
		m.leave(s, ExitSkipped, m.in.Why)
	case SettledFailed:
		m.leave(s, ExitFailed, m.in.Why)
	}
}

// open looks for an answer in what was heard.
func (m *mover) open(s *step) {
	for _, heard := range m.in.Heard[m.do.Heard:] {
		if heard.Reply == nil {
			m.do.Heard++
			continue
		}
		if heard.At.After(m.s.Deadline) {
			break
		}
		m.do.Heard++
		value, reason := s.question.read(*heard.Reply)
		if reason == "" {
			m.answer(s, *heard.Reply, value)
			return
		}
		if m.s.Tries++; m.s.Tries >= s.question.tries {
			m.leave(s, ExitInvalid, "the answer "+reason)
			return
		}
		if s.Question.Retry != nil {
			m.send(s, true)
			return
		}
	}
	if !m.now.Before(m.s.Deadline) {
		m.leave(s, ExitTimeout, "")
	}
}

func (m *mover) answer(s *step, text string, value json.RawMessage) {
	m.do.Answered = append(m.do.Answered, Answered{Step: s.ID, Text: text, Value: value, Write: s.Question.Write})
	m.keep(s.ID, value)
	if s.Question.Write == "" {
		m.leave(s, "", "")
		return
	}
	// The property is written with this move, and seen by the next.
	m.do.Trace = append(m.do.Trace, Left{Step: s.ID})
	m.s.Step, m.s.Phase, m.s.Deadline, m.s.Tries = s.next, Arrived, time.Time{}, 0
}

func (m *mover) keep(key string, value json.RawMessage) {
	if m.s.Answers == nil {
		m.s.Answers = map[string]json.RawMessage{}
	}
	m.s.Answers[key] = value
	m.contact = nil
}

func (m *mover) wait(s *step) {
	if m.s.Phase = Waiting; s.Wait.Delivered {
		m.s.Phase = Arriving
	}
	switch {
	case s.clock != nil:
		m.s.Deadline = s.clock.after(m.now, cmp.Or(m.in.Zone, time.UTC))
	case s.timeout > 0:
		m.s.Deadline = m.now.Add(s.timeout)
	}
}

func (m *mover) waiting(s *step) {
	for _, heard := range m.in.Heard[m.do.Heard:] {
		if !m.s.Deadline.IsZero() && heard.At.After(m.s.Deadline) {
			break
		}
		if m.do.Heard++; s.Wait.Event != "" && heard.Event == s.Wait.Event {
			m.leave(s, "", "")
			return
		}
	}
	if m.s.Deadline.IsZero() || m.now.Before(m.s.Deadline) {
		return
	}
	exit := ""
	if s.Wait.Event != "" {
		exit = ExitTimeout
	}
	m.leave(s, exit, "")
}

// arriving goes on once a receipt tells what became of the last message.
func (m *mover) arriving(s *step) {
	switch {
	case m.in.Arrived:
		m.leave(s, "", "")
	case m.in.Settled == SettledFailed || m.in.Settled == SettledSkipped:
		m.leave(s, ExitFailed, m.in.Why)
	case !m.now.Before(m.s.Deadline):
		m.leave(s, ExitTimeout, "")
	}
}

func (m *mover) branch(s *step) {
	next := s.next
	switch {
	case len(s.ways) > 0 && s.ways[0].share > 0:
		if at := s.split(m.s.CampaignID).Variant(m.s.ContactID) - 1; at < len(s.ways) {
			next = s.ways[at].next
		}
	default:
		if at := slices.IndexFunc(s.ways, func(w way) bool { return m.holds(w.rule) }); at >= 0 {
			next = s.ways[at].next
		}
	}
	m.do.Trace = append(m.do.Trace, Left{Step: s.ID, Exit: next})
	m.enter(next)
}

func (m *mover) calling(s *step) {
	for _, heard := range m.in.Heard[m.do.Heard:] {
		m.do.Heard++
		switch {
		case heard.Failed != "":
			m.leave(s, ExitFailed, heard.Failed)
			return
		case heard.Called != nil:
			for _, key := range s.Call.Answers {
				if value, given := heard.Called[key]; given {
					m.do.Answered = append(m.do.Answered, Answered{Step: key, Text: string(value), Value: value})
					m.keep(key, value)
				}
			}
			m.leave(s, "", "")
			return
		}
	}
}
