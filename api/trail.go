package api

import (
	"context"
	"encoding/json"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humago"

	"carillon/access"
	"carillon/internal/fault"
)

// AuditEntry is one thing that somebody did.
type AuditEntry struct {
	ID         int64          `json:"id"`
	At         time.Time      `json:"at"`
	Actor      string         `json:"actor"`
	Action     string         `json:"action"`
	Target     string         `json:"target"`
	TargetName string         `json:"target_name,omitempty" doc:"What the target was called then; absent for what has no name, and for people."`
	Detail     map[string]any `json:"detail,omitempty" doc:"before and after of what was changed, secrets masked and long values as their hash; changed has the names alone where the values are somebody's data; items is how many people were read."`
	// RequestID and Source are empty for what no request did.
	RequestID string `json:"request_id,omitempty" doc:"X-Request-Id of the request, which the log has too."`
	Source    string `json:"source,omitempty" doc:"Address that the request came from; a proxy's where there is one."`
	Seq       int64  `json:"seq,omitempty" doc:"Its place in the chain; absent until it is sealed, a moment after it was written."`
	Hash      string `json:"hash,omitempty" doc:"The hash at that place: of the entry and of all before it."`
	Erased    bool   `json:"erased,omitempty" doc:"The detail was emptied because it told of a person who was erased."`
}

// AuditProblem is the first thing that is wrong with the chain.
type AuditProblem struct {
	Seq     int64  `json:"seq,omitempty" doc:"The place in the chain; absent for an entry without one."`
	EntryID int64  `json:"entry_id,omitempty" doc:"The entry; absent where there is none."`
	What    string `json:"what"`
}

// AuditVerified is what a step along the chain found.
type AuditVerified struct {
	Checked  int64         `json:"checked" doc:"How many entries of this step are right."`
	Erased   int64         `json:"erased" doc:"How many of these are without their detail, because a person was erased."`
	Place    int64         `json:"place" doc:"How far the chain is right."`
	Floor    int64         `json:"floor" doc:"The place up to which entries were removed because their time was over."`
	Head     string        `json:"head,omitempty" doc:"The newest place, as seq:hash: note it where nobody can change it, and ask with it later."`
	Unsealed int64         `json:"unsealed" doc:"With done: entries that have no place yet."`
	Done     bool          `json:"done" doc:"There is nothing more to walk."`
	Problem  *AuditProblem `json:"problem,omitempty" doc:"The first entry that was changed, removed or put in; absent if there is none."`
	Cursor   string        `json:"next_cursor" doc:"Cursor of the next step; empty with done."`
}

// AuditFilter narrows the trail.
type AuditFilter struct {
	Actor     string    `query:"actor" maxLength:"300" doc:"Who did it, as entries name it: key 3 (deploy)."`
	Action    string    `query:"action" maxLength:"100" doc:"What was done; create-* is all that begins so." example:"create-*"`
	Target    string    `query:"target" maxLength:"300" doc:"To what, as entries name it: campaign 17."`
	RequestID string    `query:"request_id" maxLength:"200" doc:"By which request."`
	From      time.Time `query:"from" doc:"The first instant."`
	To        time.Time `query:"to" doc:"The instant before which it was."`
}

func (f AuditFilter) query(caller access.Caller) access.AuditQuery {
	return access.AuditQuery{
		AccountID: caller.AccountID, Actor: f.Actor, Action: f.Action, Target: f.Target, RequestID: f.RequestID, From: f.From, To: f.To,
	}
}

type listAudit struct {
	Paged
	AuditFilter
}

type verifyAudit struct {
	Cursor string `query:"cursor" maxLength:"200" doc:"next_cursor of the step before; empty begins with the oldest entry."`
	Head   string `query:"head" maxLength:"200" doc:"A head that was noted before: it must be in the chain."`
}

func auditView(e access.AuditEntry) AuditEntry {
	return AuditEntry{
		ID: e.ID, At: e.At, Actor: e.Actor, Action: e.Action, Target: e.Target, TargetName: e.TargetName, Detail: e.Detail,
		RequestID: e.RequestID, Source: e.Source, Seq: e.Seq, Hash: e.Hash, Erased: e.Erased,
	}
}

// chainPlace reads a place as it is shown: seq:hash.
func chainPlace(field, text string) (p access.ChainPlace, err error) {
	if text == "" {
		return p, nil
	}
	seq, hash, _ := strings.Cut(text, ":")
	p.Hash = hash
	if p.Seq, err = strconv.ParseInt(seq, 10, 64); err != nil || p.Seq < 1 || hash == "" {
		return p, fault.InvalidField(field, text, "is no place of the chain: it is seq:hash, as an answer had it")
	}
	return p, nil
}

func placeText(p access.ChainPlace) string {
	if p.Seq == 0 {
		return ""
	}
	return idKey(p.Seq) + ":" + p.Hash
}

// walkedAtOnce is how many entries a step along the chain checks: a second or so.
const walkedAtOnce = 20_000

func (s *Server) walkAudit(ctx context.Context, caller access.Caller, in *verifyAudit) (*one[AuditVerified], error) {
	after, err := chainPlace("cursor", in.Cursor)
	if err != nil {
		return nil, err
	}
	noted, err := chainPlace("head", in.Head)
	if err != nil {
		return nil, err
	}
	step, err := s.Trail.Walk(ctx, access.ChainWalk{AccountID: caller.AccountID, After: after, Noted: noted, Most: walkedAtOnce})
	if err != nil {
		return nil, err
	}
	shown := AuditVerified{
		Checked: step.Checked, Erased: step.Erased, Place: step.Place.Seq, Floor: step.Floor, Head: placeText(step.Head), Unsealed: step.Unsealed, Done: step.Done,
	}
	if p := step.Problem; p != nil {
		shown.Problem = &AuditProblem{Seq: p.Seq, EntryID: p.EntryID, What: p.What}
	}
	if !step.Done {
		shown.Cursor = placeText(step.Place)
	}
	return &one[AuditVerified]{shown}, nil
}

func (s *Server) trailRoutes() {
	const path, tag = "/v1/audit", "audit"
	register(s, operation{id: "list-audit", method: http.MethodGet, path: path, tag: tag, doc: "Who did what, newest first", roles: mayAdmin},
		func(ctx context.Context, caller access.Caller, in *listAudit) (*pageOut[AuditEntry], error) {
			q := in.query(caller)
			var err error
			if q.Before, err = in.position(); err != nil {
				return nil, err
			}
			q.Limit = in.Limit + 1
			list, err := s.Trail.List(ctx, q)
			if err != nil {
				return nil, err
			}
			return page(list, in.Limit, auditView, func(e access.AuditEntry) string { return idKey(e.ID) }), nil
		})
	register(s, operation{id: "verify-audit", method: http.MethodGet, path: path + "/verify", tag: tag, doc: "Check the chain of the audit trail", roles: mayAdmin,
		more: "Walks the chain a step at a time, and names the first entry that was changed, removed or put in."}, s.walkAudit)
	register(s, operation{id: "export-audit", method: http.MethodGet, path: path + "/export", tag: tag, doc: "Export the audit trail", roles: mayAdmin,
		reads: readsAll, more: "Streamed, the oldest first, each entry a line of JSON."},
		func(_ context.Context, caller access.Caller, in *AuditFilter) (*huma.StreamResponse, error) {
			return &huma.StreamResponse{Body: func(hctx huma.Context) { s.streamTrail(hctx, in.query(caller)) }}, nil
		})
}

// streamTrail writes entries as lines of JSON.
func (s *Server) streamTrail(hctx huma.Context, q access.AuditQuery) {
	hctx.SetHeader("Content-Type", "application/x-ndjson")
	hctx.SetStatus(http.StatusOK)
	lines := json.NewEncoder(hctx.BodyWriter())
	if err := s.Trail.Each(hctx.Context(), q, func(e access.AuditEntry) error { return lines.Encode(e.Line()) }); err != nil {
		_, w := humago.Unwrap(hctx)
		_ = http.NewResponseController(w).Flush()
		// Part of it is sent: only breaking off tells the reader.
		panic(http.ErrAbortHandler)
	}
}
