package bench

import (
	"context"
	"fmt"
	"runtime"
	"slices"
	"sync"
	"time"

	"carillon/campaigns"
	"carillon/messages"
	"carillon/queue"
)

// Cores are how many processor cores were busy, on average; 0 where it is not
// known.
type Cores struct {
	// Process is Carillon's, with SQLite and the embedded Redis in it; Store and
	// Redis are the servers'; Sink is the provider's side.
	Process float64 `json:"process"`
	// Workers are the worker processes', where there are any.
	Workers float64 `json:"workers,omitempty"`
	Store   float64 `json:"store"`
	Redis   float64 `json:"redis"`
	Sink    float64 `json:"sink"`
	// Machine is all that was busy, whoever it was, of Of cores.
	Machine float64 `json:"machine"`
	Of      int     `json:"of"`
}

// String says who was busy.
func (c Cores) String() string {
	return fmt.Sprintf("cores: process %.2f, workers %.2f, store %.2f, Redis %.2f, sink %.2f; %.2f of %d busy",
		c.Process, c.Workers, c.Store, c.Redis, c.Sink, c.Machine, c.Of)
}

// Counts are what messages took. Unlike times they are much the same on every
// machine.
type Counts struct {
	// Allocations and AllocatedBytes are of Carillon's process, for each message.
	Allocations    float64 `json:"allocations_per_message"`
	AllocatedBytes float64 `json:"allocated_bytes_per_message"`
	// Transactions are those that write to the store, Commands and Scripts are
	// Redis', all for a thousand messages.
	Transactions float64 `json:"transactions_per_thousand"`
	Commands     float64 `json:"redis_commands_per_thousand"`
	Scripts      float64 `json:"redis_scripts_per_thousand"`
}

// reading is what the meters show at a moment, or between two.
type reading struct {
	seconds                            float64
	allocations, bytes                 uint64
	transactions                       int64
	work                               queue.Work
	process, store, redis, sink, total float64 // seconds of processor time
	workers                            float64
}

func (b *bench) read(ctx context.Context) (r reading, err error) {
	if r.work, err = b.engine.Queue.Work(ctx); err != nil {
		return r, err
	}
	var memory runtime.MemStats
	runtime.ReadMemStats(&memory)
	r.allocations, r.bytes = memory.Mallocs, memory.TotalAlloc
	r.transactions = b.engine.Store.Transactions()
	r.process, r.sink, r.total = ownSeconds(), treeSeconds(b.sink.Pid()), machineSeconds()
	for _, w := range b.workers {
		r.workers += treeSeconds(w.Pid())
	}
	r.store, r.redis = treeSeconds(b.s.StorePid), treeSeconds(b.s.RedisPid)
	return r, nil
}

// meter says what passes while something is done.
func (b *bench) meter(ctx context.Context, do func() error) (reading, error) {
	before, err := b.read(ctx)
	if err != nil {
		return before, err
	}
	start := system.Now()
	if err := do(); err != nil {
		return before, err
	}
	seconds := since(start)
	after, err := b.read(ctx)
	return reading{
		seconds: seconds, allocations: after.allocations - before.allocations, bytes: after.bytes - before.bytes,
		transactions: after.transactions - before.transactions,
		work:         queue.Work{Commands: after.work.Commands - before.work.Commands, Scripts: after.work.Scripts - before.work.Scripts},
		process:      after.process - before.process, store: after.store - before.store, redis: after.redis - before.redis,
		workers: after.workers - before.workers, sink: after.sink - before.sink, total: after.total - before.total,
	}, err
}

func (r reading) cores() Cores {
	return Cores{
		Process: r.process / r.seconds, Workers: r.workers / r.seconds, Store: r.store / r.seconds, Redis: r.redis / r.seconds, Sink: r.sink / r.seconds,
		Machine: r.total / r.seconds, Of: runtime.NumCPU(),
	}
}

// counts are what messages took, less what passes in the same time when nothing
// is sent: else a slow machine would count more.
func (r reading) counts(quiet reading, messages int64) Counts {
	of := func(busy, idle float64) float64 {
		return max(0, busy-idle*ratio(r.seconds, quiet.seconds)) / max(1, float64(messages))
	}
	return Counts{
		Allocations:    of(float64(r.allocations), float64(quiet.allocations)),
		AllocatedBytes: of(float64(r.bytes), float64(quiet.bytes)),
		Transactions:   1000 * of(float64(r.transactions), float64(quiet.transactions)),
		Commands:       1000 * of(float64(r.work.Commands), float64(quiet.work.Commands)),
		Scripts:        1000 * of(float64(r.work.Scripts), float64(quiet.work.Scripts)),
	}
}

// watchInterval is how often is looked at what changes while messages are sent.
const watchInterval = 50 * time.Millisecond

// watcher looks at the sink, the queue and Redis while campaigns are sent.
type watcher struct {
	cancel context.CancelFunc
	wg     sync.WaitGroup

	mu      sync.Mutex
	began   time.Time
	empty   int64 // bytes that the queues' keys take with nothing in them
	samples []sample
	used    int64
	err     error
}

// sample is what the watcher saw at a moment.
type sample struct {
	at                time.Time
	count, open       int64
	queued, heldBytes int64
}

func (b *bench) watch(ctx context.Context, sending []campaigns.Campaign) *watcher {
	ctx, cancel := context.WithCancel(ctx)
	w := &watcher{cancel: cancel}
	w.wg.Go(func() {
		for ctx.Err() == nil {
			s, used, err := b.sample(ctx, sending)
			w.mu.Lock()
			switch {
			case ctx.Err() != nil:
			case err != nil:
				w.err = err
			case w.began.IsZero():
				w.empty, w.used = s.heldBytes, used
			default:
				w.samples, w.used = append(w.samples, s), max(w.used, used)
			}
			w.mu.Unlock()
			_ = system.Sleep(ctx, watchInterval) // ctx is looked at above
		}
	})
	return w
}

func (b *bench) sample(ctx context.Context, sending []campaigns.Campaign) (s sample, used int64, err error) {
	tally, err := b.sink.tally(ctx)
	if err != nil {
		return s, 0, err
	}
	s.at, s.count, s.open = system.Now(), tally.Count, tally.Open
	for _, c := range sending {
		run, err := b.engine.Store.GetRun(ctx, b.account, c.RunID)
		if err != nil {
			return s, 0, err
		}
		s.queued += run.Counts[messages.Queued]
	}
	if s.heldBytes, err = b.engine.Queue.HeldBytes(ctx); err != nil {
		return s, 0, err
	}
	used, err = b.engine.Queue.Memory(ctx)
	return s, used, err
}

// begin says that from now on something is sent.
func (w *watcher) begin() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.began = system.Now()
}

func (w *watcher) stop() {
	w.cancel()
	w.wg.Wait()
}

// report writes down what was seen.
func (w *watcher) report(r *Result) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.err != nil {
		return w.err
	}
	r.PeakRedis = w.used
	var most int64
	for _, s := range w.samples {
		r.Connections, most = max(r.Connections, s.open), max(most, s.queued)
	}
	var held []float64
	for _, s := range w.samples {
		if s.queued > 0 && s.queued*2 >= most {
			held = append(held, float64(max(0, s.heldBytes-w.empty))/float64(s.queued))
		}
	}
	r.RedisPerMessage = median(held)
	r.SteadyRate = steady(w.samples, w.began)
	if r.LatencyMS > 0 {
		r.AllowedRate = float64(r.Connections) * 1000 / float64(r.LatencyMS)
	}
	return nil
}

// steady is how many messages a second arrived in the second half of the time
// until the last of them did.
func steady(samples []sample, began time.Time) float64 {
	if len(samples) == 0 {
		return 0
	}
	total := samples[len(samples)-1].count
	last := samples[slices.IndexFunc(samples, func(s sample) bool { return s.count == total })]
	half := began.Add(last.at.Sub(began) / 2)
	for _, s := range samples {
		if !s.at.Before(half) && last.at.After(s.at) {
			return float64(last.count-s.count) / last.at.Sub(s.at).Seconds()
		}
	}
	return 0
}
