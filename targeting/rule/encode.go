package rule

import "encoding/json"

// The JSON of a rule: QueryBuilder's form.
type (
	jsonGroup struct {
		Condition string `json:"condition"`
		Not       bool   `json:"not"`
		Rules     []any  `json:"rules"`
		Timezone  string `json:"timezone,omitempty"`
	}
	jsonCondition struct {
		ID       string   `json:"id"`
		Field    string   `json:"field"`
		Type     string   `json:"type"`
		Input    string   `json:"input"`
		Operator Operator `json:"operator"`
		Value    any      `json:"value"`
	}
	jsonRelative struct {
		DaysBefore int `json:"days_before"`
	}
)

// MarshalJSON writes the rule in QueryBuilder's form, whichever it was read
// from. Parse reads the same tree from it.
func (r Rule) MarshalJSON() ([]byte, error) {
	if r.Root == nil {
		return []byte("null"), nil
	}
	g := encodeGroup(r.Root)
	g.Timezone = r.Timezone
	return json.Marshal(g)
}

func encodeGroup(g *Group) jsonGroup {
	out := jsonGroup{Condition: "AND", Not: g.Not, Rules: make([]any, 0, len(g.Nodes))}
	if g.Any {
		out.Condition = "OR"
	}
	for _, n := range g.Nodes {
		if n.Group != nil {
			out.Rules = append(out.Rules, encodeGroup(n.Group))
		} else {
			out.Rules = append(out.Rules, encodeCondition(n.Condition))
		}
	}
	return out
}

func encodeCondition(c *Condition) jsonCondition {
	typ, input := c.Field.Form()
	out := jsonCondition{ID: c.Field.Name, Field: c.Field.Name, Type: typ, Input: input, Operator: c.Operator}
	switch c.Operator.arity() {
	case none:
	case single:
		out.Value = encodeValue(c.Field, c.Values[0])
	default:
		values := make([]any, len(c.Values))
		for i, v := range c.Values {
			values[i] = encodeValue(c.Field, v)
		}
		out.Value = values
	}
	return out
}

func encodeValue(f Field, v Value) any {
	switch {
	case v.Relative:
		return jsonRelative{v.Days}
	case f.Compare == AsNumber || f.Compare == AsID:
		return json.Number(v.Text)
	case f.Compare == AsBoolean:
		return v.Text == "true"
	default:
		return v.Text
	}
}

// Form is QueryBuilder's type of the field's values, and the input in which
// they are entered.
func (f Field) Form() (typ, input string) {
	switch f.Compare {
	case AsNumber:
		if f.Integer {
			return "integer", "number"
		}
		return "double", "number"
	case AsID:
		return "integer", "select"
	case AsBoolean:
		return "boolean", "radio"
	case AsDate:
		return "date", "text"
	case AsTime:
		return "time", "text"
	case AsInstant:
		return "datetime", "text"
	default:
		return "string", "text"
	}
}
