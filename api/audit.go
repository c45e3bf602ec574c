package api

import (
	"context"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"reflect"
	"regexp"
	"slices"
	"strings"

	"carillon/access"
	"carillon/api/gate"
)

// disclosure says whether reading something is audited, because it is people.
type disclosure int

const (
	// readsNobody is not audited.
	readsNobody disclosure = iota
	// readsPeople is a list of people: more than a page of them are audited.
	readsPeople
	// readsAll is a file of people, or all that is known of one.
	readsAll
)

// String is how the OpenAPI document says it; empty for nobody.
func (d disclosure) String() string {
	return [...]string{readsNobody: "", readsPeople: "list", readsAll: "file"}[d]
}

// bulk reports whether it is more than a first page that is asked for.
func (p Paged) bulk() bool { return p.Cursor != "" || p.Limit > gate.BulkRead }

// audits reports whether a request that succeeded is written down.
func (o operation) audits(in any) bool {
	paged, ok := in.(interface{ bulk() bool })
	switch {
	case o.reads == readsAll:
		return true
	case o.reads == readsPeople:
		return ok && paged.bulk()
	}
	return o.method != http.MethodGet && !o.unaudited
}

// targeted is an input that names what it changes; noun is what the operation
// is about.
type targeted interface{ target(noun string) string }

// identified is what has an id of its own.
type identified interface{ identity() int64 }

// entry is what an entry of the trail is made of.
type entry struct {
	in, out any
	// before is what was changed, as it was; nil where nothing was there, or nothing
	// is shown of it.
	before map[string]any
}

// audit writes down what was done. It is done: a failure is logged and does not
// fail the request.
func (s *Server) audit(ctx context.Context, caller access.Caller, o operation, e entry) {
	noun := strings.TrimSuffix(o.tag, "s")
	if stem, ok := strings.CutSuffix(o.tag, "ies"); ok {
		noun = stem + "y"
	}
	kept := access.AuditEntry{
		AccountID: caller.AccountID, Actor: caller.Actor(), Action: o.id, Target: noun, RequestID: gate.RequestID(ctx), Source: gate.Source(ctx),
	}
	if t, ok := e.in.(targeted); ok {
		kept.Target = t.target(noun)
	} else if made, ok := e.out.(identified); ok && made.identity() != 0 {
		kept.Target = noun + " " + idKey(made.identity())
	}
	switch counted, ok := e.out.(interface{ count() int }); {
	case o.reads != readsNobody && ok:
		kept.Detail = map[string]any{"items": counted.count()}
	case o.reads == readsNobody:
		after := s.after(ctx, caller, o, e)
		kept.Detail, kept.TargetName = o.changed(e.before, after), o.nameOf(after, e.before)
	}
	if err := s.Trail.Add(context.WithoutCancel(ctx), kept); err != nil {
		s.Logger.ErrorContext(ctx, "audit failed", "action", o.id, "request_id", gate.RequestID(ctx), "error", err)
	}
}

// nameOf is what a thing is called, now or else before. People have none in the trail: it would
// outlive them.
func (o operation) nameOf(shown ...map[string]any) string {
	if slices.Contains(personal, o.tag) {
		return ""
	}
	for _, fields := range shown {
		if name, ok := o.nameless(fields["name"]).(string); ok && name != "" {
			return name
		}
	}
	return ""
}

// view is how a thing is shown, of which an input names the id; nil if there is none.
type view func(ctx context.Context, caller access.Caller, in any) any

// auditedView is the thing that an operation is about, as it is now.
func (s *Server) auditedView(ctx context.Context, caller access.Caller, o operation, in any) map[string]any {
	if o.method == http.MethodGet || o.unaudited || !o.shows() {
		return nil
	}
	path, _, ok := strings.Cut(o.path, "}")
	if !ok {
		return nil
	}
	show := s.views[path+"}"]
	if show == nil {
		return nil
	}
	// As somebody sees it who may see no secret.
	caller.Role = access.Viewer
	return fieldsOf(show(ctx, caller, in))
}

// after is the thing as it is after an operation.
func (s *Server) after(ctx context.Context, caller access.Caller, o operation, e entry) map[string]any {
	if now := s.auditedView(ctx, caller, o, e.in); now != nil || e.before != nil || !o.shows() {
		return now
	}
	if made, ok := e.out.(identified); ok && made.identity() != 0 {
		show := s.views[o.path+"/{id}"]
		if show == nil {
			return fieldsOf(e.out)
		}
		caller.Role = access.Viewer
		return fieldsOf(show(ctx, caller, &ByID{ID: made.identity()}))
	}
	return nil
}

// fieldsOf are the fields of an answer, as JSON has them. What must not be kept the
// answer itself leaves out.
func fieldsOf(out any) map[string]any {
	if o, ok := out.(interface{ body() any }); ok {
		out = o.body()
	}
	if o, ok := out.(interface{ audited() any }); ok {
		out = o.audited()
	}
	encoded, err := json.Marshal(out)
	if err != nil || out == nil {
		return nil
	}
	var fields map[string]any
	if json.Unmarshal(encoded, &fields) != nil {
		return nil // no object
	}
	return fields
}

// passing are fields that change by themselves.
var passing = []string{"updated_at", "standstill", "health", "counts"}

// personal are the tags of what is people: their values must not outlive them in the
// trail.
var personal = []string{"contacts", "messages", "replies", "conversations", "suppressions", "consents", "uploads", "jobs", "erasure"}

// shows reports whether it pays to look at what an operation is about: of people
// nothing is kept but which fields were changed.
func (o operation) shows() bool {
	return o.method == http.MethodPatch || o.method == http.MethodPut || !slices.Contains(personal, o.tag)
}

// changed says what an operation changed: of people the names of fields alone.
func (o operation) changed(before, after map[string]any) map[string]any {
	was, is, names := map[string]any{}, map[string]any{}, []string{}
	both := maps.Clone(after)
	if both == nil {
		both = map[string]any{}
	}
	maps.Copy(both, before)
	for _, name := range slices.Sorted(maps.Keys(both)) {
		if slices.Contains(passing, name) || reflect.DeepEqual(before[name], after[name]) {
			continue
		}
		names = append(names, name)
		old, now := before[name], after[name]
		if name == "secrets" {
			old, now = differing(old, now)
		}
		if _, ok := before[name]; ok {
			was[name] = short(o.nameless(old))
		}
		if _, ok := after[name]; ok {
			is[name] = short(o.nameless(now))
		}
	}
	detail := map[string]any{}
	switch {
	case len(names) == 0:
		return nil
	case slices.Contains(personal, o.tag):
		detail["changed"] = names
		return detail
	}
	if len(was) > 0 {
		detail["before"] = was
	}
	if len(is) > 0 {
		detail["after"] = is
	}
	return detail
}

// differing are the members of two objects that are not the same in both: which secrets were
// set, and not all that there are.
func differing(before, after any) (was, is map[string]any) {
	a, _ := before.(map[string]any)
	b, _ := after.(map[string]any)
	same := func(name string, _ any) bool { return reflect.DeepEqual(a[name], b[name]) }
	was, is = maps.Clone(a), maps.Clone(b)
	maps.DeleteFunc(was, same)
	maps.DeleteFunc(is, same)
	return was, is
}

// anAddress is a text that is somebody's address and nothing else.
var anAddress = regexp.MustCompile(`^\s*([^\s@]+@[^\s@]+|\+\d[\d ()/.-]{6,})\s*$`)

// nameless is a value without the addresses that rules name people by. A channel's
// are its own.
func (o operation) nameless(value any) any {
	if o.tag == "channels" {
		return value
	}
	switch v := value.(type) {
	case string:
		if anAddress.MatchString(v) {
			return "<an address>"
		}
	case []any:
		list := make([]any, len(v))
		for i, item := range v {
			list[i] = o.nameless(item)
		}
		return list
	case map[string]any:
		fields := make(map[string]any, len(v))
		for name, item := range v {
			fields[name] = o.nameless(item)
		}
		return fields
	}
	return value
}

// maxAudited bounds a value in the trail, in bytes of JSON.
const maxAudited = 1000

// short is a value, or what tells it from others if it is long.
func short(value any) any {
	encoded, err := json.Marshal(value)
	if err == nil && len(encoded) <= maxAudited {
		return value
	}
	return fmt.Sprintf("%d bytes, sha256 %x", len(encoded), sha256.Sum256(encoded))
}

// embedded is the part of an input that names a thing: the input itself, or what it
// embeds.
func embedded[I any](in any) (*I, bool) {
	if which, ok := in.(*I); ok {
		return which, true
	}
	v := reflect.ValueOf(in)
	if v.Kind() != reflect.Pointer || v.Elem().Kind() != reflect.Struct {
		return nil, false
	}
	for i := range v.Elem().NumField() {
		if f := v.Elem().Type().Field(i); f.Anonymous && f.Type == reflect.TypeFor[I]() {
			which := v.Elem().Field(i).Interface().(I)
			return &which, true
		}
	}
	return nil, false
}
