package api

import (
	"encoding/json"
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

// problem is the document for an error, as operations answer it. prefix says where the
// fields of the error stand in the request: "body", "query" or "path".
func problem(err error, prefix string) *huma.ErrorModel {
	p := gate.ProblemOf(err, prefix)
	model := &huma.ErrorModel{Status: p.Status, Title: p.Title, Detail: p.Detail}
	for _, f := range p.Errors {
		model.Errors = append(model.Errors, &huma.ErrorDetail{Location: f.Location, Message: f.Message, Value: f.Value})
	}
	return model
}

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

// maxShownValue bounds how much of a wrong value an error repeats.
const maxShownValue = 200

// shortenProblem keeps errors about a request from repeating it whole: not the
// body, no long value, nothing of a configuration, which may hold secrets. One that
// has several forms is told which.
func shortenProblem(_ huma.Context, _ string, v any) (any, error) {
	p, ok := v.(*huma.ErrorModel)
	if !ok {
		return v, nil
	}
	for _, e := range p.Errors {
		if e == nil {
			continue
		}
		if e.Message == validation.MsgExpectedMatchExactlyOneSchema && strings.HasSuffix(e.Location, "limits.concurrency") {
			e.Message = fmt.Sprintf("must be auto, or a number from 1 to %d", providers.MaxConcurrency) // huma doesn't say which
		}
		if e.Location == "body" || strings.HasPrefix(e.Location, "body.config") {
			e.Value = nil
			continue
		}
		switch value := e.Value.(type) {
		case nil, bool, float64, int, int64:
		case string:
			if len(value) > maxShownValue {
				e.Value = strings.ToValidUTF8(value[:maxShownValue], "") + "…"
			}
		default:
			if text, err := json.Marshal(value); err != nil || len(text) > maxShownValue {
				e.Value = nil
			}
		}
	}
	return p, nil
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
