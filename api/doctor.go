package api

import (
	"context"
	"net/http"

	"carillon/access"
)

// The states of findings.
const (
	FindingOK      = "ok"
	FindingWarning = "warning"
	FindingFailed  = "failed"
)

// Finding is what a check of the deployment has found.
type Finding struct {
	Name   string `json:"name" example:"clock of Redis"`
	State  string `json:"state" enum:"ok,warning,failed" doc:"warning: it works, and will not for everybody or not for long."`
	Found  string `json:"found"`
	Remedy string `json:"remedy,omitempty" doc:"What to do."`
}

// Examination is every check of the deployment.
type Examination struct {
	OK       bool      `json:"ok" doc:"No check failed."`
	Findings []Finding `json:"findings"`
}

func (s *Server) doctorRoutes() {
	register(s, operation{id: "examine-deployment", method: http.MethodGet, path: "/v1/doctor", tag: "status", roles: mayAdmin,
		doc: "Check the deployment, and say what to mend",
		more: "The store and its schema, Redis and its policy, their clocks, the disk, the master key, the public address " +
			"as this server reaches it, the scheduler and the workers."},
		func(ctx context.Context, _ access.Caller, _ *struct{}) (*one[Examination], error) {
			e := Examination{OK: true, Findings: []Finding{}}
			if s.Examine != nil {
				e.Findings = s.Examine(ctx)
			}
			for _, f := range e.Findings {
				e.OK = e.OK && f.State != FindingFailed
			}
			return &one[Examination]{e}, nil
		})
}
