package rule

import (
	"slices"
	"strings"
	"time"

	"carillon/contacts/property"
)

// Contact is a contact as rules see it.
type Contact struct {
	ID                                                                int64
	ExternalID, Name, FirstName, LastName, Language, Timezone, Status string
	CreatedAt                                                         time.Time
	// The zero time means never.
	LastActivityAt, LastRepliedAt time.Time
	// Addresses by kind.
	Addresses map[string]string
	// Attributes are the values of properties by key, as encoding/json decodes
	// their stored form: string, float64, bool, []any of strings, nil.
	Attributes map[string]any
	// Expiry says when values end, ChangedAt when they were last changed, by key.
	Expiry, ChangedAt map[string]time.Time
	// Lists has the kind of every list that the contact is in, by its id.
	Lists map[int64]string
	// Messages are what the contact was sent.
	Messages []Message
	// Events are when events happened, by their names.
	Events map[string][]time.Time
	// Answers are what was answered in a flow, by step, as Attributes are; Steps are what
	// became of the messages of its steps. Only rules of flows ask for them.
	Answers map[string]any
	Steps   map[string][]string
}

// Message is something that was sent to a contact. Zero times mean never.
type Message struct {
	// CampaignID is 0 for transactional messages.
	CampaignID                  int64
	SentAt, DeliveredAt, ReadAt time.Time
	// LastOpenedAt and LastClickedAt are when the contact did that last.
	LastOpenedAt, LastClickedAt time.Time
}

// at is one of the message's times by the key of a field.
func (m Message) at(key string) time.Time {
	switch key {
	case "sent_at":
		return m.SentAt
	case "delivered_at":
		return m.DeliveredAt
	case "read_at":
		return m.ReadAt
	case lastOpened:
		return m.LastOpenedAt
	case lastClicked:
		return m.LastClickedAt
	}
	return time.Time{}
}

// Match reports whether the rule holds for the contact, as its SQL would. Lists
// inside lists in a circle hold for nobody; Service refuses to save them.
func (r Rule) Match(c *Contact, m Moment) bool {
	x := matcher{contact: c, moment: m}
	return x.rule(r, 1)
}

type matcher struct {
	contact  *Contact
	moment   Moment
	calendar calendar
}

func (m *matcher) rule(r Rule, depth int) bool {
	if r.Root == nil || depth > MaxDepth {
		return false
	}
	outer := m.calendar
	m.calendar = newCalendar(r.Timezone, m.moment.Now)
	holds := m.group(r.Root, depth)
	m.calendar = outer
	return holds
}

func (m *matcher) group(g *Group, depth int) bool {
	holds := !g.Any
	for i := range g.Nodes {
		var one bool
		if n := &g.Nodes[i]; n.Group != nil {
			one = m.group(n.Group, depth+1)
		} else {
			one = m.condition(n.Condition, depth)
		}
		if one == g.Any {
			holds = one
			break
		}
	}
	return holds != g.Not
}

func (m *matcher) condition(c *Condition, depth int) bool {
	o, negated := c.Operator.positive()
	return m.positive(c.Field, o, c.Values, depth) != negated
}

func (m *matcher) positive(f Field, o Operator, values []Value, depth int) bool {
	switch {
	case f.Source == Targeting:
		return slices.ContainsFunc(values, func(v Value) bool { return m.rule(m.moment.Lists[v.id()], depth+1) })
	case f.Compare == AsID:
		ids := m.ids(f, o)
		if o == IsNull || o == IsEmpty {
			return len(ids) == 0
		}
		return slices.ContainsFunc(values, func(v Value) bool { return slices.Contains(ids, v.id()) })
	case f.Compare == AsNumber:
		n, ok := m.number(f)
		return isPresence(o) != ok && (isPresence(o) || compareNumber(n, o, values))
	case f.Compare == AsInstant:
		at := m.instant(f)
		return isPresence(o) == at.IsZero() && (isPresence(o) || m.compareInstant(at.UnixMilli(), o, values))
	}
	texts, ok := m.texts(f)
	switch {
	case o == IsNull:
		return !ok
	case !ok: // of another type than the field's, or none
		return o == IsEmpty
	case o == IsEmpty && f.Compare == AsSet:
		return len(texts) == 0
	case o == IsEmpty:
		return isText(f.Compare) && texts[0] == ""
	}
	wanted := make([]string, len(values))
	for i, v := range values {
		wanted[i] = folded(f, v, m.calendar)
	}
	return slices.ContainsFunc(texts, func(text string) bool { return compareText(text, o, wanted) })
}

func isPresence(o Operator) bool { return o == IsNull || o == IsEmpty }

// ids are the ids of what the contact belongs to; for presence those of the
// field's kind alone.
func (m *matcher) ids(f Field, o Operator) []int64 {
	var ids []int64
	if f.Source == Campaign {
		for _, message := range m.contact.Messages {
			if message.CampaignID != 0 && !message.SentAt.IsZero() {
				ids = append(ids, message.CampaignID)
			}
		}
		return ids
	}
	for id, kind := range m.contact.Lists {
		if kind == f.Key || !isPresence(o) {
			ids = append(ids, id)
		}
	}
	return ids
}

func (m *matcher) number(f Field) (n float64, ok bool) {
	switch f.Source {
	case Column:
		return float64(m.contact.ID), true
	case Happened:
		since := m.moment.Now.AddDate(0, 0, -f.Days).UnixMilli()
		for _, at := range m.contact.Events[f.Key] {
			if f.Days == 0 || at.UnixMilli() > since {
				n++
			}
		}
		return n, true
	case Received, Engaged:
		key := f.Key
		if key == "" {
			key = "sent_at"
		}
		since := m.moment.Now.AddDate(0, 0, -f.Days).UnixMilli()
		for _, message := range m.contact.Messages {
			if at := message.at(key); !message.SentAt.IsZero() && !at.IsZero() && at.UnixMilli() > since {
				n++
			}
		}
		return n, true
	default:
		n, ok = m.value(f).(float64)
		return n, ok
	}
}

// value is that of a property or of an answer.
func (m *matcher) value(f Field) any {
	if f.Source == Answer {
		return m.contact.Answers[f.Key]
	}
	return m.attribute(f)
}

// expired reports whether the value of a property has ended.
func (m *matcher) expired(f Field) bool {
	end, ends := m.contact.Expiry[f.Key]
	return ends && end.UnixMilli() <= m.moment.Now.UnixMilli()
}

// attribute is the value of a property, nil if it has none or it has expired.
func (m *matcher) attribute(f Field) any {
	if m.expired(f) {
		return nil
	}
	return m.contact.Attributes[f.Key]
}

func (m *matcher) instant(f Field) time.Time {
	switch {
	case f.Source == Happened:
		return slices.MaxFunc(append(m.contact.Events[f.Key], time.Time{}), time.Time.Compare)
	case f.Source == Changed && m.expired(f):
		return time.Time{}
	case f.Source == Changed:
		return m.contact.ChangedAt[f.Key]
	}
	switch f.Key {
	case "created_at":
		return m.contact.CreatedAt
	case "last_activity_at":
		return m.contact.LastActivityAt
	case "last_replied_at":
		return m.contact.LastRepliedAt
	}
	var last time.Time
	for _, message := range m.contact.Messages {
		if at := message.at(f.Key); !message.SentAt.IsZero() && at.After(last) {
			last = at
		}
	}
	return last
}

// texts are the field's values as they are compared; ok is false if it has none.
func (m *matcher) texts(f Field) (texts []string, ok bool) {
	c := m.contact
	var text string
	switch f.Source {
	case Address:
		text = c.Addresses[f.Key]
	case Step:
		texts, ok = c.Steps[f.Key]
		return texts, ok
	case Attribute, Answer:
		switch value := m.value(f).(type) {
		case string:
			if f.Compare == AsText {
				value = property.Fold(value)
			}
			return []string{value}, f.Compare != AsBoolean && f.Compare != AsSet
		case bool:
			return []string{map[bool]string{true: "true", false: "false"}[value]}, f.Compare == AsBoolean
		case []any:
			for _, element := range value {
				if s, isText := element.(string); isText {
					texts = append(texts, property.Fold(s))
				}
			}
			return texts, f.Compare == AsSet
		}
		return nil, false
	default:
		text = map[string]string{
			"external_id": c.ExternalID, "name": c.Name, "first_name": c.FirstName, "last_name": c.LastName,
			"language": c.Language, "timezone": c.Timezone, "status": c.Status,
		}[f.Key]
	}
	if text == "" {
		return nil, false
	}
	if f.Compare == AsText {
		return []string{property.Fold(text)}, true
	}
	return []string{asciiLower(text)}, true
}

func compareText(text string, o Operator, values []string) bool {
	switch o {
	case In:
		return slices.Contains(values, text)
	case Between:
		return text >= values[0] && text <= values[1]
	case BeginsWith:
		return strings.HasPrefix(text, values[0])
	case Contains:
		return strings.Contains(text, values[0])
	case EndsWith:
		return strings.HasSuffix(text, values[0])
	default:
		return ordered(strings.Compare(text, values[0]), o)
	}
}

func compareNumber(n float64, o Operator, values []Value) bool {
	compare := func(v Value) int {
		switch other := v.number(); {
		case n < other:
			return -1
		case n > other:
			return 1
		}
		return 0
	}
	switch o {
	case In:
		return slices.ContainsFunc(values, func(v Value) bool { return compare(v) == 0 })
	case Between:
		return compare(values[0]) >= 0 && compare(values[1]) <= 0
	default:
		return ordered(compare(values[0]), o)
	}
}

func ordered(sign int, o Operator) bool {
	switch o {
	case Equal:
		return sign == 0
	case Less:
		return sign < 0
	case LessOrEqual:
		return sign <= 0
	case Greater:
		return sign > 0
	default:
		return sign >= 0
	}
}

func (m *matcher) compareInstant(at int64, o Operator, values []Value) bool {
	first := m.calendar.span(values[0])
	switch o {
	case Less:
		return at < first.from
	case LessOrEqual:
		return at < first.until
	case Greater:
		return at >= first.until
	case GreaterOrEqual:
		return at >= first.from
	case Between:
		return at >= first.from && at < m.calendar.span(values[1]).until
	default:
		return slices.ContainsFunc(values, func(v Value) bool {
			in := m.calendar.span(v)
			return at >= in.from && at < in.until
		})
	}
}
