package api

import (
	"context"
	"encoding/json"
	"maps"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"carillon/access"
	"carillon/api/gate"
	"carillon/campaigns"
	"carillon/campaigns/flow"
	"carillon/campaigns/flows"
	"carillon/internal/fault"
	"carillon/messages"
	"carillon/providers"
	"carillon/targeting"
	"carillon/tracking"
)

// Flow is a flow campaign as the API shows it.
type Flow struct {
	ID         int64               `json:"id"`
	Name       string              `json:"name"`
	ChannelID  int64               `json:"channel_id"`
	Audience   *targeting.Audience `json:"audience,omitempty" doc:"Who enters when the schedule says; absent where people enter by triggers or requests alone."`
	Schedule   Schedule            `json:"schedule"`
	Throttle   campaigns.Throttle  `json:"throttle"`
	Weight     int                 `json:"weight"`
	CategoryID int64               `json:"category_id,omitempty"`
	Tracking   *tracking.Settings  `json:"tracking,omitempty" doc:"What of its messages is tracked; absent for nothing."`
	Status     string              `json:"status" enum:"draft,scheduled,running,paused,finished,canceled,failed"`
	flow.Definition
	Version    int64      `json:"version" doc:"The version by which people enter; 0 before it was started."`
	Changed    bool       `json:"changed" doc:"The steps shown are others than those in force: POST start puts them in force."`
	Inside     int64      `json:"inside" doc:"Sessions that have not ended."`
	Entered    int64      `json:"entered" doc:"All sessions there were."`
	ClosedAt   *time.Time `json:"closed_at,omitempty" doc:"Since when nobody enters any more."`
	NextFireAt *time.Time `json:"next_fire_at,omitempty" doc:"When its audience enters next."`
	Pause      *Pause     `json:"pause,omitempty" doc:"Who paused it, and why."`
	Tags       []string   `json:"tags"`
	Notes      string     `json:"notes,omitempty"`
	CreatedAt  time.Time  `json:"created_at"`
	UpdatedAt  time.Time  `json:"updated_at"`
}

func (f Flow) identity() int64 { return f.ID }

// FlowInput is what a new flow is made of.
type FlowInput struct {
	Name       string              `json:"name" minLength:"1" maxLength:"200"`
	ChannelID  int64               `json:"channel_id" minimum:"1" doc:"Through which its steps send, unless they name another."`
	Audience   *targeting.Audience `json:"audience,omitempty" doc:"Who enters when the schedule says; left out, people enter by triggers or requests."`
	Schedule   Schedule            `json:"schedule,omitempty" doc:"When the audience enters, as of a campaign. Its hours hold for every message of the flow."`
	Throttle   campaigns.Throttle  `json:"throttle,omitempty"`
	Weight     int                 `json:"weight,omitempty" minimum:"1" maximum:"100" doc:"Its share of the channel against other campaigns; default 1."`
	CategoryID int64               `json:"category_id,omitempty" minimum:"1" doc:"The category that it is about: whoever opts out of it leaves."`
	Tracking   *tracking.Settings  `json:"tracking,omitempty" doc:"What of its messages is tracked: clicks on links, opens of mails; nothing if absent. It needs public_url."`
	Tags       []string            `json:"tags,omitempty" maxItems:"20"`
	Notes      string              `json:"notes,omitempty" maxLength:"10000"`
	flow.Definition
}

// FlowChange is what to change of a flow; what is absent stays.
type FlowChange struct {
	Name       *string             `json:"name,omitempty" minLength:"1" maxLength:"200"`
	ChannelID  *int64              `json:"channel_id,omitempty" minimum:"1" doc:"Only of a draft."`
	Audience   *targeting.Audience `json:"audience,omitempty"`
	Schedule   *Schedule           `json:"schedule,omitempty" doc:"Only of a draft."`
	Throttle   *campaigns.Throttle `json:"throttle,omitempty"`
	Weight     *int                `json:"weight,omitempty" minimum:"1" maximum:"100"`
	CategoryID *int64              `json:"category_id,omitempty"`
	Tracking   *tracking.Settings  `json:"tracking,omitempty" doc:"As a whole; an empty object takes it away. In force once the flow is started again."`
	Steps      *[]flow.Step        `json:"steps,omitempty" doc:"All steps instead of those it has; in force once it is started again."`
	Goals      *[]flow.Goal        `json:"goals,omitempty"`
	Reentry    *flow.Reentry       `json:"reentry,omitempty"`
	Triggers   *[]flow.Trigger     `json:"triggers,omitempty"`
}

type createFlow struct{ Body FlowInput }

type changeFlow struct {
	ByID
	Body FlowChange
}

type listFlows struct {
	Paged
	Status string `query:"status" enum:"draft,scheduled,running,paused,finished,canceled,failed"`
	Search string `query:"search" maxLength:"200" doc:"A part of the name."`
}

// FlowContact names a contact.
type FlowContact struct {
	ID         int64                 `json:"id,omitempty" minimum:"1"`
	ExternalID string                `json:"external_id,omitempty" maxLength:"255"`
	Address    string                `json:"address,omitempty" maxLength:"320" doc:"An address, with its kind."`
	Kind       providers.AddressKind `json:"kind,omitempty" doc:"Kind of the address, such as email."`
}

// FlowEntry is who enters a flow.
type FlowEntry struct {
	Contacts []FlowContact              `json:"contacts" minItems:"1" maxItems:"1000" doc:"Who enters: each by id, by external_id, or by address and kind."`
	Answers  map[string]json.RawMessage `json:"answers,omitempty" doc:"What is known before anything is asked, such as the order that it is about: {{ answers.order }}."`
}

type enterFlow struct {
	ByID
	Body FlowEntry
}

// FlowEntered is what became of an entry.
type FlowEntered struct {
	Entered []FlowPlace `json:"entered" doc:"The new sessions."`
	Left    []FlowLeft  `json:"left" doc:"Who did not enter, and why."`
}

// FlowPlace is a contact's session.
type FlowPlace struct {
	ContactID int64 `json:"contact_id"`
	SessionID int64 `json:"session_id"`
}

// FlowLeft is a contact that did not enter.
type FlowLeft struct {
	ContactID int64  `json:"contact_id"`
	Reason    string `json:"reason" enum:"inside,before,gap,unknown" doc:"inside: is in it; before: was in it, and it allows that once; gap: was in it too short a time ago; unknown: is no active contact."`
}

// FlowSession is somebody's way through a flow.
type FlowSession struct {
	ID        int64                      `json:"id"`
	FlowID    int64                      `json:"flow_id"`
	Version   int64                      `json:"version"`
	ContactID int64                      `json:"contact_id"`
	Source    string                     `json:"source" doc:"How it was entered: api, audience, event, keyword, joins, date or flow."`
	Step      string                     `json:"step" doc:"Where it stands, or ended."`
	Phase     string                     `json:"phase" enum:"arrived,sending,open,waiting,calling,ended" doc:"sending: its message is under way; open: its question was asked."`
	WakeAt    *time.Time                 `json:"wake_at,omitempty" doc:"When it goes on by itself; absent if something must come before."`
	Answers   map[string]json.RawMessage `json:"answers"`
	Outcome   string                     `json:"outcome,omitempty"`
	Reason    string                     `json:"reason,omitempty" doc:"Why it ended where that was no end of the flow: goal, opted_out, blocked, erased, canceled."`
	EnteredAt time.Time                  `json:"entered_at"`
	MovedAt   time.Time                  `json:"moved_at"`
	EndedAt   *time.Time                 `json:"ended_at,omitempty"`
	Way       []FlowMove                 `json:"way,omitempty" doc:"The steps that were left, in their order; only where one session is shown."`
}

// FlowMove is a step that was left.
type FlowMove struct {
	At   time.Time `json:"at"`
	Step string    `json:"step"`
	Exit string    `json:"exit,omitempty" doc:"By which exit; absent for the way on."`
	Why  string    `json:"why,omitempty"`
}

type listSessions struct {
	ByID
	Paged
	ContactID int64  `query:"contact_id" minimum:"1"`
	Step      string `query:"step" maxLength:"63"`
	Ended     string `query:"ended" enum:"true,false" doc:"Those that have ended, or have not."`
}

type sessionByID struct {
	ByID
	SessionID int64 `path:"session_id" minimum:"1"`
}

// FlowAnswer is what somebody answered.
type FlowAnswer struct {
	ID         int64           `json:"id"`
	SessionID  int64           `json:"session_id"`
	ContactID  int64           `json:"contact_id"`
	QuestionID int64           `json:"question_id,omitempty" doc:"The question's own, the same in all versions."`
	Step       string          `json:"step"`
	Question   string          `json:"question,omitempty"`
	Text       string          `json:"text" doc:"What was written."`
	Value      json.RawMessage `json:"value" doc:"What was understood."`
	At         time.Time       `json:"at"`
}

type listAnswers struct {
	ByID
	Paged
	ContactID int64  `query:"contact_id" minimum:"1"`
	Step      string `query:"step" maxLength:"63"`
}

// FlowReport says where everybody is.
type FlowReport struct {
	Entered  int64         `json:"entered" doc:"Everybody: those inside, and the sum of the outcomes."`
	Inside   int64         `json:"inside"`
	Steps    []FlowStep    `json:"steps"`
	Outcomes []FlowOutcome `json:"outcomes"`
	Problems []string      `json:"problems,omitempty" doc:"What does not fit together; only of verify."`
}

// FlowStep is what happens at a step.
type FlowStep struct {
	Step     string           `json:"step"`
	Kind     string           `json:"kind,omitempty"`
	Here     int64            `json:"here" doc:"Sessions that stand there now."`
	Exits    map[string]int64 `json:"exits" doc:"Those that have left it, by exit; next for the way on."`
	Messages map[string]int64 `json:"messages,omitempty" doc:"Its messages by state."`
}

// FlowOutcome counts the sessions that ended so.
type FlowOutcome struct {
	Outcome string `json:"outcome"`
	Reason  string `json:"reason,omitempty"`
	Count   int64  `json:"count"`
}

// FlowVersion is a version that was put in force.
type FlowVersion struct {
	Version   int64      `json:"version"`
	CreatedAt time.Time  `json:"created_at"`
	By        string     `json:"by"`
	Inside    int64      `json:"inside" doc:"Sessions on it."`
	RetiredAt *time.Time `json:"retired_at,omitempty" doc:"Since when nobody is on it any more."`
}

// FlowMoveInput says where those go who are on an older version.
type FlowMoveInput struct {
	Steps  map[string]string `json:"steps,omitempty" doc:"Where each step of the old version leads; one that is not named leads to that of the same name."`
	DryRun bool              `json:"dry_run,omitempty" doc:"Move nobody, and say who would be."`
}

type moveVersion struct {
	ByID
	Version int64 `path:"version" minimum:"1"`
	Body    FlowMoveInput
}

func (in *moveVersion) changesNothing() bool { return in.Body.DryRun }

// FlowMoved is what becomes of those who are on an older version.
type FlowMoved struct {
	Here  map[string]int64  `json:"here" doc:"Sessions by the step where they stand."`
	To    map[string]string `json:"to" doc:"Where each step leads."`
	Stay  []string          `json:"stay" doc:"Steps whose people stay on their version: it has none of that name, and none was named."`
	Moved int64             `json:"moved"`
}

// FlowSimulationInput is how a flow is played.
type FlowSimulationInput struct {
	From     *time.Time          `json:"from,omitempty" doc:"When everybody enters; now if absent."`
	Until    *time.Time          `json:"until,omitempty" doc:"The end of what is played; 30 days later if absent, 400 at most."`
	Contacts []FlowContact       `json:"contacts,omitempty" maxItems:"1000" doc:"For whom; left out, for some of its audience."`
	Sample   int                 `json:"sample,omitempty" minimum:"1" maximum:"1000" doc:"For how many of its audience; default 20."`
	Answers  map[string][]string `json:"answers,omitempty" doc:"What is answered, by step: each in turn by the next who is asked; an empty text is silence. Left out, answers are made up."`
	Silent   int                 `json:"silent,omitempty" minimum:"0" maximum:"1000" doc:"Of made-up people, one in so many answers nothing; 0 for nobody."`
	After    string              `json:"after,omitempty" doc:"How long people take to answer; default 1m." example:"10m"`
}

type simulateFlow struct {
	ByID
	Body FlowSimulationInput
}

// FlowSimulation is what came of a flow that was played.
type FlowSimulation struct {
	From     time.Time     `json:"from"`
	Until    time.Time     `json:"until"`
	People   int           `json:"people"`
	Steps    []FlowStep    `json:"steps"`
	Outcomes []FlowOutcome `json:"outcomes"`
	Messages []FlowSaid    `json:"messages" doc:"Every message in the order of time, and those that would not be sent with the reason."`
	Ways     []FlowWay     `json:"ways" doc:"Each person's way."`
	Notices  []string      `json:"notices" doc:"What a simulation can't know."`
}

// FlowSaid is a message of a simulation.
type FlowSaid struct {
	At        time.Time          `json:"at"`
	ContactID int64              `json:"contact_id"`
	Step      string             `json:"step"`
	Content   *providers.Content `json:"content,omitempty"`
	Skipped   string             `json:"skipped,omitempty" doc:"Why it would not be sent."`
}

// FlowWay is a person's way through a simulation.
type FlowWay struct {
	ContactID int64                      `json:"contact_id"`
	Way       []FlowMove                 `json:"way"`
	Answers   map[string]json.RawMessage `json:"answers"`
	Step      string                     `json:"step" doc:"Where it stood at the end."`
	Outcome   string                     `json:"outcome,omitempty"`
	Reason    string                     `json:"reason,omitempty"`
	EndedAt   *time.Time                 `json:"ended_at,omitempty"`
}

func flowView(f flows.Flow) Flow {
	c := campaignView(f.Campaign)
	view := Flow{
		ID: f.ID, Name: f.Name, ChannelID: f.ChannelID, Schedule: c.Schedule, Throttle: f.Throttle, Weight: f.Weight, CategoryID: f.CategoryID,
		Tracking: trackingView(f.Tracking), Status: c.Status, Definition: f.Definition, Version: f.InForce, Changed: f.Changed, Inside: f.Inside, Entered: f.Entered,
		ClosedAt: timestamp(f.ClosedAt), NextFireAt: c.NextFireAt, Pause: c.Pause, Tags: c.Tags, Notes: c.Notes, CreatedAt: c.CreatedAt, UpdatedAt: c.UpdatedAt,
	}
	if f.Audience.All || f.Audience.Some() {
		view.Audience = &c.Audience
	}
	return view
}

func flowOut(f flows.Flow, err error) (*one[Flow], error) {
	if err != nil {
		return nil, err
	}
	return &one[Flow]{flowView(f)}, nil
}

func sessionView(n flows.Session) FlowSession {
	view := FlowSession{
		ID: n.ID, FlowID: n.CampaignID, Version: n.Version, ContactID: n.ContactID, Source: n.Source, Step: n.Step, Phase: string(n.Phase),
		WakeAt: timestamp(n.WakeAt), Answers: n.Answers, Outcome: n.Outcome, Reason: n.Reason, EnteredAt: n.EnteredAt, MovedAt: n.MovedAt,
		EndedAt: timestamp(n.EndedAt), Way: movesView(n.Moves),
	}
	if n.Phase == flow.Arrived {
		view.Phase = "arrived"
	}
	return view
}

func movesView(moves []flows.Move) []FlowMove {
	list := make([]FlowMove, len(moves))
	for i, m := range moves {
		list[i] = FlowMove{At: m.At.UTC(), Step: m.Step, Exit: m.Exit, Why: m.Why}
	}
	return list
}

// maxWays is how many sessions are shown with their ways.
const maxWays = 10

// waysOf are the ways of a contact through flows, the newest first.
func (s *Server) waysOf(ctx context.Context, f flows.SessionFilter) (list []FlowSession, err error) {
	if f.ContactID == 0 {
		return nil, nil
	}
	f.Limit = maxWays
	found, err := s.Flows.Ways(ctx, f)
	for _, n := range found {
		list = append(list, sessionView(n))
	}
	return list, err
}

func answerView(a flows.Answer) FlowAnswer {
	return FlowAnswer{ID: a.ID, SessionID: a.SessionID, ContactID: a.ContactID, QuestionID: a.QuestionID, Step: a.Step, Question: a.Question, Text: a.Text,
		Value: a.Value, At: a.At}
}

func stepsView(steps []flows.StepCount) []FlowStep {
	list := make([]FlowStep, len(steps))
	for i, step := range steps {
		list[i] = FlowStep{Step: step.Step, Kind: string(step.Kind), Here: step.Here, Exits: map[string]int64{}}
		for exit, n := range step.Exits {
			if exit == "" {
				exit = "next"
			}
			list[i].Exits[exit] = n
		}
		if step.Messages != nil {
			list[i].Messages = map[string]int64{}
			for _, state := range messages.States() {
				if n := step.Messages[state]; n > 0 {
					list[i].Messages[state.String()] = n
				}
			}
		}
	}
	return list
}

func outcomesView(outcomes []flows.Outcome) []FlowOutcome {
	list := make([]FlowOutcome, len(outcomes))
	for i, o := range outcomes {
		list[i] = FlowOutcome(o)
	}
	return list
}

func simulationView(sim flows.Simulation) FlowSimulation {
	view := FlowSimulation{
		From: sim.From.UTC(), Until: sim.Until.UTC(), People: len(sim.People), Steps: stepsView(sim.Steps), Outcomes: outcomesView(sim.Outcomes),
		Messages: make([]FlowSaid, len(sim.Messages)), Ways: make([]FlowWay, len(sim.People)), Notices: sim.Notices,
	}
	for i, m := range sim.Messages {
		view.Messages[i] = FlowSaid{At: m.At.UTC(), ContactID: m.ContactID, Step: m.Step, Skipped: m.Skipped}
		if !m.Content.Empty() {
			view.Messages[i].Content = &m.Content
		}
	}
	for i, p := range sim.People {
		view.Ways[i] = FlowWay{ContactID: p.ContactID, Way: movesView(p.Moves), Answers: p.Session.Answers, Step: p.Session.Step, Outcome: p.Session.Outcome,
			Reason: p.Session.Reason, EndedAt: known(p.EndedAt)}
	}
	return view
}

func (in FlowInput) flow(accountID int64) flows.Flow {
	f := flows.Flow{Definition: in.Definition, Campaign: campaigns.Campaign{
		AccountID: accountID, Name: in.Name, ChannelID: in.ChannelID, Schedule: in.Schedule.schedule(), Throttle: in.Throttle, Weight: in.Weight,
		CategoryID: in.CategoryID, Tracking: trackingOf(in.Tracking), About: campaigns.About{Tags: in.Tags, Notes: in.Notes},
	}}
	if in.Audience != nil {
		f.Audience = *in.Audience
	}
	return f
}

func whoOf(contacts []FlowContact) []flows.Who {
	who := make([]flows.Who, len(contacts))
	for i, c := range contacts {
		who[i] = flows.Who{ID: c.ID, ExternalID: c.ExternalID, Address: c.Address, Kind: c.Kind}
		if c.Address != "" && c.Kind == "" {
			who[i].Kind = providers.Email
		}
	}
	return who
}

func (s *Server) updateFlow(ctx context.Context, caller access.Key, in *changeFlow) (*one[Flow], error) {
	f, err := s.Flows.Get(ctx, caller.AccountID, in.ID)
	if err != nil {
		return nil, err
	}
	b := in.Body
	set(&f.Name, b.Name)
	set(&f.ChannelID, b.ChannelID)
	set(&f.Audience, b.Audience)
	set(&f.Throttle, b.Throttle)
	set(&f.Weight, b.Weight)
	set(&f.CategoryID, b.CategoryID)
	set(&f.Tracking, b.Tracking)
	set(&f.Definition.Steps, b.Steps)
	set(&f.Definition.Goals, b.Goals)
	set(&f.Definition.Reentry, b.Reentry)
	set(&f.Definition.Triggers, b.Triggers)
	if b.Schedule != nil {
		f.Schedule = b.Schedule.schedule()
	}
	return flowOut(s.Flows.Update(ctx, f))
}

// set writes what is given.
func set[T any](to, given *T) {
	if given != nil {
		*to = *given
	}
}

func (s *Server) enterFlow(ctx context.Context, caller access.Key, in *enterFlow) (*one[FlowEntered], error) {
	done, err := s.Flows.Enter(ctx, caller.AccountID, flows.Entry{CampaignID: in.ID, Source: "api", Answers: in.Body.Answers}, whoOf(in.Body.Contacts))
	if err != nil {
		return nil, err
	}
	out := &one[FlowEntered]{FlowEntered{Entered: []FlowPlace{}, Left: []FlowLeft{}}}
	for _, id := range slices.Sorted(maps.Keys(done.Sessions)) {
		out.Body.Entered = append(out.Body.Entered, FlowPlace{id, done.Sessions[id]})
	}
	for _, id := range slices.Sorted(maps.Keys(done.Left)) {
		out.Body.Left = append(out.Body.Left, FlowLeft{id, done.Left[id]})
	}
	return out, nil
}

func (s *Server) simulateFlow(ctx context.Context, caller access.Key, in *simulateFlow) (*one[FlowSimulation], error) {
	b := in.Body
	ask := flows.Ask{Contacts: whoOf(b.Contacts), Sample: b.Sample, Answers: b.Answers, Silent: b.Silent, After: time.Minute}
	set(&ask.From, b.From)
	set(&ask.Until, b.Until)
	if b.After != "" {
		d, err := time.ParseDuration(b.After)
		if err != nil || d < 0 {
			return nil, fault.InvalidField("after", b.After, "must be a duration such as 90s, 10m or 2h")
		}
		ask.After = d
	}
	sim, err := s.Flows.Simulate(ctx, caller.AccountID, in.ID, ask)
	if err != nil {
		return nil, err
	}
	return &one[FlowSimulation]{simulationView(sim)}, nil
}

func (s *Server) flowReport(ctx context.Context, caller access.Key, id int64, verify bool) (*one[FlowReport], error) {
	r, err := s.Flows.Report(ctx, caller.AccountID, id)
	if err != nil {
		return nil, err
	}
	out := &one[FlowReport]{FlowReport{Entered: r.Entered, Inside: r.Inside, Steps: stepsView(r.Steps), Outcomes: outcomesView(r.Outcomes)}}
	if verify {
		out.Body.Problems, err = s.Flows.Verify(ctx, caller.AccountID, id)
	}
	return out, err
}

func (s *Server) flowRoutes() {
	const path, tag = "/v1/flows", "flows"
	register(s, operation{id: "list-flows", method: http.MethodGet, path: path, tag: tag, doc: "List flow campaigns, newest first", roles: mayLook},
		func(ctx context.Context, caller access.Key, in *listFlows) (*pageOut[Flow], error) {
			before, err := in.position()
			if err != nil {
				return nil, err
			}
			list, err := s.Flows.List(ctx, campaigns.Filter{AccountID: caller.AccountID, Status: campaigns.Status(in.Status), Search: strings.TrimSpace(in.Search),
				Before: before, Limit: in.Limit + 1})
			if err != nil {
				return nil, err
			}
			return page(list, in.Limit, flowView, func(f flows.Flow) string { return idKey(f.ID) }), nil
		})
	register(s, operation{id: "create-flow", method: http.MethodPost, path: path, tag: tag, doc: "Create a flow campaign", status: http.StatusCreated,
		roles: mayEdit,
		more:  "It walks each person through steps: messages, questions, waits, branches. It is a draft until it is started. docs/flows.md describes the steps."},
		func(ctx context.Context, caller access.Key, in *createFlow) (*one[Flow], error) {
			return flowOut(s.Flows.Create(ctx, in.Body.flow(caller.AccountID)))
		})
	register(s, operation{id: "get-flow", method: http.MethodGet, path: path + "/{id}", tag: tag, doc: "Show a flow campaign", roles: mayLook},
		func(ctx context.Context, caller access.Key, in *ByID) (*one[Flow], error) {
			return flowOut(s.Flows.Get(ctx, caller.AccountID, in.ID))
		})
	register(s, operation{id: "update-flow", method: http.MethodPatch, path: path + "/{id}", tag: tag, doc: "Change a flow campaign", roles: mayEdit,
		more: "Changed steps are in force once the flow is started again; people who are inside stay on theirs, or are moved with versions/{version}/move."},
		s.updateFlow)
	register(s, operation{id: "delete-flow", method: http.MethodDelete, path: path + "/{id}", tag: tag, doc: "Delete a draft",
		status: http.StatusNoContent, roles: mayEdit},
		func(ctx context.Context, caller access.Key, in *ByID) (*struct{}, error) {
			if _, err := s.Flows.Get(ctx, caller.AccountID, in.ID); err != nil {
				return nil, err
			}
			return nil, s.Campaigns.Delete(ctx, caller.AccountID, in.ID)
		})
	register(s, operation{id: "duplicate-flow", method: http.MethodPost, path: path + "/{id}/duplicate", tag: tag, doc: "Make a draft with the same steps",
		status: http.StatusCreated, roles: mayEdit},
		func(ctx context.Context, caller access.Key, in *duplicateCampaign) (*one[Flow], error) {
			name := ""
			if in.Body != nil {
				name = in.Body.Name
			}
			return flowOut(s.Flows.Duplicate(ctx, caller.AccountID, in.ID, name))
		})
	register(s, operation{id: "start-flow", method: http.MethodPost, path: path + "/{id}/start", tag: tag,
		doc: "Start a flow, or put changed steps in force", roles: mayEdit,
		more: "A draft begins: its audience enters when its schedule says, others by its triggers. The steps of one that was started become a new version, by " +
			"which people enter from now on."},
		func(ctx context.Context, caller access.Key, in *ByID) (*one[Flow], error) {
			return flowOut(s.Flows.Start(ctx, caller.AccountID, in.ID, caller.Actor()))
		})
	register(s, operation{id: "close-flow", method: http.MethodPost, path: path + "/{id}/close", tag: tag, doc: "Let nobody enter any more", roles: mayEdit,
		more: "Who is inside goes on; when the last has ended the flow is finished."},
		func(ctx context.Context, caller access.Key, in *ByID) (*one[Flow], error) {
			return flowOut(s.Flows.Close(ctx, caller.AccountID, in.ID))
		})
	for _, move := range []struct {
		verb, doc, more string
		do              func(ctx context.Context, accountID, id int64, actor string) (campaigns.Campaign, error)
	}{
		{"pause", "Pause a flow", "Binds at once: nobody moves, and none of its messages is handed to the provider after the answer. Replies are kept.",
			s.Campaigns.Pause},
		{"resume", "Go on where a flow was paused", "", s.Campaigns.Resume},
		{"cancel", "Cancel a flow for good", "Binds at once; whoever is inside leaves with the reason canceled.", s.Campaigns.Cancel},
	} {
		register(s, operation{id: move.verb + "-flow", method: http.MethodPost, path: path + "/{id}/" + move.verb, tag: tag, doc: move.doc,
			more: move.more, roles: mayEdit},
			func(ctx context.Context, caller access.Key, in *ByID) (*one[Flow], error) {
				if _, err := s.Flows.Get(ctx, caller.AccountID, in.ID); err != nil {
					return nil, err
				}
				if _, err := move.do(ctx, caller.AccountID, in.ID, caller.Actor()); err != nil {
					return nil, err
				}
				return flowOut(s.Flows.Get(ctx, caller.AccountID, in.ID))
			})
	}
	register(s, operation{id: "enter-flow", method: http.MethodPost, path: path + "/{id}/enter", tag: tag, doc: "Let contacts enter a flow",
		roles: gate.Roles{access.Admin, access.Editor, access.Sender},
		more:  "Whom nobody knows is refused, and then nobody enters; who may not enter now is named with the reason."}, s.enterFlow)
	register(s, operation{id: "simulate-flow", method: http.MethodPost, path: path + "/{id}/simulate", tag: tag, reads: readsPeople,
		doc: "Play a flow on a clock of its own", roles: mayLook,
		more: "By the code that walks people through it for real: who comes where, every message with its text, and what would not be sent. Nothing is sent or " +
			"changed."}, s.simulateFlow)
	s.flowViews(path, tag)
}

// flowViews are the routes that look at what became of a flow.
func (s *Server) flowViews(path, tag string) {
	register(s, operation{id: "get-flow-report", method: http.MethodGet, path: path + "/{id}/report", tag: tag, doc: "Where everybody is", roles: mayLook,
		more: "Counted from the sessions when it is asked for."},
		func(ctx context.Context, caller access.Key, in *ByID) (*one[FlowReport], error) {
			return s.flowReport(ctx, caller, in.ID, false)
		})
	register(s, operation{id: "verify-flow", method: http.MethodGet, path: path + "/{id}/verify", tag: tag,
		doc: "Prove that everybody is accounted for", roles: mayLook,
		more: "Everybody who entered is inside or has ended, and each message of its steps is one that a session sent; what does not fit is in problems."},
		func(ctx context.Context, caller access.Key, in *ByID) (*one[FlowReport], error) {
			return s.flowReport(ctx, caller, in.ID, true)
		})
	register(s, operation{id: "list-flow-sessions", method: http.MethodGet, path: path + "/{id}/sessions", tag: tag, reads: readsPeople,
		doc: "List sessions, newest first", roles: mayLook},
		func(ctx context.Context, caller access.Key, in *listSessions) (*pageOut[FlowSession], error) {
			before, err := in.position()
			if err != nil {
				return nil, err
			}
			f := flows.SessionFilter{AccountID: caller.AccountID, CampaignID: in.ID, ContactID: in.ContactID, Step: in.Step, Before: before, Limit: in.Limit + 1}
			if in.Ended != "" {
				f.Ended = new(in.Ended == "true")
			}
			list, err := s.Flows.Sessions(ctx, f)
			if err != nil {
				return nil, err
			}
			return page(list, in.Limit, sessionView, func(n flows.Session) string { return idKey(n.ID) }), nil
		})
	register(s, operation{id: "get-flow-session", method: http.MethodGet, path: path + "/{id}/sessions/{session_id}", tag: tag, reads: readsPeople,
		doc: "Show one person's way, step by step", roles: mayLook},
		func(ctx context.Context, caller access.Key, in *sessionByID) (*one[FlowSession], error) {
			n, err := s.Flows.Session(ctx, caller.AccountID, in.SessionID)
			if err == nil && n.CampaignID != in.ID {
				err = fault.New(fault.NotFound, "flow %d has no session %d", in.ID, in.SessionID)
			}
			if err != nil {
				return nil, err
			}
			return &one[FlowSession]{sessionView(n)}, nil
		})
	register(s, operation{id: "list-flow-answers", method: http.MethodGet, path: path + "/{id}/answers", tag: tag, reads: readsPeople,
		doc: "List what was answered, oldest first", roles: mayLook},
		func(ctx context.Context, caller access.Key, in *listAnswers) (*pageOut[FlowAnswer], error) {
			after, err := in.position()
			if err != nil {
				return nil, err
			}
			list, err := s.Flows.Answers(ctx, flows.AnswerFilter{AccountID: caller.AccountID, CampaignID: in.ID, ContactID: in.ContactID, Step: in.Step, After: after,
				Limit: in.Limit + 1})
			if err != nil {
				return nil, err
			}
			return page(list, in.Limit, answerView, func(a flows.Answer) string { return idKey(a.ID) }), nil
		})
	register(s, operation{id: "get-flow-answers", method: http.MethodGet, path: path + "/{id}/answers.csv", tag: tag, reads: readsAll,
		doc: "What was answered, as CSV", roles: mayEdit},
		func(ctx context.Context, caller access.Key, in *ByID) (*huma.StreamResponse, error) {
			if _, err := s.Flows.Get(ctx, caller.AccountID, in.ID); err != nil {
				return nil, err
			}
			return csvBody("flow-"+idKey(in.ID)+"-answers.csv", answerColumns, func(write func(...string) error) error {
				for a, err := range s.Flows.EachAnswer(ctx, flows.AnswerFilter{AccountID: caller.AccountID, CampaignID: in.ID}) {
					if err != nil {
						return err
					}
					if err := write(idKey(a.ID), idKey(a.SessionID), idKey(a.ContactID), a.Step, a.Question, a.Text, plainValue(a.Value),
						a.At.Format(time.RFC3339)); err != nil {
						return err
					}
				}
				return nil
			}), nil
		})
	register(s, operation{id: "list-flow-versions", method: http.MethodGet, path: path + "/{id}/versions", tag: tag,
		doc: "List versions, newest first", roles: mayLook},
		func(ctx context.Context, caller access.Key, in *ByID) (*one[Page[FlowVersion]], error) {
			list, err := s.Flows.Versions(ctx, caller.AccountID, in.ID)
			if err != nil {
				return nil, err
			}
			out := &one[Page[FlowVersion]]{Page[FlowVersion]{Items: make([]FlowVersion, len(list))}}
			for i, v := range list {
				out.Body.Items[i] = FlowVersion{Version: v.Version, CreatedAt: v.CreatedAt, By: v.By, Inside: v.Inside, RetiredAt: timestamp(v.RetiredAt)}
			}
			return out, nil
		})
	register(s, operation{id: "move-flow-version", method: http.MethodPost, path: path + "/{id}/versions/{version}/move", tag: tag,
		doc: "Move those who are on an older version to the one in force", roles: mayEdit,
		more: "To the steps that are named for theirs, or those of the same name; who stands elsewhere stays. dry_run says who stands where and where " +
			"they would go."},
		func(ctx context.Context, caller access.Key, in *moveVersion) (*one[FlowMoved], error) {
			m, err := s.Flows.MoveVersion(ctx, caller.AccountID, flows.Mapping{FlowID: in.ID, Version: in.Version, Steps: in.Body.Steps, Dry: in.Body.DryRun})
			if err != nil {
				return nil, err
			}
			return &one[FlowMoved]{FlowMoved{Here: m.Here, To: m.To, Stay: orEmpty(m.Stay), Moved: m.Moved}}, nil
		})
}

var answerColumns = []string{"id", "session_id", "contact_id", "step", "question", "text", "value", "at"}

// plainValue is a value as it stands in a cell: a text without its quotes.
func plainValue(value json.RawMessage) string {
	if text, err := strconv.Unquote(string(value)); err == nil {
		return text
	}
	return string(value)
}
