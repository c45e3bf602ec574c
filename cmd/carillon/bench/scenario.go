// Package bench owns `carillon bench`: it runs the whole path of a campaign on
// real parts, beside a naive loop that sends to the same sink with no queue and
// no store, and reports both. Each scenario runs in a process of its own, so
// that its peak memory is its own. It reports and never judges.
package bench

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strconv"
	"time"

	"carillon/app"
	"carillon/campaigns"
	"carillon/configs"
	"carillon/internal/clock"
	"carillon/internal/secret"
	"carillon/providers"
	"carillon/targeting"
)

// Scenario is one combination to measure.
type Scenario struct {
	// Sink is "http", "smtp" (with PIPELINING) or "smtp-plain".
	Sink string `json:"sink"`
	// Recipients is the size of the campaign.
	Recipients int `json:"recipients"`
	// StoreDSN is a postgres:// URL; empty is a SQLite file in Dir.
	StoreDSN string `json:"store_dsn,omitempty"`
	// RedisURL is a redis:// URL; empty is the embedded Redis.
	RedisURL string `json:"redis_url,omitempty"`
	// Dir holds the scenario's files.
	Dir string `json:"dir"`
	// Concurrency is the channel's.
	Concurrency int `json:"concurrency"`
}

// Parts names the store and the queue of a scenario.
func (s Scenario) Parts() string {
	store, queue := "SQLite", "embedded"
	if s.StoreDSN != "" {
		store = "PostgreSQL"
	}
	if s.RedisURL != "" {
		queue = "Redis"
	}
	return store + " + " + queue
}

// Result is what a scenario measured. Rates are per second.
type Result struct {
	Parts      string `json:"parts"`
	Sink       string `json:"sink"`
	Recipients int    `json:"recipients"`
	// ImportCreated and ImportUpdated are CSV rows.
	ImportCreated float64 `json:"import_created_per_second"`
	ImportUpdated float64 `json:"import_updated_per_second"`
	// PlanSeconds is from the start of the campaign to its last message row;
	// PlanRate is messages.
	PlanSeconds float64 `json:"plan_seconds"`
	PlanRate    float64 `json:"plan_per_second"`
	// FeedRate is messages marked, rendered and enqueued while the feeder works.
	FeedRate float64 `json:"feed_per_second"`
	// SendRate is messages claimed, sent and recorded, from the first to the last.
	SendRate float64 `json:"send_per_second"`
	// Ceiling is the naive loop to the same sink.
	Ceiling float64 `json:"ceiling_per_second"`
	// FirstMessage is from starting a campaign to its first message at the sink,
	// while the rest is still being planned.
	FirstMessage float64 `json:"first_message_seconds"`
	// Transactional is the median from creating a transactional message to its
	// arrival while the campaign waits on the same channel at 80 a second.
	Transactional float64 `json:"transactional_seconds"`
	// PeakProcess is the largest resident memory while sending at full speed,
	// load generator and sink included; PeakRedis is the most that Redis used.
	PeakProcess int64 `json:"peak_process_bytes"`
	PeakRedis   int64 `json:"peak_redis_bytes"`
	// Verified says that every run balanced afterwards.
	Verified bool `json:"verified"`
}

// bench is a scenario under way.
type bench struct {
	s       Scenario
	engine  *app.Engine
	sink    receiver
	account int64
	channel providers.Channel
	upload  int64
	result  Result
	say     func(format string, args ...any)
}

// Run measures one scenario. What it does is said to progress.
func Run(ctx context.Context, s Scenario, progress io.Writer) (result Result, err error) {
	b := &bench{s: s, result: Result{Parts: s.Parts(), Sink: s.Sink, Recipients: s.Recipients, Verified: true}}
	b.say = func(format string, args ...any) {
		_, _ = fmt.Fprintf(progress, "  "+format+"\n", args...)
	}
	if b.sink, err = newReceiver(s.Sink); err != nil {
		return b.result, err
	}
	defer func() { err = errors.Join(err, b.sink.Close()) }()
	b.say("%s, %s, %d recipients", s.Parts(), s.Sink, s.Recipients)
	if b.result.Ceiling, err = ceiling(ctx, s, b.sink); err != nil {
		return b.result, err
	}
	b.say("naive loop: %.0f/s", b.result.Ceiling)
	config := configs.Config{
		DataDir: s.Dir, StoreDSN: secret.New(s.StoreDSN), RedisURL: secret.New(s.RedisURL),
		MasterKey: secret.New("a master key for the benchmark"), MaxUploadMB: 4096, ShutdownSeconds: 10, AllowPrivateAddresses: true,
	}
	if s.StoreDSN != "" {
		if _, err := app.Migrate(ctx, config); err != nil {
			return b.result, err
		}
	}
	if b.engine, err = app.StartEngine(ctx, app.Options{Config: config, Roles: app.Roles{Scheduler: true, Worker: true}}); err != nil {
		return b.result, err
	}
	defer func() { err = errors.Join(err, b.engine.Stop()) }()
	for _, step := range []func(context.Context) error{b.prepare, b.importCSV, b.planAndSend, b.first, b.transactional} {
		if err := step(ctx); err != nil {
			return b.result, err
		}
	}
	return b.result, nil
}

var system clock.System

func since(start time.Time) float64 { return system.Now().Sub(start).Seconds() }

func (b *bench) prepare(ctx context.Context) error {
	account, _, err := b.engine.Store.EnsureAccount(ctx, "bench")
	if err != nil {
		return err
	}
	b.account = account.ID
	provider, config := b.sink.channel()
	address, err := b.engine.Registry.Address(provider, config)
	if err != nil {
		return err
	}
	b.channel, err = b.engine.Store.CreateChannel(ctx, providers.Channel{
		AccountID: account.ID, Name: "bench", Provider: provider, Config: config, Address: address,
		Limits: providers.Limits{Concurrency: b.s.Concurrency}, Timezone: "UTC", Status: providers.ChannelActive,
	})
	return err
}

// importCSV takes the same file in twice: the first time everybody is new, the
// second time everybody is known.
func (b *bench) importCSV(ctx context.Context) error {
	path := filepath.Join(b.s.Dir, "people.csv")
	if err := writeCSV(path, b.s.Recipients); err != nil {
		return err
	}
	for _, rate := range []*float64{&b.result.ImportCreated, &b.result.ImportUpdated} {
		file, err := os.Open(path)
		if err != nil {
			return err
		}
		start := system.Now()
		upload, err := b.engine.Importer.Take(ctx, b.account, "people.csv", file, targeting.ImportOptions{Key: targeting.ByEmail})
		_ = file.Close()
		if err != nil {
			return err
		}
		for upload.State != targeting.UploadFinished {
			if err := system.Sleep(ctx, 20*time.Millisecond); err != nil {
				return err
			}
			if upload, err = b.engine.Store.GetUpload(ctx, b.account, upload.ID); err != nil {
				return err
			}
			if upload.State == targeting.UploadFailed {
				return errors.New("import: " + upload.Error)
			}
		}
		*rate = float64(b.s.Recipients) / since(start)
		b.upload = upload.ID
		b.say("import: %.0f rows/s (created %d, updated %d)", *rate, upload.Created, upload.Updated)
	}
	return os.Remove(path)
}

func (b *bench) newCampaign(ctx context.Context) (campaigns.Campaign, error) {
	return b.engine.Campaigns.Create(ctx, campaigns.Campaign{
		AccountID: b.account, Name: "bench " + strconv.FormatInt(system.Now().UnixNano(), 36), ChannelID: b.channel.ID,
		Audience: targeting.Audience{Uploads: []int64{b.upload}},
		Content: providers.Content{
			Subject: "News for {{ contact.first_name | default: 'you' }}",
			Text: "Dear {{ contact.first_name }} {{ contact.last_name }},\n\nyour coupon is {{ row.coupon }}. It is good until the end of the month.\n\n" +
				"The bells ring at eight, and we should be glad to see you at the tower with everybody you know.\n\nYours, the ringers\n",
		},
	})
}

// planAndSend plans a campaign while its channel is paused, so that planning is
// measured alone, then lets it go.
func (b *bench) planAndSend(ctx context.Context) error {
	if err := b.engine.Store.PauseChannel(ctx, b.account, b.channel.ID, "bench"); err != nil {
		return err
	}
	c, err := b.newCampaign(ctx)
	if err != nil {
		return err
	}
	start := system.Now()
	if c, err = b.engine.Campaigns.Start(ctx, b.account, c.ID, true); err != nil {
		return err
	}
	b.engine.Wake()
	if _, err := b.await(ctx, c.RunID, func(r campaigns.Run) bool { return r.PlanDone }); err != nil {
		return err
	}
	b.result.PlanSeconds = since(start)
	b.result.PlanRate = float64(b.s.Recipients) / b.result.PlanSeconds
	b.say("plan: %.2f s, %.0f messages/s", b.result.PlanSeconds, b.result.PlanRate)

	watch := watchMemory(b.engine.Queue)
	before := b.sink.Count()
	if err := b.engine.Store.ResumeChannel(ctx, b.account, b.channel.ID, "bench"); err != nil {
		return err
	}
	start = system.Now()
	b.engine.Wake()
	run, err := b.await(ctx, c.RunID, func(r campaigns.Run) bool { return r.Status == campaigns.RunFinished })
	if err != nil {
		return err
	}
	b.result.SendRate = float64(b.sink.Count()-before) / since(start)
	b.result.PeakProcess, b.result.PeakRedis = watch.stop()
	if stats := b.engine.FeedStats(); stats.Seconds > 0 {
		b.result.FeedRate = float64(stats.Messages) / stats.Seconds
	}
	b.say("feed: %.0f/s while it works; send: %.0f messages/s (%.2f of the naive loop); peak %d MiB, Redis %.1f MiB", b.result.FeedRate,
		b.result.SendRate, b.result.SendRate/b.result.Ceiling, b.result.PeakProcess>>20, float64(b.result.PeakRedis)/(1<<20))
	return b.verify(ctx, run)
}

// first measures from starting a campaign to its first message at the sink.
func (b *bench) first(ctx context.Context) error {
	c, err := b.newCampaign(ctx)
	if err != nil {
		return err
	}
	arrived := b.sink.next()
	start := system.Now()
	if c, err = b.engine.Campaigns.Start(ctx, b.account, c.ID, true); err != nil {
		return err
	}
	b.engine.Wake()
	select {
	case at := <-arrived:
		b.result.FirstMessage = at.Sub(start).Seconds()
	case <-ctx.Done():
		return ctx.Err()
	}
	b.say("first message after %.0f ms", b.result.FirstMessage*1000)
	run, err := b.await(ctx, c.RunID, func(r campaigns.Run) bool { return r.Status == campaigns.RunFinished })
	if err != nil {
		return err
	}
	return b.verify(ctx, run)
}

// transactional measures how long a transactional message takes while a
// campaign waits on the same channel at 80 messages a second.
func (b *bench) transactional(ctx context.Context) error {
	channel := b.channel
	channel.Limits.PerSecond = 80
	if _, err := b.engine.Store.UpdateChannel(ctx, channel); err != nil {
		return err
	}
	c, err := b.newCampaign(ctx)
	if err != nil {
		return err
	}
	if c, err = b.engine.Campaigns.Start(ctx, b.account, c.ID, true); err != nil {
		return err
	}
	b.engine.Wake()
	if _, err := b.await(ctx, c.RunID, func(r campaigns.Run) bool { return r.PlanDone && r.Counts[campaigns.Sent] > 80 }); err != nil {
		return err
	}
	var seconds []float64
	content, err := json.Marshal(providers.Content{Subject: "Your code", Text: "Your code is 123456."})
	if err != nil {
		return err
	}
	for range 9 {
		start := system.Now()
		m, err := b.engine.Store.CreateMessage(ctx, campaigns.Outgoing{
			AccountID: b.account, ChannelID: b.channel.ID, Address: "somebody@example.com", Content: content,
		})
		if err != nil {
			return err
		}
		arrived := b.sink.wait(m.ID)
		b.engine.Wake()
		select {
		case at := <-arrived:
			seconds = append(seconds, at.Sub(start).Seconds())
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	b.result.Transactional = median(seconds)
	b.say("transactional message after %.0f ms (median of %d, at 80/s with %d waiting)", b.result.Transactional*1000, len(seconds), b.s.Recipients)
	if _, err := b.engine.Campaigns.Cancel(ctx, b.account, c.ID, "bench"); err != nil {
		return err
	}
	run, err := b.await(ctx, c.RunID, func(r campaigns.Run) bool { return r.FinishedAt != nil })
	if err != nil {
		return err
	}
	return b.verify(ctx, run)
}

func (b *bench) await(ctx context.Context, runID int64, done func(campaigns.Run) bool) (campaigns.Run, error) {
	for {
		run, err := b.engine.Store.GetRun(ctx, b.account, runID)
		if err != nil || done(run) {
			return run, err
		}
		if err := system.Sleep(ctx, 10*time.Millisecond); err != nil {
			return run, err
		}
	}
}

func (b *bench) verify(ctx context.Context, run campaigns.Run) error {
	v, err := b.engine.Store.VerifyRun(ctx, run.ID)
	for _, problem := range v.Problems {
		b.result.Verified = false
		b.say("run %d does not balance: %s", run.ID, problem)
	}
	return err
}
