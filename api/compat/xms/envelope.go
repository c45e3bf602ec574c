package xms

import (
	"encoding/json"
	"errors"
	"net/http"
	"strconv"
	"strings"

	"carillon/api/gate"
	"carillon/internal/fault"
)

// answer is what a call comes to.
type answer struct {
	results []any
	meta    any
	// compact answers have fewer fields.
	compact bool
}

// one is an answer of one result.
func one(result any) answer { return answer{results: []any{result}} }

// compactEnvelope is around the answers of some calls.
type compactEnvelope struct {
	Message    *string `json:"message"`
	MessageKey *string `json:"messageKey"`
	Meta       any     `json:"meta"`
	Results    []any   `json:"results"`
	// Status is a text: "200".
	Status    string `json:"status"`
	StatusKey string `json:"statusKey"`
	// Timestamp is in milliseconds.
	Timestamp int64  `json:"timestamp"`
	TraceID   string `json:"traceid"`
}

// envelope is around the answers of all others, and around every error.
type envelope struct {
	// Data is the first of the results, for the clients that look for it there.
	Data        any          `json:"data"`
	Details     []any        `json:"details"`
	Error       *string      `json:"error"`
	Errors      []fieldError `json:"errors"`
	Exception   *string      `json:"exception"`
	Extra       any          `json:"extra"`
	Logs        []string     `json:"logs"`
	Params      any          `json:"params"`
	Path        *string      `json:"path"`
	Query       any          `json:"query"`
	RedirectURL *string      `json:"redirectUrl"`
	WarningKey  *string      `json:"warningKey"`
	Warnings    []fieldError `json:"warnings"`
	compactEnvelope
}

// fieldError is one thing that is wrong.
type fieldError struct {
	Field *string `json:"field"`
	// Object is spelled so.
	Object         *string  `json:"obzect"`
	CodeKey        *string  `json:"codeKey"`
	Description    string   `json:"description"`
	PossibleValues []string `json:"possibleValues"`
}

// refusal is an error with the words of XMS.
type refusal struct {
	field, code, description string
	possible                 []string
}

func (e *refusal) Error() string { return e.description }

func refuse(field, code, description string, possible ...string) *refusal {
	return &refusal{field, code, description, possible}
}

// Keys of errors.
const (
	paramInvalid      = "PARAM_INVALID"
	paramMissing      = "PARAM_MISSING"
	paramTypeMismatch = "PARAM_TYPE_MISMATCH"
	accessDenied      = "ACCESS_DENIED"
)

// Refuse answers with an error.
func (x *Server) Refuse(w http.ResponseWriter, r *http.Request, err error) {
	status := gate.StatusOf(err)
	key := strings.ToUpper(strings.ReplaceAll(http.StatusText(status), " ", "_"))
	var list []fieldError
	var own *refusal
	refused := errors.As(err, &own)
	if !refused {
		gate.LogOwn(r.Context(), err)
	}
	switch {
	case refused:
		status, key = http.StatusBadRequest, paramInvalid
		if own.code == paramMissing || own.code == paramTypeMismatch {
			key = own.code
		}
		list = []fieldError{{optional(own.field), object(r), optional(own.code), own.description, own.possible}}
	case status == http.StatusUnauthorized:
		status, key = http.StatusForbidden, accessDenied
		list = []fieldError{{Description: invalidKey}}
		if r.Header.Get("x-api-key") == "" {
			list[0].Description = missingKey
		}
	case status == http.StatusForbidden:
		key = accessDenied
		list = []fieldError{{Description: gate.TextOf(err)}}
	case status == http.StatusUnprocessableEntity || status == http.StatusConflict:
		// What is refused by the services: 400, whatever it is.
		status, key = http.StatusBadRequest, paramInvalid
		list = fieldErrors(r, err)
	default:
		list = []fieldError{{Description: gate.TextOf(err)}}
	}
	e := x.around(r, status, key, answer{})
	e.Errors = list
	write(w, status, e)
}

// fieldErrors are the fields of an error of the services, in the words of XMS.
func fieldErrors(r *http.Request, err error) (list []fieldError) {
	fields, rest := fault.Gather(nil, err)
	if rest != nil || len(fields) == 0 {
		return []fieldError{{Object: object(r), CodeKey: optional(paramInvalid), Description: gate.TextOf(err)}}
	}
	for _, f := range fields {
		list = append(list, fieldError{optional(fieldOf(f.Location)), object(r), optional(paramInvalid), f.Message, nil})
	}
	return list
}

// object is what errors call the body of a call.
func object(r *http.Request) *string {
	_, of, known := find(r.URL.Path)
	if !known {
		return nil
	}
	return &of.object
}

func optional(text string) *string {
	if text == "" {
		return nil
	}
	return &text
}

// around puts the envelope around an answer.
func (x *Server) around(r *http.Request, status int, key string, a answer) envelope {
	path := r.URL.Path
	e := envelope{
		Details: []any{}, Errors: []fieldError{}, Logs: []string{}, Warnings: []fieldError{}, Path: &path,
		compactEnvelope: compactEnvelope{
			Meta: a.meta, Results: a.results, Status: strconv.Itoa(status), StatusKey: key, Timestamp: x.Clock.Now().UnixMilli(),
			TraceID: gate.RequestID(r.Context()),
		},
	}
	if e.Results == nil {
		e.Results = []any{}
	}
	if len(a.results) > 0 {
		e.Data = a.results[0]
	}
	return e
}

// write answers a call that was made.
func (x *Server) write(w http.ResponseWriter, r *http.Request, status int, a answer) {
	e := x.around(r, status, "SUCCESS", a)
	if a.compact {
		write(w, status, e.compactEnvelope)
		return
	}
	write(w, status, e)
}

func write(w http.ResponseWriter, status int, e any) {
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Cache-Control", "no-store")
	w.WriteHeader(status)
	encoder := json.NewEncoder(w)
	encoder.SetEscapeHTML(false)
	_ = encoder.Encode(e) // who does not read it any more misses nothing
}
