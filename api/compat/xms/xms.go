// Package xms owns the dialect of the XMS API: its calls, their envelopes and errors, and
// the form in which it tells webhooks, over the services that /v1 has. A client app is a
// key. It must not know /v1, nor hold a rule of its own: whom one may write to, and what a
// channel carries, the services say.
package xms

import (
	"context"
	"net/http"
	"strings"

	"carillon/access"
	"carillon/api/gate"
	"carillon/internal/fault"
	"carillon/services"
)

// Server answers the calls of XMS.
type Server struct {
	*services.Services
	// wake says that there may be something to send now.
	wake    func()
	host    host
	gate    *gate.Gate
	handler http.Handler
}

// New makes the server; behind makes the gate that it stands behind.
func New(s *services.Services, wake func(), behind func(gate.Dialect) *gate.Gate) *Server {
	x := &Server{Services: s, wake: wake, host: hostOf(s.PublicURL)}
	x.gate = behind(x)
	x.handler = x.gate.Before(http.HandlerFunc(x.answer))
	return x
}

// base is before every call; below a prefix, and on a host of its own, the API's name may be
// left out.
const (
	root = "/xms"
	base = "/api/v1"
)

// Serves reports whether a path is one of XMS.
func Serves(path string) bool { return path == root || strings.HasPrefix(path, root+"/") }

// ServeHTTP answers a request.
func (x *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) { x.handler.ServeHTTP(w, r) }

// asked is a call: by whom, and the request with its body.
type asked struct {
	caller access.Caller
	r      *http.Request
	body   []byte
}

// call is one that there is.
type call struct {
	roles  gate.Roles
	method string
	// object is what errors call the body.
	object string
	// sends says that a request that comes again with its Idempotency-Key is not made again.
	sends bool
	do    func(*Server, context.Context, asked) (answer, error)
}

// Who may do what: all look, apps send, and who may change contacts does it here, too.
var (
	mayLook = gate.Roles{access.Admin, access.Editor, access.Viewer, access.Sender}
	maySend = gate.Roles{access.Admin, access.Editor, access.Sender}
	mayEdit = gate.Roles{access.Admin, access.Editor}
)

// calls are those that there are, by their paths below the base.
var calls = map[string]call{
	"/config/webhook":     {roles: mayEdit, method: http.MethodPost, object: "WebhookUrlRequest", do: (*Server).setWebhook},
	"/config/channels":    {roles: mayLook, method: http.MethodGet, object: "MsgChannel", do: (*Server).listChannels},
	"/config/global/vars": {roles: mayLook, method: http.MethodGet, object: "CompanyVarsConfigDoc", do: (*Server).listVariables},
	"/config/tmpl/hsm":    {roles: mayLook, method: http.MethodGet, object: "HSMTemplateDoc", do: (*Server).listTemplates},
	"/contact/prefs/lang": {roles: mayEdit, method: http.MethodPost, object: "ContactPrefsUpdate", do: (*Server).setLanguage},
	"/data/push":          {roles: mayEdit, method: http.MethodPost, object: "DigitalObjectDto", do: (*Server).pushData},
	"/event/push":         {roles: maySend, method: http.MethodPost, object: "DigitalEventDto", do: (*Server).pushEvent},
	"/view/campaign":      {roles: mayLook, method: http.MethodGet, object: "Campaign", do: (*Server).viewCampaign},
	"/create/campaign":    {roles: maySend, method: http.MethodPost, object: "Campaign", do: (*Server).createCampaign},
	"/message/send":       {roles: maySend, method: http.MethodPost, object: outbound, sends: true, do: (*Server).sendMessage},
}

// find is the call of a path.
func find(path string) (name string, of call, known bool) {
	name, below := strings.CutPrefix(strings.TrimPrefix(strings.TrimSuffix(path, "/"), root), base)
	of, known = calls[name]
	return name, of, known && below
}

// Route says which call a request is for.
func (x *Server) Route(r *http.Request) gate.Route {
	name, of, known := find(r.URL.Path)
	if !known {
		return gate.Route{Pattern: root + base + "/unknown", Missing: func(w http.ResponseWriter, r *http.Request) {
			x.Refuse(w, r, fault.New(fault.NotFound, "there is no such call"))
		}}
	}
	return gate.Route{Pattern: root + base + name, Roles: of.roles, Once: of.sends}
}

const (
	missingKey = "Missing x-api-key"
	invalidKey = "Invalid x-api-key"
)

// Key is the one in the header; x-api-id is anybody's.
func (x *Server) Key(r *http.Request) (string, error) {
	key := strings.TrimSpace(r.Header.Get("x-api-key"))
	if key == "" {
		return "", fault.New(fault.Unauthorized, "%s", missingKey)
	}
	return key, nil
}

// answer makes the call that the gate let through.
func (x *Server) answer(w http.ResponseWriter, r *http.Request) {
	_, of, _ := find(r.URL.Path)
	if r.Method != of.method {
		w.Header().Set("Allow", of.method)
		x.Refuse(w, r, fault.New(fault.MethodNotAllowed, "use %s", of.method))
		return
	}
	body, err := readAll(r)
	var out answer
	if err == nil {
		out, err = of.do(x, r.Context(), asked{gate.Caller(r.Context()), r, body})
	}
	if err != nil {
		x.Refuse(w, r, err)
		return
	}
	x.write(w, r, http.StatusOK, out)
}
