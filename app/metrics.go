package app

import (
	"log/slog"
	"net/http"
	"runtime"
	"strconv"
	"strings"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"carillon/messages"
)

// metrics is what /metrics shows. Labels are channels' ids, states and routes'
// patterns: few, and nobody's name.
type metrics struct {
	registry *prometheus.Registry
	outcomes *prometheus.CounterVec
	sends    *prometheus.HistogramVec
	requests *prometheus.HistogramVec
	stages   *prometheus.HistogramVec
	passes   *prometheus.HistogramVec
	failures *prometheus.CounterVec
	late     prometheus.Histogram
	slowed   *prometheus.CounterVec
}

func newMetrics() *metrics {
	m := &metrics{
		registry: prometheus.NewRegistry(),
		outcomes: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "carillon_outcomes_total", Help: "Answers of providers by channel and the state that the message went to.",
		}, []string{"channel", "state"}),
		sends: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name: "carillon_send_seconds", Help: "Time that a provider took to answer.",
			Buckets: prometheus.ExponentialBuckets(0.0005, 2.5, 12),
		}, []string{"channel"}),
		requests: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name: "carillon_http_request_seconds", Help: "API requests by route and status.",
			Buckets: prometheus.ExponentialBuckets(0.001, 2.5, 10),
		}, []string{"route", "status"}),
		stages: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name:    "carillon_message_stage_seconds",
			Help:    "Time of a message in a stage of this process's worker: claim and record are commits, turn waits for a slot and for room.",
			Buckets: prometheus.ExponentialBuckets(0.0005, 4, 10),
		}, []string{"stage"}),
		passes: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name: "carillon_pass_seconds", Help: "Passes of the leader's loops that found work or failed: fire, plan, feed, reap, finish, and its chores.",
			Buckets: prometheus.ExponentialBuckets(0.001, 4, 9),
		}, []string{"loop"}),
		failures: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "carillon_pass_errors_total", Help: "Passes of the leader's loops that failed and are made again.",
		}, []string{"loop"}),
		slowed: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "carillon_guesses_slowed_total", Help: "Guesses at passwords and keys that had to wait, by whose they were: source, user, device, passkey or key.",
		}, []string{"kind"}),
		late: prometheus.NewHistogram(prometheus.HistogramOpts{
			Name: "carillon_fire_late_seconds", Help: "How long after its instant a run of a campaign began.",
			Buckets: []float64{0.1, 0.5, 1, 5, 30, 60, 300, 3600},
		}),
	}
	m.registry.MustRegister(m.outcomes, m.sends, m.requests, m.stages, m.passes, m.failures, m.late, m.slowed, collectors.NewGoCollector(),
		collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	return m
}

// Outcome counts one answer of a provider.
func (m *metrics) Outcome(channelID int64, state messages.State, seconds float64) {
	channel := strconv.FormatInt(channelID, 10)
	m.outcomes.WithLabelValues(channel, state.String()).Inc()
	m.sends.WithLabelValues(channel).Observe(seconds)
}

// Request counts one API request.
func (m *metrics) Request(route string, status int, took time.Duration) {
	m.requests.WithLabelValues(route, strconv.Itoa(status)).Observe(took.Seconds())
}

// Stage counts a message's stage in the worker.
func (m *metrics) Stage(stage string, seconds float64) {
	m.stages.WithLabelValues(stage).Observe(seconds)
}

// Pass counts a pass of the leader.
func (m *metrics) Pass(loop string, took time.Duration, failed bool) {
	loop = strings.ReplaceAll(loop, " ", "_")
	m.passes.WithLabelValues(loop).Observe(took.Seconds())
	if failed {
		m.failures.WithLabelValues(loop).Inc()
	}
}

// Slowed counts a guess that had to wait.
func (m *metrics) Slowed(kind string) { m.slowed.WithLabelValues(kind).Inc() }

// Fired counts a run that began.
func (m *metrics) Fired(late time.Duration) { m.late.Observe(late.Seconds()) }

// handler answers with what there is: what can't be found out is left out, and said
// in the log alone, for errors name hosts and users.
func (m *metrics) handler(log *slog.Logger) http.Handler {
	return promhttp.HandlerFor(m.registry, promhttp.HandlerOpts{
		ErrorHandling: promhttp.ContinueOnError, ErrorLog: slog.NewLogLogger(log.Handler(), slog.LevelWarn),
	})
}

// watch adds what the engine knows.
func (m *metrics) watch(e *Engine) {
	build := prometheus.NewGauge(prometheus.GaugeOpts{
		Name: "carillon_build_info", Help: "1, with the version of this process.", ConstLabels: prometheus.Labels{"version": Version, "go": runtime.Version()},
	})
	build.Set(1)
	leader := prometheus.NewGaugeFunc(prometheus.GaugeOpts{
		Name: "carillon_leader", Help: "1 if this process is the scheduler that leads; their sum over all processes is 1.",
	}, func() float64 {
		if e.Leads() {
			return 1
		}
		return 0
	})
	refused := prometheus.NewCounterFunc(prometheus.CounterOpts{
		Name: "carillon_envelopes_refused_total", Help: "Envelopes in Redis that this process refused: not signed with this installation's master key, or damaged.",
	}, func() float64 { return float64(e.Queue.Refused()) })
	m.registry.MustRegister(build, leader, refused, newShared(e.Store, e.log))
	if w := e.Engagement; w != nil {
		m.registry.MustRegister(
			prometheus.NewGaugeFunc(prometheus.GaugeOpts{
				Name: "carillon_engagement_pending", Help: "Clicks and opens that this process has taken and not written yet.",
			}, func() float64 { return float64(w.Pending()) }),
			prometheus.NewCounterFunc(prometheus.CounterOpts{
				Name: "carillon_engagement_lost_total", Help: "Clicks and opens of this process that were not counted, because the store took none for long.",
			}, func() float64 { return float64(w.Lost()) }))
	}
}
