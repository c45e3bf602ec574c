package api

import (
	"encoding/json"
	"net/http"
)

// Health answers /healthz, /readyz and /metrics alone, for processes without the
// API. Of d it needs Metrics, Ready, Logger and Options.Version.
func Health(d Deps) http.Handler {
	s := &Server{Deps: d, mux: http.NewServeMux()}
	s.healthRoutes()
	return withDeadlines(s.mux)
}

func (s *Server) healthRoutes() {
	s.mux.HandleFunc("GET /healthz", func(w http.ResponseWriter, _ *http.Request) {
		writeJSON(w, http.StatusOK, map[string]string{"status": "alive", "version": s.Options.Version})
	})
	s.mux.HandleFunc("GET /readyz", func(w http.ResponseWriter, r *http.Request) {
		status, parts := http.StatusOK, map[string]string{}
		if s.Ready != nil {
			for name, err := range s.Ready(r.Context()) {
				parts[name] = "ready"
				if err != nil {
					// The reason can hold addresses: it belongs into the log.
					status, parts[name] = http.StatusServiceUnavailable, "not ready"
					s.Logger.WarnContext(r.Context(), "not ready", "part", name, "error", err)
				}
			}
		}
		word := "ready"
		if status != http.StatusOK {
			word = "not ready"
		}
		writeJSON(w, status, map[string]any{"status": word, "parts": parts})
	})
	if s.Metrics != nil {
		s.mux.Handle("GET /metrics", s.Metrics)
	}
}

func writeJSON(w http.ResponseWriter, status int, v any) {
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Cache-Control", "no-store")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(v)
}
