package rule

import (
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"carillon/contacts/property"
	"carillon/internal/near"
	"carillon/providers"
)

// Source is where a field's values come from.
type Source string

// The sources.
const (
	Column     Source = "column"     // of the contact; Key is its name
	Address    Source = "address"    // Key is the kind of address
	Attribute  Source = "attribute"  // Key is the property's
	Changed    Source = "changed"    // when the value of the property Key was last changed
	Membership Source = "membership" // Key is the kind of list: category, group, label, upload
	Targeting  Source = "targeting"  // the targeting lists whose rules hold
	Campaign   Source = "campaign"   // the campaigns that the contact was sent
	Activity   Source = "activity"   // Key is the message's time: sent_at, delivered_at, read_at
	Received   Source = "received"   // how many messages the contact was sent in Days days
	// Happened is how often, or when last, the event Key was told of the contact; within
	// Days days, or ever since events are kept if there are none.
	Happened Source = "happened"
	// Answer is what was answered at the step Key of a flow, and Step what became of the
	// messages of the step Key. Only a flow's own rules have them, and only in memory.
	Answer     Source = "answer"
	Step       Source = "step"
	Engagement Source = "engagement" // Key is when a person did it last with a message: last_opened_at, last_clicked_at
	Engaged    Source = "engaged"    // with how many messages the contact did Key in Days days, for the last time
)

// Field is what a condition compares.
type Field struct {
	// Name is how rules call it.
	Name    string
	Source  Source
	Key     string
	Compare Comparison
	// Integer says that numbers have no fraction.
	Integer bool
	// Days is the length of Received and Engaged, 1 to MaxDays.
	Days int
}

// Described is a field as a rule builder shows it.
type Described struct {
	Field
	Label string
	// Choices are the values that there are, where they are few and known.
	Choices []string
	// Filterable says that conditions on it are answered by an index.
	Filterable bool
}

// MaxDays is the longest time back over which received messages are counted.
const MaxDays = 365

const attributePrefix, addressPrefix, changedSuffix = "attributes.", "address.", ".changed_at"

// statuses are the values of the field status.
var statuses = []string{"active", "inactive", "blocked", "deleted"}

// Schema is what an account's rules may talk about.
type Schema struct {
	fields []Described
	byName map[string]int
	labels map[string]int64
	// names are what the fields of ids may name, by field; nil where names are not taken.
	names map[string]*names
	// written says that a rule is read which somebody writes.
	written bool
}

// Vocabulary is what an account adds to the fields that everybody has.
type Vocabulary struct {
	Properties []property.Property
	Kinds      []providers.AddressKind
	// Labels are the ids of the account's labels by name; Chatwoot's form names
	// them so.
	Labels map[string]int64
	// Events are the names under which events came; rules may ask for others, too.
	Events []string
	// Answers and Steps are those of the flow whose rules are read; of no other rules.
	Answers map[string]Comparison
	Steps   []string
	// Names are ids by name, by the field that takes them; nil for rules that are kept,
	// which have ids alone. They stand for rules that somebody writes: in these a value
	// that a property can't have is a mistake.
	Names map[string]map[string]int64
}

// StepFacts are what may be asked of the messages of a flow's step.
func StepFacts() []string {
	return []string{"sent", "delivered", "read", "clicked", "replied", "failed", "skipped"}
}

// plainKey is the form of keys: they are written into SQL.
var plainKey = regexp.MustCompile(`^[a-z][a-z0-9_]{0,62}$`)

// NewSchema makes the schema of an account.
func NewSchema(v Vocabulary) *Schema {
	s := &Schema{byName: map[string]int{}, labels: map[string]int64{}, names: map[string]*names{}, written: v.Names != nil}
	for field, ids := range v.Names {
		s.names[field] = newNames(ids)
	}
	for name, id := range v.Labels {
		s.labels[property.Fold(name)] = id
	}
	column := func(name, label string, compare Comparison) {
		s.add(Described{Field: Field{Name: name, Source: Column, Key: name, Compare: compare}, Label: label})
	}
	s.add(Described{Field: Field{Name: "id", Source: Column, Key: "id", Compare: AsNumber, Integer: true}, Label: "Id", Filterable: true})
	column("external_id", "External id", AsCode)
	column("name", "Name", AsText)
	column("first_name", "First name", AsText)
	column("last_name", "Last name", AsText)
	column("language", "Language", AsCode)
	column("timezone", "Time zone", AsCode)
	s.add(Described{Field: Field{Name: "status", Source: Column, Key: "status", Compare: AsCode}, Label: "Status", Choices: statuses})
	column("created_at", "Created", AsInstant)
	column("last_activity_at", "Last activity", AsInstant)
	column("last_replied_at", "Last replied", AsInstant)
	for _, kind := range v.Kinds {
		s.add(Described{Field: Field{Name: addressPrefix + string(kind), Source: Address, Key: string(kind), Compare: AsCode}, Label: "Address: " + string(kind)})
	}
	for _, kind := range []struct{ name, label string }{{"category", "Category"}, {"group", "Group"}, {"label", "Label"}, {"upload", "Upload"}} {
		s.add(Described{Field: Field{Name: kind.name, Source: Membership, Key: kind.name, Compare: AsID}, Label: kind.label})
	}
	s.add(Described{Field: Field{Name: "targeting", Source: Targeting, Compare: AsID}, Label: "Targeting list"})
	s.add(Described{Field: Field{Name: "campaign", Source: Campaign, Compare: AsID}, Label: "Was sent the campaign"})
	for _, activity := range []struct{ name, key, label string }{
		{"last_message_at", "sent_at", "Last message sent"},
		{"last_delivered_at", "delivered_at", "Last message delivered"},
		{"last_read_at", "read_at", "Last message read"},
	} {
		s.add(Described{Field: Field{Name: activity.name, Source: Activity, Key: activity.key, Compare: AsInstant}, Label: activity.label})
	}
	for _, engagement := range []struct{ name, label string }{{lastOpened, "Last message opened"}, {lastClicked, "Last link clicked"}} {
		s.add(Described{Field: Field{Name: engagement.name, Source: Engagement, Key: engagement.name, Compare: AsInstant}, Label: engagement.label})
	}
	for _, counted := range counters {
		for _, days := range []int{7, 30, 90, 365} {
			s.add(Described{Field: counted.field(days), Label: counted.label + " in " + strconv.Itoa(days) + " days"})
		}
	}
	for _, p := range v.Properties {
		if !plainKey.MatchString(p.Key) {
			continue
		}
		label := p.Label
		if label == "" {
			label = p.Key
		}
		s.add(Described{
			Field: Field{Name: attributePrefix + p.Key, Source: Attribute, Key: p.Key, Compare: p.Type.Comparison()}, Label: label,
			Choices: choices(p), Filterable: p.Filterable,
		})
		s.add(Described{
			Field: Field{Name: attributePrefix + p.Key + changedSuffix, Source: Changed, Key: p.Key, Compare: AsInstant}, Label: label + ": changed",
		})
	}
	for _, name := range v.Events {
		s.add(Described{Field: event(name, 0), Label: "Event " + name + ": times"})
		s.add(Described{Field: event(name, 30), Label: "Event " + name + ": times in 30 days"})
		s.add(Described{Field: lastEvent(name), Label: "Event " + name + ": last"})
	}
	for _, key := range slices.Sorted(maps.Keys(v.Answers)) {
		s.add(Described{Field: Field{Name: "answers." + key, Source: Answer, Key: key, Compare: v.Answers[key]}, Label: "Answer: " + key})
	}
	for _, key := range v.Steps {
		s.add(Described{Field: Field{Name: "steps." + key, Source: Step, Key: key, Compare: AsSet}, Label: "Step: " + key, Choices: StepFacts()})
	}
	return s
}

// choices are the values that a property's constraint names.
func choices(p property.Property) []string {
	switch p.Type {
	case property.Enum, property.List, property.Collection:
	case property.Checkbox:
		return []string{"true", "false"}
	default:
		return nil
	}
	c, err := property.Compile(p)
	if err != nil {
		return nil // it was checked when it was made
	}
	return c.Choices()
}

// The columns that say when a person did something with a message for the last time.
const lastOpened, lastClicked = "last_opened_at", "last_clicked_at"

// counter is a kind of fields that count messages of some days.
type counter struct {
	prefix, label string
	source        Source
	key           string
}

var counters = []counter{
	{"messages_received_", "Messages received", Received, ""},
	{"messages_opened_", "Messages opened", Engaged, lastOpened},
	{"messages_clicked_", "Messages clicked", Engaged, lastClicked},
}

func (c counter) field(days int) Field {
	return Field{Name: c.prefix + strconv.Itoa(days) + "d", Source: c.source, Key: c.key, Compare: AsNumber, Integer: true, Days: days}
}

func (s *Schema) add(d Described) {
	s.byName[d.Name] = len(s.fields)
	s.fields = append(s.fields, d)
}

// Fields lists the fields in the order in which users are shown them. Of
// messages_received_<N>d and its like, which take every N from 1 to MaxDays, it has a few.
func (s *Schema) Fields() []Described { return slices.Clone(s.fields) }

// Field is the field of a name.
func (s *Schema) Field(name string) (f Field, ok bool) {
	if i, ok := s.byName[name]; ok {
		return s.fields[i].Field, true
	}
	for _, counted := range counters {
		digits, is := strings.CutPrefix(name, counted.prefix)
		if days, err := strconv.Atoi(strings.TrimSuffix(digits, "d")); is && err == nil && days >= 1 && days <= MaxDays {
			if f := counted.field(days); f.Name == name {
				return f, true
			}
		}
	}
	return eventField(name)
}

const eventPrefix, lastSuffix = "event.", ".last_at"

// eventKey is the form of the names of events.
var eventKey = regexp.MustCompile(`^[a-z][a-z0-9_.-]{0,62}$`)

// event is how often an event was told, in so many days or, with 0, ever.
func event(name string, days int) Field {
	f := Field{Name: eventPrefix + name, Source: Happened, Key: name, Compare: AsNumber, Integer: true, Days: days}
	if days > 0 {
		f.Name += "." + strconv.Itoa(days) + "d"
	}
	return f
}

// lastEvent is when an event happened last.
func lastEvent(name string) Field {
	return Field{Name: eventPrefix + name + lastSuffix, Source: Happened, Key: name, Compare: AsInstant}
}

// eventField is the field of event.<name>, event.<name>.<N>d or event.<name>.last_at.
func eventField(text string) (f Field, ok bool) {
	name, is := strings.CutPrefix(text, eventPrefix)
	if !is {
		return f, false
	}
	f = event(name, 0)
	if of, is := strings.CutSuffix(name, lastSuffix); is {
		f = lastEvent(of)
	} else if at := strings.LastIndexByte(name, '.'); at > 0 && strings.HasSuffix(name, "d") {
		if days, err := strconv.Atoi(name[at+1 : len(name)-1]); err == nil {
			f = event(name[:at], days)
			if days < 1 || days > MaxDays {
				return f, false
			}
		}
	}
	return f, f.Name == text && eventKey.MatchString(f.Key)
}

// named is the field that somebody means by a name: that of the name, or the property of
// the key. It is false with the field that may have been meant, if one may.
func (s *Schema) named(name string) (f Field, meant string, ok bool) {
	for _, full := range []string{name, attributePrefix + name} {
		if f, ok := s.Field(full); ok {
			return f, "", true
		}
	}
	var known, keys []string
	for _, d := range s.fields {
		known = append(known, d.Name)
		if key, is := strings.CutPrefix(d.Name, attributePrefix); is {
			keys = append(keys, key)
		}
	}
	if meant = near.Name(name, known); meant == "" {
		if key := near.Name(name, keys); key != "" {
			meant = attributePrefix + key
		}
	}
	return Field{}, meant, false
}

// noField says that there is no field of a name.
func noField(meant string) string {
	if meant != "" {
		return "is no field: did you mean " + meant + "? GET /v1/targeting/fields lists the fields"
	}
	return "is no field: GET /v1/targeting/fields lists the fields"
}

// choice says what is wrong with a value that a property can't have, if the property has a
// list of its values and the rule is one that somebody writes.
func (s *Schema) choice(f Field, o Operator, text string) (reason string) {
	i, known := s.byName[f.Name]
	if !s.written || f.Source != Attribute || f.Compare == AsBoolean || !known || len(s.fields[i].Choices) == 0 {
		return ""
	}
	choices := s.fields[i].Choices
	if !slices.Contains([]Operator{Equal, NotEqual, In, NotIn}, o) ||
		slices.ContainsFunc(choices, func(choice string) bool { return property.Fold(choice) == property.Fold(text) }) {
		return ""
	}
	reason = "is none of the values of " + f.Name
	if hint := near.Hint(text, choices); hint != "" {
		reason += ": " + hint
	}
	return reason
}

// names are the ids of things by their names, which are kept with single spaces. What is
// not written exactly so is found whatever its case, if one thing alone is called so.
type names struct {
	exact, folded map[string]int64
	list          []string
}

// several is the id of a folded name that several things have.
const several = -1

func newNames(ids map[string]int64) *names {
	n := &names{exact: ids, folded: make(map[string]int64, len(ids)), list: slices.Sorted(maps.Keys(ids))}
	for name, id := range ids {
		if _, taken := n.folded[property.Fold(name)]; taken {
			id = several
		}
		n.folded[property.Fold(name)] = id
	}
	return n
}

// id is the id, in decimal, of what a field of ids calls by its name; a reason says why
// there is none.
func (s *Schema) id(f Field, name string) (id, reason string) {
	n := s.names[f.Name]
	if n == nil {
		return "", "is no id: ids are whole numbers from 1 on"
	}
	name = strings.Join(strings.Fields(name), " ")
	found, ok := n.exact[name]
	if !ok {
		found, ok = n.folded[property.Fold(name)]
	}
	switch {
	case ok && found == several:
		return "", fmt.Sprintf("is the name of several, as a %s is called with other capitals: write it as it is called, or its id", f.Name)
	case ok:
		return strconv.FormatInt(found, 10), ""
	}
	if hint := near.Hint(name, n.list); hint != "" {
		return "", fmt.Sprintf("is no id and no name of a %s: %s", f.Name, hint)
	}
	return "", fmt.Sprintf("is no id, and there is no %s that has a name", f.Name)
}

// label is the id of a label by its name, whatever its case, in decimal.
func (s *Schema) label(name string) (id string, ok bool) {
	found, ok := s.labels[property.Fold(name)]
	return strconv.FormatInt(found, 10), ok
}
