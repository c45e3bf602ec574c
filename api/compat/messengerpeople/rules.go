package messengerpeople

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"carillon/contacts/property"
	"carillon/wording"
)

// fieldConfig is a field of rules as QueryBuilder's filters name it.
type fieldConfig struct {
	ID        string            `json:"id"`
	Field     string            `json:"field"`
	Label     string            `json:"label"`
	Type      string            `json:"type"`
	Input     string            `json:"input"`
	Operators []string          `json:"operators"`
	Values    map[string]string `json:"values,omitempty"`
}

func (s *Server) showFields(ctx context.Context, a asked) (any, error) {
	t, err := s.translator(ctx, a)
	if err != nil {
		return nil, err
	}
	described, choices, err := s.Rules.Fields(ctx, a.caller.AccountID)
	if err != nil {
		return nil, err
	}
	config := []fieldConfig{{
		ID: wording.Number, Field: wording.Number, Label: "Number", Type: "string", Input: "text",
		Operators: []string{"equal", "not_equal", "in", "not_in", "begins_with", "not_begins_with", "contains", "not_contains", "ends_with", "not_ends_with"},
	}}
	for _, d := range described {
		name := t.nameOf(d.Name)
		if name == d.Name && !slices.Contains([]string{"name", "language", "label"}, name) {
			continue // these have no name here, and are taken all the same
		}
		typ, input := d.Form()
		c := fieldConfig{ID: name, Field: name, Label: d.Label, Type: typ, Input: input}
		for _, o := range d.Operators() {
			c.Operators = append(c.Operators, string(o))
		}
		for _, choice := range d.Choices {
			c.set(choice, choice)
		}
		for _, choice := range choices {
			switch {
			case choice.Field != d.Name:
			case d.Name != "category":
				c.set(strconv.FormatInt(choice.ID, 10), choice.Name)
			case t.slots[choice.ID] != 0:
				c.set(strconv.Itoa(t.slots[choice.ID]), choice.Name)
			}
		}
		if d.Name == "status" {
			c.Values = map[string]string{"1": "active", "0": "inactive"}
		}
		config = append(config, c)
	}
	return struct {
		Config []fieldConfig `json:"config"`
	}{config}, nil
}

func (c *fieldConfig) set(name, label string) {
	if c.Values == nil {
		c.Values = map[string]string{}
	}
	c.Values[name] = label
}

// translator says rules in MessengerPeople's words and in Carillon's.
type translator struct {
	properties []property.Property
	// slots are the numbers of categories by their ids.
	slots map[int64]int
}

func (s *Server) translator(ctx context.Context, a asked) (t translator, err error) {
	if t.properties, err = s.Properties.List(ctx, a.caller.AccountID); err != nil {
		return t, err
	}
	list, err := s.categories(ctx, a)
	t.slots = map[int64]int{}
	for _, l := range list {
		t.slots[l.ID] = l.Slot
	}
	return t, err
}

// nameOf is what a field of Carillon's is called.
func (t translator) nameOf(field string) string {
	if key, is := strings.CutPrefix(field, "attributes."); is {
		for _, p := range t.properties {
			if p.Key == key {
				return p.Called()
			}
		}
	}
	for name, of := range wording.FieldNames {
		if of == field {
			return name
		}
	}
	return field
}

// outward says a rule in MessengerPeople's words, as far as it has some.
func (t translator) outward(rule json.RawMessage) (json.RawMessage, error) {
	d := json.NewDecoder(bytes.NewReader(rule))
	d.UseNumber()
	var root any
	if err := d.Decode(&root); err != nil {
		return nil, fmt.Errorf("read rule: %w", err)
	}
	t.rename(root)
	return wording.Encoded(root)
}

func (t translator) rename(node any) {
	n, is := node.(wording.Object)
	if !is {
		return
	}
	if rules, is := n["rules"].([]any); is {
		for _, rule := range rules {
			t.rename(rule)
		}
		return
	}
	field, _ := n["field"].(string)
	switch field {
	case "status":
		n["value"] = wording.Replaced(n["value"], func(v string) any { return map[string]any{"active": "1", "inactive": "0"}[v] })
	case "category":
		n["value"] = wording.Replaced(n["value"], func(v string) any {
			id, _ := strconv.ParseInt(v, 10, 64)
			if slot := t.slots[id]; slot != 0 {
				return slot
			}
			return nil
		})
	case "targeting":
		n["value"] = wording.Replaced(n["value"], func(v string) any {
			id, err := strconv.ParseInt(v, 10, 64)
			if err != nil {
				return nil
			}
			return targetingNumber(id)
		})
	default:
		n["field"] = t.nameOf(field)
	}
	if n["value"] == nil {
		delete(n, "value")
	}
	if _, has := n["id"]; has {
		n["id"] = n["field"]
	}
}

// queries say queries in Carillon's words.
func (t translator) queries() wording.Queries {
	return wording.Queries{
		Properties: t.properties,
		Category: func(v string) any {
			for id, slot := range t.slots {
				if strconv.Itoa(slot) == v {
					return id
				}
			}
			return nil
		},
		Targeting: func(v string) any {
			number, err := strconv.ParseInt(v, 10, 64)
			if err != nil {
				return nil
			}
			return number - firstTargeting
		},
	}
}
