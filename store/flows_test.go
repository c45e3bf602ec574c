package store_test

import (
	"context"
	"encoding/json"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"carillon/campaigns"
	"carillon/campaigns/flow"
	"carillon/campaigns/flows"
	"carillon/contacts"
	"carillon/contacts/property"
	"carillon/internal/clock"
	"carillon/internal/fault"
	"carillon/internal/naming"
	"carillon/messages"
	"carillon/providers"
	"carillon/store/storetest"
	"carillon/targeting"
)

// flowWalk is a journey with a flow.
type flowWalk struct {
	*journey
	flow int64
	time *clock.Fake
}

const askThenBranch = `{"steps": [
	{"id": "hello", "kind": "send", "content": {"text": "Hello"}},
	{"id": "stars", "kind": "ask", "content": {"text": "How many?"}, "question": {"type": "number", "rule": ">=1 <=5", "timeout": "1d", "write": "stars",
	 "retry": {"text": "1 to 5"}, "tries": 2}, "exits": {"timeout": "silent"}},
	{"id": "judge", "kind": "branch", "branches": [{"rule": {"condition": "AND", "rules": [{"field": "attributes.stars", "operator": "greater", "value": 3}]},
	 "next": "thanks"}], "next": "sorry"},
	{"id": "thanks", "kind": "send", "content": {"text": "Thanks for {{ answers.stars }}"}, "next": "end"},
	{"id": "sorry", "kind": "set", "set": {"attributes": {"plan": "rescue"}}, "next": "end"},
	{"id": "end", "kind": "end", "outcome": "answered"},
	{"id": "silent", "kind": "end", "outcome": "silent"}]}`

// flowProperties are those of everybody who walks.
func flowProperties() []property.Property {
	return []property.Property{{Key: "stars", Type: property.Number}, {Key: "plan", Type: property.Text}, {Key: "born", Type: property.Date}}
}

// newFlowWalk starts a flow in which everybody with an address enters, if all says so.
func newFlowWalk(t *testing.T, s *storetest.Store, of walkers) *flowWalk {
	w := newFlowPeople(t, s, of.people)
	w.start(of.definition, of.all)
	return w
}

// walkers are so many people and the flow through which they walk.
type walkers struct {
	people     int
	definition string
	all        bool
}

// newFlowPeople are people who might enter a flow.
func newFlowPeople(t testing.TB, s *storetest.Store, n int) *flowWalk {
	w := &flowWalk{time: s.FakeTime()}
	w.journey = newJourney(t, s, n)
	for _, p := range flowProperties() {
		p.AccountID, p.Label = w.AccountID, p.Key
		_, err := s.CreateProperty(t.Context(), p)
		require.NoError(t, err)
	}
	return w
}

// start starts a flow.
func (w *flowWalk) start(definition string, all bool) {
	w.t.Helper()
	d, err := flow.Parse([]byte(definition))
	require.NoError(w.t, err)
	f, err := w.CreateFlow(w.t.Context(), flows.Flow{
		Campaign:   campaigns.Campaign{AccountID: w.AccountID, Name: "walk", ChannelID: w.Channel.ID, Weight: 1, Audience: targeting.Audience{All: all}},
		Definition: d,
	})
	require.NoError(w.t, err)
	require.Equal(w.t, campaigns.FlowKind, f.Kind())
	require.NoError(w.t, w.StartFlow(w.t.Context(), w.AccountID, f.ID, "key 1"))
	w.flow, w.Campaign = f.ID, f.ID
}

// move moves everybody as far as they go now.
func (w *flowWalk) move() {
	w.t.Helper()
	for {
		worked, err := w.MoveFlows(w.t.Context())
		require.NoError(w.t, err)
		if !worked {
			return
		}
	}
}

func (w *flowWalk) plan() {
	w.t.Helper()
	runs, err := w.RunsToPlan(w.t.Context())
	require.NoError(w.t, err)
	for _, run := range runs {
		w.PlanAll(run, 3)
	}
}

// deliver sends what waits, as a worker does, and says the text of each by contact.
func (w *flowWalk) deliver() map[int64]string {
	w.t.Helper()
	said := map[int64]string{}
	for _, run := range w.IDs("SELECT id FROM runs WHERE campaign_id = ? AND kind = 'step' ORDER BY id", w.flow) {
		fed := w.Feed(run, []int64{run}, 1000)
		if len(fed) == 0 {
			continue
		}
		c, err := w.CampaignOfRun(w.t.Context(), run)
		require.NoError(w.t, err)
		for _, m := range w.Load(run, run, fed) {
			said[m.Recipient.ContactID] = c.Content.Text + " " + m.Recipient.Answers
		}
		w.Record(run, w.Claim(run, run, fed), nil)
	}
	return said
}

func (w *flowWalk) enter(ids ...int64) flows.Entered {
	w.t.Helper()
	done, err := w.EnterFlow(w.t.Context(), w.AccountID, flows.Entry{CampaignID: w.flow, Contacts: ids, Source: "api"})
	require.NoError(w.t, err)
	return done
}

func (w *flowWalk) session(contact int64) flows.Session {
	w.t.Helper()
	list, err := w.FlowSessions(w.t.Context(), flows.SessionFilter{AccountID: w.AccountID, CampaignID: w.flow, ContactID: contact, Limit: 1})
	require.NoError(w.t, err)
	require.Len(w.t, list, 1)
	s, err := w.FlowSession(w.t.Context(), w.AccountID, list[0].ID)
	require.NoError(w.t, err)
	return s
}

func (w *flowWalk) reply(contact int64, text string) {
	w.t.Helper()
	_, err := contacts.NewReplies(w.Store).Take(w.t.Context(), w.Channel, []providers.Reply{{From: fmt.Sprintf("p%d@example.com", contact), Text: text,
		At: w.Clock.Now()}})
	require.NoError(w.t, err)
}

func (w *flowWalk) balances() {
	w.t.Helper()
	r, err := w.FlowReport(w.t.Context(), w.AccountID, w.flow)
	require.NoError(w.t, err)
	f, err := w.GetFlow(w.t.Context(), w.AccountID, w.flow)
	require.NoError(w.t, err)
	require.Equal(w.t, f.Entered, r.Entered)
	require.Equal(w.t, f.Inside, r.Inside)
	for _, run := range w.IDs("SELECT id FROM runs WHERE campaign_id = ?", w.flow) {
		w.Balanced(run)
	}
}

func TestPeopleWalkThroughAFlow(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *storetest.Store) {
		w := newFlowWalk(t, s, walkers{10, askThenBranch, true})
		w.plan()
		w.move()
		ids := w.IDs("SELECT contact_id FROM flow_sessions ORDER BY id")
		require.Len(t, ids, 9, "who can't be written to does not enter")
		said := w.deliver()
		require.Len(t, said, 9)
		require.Equal(t, "Hello ", said[ids[0]])
		w.move()
		require.Equal(t, "How many? ", w.deliver()[ids[0]])

		w.reply(ids[0], "5")
		w.reply(ids[1], "2")
		w.reply(ids[2], "many")
		w.move()
		require.Equal(t, map[int64]string{ids[0]: `Thanks for {{ answers.stars }} {"stars":5}`, ids[2]: "1 to 5 "}, w.deliver())
		w.move()
		for i, outcome := range []string{"answered", "answered", ""} {
			require.Equal(t, outcome, w.session(ids[i]).Outcome)
		}
		sad, err := s.GetContact(t.Context(), w.AccountID, ids[1])
		require.NoError(t, err)
		require.JSONEq(t, `{"plan": "rescue", "stars": 2}`, sad.Attributes.JSON())
		w.reply(ids[2], "4")
		w.move()
		require.Len(t, w.deliver(), 1)

		w.time.Advance(25 * time.Hour)
		w.move()
		report, err := s.FlowReport(t.Context(), w.AccountID, w.flow)
		require.NoError(t, err)
		require.Equal(t, []flows.Outcome{{Outcome: "silent", Count: 6}, {Outcome: "answered", Count: 3}}, report.Outcomes)
		answers, err := s.FlowAnswers(t.Context(), flows.AnswerFilter{AccountID: w.AccountID, CampaignID: w.flow, Limit: 10})
		require.NoError(t, err)
		require.Len(t, answers, 3)
		require.Equal(t, "How many?", answers[0].Question)
		require.JSONEq(t, "5", string(answers[0].Value))
		w.balances()

		// Closed, and nobody inside: it finishes with its runs.
		require.NoError(t, s.CloseFlow(t.Context(), w.AccountID, w.flow))
		for range 2 { // the run by which the audience entered, then those of the steps
			_, unbalanced, err := s.FinishRuns(t.Context())
			require.NoError(t, err)
			require.Empty(t, unbalanced)
			w.move()
		}
		require.Equal(t, campaigns.Finished, w.status())
		_, err = s.EnterFlow(t.Context(), w.AccountID, flows.Entry{CampaignID: w.flow, Contacts: ids})
		require.Equal(t, fault.Conflict, fault.CodeOf(err))
	})
}

func TestWhoMayEnterAgain(t *testing.T) {
	const steps = `{"steps": [{"id": "w", "kind": "wait", "wait": {"for": "1d"}}, {"id": "end", "kind": "end"}]`
	for _, test := range []struct {
		name, reentry              string
		inside, after, afterTheGap string
	}{
		{"never", `}`, flows.LeftInside, flows.LeftBefore, flows.LeftBefore},
		{"after leaving", `, "reentry": {"allow": "after_leaving", "gap": "3d"}}`, flows.LeftInside, flows.LeftGap, ""},
		{"always", `, "reentry": {"allow": "always"}}`, "", "", ""},
	} {
		t.Run(test.name, func(t *testing.T) {
			storetest.Each(t, func(t *testing.T, s *storetest.Store) {
				w := newFlowWalk(t, s, walkers{3, steps + test.reentry, false})
				id := w.IDs("SELECT MIN(id) FROM contacts WHERE account_id = ?", w.AccountID)[0]
				require.Len(t, w.enter(id, 1<<40).Sessions, 1)
				require.Equal(t, flows.LeftUnknown, w.enter(1 << 40).Left[1<<40])
				require.Equal(t, test.inside, w.enter(id).Left[id])
				w.move()
				w.time.Advance(25 * time.Hour)
				w.move()
				require.Equal(t, test.after, w.enter(id).Left[id])
				w.time.Advance(72 * time.Hour)
				w.move()
				require.Equal(t, test.afterTheGap, w.enter(id).Left[id])
				w.balances()
			})
		})
	}
}

func TestWhoOptsOutLeavesTheFlow(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *storetest.Store) {
		w := newFlowWalk(t, s, walkers{4, askThenBranch, true})
		w.plan()
		w.move()
		w.deliver()
		w.move()
		w.deliver()
		ids := w.IDs("SELECT contact_id FROM flow_sessions ORDER BY id")
		w.move()
		w.reply(ids[0], "STOP")
		w.Exec("UPDATE contacts SET status = 'blocked' WHERE id = ?", ids[1])
		w.reply(ids[1], "3")
		w.move()
		require.Equal(t, flow.ReasonOptedOut, w.session(ids[0]).Reason)
		require.Equal(t, flow.ReasonBlocked, w.session(ids[1]).Reason)
		require.Empty(t, w.session(ids[2]).Reason)
		_, err := s.EraseContact(t.Context(), w.AccountID, ids[2], false)
		require.NoError(t, err)
		w.move()
		require.Equal(t, flow.ReasonErased, w.session(ids[2]).Reason)
		require.NoError(t, s.CancelCampaign(t.Context(), w.AccountID, w.flow, "key 1"))
		w.move()
		require.Equal(t, flow.ReasonCanceled, w.session(ids[3]).Reason)
		w.balances()
	})
}

func TestAMessageThatIsNotSentLetsPeopleGoOn(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *storetest.Store) {
		w := newFlowWalk(t, s, walkers{12, `{"steps": [{"id": "a", "kind": "send", "content": {"text": "x"}, "exits": {"skipped": "lost"}},
			{"id": "end", "kind": "end", "outcome": "had it"}, {"id": "lost", "kind": "end", "outcome": "lost"}]}`, false})
		ids := w.IDs("SELECT id FROM contacts WHERE account_id = ? ORDER BY id", w.AccountID)
		w.enter(ids...)
		w.move()
		none := w.IDs("SELECT id FROM contacts c WHERE account_id = ? AND NOT EXISTS (SELECT 1 FROM addresses a WHERE a.contact_id = c.id)", w.AccountID)[0]
		require.Equal(t, "lost", w.session(none).Outcome)
		require.Equal(t, []flows.Move{{Step: "a", Exit: "skipped", Why: messages.ReasonNoAddress}, {Step: "lost", Exit: "ended"}}, timeless(w.session(none).Moves))

		// An operator cancels one message; the queue is cleared of the others.
		of := w.IDs("SELECT id FROM messages WHERE state = 0 AND run_id > 0 ORDER BY id")
		_, err := s.CancelMessage(t.Context(), w.AccountID, of[0], "ops")
		require.NoError(t, err)
		w.move()
		require.Equal(t, "lost", w.session(w.message(of[0]).ContactID).Outcome)
		require.NoError(t, s.PauseCampaign(t.Context(), w.AccountID, w.flow, "ops"))
		w.Exec("UPDATE flow_sessions SET wake_at = 0 WHERE ended_at IS NULL")
		worked, err := s.MoveFlows(t.Context())
		require.NoError(t, err)
		require.False(t, worked, "nobody moves while it is paused")
		require.NoError(t, s.ResumeCampaign(t.Context(), w.AccountID, w.flow, "ops"))
		w.deliver()
		w.move()
		report, err := s.FlowReport(t.Context(), w.AccountID, w.flow)
		require.NoError(t, err)
		require.Equal(t, []flows.Outcome{{Outcome: "had it", Count: int64(len(of) - 1)}, {Outcome: "lost", Count: int64(len(ids) - len(of) + 1)}}, report.Outcomes)
		w.balances()
	})
}

func timeless(list []flows.Move) []flows.Move {
	for i := range list {
		list[i].At = time.Time{}
	}
	return list
}

func TestPeopleEnterOnTheirDays(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *storetest.Store) {
		w := newFlowWalk(t, s, walkers{5, `{"steps": [{"id": "end", "kind": "end"}], "reentry": {"allow": "after_leaving"},
			"triggers": [{"date": {"property": "born", "days": -7, "time": "09:00", "yearly": true}}]}`, false})
		ids := w.IDs("SELECT id FROM contacts WHERE account_id = ? ORDER BY id", w.AccountID)
		now := w.Clock.Now()
		week := now.AddDate(0, 0, 8)
		for i, born := range []string{week.AddDate(-30, 0, 0).Format("2006-01-02"), week.AddDate(-30, 0, 1).Format("2006-01-02"), "not a date"} {
			w.Exec("UPDATE contacts SET attributes = ? WHERE id = ?", `{"born": "`+born+`"}`, ids[i])
		}
		_, err := s.EnterByDate(t.Context())
		require.NoError(t, err)
		require.Empty(t, w.IDs("SELECT id FROM flow_sessions"))
		for range 24 * 366 {
			w.time.Advance(time.Hour)
		}
		_, err = s.EnterByDate(t.Context())
		require.NoError(t, err)
		_, err = s.EnterByDate(t.Context())
		require.NoError(t, err)
		require.Equal(t, ids[:2], w.IDs("SELECT contact_id FROM flow_sessions ORDER BY contact_id"))
	})
}

func TestWhoComesIntoAListEnters(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *storetest.Store) {
		w := newFlowWalk(t, s, walkers{6, `{"steps": [{"id": "end", "kind": "end"}], "reentry": {"allow": "always"}}`, false})
		group, err := s.CreateList(t.Context(), contacts.List{AccountID: w.AccountID, Kind: contacts.Group, Name: "g"})
		require.NoError(t, err)
		category, err := s.CreateList(t.Context(), contacts.List{AccountID: w.AccountID, Kind: contacts.Category, Name: "c"})
		require.NoError(t, err)
		f, err := s.GetFlow(t.Context(), w.AccountID, w.flow)
		require.NoError(t, err)
		f.Definition.Triggers = []flow.Trigger{{Joins: &flow.NamedLists{Groups: naming.Refs([]int64{group.ID}), Categories: naming.Refs([]int64{category.ID})}}}
		_, err = s.UpdateFlow(t.Context(), f)
		require.NoError(t, err)
		require.NoError(t, s.StartFlow(t.Context(), w.AccountID, w.flow, "key 1"))
		ids := w.IDs("SELECT id FROM contacts WHERE account_id = ? ORDER BY id", w.AccountID)

		join := contacts.MemberChange{AccountID: w.AccountID, Kind: contacts.Group, ListID: group.ID, Contacts: ids[:2]}
		for range 2 { // who is in it does not come into it
			_, err = s.AddMembers(t.Context(), join)
			require.NoError(t, err)
		}
		require.Equal(t, ids[:2], w.IDs("SELECT contact_id FROM flow_sessions ORDER BY id"))
		_, err = s.OptIn(t.Context(), contacts.ConsentChange{AccountID: w.AccountID, ContactID: ids[2], CategoryID: category.ID, Source: contacts.SourceAPI})
		require.NoError(t, err)
		require.Equal(t, ids[:3], w.IDs("SELECT contact_id FROM flow_sessions ORDER BY id"))

		// Out and in again: not before a minute has passed.
		for _, n := range []int{3, 4} {
			_, err = s.RemoveMembers(t.Context(), join)
			require.NoError(t, err)
			_, err = s.AddMembers(t.Context(), contacts.MemberChange{AccountID: w.AccountID, Kind: contacts.Group, ListID: group.ID, Contacts: ids[:1]})
			require.NoError(t, err)
			require.Len(t, w.IDs("SELECT contact_id FROM flow_sessions"), n)
			w.time.Advance(time.Minute)
		}
	})
}

func TestAWordLetsPeopleEnter(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *storetest.Store) {
		w := newFlowWalk(t, s, walkers{3, `{"steps": [{"id": "q", "kind": "ask", "content": {"text": "Name?"}, "question": {"type": "text", "timeout": "1d"}},
			{"id": "end", "kind": "end"}], "triggers": [{"keyword": "Survey!"}]}`, false})
		id := w.IDs("SELECT MIN(id) FROM contacts WHERE account_id = ?", w.AccountID)[0]
		w.reply(id, "survey")
		w.reply(id, "SURVEY") // is inside already, and the question is not sent yet
		w.move()
		require.Len(t, w.deliver(), 1)
		w.reply(id, "Survey") // answers the question: the newest that is open takes every word but those to opt out
		w.move()
		require.Equal(t, "ended", w.session(id).Outcome)
		require.JSONEq(t, `"Survey"`, string(w.session(id).Answers["q"]))
		w.reply(id, "survey")
		require.Len(t, w.IDs("SELECT id FROM flow_sessions"), 1, "once and for all")
		w.balances()
	})
}

func TestPeopleAreMovedToAnotherVersion(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *storetest.Store) {
		w := newFlowWalk(t, s, walkers{5, `{"steps": [{"id": "w", "kind": "wait", "wait": {"for": "30d"}}, {"id": "a", "kind": "send", "content": {"text": "old"}},
			{"id": "end", "kind": "end", "outcome": "old"}]}`, false})
		ids := w.IDs("SELECT id FROM contacts WHERE account_id = ? AND id % 10 <> 0 ORDER BY id", w.AccountID)
		w.enter(ids[:2]...)
		w.move()
		f, err := s.GetFlow(t.Context(), w.AccountID, w.flow)
		require.NoError(t, err)
		f.Definition, err = flow.Parse([]byte(`{"steps": [{"id": "pause", "kind": "wait", "wait": {"for": "1d"}},
			{"id": "b", "kind": "send", "content": {"text": "new"}},
			{"id": "end", "kind": "end", "outcome": "new"}]}`))
		require.NoError(t, err)
		f, err = s.UpdateFlow(t.Context(), f)
		require.NoError(t, err)
		require.True(t, f.Changed)
		w.enter(ids[2])
		require.EqualValues(t, 1, w.session(ids[2]).Version, "not in force yet")
		require.NoError(t, s.StartFlow(t.Context(), w.AccountID, w.flow, "key 1"))
		err = s.StartFlow(t.Context(), w.AccountID, w.flow, "key 1")
		require.Equal(t, fault.Conflict, fault.CodeOf(err), "nothing was changed")
		w.enter(ids[3])
		w.move()
		require.EqualValues(t, 2, w.session(ids[3]).Version)

		here, err := s.PlanMove(t.Context(), w.AccountID, w.flow, 1)
		require.NoError(t, err)
		require.Equal(t, map[string]int64{"w": 3}, here)
		moved, err := s.MoveVersion(t.Context(), w.AccountID, w.flow, 1, map[string]string{"w": "pause"})
		require.NoError(t, err)
		require.EqualValues(t, 3, moved)
		w.move()
		w.time.Advance(25 * time.Hour)
		w.move()
		require.Len(t, w.deliver(), 4)
		w.move()
		for _, id := range ids[:4] {
			require.Equal(t, "new", w.session(id).Outcome)
		}
		versions, err := s.FlowVersions(t.Context(), w.AccountID, w.flow)
		require.NoError(t, err)
		require.Nil(t, versions[0].RetiredAt)
		require.NotNil(t, versions[1].RetiredAt, "nobody is on it, and nobody can come")
		for _, v := range versions {
			read, err := s.FlowVersion(t.Context(), w.AccountID, w.flow, v.Version)
			require.NoError(t, err)
			require.NotEmpty(t, read.Definition.Steps)
			require.Equal(t, v.CreatedAt, read.CreatedAt)
		}
		_, err = s.FlowVersion(t.Context(), w.AccountID, w.flow, 9)
		require.True(t, fault.Is(err, fault.NotFound))
		w.balances()
	})
}

func TestWhoseMessageIsClearedGoesOn(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *storetest.Store) {
		w := newFlowWalk(t, s, walkers{9, `{"steps": [{"id": "a", "kind": "send", "content": {"text": "x"}, "exits": {"skipped": "lost"}},
			{"id": "end", "kind": "end"}, {"id": "lost", "kind": "end", "outcome": "lost"}]}`, true})
		w.plan()
		w.move()
		clearing, err := s.BeginClear(t.Context(), messages.QueueFilter{AccountID: w.AccountID, CampaignID: w.flow}, "ops")
		require.NoError(t, err)
		for clearing.FinishedAt == nil {
			clearing, err = s.ContinueClear(t.Context(), clearing.ID)
			require.NoError(t, err)
		}
		w.move()
		report, err := s.FlowReport(t.Context(), w.AccountID, w.flow)
		require.NoError(t, err)
		require.Equal(t, []flows.Outcome{{Outcome: "lost", Count: report.Entered}}, report.Outcomes)
		require.Equal(t, messages.ReasonCleared, w.session(w.IDs("SELECT MIN(contact_id) FROM flow_sessions")[0]).Moves[0].Why)
		w.balances()
	})
}

func TestAChangeThatMeetsAGoalCountsAtOnce(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *storetest.Store) {
		w := newFlowWalk(t, s, walkers{3, `{"steps": [{"id": "w", "kind": "wait", "wait": {"for": "30d"}}, {"id": "end", "kind": "end"}],
			"goals": [{"rule": {"condition": "AND", "rules": [{"field": "attributes.plan", "operator": "equal", "value": "gold"}]}, "outcome": "bought"}]}`, true})
		w.plan()
		w.move()
		id := w.IDs("SELECT MIN(contact_id) FROM flow_sessions")[0]
		_, err := s.UpdateContact(t.Context(), w.AccountID, id, func(c *contacts.Contact) error {
			c.Given = map[string]json.RawMessage{"plan": json.RawMessage(`"gold"`)}
			return nil
		})
		require.NoError(t, err)
		w.move()
		require.Equal(t, [2]string{"bought", flow.ReasonGoal}, [2]string{w.session(id).Outcome, w.session(id).Reason})
		require.NotNil(t, w.session(w.IDs("SELECT MAX(contact_id) FROM flow_sessions")[0]).WakeAt, "whoever only was looked at waits on")
	})
}

// An audience of many batches enters whole, also where batches of a plan are made side by
// side: those of an entry would wait for each other at the flow.
func TestAnAudienceOfManyBatchesEnters(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *storetest.Store) {
		s.PlanInParts(2)
		w := newFlowWalk(t, s, walkers{200, askThenBranch, true})
		runs, err := w.RunsToPlan(t.Context())
		require.NoError(t, err)
		require.Len(t, runs, 1)
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		for done := false; !done; {
			step, err := s.PlanBatch(ctx, runs[0], 2)
			require.NoError(t, err)
			done = step.Done
		}
		require.Len(t, w.IDs("SELECT id FROM flow_sessions"), 180, "every tenth has no address")
	})
}

// Whatever of a person is under way while it is erased, no answer stays.
func TestNoAnswerOutlivesItsContact(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *storetest.Store) {
		// It writes nothing into the contact: else its moves take turns with erasures anyway.
		w := newFlowWalk(t, s, walkers{60, `{"steps": [
			{"id": "name", "kind": "ask", "content": {"text": "Your name?"}, "question": {"type": "text", "timeout": "1d"}},
			{"id": "thanks", "kind": "send", "content": {"text": "Thanks, {{ answers.name }}"}}, {"id": "end", "kind": "end"}]}`, true})
		w.plan()
		w.move()
		w.deliver()
		w.move()
		ids := w.IDs("SELECT contact_id FROM flow_sessions WHERE phase = 'open' ORDER BY id")
		require.Len(t, ids, 54)
		var all sync.WaitGroup
		erased := make(chan struct{})
		failures := make(chan error, 2)
		all.Go(func() {
			for {
				if _, err := s.MoveFlows(t.Context()); err != nil {
					failures <- err
					return
				}
				select {
				case <-erased:
					return
				default:
				}
			}
		})
		for _, id := range ids {
			w.reply(id, "Ada")
			_, err := s.EraseContact(t.Context(), w.AccountID, id, false)
			require.NoError(t, err)
		}
		close(erased)
		all.Wait()
		close(failures)
		require.NoError(t, <-failures)
		w.move()
		for _, kept := range []string{
			"SELECT id FROM flow_answers", "SELECT id FROM flow_inbox", "SELECT message_id FROM message_answers",
			"SELECT id FROM flow_sessions WHERE answers <> '{}' OR ended_at IS NULL", "SELECT id FROM replies WHERE text <> ''",
		} {
			require.Empty(t, w.IDs(kept), kept)
		}
		for _, id := range ids {
			_, err := s.GetContact(t.Context(), w.AccountID, id)
			require.True(t, fault.Is(err, fault.NotFound), "%v", err)
		}
		w.balances()
	})
}
