// Package chatwoot owns Chatwoot's dialect: the calls of its application API, their answers
// and their errors, over the services that /v1 has. An inbox is a channel, a custom attribute a
// property, a label a label. It must not know /v1, nor hold a rule of its own.
package chatwoot

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"regexp"
	"strconv"
	"strings"

	"carillon/access"
	"carillon/api/compat/params"
	"carillon/api/gate"
	"carillon/internal/clock"
	"carillon/internal/fault"
	"carillon/services"
)

// Server answers Chatwoot's calls.
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
	if c == nil {
		c = clock.System{}
	}
	w := &Server{Services: s, wake: wake, clock: c}
	w.gate = behind(w)
	w.handler = w.gate.Before(http.HandlerFunc(w.answer))
	return w
}

// address is how Chatwoot's paths begin: its application API, and the reports.
var address = regexp.MustCompile(`^/api/(v1|v2)/accounts/([0-9]+)(/|$)`)

// Serves reports whether a path is Chatwoot's.
func Serves(path string) bool { return address.MatchString(path) }

// ServeHTTP answers a request.
func (c *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) { c.handler.ServeHTTP(w, r) }

// asked is a call: by whom, of what, and what with.
type asked struct {
	caller access.Caller
	// ids are the numbers in the path, in their order.
	ids   []int64
	given given
	// form is what came as a form, with its files.
	form params.Params
	// request is that of what is streamed.
	request *http.Request
}

func (a asked) account() int64 { return a.caller.AccountID }

// call is one that there is.
type call struct {
	method, path string
	roles        gate.Roles
	// wrapped is what a body may be wrapped in; empty for none.
	wrapped string
	do      func(*Server, context.Context, asked) (any, error)
}

// Who may do what. Administrators there are admins and editors here, agents are senders;
// a viewer is an agent who only looks.
var (
	mayLook  = gate.Roles{access.Admin, access.Editor, access.Sender, access.Viewer}
	mayWork  = gate.Roles{access.Admin, access.Editor, access.Sender}
	maySteer = gate.Roles{access.Admin, access.Editor}
)

// importing takes a file as it comes.
const importing = "v1/contacts/import"

// calls are those that there are; # stands for a number.
var calls = []call{
	{"GET", "v1/contacts", mayLook, "", (*Server).listContacts},
	{"POST", "v1/contacts", mayWork, "contact", (*Server).createContact},
	{"GET", "v1/contacts/search", mayLook, "", (*Server).searchContacts},
	{"POST", "v1/contacts/filter", mayLook, "", (*Server).filterContacts},
	{"POST", importing, maySteer, "", (*Server).importContacts},
	{"POST", "v1/contacts/export", maySteer, "", (*Server).exportContacts},
	{"GET", "v1/contacts/#", mayLook, "", (*Server).showContact},
	{"PATCH", "v1/contacts/#", mayWork, "contact", (*Server).updateContact},
	{"DELETE", "v1/contacts/#", maySteer, "", (*Server).deleteContact},
	{"POST", "v1/contacts/#/destroy_custom_attributes", mayWork, "", (*Server).destroyAttributes},
	{"GET", "v1/contacts/#/labels", mayLook, "", (*Server).contactLabels},
	{"POST", "v1/contacts/#/labels", mayWork, "", (*Server).labelContact},
	{"POST", "v1/contacts/#/contact_inboxes", mayWork, "", (*Server).joinInbox},
	{"GET", "v1/contacts/#/contactable_inboxes", mayLook, "", (*Server).contactableInboxes},
	{"GET", "v1/contacts/#/conversations", mayLook, "", (*Server).contactConversations},
	{"GET", "v1/labels", mayLook, "", (*Server).listLabels},
	{"POST", "v1/labels", maySteer, "label", (*Server).createLabel},
	{"GET", "v1/labels/#", mayLook, "", (*Server).showLabel},
	{"PATCH", "v1/labels/#", maySteer, "label", (*Server).updateLabel},
	{"DELETE", "v1/labels/#", maySteer, "", (*Server).deleteLabel},
	{"GET", "v1/custom_attribute_definitions", mayLook, "", (*Server).listDefinitions},
	{"POST", "v1/custom_attribute_definitions", maySteer, "custom_attribute_definition", (*Server).createDefinition},
	{"GET", "v1/custom_attribute_definitions/#", mayLook, "", (*Server).showDefinition},
	{"PATCH", "v1/custom_attribute_definitions/#", maySteer, "custom_attribute_definition", (*Server).updateDefinition},
	{"DELETE", "v1/custom_attribute_definitions/#", maySteer, "", (*Server).deleteDefinition},
	{"GET", "v1/custom_filters", mayLook, "", (*Server).listFilters},
	{"POST", "v1/custom_filters", mayWork, "custom_filter", (*Server).createFilter},
	{"GET", "v1/custom_filters/#", mayLook, "", (*Server).showFilter},
	{"PATCH", "v1/custom_filters/#", mayWork, "custom_filter", (*Server).updateFilter},
	{"DELETE", "v1/custom_filters/#", mayWork, "", (*Server).deleteFilter},
	{"GET", "v1/webhooks", maySteer, "", (*Server).listWebhooks},
	{"POST", "v1/webhooks", maySteer, "webhook", (*Server).createWebhook},
	{"PATCH", "v1/webhooks/#", maySteer, "webhook", (*Server).updateWebhook},
	{"DELETE", "v1/webhooks/#", maySteer, "", (*Server).deleteWebhook},
	{"GET", "v1/inboxes", mayLook, "", (*Server).listInboxes},
	{"GET", "v1/inboxes/#", mayLook, "", (*Server).showInbox},
	{"GET", "v1/conversations", mayLook, "", (*Server).listConversations},
	{"POST", "v1/conversations", mayWork, "", (*Server).createConversation},
	{"GET", "v1/conversations/meta", mayLook, "", (*Server).countConversations},
	{"GET", "v1/conversations/#", mayLook, "", (*Server).showConversation},
	{"POST", "v1/conversations/#/toggle_status", mayWork, "", (*Server).toggleStatus},
	{"GET", "v1/conversations/#/labels", mayLook, "", (*Server).conversationLabels},
	{"POST", "v1/conversations/#/labels", mayWork, "", (*Server).labelConversation},
	{"POST", "v1/conversations/#/custom_attributes", mayWork, "", (*Server).conversationAttributes},
	{"GET", "v1/conversations/#/messages", mayLook, "", (*Server).listMessages},
	{"POST", "v1/conversations/#/messages", mayWork, "", (*Server).createMessage},
	{"PATCH", "v1/conversations/#/messages/#", mayWork, "", (*Server).updateMessage},
	{"DELETE", "v1/conversations/#/messages/#", mayWork, "", (*Server).deleteMessage},
	{"POST", "v1/conversations/#/messages/#/retry", mayWork, "", (*Server).retryMessage},
	{"GET", "v1/campaigns", maySteer, "", (*Server).listCampaigns},
	{"POST", "v1/campaigns", maySteer, "campaign", (*Server).createCampaign},
	{"GET", "v1/campaigns/#", maySteer, "", (*Server).showCampaign},
	{"PATCH", "v1/campaigns/#", maySteer, "campaign", (*Server).updateCampaign},
	{"DELETE", "v1/campaigns/#", maySteer, "", (*Server).deleteCampaign},
	{"GET", "v2/reports", maySteer, "", (*Server).report},
	{"GET", "v2/reports/summary", maySteer, "", (*Server).summary},
	{"GET", "v2/reports/conversations", maySteer, "", (*Server).openConversations},
}

// found is the call that a path and a method name.
type found struct {
	call
	account int64
	ids     []int64
}

// find looks a call up. PUT is PATCH, and a slash at the end is nothing.
func find(method, path string) (f found, known bool) {
	head := address.FindStringSubmatch(path)
	if head == nil {
		return f, false
	}
	account, err := strconv.ParseInt(head[2], 10, 64)
	if err != nil {
		return f, false
	}
	rest := strings.Split(strings.Trim(path[len(head[0]):], "/"), "/")
	if method == http.MethodPut {
		method = http.MethodPatch
	}
	for _, c := range calls {
		version, pattern, _ := strings.Cut(c.path, "/")
		if c.method != method || version != head[1] {
			continue
		}
		if ids, ok := match(strings.Split(pattern, "/"), rest); ok {
			return found{c, account, ids}, true
		}
	}
	return f, false
}

func match(pattern, path []string) (ids []int64, ok bool) {
	if len(pattern) != len(path) {
		return nil, false
	}
	for i, part := range pattern {
		if part != "#" {
			if part != path[i] {
				return nil, false
			}
			continue
		}
		id, err := strconv.ParseInt(path[i], 10, 64)
		if err != nil || id <= 0 {
			return nil, false
		}
		ids = append(ids, id)
	}
	return ids, true
}

// Route says which call a request is for.
func (c *Server) Route(r *http.Request) gate.Route {
	f, known := find(r.Method, r.URL.Path)
	if !known {
		return gate.Route{Pattern: "/api/accounts/{account}/unknown", Missing: func(w http.ResponseWriter, r *http.Request) {
			c.Refuse(w, r, fault.New(fault.NotFound, "there is no such call"))
		}}
	}
	version, pattern, _ := strings.Cut(f.path, "/")
	return gate.Route{
		Pattern: f.method + " /api/" + version + "/accounts/{account}/" + strings.ReplaceAll(pattern, "#", "{id}"), Roles: f.roles,
		Streamed: f.path == importing, Once: f.method == http.MethodPost,
	}
}

// Key is the token of a header. Proxies that drop names with underscores leave the other.
func (c *Server) Key(r *http.Request) (string, error) {
	for _, name := range []string{"api_access_token", "Api-Access-Token"} {
		for header, values := range r.Header {
			if strings.EqualFold(header, name) && len(values) > 0 && strings.TrimSpace(values[0]) != "" {
				return strings.TrimSpace(values[0]), nil
			}
		}
	}
	if token, ok := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer "); ok && strings.TrimSpace(token) != "" {
		return strings.TrimSpace(token), nil
	}
	return "", fault.New(fault.Unauthorized, "%s", noToken)
}

// What is said of keys.
const (
	noToken      = "You need to sign in or sign up before continuing."
	wrongToken   = "Invalid Access Token"
	notAllowed   = "You are not authorized to do this action"
	wrongAccount = "You are not authorized to access this account"
	nothingThere = "Resource could not be found"
)

// refusal is an answer that says what is wrong as Chatwoot does.
type refusal struct {
	status int
	body   any
}

func (r *refusal) Error() string {
	text, err := json.Marshal(r.body)
	if err != nil {
		return "refused"
	}
	return string(text)
}

// failure is the answer to what could not be done, invalid the one to what can't be kept.
type failure struct {
	Error string `json:"error"`
}

type invalid struct {
	Message    string   `json:"message"`
	Attributes []string `json:"attributes"`
}

// refuse is a call that can't be made as it is.
func refuse(text string) error { return &refusal{http.StatusUnprocessableEntity, failure{text}} }

// Refuse answers with an error.
func (c *Server) Refuse(w http.ResponseWriter, r *http.Request, err error) {
	var own *refusal
	if errors.As(err, &own) {
		write(w, own.status, own.body)
		return
	}
	gate.LogOwn(r.Context(), err)
	status, text := gate.StatusOf(err), gate.TextOf(err)
	switch status {
	case http.StatusUnauthorized:
		if _, missing := c.Key(r); missing != nil {
			write(w, status, map[string]any{"errors": []string{noToken}})
			return
		}
		write(w, status, failure{wrongToken})
	case http.StatusForbidden:
		write(w, http.StatusUnauthorized, failure{notAllowed})
	case http.StatusNotFound, http.StatusMethodNotAllowed:
		write(w, http.StatusNotFound, failure{nothingThere})
	case http.StatusUnprocessableEntity, http.StatusConflict, http.StatusBadRequest:
		write(w, http.StatusUnprocessableEntity, invalidOf(err, text))
	default:
		write(w, status, failure{text})
	}
}

// nothing is an answer without a body.
type nothing int

func write(w http.ResponseWriter, status int, answer any) {
	w.Header().Set("Cache-Control", "no-store")
	if code, empty := answer.(nothing); empty {
		w.WriteHeader(int(code))
		return
	}
	if f, is := answer.(file); is {
		w.Header().Set("Content-Type", "text/csv; charset=utf-8")
		w.Header().Set("Content-Disposition", `attachment; filename="`+f.name+`"`)
		_ = f.write(w) // whoever reads it sees that it breaks off
		return
	}
	w.Header().Set("Content-Type", "application/json; charset=utf-8")
	w.WriteHeader(status)
	e := json.NewEncoder(w)
	e.SetEscapeHTML(false)
	_ = e.Encode(answer) // who does not read it any more misses nothing
}

// answer makes the call that the gate let through.
func (c *Server) answer(w http.ResponseWriter, r *http.Request) {
	f, _ := find(r.Method, r.URL.Path)
	caller := gate.Caller(r.Context())
	if f.account != caller.AccountID {
		write(w, http.StatusUnauthorized, failure{wrongAccount})
		return
	}
	a := asked{caller: caller, ids: f.ids, request: r}
	var out any
	var err error
	if f.path != importing {
		err = read(r, f.wrapped, &a)
	}
	if err == nil {
		out, err = f.do(c, r.Context(), a)
	}
	if err != nil {
		c.Refuse(w, r, err)
		return
	}
	write(w, http.StatusOK, out)
}
