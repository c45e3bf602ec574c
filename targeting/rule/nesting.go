package rule

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"carillon/contacts/property"
	"carillon/internal/fault"
)

// CheckNesting refuses a rule that is to be list id, or no list yet if id is 0,
// if the lists inside it lead back to it, or if it grows too large with them. all
// has the account's lists; those that have the list inside them are looked at
// too.
func CheckNesting(id int64, r Rule, all map[int64]Rule) error {
	with := make(map[int64]Rule, len(all)+1)
	for other, its := range all {
		with[other] = its
	}
	if id != 0 {
		with[id] = r
		for _, ref := range r.References() {
			if ref.Source != Targeting {
				continue
			}
			if path := leadsTo(ref.ID, id, with, map[int64]bool{}); path != nil {
				return fault.InvalidField(ref.At, ref.ID, "makes a circle: %s", circle(append([]int64{id}, path...)))
			}
		}
	}
	if _, err := r.SQL(SQLite, Moment{Lists: with}); err != nil {
		return err
	}
	for other, its := range all {
		if id == 0 || other == id || leadsTo(other, id, with, map[int64]bool{}) == nil {
			continue
		}
		if _, err := its.SQL(SQLite, Moment{Lists: with}); err != nil {
			return fault.InvalidField(Root, nil, "is too large inside list %d, which uses this one", other)
		}
	}
	return nil
}

// leadsTo is the way from a list to another through the lists inside; nil if
// there is none.
func leadsTo(from, to int64, all map[int64]Rule, seen map[int64]bool) []int64 {
	if from == to {
		return []int64{to}
	}
	if seen[from] {
		return nil
	}
	seen[from] = true
	for _, inner := range all[from].TargetingLists() {
		if path := leadsTo(inner, to, all, seen); path != nil {
			return append([]int64{from}, path...)
		}
	}
	return nil
}

func circle(ids []int64) string {
	words := make([]string, len(ids))
	for i, id := range ids {
		words[i] = "list " + strconv.FormatInt(id, 10)
	}
	return strings.Join(words, " uses ")
}

// OfLists is the rule of being in one of some targeting lists.
func OfLists(ids []int64) Rule {
	values := make([]Value, len(ids))
	for i, id := range ids {
		values[i] = Value{Text: fmt.Sprint(id)}
	}
	f := Field{Name: "targeting", Source: Targeting, Compare: AsID}
	return Rule{Root: &Group{Nodes: []Node{{Condition: &Condition{Field: f, Operator: In, Values: values}}}}}
}

// Uses reports whether the rule looks at a property.
func (r Rule) Uses(p property.Property) bool { return slices.Contains(r.Properties(), p.Key) }
