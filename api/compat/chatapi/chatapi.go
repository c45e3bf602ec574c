// Package chatapi owns Chat-API's dialect: its calls, their answers and their errors, over
// the services that /v1 has. An instance is a channel, a token is a key. It must not know
// /v1, nor hold a rule of its own: what may be sent and what is cleared the services say.
package chatapi

import (
	"context"
	"encoding/json"
	"net/http"
	"slices"
	"strconv"
	"strings"

	"carillon/access"
	"carillon/api/compat/params"
	"carillon/api/gate"
	"carillon/internal/clock"
	"carillon/internal/fault"
	"carillon/services"
)

// Server answers Chat-API's calls.
type Server struct {
	*services.Services
	// wake says that there may be something to send now.
	wake    func()
	clock   clock.Clock
	gate    *gate.Gate
	handler http.Handler
}

// New makes the server; behind makes the gate that it stands behind.
func New(s *services.Services, wake func(), c clock.Clock, behind func(gate.Dialect) *gate.Gate) *Server {
	d := &Server{Services: s, wake: wake, clock: c}
	d.gate = behind(d)
	d.handler = d.gate.Before(http.HandlerFunc(d.answer))
	return d
}

// Serves reports whether a path is Chat-API's.
func Serves(path string) bool { return strings.HasPrefix(path, "/instance") }

// ServeHTTP answers a request.
func (c *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) { c.handler.ServeHTTP(w, r) }

// asked is a call: on which channel, by whom, and what with.
type asked struct {
	caller  access.Caller
	channel int64
	given   params.Params
	// reads says that it was asked by GET, and host is where the caller reached us.
	reads bool
	host  string
}

// call is one that there is.
type call struct {
	// roles may make it, and steer may by POST where that takes more.
	roles, steer gate.Roles
	// verbs are the methods of HTTP that make it.
	verbs []string
	// sends says that its refusals are answered as messages that were not sent.
	sends bool
	do    func(*Server, context.Context, asked) (any, error)
}

// Who may do what: keys stand in addresses here, so that no administrator's is taken.
var (
	maySend  = gate.Roles{access.Sender, access.Editor}
	maySteer = gate.Roles{access.Editor}
)

// Clients send by GET, too.
var (
	get    = []string{http.MethodGet}
	either = []string{http.MethodGet, http.MethodPost}
)

// calls are those that there are, by their names. The older name of sendMessage is the one
// that six public clients use.
var calls = map[string]call{
	"status":                      {roles: maySend, verbs: get, do: (*Server).status},
	"sendMessage":                 {roles: maySend, verbs: either, sends: true, do: (*Server).sendMessage},
	"message":                     {roles: maySend, verbs: either, sends: true, do: (*Server).sendMessage},
	"sendFile":                    {roles: maySend, verbs: either, sends: true, do: (*Server).sendFile},
	"messages":                    {roles: maySend, verbs: get, do: (*Server).listMessages},
	"webhook":                     {roles: maySend, steer: maySteer, verbs: either, do: (*Server).webhook},
	"settings":                    {roles: maySend, steer: maySteer, verbs: either, do: (*Server).all},
	"settings/ackNotificationsOn": {roles: maySteer, verbs: either, do: (*Server).acks},
	"showMessagesQueue":           {roles: maySend, verbs: get, do: (*Server).showQueue},
	"clearMessagesQueue":          {roles: maySteer, verbs: get, do: (*Server).clearQueue},
	"logout":                      {roles: maySend, verbs: either, do: (*Server).logout},
}

// find reads a path: /instance4711/sendMessage.
func find(path string) (channel int64, name string, of call, known bool) {
	instance, name, _ := strings.Cut(strings.TrimPrefix(path, "/instance"), "/")
	name = strings.TrimSuffix(name, "/")
	channel, err := strconv.ParseInt(instance, 10, 64)
	of, known = calls[name]
	return channel, name, of, known && err == nil && channel > 0
}

// Route says which call a request is for.
func (c *Server) Route(r *http.Request) gate.Route {
	_, name, of, known := find(r.URL.Path)
	if !known {
		return gate.Route{Pattern: "/instance{id}/unknown", Missing: func(w http.ResponseWriter, r *http.Request) {
			c.Refuse(w, r, fault.New(fault.NotFound, "there is no such method, or the instance is no number"))
		}}
	}
	roles := of.roles
	if r.Method != http.MethodGet && of.steer != nil {
		roles = of.steer
	}
	return gate.Route{Pattern: "/instance{id}/" + name, Roles: roles, Once: of.sends}
}

// Key is the token in the query, where Chat-API's clients have it.
func (c *Server) Key(r *http.Request) (string, error) {
	token := strings.TrimSpace(r.URL.Query().Get("token"))
	if token == "" {
		return "", fault.New(fault.Unauthorized, "%s", wrongToken)
	}
	return token, nil
}

// wrongToken is what clients look for.
const wrongToken = "Wrong token. Please provide token as a GET parameter."

// Refuse answers with an error.
func (c *Server) Refuse(w http.ResponseWriter, r *http.Request, err error) {
	gate.LogOwn(r.Context(), err)
	status, text := gate.StatusOf(err), gate.TextOf(err)
	_, _, of, known := find(r.URL.Path)
	switch {
	case status == http.StatusUnauthorized:
		text = wrongToken
	case known && of.sends && (status == http.StatusUnprocessableEntity || status == http.StatusConflict || status == http.StatusRequestEntityTooLarge):
		write(w, http.StatusOK, notSent{Message: text})
		return
	}
	write(w, status, failure{text})
}

// failure is the answer to a call that could not be made.
type failure struct {
	Error string `json:"error"`
}

// notSent is the answer to a message that is refused.
type notSent struct {
	Sent    bool   `json:"sent"`
	Message string `json:"message"`
}

func write(w http.ResponseWriter, status int, answer any) {
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Cache-Control", "no-store")
	w.WriteHeader(status)
	e := json.NewEncoder(w)
	e.SetEscapeHTML(false)
	_ = e.Encode(answer) // who does not read it any more misses nothing
}

// open refuses an instance that the caller has not. Whoever uses one has its messages
// numbered from then on.
func (c *Server) open(ctx context.Context, caller access.Caller, channel int64) error {
	if caller.ChannelID != 0 && caller.ChannelID != channel {
		return fault.New(fault.NotFound, "the token is of instance %d", caller.ChannelID)
	}
	return c.Log.Keep(ctx, caller.AccountID, channel)
}

// answer makes the call that the gate let through.
func (c *Server) answer(w http.ResponseWriter, r *http.Request) {
	channel, _, of, _ := find(r.URL.Path)
	if !slices.Contains(of.verbs, r.Method) {
		// HEAD most of all: nothing that looks ahead may clear a queue.
		w.Header().Set("Allow", strings.Join(of.verbs, ", "))
		c.Refuse(w, r, fault.New(fault.MethodNotAllowed, "use %s", strings.Join(of.verbs, " or ")))
		return
	}
	caller := gate.Caller(r.Context())
	given, err := params.Read(r, params.Query|params.Body)
	if err == nil {
		err = c.open(r.Context(), caller, channel)
	}
	var out any
	if err == nil {
		given.Drop("token")
		out, err = of.do(c, r.Context(), asked{caller, channel, given, r.Method == http.MethodGet, r.Host})
	}
	if err != nil {
		c.Refuse(w, r, err)
		return
	}
	write(w, http.StatusOK, out)
}
