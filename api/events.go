package api

import (
	"context"
	"maps"
	"net/http"
	"slices"
	"sync"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humago"
	"github.com/danielgtaylor/huma/v2/sse"

	"carillon/api/gate"
	"carillon/campaigns"
	"carillon/internal/clock"
	"carillon/internal/fault"
)

// EventSnapshot is everything that the events after it are changes of.
type EventSnapshot struct {
	Runs     []Run           `json:"runs" doc:"Runs that are under way, or ended in the last minute."`
	Queue    []QueueDepth    `json:"queue" doc:"What waits on each channel."`
	Channels []ChannelHealth `json:"channels"`
}

// QueueDepth is what waits on a channel.
type QueueDepth struct {
	ChannelID int64 `json:"channel_id"`
	Pending   int64 `json:"pending" doc:"Waits for its time or for room in the queue."`
	Queued    int64 `json:"queued" doc:"In the channel's window."`
	Sending   int64 `json:"sending" doc:"The provider is being asked."`
}

// ChannelHealth says whether a channel works.
type ChannelHealth struct {
	ChannelID    int64          `json:"channel_id"`
	Name         string         `json:"name"`
	Status       string         `json:"status" enum:"active,paused,stopped,deleted"`
	StatusReason string         `json:"status_reason,omitempty" doc:"Why it is not active."`
	Health       ProviderHealth `json:"health"`
	Standstill   *Standstill    `json:"standstill,omitempty" doc:"Why nothing goes out on it; absent while something can."`
}

// Heartbeat says that the connection is alive.
type Heartbeat struct {
	At time.Time `json:"at"`
}

// Times of an event stream, in which nothing may happen for long.
const (
	heartbeatEvery = 15 * time.Second
	// retryAfterMillis is what browsers wait before they connect again.
	retryAfterMillis = 2000
)

func (s *Server) eventRoutes() {
	o := operation{id: "stream-events", method: http.MethodGet, path: "/v1/events", tag: "events", doc: "Watch what goes on, as server-sent events",
		roles: mayLook,
		more: "The first event is a snapshot; what changes afterwards comes as run, queue and channel events, each with the whole new state of its run or channel, " +
			"about twice a second at most. Whoever reads slowly gets the newest state, not every one in between. A heartbeat comes every 15 seconds. " +
			"Whoever was cut off connects again and gets a new snapshot; Last-Event-ID is not looked at."}
	s.guard(o)
	op := o.described()
	op.Middlewares = huma.Middlewares{func(ctx huma.Context, next func(huma.Context)) { s.openStream(o, ctx, next) }}
	sse.Register(s.api, op, map[string]any{
		"snapshot": EventSnapshot{}, "run": Run{}, "queue": QueueDepth{}, "channel": ChannelHealth{}, "heartbeat": Heartbeat{},
	}, func(ctx context.Context, _ *struct{}, send sse.Sender) {
		if l, ok := ctx.Value(streamKey).(*stream); ok {
			// An error means that the client is gone, or that the server stops.
			_ = l.run(ctx, s, send)
		}
	})
}

type contextKey int

// streamKey is where the connection's stream is found.
const streamKey contextKey = iota

// stream is one connection to /v1/events.
type stream struct {
	listener *campaigns.Listener
	// allowed says whether the key may still look.
	allowed func(ctx context.Context) bool
	sent    *campaigns.LiveState
}

// openStream does what has to be done while a problem can still be answered.
func (s *Server) openStream(o operation, ctx huma.Context, next func(huma.Context)) {
	r, w := humago.Unwrap(ctx)
	caller := gate.Caller(r.Context())
	open := s.streams.Add(1)
	defer s.streams.Add(-1)
	if most := s.Options.MaxStreams; most > 0 && open > int64(most) {
		writeProblem(w, fault.New(fault.RateLimited, "%d event streams are open already, half of max_connections: close those that nobody reads", most))
		return
	}
	listening, listener, err := s.Live.Listen(r.Context(), caller.AccountID)
	if err != nil {
		writeProblem(w, err)
		return
	}
	defer listener.Close()
	breakable := &streamWriter{ResponseWriter: w}
	stop := context.AfterFunc(listening, breakable.breakOff)
	defer stop()
	w.Header().Set("Cache-Control", "no-store")
	// A proxy that gathers what it passes on would hold events back.
	w.Header().Set("X-Accel-Buffering", "no")
	if r.ProtoMajor < 2 {
		// The deadline of the last event would be that of the next request's answer.
		w.Header().Set("Connection", "close")
	}
	l := &stream{listener: listener, allowed: func(ctx context.Context) bool {
		caller, err := s.gate.Lookup(ctx, r)
		return err == nil && s.gate.May(ctx, o.route(), caller) == nil
	}}
	listening = context.WithValue(listening, streamKey, l)
	next(humago.NewContext(ctx.Operation(), r.WithContext(listening), breakable))
	breakable.finish()
}

// run sends events until the context or the connection ends, or the key does.
func (l *stream) run(ctx context.Context, s *Server, send sse.Sender) error {
	heartbeat := s.Clock.After(heartbeatEvery)
	for {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-l.listener.Changed():
			if err := l.sendNews(send); err != nil {
				return err
			}
		case <-heartbeat:
			if !l.allowed(ctx) {
				return nil
			}
			if err := send.Data(Heartbeat{s.Clock.Now()}); err != nil {
				return err
			}
			heartbeat = s.Clock.After(heartbeatEvery)
		}
	}
}

// sendNews sends what is different from what was sent last: however many states
// there were in between, it goes by the newest.
func (l *stream) sendNews(send sse.Sender) error {
	now := l.listener.State()
	if now == nil {
		return nil
	}
	before := l.sent
	l.sent = now
	if before == nil {
		return send(sse.Message{Data: snapshotView(now), Retry: retryAfterMillis})
	}
	for _, id := range slices.Sorted(maps.Keys(now.Channels)) {
		c, old := now.Channels[id], before.Channels[id]
		if c.Name != old.Name || c.Status != old.Status || c.StatusReason != old.StatusReason || c.Health != old.Health || c.Still != old.Still {
			health := channelHealth(c)
			if err := send.Data(health); err != nil {
				return err
			}
		}
		if depth := depthView(c); depth != depthView(old) {
			if err := send.Data(depth); err != nil {
				return err
			}
		}
	}
	for _, id := range slices.Sorted(maps.Keys(before.Channels)) {
		if _, there := now.Channels[id]; !there {
			if err := send.Data(ChannelHealth{ChannelID: id, Name: before.Channels[id].Name, Status: "deleted"}); err != nil {
				return err
			}
		}
	}
	for _, id := range slices.Sorted(maps.Keys(now.Runs)) {
		r := now.Runs[id]
		if old, known := before.Runs[id]; known && old.Same(r) {
			continue
		}
		if err := send.Data(pacedRun(r.Run, r.Pace)); err != nil {
			return err
		}
	}
	return nil
}

func snapshotView(state *campaigns.LiveState) EventSnapshot {
	view := EventSnapshot{Runs: []Run{}, Queue: []QueueDepth{}, Channels: []ChannelHealth{}}
	for _, id := range slices.Sorted(maps.Keys(state.Runs)) {
		view.Runs = append(view.Runs, pacedRun(state.Runs[id].Run, state.Runs[id].Pace))
	}
	for _, id := range slices.Sorted(maps.Keys(state.Channels)) {
		view.Queue = append(view.Queue, depthView(state.Channels[id]))
		view.Channels = append(view.Channels, channelHealth(state.Channels[id]))
	}
	return view
}

func channelHealth(c campaigns.LiveChannel) ChannelHealth {
	return ChannelHealth{ChannelID: c.ID, Name: c.Name, Status: string(c.Status), StatusReason: c.StatusReason, Health: healthView(c.Health),
		Standstill: standstillView(c.Still)}
}

func depthView(c campaigns.LiveChannel) QueueDepth {
	return QueueDepth{ChannelID: c.ID, Pending: c.Pending, Queued: c.Queued, Sending: c.Sending}
}

// streamWriter is an answer that can be broken off while it is written: a server
// that stops does not wait for whoever does not read.
type streamWriter struct {
	http.ResponseWriter
	mu       sync.Mutex
	broken   bool
	finished bool
}

// lastWords is how long the end of a stream may take to write.
const lastWords = time.Second

// Unwrap lets http.ResponseController reach the connection.
func (w *streamWriter) Unwrap() http.ResponseWriter { return w.ResponseWriter }

// SetWriteDeadline bounds what is written next, unless the answer is broken off.
func (w *streamWriter) SetWriteDeadline(deadline time.Time) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.broken {
		deadline = time.Unix(1, 0)
	}
	return http.NewResponseController(w.ResponseWriter).SetWriteDeadline(deadline)
}

// breakOff ends what is being written.
func (w *streamWriter) breakOff() {
	w.mu.Lock()
	defer w.mu.Unlock()
	if !w.finished {
		w.broken = true
		_ = http.NewResponseController(w.ResponseWriter).SetWriteDeadline(time.Unix(1, 0))
	}
}

// finish lets the end of an answer be written of which nothing was broken off.
func (w *streamWriter) finish() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.finished = true
	_ = http.NewResponseController(w.ResponseWriter).SetWriteDeadline(clock.System{}.Now().Add(lastWords))
}
