package flow

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"net/url"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"carillon/contacts/property"
	"carillon/contacts/reply"
	"carillon/contacts/value"
	"carillon/internal/fault"
	"carillon/targeting/rule"
)

// The bounds of durations.
const (
	leastTimeout, mostTimeout = time.Minute, 90 * day
	leastWait, mostWait       = time.Second, 400 * day
)

// Vocabulary is what an account has that a flow may name.
type Vocabulary struct {
	rule.Vocabulary
	// Writable are the properties by key.
	Writable map[string]property.Property
}

// checker gathers what is wrong.
type checker struct {
	f      *Flow
	of     Vocabulary
	wrong  []fault.Field
	schema *rule.Schema
}

func (c *checker) add(at string, value any, format string, args ...any) {
	c.wrong = append(c.wrong, fault.Field{Location: at, Value: value, Message: fmt.Sprintf(format, args...)})
}

// Parse reads a definition strictly: a field that is not known is Invalid.
func Parse(text []byte) (d Definition, err error) {
	if len(text) > MaxSize {
		return d, fault.InvalidField("definition", nil, "has more than %d bytes: split the flow, and have one start the other", MaxSize)
	}
	decoder := json.NewDecoder(bytes.NewReader(text))
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(&d); err != nil {
		return d, fault.InvalidField("definition", nil, "can't be read: %s", strings.TrimPrefix(err.Error(), "json: "))
	}
	if decoder.More() {
		return d, fault.InvalidField("definition", nil, "has something behind its end")
	}
	return d, nil
}

// Compile checks a definition and makes it ready to be walked through. What is wrong is
// Invalid, each with the step and the field.
func Compile(d Definition, of Vocabulary) (*Flow, error) {
	if of.Names != nil { // its rules are changed, and the caller's stay
		d.Steps, d.Goals = slices.Clone(d.Steps), slices.Clone(d.Goals)
		for i := range d.Steps {
			d.Steps[i].Branches = slices.Clone(d.Steps[i].Branches)
		}
	}
	c := &checker{f: &Flow{at: map[string]*step{}, asked: map[string][]string{}}, of: of}
	c.f.Definition = c.writeOut(d)
	if n := len(c.f.Steps); n == 0 || n > MaxSteps {
		return nil, fault.InvalidField("steps", n, "a flow has 1 to %d steps, those of fallbacks among them; the smallest is a send and an end", MaxSteps)
	}
	list := c.name()
	if len(c.wrong) == 0 {
		c.vocabulary(list)
		for i, s := range list {
			c.step(i, s)
		}
		c.ends()
	}
	if len(c.wrong) == 0 {
		c.graph(list)
	}
	return c.f, fault.InvalidFields(c.wrong)
}

func (c *checker) at(i int, field string) string { return c.f.At(i, field) }

// name finds the steps by their names, and where each goes on.
func (c *checker) name() []*step {
	list := make([]*step, len(c.f.Steps))
	for i, s := range c.f.Steps {
		list[i] = &step{Step: s}
		switch first := c.f.at[s.ID]; {
		case !property.ValidKey(s.ID):
			c.add(c.at(i, "id"), s.ID, "begins with a lower-case letter, then has lower-case letters, digits and _, at most %d in all", maxName)
		case first != nil:
			c.add(c.at(i, "id"), s.ID, "is the name of another step, too: give each its own")
		}
		c.f.at[s.ID] = list[i]
		if !slices.Contains(Kinds(), s.Kind) {
			c.add(c.at(i, "kind"), string(s.Kind), "is no kind of step: use send, ask, wait, branch, set, call, start or end")
		}
	}
	for i, s := range list {
		if s.next = s.Next; s.Kind == End {
			if s.Next != "" {
				c.add(c.at(i, "next"), s.Next, "an end leads nowhere: take it away")
			}
			continue
		}
		if s.next == "" && i+1 < len(list) {
			s.next = list[i+1].ID
		}
		if s.next == "" {
			c.add(c.at(i, "next"), nil, "the last step leads nowhere: give next, or put a step of the kind end behind it")
		} else {
			c.leads(c.at(i, "next"), s.next)
		}
		for _, exit := range slices.Sorted(maps.Keys(s.Exits)) {
			name, reason := cutExit(exit)
			if !slices.Contains(exits[s.Kind], name) || strings.Contains(exit, exitReason) && !validReason(reason) {
				c.add(c.at(i, "exits."+exit), s.Exits[exit], "%s", noExit(s.Kind))
				continue
			}
			c.leads(c.at(i, "exits."+exit), s.Exits[exit])
		}
		for j, w := range s.Branches {
			c.leads(c.at(i, fmt.Sprintf("branches[%d].next", j)), w.Next)
		}
	}
	return list
}

func noExit(kind Kind) string {
	if has := exits[kind]; len(has) > 0 {
		return fmt.Sprintf("is no exit of %s: it has %s", kind, strings.Join(has, ", "))
	}
	return fmt.Sprintf("%s has no other exits: use next", kind)
}

func (c *checker) leads(at, to string) {
	if c.f.at[to] == nil {
		c.add(at, to, "there is no such step: the flow has %s", strings.Join(c.names(), ", "))
	}
}

func (c *checker) names() []string {
	names := make([]string, 0, len(c.f.Steps))
	for _, s := range c.f.Steps {
		names = append(names, s.ID)
	}
	return names
}

// Fields are those that rules of a flow with these steps have beside everybody's: what was
// answered to its questions and by programs, and what became of its messages. The steps need not
// be complete: one without a name has nothing that a rule could call.
func Fields(steps []Step) []rule.Described {
	var v rule.Vocabulary
	v.Answers, v.Steps = own(steps)
	return slices.DeleteFunc(rule.NewSchema(v).Fields(), func(f rule.Described) bool { return f.Source != rule.Answer && f.Source != rule.Step })
}

// own are the answers, and the steps with messages, that rules of a flow may talk about.
func own(steps []Step) (answers map[string]rule.Comparison, said []string) {
	answers = map[string]rule.Comparison{}
	for _, s := range steps {
		if !property.ValidKey(s.ID) || slices.Contains(said, s.ID) {
			continue
		}
		switch {
		case s.Kind == Ask && s.Question != nil:
			answers[s.ID] = types[s.Question.Type].Comparison()
		case s.Kind == Call && s.Call != nil:
			for _, key := range s.Call.Answers {
				if _, known := answers[key]; !known && property.ValidKey(key) {
					answers[key] = rule.AsText
				}
			}
		default:
		}
		if s.Kind == Send || s.Kind == Ask {
			said = append(said, s.ID)
		}
	}
	return answers, said
}

// vocabulary is what rules of the flow may talk about, and which steps ask for each answer.
func (c *checker) vocabulary(list []*step) {
	for _, s := range list {
		switch {
		case s.Kind == Ask && s.Question != nil:
			c.f.asked[s.ID] = append(c.f.asked[s.ID], s.ID)
		case s.Kind == Call && s.Call != nil:
			for _, key := range s.Call.Answers {
				c.f.asked[key] = append(c.f.asked[key], s.ID)
			}
		default:
		}
	}
	v := c.of.Vocabulary
	v.Answers, v.Steps = own(c.f.Steps)
	c.schema = rule.NewSchema(v)
}

// only refuses the fields of other kinds.
func (c *checker) only(i int, s *step) {
	for _, part := range []struct {
		name  string
		given bool
		kinds []Kind
	}{
		{"channel_id", s.ChannelID != 0, []Kind{Send, Ask}},
		{"content", s.Content != nil, []Kind{Send, Ask}},
		{"question", s.Question != nil, []Kind{Ask}},
		{"wait", s.Wait != nil, []Kind{Wait}},
		{"branches", len(s.Branches) > 0, []Kind{Branch}},
		{"set", s.Set != nil, []Kind{Set}},
		{"call", s.Call != nil, []Kind{Call}},
		{"flow_id", s.FlowID != 0, []Kind{Start}},
		{"outcome", s.Outcome != "", []Kind{End}},
	} {
		if part.given && !slices.Contains(part.kinds, s.Kind) {
			c.add(c.at(i, part.name), nil, "belongs to %s, and this step is of the kind %s: take it away", part.kinds[0], s.Kind)
		}
	}
}

func (c *checker) step(i int, s *step) {
	c.only(i, s)
	switch s.Kind {
	case Send, Ask:
		if s.Content == nil || s.Content.Empty() && s.Content.Template == nil {
			c.add(c.at(i, "content"), nil, "is missing: give content or a template, which is what is said")
		}
		if s.Kind == Ask {
			c.question(i, s)
		}
	case Wait:
		c.wait(i, s)
	case Branch:
		c.branch(i, s)
	case Set:
		c.set(i, s)
	case Call:
		c.call(i, s)
	case Start:
		if s.FlowID <= 0 {
			c.add(c.at(i, "flow_id"), s.FlowID, "is missing: the id of the flow that is entered, from GET /v1/flows")
		}
	case End:
		if n := utf8.RuneCountInString(s.Outcome); n > maxOutcome {
			c.add(c.at(i, "outcome"), nil, "has %d letters, and may have %d", n, maxOutcome)
		}
		if s.Outcome == "" {
			s.Outcome = "ended"
		}
	}
}

func (c *checker) duration(at, text string, least, most time.Duration) time.Duration {
	d, ok := parseDuration(text)
	if !ok || d < least || d > most {
		c.add(at, text, "must be a duration from %s to %s, such as 90m, 12h, 3d or 1w", short(least), short(most))
	}
	return d
}

func short(d time.Duration) string {
	if d%day == 0 {
		return fmt.Sprintf("%dd", d/day)
	}
	return strings.TrimSuffix(strings.TrimSuffix(d.String(), "0s"), "0m")
}

func (c *checker) question(i int, s *step) {
	q := s.Question
	if q == nil {
		c.add(c.at(i, "question"), nil, `is missing: which answer is expected, such as {"type": "text", "timeout": "24h"}`)
		return
	}
	t, known := types[q.Type]
	if !known {
		c.add(c.at(i, "question.type"), string(q.Type), "is no kind of answer: use text, number, date, email, phone, choice, location or file")
		return
	}
	s.timeout = c.duration(c.at(i, "question.timeout"), q.Timeout, leastTimeout, mostTimeout)
	checker, err := property.Compile(property.Property{Key: s.ID, Type: t, Rule: q.Rule})
	if err != nil {
		c.inside(c.at(i, "question."), err)
		return
	}
	s.question = &question{Question: *q, checker: checker, tries: q.Tries}
	switch {
	case q.Tries < 0 || q.Tries > MaxTries:
		c.add(c.at(i, "question.tries"), q.Tries, "must be from 1 to %d", MaxTries)
	case q.Tries == 0:
		s.question.tries = 3
	}
	if q.Country != "" {
		if _, reason := value.Country(q.Country); reason != "" {
			c.add(c.at(i, "question.country"), q.Country, "%s", reason)
		}
	}
	if q.Write != "" {
		switch p, known := c.of.Writable[q.Write]; {
		case !known:
			c.add(c.at(i, "question.write"), q.Write, "there is no such property: GET /v1/properties lists them")
		case p.Type.Comparison() != t.Comparison():
			c.add(c.at(i, "question.write"), q.Write, "is a property of the type %s, which can't hold an answer of the type %s", p.Type, q.Type)
		}
	}
}

// inside names what an error says within a field.
func (c *checker) inside(at string, err error) {
	fields, err := fault.Gather(nil, err)
	if err != nil {
		c.add(at, nil, "%v", err)
	}
	for _, f := range fields {
		f.Location = at + f.Location
		c.wrong = append(c.wrong, f)
	}
}

func (c *checker) wait(i int, s *step) {
	w := s.Wait
	given := 0
	if w != nil {
		for _, has := range []bool{w.For != "", w.Until != nil, w.Event != "", w.Delivered} {
			if has {
				given++
			}
		}
	}
	if given != 1 {
		c.add(c.at(i, "wait"), nil, "%s", `give one of for, until, event and delivered, such as {"for": "2d"}, {"until": {"time": "09:00"}} or `+
			`{"event": "order.paid", "at_most": "3d"}`)
		return
	}
	switch {
	case w.For != "":
		s.timeout = c.duration(c.at(i, "wait.for"), w.For, leastWait, mostWait)
	case w.Event != "":
		s.timeout = c.duration(c.at(i, "wait.at_most"), w.AtMost, leastWait, mostWait)
	case w.Delivered:
		s.timeout = c.duration(c.at(i, "wait.at_most"), w.AtMost, leastTimeout, mostTimeout)
	default:
		s.clock = c.clock(c.at(i, "wait.until"), *w.Until)
	}
	ends := w.Event != "" || w.Delivered
	if !ends && w.AtMost != "" {
		c.add(c.at(i, "wait.at_most"), w.AtMost, "belongs to the wait for an event or a receipt: take it away")
	}
	if !ends && s.Exits[ExitTimeout] != "" {
		c.add(c.at(i, "exits.timeout"), s.Exits[ExitTimeout], "belongs to the wait for an event or a receipt: use next")
	}
	if !w.Delivered && s.Exits[ExitFailed] != "" {
		c.add(c.at(i, "exits.failed"), s.Exits[ExitFailed], "belongs to the wait for a receipt: take it away")
	}
}

func (c *checker) clock(at string, given Clock) *clock {
	hour, minute, ok := parseClock(given.Time)
	if !ok {
		c.add(at+".time", given.Time, "is no time: write one such as 09:00")
	}
	read := &clock{hour: hour, minute: minute}
	for i := range read.days {
		read.days[i] = len(given.Weekdays) == 0
	}
	for i, name := range given.Weekdays {
		weekday, known := weekdays[name]
		if !known {
			c.add(fmt.Sprintf("%s.weekdays[%d]", at, i), name, "is no weekday: use mon, tue, wed, thu, fri, sat, sun")
		}
		read.days[weekday] = true
	}
	return read
}

func (c *checker) branch(i int, s *step) {
	if n := len(s.Branches); n == 0 || n > MaxBranches {
		c.add(c.at(i, "branches"), n, "a branch has 1 to %d ways", MaxBranches)
		return
	}
	sum := 0
	for j, w := range s.Branches {
		at := c.at(i, fmt.Sprintf("branches[%d]", j))
		read := way{share: w.Share, next: w.Next}
		switch {
		case (len(w.Rule) > 0) == (w.Share > 0) || w.Share < 0 || w.Share > 100:
			c.add(at, nil, "give either a rule, or a share from 1 to 100 percent")
		case (w.Share > 0) != (s.Branches[0].Share > 0):
			c.add(at, nil, "the ways of a branch are all by rules or all by shares: use two branches")
		case w.Share == 0:
			read.rule = c.rule(at+".", &s.Branches[j].Rule)
		}
		sum += w.Share
		s.ways = append(s.ways, read)
	}
	if sum > 100 {
		c.add(c.at(i, "branches"), sum, "the shares are more than 100 percent")
	}
}

// rule reads a rule. One that somebody writes is in normal form afterwards: things that it calls
// by their names are there by their ids, whatever they will be called.
func (c *checker) rule(at string, text *json.RawMessage) rule.Rule {
	r, err := rule.Parse(*text, c.schema)
	if err == nil && c.of.Names != nil {
		*text, err = json.Marshal(r)
	}
	if err != nil {
		c.inside(at, err)
		return r
	}
	c.f.ruled, c.f.sources = true, append(c.f.sources, r.Sources()...)
	c.f.lists = append(c.f.lists, r.TargetingLists()...)
	for _, ref := range r.References() {
		ref.At = at + ref.At
		c.f.refs = append(c.f.refs, ref)
	}
	if slices.Contains(r.Sources(), rule.Step) {
		c.f.stepped = true
	}
	return r
}

func (c *checker) set(i int, s *step) {
	if s.Set == nil || len(s.Set.Attributes) == 0 && s.Set.Add.empty() && s.Set.Remove.empty() {
		c.add(c.at(i, "set"), nil, `is missing: what is written, such as {"attributes": {"plan": "gold"}} or {"add": {"groups": [3]}}`)
		return
	}
	for _, key := range slices.Sorted(maps.Keys(s.Set.Attributes)) {
		location, given := c.at(i, "set.attributes."+key), s.Set.Attributes[key]
		p, known := c.of.Writable[key]
		if !known {
			c.add(location, nil, "there is no such property: GET /v1/properties lists them")
			continue
		}
		if string(given) == "null" {
			continue
		}
		checker, err := property.Compile(p)
		if err != nil {
			c.inside(location, err)
			continue
		}
		if _, reason := checker.Check(given); reason != "" {
			c.add(location, string(given), "%s", reason)
		}
	}
}

func (l *NamedLists) empty() bool {
	return l == nil || len(l.Groups)+len(l.Labels)+len(l.Categories) == 0
}

func (c *checker) call(i int, s *step) {
	if s.Call == nil {
		c.add(c.at(i, "call"), nil, `is missing: which program is asked, such as {"url": "https://…", "answers": ["score"]}`)
		return
	}
	if u, err := url.Parse(s.Call.URL); err != nil || u.Scheme != "https" && u.Scheme != "http" || u.Host == "" || u.User != nil {
		c.add(c.at(i, "call.url"), s.Call.URL, "must be an address such as https://shop.example/score, without a password in it")
	}
	if s.Call.Tries < 0 || s.Call.Tries > MaxTries {
		c.add(c.at(i, "call.tries"), s.Call.Tries, "must be from 1 to %d", MaxTries)
	}
	for j, key := range s.Call.Answers {
		if !property.ValidKey(key) {
			c.add(c.at(i, fmt.Sprintf("call.answers[%d]", j)), key, "begins with a lower-case letter, then has lower-case letters, digits and _")
		}
	}
}

// ends checks what is not of a step: goals, who may enter again, triggers.
func (c *checker) ends() {
	if len(c.f.Goals) > maxGoals {
		c.add("goals", len(c.f.Goals), "a flow has at most %d", maxGoals)
	}
	for i, g := range c.f.Goals {
		at := fmt.Sprintf("goals[%d].", i)
		if g.Outcome == "" || utf8.RuneCountInString(g.Outcome) > maxOutcome {
			c.add(at+"outcome", g.Outcome, "has 1 to %d letters: with what people leave who meet it", maxOutcome)
		}
		c.f.goals = append(c.f.goals, c.rule(at, &c.f.Goals[i].Rule))
	}
	switch c.f.Reentry.Allow {
	case "":
		c.f.Reentry.Allow = Never
	case Never, AfterLeaving, Always:
	default:
		c.add("reentry.allow", string(c.f.Reentry.Allow), "must be never, after_leaving or always")
	}
	if c.f.Reentry.Gap != "" {
		c.f.gap = c.duration("reentry.gap", c.f.Reentry.Gap, leastWait, mostWait)
		if c.f.Reentry.Allow == Never {
			c.add("reentry.gap", c.f.Reentry.Gap, "has no meaning where nobody enters again: set allow, or take it away")
		}
	}
	if len(c.f.Triggers) > maxTriggers {
		c.add("triggers", len(c.f.Triggers), "a flow has at most %d", maxTriggers)
	}
	for i := range c.f.Triggers {
		c.trigger(fmt.Sprintf("triggers[%d]", i), &c.f.Triggers[i])
	}
}

func (c *checker) trigger(at string, t *Trigger) {
	given := 0
	for _, has := range []bool{t.Event != "", t.Keyword != "", t.Joins != nil, t.Date != nil} {
		if has {
			given++
		}
	}
	if given != 1 {
		c.add(at, nil, "give one of event, keyword, joins and date")
		return
	}
	switch {
	case t.Keyword != "":
		word := reply.Word(t.Keyword)
		if word == "" || utf8.RuneCountInString(word) > 40 {
			c.add(at+".keyword", t.Keyword, "must have 1 to 40 letters: what people write, such as survey")
		}
		if m := reply.Interpret(word); m == reply.OptOut || m == reply.OptIn {
			c.add(at+".keyword", t.Keyword, "is a word by which people opt out or in: choose another")
		}
		t.Keyword = word
	case t.Joins != nil:
		if t.Joins.empty() {
			c.add(at+".joins", nil, "names no list: give groups, labels or categories by their ids")
		}
	case t.Date != nil:
		if p, known := c.of.Writable[t.Date.Property]; !known || p.Type != property.Date {
			c.add(at+".date.property", t.Date.Property, "is no property of the type date: GET /v1/properties lists them")
		}
		if _, _, ok := parseClock(t.Date.Time); !ok {
			c.add(at+".date.time", t.Date.Time, "is no time: write one such as 09:00")
		}
		if t.Date.Days < -365 || t.Date.Days > 365 {
			c.add(at+".date.days", t.Date.Days, "must be from -365 to 365")
		}
	}
}
