package bench

import (
	"context"
	"encoding/json"
	"slices"
	"sync"
	"time"

	"carillon/campaigns"
	"carillon/messages"
	"carillon/providers"
)

// preview measures how long it takes to say whom a draft would be sent to.
func (b *bench) preview(ctx context.Context) error {
	c, err := b.draft(ctx)
	if err != nil {
		return err
	}
	start := system.Now()
	_, err = b.engine.Campaigns.Preview(ctx, b.account, c.ID)
	b.result.PreviewSeconds = since(start)
	b.say("preview after %.0f ms", b.result.PreviewSeconds*1000)
	return err
}

// explained is how many recipients are asked for.
const explained = 9

// explain measures how long it takes to say what became of somebody.
func (b *bench) explain(ctx context.Context) error {
	var seconds []float64
	for i := range explained {
		start := system.Now()
		if _, err := b.engine.Campaigns.Explain(ctx, b.account, b.sent.ID, address(i*(b.people()-1)/(explained-1))); err != nil {
			return err
		}
		seconds = append(seconds, since(start))
	}
	b.result.ExplainSeconds = median(seconds)
	b.say("explained after %.0f ms (median of %d)", b.result.ExplainSeconds*1000, explained)
	return nil
}

// first measures from starting a campaign to its first message at the sink.
func (b *bench) first(ctx context.Context) error {
	arrived, err := b.sink.expect(0)
	if err != nil {
		return err
	}
	start := system.Now()
	c, err := b.start(ctx)
	if err != nil {
		return err
	}
	at, err := arrived(ctx)
	if err != nil {
		return err
	}
	b.result.FirstMessage = at.Sub(start).Seconds()
	b.say("first message after %.0f ms", b.result.FirstMessage*1000)
	if err := b.cancel(ctx, c); err != nil {
		return err
	}
	return b.verify(ctx, c)
}

// The transactional messages that are sent beside a campaign: few enough to be no
// load of their own.
const (
	singles      = 9
	singlesEvery = 100 * time.Millisecond
	busyRate     = 80 // messages a second of the channel while it is waited for
)

// transactional measures how long a transactional message takes while a campaign
// waits on the same channel at 80 messages a second.
func (b *bench) transactional(ctx context.Context) error {
	channel := b.channel
	channel.Limits.PerSecond = busyRate
	if _, err := b.engine.Store.UpdateChannel(ctx, channel); err != nil {
		return err
	}
	// Workers look for changed limits four times a second; until then a small campaign
	// would be over.
	if err := system.Sleep(ctx, time.Second); err != nil {
		return err
	}
	c, err := b.start(ctx)
	if err != nil {
		return err
	}
	loaded := func(r campaigns.Run) bool {
		return r.PlanDone && r.Counts[messages.Sent] > busyRate || r.FinishedAt != nil
	}
	if _, err := b.await(ctx, c, loaded); err != nil {
		return err
	}
	var seconds []float64
	for range singles {
		took, err := b.single(ctx)
		if err != nil {
			return err
		}
		seconds = append(seconds, took)
	}
	b.result.Transactional = median(seconds)
	b.say("transactional message after %.0f ms (median of %d, at %d/s with %d waiting)", b.result.Transactional*1000, singles, busyRate, b.people())
	start := system.Now()
	if _, err := b.engine.Campaigns.Pause(ctx, b.account, c.ID, "bench"); err != nil {
		return err
	}
	b.result.PauseSeconds = since(start)
	start = system.Now()
	if err := b.cancel(ctx, c); err != nil {
		return err
	}
	b.result.CancelSeconds = since(start)
	b.say("paused in %.0f ms, canceled in %.2f s", b.result.PauseSeconds*1000, b.result.CancelSeconds)
	return b.verify(ctx, c)
}

// single sends a transactional message and says how many seconds it took to
// arrive.
func (b *bench) single(ctx context.Context) (float64, error) {
	content, err := json.Marshal(providers.Content{Subject: "Your code", Text: "Your code is 123456."})
	if err != nil {
		return 0, err
	}
	start := system.Now()
	m, err := b.engine.Store.CreateMessage(ctx, messages.Outgoing{
		AccountID: b.account, ChannelID: b.channel.ID, Address: "somebody@example.com", Content: content,
	})
	if err != nil {
		return 0, err
	}
	arrived, err := b.sink.expect(m.ID)
	if err != nil {
		return 0, err
	}
	b.engine.Wake()
	at, err := arrived(ctx)
	return at.Sub(start).Seconds(), err
}

// mixture is what goes on beside two campaigns at full speed.
type mixture struct {
	cancel  context.CancelFunc
	wg      *sync.WaitGroup
	seconds []float64
	share   float64
	err     error
}

// besides sends a transactional message every now and then.
func (b *bench) besides(ctx context.Context) (*mixture, context.Context) {
	m := &mixture{wg: &sync.WaitGroup{}}
	ctx, m.cancel = context.WithCancel(ctx)
	m.wg.Go(func() {
		for ctx.Err() == nil && m.err == nil {
			// What has begun is waited for: it is sent, whoever looks.
			var took float64
			if took, m.err = b.single(context.WithoutCancel(ctx)); m.err == nil {
				m.seconds = append(m.seconds, took)
				_ = system.Sleep(ctx, singlesEvery) // ctx is looked at above
			}
		}
	})
	return m, ctx
}

// mix sends transactional messages beside, and looks whose turn it is when half of the
// campaigns is sent.
func (b *bench) mix(ctx context.Context, sending []campaigns.Campaign) *mixture {
	m, ctx := b.besides(ctx)
	m.wg.Go(func() {
		for ctx.Err() == nil && m.share == 0 {
			var sent []int64
			for _, c := range sending {
				run, err := b.engine.Store.GetRun(ctx, b.account, c.RunID)
				if err != nil {
					return
				}
				sent = append(sent, run.Counts[messages.Sent])
			}
			if total := sent[0] + sent[1]; total*2 >= int64(b.s.Recipients) {
				m.share = float64(slices.Min(sent)) / float64(total)
			}
			_ = system.Sleep(ctx, 20*time.Millisecond) // ctx is looked at above
		}
	})
	return m
}

// stop ends it and writes down what it measured; nil has measured nothing.
func (m *mixture) stop(r *Result) error {
	if m == nil {
		return nil
	}
	m.cancel()
	m.wg.Wait()
	r.singles, r.Share = int64(len(m.seconds)), m.share
	if len(m.seconds) > 0 {
		r.AtFullSpeed, r.AtFullSpeedWorst = median(m.seconds), slices.Max(m.seconds)
	}
	return m.err
}

func median(values []float64) float64 {
	if len(values) == 0 {
		return 0
	}
	sorted := slices.Sorted(slices.Values(values))
	return sorted[len(sorted)/2]
}
