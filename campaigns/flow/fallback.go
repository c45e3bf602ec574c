package flow

import (
	"fmt"
	"maps"
	"slices"

	"carillon/contacts/property"
	"carillon/internal/naming"
)

// maxFallbacks bounds how many other channels one send tries: there are as many kinds of them.
const maxFallbacks = 5

// Fallback is another channel for who was not reached by the tries before it.
type Fallback struct {
	ChannelID int64      `json:"channel_id,omitempty" doc:"The channel; 0 is the flow's."`
	Channel   naming.Ref `json:"channel,omitzero" kind:"channel" doc:"Instead of channel_id: the channel, by its id or its name. It is kept as an id."`
	Content   *Saying    `json:"content,omitempty" doc:"What is said there; left out, what the step says."`
	// Undelivered has who may have got it tried here, too.
	Undelivered string   `json:"undelivered,omitempty" doc:"Also who got the try before without a receipt, for so long, that it has arrived: a duration from 1m to 90d. Without it only who could not be sent it, or of whom it came back." example:"1h"`
	Reasons     []string `json:"reasons,omitempty" doc:"For these reasons alone, such as no_address or recipient_refused, it is tried here; the others leave by the step's own exits. Empty: for any."`
}

// writeOut writes the fallbacks of steps out as the steps that they stand for: for each try a
// send, and before it, where undelivered says so, a wait for what was sent to arrive. What is
// walked, shown and counted is that alone. places are where somebody wrote each step.
func (c *checker) writeOut(d Definition) Definition {
	var steps []Step
	for i, s := range d.Steps {
		at := fmt.Sprintf("steps[%d]", i)
		if len(s.Fallback) == 0 {
			steps, c.f.places = append(steps, s), append(c.f.places, at)
			continue
		}
		switch {
		case s.Kind != Send:
			c.add(at+".fallback", nil, "belongs to send, and this step is of the kind %s: take it away", s.Kind)
		case len(s.Fallback) > maxFallbacks:
			c.add(at+".fallback", len(s.Fallback), "a step has at most %d", maxFallbacks)
		}
		next := s.Next
		if next == "" && i+1 < len(d.Steps) {
			next = d.Steps[i+1].ID
		}
		tries := s.tries(next)
		for _, t := range tries {
			steps = append(steps, t.Step)
			if t.of < 0 {
				c.f.places = append(c.f.places, at)
			} else {
				c.f.places = append(c.f.places, fmt.Sprintf("%s.fallback[%d]", at, t.of))
			}
		}
	}
	d.Steps = steps
	return d
}

// try is a step that a fallback stands for: of is its number, -1 is the step's own.
type try struct {
	Step
	of int
}

// tries are the steps that a send with fallbacks stands for, which all lead on to next.
func (s Step) tries(next string) (list []try) {
	named := func(i int) string {
		if i == 0 {
			return s.ID
		}
		return fmt.Sprintf("%s_%d", s.ID, i+1)
	}
	for i := range len(s.Fallback) + 1 {
		sends := Step{ID: named(i), Kind: s.Kind, ChannelID: s.ChannelID, Channel: s.Channel, Content: s.Content, Next: next, Exits: maps.Clone(s.Exits)}
		if i > 0 {
			own := s.Fallback[i-1]
			if sends.ChannelID, sends.Channel = own.ChannelID, own.Channel; own.Content != nil {
				sends.Content = own.Content
			}
		}
		if i == len(s.Fallback) {
			list = append(list, try{sends, i - 1})
			continue
		}
		behind := s.Fallback[i]
		exits := behind.exits(named(i+1), s.Exits, ExitSkipped, ExitFailed)
		if sends.Exits = exits; behind.Undelivered == "" {
			list = append(list, try{sends, i - 1})
			continue
		}
		waits := Step{ID: named(i) + "_arrived", Kind: Wait, Next: next, Wait: &WaitFor{Delivered: true, AtMost: behind.Undelivered}}
		waits.Exits = behind.exits(named(i+1), s.Exits, ExitFailed)
		waits.Exits[ExitTimeout] = named(i + 1)
		sends.Next = waits.ID
		list = append(list, try{sends, i - 1}, try{waits, i})
	}
	return list
}

// exits lead to a try where the reason is one of the fallback's, and else where the step's own do.
func (f Fallback) exits(to string, own map[string]string, of ...string) map[string]string {
	exits := map[string]string{}
	for _, exit := range of {
		if len(f.Reasons) == 0 {
			exits[exit] = to
			continue
		}
		if own[exit] != "" {
			exits[exit] = own[exit]
		}
		for _, reason := range f.Reasons {
			exits[exit+exitReason+reason] = to
		}
	}
	return exits
}

// exitReason stands between an exit and the reason for which alone it is taken.
const exitReason = ":"

// validReason reports whether a text may be a reason; which there are is not for flows to know.
func validReason(reason string) bool { return property.ValidKey(reason) }

// Reasons are those that exits of the steps name, each once, in order.
func (f *Flow) Reasons() (named []string) {
	for _, s := range f.Steps {
		for exit := range s.Exits {
			if _, reason := cutExit(exit); reason != "" {
				named = append(named, reason)
			}
		}
	}
	slices.Sort(named)
	return slices.Compact(named)
}

// GaveUp reports whether who left a step by an exit was taken for not having got what was sent
// last: it failed, or nothing was heard of it in time.
func (f *Flow) GaveUp(step, exit string) bool {
	if exit != ExitTimeout {
		return exit == ExitFailed
	}
	s, known := f.StepOf(step)
	return known && s.Kind == Wait && s.Wait.Delivered
}
