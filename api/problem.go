package api

import (
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/validation"

	"carillon/api/gate"
	"carillon/internal/fault"
	"carillon/providers"
)

// answered is the document for an error, as operations answer it.
type answered struct{ gate.Problem }

// problem is the document for an error. prefix says where the fields of the error stand in the
// request: "body", "query" or "path".
func problem(err error, prefix string) *answered { return &answered{gate.ProblemOf(err, prefix)} }

// Error says what is wrong.
func (a *answered) Error() string { return a.Detail }

// GetStatus is the status of the answer.
func (a *answered) GetStatus() int { return a.Status }

// ContentType is that of problem documents.
func (a *answered) ContentType(string) string { return problemType }

// problemType is the type of problem documents (RFC 9457).
const problemType = "application/problem+json"

// relocate gives the fields of an error that begin with from the place that
// they have in the request.
func relocate(err error, from, to string) error {
	var f *fault.Error
	if !errors.As(err, &f) {
		return err
	}
	moved := *f
	moved.Fields = slices.Clone(f.Fields)
	for i, field := range moved.Fields {
		if rest, ok := strings.CutPrefix(field.Location, from); ok {
			moved.Fields[i].Location = to + rest
		}
	}
	return &moved
}

// coded gives what was found out about a request before its operation saw it the form of all
// problem documents, with a code, and without repeating the request: not the body, no long value,
// no secret. What has several forms is told which.
func (s *Server) coded(_ huma.Context, _ string, v any) (any, error) {
	p, ok := v.(*huma.ErrorModel)
	if !ok {
		return v, nil
	}
	coded := gate.Problem{Title: p.Title, Status: p.Status, Code: gate.CodeOf(p.Status), Detail: p.Detail}
	for _, e := range p.Errors {
		if e == nil {
			continue
		}
		message, name := e.Message, e.Location[strings.LastIndexByte(e.Location, '.')+1:]
		name, _, _ = strings.Cut(name, "[")
		switch { // huma doesn't say which forms there are
		case message != validation.MsgExpectedMatchExactlyOneSchema:
		case strings.HasSuffix(e.Location, "limits.concurrency"):
			message = fmt.Sprintf("must be auto, or a number from 1 to %d", providers.MaxConcurrency)
		case s.refs[name]:
			message = "must be an id or a name"
		}
		field := gate.ProblemField{Message: message, Location: e.Location, Value: gate.ShownAt(e.Location, e.Value)}
		if e.Location == "body" {
			field.Value = nil // it is the whole of it
		}
		coded.Errors = append(coded.Errors, field)
	}
	return coded, nil
}

// notFound is the answer for paths that nothing is registered under, at least
// not for the method.
func (s *Server) notFound(w http.ResponseWriter, r *http.Request) {
	var allowed []string
	for _, method := range []string{http.MethodGet, http.MethodPost, http.MethodPut, http.MethodPatch, http.MethodDelete} {
		other := r.Clone(r.Context())
		other.Method = method
		if _, pattern := s.mux.Handler(other); pattern != "" && pattern != "/" {
			allowed = append(allowed, method)
		}
	}
	if allowed != nil {
		w.Header().Set("Allow", strings.Join(allowed, ", "))
		writeProblem(w, fault.New(fault.MethodNotAllowed, "%s does not go with %s here: use %s; /docs says what each does",
			r.URL.Path, r.Method, strings.Join(allowed, " or ")))
		return
	}
	writeProblem(w, fault.New(fault.NotFound, "there is nothing under %s; /docs lists what there is", r.URL.Path))
}
