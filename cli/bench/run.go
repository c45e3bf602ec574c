package bench

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strconv"
	"time"

	"carillon/app"
	"carillon/campaigns"
	"carillon/configs"
	"carillon/internal/clock"
	"carillon/internal/secret"
	"carillon/messages"
	"carillon/providers"
	"carillon/targeting"
	"carillon/tracking"
)

// publicURL makes messages carry what real ones do: an unsubscribe link and the
// headers that go with it.
const publicURL = "https://news.example.com"

// benchKey signs the links.
const benchKey = "a master key for the benchmark"

// slowFor is how long a campaign to a provider with latency is sent; what is left
// then is canceled. Its rate is known by then.
const slowFor = 12 * time.Second

// idleFor is how long is watched what passes when nothing is sent.
const idleFor = time.Second

// bench is a scenario under way.
type bench struct {
	s       Scenario
	content Content
	engine  *app.Engine
	sink    *sinkProcess
	workers []*workerProcess
	account int64
	channel providers.Channel
	upload  int64
	sent    campaigns.Campaign // at full speed
	// tracks is what of the campaigns is tracked.
	tracks tracking.Settings
	result Result
	say    func(format string, args ...any)
}

// Run measures one scenario. What it does is said to progress.
func Run(ctx context.Context, s Scenario, progress io.Writer) (Result, error) {
	b, err := newBench(s, progress)
	if err != nil {
		return b.result, err
	}
	if err := b.naive(ctx, progress); err != nil {
		return b.result, err
	}
	err = b.run(ctx, progress, b.steps()...)
	b.result.PeakProcess = peakResidentBytes()
	return b.result, err
}

func newBench(s Scenario, progress io.Writer) (b *bench, err error) {
	b = &bench{s: s, result: Result{
		Content: s.Content, Transport: s.Transport, LatencyMS: s.LatencyMS, Store: s.Store, Recipients: s.Recipients,
		Mixed: s.Mixed, Concurrency: s.Concurrency, Workers: s.Workers, Webhooks: s.Webhooks, Verified: true,
	}}
	b.say = func(format string, args ...any) { _, _ = fmt.Fprintf(progress, "  "+format+"\n", args...) }
	b.content, err = contentNamed(s.Content)
	return b, err
}

// steps are what a scenario does, in turn.
func (b *bench) steps() []func(context.Context) error {
	return []func(context.Context) error{b.prepare, b.importCSV, b.preview, b.planAndSend, b.explain, b.first, b.transactional}
}

// config is that of every process of the scenario with a part of Carillon in it.
func (s Scenario) config() configs.Config {
	return configs.Config{
		DataDir: s.Dir, StoreDSN: secret.New(s.StoreDSN), RedisURL: secret.New(s.RedisURL), PublicURL: publicURL,
		MasterKey: secret.New(benchKey), MaxUploadMB: 4096, ShutdownSeconds: 10, AllowPrivateAddresses: true,
	}
}

// run does steps with an engine and a sink.
func (b *bench) run(ctx context.Context, progress io.Writer, steps ...func(context.Context) error) (err error) {
	if b.sink, err = startSink(ctx, b.s, progress); err != nil {
		return err
	}
	defer func() { err = errors.Join(err, b.sink.Close()) }()
	config := b.s.config()
	if b.s.StoreDSN != "" {
		if _, err := app.Migrate(ctx, config); err != nil {
			return err
		}
	}
	roles := app.Roles{Scheduler: true, Worker: b.s.Workers == 0}
	if b.engine, err = app.StartEngine(ctx, app.Options{Config: config, Roles: roles}); err != nil {
		return err
	}
	defer func() { err = errors.Join(err, b.engine.Stop()) }()
	defer func() { err = errors.Join(err, b.stopWorkers()) }()
	if err := b.startWorkers(ctx, progress); err != nil {
		return err
	}
	for _, step := range steps {
		if err := step(ctx); err != nil {
			return err
		}
	}
	return nil
}

// withServer does something with a server that has every role, and a sink.
func (b *bench) withServer(ctx context.Context, progress io.Writer, do func(url string) error) (err error) {
	if b.sink, err = startSink(ctx, b.s, progress); err != nil {
		return err
	}
	defer func() { err = errors.Join(err, b.sink.Close()) }()
	config := b.s.config()
	config.Listen = "127.0.0.1:0"
	if b.s.StoreDSN != "" {
		if _, err := app.Migrate(ctx, config); err != nil {
			return err
		}
	}
	server, err := app.Start(ctx, config, app.AllRoles, app.Notices{Say: func(string) {}})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, server.Stop()) }()
	b.engine = server.Engine
	return do(server.URL)
}

var system clock.System

func since(start time.Time) float64 { return system.Now().Sub(start).Seconds() }

// naive runs the naive loop against a sink of its own.
func (b *bench) naive(ctx context.Context, progress io.Writer) (err error) {
	target, err := startSink(ctx, b.s, progress)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, target.Close()) }()
	s := b.s
	s.Sink = target.Address
	if err := callChild(ctx, "naive", s, progress, &b.result.Naive); err != nil {
		return err
	}
	b.say("naive loop: %.0f messages/s", b.result.Naive)
	return nil
}

func (b *bench) draft(ctx context.Context) (campaigns.Campaign, error) {
	return b.engine.Campaigns.Create(ctx, campaigns.Campaign{
		AccountID: b.account, Name: "bench " + strconv.FormatInt(system.Now().UnixNano(), 36), ChannelID: b.channel.ID,
		Audience: targeting.Audience{Uploads: []int64{b.upload}}, Content: b.content.Templates,
		Tracking: b.tracks,
	})
}

// start starts a campaign.
func (b *bench) start(ctx context.Context) (campaigns.Campaign, error) {
	c, err := b.draft(ctx)
	if err != nil {
		return c, err
	}
	c, err = b.engine.Campaigns.Start(ctx, b.account, c.ID, true)
	b.engine.Wake()
	return c, err
}

// planAndSend plans while the channel is paused, so that planning is measured
// alone, watches for a moment what passes when nothing is sent, and lets it go.
func (b *bench) planAndSend(ctx context.Context) error {
	if err := b.engine.Store.PauseChannel(ctx, b.account, b.channel.ID, "bench"); err != nil {
		return err
	}
	count := 1
	if b.s.Mixed {
		count = 2
	}
	var sending []campaigns.Campaign
	start := system.Now()
	for range count {
		c, err := b.start(ctx)
		if err != nil {
			return err
		}
		sending = append(sending, c)
	}
	b.sent = sending[0]
	for _, c := range sending {
		if _, err := b.await(ctx, c, func(r campaigns.Run) bool { return r.PlanDone }); err != nil {
			return err
		}
	}
	b.result.PlanSeconds = since(start)
	b.result.PlanRate = float64(b.people()*count) / b.result.PlanSeconds
	b.say("plan: %.2f s, %.0f messages/s", b.result.PlanSeconds, b.result.PlanRate)
	b.result.PeakPrepared = peakResidentBytes()
	if b.s.Webhooks == 0 {
		return b.send(ctx, sending)
	}
	told, err := b.subscribe(ctx)
	if err != nil {
		return err
	}
	err = b.send(ctx, sending)
	return errors.Join(err, told.close(ctx, b, sending))
}

// send sends what is planned at full speed.
func (b *bench) send(ctx context.Context, sending []campaigns.Campaign) error {
	watch := b.watch(ctx, sending)
	defer watch.stop()
	before, err := b.sink.tally(ctx)
	if err != nil {
		return err
	}
	quiet, err := b.meter(ctx, func() error { return system.Sleep(ctx, idleFor) })
	if err != nil {
		return err
	}
	finished, err := b.profile()
	if err != nil {
		return err
	}
	watch.begin()
	busy, err := b.meter(ctx, func() error {
		if err := b.engine.Store.ResumeChannel(ctx, b.account, b.channel.ID, "bench"); err != nil {
			return err
		}
		b.engine.Wake()
		return b.finish(ctx, sending)
	})
	if err := errors.Join(err, finished()); err != nil {
		return err
	}
	watch.stop()
	after, err := b.sink.tally(ctx)
	if err != nil {
		return err
	}
	sent := after.Count - before.Count
	b.result.SendRate = float64(sent) / busy.seconds
	b.result.Cores = busy.cores()
	b.result.Counts = busy.counts(quiet, sent)
	if stats := b.engine.FeedStats(); stats.Seconds > 0 {
		b.result.FeedRate = float64(stats.Messages) / stats.Seconds
	}
	if after.Violations > 0 {
		b.result.Verified = false
		b.say("%d violations of the protocol", after.Violations)
	}
	if err := watch.report(&b.result); err != nil {
		return err
	}
	b.say("send: %.0f messages/s (%.2f of the naive loop), %s", b.result.SendRate, b.result.Ratio(), b.result.Cores)
	return b.balance(ctx, sending, after.Asked-before.Asked)
}

// finish waits until campaigns are sent. To a slow provider they are sent for a
// while.
func (b *bench) finish(ctx context.Context, sending []campaigns.Campaign) error {
	start := system.Now()
	late := func() bool { return b.s.LatencyMS > 0 && system.Now().Sub(start) > slowFor }
	var mixed *mixture
	if b.s.Mixed {
		mixed = b.mix(ctx, sending)
	}
	for _, c := range sending {
		run, err := b.await(ctx, c, func(r campaigns.Run) bool { return r.FinishedAt != nil || late() })
		if err != nil {
			return errors.Join(err, mixed.stop(&b.result))
		}
		if run.FinishedAt == nil {
			if err := b.cancel(ctx, c); err != nil {
				return errors.Join(err, mixed.stop(&b.result))
			}
		}
	}
	return mixed.stop(&b.result)
}

// cancel cancels a campaign and waits until nothing of it is under way.
func (b *bench) cancel(ctx context.Context, c campaigns.Campaign) error {
	if _, err := b.engine.Campaigns.Cancel(ctx, b.account, c.ID, "bench"); err != nil {
		return err
	}
	_, err := b.await(ctx, c, func(r campaigns.Run) bool { return r.FinishedAt != nil })
	return err
}

func (b *bench) await(ctx context.Context, c campaigns.Campaign, done func(campaigns.Run) bool) (campaigns.Run, error) {
	for {
		run, err := b.engine.Store.GetRun(ctx, b.account, c.RunID)
		if err != nil || done(run) {
			return run, err
		}
		if err := system.Sleep(ctx, 10*time.Millisecond); err != nil {
			return run, err
		}
	}
}

// verify checks that a campaign accounts for everybody.
func (b *bench) verify(ctx context.Context, c campaigns.Campaign) error {
	v, err := b.engine.Store.VerifyRun(ctx, c.RunID)
	for _, problem := range v.Problems {
		b.result.Verified = false
		b.say("run %d does not balance: %s", c.RunID, problem)
	}
	return err
}

// balance checks that campaigns balance, and that the sink was asked for what
// they say was sent, and no more.
func (b *bench) balance(ctx context.Context, sent []campaigns.Campaign, asked int64) error {
	total := b.result.singles
	for _, c := range sent {
		run, err := b.engine.Store.GetRun(ctx, b.account, c.RunID)
		if err != nil {
			return err
		}
		total += run.Counts[messages.Sent] + run.Counts[messages.Delivered]
		if err := b.verify(ctx, c); err != nil {
			return err
		}
	}
	if asked != total {
		b.result.Verified = false
		b.say("%d messages are sent, but the sink was asked for %d", total, asked)
	}
	return nil
}
