package api

import (
	"context"
	"net/http"
	"time"

	"carillon/internal/fault"
)

// withRoute finds out what a request asks for before anything of it is read.
func (s *Server) withRoute(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, route := s.mux.Handler(r)
		if route == "" {
			route = "unknown"
		}
		next.ServeHTTP(w, r.WithContext(context.WithValue(r.Context(), routeKey, route)))
	})
}

// routeOf is the pattern that a request matched, which names nobody.
func routeOf(ctx context.Context) string {
	route, _ := ctx.Value(routeKey).(string)
	return route
}

// withGate lets through who may call what was asked for: the route is known, then
// the key, then whether it asks too often, then its role. Only what has passed is
// read, by next; what is no operation reads for itself. A path under /v1 that does
// not exist needs a key as well, so that nobody learns without one what there is.
func (s *Server) withGate(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		o, known := s.operations[routeOf(r.Context())]
		if !known && !isAPI(r.URL.Path) {
			s.mux.ServeHTTP(w, r)
			return
		}
		key, err := s.lookupKey(r.Context(), r)
		if err != nil {
			switch {
			case fault.Is(err, fault.RateLimited):
				w.Header().Set("Retry-After", "1")
			case !fault.Is(err, fault.Unauthorized):
				s.Logger.ErrorContext(r.Context(), "key lookup failed", "request_id", requestID(r.Context()), "error", err)
			}
			writeProblem(w, err)
			return
		}
		if wait := s.limits.take(key.ID); wait > 0 {
			w.Header().Set("Retry-After", retryAfter(wait))
			writeProblem(w, fault.New(fault.RateLimited, "too many requests with this key: wait %s, or raise api_rate_per_second", wait.Round(time.Millisecond)))
			return
		}
		if !known {
			s.notFound(w, r)
			return
		}
		if err := o.admit(key); err != nil {
			writeProblem(w, err)
			return
		}
		next.ServeHTTP(w, r.WithContext(context.WithValue(r.Context(), callerKey, key)))
	})
}
