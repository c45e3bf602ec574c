package api

import (
	"net/http"
	"strings"

	"carillon/internal/fault"
)

// consoleRoutes answer with the console. Its pages have addresses of their own, which the server
// does not know: where there is nothing else, a browser that asks for a page gets the console.
func (s *Server) consoleRoutes() {
	s.mux.HandleFunc("GET /{$}", s.console.Page)
	s.mux.HandleFunc("GET /assets/", func(w http.ResponseWriter, r *http.Request) {
		if !s.console.Asset(w, r) {
			writeProblem(w, fault.New(fault.NotFound, "there is no file %s: reload the page, which may be of a version before", r.URL.Path))
		}
	})
	s.mux.HandleFunc("/", func(w http.ResponseWriter, r *http.Request) {
		if r.Method == http.MethodGet && opensPage(r) {
			s.console.Page(w, r)
			return
		}
		s.notFound(w, r)
	})
}

// opensPage reports whether a browser asks for a page, at an address that can be one of the
// console's.
func opensPage(r *http.Request) bool {
	return strings.Contains(r.Header.Get("Accept"), "text/html") && !strings.HasPrefix(r.URL.Path, "/v1/")
}
