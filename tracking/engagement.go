package tracking

import (
	"slices"
	"time"
)

// The behaviour of programs that pass for a browser.
const (
	// BurstFor is within which time a person follows one link of a message, and not two.
	BurstFor = 2 * time.Second
	// EarlyFor is within which time after a message was sent no person has followed all of
	// its links; gateways check them before they hand the message on.
	EarlyFor = 30 * time.Second
)

// Event is a click on a link of a message, or an open.
type Event struct {
	RunID, MessageID int64
	Open             bool
	// Link is the link that was clicked; zero for an open.
	Link Link
	At   time.Time
	// Why is as far as it is known from the request.
	Why Why
}

// Engagement is what was done with one message.
type Engagement struct {
	// OpenedAt and ClickedAt are when a person first did, LastOpenedAt and LastClickedAt when
	// last; zero for never.
	OpenedAt, LastOpenedAt, ClickedAt, LastClickedAt time.Time
	// Opens and Clicks are of persons.
	Opens, Clicks, MachineOpens, MachineClicks int
	Doubt                                      Doubt
	// Events are the first MostEvents of them, one by one, in the order in which they came.
	Events []Happened
}

// MostEvents is how many clicks and opens are kept of a message one by one; all are counted.
const MostEvents = 50

// Happened is a click or an open that is kept.
type Happened struct {
	Open bool `json:"o,omitempty"`
	// Number is that of the link; 0 for an open.
	Number int   `json:"n,omitempty"`
	At     int64 `json:"t"` // ms since 1970
	Why    Why   `json:"w,omitempty"`
}

// Kept are the clicks and opens that are kept, with the addresses of their links.
func (e Engagement) Kept(t *Table) []Kept {
	list := make([]Kept, len(e.Events))
	for i, h := range e.Events {
		list[i] = Kept{At: instant(h.At), Open: h.Open, Number: h.Number, Address: t.Address(h.Number), Why: h.Why}
	}
	return list
}

// Doubt is what has to be known of clicks to take them back that turn out to be a program's.
type Doubt struct {
	// First and Last are when a person first and last clicked, as far as that is certain, in
	// ms since 1970; 0 for never.
	First int64 `json:"f,omitempty"`
	Last  int64 `json:"l,omitempty"`
	// Held are clicks that may be taken back.
	Held []Held `json:"h,omitempty"`
	// Links are how many clicks of persons each link has, by its number.
	Links map[int]int `json:"n,omitempty"`
}

// Held is a click by the number of its link and by which of the message's links it is.
type Held struct {
	Number int   `json:"n"`
	Place  int   `json:"p"`
	At     int64 `json:"t"`
	// Burst says that it is a program's, and is kept to tell others by.
	Burst bool `json:"b,omitempty"`
}

// Change is what an event changes of the counts of a link; Number is that of the link.
// People is how many more messages have a click of a person on it.
type Change struct{ Number, People, Clicks, Machine int }

// Took is what an event came to.
type Took struct {
	Why Why
	// First says that it is a person's first open or click of the message.
	First bool
	// Links are the changes of the links' counts; a click that is taken back changes those of
	// other links, too.
	Links []Change
}

// Add takes an event of a message that was sent at a time, zero if that is not known yet.
// Events have to come in the order of their times, more or less.
func (e *Engagement) Add(ev Event, sentAt time.Time) Took {
	took := e.take(ev, sentAt)
	if len(e.Events) < MostEvents {
		e.Events = append(e.Events, Happened{Open: ev.Open, Number: ev.Link.Number, At: ev.At.UnixMilli(), Why: took.Why})
	}
	return took
}

func (e *Engagement) take(ev Event, sentAt time.Time) Took {
	took := Took{Why: ev.Why}
	if ev.Open {
		if ev.Why != Person {
			e.MachineOpens++
			return took
		}
		took.First = e.Opens == 0
		e.Opens++
		e.OpenedAt, e.LastOpenedAt = earliest(e.OpenedAt, ev.At), latest(e.LastOpenedAt, ev.At)
		return took
	}
	if ev.Why != Person {
		e.MachineClicks++
		took.Links = []Change{{Number: ev.Link.Number, Machine: 1}}
		return took
	}
	before := e.Clicks
	at := ev.At.UnixMilli()
	e.settle(at, sentAt)
	e.Doubt.Held = append(e.Doubt.Held, Held{Number: ev.Link.Number, Place: ev.Link.Place, At: at})
	changes := map[int]*Change{}
	e.person(changes, ev.Link.Number, 1)
	took.Why = e.takeBack(changes, ev, sentAt)
	e.reckon()
	took.First = before == 0 && e.Clicks > 0
	for _, number := range sortedKeys(changes) {
		took.Links = append(took.Links, *changes[number])
	}
	return took
}

// mostHeld bounds the clicks that are held of a message: nobody clicks so often.
const mostHeld = 100

// settle lets go of clicks that can't turn out to be a program's any more.
func (e *Engagement) settle(now int64, sentAt time.Time) {
	early := !sentAt.IsZero() && now-sentAt.UnixMilli() < EarlyFor.Milliseconds()
	kept := e.Doubt.Held[:0]
	tooMany := len(e.Doubt.Held) - mostHeld
	for i, h := range e.Doubt.Held {
		if i > tooMany && (early || now-h.At < BurstFor.Milliseconds()) {
			kept = append(kept, h)
			continue
		}
		if h.Burst {
			continue
		}
		if e.Doubt.First == 0 {
			e.Doubt.First = h.At
		}
		e.Doubt.Last = max(e.Doubt.Last, h.At)
	}
	e.Doubt.Held = kept
}

// takeBack marks clicks that turn out to be a program's, and returns why; Person if none do.
func (e *Engagement) takeBack(changes map[int]*Change, ev Event, sentAt time.Time) (why Why) {
	at := ev.At.UnixMilli()
	held := e.Doubt.Held
	places := map[int]bool{}
	for _, h := range held {
		if at-h.At < BurstFor.Milliseconds() {
			places[h.Place] = true
		}
	}
	from := at - BurstFor.Milliseconds() + 1
	switch {
	case len(places) > 1:
		why = Burst
	case e.hasAll(ev, sentAt):
		why, from = AllLinks, 0
	default:
		return Person
	}
	for i := range held {
		h := &held[i]
		if h.At < from || h.Burst {
			continue
		}
		h.Burst = true
		e.person(changes, h.Number, -1)
		e.MachineClicks++
		change(changes, h.Number).Machine++
		for k := range e.Events {
			if known := &e.Events[k]; !known.Open && known.Number == h.Number && known.At == h.At && known.Why == Person {
				known.Why = why
			}
		}
	}
	return why
}

// hasAll reports whether every link of a message, of which there are several, was followed
// soon after it was sent.
func (e *Engagement) hasAll(ev Event, sentAt time.Time) bool {
	if ev.Link.Of < 2 || sentAt.IsZero() || ev.At.Sub(sentAt) >= EarlyFor {
		return false
	}
	places := map[int]bool{}
	for _, h := range e.Doubt.Held {
		places[h.Place] = true
	}
	return len(places) >= ev.Link.Of
}

// person counts clicks of a person on a link.
func (e *Engagement) person(changes map[int]*Change, number, by int) {
	if e.Doubt.Links == nil {
		e.Doubt.Links = map[int]int{}
	}
	had := e.Doubt.Links[number] > 0
	e.Doubt.Links[number] += by
	has := e.Doubt.Links[number] > 0
	if !has {
		delete(e.Doubt.Links, number)
	}
	c := change(changes, number)
	e.Clicks += by
	c.Clicks += by
	switch {
	case has && !had:
		c.People++
	case had && !has:
		c.People--
	}
}

// reckon says when persons clicked, from what is certain and what is held.
func (e *Engagement) reckon() {
	first, last := e.Doubt.First, e.Doubt.Last
	for _, h := range e.Doubt.Held {
		if h.Burst {
			continue
		}
		if first == 0 || h.At < first {
			first = h.At
		}
		last = max(last, h.At)
	}
	e.ClickedAt, e.LastClickedAt = instant(first), instant(last)
}

func change(changes map[int]*Change, number int) *Change {
	c := changes[number]
	if c == nil {
		c = &Change{Number: number}
		changes[number] = c
	}
	return c
}

func sortedKeys(changes map[int]*Change) []int {
	list := make([]int, 0, len(changes))
	for number := range changes {
		list = append(list, number)
	}
	slices.Sort(list)
	return list
}

func instant(ms int64) time.Time {
	if ms == 0 {
		return time.Time{}
	}
	return time.UnixMilli(ms).UTC()
}

func earliest(a, b time.Time) time.Time {
	if a.IsZero() || b.Before(a) {
		return b
	}
	return a
}

func latest(a, b time.Time) time.Time {
	if b.After(a) {
		return b
	}
	return a
}
