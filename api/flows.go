package api

import (
	"context"
	"encoding/json"
	"maps"
	"net/http"
	"slices"
	"strings"
	"time"

	"carillon/access"
	"carillon/api/gate"
	"carillon/campaigns"
	"carillon/campaigns/flow"
	"carillon/campaigns/flows"
	"carillon/internal/fault"
	"carillon/internal/naming"
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
	Name       string             `json:"name" minLength:"1" maxLength:"200"`
	ChannelID  int64              `json:"channel_id,omitempty" minimum:"1" doc:"Through which its steps send, unless they name another; channel may say it instead."`
	Channel    naming.Ref         `json:"channel,omitzero" kind:"channel" needed:"true" doc:"Instead of channel_id: the channel, by its id or its name."`
	Audience   *AudienceInput     `json:"audience,omitempty" doc:"Who enters when the schedule says; left out, people enter by triggers or requests."`
	Schedule   Schedule           `json:"schedule,omitempty" doc:"When the audience enters, as of a campaign. Its hours hold for every message of the flow."`
	Throttle   campaigns.Throttle `json:"throttle,omitempty"`
	Weight     int                `json:"weight,omitempty" minimum:"1" maximum:"100" doc:"Its share of the channel against other campaigns; default 1."`
	Category   naming.Ref         `json:"category,omitzero" kind:"category" doc:"Instead of category_id: the category, by its id or its name."`
	CategoryID int64              `json:"category_id,omitempty" minimum:"1" doc:"The category that it is about: whoever opts out of it leaves."`
	Tracking   *tracking.Settings `json:"tracking,omitempty" doc:"What of its messages is tracked: clicks on links, opens of mails; nothing if absent. It needs public_url."`
	Tags       []string           `json:"tags,omitempty" maxItems:"20"`
	Notes      string             `json:"notes,omitempty" maxLength:"10000"`
	flow.Definition
}

// FlowChange is what to change of a flow; what is absent stays.
type FlowChange struct {
	Name       *string             `json:"name,omitempty" minLength:"1" maxLength:"200"`
	ChannelID  *int64              `json:"channel_id,omitempty" minimum:"1" doc:"Only of a draft."`
	Channel    naming.Ref          `json:"channel,omitzero" kind:"channel" doc:"Instead of channel_id: the channel, by its id or its name."`
	Audience   *AudienceInput      `json:"audience,omitempty"`
	Schedule   *Schedule           `json:"schedule,omitempty" doc:"Only of a draft."`
	Throttle   *campaigns.Throttle `json:"throttle,omitempty"`
	Weight     *int                `json:"weight,omitempty" minimum:"1" maximum:"100"`
	Category   naming.Ref          `json:"category,omitzero" kind:"category" doc:"Instead of category_id: the category, by its id or its name; an empty one takes the category away."`
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

// FlowFieldsInput are the steps of a flow, as far as they are written.
type FlowFieldsInput struct {
	Steps []flow.Step `json:"steps" doc:"Steps whose answers and messages rules may talk about; they need not be complete."`
}

type flowFields struct{ Body FlowFieldsInput }

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
	Wrote    string              `json:"wrote,omitempty" doc:"How long before from everybody wrote to the flow's channels last, or never: where a channel sends anything only to who has written lately. Left out, as it is known by now. An answer is something written." example:"2h"`
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
	Content   *providers.Content `json:"content,omitempty" personal:"texts"`
	Skipped   string             `json:"skipped,omitempty" doc:"Why it would not be sent."`
}

// FlowWay is a person's way through a simulation.
type FlowWay struct {
	ContactID int64                      `json:"contact_id"`
	Way       []FlowMove                 `json:"way"`
	Answers   map[string]json.RawMessage `json:"answers" personal:"texts"`
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
		f.Audience = in.Audience.audience()
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

func (s *Server) updateFlow(ctx context.Context, caller access.Caller, in *changeFlow) (*one[Flow], error) {
	f, err := s.Flows.Get(ctx, caller.AccountID, in.ID)
	if err != nil {
		return nil, err
	}
	b := in.Body
	set(&f.Name, b.Name)
	set(&f.ChannelID, b.ChannelID)
	if b.Audience != nil {
		f.Audience = b.Audience.audience()
	}
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

func (s *Server) enterFlow(ctx context.Context, caller access.Caller, in *enterFlow) (*one[FlowEntered], error) {
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

func (s *Server) simulateFlow(ctx context.Context, caller access.Caller, in *simulateFlow) (*one[FlowSimulation], error) {
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
	switch d, err := time.ParseDuration(b.Wrote); {
	case b.Wrote == "":
	case b.Wrote == "never":
		never := flows.Never
		ask.Wrote = &never
	case err != nil || d < 0:
		return nil, fault.InvalidField("wrote", b.Wrote, "must be never, or a duration such as 90m or 30h")
	default:
		ask.Wrote = &d
	}
	sim, err := s.Flows.Simulate(ctx, caller.AccountID, in.ID, ask)
	if err != nil {
		return nil, err
	}
	return &one[FlowSimulation]{simulationView(sim)}, nil
}

type duplicateFlow struct {
	ByID
	Body *struct {
		Name string `json:"name,omitempty" maxLength:"200" doc:"Copy of … if absent."`
	}
}

func (s *Server) flowRoutes() {
	const path, tag = "/v1/flows", "flows"
	register(s, operation{id: "list-flows", method: http.MethodGet, path: path, tag: tag, doc: "List flow campaigns, newest first", roles: mayLook},
		func(ctx context.Context, caller access.Caller, in *listFlows) (*pageOut[Flow], error) {
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
		func(ctx context.Context, caller access.Caller, in *createFlow) (*one[Flow], error) {
			return flowOut(s.Flows.Create(ctx, in.Body.flow(caller.AccountID)))
		})
	register(s, operation{id: "get-flow", method: http.MethodGet, path: path + "/{id}", tag: tag, doc: "Show a flow campaign", roles: mayLook},
		func(ctx context.Context, caller access.Caller, in *ByID) (*one[Flow], error) {
			return flowOut(s.Flows.Get(ctx, caller.AccountID, in.ID))
		})
	register(s, operation{id: "update-flow", method: http.MethodPatch, path: path + "/{id}", tag: tag, doc: "Change a flow campaign", roles: mayEdit,
		more: "Changed steps are in force once the flow is started again; people who are inside stay on theirs, or are moved with versions/{version}/move."},
		s.updateFlow)
	register(s, operation{id: "delete-flow", method: http.MethodDelete, path: path + "/{id}", tag: tag, doc: "Delete a draft",
		status: http.StatusNoContent, roles: mayEdit},
		func(ctx context.Context, caller access.Caller, in *ByID) (*struct{}, error) {
			if _, err := s.Flows.Get(ctx, caller.AccountID, in.ID); err != nil {
				return nil, err
			}
			return nil, s.Campaigns.Delete(ctx, caller.AccountID, in.ID)
		})
	register(s, operation{id: "duplicate-flow", method: http.MethodPost, path: path + "/{id}/duplicate", tag: tag, doc: "Make a draft with the same steps",
		status: http.StatusCreated, roles: mayEdit},
		func(ctx context.Context, caller access.Caller, in *duplicateFlow) (*one[Flow], error) {
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
		func(ctx context.Context, caller access.Caller, in *ByID) (*one[Flow], error) {
			return flowOut(s.Flows.Start(ctx, caller.AccountID, in.ID, caller.Actor()))
		})
	register(s, operation{id: "close-flow", method: http.MethodPost, path: path + "/{id}/close", tag: tag, doc: "Let nobody enter any more", roles: mayEdit,
		more: "Who is inside goes on; when the last has ended the flow is finished."},
		func(ctx context.Context, caller access.Caller, in *ByID) (*one[Flow], error) {
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
			func(ctx context.Context, caller access.Caller, in *ByID) (*one[Flow], error) {
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
	register(s, operation{id: "list-flow-fields", method: http.MethodPost, path: path + "/fields", tag: tag,
		doc: "List the fields that rules of a flow have beside everybody's", roles: mayLook, unaudited: true,
		more: "answers.<step> for each question and answers.<key> for what programs answer, steps.<step> for what became of a message. Rules of branches and " +
			"goals have these beside the fields of /v1/targeting/fields."},
		func(_ context.Context, _ access.Caller, in *flowFields) (*one[RuleFields], error) {
			return &one[RuleFields]{fieldsView(flow.Fields(in.Body.Steps), nil)}, nil
		})
	s.flowViews(path, tag)
}

var answerColumns = []string{"id", "session_id", "contact_id", "step", "question", "text", "value", "at"}
