package app

import (
	"context"
	"encoding/json"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"carillon/access"
	"carillon/api"
	"carillon/campaigns"
	"carillon/configs"
	"carillon/internal/clock"
	"carillon/internal/secret"
	"carillon/internal/sink"
	"carillon/internal/testenv"
	"carillon/messages"
	"carillon/providers"
	"carillon/queue"
	"carillon/store/storetest"
)

// soon is within how much time everybody is told of a standstill, and of its end.
const soon = 5 * time.Second

const watchKey = "a-key-to-watch-with-for-tests"

// views are all places where somebody looks how far a campaign is.
type views struct {
	stage
	url    string
	events chan string // the data of what /v1/events tells
}

// watched is a stage with its API.
func (s stage) watched() views {
	s.t.Helper()
	e := s.e
	_, err := e.Store.AddKey(s.t.Context(), access.Key{AccountID: s.f.account, Name: "watcher", Role: access.Viewer}, secret.New(watchKey))
	require.NoError(s.t, err)
	live := campaigns.NewLive(verifier{e.Store, e.Queue, clock.System{}}, clock.System{}, slog.New(slog.DiscardHandler))
	handler := api.New(api.Deps{
		Services: e.Services, Answers: e.Store, Providers: e.Registry,
		Live: live, Ready: e.ready, Logger: slog.New(slog.DiscardHandler),
	})
	server := httptest.NewServer(handler)
	v := views{stage: s, url: server.URL, events: make(chan string, 10_000)}
	ctx, cancel := context.WithCancel(s.t.Context())
	response := v.ask(ctx, "/v1/events")
	done := make(chan struct{})
	go func() {
		defer close(done)
		var rest string
		for piece := make([]byte, 32<<10); ; {
			n, err := response.Body.Read(piece)
			rest += string(piece[:n])
			for {
				line, after, found := strings.Cut(rest, "\n")
				if !found {
					break
				}
				rest = after
				if data, ok := strings.CutPrefix(line, "data: "); ok {
					v.events <- data
				}
			}
			if err != nil {
				return
			}
		}
	}()
	s.t.Cleanup(func() {
		cancel()
		live.Stop()
		require.NoError(s.t, response.Body.Close())
		<-done
		server.Close()
		require.NoError(s.t, handler.Close())
	})
	return v
}

func (v views) ask(ctx context.Context, path string) *http.Response {
	v.t.Helper()
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, v.url+path, nil)
	require.NoError(v.t, err)
	r.Header.Set("Authorization", "Bearer "+watchKey)
	response, err := http.DefaultClient.Do(r) // its own server
	require.NoError(v.t, err)
	return response
}

func (v views) body(path string) string {
	v.t.Helper()
	response := v.ask(v.t.Context(), path)
	body, err := io.ReadAll(response.Body)
	require.NoError(v.t, err)
	require.NoError(v.t, response.Body.Close())
	require.Equal(v.t, http.StatusOK, response.StatusCode, "%s: %s", path, body)
	return string(body)
}

// told waits until every view says a standstill, or none does; it must not take long.
func (v views) told(reason campaigns.StandstillReason, words string) {
	v.t.Helper()
	began := clock.System{}.Now()
	run, channel := v.c.RunID, v.f.channel.ID
	id := func(n int64) string { return string(json.RawMessage(jsonNumber(n))) }
	waiting, err := v.e.Store.ListMessages(v.t.Context(), messages.MessageFilter{AccountID: v.f.account, RunID: run, Limit: 1000})
	require.NoError(v.t, err)
	var message int64
	for _, m := range waiting {
		if m.State == messages.Pending {
			message = m.ID
		}
	}
	paths := []string{"/v1/campaigns/" + id(v.c.ID), "/v1/runs/" + id(run), "/v1/queue", "/v1/status", "/readyz"}
	if reason != campaigns.StillCampaignPaused {
		paths = append(paths, "/v1/channels", "/v1/channels/"+id(channel))
	}
	if message != 0 {
		paths = append(paths, "/v1/messages/"+id(message))
	}
	for _, path := range paths {
		if path == "/readyz" && (reason == campaigns.StillCampaignPaused || words == "") {
			continue
		}
		require.Eventually(v.t, func() bool {
			body := v.body(path)
			if words == "" {
				return !strings.Contains(body, string(reason))
			}
			if path == "/readyz" { // which has no key: it names no channel
				return strings.Contains(body, "not_sending")
			}
			return strings.Contains(body, words)
		}, soon-clock.System{}.Now().Sub(began), 20*time.Millisecond, "%s: %s", path, v.lastOf(path))
	}
	for {
		select {
		case data := <-v.events:
			// Runs and channels have a status; what waits has none.
			gone := strings.Contains(data, `"status":`) && !strings.Contains(data, "standstill")
			if words == "" && gone || words != "" && strings.Contains(data, words) {
				return
			}
		case <-clock.System{}.After(soon - clock.System{}.Now().Sub(began)):
			require.Fail(v.t, "no event says it in time", words)
		}
	}
}

// lastOf is for the message of a failure.
func (v views) lastOf(path string) stringer { return func() string { return v.body(path) } }

type stringer func() string

func (s stringer) String() string { return s() }

func jsonNumber(n int64) []byte {
	encoded, _ := json.Marshal(n) // a number
	return encoded
}

// Whatever keeps messages from going out is said in every view within five seconds,
// and gone within five seconds of its mending.
func TestStandstillsAreToldAtOnceAndGoneAtOnce(t *testing.T) {
	bothEngines(t, func(t *testing.T, config configs.Config) {
		e := startTestEngine(t, config, AllRoles)
		_, url := endpoint(t, sink.Options{})
		f := newFixture(t, e, testChannel{provider: "webhook", config: url, limits: providers.Limits{PerSecond: 5}}, people)
		c, err := e.Campaigns.Start(t.Context(), f.account, f.campaign(t, e, "Hello").ID, true)
		require.NoError(t, err)
		e.Wake()
		s := stage{t, e, f, c}
		require.Eventually(t, func() bool { return s.run().Counts[messages.Sent] > 0 }, 30*time.Second, 5*time.Millisecond)
		v := s.watched()
		require.NotContains(t, v.body("/v1/runs/"+string(jsonNumber(c.RunID))), "standstill")
		require.Contains(t, v.body("/v1/runs/"+string(jsonNumber(c.RunID))), "estimated_end")

		require.NoError(t, e.Store.PauseChannel(t.Context(), f.account, f.channel.ID, "me"))
		v.told(campaigns.StillChannelPaused, "is paused since")
		require.NotContains(t, v.body("/v1/runs/"+string(jsonNumber(c.RunID))), "estimated_end")
		require.NoError(t, e.Store.ResumeChannel(t.Context(), f.account, f.channel.ID, "me"))
		v.told(campaigns.StillChannelPaused, "")

		_, err = e.Campaigns.Pause(t.Context(), f.account, c.ID, "me")
		require.NoError(t, err)
		v.told(campaigns.StillCampaignPaused, "Campaign 1 is paused since")
		_, err = e.Campaigns.Resume(t.Context(), f.account, c.ID, "me")
		require.NoError(t, err)
		v.told(campaigns.StillCampaignPaused, "")
	})
}

// A channel whose provider is down, or wants nothing, says so while it does, and no
// longer.
func TestADegradedAndAHeldChannelAreTold(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name   string
		answer sink.Answer
		reason campaigns.StandstillReason
		words  string
	}{
		{"degraded", sink.Answer{Code: http.StatusNotFound}, campaigns.StillDegraded, "is degraded since"},
		{"held", sink.Answer{Code: http.StatusTooManyRequests, Header: http.Header{"Retry-After": {"3600"}}}, campaigns.StillHeld, "held by the provider until"},
	} {
		t.Run(c.name, func(t *testing.T) {
			bothEngines(t, func(t *testing.T, config configs.Config) {
				e := startTestEngine(t, config, AllRoles)
				_, bad := endpoint(t, sink.Options{Answer: func(int64, int64) sink.Answer { return c.answer }})
				_, good := endpoint(t, sink.Options{})
				f := newFixture(t, e, testChannel{provider: "webhook", config: bad, limits: providers.Limits{PerSecond: 20}}, people)
				k, err := e.Campaigns.Start(t.Context(), f.account, f.campaign(t, e, "Hello").ID, true)
				require.NoError(t, err)
				s := stage{t, e, f, k}
				v := s.watched()
				e.Wake()
				require.Eventually(t, func() bool { return !s.channel().Health.Well() }, 30*time.Second, 5*time.Millisecond)
				v.told(c.reason, c.words)
				changed := s.channel()
				changed.Config = json.RawMessage(good)
				_, err = e.Store.UpdateChannel(t.Context(), changed)
				require.NoError(t, err)
				v.told(c.reason, "")
			})
		})
	}
}

// That no worker is alive is seen of one that was killed as of one that stopped.
func TestThatNoWorkerIsAliveIsTold(t *testing.T) {
	bothEngines(t, func(t *testing.T, config configs.Config) {
		e := startTestEngine(t, config, Roles{API: true, Scheduler: true})
		f := newFixture(t, e, testChannel{provider: "sandbox", config: `{"receipts":"none"}`}, people)
		k, err := e.Campaigns.Start(t.Context(), f.account, f.campaign(t, e, "Hello").ID, true)
		require.NoError(t, err)
		e.Wake()
		s := stage{t, e, f, k}
		v := s.watched()
		v.told(campaigns.StillNoWorker, "No worker is running: nothing is sent.")
		worker, err := e.Store.RegisterWorker(t.Context(), "killed")
		require.NoError(t, err)
		require.NoError(t, e.Store.Heartbeat(t.Context(), worker, campaigns.Beat{Version: "1", Channels: []int64{f.channel.ID}}))
		require.NotContains(t, v.body("/v1/status"), "no_worker")
		// It is never heard of again, as if it had been killed.
		v.told(campaigns.StillNoWorker, "No worker is alive since")
		require.Contains(t, v.body("/v1/workers"), `"state":"dead"`)
		require.NoError(t, e.Store.Heartbeat(t.Context(), worker, campaigns.Beat{Version: "1", Channels: []int64{f.channel.ID}}))
		require.NoError(t, e.Store.RetireWorker(t.Context(), worker))
		v.told(campaigns.StillNoWorker, "No worker is alive since")
		require.Contains(t, v.body("/v1/workers"), `"state":"retired"`)
	})
}

// Redis that does not answer holds everything, and is told.
func TestThatRedisDoesNotAnswerIsTold(t *testing.T) {
	t.Parallel()
	config := testConfig(t)
	config.StoreDSN = secret.New(storetest.NewestPostgres(t))
	redis := testenv.Redis(t)
	config.RedisURL = secret.New(redis.URL())
	e := startTestEngine(t, config, AllRoles)
	f := newFixture(t, e, testChannel{provider: "sandbox", config: `{"receipts":"none"}`, limits: providers.Limits{PerSecond: 5}}, people)
	k, err := e.Campaigns.Start(t.Context(), f.account, f.campaign(t, e, "Hello").ID, true)
	require.NoError(t, err)
	e.Wake()
	s := stage{t, e, f, k}
	reason := func() campaigns.StandstillReason {
		pace, err := e.Campaigns.Pace(t.Context(), s.run())
		require.NoError(t, err)
		return pace.Still.Reason
	}
	require.Eventually(t, func() bool { return s.run().Counts[messages.Sent] > 0 && reason() == "" }, 30*time.Second, 20*time.Millisecond)
	require.NoError(t, redis.Stop())
	require.Eventually(t, func() bool { return reason() == campaigns.StillNoQueue }, soon, 20*time.Millisecond)
	require.NoError(t, redis.Start())
	require.Eventually(t, func() bool { return reason() == "" }, soon, 20*time.Millisecond)
}

// What a provider's wish has left of a channel's rate is the same for every process: it
// stands in Redis.
func TestTheQueueSaysThatAProviderAsksToSlowDown(t *testing.T) {
	bothEngines(t, func(t *testing.T, config configs.Config) {
		e := startTestEngine(t, config, AllRoles)
		f := newFixture(t, e, testChannel{provider: "sandbox", config: `{"receipts":"none"}`, limits: providers.Limits{PerSecond: 0.05}}, people)
		_, err := e.Campaigns.Start(t.Context(), f.account, f.campaign(t, e, "Hello").ID, true)
		require.NoError(t, err)
		e.Wake()
		pace := func() campaigns.ChannelPace {
			q, err := e.Campaigns.Queue(t.Context(), messages.QueueFilter{AccountID: f.account})
			require.NoError(t, err)
			if len(q.Paces) == 0 {
				return campaigns.ChannelPace{}
			}
			return q.Paces[0]
		}
		reasonIs := func(reason campaigns.PaceReason) func() bool { return func() bool { return pace().Reason == reason } }
		require.Eventually(t, reasonIs(campaigns.PaceChannel), soon, 20*time.Millisecond)
		require.InDelta(t, 0.05, *pace().Most, 1e-9)
		channel, err := e.Store.GetChannel(t.Context(), f.account, f.channel.ID)
		require.NoError(t, err)
		throttle := func(wait time.Duration) {
			t.Helper()
			require.NoError(t, e.Queue.Limiter().Throttle(t.Context(), queue.Channel{AccountID: f.account, ID: channel.ID}, channel.Epoch, wait))
		}
		// Again and again, which is no longer one overload after a second.
		var slowed campaigns.ChannelPace
		require.Eventually(t, func() bool {
			throttle(time.Millisecond)
			slowed = pace()
			return slowed.Reason == campaigns.PaceThrottled && *slowed.Most > 0
		}, soon, 20*time.Millisecond)
		require.InDelta(t, 0.025, *slowed.Most, 1e-9)
		throttle(time.Hour)
		p := pace()
		require.Equal(t, campaigns.PaceThrottled, p.Reason)
		require.Zero(t, *p.Most)
		require.Greater(t, p.Until.Sub(clock.System{}.Now()), 59*time.Minute)
	})
}
