package app

import (
	"context"
	"log/slog"
	"strconv"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"carillon/campaigns"
	"carillon/internal/clock"
	"carillon/messages"
	"carillon/providers"
	"carillon/webhooks"
)

// sharedStore is what the metrics of the whole installation are read from.
type sharedStore interface {
	ChannelCounts(ctx context.Context) (map[int64]messages.Counts, error)
	LiveChannels(ctx context.Context, accountIDs []int64) ([]campaigns.LiveChannel, error)
	OldestWaiting(ctx context.Context, channels []campaigns.LiveChannel) (map[int64]time.Time, error)
	Workers(ctx context.Context) ([]campaigns.Worker, error)
	CheckWritable(ctx context.Context) error
	WebhookBacklog(ctx context.Context) (states map[webhooks.State]int, oldest time.Time, err error)
}

// shared collects, when it is asked, what is of the whole installation and not of
// this process. Every process answers alike, so that whichever is scraped has it.
type shared struct {
	store sharedStore
	log   *slog.Logger

	up, messages, oldest, channels, workers, webhooks, untold *prometheus.Desc
}

// alike ends the help of what every process exports.
const alike = " Every process says the same: take max() over them, not sum()."

func newShared(store sharedStore, log *slog.Logger) *shared {
	describe := func(name, help string, labels ...string) *prometheus.Desc {
		return prometheus.NewDesc(name, help, labels, nil)
	}
	return &shared{
		store: store, log: log,
		up:       describe("carillon_store_up", "1 if this process can read and write the store; where it is 0 what is read from the store is missing."),
		messages: describe("carillon_messages", "Messages by channel and state, as the counters in the store have it."+alike, "channel", "state"),
		oldest:   describe("carillon_oldest_waiting_seconds", "Age of the oldest message that waits on a channel; absent where none does."+alike, "channel"),
		channels: describe("carillon_channel_state", "1 for the state that a channel is in: active, paused, stopped, degraded or held; 0 for the others."+alike,
			"channel", "state"),
		webhooks: describe("carillon_webhooks", "Webhooks by state: on, paused or off."+alike, "state"),
		untold:   describe("carillon_webhook_untold_seconds", "Age of the oldest thing that a webhook that is on is still to be told; 0 if there is none."+alike),
		workers:  describe("carillon_workers", "Workers by state: alive, dead or retired in the last day."+alike, "state"),
	}
}

// Describe names what Collect delivers.
func (c *shared) Describe(ch chan<- *prometheus.Desc) {
	for _, d := range []*prometheus.Desc{c.up, c.messages, c.oldest, c.channels, c.workers, c.webhooks, c.untold} {
		ch <- d
	}
}

// collectTimeout bounds a scrape; Prometheus itself waits 10 s.
const collectTimeout = 4 * time.Second

// Collect delivers what can be found out now.
func (c *shared) Collect(ch chan<- prometheus.Metric) {
	ctx, cancel := context.WithTimeout(context.Background(), collectTimeout)
	defer cancel()
	up := 1.0
	for _, collect := range []func(context.Context, chan<- prometheus.Metric) error{c.counts, c.waiting, c.fleet, c.telling, c.writable} {
		if err := collect(ctx, ch); err != nil {
			up = 0
			c.log.Warn("metrics of the store are missing", "error", err)
			break
		}
	}
	ch <- prometheus.MustNewConstMetric(c.up, prometheus.GaugeValue, up)
}

func (c *shared) writable(ctx context.Context, _ chan<- prometheus.Metric) error {
	return c.store.CheckWritable(ctx)
}

func (c *shared) counts(ctx context.Context, ch chan<- prometheus.Metric) error {
	counts, err := c.store.ChannelCounts(ctx)
	if err != nil {
		return err
	}
	for channel, byState := range counts {
		for state, n := range byState {
			ch <- prometheus.MustNewConstMetric(c.messages, prometheus.GaugeValue, float64(n),
				strconv.FormatInt(channel, 10), messages.State(state).String())
		}
	}
	return nil
}

// channelStates are the values of the label state of carillon_channel_state.
var channelStates = []string{
	string(providers.ChannelActive), string(providers.ChannelPaused), string(providers.ChannelStopped),
	string(providers.HealthDegraded), string(providers.HealthHeld),
}

// waiting is of channels: their state, and how long something waits.
func (c *shared) waiting(ctx context.Context, ch chan<- prometheus.Metric) error {
	channels, err := c.store.LiveChannels(ctx, nil)
	if err != nil {
		return err
	}
	for _, channel := range channels {
		is := string(channel.Status)
		if channel.Status == providers.ChannelActive && !channel.Health.Well() {
			is = string(channel.Health.State)
		}
		for _, state := range channelStates {
			value := 0.0
			if state == is {
				value = 1
			}
			ch <- prometheus.MustNewConstMetric(c.channels, prometheus.GaugeValue, value, strconv.FormatInt(channel.ID, 10), state)
		}
	}
	oldest, err := c.store.OldestWaiting(ctx, channels)
	if err != nil {
		return err
	}
	now := clock.System{}.Now()
	for channel, since := range oldest {
		ch <- prometheus.MustNewConstMetric(c.oldest, prometheus.GaugeValue, max(0, now.Sub(since).Seconds()), strconv.FormatInt(channel, 10))
	}
	return nil
}

// telling is of webhooks.
func (c *shared) telling(ctx context.Context, ch chan<- prometheus.Metric) error {
	states, oldest, err := c.store.WebhookBacklog(ctx)
	if err != nil {
		return err
	}
	for _, state := range []webhooks.State{webhooks.On, webhooks.Paused, webhooks.Off} {
		ch <- prometheus.MustNewConstMetric(c.webhooks, prometheus.GaugeValue, float64(states[state]), string(state))
	}
	age := 0.0
	if !oldest.IsZero() {
		age = max(0, clock.System{}.Now().Sub(oldest).Seconds())
	}
	ch <- prometheus.MustNewConstMetric(c.untold, prometheus.GaugeValue, age)
	return nil
}

func (c *shared) fleet(ctx context.Context, ch chan<- prometheus.Metric) error {
	workers, err := c.store.Workers(ctx)
	if err != nil {
		return err
	}
	count := map[campaigns.WorkerState]int{}
	for _, w := range workers {
		count[w.State]++
	}
	for _, state := range []campaigns.WorkerState{campaigns.WorkerAlive, campaigns.WorkerDead, campaigns.WorkerRetired} {
		ch <- prometheus.MustNewConstMetric(c.workers, prometheus.GaugeValue, float64(count[state]), string(state))
	}
	return nil
}
