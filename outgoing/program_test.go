package outgoing_test

import (
	"context"
	"encoding/json"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"carillon/internal/clock"
	"carillon/outgoing"
	"carillon/providers"
	"carillon/providers/fetch"
	"carillon/store/storetest"
	"carillon/webhooks"
)

// told is a request that a program got.
type told struct {
	header http.Header
	body   []byte
}

// program is a program that is told what happens, and answers as it is asked to.
type program struct {
	t      *testing.T
	server *httptest.Server
	mu     sync.Mutex
	got    []told
	answer func(n int, w http.ResponseWriter, r *http.Request)
}

func newProgram(t *testing.T) *program {
	p := &program{t: t}
	p.server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body) // a body that broke off is no JSON, which the test sees
		p.mu.Lock()
		p.got = append(p.got, told{r.Header.Clone(), body})
		n, answer := len(p.got), p.answer
		p.mu.Unlock()
		if answer != nil {
			answer(n, w, r)
		}
	}))
	t.Cleanup(p.server.Close)
	return p
}

// answers has it answer so from now on.
func (p *program) answers(how func(n int, w http.ResponseWriter, r *http.Request)) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.answer = how
}

func (p *program) requests() []told {
	p.mu.Lock()
	defer p.mu.Unlock()
	return append([]told(nil), p.got...)
}

// setting is a store with a journey and somebody who tells.
type setting struct {
	*storetest.Journey
	t       *testing.T
	service *webhooks.Service
	teller  *outgoing.Teller
	time    *clock.Fake
	cancel  context.CancelFunc
	ctx     context.Context
}

func newSetting(t *testing.T, s *storetest.Store, people int) *setting {
	g := &setting{t: t, time: s.FakeTime()}
	g.Journey = storetest.NewJourney(t, s, people)
	g.service = webhooks.NewService(s, s.Clock)
	poster := fetch.ForMany(providers.Dialer{AllowPrivate: true}).Within(2 * time.Second)
	g.teller = outgoing.New(s, outgoing.Way{Poster: poster}, s.Clock, slog.New(slog.DiscardHandler))
	g.ctx, g.cancel = context.WithCancel(t.Context())
	t.Cleanup(func() {
		g.cancel()
		g.teller.Wait()
		poster.Close()
	})
	return g
}

// tellAll tells until nothing is left to tell now.
func (g *setting) tellAll() {
	g.t.Helper()
	require.Eventually(g.t, func() bool {
		worked, err := g.teller.Pass(g.ctx)
		require.NoError(g.t, err)
		g.teller.Wait()
		live, err := g.LiveWebhooks(g.ctx)
		require.NoError(g.t, err)
		for _, id := range live {
			_, next, err := g.NextDeliveries(g.ctx, id, 1)
			require.NoError(g.t, err)
			if len(next) == 0 || !next[0].NextTryAt.After(g.time.Now()) {
				return false
			}
		}
		return !worked
	}, 20*time.Second, time.Millisecond)
}

func (g *setting) webhook(p *program, change func(*webhooks.Webhook)) webhooks.Webhook {
	g.t.Helper()
	w := webhooks.Webhook{AccountID: g.AccountID, URL: p.server.URL, Events: []webhooks.Event{"message.sent"}}
	if change != nil {
		change(&w)
	}
	w, _, err := g.service.Create(g.ctx, w, "test")
	require.NoError(g.t, err)
	return w
}

// send sends a run's messages, so many in an envelope.
func (g *setting) send(run int64, envelope int64, n int) []int64 {
	g.t.Helper()
	ids := g.Claim(run, envelope, g.Feed(run, []int64{envelope}, n))
	g.Record(run, ids, nil)
	return ids
}

// occurrence reads a request that tells one event.
func occurrence(t *testing.T, r told) (o webhooks.Occurrence, m webhooks.Message) {
	t.Helper()
	require.NoError(t, json.Unmarshal(r.body, &o))
	require.NoError(t, json.Unmarshal(o.Data, &m))
	return o, m
}
