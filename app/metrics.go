package app

import (
	"context"
	"net/http"
	"strconv"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"carillon/campaigns"
	"carillon/store"
)

// metrics is what /metrics shows. Labels are channels' ids, states and routes'
// patterns: few, and nobody's name.
type metrics struct {
	registry *prometheus.Registry
	outcomes *prometheus.CounterVec
	sends    *prometheus.HistogramVec
	requests *prometheus.HistogramVec
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
	}
	m.registry.MustRegister(m.outcomes, m.sends, m.requests, collectors.NewGoCollector(),
		collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	return m
}

// Outcome counts one answer of a provider.
func (m *metrics) Outcome(channelID int64, state campaigns.State, seconds float64) {
	channel := strconv.FormatInt(channelID, 10)
	m.outcomes.WithLabelValues(channel, state.String()).Inc()
	m.sends.WithLabelValues(channel).Observe(seconds)
}

// Request counts one API request.
func (m *metrics) Request(route string, status int, took time.Duration) {
	m.requests.WithLabelValues(route, strconv.Itoa(status)).Observe(took.Seconds())
}

func (m *metrics) handler() http.Handler {
	return promhttp.HandlerFor(m.registry, promhttp.HandlerOpts{})
}

// watch adds what the store knows: messages by channel and state.
func (m *metrics) watch(s *store.Store) {
	m.registry.MustRegister(&stateCollector{store: s, messages: prometheus.NewDesc(
		"carillon_messages", "Messages by channel and state, as the counters in the store have it.", []string{"channel", "state"}, nil)})
}

// stateCollector reads the counters when it is asked.
type stateCollector struct {
	store    *store.Store
	messages *prometheus.Desc
}

// Describe names what Collect delivers.
func (c *stateCollector) Describe(ch chan<- *prometheus.Desc) { ch <- c.messages }

// collectTimeout bounds a scrape.
const collectTimeout = 5 * time.Second

// Collect delivers a gauge for each channel and state.
func (c *stateCollector) Collect(ch chan<- prometheus.Metric) {
	ctx, cancel := context.WithTimeout(context.Background(), collectTimeout)
	defer cancel()
	counts, err := c.store.ChannelCounts(ctx)
	if err != nil {
		ch <- prometheus.NewInvalidMetric(c.messages, err)
		return
	}
	for channel, byState := range counts {
		for state, n := range byState {
			ch <- prometheus.MustNewConstMetric(c.messages, prometheus.GaugeValue, float64(n),
				strconv.FormatInt(channel, 10), campaigns.State(state).String())
		}
	}
}
