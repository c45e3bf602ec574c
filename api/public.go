package api

import (
	"maps"
	"net/http"

	"carillon/api/gate"
	"carillon/internal/fault"
)

// router is where routes are registered, which remembers each, and whether recipients and
// providers need it: those reach it without a key, from anywhere.
type router struct {
	*http.ServeMux
	// routes says of each pattern whether it is public.
	routes map[string]bool
}

func newRouter() *router { return &router{http.NewServeMux(), map[string]bool{}} }

// Handle registers a route that the public does not need.
func (m *router) Handle(pattern string, handler http.Handler) {
	m.routes[pattern] = false
	m.ServeMux.Handle(pattern, handler)
}

// HandleFunc is Handle for a function.
func (m *router) HandleFunc(pattern string, handler func(http.ResponseWriter, *http.Request)) {
	m.Handle(pattern, http.HandlerFunc(handler))
}

// public registers a route that recipients or providers need.
func (m *router) public(pattern string, handler http.HandlerFunc) {
	m.Handle(pattern, handler)
	m.routes[pattern] = true
}

// isPublic reports whether a request is for something that recipients or providers need.
func (m *router) isPublic(r *http.Request) (pattern string, public bool) {
	_, pattern = m.Handler(r)
	return pattern, m.routes[pattern]
}

// Routes are the patterns of everything that is answered, each with whether recipients or
// providers need it.
func (s *Server) Routes() map[string]bool { return maps.Clone(s.mux.routes) }

// Public answers what recipients and providers need and nothing else, so that the rest needs
// no address that everybody reaches.
func (s *Server) Public() http.Handler {
	return gate.New(s.gateDeps(publicDialect{dialect{s}})).Before(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if _, public := s.mux.isPublic(r); !public {
			writeProblem(w, fault.New(fault.NotFound, "there is nothing under %s", r.URL.Path))
			return
		}
		s.mux.ServeHTTP(w, r)
	}))
}

// publicDialect is that of a listener on which no key opens anything.
type publicDialect struct{ dialect }

// Route is open, whatever is asked for: what is not public is not there.
func (d publicDialect) Route(r *http.Request) gate.Route {
	pattern, public := d.mux.isPublic(r)
	if !public {
		pattern = "unknown"
	}
	return gate.Route{Pattern: pattern, Open: true}
}
