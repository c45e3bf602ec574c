package api

import (
	"net/http"
	"strings"
)

// consoleRoutes answer with the console. Its pages have addresses of their own, which the server
// does not know: where there is nothing else, a browser that asks for a page gets the console.
func (s *Server) consoleRoutes() {
	s.mux.HandleFunc("/", func(w http.ResponseWriter, r *http.Request) {
		if s.Console != nil && r.Method == http.MethodGet && opensPage(r) {
			s.Console.ServeHTTP(w, r)
			return
		}
		s.notFound(w, r)
	})
	if s.Console != nil {
		s.mux.Handle("GET /{$}", s.Console)
		s.mux.Handle("GET /assets/", s.Console)
	}
}

// opensPage reports whether a browser asks for a page, at an address that can be one of the
// console's.
func opensPage(r *http.Request) bool {
	return strings.Contains(r.Header.Get("Accept"), "text/html") && !strings.HasPrefix(r.URL.Path, "/v1/")
}
