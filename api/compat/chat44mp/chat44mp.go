// Package chat44mp owns Chat44mp's dialect: its calls, their answers and their errors, over
// the services that /v1 has. A page is a channel, a subscriber who has a Facebook address, a
// contact type a group. It must not know /v1, nor hold a rule of its own.
package chat44mp

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"net/url"
	"strconv"
	"strings"

	"carillon/access"
	"carillon/api/compat/params"
	"carillon/api/gate"
	"carillon/internal/fault"
	"carillon/services"
)

// Server answers Chat44mp's calls.
type Server struct {
	*services.Services
	gate    *gate.Gate
	handler http.Handler
}

// New makes the server; behind makes the gate that it stands behind.
func New(s *services.Services, behind func(gate.Dialect) *gate.Gate) *Server {
	c := &Server{Services: s}
	c.gate = behind(c)
	c.handler = c.gate.Before(http.HandlerFunc(c.answer))
	return c
}

// base is below which Chat44mp's calls are.
const base = "/api/"

// Serves reports whether a path is Chat44mp's.
func Serves(path string) bool {
	_, _, known := find(path)
	return known
}

// ServeHTTP answers a request.
func (c *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) { c.handler.ServeHTTP(w, r) }

// asked is a call: by whom, what with, and what stands behind its name in the path.
type asked struct {
	caller access.Caller
	given  params.Params
	below  string
}

// call is one that there is.
type call struct {
	roles gate.Roles
	// posts says that it is made by POST, with its parameters in the form.
	posts bool
	// either says that both methods make it, with its parameters in the query.
	either bool
	// below says that an id stands behind its name.
	below bool
	do    func(*Server, context.Context, asked) (any, error)
}

// Who may do what: keys stand in addresses here, so that no administrator's is taken.
var (
	mayLook = gate.Roles{access.Viewer, access.Editor}
	mayEdit = gate.Roles{access.Editor}
)

// calls are those that there are, by their names.
var calls = map[string]call{
	"subscriber_information":          {roles: mayLook, do: (*Server).subscriber},
	"get_all_labels":                  {roles: mayLook, do: (*Server).listLabels},
	"create_label":                    {roles: mayEdit, posts: true, do: (*Server).createLabel},
	"assign_label":                    {roles: mayEdit, posts: true, do: (*Server).assignLabels},
	"get_contact_group":               {roles: mayLook, do: (*Server).showGroup},
	"create_contact_group":            {roles: mayEdit, posts: true, do: (*Server).createGroup},
	"update_contact_group":            {roles: mayEdit, posts: true, below: true, do: (*Server).updateGroup},
	"delete_contact_group":            {roles: mayEdit, posts: true, do: (*Server).deleteGroup},
	"get_contact":                     {roles: mayLook, do: (*Server).showContact},
	"create_contact":                  {roles: mayEdit, posts: true, do: (*Server).createContact},
	"update_contact":                  {roles: mayEdit, posts: true, below: true, do: (*Server).updateContact},
	"delete_contact":                  {roles: mayEdit, posts: true, do: (*Server).deleteContact},
	"get_flow_campaigns":              {roles: mayLook, do: (*Server).listFlows},
	"get_flow_campaign_info":          {roles: mayLook, either: true, do: (*Server).showFlow},
	"get_single_subscriber_flow_info": {roles: mayLook, do: (*Server).answersOfOne},
	"get_all_subscriber_flow_info":    {roles: mayLook, do: (*Server).answersOfAll},
}

// find reads a path: /api/update_contact/17, with or without a slash at its end.
func find(path string) (name, below string, known bool) {
	rest, is := strings.CutPrefix(path, base)
	if !is {
		return "", "", false
	}
	name, below, _ = strings.Cut(strings.TrimSuffix(rest, "/"), "/")
	of, known := calls[name]
	return name, below, known && (of.below || below == "")
}

// Route says which call a request is for.
func (c *Server) Route(r *http.Request) gate.Route {
	name, _, known := find(r.URL.Path)
	if !known {
		return gate.Route{Pattern: base + "unknown", Missing: func(w http.ResponseWriter, r *http.Request) {
			c.Refuse(w, r, fault.New(fault.NotFound, "There is no such method"))
		}}
	}
	return gate.Route{Pattern: base + name, Roles: calls[name].roles, Once: calls[name].posts}
}

// What clients look for in the place of a key.
const (
	noKey    = "API Key is required"
	wrongKey = "Either API Key Invalid or Member Validity Expired"
)

// formed reports whether the parameters of a request stand in its form.
func formed(r *http.Request) bool {
	name, _, _ := find(r.URL.Path)
	return calls[name].posts
}

// Key is the key in the query of a GET.
func (c *Server) Key(r *http.Request) (string, error) {
	if formed(r) {
		return "", fault.New(fault.Unauthorized, noKey)
	}
	return keyIn(r.URL.Query())
}

// KeyIn is the key in the form of a POST.
func (c *Server) KeyIn(r *http.Request, head []byte, _ bool) (string, error) {
	if !formed(r) {
		return keyIn(r.URL.Query())
	}
	given, err := url.ParseQuery(string(head))
	if err != nil {
		return "", fault.New(fault.Unauthorized, noKey)
	}
	return keyIn(given)
}

func keyIn(given url.Values) (string, error) {
	key := strings.TrimSpace(given.Get("api_key"))
	if key == "" {
		return "", fault.New(fault.Unauthorized, noKey)
	}
	return key, nil
}

// failure is the answer to a call that did nothing.
type failure struct {
	Status  string `json:"status"`
	Message string `json:"message"`
}

// unchanged is why a call that may be made has changed nothing.
type unchanged struct{ message string }

func (u unchanged) Error() string { return u.message }

// Refuse answers with an error: its status is 200 whatever it is, as clients know it.
func (c *Server) Refuse(w http.ResponseWriter, r *http.Request, err error) {
	gate.LogOwn(r.Context(), err)
	answer := failure{"error", gate.TextOf(err)}
	if fault.Is(err, fault.Unauthorized) && err.Error() != noKey {
		answer.Message = wrongKey
	}
	write(w, answer)
}

func write(w http.ResponseWriter, answer any) {
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Cache-Control", "no-store")
	e := json.NewEncoder(w)
	e.SetEscapeHTML(false)
	_ = e.Encode(answer) // who does not read it any more misses nothing
}

// answer makes the call that the gate let through.
func (c *Server) answer(w http.ResponseWriter, r *http.Request) {
	name, below, _ := find(r.URL.Path)
	of := calls[name]
	verb, from := http.MethodGet, params.Query
	if of.posts {
		verb, from = http.MethodPost, params.Body
	}
	if r.Method != verb && (!of.either || r.Method != http.MethodPost) {
		c.Refuse(w, r, fault.New(fault.MethodNotAllowed, "use %s", verb))
		return
	}
	given, err := params.Read(r, from)
	var out any
	if err == nil {
		given.Drop("api_key")
		out, err = of.do(c, r.Context(), asked{gate.Caller(r.Context()), given, below})
	}
	var same unchanged
	switch {
	case err == nil:
		write(w, out)
	case errors.As(err, &same):
		write(w, failure{"info", same.message})
	default:
		c.Refuse(w, r, err)
	}
}

// done is the answer to a change.
type done struct {
	Status  string `json:"status"`
	Message string `json:"message,omitempty"`
}

// said is an error of the caller's, in the original's words.
func said(words string) error { return fault.New(fault.Invalid, "%s", words) }

// id reads an id; 0 for what is none.
func id(text string) int64 {
	n, err := strconv.ParseInt(strings.TrimSpace(text), 10, 64)
	if err != nil || n < 0 {
		return 0
	}
	return n
}

// need is a parameter that there must be, or the words of its absence.
func need(given params.Params, name, words string) (string, error) {
	text, err := given.Text(name)
	if err == nil && strings.TrimSpace(text) == "" {
		err = said(words)
	}
	return strings.TrimSpace(text), err
}

// orElse puts the original's words in the place of NotFound.
func orElse(err error, words string) error {
	if fault.Is(err, fault.NotFound) {
		return said(words)
	}
	return err
}
