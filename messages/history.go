package messages

import (
	"slices"
	"time"
)

// Transition is a move of a message off the plain way (pending, queued, sending,
// sent, delivered, read), which the times of the message tell.
type Transition struct {
	// State is where it came to, At when that was recorded.
	State State
	At    time.Time
	// Attempt is the try that an answer was to; without an answer, how many there
	// were until then.
	Attempt    int
	EnvelopeID int64
	Reason     string
	// Kind and Code are of a provider's answer; Kind is empty where there was none.
	Kind, Code string
	// Detail is the provider's answer, for people, or who did it.
	Detail string
	// Repeats is how many moves before it are not kept, because a message keeps a
	// hundred.
	Repeats int
	// Times are those of the message when it came to State. They belong to the
	// round that ended there if State is Pending.
	Times Times
}

// Times are when a message came to the states of the plain way; nil where it has
// not been there.
type Times struct {
	QueuedAt, ClaimedAt, SentAt, DeliveredAt, ReadAt *time.Time
}

// Passage is one state of a message's history: when it came to it and why.
type Passage struct {
	State          State
	At             time.Time
	Reason, Detail string
	// Attempt, Kind and Code are set where a provider's answer led there.
	Attempt    int
	Kind, Code string
	// Repeats is how many states just before are not kept.
	Repeats int
}

// History is every state that a message passed, in order: from its times and its
// transitions, which must be in their order.
//
// A message goes round after round: each begins pending and ends where it returns
// to pending. The plain way of the last round is told by the message's own times,
// that of an earlier one by the copy in the transition that ended it.
func History(m Message, moves []Transition) []Passage {
	h := []Passage{{State: Pending, At: m.CreatedAt}}
	begin, envelope := 0, int64(0)
	for i, t := range moves {
		if t.State == Pending {
			h = append(h, round(t.Times.of(t.EnvelopeID, envelope), moves[begin:i])...)
			h = append(h, t.passage())
			begin, envelope = i+1, t.EnvelopeID
		}
	}
	now := m.Times.of(m.EnvelopeID, envelope)
	if m.State == Pending {
		now = Times{}
	}
	if m.State != Delivered && m.State != Read {
		// A receipt that came late: it changed nothing.
		now.DeliveredAt, now.ReadAt = nil, nil
	}
	h = append(h, round(now, moves[begin:])...)
	last := &h[len(h)-1]
	if last.State != m.State && m.FinalAt != nil {
		return append(h, Passage{State: m.State, At: *m.FinalAt, Reason: m.Reason, Detail: m.Detail})
	}
	if last.State == m.State && last.Kind == "" && (m.State != Unknown || last.Reason != ReasonProviderAsked) {
		last.Reason, last.Detail = m.Reason, m.Detail
	}
	return h
}

// of are the times of a round, before which it was last queued in an envelope. If
// that is the same as its own, it has not been queued in this round, and those
// times are of the round before.
func (t Times) of(envelope, before int64) Times {
	if envelope != 0 && envelope == before {
		t.QueuedAt, t.ClaimedAt, t.SentAt = nil, nil, nil
	}
	return t
}

func (t Transition) passage() Passage {
	p := Passage{State: t.State, At: t.At, Reason: t.Reason, Detail: t.Detail, Code: t.Code, Kind: t.Kind, Repeats: t.Repeats}
	if t.Kind != "" {
		p.Attempt = t.Attempt
	}
	return p
}

// round is the history of one round without the pending that it begins with: its
// plain way, and where it left it. What a transition tells is not told by a time
// again.
func round(times Times, moves []Transition) (h []Passage) {
	plain := func(state State, at *time.Time) {
		told := slices.ContainsFunc(moves, func(t Transition) bool { return t.State == state })
		if at != nil && !told {
			h = append(h, Passage{State: state, At: *at})
		}
	}
	if times.DeliveredAt != nil && times.ReadAt != nil && times.DeliveredAt.After(*times.ReadAt) {
		times.DeliveredAt = nil // reported when it had been read
	}
	plain(Queued, times.QueuedAt)
	plain(Sending, times.ClaimedAt)
	plain(Sent, times.SentAt)
	for _, t := range moves {
		if t.State == Read {
			plain(Delivered, times.DeliveredAt)
		}
		h = append(h, t.passage())
	}
	if len(h) == 0 || h[len(h)-1].State != Read {
		plain(Delivered, times.DeliveredAt)
	}
	plain(Read, times.ReadAt)
	return h
}
