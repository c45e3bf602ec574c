package api

import (
	"context"
	"encoding/json"
	"net/http"
	"time"

	"carillon/access"
	"carillon/internal/fault"
	"carillon/internal/naming"
	"carillon/messages"
	"carillon/targeting"
)

// BulkInput is a change of many contacts. Whose turn it is say contacts, q, rule,
// targeting or all.
type BulkInput struct {
	Action   string     `json:"action" enum:"start,stop,block,unblock,add,remove,set,delete" doc:"start makes inactive contacts active, stop active ones inactive; block and unblock go by the status blocked; add and remove go by list; set by property and value."`
	List     naming.Ref `json:"list,omitzero" kind:"group,category,label" doc:"Of add and remove: the id or name of a group, category or label. Joining or leaving a category is recorded as a consent."`
	Property string     `json:"property,omitempty" maxLength:"63" doc:"Of set: the key of a property."`
	Value    any        `json:"value,omitempty" doc:"Of set: its value; null takes values away."`
	Contacts []int64    `json:"contacts,omitempty" minItems:"1" maxItems:"10000" doc:"These contacts."`
	All      bool       `json:"all,omitempty" doc:"Every contact that is not deleted."`
	Query    string     `json:"q,omitempty" maxLength:"200" doc:"Whoever has this in a name, the external id or an address, as GET /v1/contacts?q= finds them."`
	// Rule and Targeting are looked at when a contact's turn comes; relative dates
	// count from when the operation was started.
	Rule      json.RawMessage `json:"rule,omitempty" doc:"Whoever this rule holds for: in jQuery QueryBuilder's form, or in Chatwoot's flat one."`
	Targeting naming.Ref      `json:"targeting,omitzero" kind:"targeting" doc:"Whoever this targeting list holds for."`
	DryRun    bool            `json:"dry_run,omitempty" doc:"Change nothing, and say how many contacts there are."`
}

// BulkAnswer is what a bulk operation is about to do.
type BulkAnswer struct {
	Matched int64 `json:"matched" doc:"Contacts whose turn it is."`
	// Job is the operation; nil on a dry run.
	Job *Job `json:"job,omitempty" doc:"Follow it under /v1/jobs/{id}; absent on a dry run."`
}

// Job is a bulk operation and how far it is.
type Job struct {
	ID       int64  `json:"id"`
	Kind     string `json:"kind"`
	Action   string `json:"action"`
	List     int64  `json:"list,omitempty"`
	Property string `json:"property,omitempty"`
	Value    any    `json:"value,omitempty"`
	// States and Messages are of a job that sends messages again or settles them.
	States     []string      `json:"states,omitempty"`
	Messages   *SettleFilter `json:"messages,omitempty" doc:"Which messages, of a job that sends some again or settles them."`
	State      string        `json:"state" enum:"queued,running,finished,failed"`
	Total      int64         `json:"total" doc:"How many contacts or messages there were when it was started."`
	Done       int64         `json:"done" doc:"How many had their turn."`
	Changed    int64         `json:"changed" doc:"How many are different now."`
	Error      string        `json:"error,omitempty" doc:"Why it failed; what it did until then stays."`
	Actor      string        `json:"actor"`
	CreatedAt  time.Time     `json:"created_at"`
	FinishedAt *time.Time    `json:"finished_at,omitempty"`
}

type bulkContacts struct{ Body BulkInput }

func (in *bulkContacts) changesNothing() bool { return in.Body.DryRun }

type bulkOut struct {
	Status int
	Body   BulkAnswer
}

func (o *bulkOut) identity() int64 {
	if o.Body.Job == nil {
		return 0
	}
	return o.Body.Job.ID
}

func jobView(j targeting.Job) Job {
	view := Job{
		ID: j.ID, Kind: j.Kind, Action: string(j.Bulk.Action), List: j.Bulk.ListID, Property: j.Bulk.Property, State: string(j.State),
		Total: j.Total, Done: j.Done, Changed: j.Changed, Error: j.Error, Actor: j.Actor, CreatedAt: j.CreatedAt, FinishedAt: timestamp(j.FinishedAt),
	}
	if len(j.Bulk.Value) > 0 {
		view.Value = j.Bulk.Value
	}
	if j.Kind == messages.MessagesJob {
		settlingView(&view, j.Spec)
	}
	return view
}

func (in BulkInput) bulk() (targeting.Bulk, error) {
	b := targeting.Bulk{
		Action: targeting.BulkAction(in.Action), ListID: in.List.ID, Property: in.Property,
		Audience: targeting.Audience{All: in.All, Contacts: in.Contacts, Text: in.Query},
	}
	if in.Value == nil && b.Action != targeting.BulkSet {
		return b, nil
	}
	value, err := json.Marshal(in.Value)
	if err != nil {
		return b, fault.InvalidField("value", nil, "is no JSON value")
	}
	b.Value = value
	return b, nil
}

// bulkRules adds the rules of a bulk operation to its audience.
func (s *Server) bulkRules(ctx context.Context, caller access.Caller, in BulkInput, to *targeting.Audience) error {
	if targeting.HasRule(in.Rule) {
		ruled, err := s.Rules.Audience(ctx, caller.AccountID, in.Rule)
		if err != nil {
			return err
		}
		to.Rule = ruled.Rule
	}
	if in.Targeting.ID == 0 {
		return nil
	}
	if _, err := s.Rules.Get(ctx, caller.AccountID, in.Targeting.ID); fault.Is(err, fault.NotFound) {
		return fault.InvalidField("targeting", in.Targeting.ID, "there is no such targeting list: GET /v1/targeting lists them")
	} else if err != nil {
		return err
	}
	to.Targeting = []int64{in.Targeting.ID}
	return nil
}

func (s *Server) jobRoutes() {
	register(s, operation{id: "bulk-contacts", method: http.MethodPost, path: "/v1/contacts/bulk", tag: "jobs", doc: "Change many contacts",
		status: http.StatusAccepted, roles: mayEdit,
		more: "The work is done in the background, batch by batch; a server that is killed goes on where it stopped."},
		func(ctx context.Context, caller access.Caller, in *bulkContacts) (*bulkOut, error) {
			bulk, err := in.Body.bulk()
			if err != nil {
				return nil, err
			}
			if err := s.bulkRules(ctx, caller, in.Body, &bulk.Audience); err != nil {
				return nil, err
			}
			if in.Body.DryRun {
				matched, err := s.Jobs.Preview(ctx, caller.AccountID, &bulk)
				return &bulkOut{http.StatusOK, BulkAnswer{Matched: matched}}, relocate(err, "audience.", "")
			}
			job, err := s.Jobs.Start(ctx, caller.AccountID, bulk, caller.Actor())
			if err != nil {
				return nil, relocate(err, "audience.", "")
			}
			view := jobView(job)
			return &bulkOut{http.StatusAccepted, BulkAnswer{job.Total, &view}}, nil
		})
	register(s, operation{id: "list-jobs", method: http.MethodGet, path: "/v1/jobs", tag: "jobs", doc: "List bulk operations, newest first", roles: mayLook},
		func(ctx context.Context, caller access.Caller, in *Paged) (*pageOut[Job], error) {
			before, err := in.position()
			if err != nil {
				return nil, err
			}
			list, err := s.Jobs.List(ctx, caller.AccountID, before, in.Limit+1)
			if err != nil {
				return nil, err
			}
			return page(list, in.Limit, jobView, func(j targeting.Job) string { return idKey(j.ID) }), nil
		})
	register(s, operation{id: "get-job", method: http.MethodGet, path: "/v1/jobs/{id}", tag: "jobs", doc: "Show how far a bulk operation is", roles: mayLook},
		func(ctx context.Context, caller access.Caller, in *ByID) (*one[Job], error) {
			job, err := s.Jobs.Get(ctx, caller.AccountID, in.ID)
			if err != nil {
				return nil, err
			}
			return &one[Job]{jobView(job)}, nil
		})
}
