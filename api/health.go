package api

import (
	"context"
	"encoding/json"
	"errors"
	"maps"
	"net/http"
	"slices"

	"carillon/api/gate"
	"carillon/internal/fault"
)

// Health answers /healthz, /readyz and /metrics alone, for processes without the
// API. Of d it needs Metrics, Ready, Campaigns, Logger and Options.Version.
func Health(d Deps) http.Handler {
	s := &Server{Deps: d, mux: newRouter()}
	s.healthRoutes()
	return gate.WithDeadlines(s.mux)
}

// part is a part of this process's world, and what is wrong with it; empty if
// nothing is.
type part struct{ name, wrong string }

// parts asks each part whether it works.
func (s *Server) parts(ctx context.Context) []part {
	if s.Ready == nil {
		return nil
	}
	found := s.Ready(ctx)
	var list []part
	for _, name := range slices.Sorted(maps.Keys(found)) {
		p := part{name: name}
		if err := found[name]; err != nil {
			p.wrong = wrongWith(name, err)
			s.Logger.WarnContext(ctx, "not ready", "part", name, "error", err)
		}
		list = append(list, p)
	}
	return list
}

// wrongWith says what is wrong in our own words. Those of others can hold addresses
// and names: they belong into the log.
func wrongWith(name string, err error) string {
	var known *fault.Error
	if errors.As(err, &known) && known.Message != "" {
		return known.Message
	}
	return name + " does not answer: the log says why"
}

func (s *Server) healthRoutes() {
	s.mux.public("GET /healthz", func(w http.ResponseWriter, _ *http.Request) {
		writeJSON(w, http.StatusOK, map[string]string{"status": "alive", "version": s.Options.Version})
	})
	s.mux.HandleFunc("GET /readyz", func(w http.ResponseWriter, r *http.Request) {
		status, word, parts := http.StatusOK, "ready", map[string]string{}
		for _, p := range s.parts(r.Context()) {
			parts[p.name] = "ready"
			if p.wrong != "" {
				status, word, parts[p.name] = http.StatusServiceUnavailable, "not ready", "not ready: "+p.wrong
			}
		}
		answer := map[string]any{"status": word, "parts": parts}
		// A process that can do its work is ready, even if another has to do its own.
		if s.Campaigns != nil && status == http.StatusOK {
			if still, err := s.Campaigns.NotSending(r.Context()); err != nil {
				s.Logger.WarnContext(r.Context(), "whether messages go out could not be found out", "error", err)
			} else if len(still) > 0 {
				answer["not_sending"] = still
			}
		}
		if s.CertificateEnds != nil {
			answer["certificate_ends"] = s.CertificateEnds().UTC()
		}
		writeJSON(w, status, answer)
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
