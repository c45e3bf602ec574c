package flow

import (
	"fmt"
	"slices"
	"strings"
)

// graph checks the ways through the flow: each step is on one from the first to an end,
// none goes round without that time passes, and no rule asks for an answer that nobody
// can have given.
func (c *checker) graph(list []*step) {
	from := c.f.reach([]string{c.f.First()}, func(s *step) []string { return s.leads(false) })
	back := map[string][]string{}
	var ends []string
	for _, s := range list {
		for _, to := range s.leads(false) {
			back[to] = append(back[to], s.ID)
		}
		if s.Kind == End {
			ends = append(ends, s.ID)
		}
	}
	to := c.f.reach(ends, func(s *step) []string { return back[s.ID] })
	for i, s := range list {
		switch {
		case !from[s.ID]:
			c.add(c.at(i, "id"), s.ID, "nobody can come here: no step leads to it")
		case !to[s.ID]:
			c.add(c.at(i, "next"), s.next, "from here there is no way to an end: people would stay for ever")
		}
	}
	c.rounds(list)
	c.answers(list)
}

// reach are the steps that can be reached from some, these included.
func (f *Flow) reach(from []string, leads func(*step) []string) map[string]bool {
	seen := map[string]bool{}
	for len(from) > 0 {
		id := from[len(from)-1]
		if from = from[:len(from)-1]; seen[id] || f.at[id] == nil {
			continue
		}
		seen[id] = true
		from = append(from, leads(f.at[id])...)
	}
	return seen
}

// rounds refuses a way that leads back to where it began without that time passes.
func (c *checker) rounds(list []*step) {
	const (
		under = 1
		done  = 2
	)
	mark := map[string]int{}
	var path []string
	var visit func(id string) bool
	visit = func(id string) bool {
		switch mark[id] {
		case done:
			return false
		case under:
			round := append(slices.Clone(path[slices.Index(path, id):]), id)
			i := slices.IndexFunc(list, func(s *step) bool { return s.ID == id })
			c.add(c.at(i, "id"), id, "goes round without a wait (%s): put a wait on the way", strings.Join(round, " → "))
			return true
		}
		mark[id], path = under, append(path, id)
		for _, to := range c.f.at[id].leads(true) {
			if visit(to) {
				return true
			}
		}
		mark[id], path = done, path[:len(path)-1]
		return false
	}
	for _, s := range list {
		if visit(s.ID) {
			return
		}
	}
}

// answers refuses rules that ask for answers, or for what became of messages, that
// nobody can have when they come there.
func (c *checker) answers(list []*step) {
	for i, s := range list {
		for j, w := range s.ways {
			where := c.at(i, fmt.Sprintf("branches[%d].", j))
			for _, key := range w.rule.AnswersNamed() {
				if !c.f.before(c.f.asked[key.Name], s.ID) {
					c.add(where+key.At, "answers."+key.Name, "is not asked for on any way to here: ask before")
				}
			}
			for _, id := range w.rule.StepsNamed() {
				if !c.f.before([]string{id.Name}, s.ID) {
					c.add(where+id.At, "steps."+id.Name, "is on no way to here: nothing can have become of its message")
				}
			}
		}
	}
}

// before reports whether one of the steps asking is on a way to a step.
func (f *Flow) before(asking []string, id string) bool {
	return slices.ContainsFunc(asking, func(asking string) bool {
		return f.reach(f.at[asking].leads(false), func(s *step) []string { return s.leads(false) })[id]
	})
}

// Unasked says of the answers that a step's texts ask for which nobody can have given.
func (f *Flow) Unasked(id string, keys []string) (wrong []string) {
	for _, key := range keys {
		switch asking := f.asked[key]; {
		case len(asking) == 0:
			wrong = append(wrong, fmt.Sprintf("answers.%s: no step of the flow asks for it", key))
		case !f.before(asking, id):
			wrong = append(wrong, fmt.Sprintf("answers.%s: it is asked for on no way to here", key))
		}
	}
	return wrong
}
