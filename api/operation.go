package api

import (
	"context"
	"encoding/base64"
	"errors"
	"maps"
	"net/http"
	"reflect"
	"slices"
	"strconv"
	"strings"

	"github.com/danielgtaylor/huma/v2"

	"carillon/access"
	"carillon/api/gate"
	"carillon/internal/fault"
)

// The permissions. Admins may call everything.
var (
	mayLook  = gate.Roles{access.Admin, access.Editor, access.Viewer}
	mayEdit  = gate.Roles{access.Admin, access.Editor}
	maySend  = gate.Roles{access.Admin, access.Sender}
	mayWatch = gate.Roles{access.Admin, access.Editor, access.Viewer, access.Sender}
	mayAdmin = gate.Roles{access.Admin}
)

// operation describes one operation to the router, the OpenAPI document and the
// audit trail.
type operation struct {
	// id is verb-noun; changes are audited under it.
	id     string
	method string
	path   string
	tag    string
	doc    string
	more   string
	roles  gate.Roles
	// open says that it needs neither a key nor a session.
	open bool
	// people says that it is for people who are signed in: a key has none of what it is about.
	people bool
	// own says that it is about a person's own sign-in, for which no identity provider speaks.
	own bool
	// operator says that only operators' keys may call it.
	operator bool
	// bound says that keys may call it that are bound to a channel: the handler holds them to it
	// (within).
	bound bool
	// status is that of success; 0 means 200.
	status int
	// unaudited changes are too many to write each one down twice.
	unaudited bool
	// reads says that what is read are people: it is audited as changes are.
	reads disclosure
	// streamed says that the body is read as it comes.
	streamed bool
	// unkept answers are not kept for a repeated request: they hold what opens something.
	unkept bool
	// kept is what is kept of an answer for a repeated request; nil keeps all of it.
	kept func(answer []byte) []byte
}

// register adds an operation. The handler gets the caller's key and returns
// errors as they are; they become problem documents here.
func register[I, O any](s *Server, o operation, handler func(ctx context.Context, caller access.Caller, in *I) (*O, error)) {
	prefix := "query"
	if o.method == http.MethodPost || o.method == http.MethodPatch || o.method == http.MethodPut {
		prefix = "body"
	}
	s.guard(o)
	if o.method == http.MethodGet {
		s.views[o.path] = func(ctx context.Context, caller access.Caller, in any) any {
			if which, ok := embedded[I](in); ok {
				if out, err := handler(ctx, caller, which); err == nil {
					return any(out)
				}
			}
			return nil
		}
	}
	named := holdsRefs(reflect.TypeFor[I](), map[reflect.Type]bool{})
	namesRefs(reflect.TypeFor[I](), map[reflect.Type]bool{}, s.refs)
	people := !o.open && showsPeople(reflect.TypeFor[O](), map[reflect.Type]bool{})
	described := o.described()
	if o.open {
		described.Middlewares = huma.Middlewares{s.forStrangers}
	}
	huma.Register(s.api, described, func(ctx context.Context, in *I) (*O, error) {
		caller := gate.Caller(ctx)
		if named {
			if err := s.resolve(ctx, caller, in); err != nil {
				return nil, s.fail(ctx, o.id, err, prefix)
			}
		}
		if o.own && caller.Through != 0 {
			return nil, s.fail(ctx, o.id, fault.New(fault.Forbidden, "you signed in through an identity provider, which speaks for this account alone: "+
				"sign in with your password to change how you sign in"), prefix)
		}
		before := s.auditedView(ctx, caller, o, in)
		out, err := handler(ctx, caller, in)
		if err != nil {
			return nil, s.fail(ctx, o.id, err, prefix)
		}
		tried, ok := any(in).(interface{ changesNothing() bool })
		changes := !ok || !tried.changesNothing()
		if changes && o.method != http.MethodGet && !o.open {
			s.Wake()
		}
		if changes && !o.open && o.audits(in) {
			s.audit(ctx, caller, o, entry{in: in, out: out, before: before})
		}
		if people {
			if err := s.mask(ctx, caller, out); err != nil {
				return nil, s.fail(ctx, o.id, err, prefix)
			}
		}
		return out, nil
	})
}

// once reports whether the operation is carried out once for each Idempotency-Key.
func (o operation) once() bool { return o.method == http.MethodPost && !o.open && !o.unkept }

// guard lets only who may call an operation reach its route; the gate looks it up.
func (s *Server) guard(o operation) { s.operations[o.method+" "+o.path] = o }

// route is the operation as the gate has it.
func (o operation) route() gate.Route {
	return gate.Route{
		Pattern: o.method + " " + o.path, Open: o.open, People: o.people, Roles: o.roles, Operator: o.operator, Streamed: o.streamed, Once: o.once(),
		Kept: o.kept, Resource: o.resource(), Reads: o.method == http.MethodGet, Bound: o.bound,
	}
}

// resource is what an operation is about, as the scopes of keys name it.
func (o operation) resource() string { return strings.ToLower(strings.ReplaceAll(o.tag, " ", "-")) }

// resources are all of them that a key may be bound to.
func (s *Server) resources() []string {
	known := map[string]bool{}
	for _, o := range s.operations {
		if !o.open && !o.people {
			known[o.resource()] = true
		}
	}
	return slices.Sorted(maps.Keys(known))
}

// within holds a caller that is bound to a channel to that one: none is its own.
func within(caller access.Caller, channelID *int64) error {
	switch {
	case caller.ChannelID == 0:
	case *channelID == 0:
		*channelID = caller.ChannelID
	case *channelID != caller.ChannelID:
		return fault.New(fault.Forbidden, "the key %q is bound to channel %d, and this is about channel %d", caller.Name, caller.ChannelID, *channelID)
	}
	return nil
}

// described is the operation as the OpenAPI document has it.
func (o operation) described() huma.Operation {
	op := huma.Operation{
		OperationID: o.id, Method: o.method, Path: o.path, Summary: o.doc, Description: o.more, Tags: []string{o.tag},
		DefaultStatus: o.status, Security: []map[string][]string{{"key": {}}, {"session": {}}}, MaxBodyBytes: -1, BodyReadTimeout: -1,
		Errors: []int{http.StatusUnauthorized, http.StatusForbidden, http.StatusTooManyRequests},
	}
	if said := o.reads.String(); said != "" {
		op.Extensions = map[string]any{"x-reads-people": said}
	}
	if op.Description != "" {
		op.Description += "\n\n"
	}
	if o.unkept {
		op.Description += "Its answer opens something and is not kept: it takes no Idempotency-Key. "
	}
	switch {
	case o.open:
		op.Description += "Needs neither a key nor a session."
		op.Security, op.MaxBodyBytes, op.BodyReadTimeout = []map[string][]string{}, mostOpenBody, 0
	case o.people:
		op.Description += "For people who are signed in."
		if o.own {
			op.Description += " Not for who signed in through an identity provider."
		}
		op.Security = []map[string][]string{{"session": {}}}
	default:
		op.Description += "Roles: " + o.roles.String() + "."
	}
	if !o.open && !o.people {
		op.Description += " Scope: " + o.resource()
		if o.method == http.MethodGet {
			op.Description += ":read"
		}
		op.Description += "."
	}
	if o.bound {
		op.Description += " A key that is bound to a channel may call it for that channel."
	}
	if o.operator {
		op.Description += " The key must be an operator's."
	}
	return op
}

// fail turns an error into the answer; what is our own fault goes to the log.
func (s *Server) fail(ctx context.Context, operation string, err error, prefix string) error {
	var answered huma.StatusError
	if errors.As(err, &answered) {
		return err
	}
	p := problem(err, prefix)
	if p.Status >= http.StatusInternalServerError {
		s.Logger.ErrorContext(ctx, "request failed", "operation", operation, "request_id", gate.RequestID(ctx), "error", err)
	}
	if p.Status == http.StatusServiceUnavailable {
		return huma.ErrorWithHeaders(p, http.Header{"Retry-After": {"2"}})
	}
	return p
}

// ByID is the input of operations on one thing.
type ByID struct {
	ID int64 `path:"id" minimum:"1"`
}

func (in ByID) target(noun string) string { return noun + " " + idKey(in.ID) }

// The limits of lists: how many items are shown if nobody says how many, and at most.
const (
	DefaultLimit = 50
	MostLimit    = 500
)

// Paged is the input of lists. Its tags say the limits again: a test holds them to that.
type Paged struct {
	Limit  int    `query:"limit" minimum:"1" maximum:"500" default:"50" doc:"Most items to return: 50 if absent, at most 500."`
	Cursor string `query:"cursor" maxLength:"600" doc:"next_cursor of the page before; empty begins at the first page."`
}

// Page is a part of a list.
type Page[T any] struct {
	Items []T `json:"items"`
	// NextCursor is the cursor of the next page; empty on the last.
	NextCursor string `json:"next_cursor" doc:"Cursor of the next page; empty on the last."`
}

// pageOut is the answer of a list.
type pageOut[T any] struct{ Body Page[T] }

// one is the answer that holds one thing.
type one[T any] struct{ Body T }

// identity is the id of the thing, 0 if it has none.
func (o *one[T]) identity() int64 {
	if i, ok := any(o.Body).(identified); ok {
		return i.identity()
	}
	return 0
}

// body is the thing itself.
func (o *one[T]) body() any { return o.Body }

// position is the id in a cursor; 0 for none.
func (p Paged) position() (int64, error) {
	if p.Cursor == "" {
		return 0, nil
	}
	text, err := p.text()
	if err == nil {
		if id, err := strconv.ParseInt(text, 10, 64); err == nil && id > 0 {
			return id, nil
		}
	}
	return 0, fault.InvalidField("query.cursor", p.Cursor, "is no cursor of this list: take next_cursor of a page, or none")
}

func (p Paged) text() (string, error) {
	raw, err := base64.RawURLEncoding.DecodeString(p.Cursor)
	return string(raw), err
}

func cursor(text string) string { return base64.RawURLEncoding.EncodeToString([]byte(text)) }

// page makes a page of at most limit items from a list that was asked for one
// more; key is an item's place.
func page[S, T any](list []S, limit int, view func(S) T, key func(S) string) *pageOut[T] {
	p := Page[T]{Items: make([]T, 0, min(len(list), limit))}
	for i, item := range list {
		if i == limit {
			p.NextCursor = cursor(key(list[i-1]))
			break
		}
		p.Items = append(p.Items, view(item))
	}
	return &pageOut[T]{Body: p}
}

// count is how many things a page holds.
func (p *pageOut[T]) count() int { return len(p.Body.Items) }

func idKey(id int64) string { return strconv.FormatInt(id, 10) }
