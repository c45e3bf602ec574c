package cli

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// impatient is a clock that waits for nothing.
type impatient struct{ instant }

// After has always come already.
func (impatient) After(time.Duration) <-chan time.Time {
	come := make(chan time.Time)
	close(come)
	return come
}

// recorder plays a server whose answers let every command go on, and notes what it
// was asked.
type recorder struct {
	// holds says that a preview is not answered before an early one was asked for.
	holds bool

	mu       sync.Mutex
	requests []*http.Request
	segments map[string]bool
	early    chan struct{}
}

// RoundTrip answers a request.
func (r *recorder) RoundTrip(sent *http.Request) (*http.Response, error) {
	if sent.Body != nil {
		if _, err := io.Copy(io.Discard, sent.Body); err != nil {
			return nil, err
		}
		_ = sent.Body.Close()
	}
	r.mu.Lock()
	if r.early == nil {
		r.early = make(chan struct{})
	}
	early := r.early
	r.mu.Unlock()
	if r.holds && strings.HasSuffix(sent.URL.Path, "/preview") {
		if sent.URL.Query().Has("count") {
			defer close(early)
		} else {
			<-early
		}
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.requests = append(r.requests, sent)
	for _, segment := range strings.Split(sent.URL.Path, "/") {
		r.segments[segment] = true
	}
	answer := `{"id":1,"name":"news","secret":"whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw",` +
		`"run_id":1,"channel_id":1,"state":"finished","status":"finished","config":{},"finished_at":"2026-01-01T00:00:00Z",` +
		`"total":1,"reachable":1,"refused":1,"counts":{"failed":1},"matched":1,"pending":1,"ok":true,"balanced":true,"job":{"id":1},` +
		`"items":[{"id":1,"name":"news","run_id":1}]}`
	switch {
	case sent.Method == http.MethodDelete && sent.URL.Path == "/v1/queue":
		answer = `{"id":1}` // it goes on
	case sent.Method == http.MethodGet && sent.URL.Path == "/v1/campaigns/2":
		answer = `{"id":2,"name":"x","channel_id":1,"run_id":1,"status":"paused"}`
	case sent.Method == http.MethodGet && strings.HasPrefix(sent.URL.Path, "/v1/messages/"):
		answer = `{"id":1,"state":"sent"}`
	case strings.HasSuffix(sent.URL.Path, "/correct"):
		answer = `{"recipients":1,"says":[]}`
	case strings.HasSuffix(sent.URL.Path, "/suppressions/import"):
		answer = `{"rows":1,"added":1}` // an address that is refused would end a migration
	case strings.HasSuffix(sent.URL.Path, "errors.csv"):
		answer = strings.Repeat("line,field,value,reason\n", 20)
	}
	return &http.Response{StatusCode: http.StatusOK, Body: io.NopCloser(strings.NewReader(answer)), Request: sent}, nil
}

// take are the requests since it was called last.
func (r *recorder) take() []*http.Request {
	r.mu.Lock()
	defer r.mu.Unlock()
	requests := r.requests
	r.requests, r.early = nil, nil
	return requests
}

// document is what the API says of itself: its operations by path and method.
type document map[string]map[string]struct {
	Parameters []struct {
		Name   string `json:"name"`
		In     string `json:"in"`
		Schema struct {
			Type string `json:"type"`
		} `json:"schema"`
	} `json:"parameters"`
}

func readDocument(t *testing.T) document {
	content, err := os.ReadFile(filepath.Join("..", "api", "testdata", "openapi.json"))
	require.NoError(t, err)
	var whole struct {
		Paths document `json:"paths"`
	}
	require.NoError(t, json.Unmarshal(content, &whole))
	require.NotEmpty(t, whole.Paths)
	return whole.Paths
}

// find is the operation that a request is for, with the names in its query.
func (d document) find(r *http.Request) (string, error) {
	segments := strings.Split(r.URL.EscapedPath(), "/")
	for path, operations := range d {
		operation, ok := operations[strings.ToLower(r.Method)]
		template := strings.Split(path, "/")
		if !ok || len(template) != len(segments) {
			continue
		}
		types, queries := map[string]string{}, []string{}
		for _, p := range operation.Parameters {
			if p.In == "query" {
				queries = append(queries, p.Name)
			}
			types["{"+p.Name+"}"] = p.Schema.Type
		}
		if !slices.EqualFunc(template, segments, func(want, got string) bool {
			_, err := strconv.ParseInt(got, 10, 64)
			return want == got || types[want] == "string" || types[want] == "integer" && err == nil
		}) {
			continue
		}
		var given []string
		for name := range r.URL.Query() {
			if !slices.Contains(queries, name) {
				return "", fmt.Errorf("%s %s has no parameter %s, but %s", r.Method, path, name, strings.Join(queries, ", "))
			}
			given = append(given, name)
		}
		slices.Sort(given)
		return strings.TrimSpace(r.Method + " " + path + " " + strings.Join(given, " ")), nil
	}
	return "", fmt.Errorf("the API has no %s %s", r.Method, r.URL.Path)
}
