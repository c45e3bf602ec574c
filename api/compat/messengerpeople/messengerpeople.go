// Package messengerpeople owns MessengerPeople's dialect: its calls, their parameters,
// answers and errors, and its words for what people write, over the services that /v1 has. A
// key is bound to a channel, and a user is an address of a messenger. It must not know /v1,
// nor hold a rule of its own: what may be sent, and to whom, the services say.
package messengerpeople

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"mime"
	"mime/multipart"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"carillon/access"
	"carillon/api/compat/params"
	"carillon/api/gate"
	"carillon/internal/clock"
	"carillon/internal/fault"
	"carillon/outgoing"
	"carillon/providers"
	"carillon/services"
	"carillon/wording"
)

// api is the name of the dialect.
const api = "messengerpeople"

// Server answers MessengerPeople's calls.
type Server struct {
	*services.Services
	deps    Deps
	handler http.Handler
}

// Deps is what the server is made of; all fields are needed.
type Deps struct {
	Services *services.Services
	// Wake says that there may be something to send now.
	Wake func()
	// Poster tries webhooks out.
	Poster outgoing.Poster
	Clock  clock.Clock
}

// New makes the server; behind makes the gate that it stands behind.
func New(d Deps, behind func(gate.Dialect) *gate.Gate) *Server {
	s := &Server{Services: d.Services, deps: d}
	s.handler = behind(s).Before(http.HandlerFunc(s.answer))
	return s
}

// ServeHTTP answers a request.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) { s.handler.ServeHTTP(w, r) }

// versions are the paths of the versions that clients have in their code.
var versions = regexp.MustCompile(`^/api/v([1-9]|1[0-7])/`)

// heads are the first words of paths. Chatwoot's own have the same versions, and none of
// these words.
var heads = []string{
	"user", "custom", "newsletter", "targeting", "chat", "channel", "templates", "content", "login", "statistics", "stats",
}

// Serves reports whether a path is MessengerPeople's.
func Serves(path string) bool {
	version := versions.FindString(path)
	head, _, _ := strings.Cut(strings.TrimPrefix(path, version), "/")
	return version != "" && slices.Contains(heads, head)
}

// asked is a call: by whom, on which channel, about what, and what with.
type asked struct {
	caller  access.Caller
	channel providers.Channel
	// in are the parts of the path that a call leaves open.
	in map[string]string
	params.Params
	request *http.Request
	// key is the key as it was presented.
	key string
}

// call is one that there is.
type call struct {
	// path may have {names} as parts.
	path  string
	roles gate.Roles
	// streams says that the call reads its body itself.
	streams bool
	// unbound says that the call is about no channel.
	unbound bool
	do      func(*Server, context.Context, asked) (any, error)
}

// Who may do what.
var (
	mayLook  = gate.Roles{access.Viewer, access.Editor, access.Admin}
	maySend  = gate.Roles{access.Sender, access.Editor, access.Admin}
	mayEdit  = gate.Roles{access.Editor, access.Admin}
	mayAdmin = gate.Roles{access.Admin}
	anybody  = gate.Roles{access.Viewer, access.Sender, access.Editor, access.Admin}
)

// calls are those that there are, by method; the first that fits is meant.
var calls = map[string][]call{
	http.MethodGet: {
		{path: "user", roles: mayLook, do: (*Server).listUsers},
		{path: "user/property", roles: mayLook, do: (*Server).showValues},
		{path: "user/{id}/categories", roles: mayLook, do: (*Server).showUserCategories},
		{path: "user/{id}", roles: mayLook, do: (*Server).listUsers},
		{path: "custom", roles: mayLook, do: (*Server).listProperties},
		{path: "custom/{id}", roles: mayLook, do: (*Server).listProperties},
		{path: "newsletter", roles: mayLook, do: (*Server).listNewsletters},
		{path: "newsletter/targeting", roles: mayLook, do: (*Server).listAudiences},
		{path: "newsletter/category", roles: mayLook, do: (*Server).listCategories},
		{path: "targeting", roles: mayLook, do: (*Server).listTargeting},
		{path: "targeting/config", roles: mayLook, do: (*Server).showFields},
		{path: "targeting/count", roles: mayLook, do: (*Server).countTargeting},
		{path: "chat", roles: mayLook, do: (*Server).showChat},
		{path: "channel", roles: mayLook, do: (*Server).showChannel},
		{path: "channel/chats", roles: mayLook, do: (*Server).showChats},
		{path: "channel/labels", roles: mayLook, do: (*Server).listLabels},
		{path: "channel/webhook", roles: mayAdmin, do: (*Server).showWebhook},
		{path: "channel/apikey", roles: anybody, do: (*Server).showKey},
		{path: "templates", roles: mayLook, do: (*Server).listTemplates},
		{path: "templates/{name}", roles: mayLook, do: (*Server).showTemplate},
		{path: "templates/{name}/validate-name", roles: mayLook, do: (*Server).validateName},
		{path: "templates/{name}/review", roles: mayLook, do: (*Server).showReview},
		{path: "templates/{name}/translations/{lang}", roles: mayLook, do: (*Server).showTranslation},
		{path: "templates/{name}/translations/{lang}/review", roles: mayLook, do: (*Server).showReview},
		{path: "content", roles: mayLook, do: (*Server).listContent},
		{path: "statistics/notifications", roles: mayLook, do: (*Server).notificationStatistics},
		{path: "statistics/labels", roles: mayLook, do: (*Server).labelStatistics},
		{path: "statistics/chats", roles: mayLook, do: (*Server).chatStatistics},
		{path: "statistics/custom", roles: mayLook, do: (*Server).customStatistics},
		{path: "statistics/content", roles: mayLook, do: (*Server).contentStatistics},
		{path: "statistics/mau", roles: mayLook, do: (*Server).mauStatistics},
		{path: "stats", roles: mayLook, do: (*Server).currentUsers},
		{path: "stats/user", roles: mayLook, do: (*Server).userStatistics},
		{path: "stats/newsletter", roles: mayLook, do: (*Server).newsletterStatistics},
	},
	http.MethodPost: {
		{path: "user/csv", roles: mayEdit, streams: true, do: (*Server).uploadUsers},
		{path: "custom", roles: mayEdit, do: (*Server).createProperty},
		{path: "newsletter", roles: mayEdit, do: (*Server).sendNewsletter},
		{path: "newsletter/category", roles: mayEdit, do: (*Server).createCategory},
		{path: "targeting", roles: mayEdit, do: (*Server).createTargeting},
		{path: "chat", roles: maySend, do: (*Server).sendChat},
		{path: "chat/notification", roles: maySend, do: (*Server).sendNotification},
		{path: "channel/labels", roles: mayEdit, do: (*Server).createLabel},
		{path: "templates", roles: mayEdit, do: (*Server).createTemplate},
		{path: "content", roles: mayEdit, do: (*Server).createContent},
		{path: "login", roles: anybody, do: (*Server).login},
	},
	http.MethodPut: {
		{path: "user/property", roles: mayEdit, do: (*Server).setValues},
		{path: "user/{id}", roles: mayEdit, do: (*Server).changeUsers},
		{path: "user/{id}/categories", roles: mayEdit, do: (*Server).changeUserCategories},
		{path: "user/{id}/{action}", roles: mayEdit, do: (*Server).moveUsers},
		{path: "custom", roles: mayEdit, do: (*Server).changeProperty},
		{path: "newsletter/category", roles: mayEdit, do: (*Server).renameCategory},
		{path: "targeting", roles: mayEdit, do: (*Server).changeTargeting},
		{path: "channel", roles: mayAdmin, do: (*Server).changeChannel},
		{path: "channel/labels", roles: mayEdit, do: (*Server).changeLabel},
		{path: "channel/webhook", roles: mayAdmin, do: (*Server).changeWebhook},
		{path: "channel/apikey", roles: anybody, unbound: true, do: (*Server).rotateKey},
		{path: "templates", roles: mayEdit, do: (*Server).changeTemplate},
		{path: "content", roles: mayEdit, do: (*Server).changeContent},
		{path: "content/stopinteraction", roles: mayEdit, do: (*Server).stopInteraction},
	},
	http.MethodDelete: {
		{path: "user/{id}", roles: mayEdit, do: (*Server).deleteUsers},
		{path: "custom", roles: mayEdit, do: (*Server).deleteProperty},
		{path: "newsletter", roles: mayEdit, do: (*Server).deleteNewsletter},
		{path: "newsletter/category", roles: mayEdit, do: (*Server).deleteCategory},
		{path: "targeting", roles: mayEdit, do: (*Server).deleteTargeting},
		{path: "chat", roles: maySend, do: (*Server).blankChat},
		{path: "channel/labels", roles: mayEdit, do: (*Server).deleteLabels},
		{path: "templates/{name}", roles: mayEdit, do: (*Server).deleteTemplate},
		{path: "content", roles: mayEdit, do: (*Server).deleteContent},
		{path: "login", roles: anybody, unbound: true, do: (*Server).logout},
	},
}

// find is the call of a request, and what its path leaves open.
func find(r *http.Request) (of call, in map[string]string, known bool) {
	path := strings.Trim(versions.ReplaceAllString(r.URL.Path, ""), "/")
	parts := strings.Split(path, "/")
	method := r.Method
	if method == http.MethodHead {
		method = http.MethodGet
	}
	for _, c := range calls[method] {
		if in, fits := c.fits(parts); fits {
			return c, in, true
		}
	}
	return call{}, nil, false
}

func (c call) fits(parts []string) (in map[string]string, fits bool) {
	wanted := strings.Split(c.path, "/")
	if len(wanted) != len(parts) {
		return nil, false
	}
	in = map[string]string{}
	for i, part := range wanted {
		name, open := strings.CutPrefix(part, "{")
		switch {
		case open && parts[i] != "":
			in[strings.TrimSuffix(name, "}")] = parts[i]
		case part != parts[i]:
			return nil, false
		}
	}
	return in, true
}

// Route says which call a request is for.
func (s *Server) Route(r *http.Request) gate.Route {
	of, _, known := find(r)
	if !known {
		return gate.Route{Pattern: "/api/v{n}/unknown", Missing: func(w http.ResponseWriter, r *http.Request) {
			s.Refuse(w, r, fault.New(fault.NotFound, "there is no such method"))
		}}
	}
	return gate.Route{
		Pattern: r.Method + " /api/v{n}/" + of.path, Roles: of.roles, Streamed: of.streams, Once: r.Method == http.MethodPost,
		Kept: func(answer []byte) []byte { return secretMember.ReplaceAll(answer, []byte(`"$1":""`)) },
	}
}

// secretMember is a key or token in an answer, which is not kept with it.
var secretMember = regexp.MustCompile(`"(apikey|token)":"[^"]*"`)

// keyNames are the parameters in which a key may stand; the second has what a login gave.
var keyNames = []string{"apikey", "token"}

// noKey is what who presents none is told.
func noKey() error {
	return fault.New(fault.Unauthorized, "the API key is missing: send it as apikey, in the query or in the body")
}

// keyNamesOf are those of a request: who logs in may have a key as the password alone.
func keyNamesOf(r *http.Request) []string {
	if of, _, _ := find(r); of.path == "login" && r.Method == http.MethodPost {
		return append(slices.Clone(keyNames), "password")
	}
	return keyNames
}

// Key is the key in the query.
func (s *Server) Key(r *http.Request) (string, error) {
	query := r.URL.Query()
	for _, name := range keyNamesOf(r) {
		if key := strings.TrimSpace(query.Get(name)); key != "" {
			return key, nil
		}
	}
	return "", noKey()
}

// KeyIn is the key in a body: a form, a form with files, or JSON, whatever it is called.
func (s *Server) KeyIn(r *http.Request, head []byte, whole bool) (string, error) {
	found := within(r, head, whole)
	for _, name := range keyNamesOf(r) {
		if key := strings.TrimSpace(found[name]); key != "" {
			return key, nil
		}
	}
	if !whole {
		return "", fault.New(fault.Unauthorized, "no apikey stands in the first %d KiB: put it before the file, or into the query", len(head)>>10)
	}
	return "", noKey()
}

// within are the texts of the head of a body by their names, as far as they are in it.
func within(r *http.Request, head []byte, whole bool) map[string]string {
	kind, of, _ := mime.ParseMediaType(r.Header.Get("Content-Type"))
	head = bytes.TrimLeft(head, " \t\r\n")
	switch {
	case kind == "multipart/form-data":
		return withinParts(head, of["boundary"])
	case len(head) > 0 && head[0] == '{':
		return withinObject(head)
	}
	text := string(head)
	if !whole {
		text = text[:max(0, strings.LastIndexByte(text, '&'))]
	}
	found := map[string]string{}
	form, _ := url.ParseQuery(text) // what can't be read is not found
	for name := range form {
		found[name] = form.Get(name)
	}
	return found
}

func withinObject(head []byte) map[string]string {
	found := map[string]string{}
	d := json.NewDecoder(bytes.NewReader(head))
	if _, err := d.Token(); err != nil {
		return found
	}
	for {
		name, err := d.Token()
		text, is := name.(string)
		if err != nil || !is {
			return found
		}
		var value json.RawMessage
		if err := d.Decode(&value); err != nil {
			return found
		}
		var of string
		if slices.Contains([]string{"apikey", "token", "password"}, text) && json.Unmarshal(value, &of) == nil {
			found[text] = of
		}
	}
}

// longestKey bounds a part of a form that may be a key.
const longestKey = 1000

func withinParts(head []byte, boundary string) map[string]string {
	found := map[string]string{}
	if boundary == "" {
		return found
	}
	for reader := multipart.NewReader(bytes.NewReader(head), boundary); ; {
		part, err := reader.NextRawPart()
		if err != nil || part.FileName() != "" {
			return found // keys stand before the file
		}
		var text [longestKey]byte
		n := 0
		for n < len(text) {
			m, err := part.Read(text[n:])
			n += m
			if err != nil {
				break
			}
		}
		found[part.FormName()] = string(text[:n])
	}
}

// failure is an error as clients read it: the code first, the reason behind it.
type failure struct {
	Code   int    `json:"code"`
	Reason string `json:"reason"`
}

// Refuse answers with an error: whatever the caller did wrong is 400, because a client takes
// anything else for success.
func (s *Server) Refuse(w http.ResponseWriter, r *http.Request, err error) {
	gate.LogOwn(r.Context(), err)
	status := gate.StatusOf(err)
	if status < http.StatusInternalServerError && status != http.StatusTooManyRequests {
		status = http.StatusBadRequest
	}
	body, marshalErr := wording.Encoded(failure{status, gate.TextOf(err)})
	if marshalErr != nil {
		status, body = http.StatusInternalServerError, []byte(`{"code":500,"reason":"the answer could not be written"}`)
	}
	write(w, status, "application/json", body)
}

func write(w http.ResponseWriter, status int, kind string, body []byte) {
	w.Header().Set("Content-Type", kind)
	w.Header().Set("Cache-Control", "no-store")
	w.WriteHeader(status)
	_, _ = w.Write(body) // who does not read it any more misses nothing
}

// bare is an answer without a code.
type bare struct{ value any }

// file is an answer that is no JSON.
type file struct {
	kind string
	body []byte
}

// answerOf is an answer as it is written: an object has "code":200 before all else.
func answerOf(out any) (kind string, body []byte, err error) {
	switch out := out.(type) {
	case file:
		return out.kind, out.body, nil
	case bare:
		body, err = wording.Encoded(out.value)
		return "application/json", body, err
	case nil:
		return "application/json", []byte(`{"code":200}`), nil
	}
	if body, err = wording.Encoded(out); err != nil {
		return "", nil, err
	}
	rest := bytes.TrimPrefix(body, []byte("{"))
	if len(rest) > 1 {
		rest = append([]byte(","), rest...)
	}
	return "application/json", append([]byte(`{"code":200`), rest...), nil
}

// answer makes the call that the gate let through.
func (s *Server) answer(w http.ResponseWriter, r *http.Request) {
	out, err := s.call(r)
	var kind string
	var body []byte
	if err == nil {
		kind, body, err = answerOf(out)
	}
	if err != nil {
		s.Refuse(w, r, err)
		return
	}
	write(w, http.StatusOK, kind, body)
}

func (s *Server) call(r *http.Request) (any, error) {
	of, in, _ := find(r)
	a := asked{caller: gate.Caller(r.Context()), in: in, request: r}
	var err error
	if !of.unbound {
		if a.channel, err = s.channelOf(r.Context(), a.caller); err != nil {
			return nil, err
		}
	}
	from := params.Query | params.Body
	if of.streams {
		from = params.Query
	}
	if a.Params, err = params.Read(r, from); err != nil {
		return nil, err
	}
	for _, name := range keyNames {
		text, err := a.Text(name)
		if err != nil {
			return nil, err
		}
		a.key = cmp.Or(a.key, text)
	}
	a.Drop(keyNames...)
	return of.do(s, r.Context(), a)
}

// channelOf is the channel of a key: the one that it is bound to, or the only one that there is.
func (s *Server) channelOf(ctx context.Context, key access.Caller) (providers.Channel, error) {
	if key.ChannelID != 0 {
		return s.Channels.Get(ctx, key.AccountID, key.ChannelID)
	}
	list, err := s.Channels.List(ctx, key.AccountID, 0, mostChannels)
	if err != nil {
		return providers.Channel{}, err
	}
	list = slices.DeleteFunc(list, func(c providers.Channel) bool { return wording.CodeOf(c.Address) == "" })
	if len(list) != 1 {
		return providers.Channel{}, fault.New(fault.Invalid, "the account has %d channels to messengers, and the key names none: "+
			"make one that is bound to a channel, with carillon keys create --api messengerpeople --channel", len(list))
	}
	return list[0], nil
}

// mostChannels is how many channels are looked at for the only one.
const mostChannels = 100

// idOf reads the id of a thing.
func (a asked) idOf(name string) (int64, error) {
	text, err := a.Text(name)
	if err != nil {
		return 0, err
	}
	if text == "" {
		return 0, missing(name)
	}
	id, err := strconv.ParseInt(strings.TrimSpace(text), 10, 64)
	if err != nil || id <= 0 {
		return 0, fault.InvalidField(name, text, "must be a whole number from 1 on")
	}
	return id, nil
}

func missing(name string) error { return fault.InvalidField(name, nil, "is missing") }

// needed is a text that must be there.
func (a asked) needed(name string) (string, error) {
	text, err := a.Text(name)
	if err == nil && strings.TrimSpace(text) == "" {
		err = missing(name)
	}
	return text, err
}

// given is a text that may not be there: nil then.
func (a asked) given(name string) (*string, error) {
	if !a.Has(name) {
		return nil, nil
	}
	text, err := a.Text(name)
	return &text, err
}
