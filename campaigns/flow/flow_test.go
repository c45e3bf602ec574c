package flow

import (
	"encoding/json"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"carillon/contacts/property"
	"carillon/internal/fault"
	"carillon/targeting/rule"
)

var began = time.Date(2026, 11, 27, 8, 0, 0, 0, time.UTC)

func vocabulary() Vocabulary {
	plan := property.Property{Key: "plan", Type: property.Text}
	birthday := property.Property{Key: "birthday", Type: property.Date}
	return Vocabulary{
		Vocabulary: rule.Vocabulary{Properties: []property.Property{plan, birthday}},
		Writable:   map[string]property.Property{"plan": plan, "birthday": birthday},
	}
}

func compile(t *testing.T, text string) *Flow {
	d, err := Parse([]byte(text))
	require.NoError(t, err)
	f, err := Compile(d, vocabulary())
	require.NoError(t, err)
	return f
}

// survey is a question with a reminder, a branch and an end of its own.
const survey = `{"steps": [
	{"id": "hello", "kind": "send", "content": {"text": "Hello"}, "exits": {"skipped": "lost"}},
	{"id": "stars", "kind": "ask", "content": {"text": "How many stars?"},
	 "question": {"type": "number", "rule": ">=1 <=5", "timeout": "1d", "tries": 2, "retry": {"text": "1 to 5, please"}},
	 "exits": {"timeout": "remind", "invalid": "lost"}},
	{"id": "judge", "kind": "branch", "branches": [
	 {"rule": {"condition": "AND", "rules": [{"field": "answers.stars", "operator": "greater_or_equal", "value": 4}]}, "next": "happy"}], "next": "sad"},
	{"id": "happy", "kind": "send", "content": {"text": "Thanks for {{ answers.stars }}"}, "next": "won"},
	{"id": "sad", "kind": "set", "set": {"attributes": {"plan": "rescue"}}, "next": "won"},
	{"id": "remind", "kind": "wait", "wait": {"until": {"time": "09:00", "weekdays": ["mon"]}}, "next": "again"},
	{"id": "again", "kind": "send", "content": {"text": "Still there?"}, "next": "lost"},
	{"id": "won", "kind": "end", "outcome": "answered"},
	{"id": "lost", "kind": "end", "outcome": "silent"}
]}`

func said(text string, at time.Time) Heard { return Heard{Reply: &text, At: at} }

func TestAPersonAnswersAndGoesOn(t *testing.T) {
	f := compile(t, survey)
	s := Session{CampaignID: 7, ContactID: 3, Step: f.First()}
	s, do := f.Step(s, Input{}, began)
	require.Equal(t, "hello", do.Send)
	require.Equal(t, Sending, s.Phase)
	require.True(t, do.Wake.IsZero(), "nothing but the message's fate moves it")

	again, do := f.Step(s, Input{}, began.Add(time.Hour))
	require.Equal(t, s, again, "a look in between changes nothing")
	require.Empty(t, do.Trace)

	s, do = f.Step(s, Input{Settled: SettledSent}, began)
	require.Equal(t, "stars", do.Send)
	require.Equal(t, []Left{{Step: "hello"}}, do.Trace)
	s, do = f.Step(s, Input{Settled: SettledSent}, began)
	require.Equal(t, Open, s.Phase)
	require.Equal(t, began.Add(24*time.Hour), do.Wake)

	s, do = f.Step(s, Input{Heard: []Heard{said("lots", began.Add(time.Minute))}}, began.Add(time.Minute))
	require.Equal(t, "stars", do.Send)
	require.True(t, do.Again)
	require.Equal(t, 1, do.Heard)
	s, do = f.Step(s, Input{Settled: SettledSent, Heard: []Heard{said(" 5 ", began.Add(time.Hour))}}, began.Add(time.Hour))
	require.Equal(t, []Answered{{Step: "stars", Text: " 5 ", Value: json.RawMessage("5")}}, do.Answered)
	require.Equal(t, "happy", do.Send)
	require.Equal(t, 4, s.Sends)
	s, do = f.Step(s, Input{Settled: SettledSkipped, Why: "capped"}, began.Add(time.Hour))
	require.Equal(t, Ended, s.Phase)
	require.Equal(t, "answered", s.Outcome)
	require.Equal(t, []Left{{"happy", ExitSkipped, "capped"}, {"won", "ended", ""}}, do.Trace)
	require.True(t, do.Wake.IsZero())
}

func TestAQuestionEnds(t *testing.T) {
	f := compile(t, survey)
	open := Session{Step: "stars", Phase: Open, Deadline: began.Add(24 * time.Hour)}

	s, do := f.Step(open, Input{}, began.Add(24*time.Hour))
	require.Equal(t, []Left{{Step: "stars", Exit: ExitTimeout}}, do.Trace)
	require.Equal(t, Waiting, s.Phase)
	require.Equal(t, time.Date(2026, 11, 30, 9, 0, 0, 0, time.UTC), s.Deadline, "the next Monday")

	// What was said in time counts, whenever somebody gets to look at it.
	late := began.Add(48 * time.Hour)
	s, _ = f.Step(open, Input{Heard: []Heard{said("2", began.Add(time.Hour))}}, late)
	require.Equal(t, "won", s.Step)
	require.Equal(t, Arrived, s.Phase, "the property is written first")
	_, do = f.Step(open, Input{Heard: []Heard{said("2", began.Add(25*time.Hour))}}, late)
	require.Equal(t, ExitTimeout, do.Trace[0].Exit)

	open.Tries = 1
	s, do = f.Step(open, Input{Heard: []Heard{said("9", began)}}, began)
	require.Equal(t, "silent", s.Outcome)
	require.Equal(t, Left{"stars", ExitInvalid, "the answer breaks the property's rule >=1 <=5"}, do.Trace[0])
}

func TestWhoMeetsAGoalLeaves(t *testing.T) {
	f := compile(t, `{"steps": [{"id": "a", "kind": "wait", "wait": {"event": "order.paid", "at_most": "3d"}, "exits": {"timeout": "late"}},
		{"id": "b", "kind": "end"}, {"id": "late", "kind": "end", "outcome": "late"}],
		"goals": [{"rule": {"condition": "AND", "rules": [{"field": "attributes.plan", "operator": "equal", "value": "gold"}]}, "outcome": "bought"}]}`)
	s, do := f.Step(Session{Step: "a"}, Input{}, began)
	require.Equal(t, began.Add(72*time.Hour), do.Wake)
	gold := &rule.Contact{Attributes: map[string]any{"plan": "Gold"}}
	left, _ := f.Step(s, Input{Contact: gold}, began)
	require.Equal(t, [2]string{"bought", ReasonGoal}, [2]string{left.Outcome, left.Reason})
	left, _ = f.Step(s, Input{Heard: []Heard{{Event: "other", At: began}, {Event: "order.paid", At: began}}}, began)
	require.Equal(t, "ended", left.Outcome)
	left, _ = f.Step(s, Input{}, began.Add(72*time.Hour))
	require.Equal(t, "late", left.Outcome)
	left, _ = f.Step(s, Input{Stop: ReasonOptedOut, Contact: gold}, began)
	require.Equal(t, ReasonOptedOut, left.Reason)
}

func TestSharesDealPeopleOut(t *testing.T) {
	f := compile(t, `{"steps": [{"id": "b", "kind": "branch", "branches": [{"share": 20, "next": "x"}, {"share": 30, "next": "y"}], "next": "z"},
		{"id": "x", "kind": "end", "outcome": "x"}, {"id": "y", "kind": "end", "outcome": "y"}, {"id": "z", "kind": "end", "outcome": "z"}]}`)
	got := map[string]int{}
	for id := range int64(10_000) {
		s, _ := f.Step(Session{CampaignID: 4, ContactID: id + 1, Step: "b"}, Input{}, began)
		again, _ := f.Step(Session{CampaignID: 4, ContactID: id + 1, Step: "b"}, Input{}, began.Add(time.Hour))
		require.Equal(t, s.Outcome, again.Outcome)
		got[s.Outcome]++
	}
	require.InDelta(t, 2000, got["x"], 200)
	require.InDelta(t, 3000, got["y"], 200)
	require.InDelta(t, 5000, got["z"], 200)
}

func TestWhatIsWrongIsNamed(t *testing.T) {
	end := `{"id": "end", "kind": "end"}`
	for _, test := range []struct{ name, text, at, says string }{
		{"no steps", `{"steps": []}`, "steps", "1 to 200 steps"},
		{"a name twice", `{"steps": [{"id": "end", "kind": "end"}, ` + end + `]}`, "steps[1].id", "another step"},
		{"a kind", `{"steps": [{"id": "a", "kind": "mail"}, ` + end + `]}`, "steps[0].kind", "no kind of step"},
		{"no end", `{"steps": [{"id": "a", "kind": "send", "content": {"text": "x"}}]}`, "steps[0].next", "leads nowhere"},
		{"nowhere", `{"steps": [{"id": "a", "kind": "send", "content": {"text": "x"}, "next": "b"}, ` + end + `]}`, "steps[0].next", "the flow has a, end"},
		{"nothing said", `{"steps": [{"id": "a", "kind": "send"}, ` + end + `]}`, "steps[0].content", "is missing"},
		{"nobody comes", `{"steps": [{"id": "a", "kind": "end"}, ` + end + `]}`, "steps[1].id", "nobody can come here"},
		{"for ever", `{"steps": [{"id": "a", "kind": "wait", "wait": {"event": "x", "at_most": "1d"}, "next": "b", "exits": {"timeout": "end"}},
			{"id": "b", "kind": "wait", "wait": {"for": "1d"}, "next": "b"}, ` + end + `]}`, "steps[1].next", "no way to an end"},
		{"round", `{"steps": [{"id": "a", "kind": "send", "content": {"text": "x"}, "exits": {"failed": "a"}}, ` + end + `]}`, "steps[0].id", "a → a"},
		{"an exit", `{"steps": [{"id": "a", "kind": "wait", "wait": {"for": "1d"}, "exits": {"invalid": "end"}}, ` + end + `]}`, "steps[0].exits.invalid",
			"it has timeout"},
		{"a duration", `{"steps": [{"id": "a", "kind": "wait", "wait": {"for": "2 days"}}, ` + end + `]}`, "steps[0].wait.for", "90m, 12h, 3d or 1w"},
		{"two waits", `{"steps": [{"id": "a", "kind": "wait", "wait": {"for": "2d", "event": "x"}}, ` + end + `]}`, "steps[0].wait", "give one of"},
		{"a foreign field", `{"steps": [{"id": "a", "kind": "wait", "wait": {"for": "2d"}, "outcome": "x"}, ` + end + `]}`, "steps[0].outcome", "belongs to end"},
		{"a question", `{"steps": [{"id": "a", "kind": "ask", "content": {"text": "x"}, "question": {"type": "choice", "timeout": "1d"}}, ` + end + `]}`,
			"steps[0].question.rule", "must list"},
		{"a property", `{"steps": [{"id": "a", "kind": "set", "set": {"attributes": {"plam": "x"}}}, ` + end + `]}`, "steps[0].set.attributes.plam",
			"no such property"},
		{"shares", `{"steps": [{"id": "a", "kind": "branch", "branches": [{"share": 60, "next": "end"}, {"share": 60, "next": "end"}]}, ` + end + `]}`,
			"steps[0].branches", "more than 100"},
		{"an answer", `{"steps": [{"id": "b", "kind": "branch",
			"branches": [{"rule": {"condition": "AND", "rules": [{"field": "answers.a", "operator": "equal", "value": "x"}]}, "next": "end"}]},
			{"id": "a", "kind": "ask", "content": {"text": "x"}, "question": {"type": "text", "timeout": "1d"}}, ` + end + `]}`, "steps[0].branches[0].rule.rules[0]",
			"ask before"},
		{"a field of a rule",
			`{"steps": [{"id": "b", "kind": "branch",
			"branches": [{"rule": {"condition": "AND", "rules": [{"field": "answers.a", "operator": "equal", "value": "x"}]}, "next": "end"}]}, ` + end + `]}`,
			"steps[0].branches[0].rule.rules[0].field", ""},
		{"a word", `{"steps": [` + end + `], "triggers": [{"keyword": "STOP"}]}`, "triggers[0].keyword", "opt out"},
		{"a gap", `{"steps": [` + end + `], "reentry": {"gap": "3d"}}`, "reentry.gap", "no meaning"},
	} {
		t.Run(test.name, func(t *testing.T) {
			d, err := Parse([]byte(test.text))
			require.NoError(t, err)
			_, err = Compile(d, vocabulary())
			var f *fault.Error
			require.ErrorAs(t, err, &f)
			require.Len(t, f.Fields, 1, "%v", f.Fields)
			require.Equal(t, test.at, f.Fields[0].Location)
			require.Contains(t, f.Fields[0].Message, test.says)
		})
	}
	_, err := Parse([]byte(`{"steps": [{"id": "a", "kid": "end"}]}`))
	require.ErrorContains(t, err, `unknown field "kid"`)
}

func TestDurations(t *testing.T) {
	for text, want := range map[string]time.Duration{"90m": 90 * time.Minute, "2d": 2 * day, "1w2d": 9 * day, "1d12h": 36 * time.Hour} {
		got, ok := parseDuration(text)
		require.True(t, ok, text)
		require.Equal(t, want, got, text)
	}
	for _, text := range []string{"", "2", "d", "-1d", "+1d", "1d-2h", "1d1w", "1.5d", "99999999d", "tomorrow"} {
		_, ok := parseDuration(text)
		require.False(t, ok, text)
	}
}

func TestAnswersAreRead(t *testing.T) {
	read := func(q Question, text string) (string, string) {
		checker, err := property.Compile(property.Property{Key: "q", Type: types[q.Type], Rule: q.Rule})
		require.NoError(t, err)
		value, reason := (&question{Question: q, checker: checker}).read(text)
		return string(value), reason
	}
	for _, test := range []struct {
		q          Question
		text, want string
	}{
		{Question{Type: Text}, " anything ", `"anything"`},
		{Question{Type: Number}, "1.234,5", "1234.5"},
		{Question{Type: Date}, "2026-12-24", `"2026-12-24"`},
		{Question{Type: Email}, "Ada@Example.org", `"Ada@example.org"`},
		{Question{Type: Phone, Country: "DE"}, "030 1234567", `"+49301234567"`},
		{Question{Type: Choice, Rule: "red,green"}, "GREEN", `"green"`},
		{Question{Type: Choice, Rule: "red,green"}, "2.", `"green"`},
		{Question{Type: Choice, Rule: "7,2"}, "2", `"2"`},
		{Question{Type: Location}, "52.5, 13.4", `"52.5,13.4"`},
		{Question{Type: File}, "https://example.org/cv.pdf", `"https://example.org/cv.pdf"`},
	} {
		value, reason := read(test.q, test.text)
		require.Empty(t, reason, test.text)
		require.Equal(t, test.want, value)
	}
	for _, test := range []struct {
		q    Question
		text string
	}{{Question{Type: Number}, "many"}, {Question{Type: Email}, "ada"}, {Question{Type: Phone}, "030"}, {Question{Type: Choice, Rule: "red,green"},
		"3"}, {Question{Type: Text}, " "}} {
		_, reason := read(test.q, test.text)
		require.NotEmpty(t, reason, test.text)
	}
}

func TestAnotherWayOfReadingChangesNothing(t *testing.T) {
	d, err := Parse([]byte(survey))
	require.NoError(t, err)
	text, err := json.Marshal(d)
	require.NoError(t, err)
	require.JSONEq(t, survey, string(text))
}

func FuzzParse(f *testing.F) {
	f.Add([]byte(survey))
	f.Add([]byte(`{"steps": [{"id": "b", "kind": "branch", "branches": [{"share": 20, "next": "b"}]}]}`))
	f.Fuzz(func(t *testing.T, text []byte) {
		d, err := Parse(text)
		if err != nil {
			return
		}
		flow, err := Compile(d, vocabulary())
		if err != nil {
			return
		}
		// Whatever was taken ends, or waits for something that is still to come.
		s := Session{Step: flow.First()}
		for range 50 {
			before := s
			var do Effects
			s, do = flow.Step(s, Input{Settled: SettledSent}, began)
			if s.Phase == Ended || do.Wake.After(began) || s.Phase == Calling {
				return
			}
			require.NotEqual(t, before, s, "it stands still")
		}
	})
}

func TestRulesOfAFlowHaveFieldsOfItsOwn(t *testing.T) {
	d, err := Parse([]byte(survey))
	require.NoError(t, err)
	steps := slices.Concat(d.Steps, []Step{
		{ID: "score", Kind: Call, Call: &ProgramCall{Answers: []string{"points", "stars", "no key"}}},
		{ID: "hello", Kind: Ask, Question: &Question{Type: "date"}}, {Kind: Ask, Question: &Question{}}, {ID: "bare", Kind: Ask},
	})
	got := map[string]string{}
	for _, f := range Fields(steps) {
		require.NotContains(t, got, f.Name)
		got[f.Name] = string(f.Compare)
	}
	require.Equal(t, map[string]string{
		"answers.stars": "number", "answers.points": "text",
		"steps.hello": "set", "steps.stars": "set", "steps.happy": "set", "steps.again": "set", "steps.bare": "set",
	}, got, "neither a name that is taken, nor one that can be none, gives a field")
}
