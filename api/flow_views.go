package api

import (
	"context"
	"encoding/json"
	"net/http"
	"strconv"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"carillon/access"
	"carillon/campaigns/flow"
	"carillon/campaigns/flows"
	"carillon/internal/fault"
	"carillon/messages"
)

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
	Answers   map[string]json.RawMessage `json:"answers" personal:"texts"`
	Outcome   string                     `json:"outcome,omitempty"`
	Reason    string                     `json:"reason,omitempty" doc:"Why it ended where that was no end of the flow: goal, opted_out, blocked, erased, canceled."`
	EnteredAt time.Time                  `json:"entered_at"`
	MovedAt   time.Time                  `json:"moved_at"`
	EndedAt   *time.Time                 `json:"ended_at,omitempty"`
	Way       []FlowMove                 `json:"way,omitempty" doc:"The steps that were left, in their order; only where one session is shown."`
}

// FlowMove is a step that was left.
type FlowMove struct {
	At        time.Time  `json:"at"`
	Step      string     `json:"step"`
	Exit      string     `json:"exit,omitempty" doc:"By which exit; absent for the way on."`
	Why       string     `json:"why,omitempty"`
	ArrivedAt *time.Time `json:"arrived_at,omitempty" doc:"When a receipt said after all that what was sent had arrived, which the step had given up: they may have what came next as well."`
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
	Text       string          `json:"text" personal:"texts" doc:"What was written."`
	Value      json.RawMessage `json:"value" personal:"texts" doc:"What was understood."`
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

// FlowVersionShown is a version with its steps.
type FlowVersionShown struct {
	FlowVersion
	flow.Definition
}

type flowVersionByID struct {
	ByID
	Version int64 `path:"version" minimum:"1"`
}

func versionView(v flows.Version) FlowVersion {
	return FlowVersion{Version: v.Version, CreatedAt: v.CreatedAt, By: v.By, Inside: v.Inside, RetiredAt: timestamp(v.RetiredAt)}
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
		if !m.ArrivedAt.IsZero() {
			list[i].ArrivedAt = timestamp(&m.ArrivedAt)
		}
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

func (s *Server) flowReport(ctx context.Context, caller access.Caller, id int64, verify bool) (*one[FlowReport], error) {
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

// flowViews are the routes that look at what became of a flow.
func (s *Server) flowViews(path, tag string) {
	register(s, operation{id: "get-flow-report", method: http.MethodGet, path: path + "/{id}/report", tag: tag, doc: "Where everybody is", roles: mayLook,
		more: "Counted from the sessions when it is asked for."},
		func(ctx context.Context, caller access.Caller, in *ByID) (*one[FlowReport], error) {
			return s.flowReport(ctx, caller, in.ID, false)
		})
	register(s, operation{id: "verify-flow", method: http.MethodGet, path: path + "/{id}/verify", tag: tag,
		doc: "Prove that everybody is accounted for", roles: mayLook,
		more: "Everybody who entered is inside or has ended, and each message of its steps is one that a session sent; what does not fit is in problems."},
		func(ctx context.Context, caller access.Caller, in *ByID) (*one[FlowReport], error) {
			return s.flowReport(ctx, caller, in.ID, true)
		})
	register(s, operation{id: "list-flow-sessions", method: http.MethodGet, path: path + "/{id}/sessions", tag: tag, reads: readsPeople,
		doc: "List sessions, newest first", roles: mayLook},
		func(ctx context.Context, caller access.Caller, in *listSessions) (*pageOut[FlowSession], error) {
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
		func(ctx context.Context, caller access.Caller, in *sessionByID) (*one[FlowSession], error) {
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
		func(ctx context.Context, caller access.Caller, in *listAnswers) (*pageOut[FlowAnswer], error) {
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
		func(ctx context.Context, caller access.Caller, in *ByID) (*huma.StreamResponse, error) {
			if _, err := s.Flows.Get(ctx, caller.AccountID, in.ID); err != nil {
				return nil, err
			}
			hidden, err := s.hidden(ctx, caller)
			if err != nil {
				return nil, err
			}
			return csvBody("flow-"+idKey(in.ID)+"-answers.csv", answerColumns, hidden, func(write func(...string) error) error {
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
		func(ctx context.Context, caller access.Caller, in *ByID) (*one[Page[FlowVersion]], error) {
			list, err := s.Flows.Versions(ctx, caller.AccountID, in.ID)
			if err != nil {
				return nil, err
			}
			out := &one[Page[FlowVersion]]{Page[FlowVersion]{Items: make([]FlowVersion, len(list))}}
			for i, v := range list {
				out.Body.Items[i] = versionView(v)
			}
			return out, nil
		})
	register(s, operation{id: "get-flow-version", method: http.MethodGet, path: path + "/{id}/versions/{version}", tag: tag,
		doc: "Show a version with its steps", roles: mayLook},
		func(ctx context.Context, caller access.Caller, in *flowVersionByID) (*one[FlowVersionShown], error) {
			v, err := s.Flows.Version(ctx, caller.AccountID, in.ID, in.Version)
			if err != nil {
				return nil, err
			}
			return &one[FlowVersionShown]{FlowVersionShown{FlowVersion: versionView(v), Definition: v.Definition}}, nil
		})
	register(s, operation{id: "move-flow-version", method: http.MethodPost, path: path + "/{id}/versions/{version}/move", tag: tag,
		doc: "Move those who are on an older version to the one in force", roles: mayEdit,
		more: "To the steps that are named for theirs, or those of the same name; who stands elsewhere stays. dry_run says who stands where and where " +
			"they would go."},
		func(ctx context.Context, caller access.Caller, in *moveVersion) (*one[FlowMoved], error) {
			m, err := s.Flows.MoveVersion(ctx, caller.AccountID, flows.Mapping{FlowID: in.ID, Version: in.Version, Steps: in.Body.Steps, Dry: in.Body.DryRun})
			if err != nil {
				return nil, err
			}
			return &one[FlowMoved]{FlowMoved{Here: m.Here, To: m.To, Stay: orEmpty(m.Stay), Moved: m.Moved}}, nil
		})
}

// plainValue is a value as it stands in a cell: a text without its quotes.
func plainValue(value json.RawMessage) string {
	if text, err := strconv.Unquote(string(value)); err == nil {
		return text
	}
	return string(value)
}
