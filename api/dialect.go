package api

import (
	"encoding/json"
	"net/http"
	"strings"

	"carillon/api/gate"
	"carillon/internal/fault"
)

// dialect is how /v1 is asked and answers: keys are bearers' tokens, errors are problem
// documents.
type dialect struct{ *Server }

// Route finds the operation that a request asks for. A path under /v1 that does not
// exist needs a key as well.
func (d dialect) Route(r *http.Request) gate.Route {
	_, pattern := d.mux.Handler(r)
	if o, known := d.operations[pattern]; known {
		return o.route()
	}
	if pattern == "" {
		pattern = "unknown"
	}
	return gate.Route{Pattern: pattern, Open: !isAPI(r.URL.Path), Missing: d.notFound}
}

// isAPI reports whether a path needs a key.
func isAPI(path string) bool { return strings.HasPrefix(path, "/v1/") || path == "/v1" }

// Key takes the key out of the header Authorization.
func (d dialect) Key(r *http.Request) (string, error) {
	scheme, presented, _ := strings.Cut(r.Header.Get("Authorization"), " ")
	if !strings.EqualFold(scheme, "bearer") || strings.TrimSpace(presented) == "" {
		return "", fault.New(fault.Unauthorized, "a key is needed: send the header Authorization: Bearer <key>")
	}
	return strings.TrimSpace(presented), nil
}

// Refuse answers with a problem document.
func (d dialect) Refuse(w http.ResponseWriter, _ *http.Request, err error) { writeProblem(w, err) }

// writeProblem answers outside of an operation, in the same form.
func writeProblem(w http.ResponseWriter, err error) {
	if gate.StatusOf(err) == http.StatusUnauthorized {
		w.Header().Set("WWW-Authenticate", `Bearer realm="carillon"`)
	}
	gate.WriteProblem(w, err)
}

// withoutKey takes a new API key out of an answer before it is kept: keys are
// kept as hashes alone.
func withoutKey(body []byte) []byte { return withoutField(body, "key") }

// withoutField empties a field of an answer.
func withoutField(body []byte, name string) []byte {
	var answer map[string]any
	if json.Unmarshal(body, &answer) != nil {
		return nil
	}
	if _, ok := answer[name]; ok {
		answer[name] = ""
	}
	masked, err := json.Marshal(answer)
	if err != nil {
		return nil
	}
	return append(masked, '\n')
}
