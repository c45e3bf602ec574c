package app

import (
	"bytes"
	"encoding/hex"
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
	collectorlogs "go.opentelemetry.io/proto/otlp/collector/logs/v1"
	collectortraces "go.opentelemetry.io/proto/otlp/collector/trace/v1"
	"google.golang.org/protobuf/proto"

	"carillon/internal/clock"
	"carillon/internal/secret"
	"carillon/messages"
	"carillon/providers"
)

// gathered is a span that a collector was told.
type gathered struct {
	name, trace, id, parent string
	links                   []string
	attributes              string
}

// collector takes OTLP over HTTP, as the one that an operator runs.
type collector struct {
	mu    sync.Mutex
	spans []gathered
	lines []string
}

func (c *collector) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	switch r.URL.Path {
	case "/v1/traces":
		var told collectortraces.ExportTraceServiceRequest
		if err := proto.Unmarshal(body, &told); err != nil {
			http.Error(w, err.Error(), http.StatusBadRequest)
			return
		}
		for _, resource := range told.GetResourceSpans() {
			for _, scope := range resource.GetScopeSpans() {
				for _, s := range scope.GetSpans() {
					g := gathered{
						name: s.GetName(), trace: hex.EncodeToString(s.GetTraceId()), id: hex.EncodeToString(s.GetSpanId()),
						parent: hex.EncodeToString(s.GetParentSpanId()), attributes: fmt.Sprint(s.GetAttributes()),
					}
					for _, link := range s.GetLinks() {
						g.links = append(g.links, hex.EncodeToString(link.GetTraceId()))
					}
					c.spans = append(c.spans, g)
				}
			}
		}
	case "/v1/logs":
		var told collectorlogs.ExportLogsServiceRequest
		if err := proto.Unmarshal(body, &told); err != nil {
			http.Error(w, err.Error(), http.StatusBadRequest)
			return
		}
		c.lines = append(c.lines, told.String())
	default:
		http.NotFound(w, r)
	}
}

// named are the spans of a name, in one trace if that is not empty.
func (c *collector) named(name, trace string) (list []gathered) {
	for _, s := range c.spans {
		if s.name == name && (trace == "" || s.trace == trace) {
			list = append(list, s)
		}
	}
	return list
}

// A message that a followed request makes is followed to its provider, who is told of the
// trace, and to its receipt; those of a run have traces of their own that name the run's; and
// nothing that names a person goes to the collector, or to the log.
func TestTracesFollowMessages(t *testing.T) {
	const theirs = "0af7651916cd43dd8448eb211c80319c"
	told := &collector{}
	otlp := httptest.NewServer(told)
	t.Cleanup(otlp.Close)
	var mu sync.Mutex
	var parents []string
	provider := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		mu.Lock()
		parents = append(parents, r.Header.Get("Traceparent"))
		mu.Unlock()
		w.WriteHeader(http.StatusAccepted)
	}))
	t.Cleanup(provider.Close)

	c := startConfig(t)
	c.AllowPrivateAddresses, c.OTLPEndpoint, c.TraceRatio, c.LogLevel = true, otlp.URL, 1, "info"
	c.AdminKey, c.APIRatePerSecond, c.APIBurst = secret.New("admin-key-0123456789"), 100, 100
	s, err := Start(t.Context(), c, AllRoles, Notices{Say: func(string) {}})
	require.NoError(t, err)
	stopped := false
	t.Cleanup(func() {
		if !stopped {
			require.NoError(t, s.Stop())
		}
	})
	config, err := json.Marshal(map[string]string{"url": provider.URL, "secret": "whsec_" + "MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"})
	require.NoError(t, err)
	f := newFixture(t, s.Engine, testChannel{provider: "webhook", config: string(config)}, 3)

	client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
	// A stranger has nothing followed.
	const strangers = "1af7651916cd43dd8448eb211c80319c"
	open, err := http.NewRequestWithContext(t.Context(), http.MethodGet, s.URL+"/healthz", http.NoBody)
	require.NoError(t, err)
	open.Header.Set("Traceparent", "00-"+strangers+"-b7ad6b7169203331-01")
	answer, err := client.Do(open)
	require.NoError(t, err)
	require.NoError(t, answer.Body.Close())

	request, err := http.NewRequestWithContext(t.Context(), http.MethodPost, s.URL+"/v1/messages",
		strings.NewReader(fmt.Sprintf(`{"channel_id":%d,"to":"ada.lovelace@example.org","content":{"subject":"Hi","text":"the secret is 4711"}}`, f.channel.ID)))
	require.NoError(t, err)
	request.Header.Set("Authorization", "Bearer "+c.AdminKey.Reveal())
	request.Header.Set("Content-Type", "application/json")
	request.Header.Set("Traceparent", "00-"+theirs+"-b7ad6b7169203331-01")
	response, err := client.Do(request)
	require.NoError(t, err)
	body, err := io.ReadAll(response.Body)
	require.NoError(t, err)
	require.NoError(t, response.Body.Close())
	require.Less(t, response.StatusCode, 300, "%s", body)
	var made struct {
		ID int64 `json:"id"`
	}
	require.NoError(t, json.Unmarshal(body, &made))
	sent := func(id int64) bool {
		m, err := s.Engine.Store.GetMessage(t.Context(), f.account, id)
		require.NoError(t, err)
		return m.State == messages.Sent
	}
	require.Eventually(t, func() bool { return sent(made.ID) }, 20*time.Second, 5*time.Millisecond)
	require.NoError(t, s.Engine.Reports.Receive(t.Context(), f.channel.ID, []providers.Receipt{{MessageID: made.ID, Status: providers.ReceiptDelivered}}))

	k, err := s.Engine.Campaigns.Start(t.Context(), f.account, f.campaign(t, s.Engine, "Hello {{ contact.first_name }}").ID, true)
	require.NoError(t, err)
	s.Engine.Wake()
	require.Eventually(t, func() bool {
		run, err := s.Engine.Store.GetRun(t.Context(), f.account, k.RunID)
		require.NoError(t, err)
		return run.Counts[messages.Sent] == 3 && run.FinishedAt != nil
	}, 20*time.Second, 5*time.Millisecond)
	require.NoError(t, s.Engine.Reports.Receive(t.Context(), f.channel.ID, []providers.Receipt{{MessageID: made.ID + 1, Status: providers.ReceiptRead}}))
	stopped = true
	require.NoError(t, s.Stop())

	// The trace of who asked goes on in Carillon and to the provider.
	asked := told.named("POST /v1/messages", theirs)
	require.Len(t, asked, 1)
	require.Equal(t, "b7ad6b7169203331", asked[0].parent)
	for _, name := range []string{"queue", "turn", "send", "receipt"} {
		found := told.named(name, theirs)
		require.Len(t, found, 1, name)
		require.Equal(t, asked[0].id, found[0].parent, name)
		require.Contains(t, found[0].attributes, fmt.Sprintf("int_value:%d", made.ID))
	}
	require.Contains(t, parents, "00-"+theirs+"-"+told.named("send", theirs)[0].id+"-01")
	require.Empty(t, told.named("message", theirs), "it has a parent")

	// Messages of a run have a trace each, which names that of the run.
	roots, plans := told.named("message", ""), told.named("plan", "")
	require.Len(t, roots, 3)
	require.NotEmpty(t, plans)
	traces := map[string]bool{}
	for _, root := range roots {
		traces[root.trace] = true
		require.Empty(t, root.parent)
		require.Equal(t, []string{plans[0].trace}, root.links)
		for _, name := range []string{"queue", "turn", "send"} {
			found := told.named(name, root.trace)
			require.Len(t, found, 1, name)
			require.Equal(t, root.id, found[0].parent, name)
		}
	}
	require.Len(t, traces, 3)
	read := 0
	for _, s := range told.named("receipt", "") {
		if traces[s.trace] {
			read++
		}
	}
	require.Equal(t, 1, read)

	for _, s := range told.spans {
		require.NotEqual(t, strangers, s.trace)
	}
	var all strings.Builder
	for _, s := range told.spans {
		all.WriteString(s.name + s.attributes)
	}
	require.NotEmpty(t, told.lines)
	all.WriteString(strings.Join(told.lines, "\n"))
	require.Contains(t, all.String(), "run finished")
	for _, personal := range []string{"ada", "lovelace", "4711", "example", "Name1", "person1"} {
		require.NotContains(t, all.String(), personal)
	}
}

// A line of the log says to which trace it belongs, and goes nowhere else where nothing is
// configured.
func TestWithoutACollectorNothingIsMade(t *testing.T) {
	told, err := openTelemetry(t.Context(), startConfig(t), slog.New(slog.DiscardHandler))
	require.NoError(t, err)
	require.Nil(t, told)
	require.Nil(t, told.tracer("x"))
	told.stop()
	var out bytes.Buffer
	log := slog.New(slog.NewTextHandler(&out, nil))
	require.Same(t, log, told.logger(log))

	ctx, end := told.tracer("x").Request(httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/", http.NoBody), "GET /", false)
	end(200)
	require.Equal(t, t.Context(), ctx)
}

// A collector that is away keeps nothing from starting, sending and ending in good order.
func TestACollectorMayBeAway(t *testing.T) {
	away := httptest.NewServer(http.NotFoundHandler())
	away.Close()
	c := startConfig(t)
	c.OTLPEndpoint, c.TraceRatio = away.URL, 1
	s, err := Start(t.Context(), c, AllRoles, Notices{Say: func(string) {}})
	require.NoError(t, err)
	page(t, s.URL+"/v1/channels")
	f := newFixture(t, s.Engine, testChannel{provider: "sandbox", config: `{}`}, 3)
	k, err := s.Engine.Campaigns.Start(t.Context(), f.account, f.campaign(t, s.Engine, "Hello").ID, true)
	require.NoError(t, err)
	s.Engine.Wake()
	require.Eventually(t, func() bool {
		run, err := s.Engine.Store.GetRun(t.Context(), f.account, k.RunID)
		require.NoError(t, err)
		return run.FinishedAt != nil
	}, 20*time.Second, 5*time.Millisecond)
	began := clock.System{}.Now()
	require.NoError(t, s.Stop())
	require.Less(t, clock.System{}.Now().Sub(began), 2*telemetryPatience)
}
