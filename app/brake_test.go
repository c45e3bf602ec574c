package app

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"carillon/access"
	"carillon/api/gate"
	"carillon/internal/clock"
	"carillon/internal/fault"
	"carillon/internal/secret"
	"carillon/queue"
	"carillon/store"
)

// slowed are people in an account, whose guesses are counted in Redis.
func slowed(t *testing.T, fake *clock.Fake, deps access.PeopleDeps, log io.Writer) (people *access.People, s *store.Store, account int64) {
	t.Helper()
	ctx := t.Context()
	box, err := secret.NewBox(secret.New("a master key for this test"))
	require.NoError(t, err)
	s, err = store.Open(ctx, store.Options{DSN: filepath.Join(t.TempDir(), "carillon.db"), Box: box, Clock: fake})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, s.Close()) })
	_, err = s.Migrate(ctx)
	require.NoError(t, err)
	tests, _, err := s.EnsureAccount(ctx, "tests")
	require.NoError(t, err)
	q, err := queue.Open(ctx, queue.Options{Clock: fake, Logger: slog.New(slog.DiscardHandler)})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, q.Close()) })
	deps.Store, deps.Trail, deps.Clock = s, access.NewTrail(s), fake
	deps.Refusals = access.NewRefusals(deps.Trail, fake)
	deps.Brake = &brake{Brake: q.Brake(), log: slog.New(slog.NewTextHandler(log, nil)), clock: fake}
	return access.NewPeople(deps), s, tests.ID
}

// Who answers wrongly for passkeys is slowed down as who guesses passwords is, and so is who begins
// too many sign-ins.
func TestSignInsWithPasskeysAreSlowedDown(t *testing.T) {
	ctx, fake := t.Context(), clock.NewFake(time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC))
	people, _, _ := slowed(t, fake, access.PeopleDeps{Address: "http://localhost:8080"}, io.Discard)
	const from, elsewhere = "192.0.2.1", "198.51.100.1"
	signIn := func(source string) error {
		from := access.Arrival{From: access.From{Source: source}}
		_, err := people.SignInByPasskey(ctx, from, access.PasskeyAnswer{Token: secret.New("x"), Credential: []byte("{}")})
		return err
	}
	for range 20 {
		require.True(t, fault.Is(signIn(from), fault.Unauthorized))
	}
	require.True(t, fault.Is(signIn(from), fault.RateLimited))
	require.True(t, fault.Is(signIn(elsewhere), fault.Unauthorized))
	fake.Advance(10 * time.Second)
	require.True(t, fault.Is(signIn(from), fault.Unauthorized))
	begun := 0
	for range 300 {
		if _, err := people.BeginPasskeySignIn(ctx, from); err == nil {
			begun++
		} else {
			require.True(t, fault.Is(err, fault.RateLimited), err)
		}
	}
	require.Equal(t, 200, begun)
	_, err := people.BeginPasskeySignIn(ctx, elsewhere)
	require.NoError(t, err)
}

// Ten thousand wrong sign-ins from as many addresses are hardly any guesses, and the right one
// gets in from a browser that is known, by a link, and, once the others rest, from anywhere.
func TestThousandsOfWrongSignInsKeepNobodyOut(t *testing.T) {
	ctx, fake := t.Context(), clock.NewFake(time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC))
	log, later := &strings.Builder{}, 0
	// A refusal is written down once the answer is given.
	people, s, account := slowed(t, fake, access.PeopleDeps{Later: func(func(context.Context) error) { later++ }}, log)
	const email, password = "ada@example.org", "a sentence nobody else says"
	_, token, _, err := people.Invite(ctx, access.Invitation{AccountID: account, Email: email, Role: access.Editor})
	require.NoError(t, err)
	m, err := people.Accept(ctx, access.Accepting{Token: token, Name: "Ada", Password: secret.New(password)})
	require.NoError(t, err)
	signIn := func(ctx context.Context, password, source string, device secret.String) (access.SignedIn, error) {
		from := access.Arrival{From: access.From{Source: source}, Device: device}
		return people.SignIn(ctx, access.Attempt{Email: email, Password: secret.New(password), Arrival: from})
	}
	home, err := signIn(ctx, password, "192.0.2.1", secret.String{})
	require.NoError(t, err)

	guessed := 0
	for i := range 10_000 {
		fake.Advance(10 * time.Millisecond)
		_, err := signIn(ctx, fmt.Sprint("guess number ", i), fmt.Sprintf("198.51.%d.%d", i/250, i%250), secret.String{})
		if fault.Is(err, fault.Unauthorized) {
			guessed++
		} else {
			require.True(t, fault.Is(err, fault.RateLimited), "%v", err)
		}
		if i%1000 == 999 {
			_, err := signIn(ctx, password, "192.0.2.1", home.Device)
			require.NoError(t, err, "a browser that is known")
		}
	}
	// In 100 seconds: those at once, and one a minute.
	require.Equal(t, 11, guessed)
	require.Equal(t, 10_000, later, "each is handed on to be written down")
	require.Contains(t, log.String(), "somebody guesses passwords")
	require.NotContains(t, log.String(), email)
	_, err = signIn(ctx, password, "203.0.113.9", secret.String{})
	require.True(t, fault.Is(err, fault.RateLimited), "one who can't be told from the others waits")
	require.ErrorContains(t, err, "a browser that you used before")
	token, _, err = people.HelpIn(ctx, access.Caller{AccountID: account}, m.ID, false)
	require.NoError(t, err)
	require.NoError(t, people.Reset(ctx, token, secret.New("another sentence nobody says"), access.From{Source: "203.0.113.9"}))
	fake.Advance(time.Minute)
	_, err = signIn(ctx, "another sentence nobody says", "203.0.113.9", secret.String{})
	require.NoError(t, err)
	// A stranger's device is no help.
	_, err = signIn(ctx, "guess", "198.51.100.1", secret.New("somebody else's"))
	require.Error(t, err)
	known, err := s.KnowsDevice(ctx, m.ID, home.Device)
	require.NoError(t, err)
	require.True(t, known)
}

// Two processes on one Redis: what is guessed at one is not guessed at the other, and a key that
// has worked from an address goes on working from there.
func TestWrongKeysAreCountedByAllProcessesTogether(t *testing.T) {
	ctx, fake := t.Context(), clock.NewFake(time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC))
	q, err := queue.Open(ctx, queue.Options{Clock: fake, Logger: slog.New(slog.DiscardHandler)})
	require.NoError(t, err)
	defer func() { require.NoError(t, q.Close()) }()
	m := newMetrics()
	process := func() *gate.Gate {
		limits := gate.NewLimits(0, 1, fake)
		limits.Brake = &brake{Brake: q.Brake(), log: slog.New(slog.DiscardHandler), clock: fake, meter: m}
		return gate.New(gate.Deps{Dialect: open{}, Keys: oneKey{}, Limits: limits, Clock: fake})
	}
	one, other := process(), process()
	ask := func(at *gate.Gate, key, from string) (err error) {
		r := httptest.NewRequest(http.MethodGet, "/v1/contacts", nil)
		r.RemoteAddr = from + ":1"
		at.Before(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
			_, err = at.LookupPresented(r.Context(), r, key)
		})).ServeHTTP(httptest.NewRecorder(), r)
		return err
	}
	require.NoError(t, ask(other, rightKey, "192.0.2.1"))
	looked := 0
	for i := range 200 {
		fake.Advance(50 * time.Millisecond)
		err := ask([]*gate.Gate{one, other}[i%2], fmt.Sprint("a-wrong-key-", i), "192.0.2.1")
		if fault.Is(err, fault.Unauthorized) {
			looked++
		} else {
			require.True(t, fault.Is(err, fault.RateLimited), "%v", err)
		}
	}
	require.InDelta(t, 30, looked, 1, "20 at once, and one a second")
	require.NoError(t, ask(other, rightKey, "192.0.2.1"), "it has worked from there before")
	require.True(t, fault.Is(ask(one, rightKey, "192.0.2.1"), fault.RateLimited), "there it is one of many")
	require.NoError(t, ask(one, rightKey, "192.0.2.2"))
	fake.Advance(2 * time.Second)
	require.NoError(t, ask(one, rightKey, "192.0.2.1"))
	for range 100 {
		require.NoError(t, ask(one, rightKey, "192.0.2.3"), "who is right takes nothing")
	}
	shown := httptest.NewRecorder()
	m.handler(slog.New(slog.DiscardHandler)).ServeHTTP(shown, httptest.NewRequest(http.MethodGet, "/metrics", nil))
	require.Regexp(t, `carillon_guesses_slowed_total\{kind="key"\} [1-9]`, shown.Body.String())
}

// open is an API for which the gate looks no key up by itself.
type open struct{ gate.Dialect }

func (open) Route(*http.Request) gate.Route { return gate.Route{Open: true} }

const rightKey = "the right key"

// oneKey knows one.
type oneKey struct{}

func (oneKey) Lookup(_ context.Context, presented secret.String, _ string) (access.Key, error) {
	if presented.Reveal() == rightKey {
		return access.Key{ID: 1}, nil
	}
	return access.Key{}, fault.New(fault.Unauthorized, "unknown")
}
