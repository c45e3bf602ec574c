package api_test

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/danielgtaylor/huma/v2/sse"
	"github.com/stretchr/testify/require"

	"carillon/access"
	"carillon/api"
	"carillon/campaigns"
	"carillon/internal/clock"
	"carillon/messages"
)

// event is a server-sent event.
type event struct {
	name, data string
	retry      string
}

// events is a connection to /v1/events of a real server.
type events struct {
	t        *testing.T
	response *http.Response
	lines    *bufio.Scanner
}

// listening serves s over the network and watches its state with a clock that
// runs; heartbeats go by s.clock, which stands still.
func listening(t *testing.T, options ...func(*server, *api.Deps)) (*server, *httptest.Server) {
	t.Helper()
	options = append([]func(*server, *api.Deps){func(s *server, d *api.Deps) {
		d.Live = campaigns.NewLive(s.store, clock.System{}, slog.New(slog.DiscardHandler))
		d.Meter = nil // the fixture's is for one request at a time
	}}, options...)
	s := newServer(t, options...)
	listener := httptest.NewServer(s)
	t.Cleanup(listener.Close)
	t.Cleanup(s.Live.Stop) // before Close, which waits for the streams
	return s, listener
}

func watch(t *testing.T, url, key string) *events {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute) // rather than wait for what never comes
	t.Cleanup(cancel)
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, url+"/v1/events", http.NoBody)
	require.NoError(t, err)
	r.Header.Set("Authorization", "Bearer "+key)
	transport := &http.Transport{}
	t.Cleanup(transport.CloseIdleConnections)
	response, err := transport.RoundTrip(r)
	require.NoError(t, err)
	t.Cleanup(func() { _ = response.Body.Close() })
	lines := bufio.NewScanner(response.Body)
	lines.Buffer(nil, 1<<20)
	return &events{t: t, response: response, lines: lines}
}

// next is the next event; ok is false at the stream's end.
func (e *events) next() (got event, ok bool) {
	for e.lines.Scan() {
		name, value, _ := strings.Cut(e.lines.Text(), ": ")
		switch name {
		case "event":
			got.name = value
		case "data":
			got.data = value
		case "retry":
			got.retry = value
		case "":
			return got, true
		}
	}
	return got, false
}

// until reads events until one is as wanted.
func until[T any](e *events, name string, wanted func(T) bool) T {
	e.t.Helper()
	for {
		got, ok := e.next()
		require.True(e.t, ok, "the stream ended")
		if got.name != name {
			continue
		}
		var data T
		require.NoError(e.t, json.Unmarshal([]byte(got.data), &data))
		if wanted(data) {
			return data
		}
	}
}

// ticking lets the server's clock run while something is done that waits by it.
func (s *server) ticking(do func() error) {
	s.t.Helper()
	done := make(chan struct{})
	var err error
	go func() {
		defer close(done)
		err = do()
	}()
	s.eventually(done, func() { s.clock.Advance(time.Millisecond) })
	require.NoError(s.t, err)
}

// eventually waits for done and does something again and again meanwhile.
func (s *server) eventually(done <-chan struct{}, meanwhile func()) {
	s.t.Helper()
	require.Eventually(s.t, func() bool {
		meanwhile()
		select {
		case <-done:
			return true
		default:
			return false
		}
	}, 30*time.Second, time.Millisecond)
}

func TestEventsShowARunToItsEnd(t *testing.T) {
	s, listener := listening(t)
	channel := s.channel()
	for i := range 3 {
		s.contact("Ada", fmt.Sprintf("ada%d@example.org", i))
	}
	e := watch(t, listener.URL, string(access.Viewer)+"-key-0123456789")
	require.Equal(t, http.StatusOK, e.response.StatusCode)
	require.Equal(t, "text/event-stream", e.response.Header.Get("Content-Type"))
	require.Equal(t, "no-store", e.response.Header.Get("Cache-Control"))
	first, ok := e.next()
	require.True(t, ok)
	require.Equal(t, "snapshot", first.name)
	require.Equal(t, "2000", first.retry)
	require.JSONEq(t, `{"runs":[],"queue":[{"channel_id":1,"pending":0,"queued":0,"sending":0}],"channels":[{"channel_id":1,"name":"news","status":"active",`+
		`"health":{"state":"ok"},
		"standstill":{"reason":"no_worker","words":"No worker is running: nothing is sent.","remedy":"Start one: `+"`carillon worker`, or `carillon serve`, "+
		"which is one too. `carillon workers`"+` shows those that were there."}}]}`, first.data)

	ctx := t.Context()
	id := s.campaign(channel, "")
	s.ok("POST", fmt.Sprintf("/v1/campaigns/%d/start", id), "")
	run := until(e, "run", func(r api.Run) bool { return r.Status == "planning" })
	_, err := s.store.PlanBatch(ctx, run.ID, 100)
	require.NoError(t, err)
	until(e, "queue", func(q api.QueueDepth) bool { return q.Pending == 3 })
	planned := until(e, "run", func(r api.Run) bool { return r.PlanDone })
	require.Equal(t, int64(3), planned.Counts["pending"])
	require.Equal(t, "no_worker", planned.Standstill.Reason)
	require.Nil(t, planned.EstimatedEnd, "nobody knows")

	writer := s.store.StartWriter(1)
	t.Cleanup(writer.Stop)
	fed, err := s.store.Feed(ctx, messages.FeedRequest{ChannelID: channel, RunID: run.ID, Envelopes: []int64{1}, PerEnvelope: 3})
	require.NoError(t, err)
	until(e, "queue", func(q api.QueueDepth) bool { return q == api.QueueDepth{ChannelID: 1, Queued: 3} })
	for i, m := range fed {
		s.ticking(func() error {
			_, err := writer.Claim(ctx, messages.Claim{WorkerID: 1, ChannelID: channel, RunID: run.ID, EnvelopeID: 1, MessageIDs: []int64{m.ID}})
			if err != nil {
				return err
			}
			return writer.Record(ctx, []messages.Outcome{{MessageID: m.ID, ChannelID: channel, RunID: run.ID, WorkerID: 1, Attempt: 1, EnvelopeID: 1,
				State: messages.Sent, At: noon}})
		})
		if i == 1 {
			until(e, "run", func(r api.Run) bool { return r.Counts["sent"] == 2 })
		}
	}
	_, _, err = s.store.FinishRuns(ctx)
	require.NoError(t, err)
	end := until(e, "run", func(r api.Run) bool { return r.Status == "finished" })
	require.Equal(t, int64(3), end.Counts["sent"])
	require.NotNil(t, end.FinishedAt)

	s.ok("POST", "/v1/channels/1/pause", "")
	health := until(e, "channel", func(api.ChannelHealth) bool { return true })
	require.Equal(t, "paused", health.Status)
	require.Contains(t, health.StatusReason, "paused by")
	s.ok("DELETE", "/v1/channels/1", "")
	until(e, "channel", func(h api.ChannelHealth) bool { return h.Status == "deleted" })

	// Whoever comes now gets everything at once.
	again, ok := watch(t, listener.URL, adminKey).next()
	require.True(t, ok)
	var snapshot api.EventSnapshot
	require.NoError(t, json.Unmarshal([]byte(again.data), &snapshot))
	require.Equal(t, "finished", snapshot.Runs[0].Status)
	require.Empty(t, snapshot.Channels)
}

func TestEventsNeedAKey(t *testing.T) {
	s, listener := listening(t)
	for key, want := range map[string]int{"": 401, "wrong-key-0123456789": 401, string(access.Sender) + "-key-0123456789": 403} {
		e := watch(t, listener.URL, key)
		require.Equal(t, want, e.response.StatusCode)
		require.Equal(t, "application/problem+json", e.response.Header.Get("Content-Type"))
	}
	require.Equal(t, 422, s.do("GET", "/v1/events?since=3", "").Code)

	// A key that is revoked while it listens ends with the next heartbeat.
	made := s.ok("POST", "/v1/keys", `{"name":"wall","role":"viewer"}`)
	e := watch(t, listener.URL, made["key"].(string))
	_, ok := e.next()
	require.True(t, ok)
	s.clock.Advance(15 * time.Second)
	until(e, "heartbeat", func(h api.Heartbeat) bool { return h.At.Equal(noon.Add(15 * time.Second)) })
	s.ok("DELETE", fmt.Sprintf("/v1/keys/%v", made["id"]), "")
	ended := make(chan struct{})
	go func() {
		for ok := true; ok; _, ok = e.next() {
		}
		close(ended)
	}()
	s.eventually(ended, func() { s.clock.Advance(15 * time.Second) })
}

// crowded is a store with an account of so many channels that no socket takes
// them at once.
type crowded struct{ campaigns.LiveStore }

func (crowded) LiveChannels(_ context.Context, accounts []int64) ([]campaigns.LiveChannel, error) {
	list := make([]campaigns.LiveChannel, 40_000)
	for i := range list {
		list[i] = campaigns.LiveChannel{ID: int64(i + 1), AccountID: accounts[0], Name: strings.Repeat("x", 500)}
	}
	return list, nil
}

// Who does not read holds up neither the others nor the end of the server.
func TestEventStreamsAreBounded(t *testing.T) {
	_, listener := listening(t, func(_ *server, d *api.Deps) { d.Options.MaxStreams = 1 })
	first := watch(t, listener.URL, adminKey)
	require.Equal(t, http.StatusOK, first.response.StatusCode)
	_, ok := first.next()
	require.True(t, ok)
	require.Equal(t, http.StatusTooManyRequests, watch(t, listener.URL, adminKey).response.StatusCode)
	require.NoError(t, first.response.Body.Close())
	require.Eventually(t, func() bool { return watch(t, listener.URL, adminKey).response.StatusCode == http.StatusOK },
		time.Minute, 10*time.Millisecond, "a place is free again")
}

func TestEventsDoNotWaitForWhoDoesNotRead(t *testing.T) {
	timeout := sse.WriteTimeout
	sse.WriteTimeout = time.Hour
	t.Cleanup(func() { sse.WriteTimeout = timeout })
	s, listener := listening(t, func(s *server, d *api.Deps) {
		d.Live = campaigns.NewLive(crowded{s.store}, clock.System{}, slog.New(slog.DiscardHandler))
	})
	address := listener.Listener.Addr().String()
	var idle net.Conn
	require.NoError(t, func() (err error) { idle, err = net.Dial("tcp", address); return err }())
	t.Cleanup(func() { _ = idle.Close() })
	_, err := fmt.Fprintf(idle, "GET /v1/events HTTP/1.1\r\nHost: %s\r\nAuthorization: Bearer %s\r\n\r\n", address, adminKey)
	require.NoError(t, err)
	begun := make([]byte, 1)
	_, err = io.ReadFull(idle, begun) // the answer has begun; nobody reads on
	require.NoError(t, err)

	e := watch(t, listener.URL, adminKey)
	var read sync.WaitGroup
	read.Go(func() { _, _ = io.Copy(io.Discard, e.response.Body) })
	stopped := make(chan struct{})
	go func() {
		defer close(stopped)
		s.Live.Stop()
		listener.Close() // waits for every request
	}()
	s.eventually(stopped, func() {})
	read.Wait()
	require.Equal(t, http.StatusServiceUnavailable, s.do("GET", "/v1/events", "").Code, "it is stopping")
}
