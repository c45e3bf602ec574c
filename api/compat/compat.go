// Package compat owns which APIs of others are served, and where: at the paths of their
// documents, below a prefix, on hosts of their own. It must not know a call of any of them.
package compat

import (
	"net"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"carillon/api/compat/chat44mp"
	"carillon/api/compat/chatapi"
	"carillon/api/compat/chatwoot"
	"carillon/api/compat/messengerpeople"
	"carillon/api/compat/xms"
	"carillon/api/gate"
	"carillon/internal/clock"
	"carillon/outgoing"
	"carillon/services"
	"carillon/webhooks"
)

// api is one of them.
type api struct {
	name string
	// serves reports whether a path is its own.
	serves func(path string) bool
	// make makes what answers, behind a gate of its own.
	make func(d Deps, behind func(gate.Dialect) *gate.Gate) http.Handler
	// format tells what happens in its words; nil where it tells nothing.
	format func(s *services.Services) outgoing.Format
}

// apis are those that are served.
func apis() []api {
	return []api{
		{
			"chatapi", chatapi.Serves,
			func(d Deps, behind func(gate.Dialect) *gate.Gate) http.Handler {
				return chatapi.New(d.Services, d.Wake, clock.System{}, behind)
			},
			func(s *services.Services) outgoing.Format { return chatapi.NewFormat(s, clock.System{}) },
		},
		{
			"chat44mp", chat44mp.Serves,
			func(d Deps, behind func(gate.Dialect) *gate.Gate) http.Handler {
				return chat44mp.New(d.Services, behind)
			},
			nil,
		},
		{
			"chatwoot", chatwoot.Serves,
			func(d Deps, behind func(gate.Dialect) *gate.Gate) http.Handler {
				return chatwoot.New(d.Services, d.Wake, nil, behind)
			},
			func(s *services.Services) outgoing.Format { return chatwoot.NewFormat(s, nil) },
		},
		{
			"messengerpeople", messengerpeople.Serves,
			func(d Deps, behind func(gate.Dialect) *gate.Gate) http.Handler {
				return messengerpeople.New(messengerpeople.Deps{Services: d.Services, Wake: d.Wake, Poster: d.Poster, Clock: d.Clock}, behind)
			},
			func(s *services.Services) outgoing.Format { return messengerpeople.Format{Services: s} },
		},
		{
			"xms", xms.Serves,
			func(d Deps, behind func(gate.Dialect) *gate.Gate) http.Handler {
				return xms.New(d.Services, d.Wake, behind)
			},
			func(s *services.Services) outgoing.Format { return xms.NewFormat(s) },
		},
	}
}

// Formats are the words in which webhooks of these APIs are told.
func Formats(s *services.Services) outgoing.Formats {
	formats := outgoing.Formats{}
	for _, a := range apis() {
		if a.format != nil {
			formats[webhooks.Format(a.name)] = a.format(s)
		}
	}
	return formats
}

// Options are where the APIs are served beside their own paths.
type Options struct {
	// Prefix is a path below which each is served by its name; empty for none.
	Prefix string
	// Hosts serve one each: the name of the API by host.
	Hosts map[string]string
	// Origins are those whose pages may call them from a browser.
	Origins []string
}

// Deps is what the APIs are made of. All fields are needed.
type Deps struct {
	Services *services.Services
	// Wake says that there may be something to send now.
	Wake func()
	// Poster makes requests to webhooks that are tried out.
	Poster outgoing.Poster
	Clock  clock.Clock
	// Behind makes the gate before an API of that name.
	Behind  func(name string, of gate.Dialect) *gate.Gate
	Options Options
}

// Handler answers what is asked of an API of others, and hands everything else on.
type Handler struct {
	options Options
	served  []served
	next    http.Handler
}

type served struct {
	api
	handler http.Handler
}

// New makes the handler; next answers what is no API of others.
func New(d Deps, next http.Handler) *Handler {
	h := &Handler{options: d.Options, next: next}
	for _, a := range apis() {
		h.served = append(h.served, served{a, a.make(d, func(of gate.Dialect) *gate.Gate { return d.Behind(a.name, of) })})
	}
	return h
}

// ServeHTTP answers a request.
func (h *Handler) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	of, r := h.find(r)
	if of == nil {
		h.next.ServeHTTP(w, r)
		return
	}
	if h.crossOrigin(w, r) {
		return
	}
	of.handler.ServeHTTP(w, r)
}

// find says which API a request is for, and the request as that knows it; nil for none.
func (h *Handler) find(r *http.Request) (*served, *http.Request) {
	if name, has := h.options.Hosts[hostOf(r.Host)]; has {
		return h.named(name), r
	}
	if below, has := strings.CutPrefix(r.URL.Path, h.options.Prefix+"/"); has && h.options.Prefix != "" {
		name, path, _ := strings.Cut(below, "/")
		if of := h.named(name); of != nil {
			inner := r.Clone(r.Context())
			inner.URL.Path, inner.URL.RawPath = "/"+path, ""
			return of, inner
		}
	}
	for i := range h.served {
		if h.served[i].serves(r.URL.Path) {
			return &h.served[i], r
		}
	}
	return nil, r
}

func (h *Handler) named(name string) *served {
	for i := range h.served {
		if h.served[i].name == name {
			return &h.served[i]
		}
	}
	return nil
}

func hostOf(host string) string {
	if name, _, err := net.SplitHostPort(host); err == nil {
		host = name
	}
	return strings.ToLower(host)
}

// corsAge is how long a browser may remember what it was told, in seconds.
const corsAge = "600"

// crossOrigin lets pages of the origins that are named call from a browser. It reports
// whether it has answered: a browser asks first, without a key.
func (h *Handler) crossOrigin(w http.ResponseWriter, r *http.Request) (answered bool) {
	origin := r.Header.Get("Origin")
	if origin == "" || !slices.ContainsFunc(h.options.Origins, func(one string) bool { return sameOrigin(one, origin) }) {
		return false
	}
	header := w.Header()
	header.Set("Access-Control-Allow-Origin", origin)
	header.Add("Vary", "Origin")
	if r.Method != http.MethodOptions || r.Header.Get("Access-Control-Request-Method") == "" {
		return false
	}
	header.Set("Access-Control-Allow-Methods", "GET, POST, PUT, PATCH, DELETE")
	header.Set("Access-Control-Allow-Headers", "Authorization, Content-Type, api_access_token, x-api-key, x-api-id, Idempotency-Key")
	header.Set("Access-Control-Max-Age", corsAge)
	w.WriteHeader(http.StatusNoContent)
	return true
}

func sameOrigin(a, b string) bool {
	one, err := url.Parse(a)
	if err != nil {
		return false
	}
	other, err := url.Parse(b)
	return err == nil && strings.EqualFold(one.Scheme, other.Scheme) && strings.EqualFold(one.Host, other.Host)
}
