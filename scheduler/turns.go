package scheduler

import (
	"container/heap"
	"context"
	"errors"

	"carillon/messages"
)

const (
	// maxFed is how many runs a pass feeds on a channel, and maxAsked of how many it
	// asks whether the limit of their own lets them: the others have their turn in the
	// next pass, which follows at once.
	maxFed   = 128
	maxAsked = 256
)

// share is what one run gets of the room in a channel's window.
type share struct {
	item *messages.Feedable
	// envelopes of perEnvelope messages each.
	envelopes, perEnvelope int
}

// turn is where a run stands. Each envelope moves it on by one divided by its weight,
// and whoever is furthest behind goes first.
type turn struct {
	since  float64
	taken  int
	weight int
}

func (t turn) at() float64 { return t.since + float64(t.taken)/float64(t.weight) }

// turns is a weighted round robin over the runs of a channel (stride scheduling:
// Waldspurger and Weihl, 1995).
type turns map[int64]turn

// candidate is a run in a pass.
type candidate struct {
	share
	turn
	// left is how many messages it still has to give, most how many envelopes it may
	// add; known says that it is.
	left  int64
	most  int
	known bool
}

// candidates are a heap: who is furthest behind is first.
type candidates []*candidate

func (c candidates) Len() int      { return len(c) }
func (c candidates) Swap(i, j int) { c[i], c[j] = c[j], c[i] }
func (c candidates) Less(i, j int) bool {
	if a, b := c[i].at(), c[j].at(); a != b {
		return a < b
	}
	return c[i].item.RunID < c[j].item.RunID
}
func (c *candidates) Push(x any) { *c = append(*c, x.(*candidate)) }
func (c *candidates) Pop() any {
	last := (*c)[len(*c)-1]
	*c = (*c)[:len(*c)-1]
	return last
}

// begin lines the runs up that have something to give. Runs that are gone are
// forgotten, and who is new, or comes again, begins where the one furthest behind
// stands.
func (t turns) begin(items []*messages.Feedable) candidates {
	var line candidates
	var fresh []*candidate
	first, known := 0.0, false
	for _, item := range items {
		if item.Pending <= 0 {
			continue
		}
		c := &candidate{share: share{item: item}, turn: turn{weight: max(1, item.Weight)}, left: item.Pending}
		line = append(line, c)
		old, is := t[item.RunID]
		switch {
		case !is:
			fresh = append(fresh, c)
			continue
		case old.weight == c.weight:
			c.turn = old
		default:
			c.since = old.at()
		}
		if !known || c.at() < first {
			first, known = c.at(), true
		}
	}
	for _, c := range fresh {
		c.since = first
	}
	clear(t)
	for _, c := range line {
		t[c.item.RunID] = c.turn
	}
	heap.Init(&line)
	return line
}

// terms are how a run may be fed: in envelopes of perEnvelope messages, most of them
// now, none while its own limit has no slot in sight.
type terms struct{ perEnvelope, most int }

// asking tells the terms of a run.
type asking func(context.Context, *messages.Feedable) (terms, error)

// shares gives room for so many messages to the runs in turn. Whoever can't use its
// turn has had it. A run whose terms can't be told takes none of the room, and is
// named in the error.
func (t turns) shares(ctx context.Context, items []*messages.Feedable, room int, ask asking) ([]share, error) {
	if room <= 0 {
		return nil, nil
	}
	line := t.begin(items)
	var chosen []*candidate
	var errs []error
	for asked := 0; room > 0 && len(line) > 0; {
		c := line[0]
		if !c.known {
			if asked == maxAsked || len(chosen) == maxFed {
				break
			}
			asked++
			c.known = true
			if terms, err := ask(ctx, c.item); err != nil {
				errs = append(errs, err)
			} else if terms.most > 0 {
				c.perEnvelope, c.most = terms.perEnvelope, terms.most
				chosen = append(chosen, c)
			}
		}
		c.taken++
		t[c.item.RunID] = c.turn
		if c.most > 0 {
			n := min(int64(c.perEnvelope), c.left)
			c.envelopes++
			c.left -= n
			room -= int(n)
		}
		if c.left > 0 && c.envelopes < c.most {
			heap.Fix(&line, 0)
		} else {
			heap.Pop(&line)
		}
	}
	list := make([]share, len(chosen))
	for i, c := range chosen {
		list[i] = c.share
	}
	return list, errors.Join(errs...)
}
