// Package rule owns the language in which users say who gets a message: its
// tree, its two written forms (jQuery QueryBuilder's and Chatwoot's flat one),
// and what a tree means, in SQL for SQLite and PostgreSQL and in memory. The
// three meanings are one: docs/targeting.md has the decisions, and a test over
// random rules and contacts holds them together. It must not know how contacts
// are stored or written, nor campaigns, nor HTTP.
package rule

import (
	"path"
	"slices"
	"strings"
	"time"
)

// Bounds of a rule.
const (
	// MaxDepth is how deep groups may stand inside groups, the lists inside a
	// rule included.
	MaxDepth = 64
	// MaxConditions is how many conditions a rule may have.
	MaxConditions = 1000
	// MaxExpanded is how many conditions a rule may have with the lists inside it
	// written out.
	MaxExpanded = 5000
	// MaxValues is how many values one condition may list.
	MaxValues = 5000
	// MaxText is the longest text in a rule, in bytes.
	MaxText = 10_000
	// MaxSize is the largest rule, in bytes of JSON.
	MaxSize = 1 << 20
)

// Rule is a whole rule. The zero Rule holds for nobody.
type Rule struct {
	Root *Group
	// Timezone is the IANA zone in which the rule's days begin; empty means UTC.
	Timezone string
}

// Group joins nodes: by AND, or by OR if Any.
type Group struct {
	Any bool
	// Not turns the group's meaning around.
	Not   bool
	Nodes []Node
}

// Node is a Group or a Condition; the other one is nil.
type Node struct {
	Group     *Group
	Condition *Condition
}

// Condition is one comparison of a field.
type Condition struct {
	Field    Field
	Operator Operator
	// Values are as many as the operator takes.
	Values []Value
	// at is where the value stood in what was parsed.
	at string
}

// Value is what a field is compared with, in normal form.
type Value struct {
	// Text is the value by the field's comparison: text as it was given; numbers
	// and ids in decimal; true or false; 2006-01-02; 15:04:05; for instants a day
	// 2006-01-02, a wall-clock time 2006-01-02T15:04[:05] or an RFC 3339 time.
	// Empty if Relative.
	Text string
	// Relative says that the value is a day, Days days before today.
	Relative bool
	Days     int
}

// Moment is when and for whom a rule is looked at.
type Moment struct {
	AccountID int64
	// Now decides relative dates, activity within days and which values have
	// expired; in milliseconds.
	Now time.Time
	// Lists are the targeting lists inside the rule, and inside those, by id. One
	// that is missing holds for nobody.
	Lists map[int64]Rule
}

// Reference is something that a rule names by its id.
type Reference struct {
	// Source is what is named: Membership, Targeting or Campaign.
	Source Source
	// Kind is the kind of list of a Membership.
	Kind string
	ID   int64
	// At is the place in the rule as it was written, such as
	// "rule.rules[2].value".
	At string
}

// References lists what the rule names by id, in its order, with repeats.
func (r Rule) References() []Reference {
	var found []Reference
	r.each(func(c *Condition) {
		if c.Field.Compare != AsID {
			return
		}
		for i, v := range c.Values {
			found = append(found, Reference{c.Field.Source, c.Field.Key, v.id(), c.place(i)})
		}
	})
	return found
}

// TargetingLists are the ids of the targeting lists that the rule names.
func (r Rule) TargetingLists() []int64 {
	var ids []int64
	for _, ref := range r.References() {
		if ref.Source == Targeting {
			ids = append(ids, ref.ID)
		}
	}
	return ids
}

// Properties are the keys of the properties that the rule looks at, with
// repeats.
func (r Rule) Properties() []string {
	var keys []string
	r.each(func(c *Condition) {
		if c.Field.Source == Attribute {
			keys = append(keys, c.Field.Key)
		}
	})
	return keys
}

func (r Rule) each(visit func(*Condition)) {
	var walk func(g *Group)
	walk = func(g *Group) {
		for i := range g.Nodes {
			if n := &g.Nodes[i]; n.Group != nil {
				walk(n.Group)
			} else {
				visit(n.Condition)
			}
		}
	}
	if r.Root != nil {
		walk(r.Root)
	}
}

// place is where the condition's ith value stands.
func (c *Condition) place(i int) string {
	if c.Operator.arity() == single {
		return c.at
	}
	return index(c.at, i)
}

// Noun is what is referred to: category, group, label, upload, targeting or
// campaign.
func (r Reference) Noun() string {
	if r.Source == Membership {
		return r.Kind
	}
	return string(r.Source)
}

// Asked is something of a flow that a condition asks for.
type Asked struct {
	// Name is the key of an answer, or the step.
	Name string
	// At is the condition's place in the rule as it was written, such as "rule.rules[2]".
	At string
}

// AnswersNamed are the answers of a flow that the rule asks for, and StepsNamed the steps
// whose messages it asks for.
func (r Rule) AnswersNamed() []Asked { return r.asked(Answer) }

// StepsNamed is said at AnswersNamed.
func (r Rule) StepsNamed() []Asked { return r.asked(Step) }

func (r Rule) asked(source Source) (list []Asked) {
	r.each(func(c *Condition) {
		if c.Field.Source == source {
			list = append(list, Asked{c.Field.Key, strings.TrimSuffix(c.at, path.Ext(c.at))})
		}
	})
	return list
}

// Sources are where the rule's fields come from, each once.
func (r Rule) Sources() (sources []Source) {
	r.each(func(c *Condition) {
		if !slices.Contains(sources, c.Field.Source) {
			sources = append(sources, c.Field.Source)
		}
	})
	return sources
}
