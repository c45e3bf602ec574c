package gate_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"carillon/access"
	"carillon/api/gate"
	"carillon/internal/clock"
	"carillon/internal/fault"
	"carillon/internal/secret"
)

// envelope is how the reference API of this test answers everything.
type envelope struct {
	OK    bool   `json:"ok"`
	Code  int    `json:"code,omitempty"`
	Error string `json:"error,omitempty"`
	Data  string `json:"data,omitempty"`
}

// reference is a dialect that has nothing in common with /v1: keys come in a header of
// their own, and every answer is a 200 whose envelope says what it is.
type reference struct {
	mux    *http.ServeMux
	routes map[string]gate.Route
}

func (d reference) Route(r *http.Request) gate.Route {
	_, pattern := d.mux.Handler(r)
	route, known := d.routes[pattern]
	if !known {
		route.Missing = func(w http.ResponseWriter, r *http.Request) {
			d.Refuse(w, r, fault.New(fault.NotFound, "no such method"))
		}
	}
	route.Pattern = pattern
	return route
}

func (d reference) Key(r *http.Request) (string, error) {
	if key := r.Header.Get("X-Token"); key != "" {
		return key, nil
	}
	return "", fault.New(fault.Unauthorized, "X-Token is missing")
}

func (d reference) Refuse(w http.ResponseWriter, _ *http.Request, err error) {
	p := gate.ProblemOf(err, "")
	_ = json.NewEncoder(w).Encode(envelope{Code: p.Status, Error: p.Detail})
}

// bodied is the reference API for clients that have their token at the end of the body.
type bodied struct{ reference }

func (d bodied) KeyIn(_ *http.Request, head []byte, whole bool) (string, error) {
	_, token, found := bytes.Cut(head, []byte("token="))
	if !found || !whole {
		return "", fault.New(fault.Unauthorized, "X-Token is missing, and the first %d bytes end without a token", len(head))
	}
	return string(token), nil
}

// memory keeps keys and answers.
type memory struct {
	keys map[string]access.Key

	mu      sync.Mutex
	answers map[string]access.Answer
}

func (m *memory) Lookup(_ context.Context, presented secret.String, _ string) (access.Key, error) {
	switch key, known := m.keys[presented.Reveal()]; {
	case presented.Reveal() == "broken":
		return key, fmt.Errorf("dial 10.1.2.3: password wrong")
	case known && key.Name == "elsewhere":
		return key, fault.New(fault.Forbidden, "not from there")
	case known:
		return key, nil
	}
	return access.Key{}, fault.New(fault.Unauthorized, "the API key is unknown or revoked")
}

func (m *memory) BeginAnswer(_ context.Context, _ int64, key, request string) (access.Answer, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	known, found := m.answers[key]
	switch {
	case !found:
		m.answers[key] = access.Answer{State: access.AnswerRunning, Request: request}
		return access.Answer{State: access.AnswerNew}, nil
	case known.Request != request && request != "":
		return access.Answer{State: access.AnswerMismatch}, nil
	}
	return known, nil
}

func (m *memory) FinishAnswer(_ context.Context, _ int64, key string, answer access.Answer) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	answer.State = access.AnswerKept
	if answer.Request == "" {
		answer.Request = m.answers[key].Request
	}
	m.answers[key] = answer
	return nil
}

func (m *memory) AbortAnswer(_ context.Context, _ int64, key string) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	delete(m.answers, key)
	return nil
}

// meter counts by route and status.
type meter struct {
	mu   sync.Mutex
	seen map[string]int
}

func (m *meter) Request(route string, status int, _ time.Duration) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.seen[fmt.Sprintf("%s %d", route, status)]++
}

// stand is the reference API behind a gate, over loopback.
type stand struct {
	refusals refusals
	t        *testing.T
	server   *httptest.Server
	clock    *clock.Fake
	memory   *memory
	meter    *meter
	log      *bytes.Buffer // read it when the server is closed
	made     int
}

func newStand(t *testing.T, burst int) *stand {
	t.Helper()
	s := &stand{
		t: t, clock: clock.NewFake(time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)), meter: &meter{seen: map[string]int{}}, log: &bytes.Buffer{},
		memory: &memory{answers: map[string]access.Answer{}, keys: map[string]access.Key{
			"sender-token": {ID: 1, AccountID: 1, Name: "shop", Role: access.Sender},
			"viewer-token": {ID: 2, AccountID: 1, Name: "wall", Role: access.Viewer},
			"far-token":    {ID: 9, AccountID: 1, Name: "elsewhere", Role: access.Viewer},
		}},
	}
	mux := http.NewServeMux()
	all, senders := gate.Roles{access.Sender, access.Viewer}, gate.Roles{access.Sender}
	d := reference{mux: mux, routes: map[string]gate.Route{
		"GET /who":    {Roles: all},
		"POST /send":  {Roles: senders, Once: true, Kept: func(answer []byte) []byte { return bytes.ReplaceAll(answer, []byte("secret"), []byte("…")) }},
		"POST /file":  {Roles: senders, Once: true, Streamed: true},
		"GET /panic":  {Roles: all},
		"GET /health": {Open: true},
	}}
	answer := func(w http.ResponseWriter, data string) {
		_ = json.NewEncoder(w).Encode(envelope{OK: true, Data: data})
	}
	mux.HandleFunc("GET /who", func(w http.ResponseWriter, r *http.Request) { answer(w, gate.Caller(r.Context()).Name) })
	mux.HandleFunc("GET /health", func(w http.ResponseWriter, r *http.Request) { answer(w, "fine"+gate.Caller(r.Context()).Name) })
	mux.HandleFunc("GET /panic", func(http.ResponseWriter, *http.Request) { panic("at the disco") })
	take := func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err != nil {
			d.Refuse(w, r, err)
			return
		}
		s.made++
		answer(w, fmt.Sprintf("secret %d: %d bytes", s.made, len(body)))
	}
	mux.HandleFunc("POST /send", take)
	mux.HandleFunc("POST /file", take)
	g := gate.New(gate.Deps{
		Dialect: bodied{d}, Keys: s.memory, Answers: s.memory, Refusals: &s.refusals, Limits: gate.NewLimits(1, burst, s.clock),
		MaxBodyBytes: 1 << 10, LargeBody: "the bound",
		Meter: s.meter, Clock: s.clock, Logger: slog.New(slog.NewTextHandler(s.log, &slog.HandlerOptions{Level: slog.LevelDebug})),
	})
	s.server = httptest.NewServer(g.Before(mux))
	t.Cleanup(s.server.Close)
	return s
}

// ask makes a request; header holds names and values in turn.
func (s *stand) ask(method, path, body string, header ...string) (envelope, http.Header) {
	s.t.Helper()
	r, err := http.NewRequestWithContext(s.t.Context(), method, s.server.URL+path, strings.NewReader(body))
	require.NoError(s.t, err)
	for i := 0; i+1 < len(header); i += 2 {
		r.Header.Set(header[i], header[i+1])
	}
	response, err := s.server.Client().Do(r)
	require.NoError(s.t, err)
	defer response.Body.Close()
	var e envelope
	require.NoError(s.t, json.NewDecoder(response.Body).Decode(&e))
	return e, response.Header
}

const unlimited = 10_000

func sender(more ...string) []string { return append([]string{"X-Token", "sender-token"}, more...) }

func TestAForeignDialectAsksForAKeyAndARole(t *testing.T) {
	s := newStand(t, unlimited)
	e, header := s.ask("GET", "/who", "", sender()...)
	require.Equal(t, envelope{OK: true, Data: "shop"}, e)
	require.Equal(t, "no-store", header.Get("Cache-Control"))
	require.NotEmpty(t, header.Get("X-Request-Id"))
	e, _ = s.ask("GET", "/who", "")
	require.Equal(t, envelope{Code: 401, Error: "X-Token is missing"}, e)
	e, _ = s.ask("GET", "/who", "", "Authorization", "Bearer sender-token")
	require.Equal(t, 401, e.Code, "a key is presented as the dialect has it")
	e, _ = s.ask("POST", "/send", "x", "X-Token", "viewer-token")
	require.Equal(t, envelope{Code: 403, Error: `the key "wall" is a viewer key; this needs one of: sender`}, e)
	e, _ = s.ask("GET", "/nothing", "")
	require.Equal(t, 401, e.Code, "nobody learns without a key what there is")
	e, _ = s.ask("GET", "/nothing", "", sender()...)
	require.Equal(t, envelope{Code: 404, Error: "no such method"}, e)
	e, header = s.ask("GET", "/health", "")
	require.Equal(t, envelope{OK: true, Data: "fine"}, e)
	require.Empty(t, header.Get("Cache-Control"))
	require.Zero(t, s.made)
}

func TestAForeignDialectIsLimited(t *testing.T) {
	s := newStand(t, 2)
	for range 2 {
		e, _ := s.ask("GET", "/who", "", sender()...)
		require.True(t, e.OK)
	}
	e, header := s.ask("GET", "/who", "", sender()...)
	require.Equal(t, 429, e.Code)
	require.Equal(t, "1", header.Get("Retry-After"))
	e, _ = s.ask("GET", "/who", "", "X-Token", "viewer-token")
	require.True(t, e.OK, "every key has its own limit")
	s.clock.Advance(time.Second)
	e, _ = s.ask("GET", "/who", "", sender()...)
	require.True(t, e.OK)
	codes := map[int]int{}
	for range 30 {
		e, _ = s.ask("GET", "/who", "", "X-Token", "a guess")
		codes[e.Code]++
	}
	require.Equal(t, map[int]int{401: 20, 429: 10}, codes, "who guesses is slowed down")
}

func TestAForeignDialectsBodiesAreBoundedAndText(t *testing.T) {
	s := newStand(t, unlimited)
	e, _ := s.ask("POST", "/send", strings.Repeat("x", 1<<10), sender()...)
	require.Equal(t, "secret 1: 1024 bytes", e.Data)
	e, _ = s.ask("POST", "/send", strings.Repeat("x", 1<<10+1), sender()...)
	require.Equal(t, envelope{Code: 413, Error: "the body of the request is larger than 1 KiB (the bound)"}, e)
	e, _ = s.ask("POST", "/send", `{"name":"a\u0000b"}`, sender()...)
	require.Equal(t, 422, e.Code)
	e, _ = s.ask("GET", "/who?x=%ff", "", sender()...)
	require.Equal(t, 422, e.Code)
	e, _ = s.ask("POST", "/file", strings.Repeat("x", 1<<20), sender()...)
	require.Equal(t, "secret 2: 1048576 bytes", e.Data, "what is streamed bounds itself")
}

func TestAForeignDialectsAnswersAreKept(t *testing.T) {
	s := newStand(t, unlimited)
	for _, path := range []string{"/send", "/file"} {
		s.made = 0
		once := sender("Idempotency-Key", "k"+path)
		e, _ := s.ask("POST", path, "hello", once...)
		require.Equal(t, "secret 1: 5 bytes", e.Data)
		e, header := s.ask("POST", path, "hello", once...)
		require.Equal(t, "true", header.Get("Idempotency-Replayed"))
		require.Contains(t, e.Data, " 1: 5 bytes")
		require.Equal(t, path == "/file", strings.Contains(e.Data, "secret"), "what must not be kept is not")
		e, _ = s.ask("POST", path, "world", once...)
		require.Equal(t, 422, e.Code)
		require.Contains(t, e.Error, "use a new key for a new request")
		require.Equal(t, 1, s.made)
	}
	e, _ := s.ask("POST", "/send", "x", sender("Idempotency-Key", "with a space")...)
	require.Equal(t, 422, e.Code)
	e, _ = s.ask("GET", "/who", "", sender("Idempotency-Key", "with a space")...)
	require.True(t, e.OK, "only what is done once looks at it")
}

func TestAForeignDialectIsLoggedByItsRoutes(t *testing.T) {
	s := newStand(t, unlimited)
	s.ask("GET", "/who?phone=%2B4915112345678", "", sender("X-Request-Id", "mine")...)
	s.ask("GET", "/ada@example.org", "", sender()...)
	e, _ := s.ask("GET", "/panic", "", sender()...)
	require.Equal(t, 500, e.Code)
	require.NotContains(t, e.Error, "disco")
	e, _ = s.ask("GET", "/who", "", "X-Token", "broken")
	require.Equal(t, 500, e.Code)
	require.NotContains(t, e.Error, "10.1.2.3")
	s.server.Close()
	log := s.log.String()
	require.Contains(t, log, `route="GET /who" status=200 took=0s request_id=mine`)
	require.Contains(t, log, "at the disco")
	require.Contains(t, log, "password wrong")
	for _, private := range []string{"4915112345678", "ada@", "sender-token"} {
		require.NotContains(t, log, private, "neither keys nor people are logged")
	}
	require.Equal(t, map[string]int{"GET /who 200": 2, " 200": 1, "GET /panic 200": 1}, s.meter.seen)
}

func TestAKeyMayStandInABody(t *testing.T) {
	s := newStand(t, unlimited)
	e, _ := s.ask("POST", "/send", "hello token=sender-token")
	require.Equal(t, envelope{OK: true, Data: "secret 1: 24 bytes"}, e, "what was read is read again")
	e, _ = s.ask("POST", "/send", "hello token=viewer-token")
	require.Equal(t, 403, e.Code)
	e, _ = s.ask("POST", "/send", "hello token=another")
	require.Equal(t, 401, e.Code)
	e, _ = s.ask("POST", "/send", "token=another", sender()...)
	require.True(t, e.OK, "a key outside goes first")
	e, _ = s.ask("POST", "/send", strings.Repeat("x", 1<<10)+"token=sender-token")
	require.Equal(t, 413, e.Code, "the bound of bodies stays")
	e, _ = s.ask("POST", "/send", strings.Repeat("x", 2<<20)+"token=sender-token")
	require.Equal(t, envelope{Code: 401, Error: "X-Token is missing, and the first 1048577 bytes end without a token"}, e, "no more is read of a stranger's")
	e, _ = s.ask("POST", "/file", "hello token=sender-token")
	require.Equal(t, "secret 3: 24 bytes", e.Data)
	e, _ = s.ask("POST", "/file", strings.Repeat("x", 70<<10)+"token=sender-token")
	require.Equal(t, 401, e.Code)
	e, _ = s.ask("POST", "/send", "")
	require.Equal(t, envelope{Code: 401, Error: "X-Token is missing"}, e)
	s.server.Close()
	require.NotContains(t, s.log.String(), "sender-token")
}
