package store_test

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"carillon/campaigns/flow"
	"carillon/campaigns/flows"
	"carillon/internal/fault"
	"carillon/messages"
	"carillon/store/storetest"
)

// drawFlow draws a flow that can be walked through: each step leads to later ones or, over
// a wait, back.
func drawFlow(t *rapid.T) string {
	n := rapid.IntRange(2, 8).Draw(t, "steps")
	name := func(i int) string {
		if i >= n {
			return "end"
		}
		return fmt.Sprintf("s%d", i)
	}
	later := func(i int, what string) string { return name(rapid.IntRange(i+1, n).Draw(t, what)) }
	var steps, asked []string
	for i := range n {
		s := map[string]any{"id": name(i), "next": name(i + 1)}
		switch kind := rapid.SampledFrom([]string{"send", "ask", "wait", "branch", "set", "share", "back"}).Draw(t, "kind"); kind {
		case "send":
			s["kind"], s["content"], s["exits"] = "send", map[string]any{"text": "x"}, map[string]string{"skipped": later(i, "skipped")}
		case "ask":
			q := map[string]any{"type": "number", "rule": ">=1 <=5", "timeout": "1d", "tries": rapid.IntRange(1, 3).Draw(t, "tries")}
			if rapid.Bool().Draw(t, "retry") {
				q["retry"] = map[string]any{"text": "again"}
			}
			if rapid.Bool().Draw(t, "write") {
				q["write"] = "stars"
			}
			s["kind"], s["content"], s["question"] = "ask", map[string]any{"text": "?"}, q
			s["exits"] = map[string]string{"timeout": later(i, "timeout"), "invalid": later(i, "invalid"), "skipped": later(i, "skipped")}
			asked = append(asked, name(i))
		case "wait":
			s["kind"], s["wait"] = "wait", map[string]any{"for": rapid.SampledFrom([]string{"1h", "2d"}).Draw(t, "for")}
		case "back": // once round, and no second time
			if i == 0 {
				s["kind"], s["wait"] = "wait", map[string]any{"until": map[string]any{"time": "09:00", "weekdays": []string{"mon", "thu"}}}
				break
			}
			s["kind"], s["wait"] = "wait", map[string]any{"until": map[string]any{"time": "18:30"}}
		case "branch", "share":
			way := map[string]any{"next": later(i, "way")}
			switch {
			case kind == "share":
				way["share"] = rapid.IntRange(1, 99).Draw(t, "share")
			case len(asked) > 0 && rapid.Bool().Draw(t, "by answer"):
				way["rule"] = compared("answers."+rapid.SampledFrom(asked).Draw(t, "asked"), "greater", 2)
			default:
				way["rule"] = compared("attributes.plan", "equal", "rescue")
			}
			s["kind"], s["branches"] = "branch", []any{way}
		case "set":
			s["kind"], s["set"] = "set", map[string]any{"attributes": map[string]any{"plan": rapid.SampledFrom([]any{"rescue", "gold", nil}).Draw(t, "plan")}}
		}
		steps = append(steps, mustJSON(s))
	}
	steps = append(steps, `{"id": "end", "kind": "end", "outcome": "done"}`)
	goals := ""
	if rapid.IntRange(0, 3).Draw(t, "goal") == 0 {
		goals = `, "goals": [{"rule": ` + mustJSON(compared("attributes.plan", "equal", "gold")) + `, "outcome": "rich"}]`
	}
	return `{"steps": [` + strings.Join(steps, ",\n") + `]` + goals + `}`
}

func compared(field, operator string, value any) map[string]any {
	return map[string]any{"condition": "AND", "rules": []any{map[string]any{"field": field, "operator": operator, "value": value}}}
}

// wayOf is a way without its times and the words that say why.
func wayOf(moves []flows.Move) []string {
	list := make([]string, len(moves))
	for i, m := range moves {
		list[i] = m.Step + ":" + m.Exit
	}
	return list
}

// Whatever the flow and whatever people answer, each is in exactly one place, is sent each
// message once, and goes the way that a simulation with the same answers says.
func TestTheRealRunGoesAsTheSimulationSays(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *storetest.Store) {
		w := newFlowPeople(t, s, 6)
		v, err := s.FlowVocabulary(t.Context(), w.AccountID)
		require.NoError(t, err)
		rapid.Check(t, func(rt *rapid.T) {
			definition := rapid.Custom(drawFlow).Filter(func(definition string) bool {
				d, err := flow.Parse([]byte(definition))
				require.NoError(t, err)
				// What is drawn can have a step that no other leads to, and no other fault.
				_, refused := flow.Compile(d, v)
				wrong, err := fault.Gather(nil, refused)
				require.NoError(t, err)
				for _, f := range wrong {
					require.Contains(t, f.Message, "nobody can come here")
				}
				return len(wrong) == 0
			}).Draw(rt, "flow")
			d, err := flow.Parse([]byte(definition))
			require.NoError(rt, err)
			w.Exec("UPDATE contacts SET attributes = '{}' WHERE account_id = ?", w.AccountID)
			w.start(definition, false)
			ids := w.IDs("SELECT id FROM contacts WHERE account_id = ? ORDER BY id", w.AccountID)
			// What each answers to each question, try by try; an empty text is silence.
			script := map[int64]map[string][]string{}
			for _, id := range ids {
				script[id] = map[string][]string{}
				for _, step := range d.Steps {
					if step.Kind == flow.Ask {
						script[id][step.ID] = rapid.SliceOfN(rapid.SampledFrom([]string{"1", "3", "5", "9", "what?", ""}), 3, 3).Draw(rt, "answers")
					}
				}
			}
			from := w.time.Now()
			want := w.simulate(d, ids, script, from)
			w.enter(ids...)
			w.live(rt, script)
			for _, id := range ids {
				got := w.session(id)
				require.Equal(rt, wayOf(want[id].Moves), wayOf(got.Moves), "contact %d of %s", id, definition)
				require.Equal(rt, [2]string{want[id].Session.Outcome, want[id].Session.Reason}, [2]string{got.Outcome, got.Reason})
				require.Len(rt, got.Answers, len(want[id].Session.Answers))
				for key, value := range want[id].Session.Answers {
					require.JSONEq(rt, string(value), string(got.Answers[key]))
				}
			}
			w.balances()
			problems, err := s.VerifyFlow(t.Context(), w.AccountID, w.flow)
			require.NoError(rt, err)
			require.Empty(rt, problems)
		})
	})
}

// simulate plays the flow for contacts that answer by a script.
func (w *flowWalk) simulate(d flow.Definition, ids []int64, script map[int64]map[string][]string, from time.Time) map[int64]flows.Played {
	t := w.t
	f, err := w.GetFlow(t.Context(), w.AccountID, w.flow)
	require.NoError(t, err)
	v, err := w.FlowVocabulary(t.Context(), w.AccountID)
	require.NoError(t, err)
	compiled, err := flow.Compile(d, v)
	require.NoError(t, err)
	subjects, err := w.FlowSubjects(t.Context(), f, w.Channel, ids, 0)
	require.NoError(t, err)
	heard := map[string]int{}
	player := flows.Player{
		Flow: compiled, CampaignID: w.flow, Until: from.AddDate(2, 0, 0),
		Sends: func(_ flow.Step, _ bool, to *flows.Subject, now time.Time) (time.Time, string) {
			if _, reached := to.Reached[w.Channel.Address]; !reached {
				return now, messages.ReasonNoAddress
			}
			return now, ""
		},
		Replies: func(step flow.Step, to *flows.Subject, _ int) (string, time.Duration, bool) {
			key := fmt.Sprint(to.Contact.ID, step.ID)
			text := script[to.Contact.ID][step.ID][heard[key]%3]
			heard[key]++
			return text, time.Minute, text != ""
		},
		Say: func(flows.Spoken) {},
	}
	played := map[int64]flows.Played{}
	for i := range subjects {
		played[subjects[i].Contact.ID] = player.Play(&subjects[i], from)
	}
	return played
}

// live lets everybody go their way for real: what is due is moved and sent, each message
// that asks is answered a minute later, until nobody is inside.
func (w *flowWalk) live(rt *rapid.T, script map[int64]map[string][]string) {
	asks := map[int64]string{} // step by the run of its texts
	for run, step := range w.stepRuns() {
		asks[run] = step
	}
	heard := map[string]int{}
	for range 5000 {
		w.move()
		type said struct {
			contact int64
			text    string
		}
		var replies []said
		for _, run := range slices.Sorted(maps.Keys(asks)) {
			fed := w.Feed(run, []int64{run}, 1000)
			if len(fed) == 0 {
				continue
			}
			for _, m := range w.Load(run, run, fed) {
				key := fmt.Sprint(m.Recipient.ContactID, asks[run])
				if list := script[m.Recipient.ContactID][asks[run]]; list != nil {
					if text := list[heard[key]%3]; text != "" {
						replies = append(replies, said{m.Recipient.ContactID, text})
					}
					heard[key]++
				}
			}
			w.Record(run, w.Claim(run, run, fed), nil)
		}
		if len(replies) > 0 {
			w.move()
			w.time.Advance(time.Minute)
			for _, r := range replies {
				w.reply(r.contact, r.text)
			}
			continue
		}
		if w.Int("SELECT COUNT(*) FROM flow_sessions WHERE campaign_id = ? AND wake_at <= ?", w.flow, w.time.Now().UnixMilli()) > 0 ||
			w.Int("SELECT COUNT(*) FROM messages m JOIN runs r ON r.id = m.run_id WHERE r.campaign_id = ? AND m.state < 3", w.flow) > 0 {
			continue
		}
		inside := w.Int("SELECT COUNT(*) FROM flow_sessions WHERE campaign_id = ? AND ended_at IS NULL", w.flow)
		if inside == 0 {
			return
		}
		next := w.Int("SELECT COALESCE(MIN(wake_at), 0) FROM flow_sessions WHERE campaign_id = ? AND ended_at IS NULL", w.flow)
		require.NotZero(rt, next, "somebody is inside for whom nothing comes any more")
		w.time.Advance(time.UnixMilli(int64(next)).Sub(w.time.Now()))
	}
	rt.Fatal("it does not end")
}

// stepRuns are the runs of the flow's texts, with their steps.
func (w *flowWalk) stepRuns() map[int64]string {
	found := map[int64]string{}
	for _, d := range w.IDs("SELECT run_id FROM flow_says WHERE campaign_id = ?", w.flow) {
		var step string
		require.NoError(w.t, w.Reader().Row(w.t.Context(), "SELECT step FROM flow_says WHERE run_id = ?", d).Scan(&step))
		found[d] = step
	}
	return found
}
