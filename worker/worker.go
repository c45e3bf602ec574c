// Package worker sends messages: it takes envelopes off the channels' queues, loads
// and renders the messages that they name, and for each message waits for a slot of
// the rate limiter, claims it in the store, asks the provider and records what became
// of it. It must not know how messages are planned.
package worker

import (
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"maps"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"carillon/campaigns"
	"carillon/internal/clock"
	"carillon/internal/loops"
	"carillon/internal/tracing"
	"carillon/messages"
	"carillon/providers"
	"carillon/queue"
	"carillon/templates/liquid"
	"carillon/worker/flight"
)

// Store is what the worker needs of the store. Whatever it is asked, it is Unavailable
// while the database does not answer; nothing here is lost by asking again.
type Store interface {
	// Heartbeat says that the worker is alive, and what it is at.
	Heartbeat(ctx context.Context, workerID int64, b campaigns.Beat) error
	// RetireWorker says that the worker has stopped and has nothing in flight.
	RetireWorker(ctx context.Context, workerID int64) error
	// AllChannels are the channels of every account that are not deleted.
	AllChannels(ctx context.Context) ([]providers.Channel, error)
	// StopChannel and NoteHealth change nothing of a channel that has begun anew
	// since epoch.
	StopChannel(ctx context.Context, channelID, epoch int64, reason string) (stopped bool, err error)
	NoteHealth(ctx context.Context, channelID, epoch int64, h providers.Health) error
	// PauseRun pauses the campaign of a run that goes wrong; why is kept with it. It
	// changes nothing when the run is not under way, and is NotFound if there is none.
	PauseRun(ctx context.Context, runID int64, why string) error
	// Unqueue takes messages of an envelope back to pending, to be fed again from due
	// on. It is NotFound if the channel is gone for good.
	Unqueue(ctx context.Context, u messages.Unqueuing) error
	// CampaignOfRun is the campaign behind a run, as far as sending needs it; NotFound
	// if there is no such run.
	CampaignOfRun(ctx context.Context, runID int64) (campaigns.Campaign, error)
	// OccasionOfRun is what the run's messages are part of, with the data feed as it is
	// kept with the run; NotFound if there is no such run, Invalid if the feed can't be
	// read any more.
	OccasionOfRun(ctx context.Context, runID int64) (*liquid.Occasion, error)
	// LoadEnvelope reads those of an envelope's messages that are still queued in it.
	LoadEnvelope(ctx context.Context, request messages.EnvelopeRequest) ([]messages.QueuedMessage, error)
	// Skip skips messages of an envelope that are queued, and returns how many were.
	Skip(ctx context.Context, skip messages.Skipping) (int64, error)
	// HaltVersion changes whenever something was withdrawn from the workers: paused,
	// canceled, cleared, opted out of. What was withdrawn before the call is in it.
	HaltVersion(ctx context.Context) (int64, error)
	// KeepLinks keeps the addresses of the links of a run, those of its content and of its
	// data feed, unless it has some, and returns those that are kept.
	KeepLinks(ctx context.Context, runID int64, own, feed []string) ([]string, error)
	// Sendable are those of claimed messages that may still be sent, with the
	// configuration and the limits of the channel's revision, its UpdatedAt. It is
	// NotFound as ChannelRevision is.
	Sendable(ctx context.Context, channelID int64, revision time.Time, runID int64, ids []int64) ([]int64, error)
	// ChannelRevision is NotFound if the channel is gone for good.
	ChannelRevision(ctx context.Context, channelID int64) (time.Time, error)
	// TakeUp takes messages that were to be sent again, because of doubt, back to
	// their worker, whose answer is at hand after all.
	TakeUp(ctx context.Context, answered []messages.Outcome) error
	// RecentSends says when each address was last claimed for a send, if after since.
	RecentSends(ctx context.Context, channelID int64, since time.Time) ([]messages.RecentSend, error)
	// PooledChannels are the channels of an account that count their recipients of a day under a
	// name.
	PooledChannels(ctx context.Context, accountID int64, pool string) ([]int64, error)
	// NoteSlots keeps until when the latest slots are paid for, and LatestSlots is what
	// it kept.
	NoteSlots(ctx context.Context, channelID, campaignID int64, latest messages.LatestSlots) error
	LatestSlots(ctx context.Context, channelID, campaignID int64) (messages.LatestSlots, error)
	// KeptMedia is the provider's id for a file, which is empty where it has none. KeepMedia keeps
	// one, unless the channel was configured anew or the file deleted, and ForgetMedia forgets one.
	KeptMedia(ctx context.Context, of messages.MediaOf) (messages.KeptMedia, error)
	KeepMedia(ctx context.Context, of messages.MediaOf, kept messages.KeptMedia) error
	ForgetMedia(ctx context.Context, of messages.MediaOf, id string) error
	// NoteMailboxes adds what has come of messages to mailbox providers that a channel warms up for.
	NoteMailboxes(ctx context.Context, channelID int64, by map[string]providers.Traffic) error
	// DaySends is how much of its limit of a day an account has used.
	DaySends(ctx context.Context, accountID int64) (messages.DaySends, error)
}

// Writer is the group-commit writer. It is Unavailable once it is stopped.
type Writer interface {
	// Claim moves those of the named messages that still are queued in their envelope to
	// sending and returns them, but for those beyond what their account may send in a
	// day. After an error nothing may be sent.
	Claim(ctx context.Context, c messages.Claim) ([]int64, error)
	// Record writes outcomes of claimed messages. It tries until the store takes them or
	// ctx ends.
	Record(ctx context.Context, outcomes []messages.Outcome) error
	// Receive applies receipts that an adapter got by itself.
	Receive(ctx context.Context, channelID int64, receipts []providers.Receipt) error
}

// Queue is what the worker needs of Redis.
type Queue interface {
	// Serve starts to take envelopes of a channel. It is Invalid for numbers that are
	// not positive, and Internal if it can't begin.
	Serve(channelID, workerID int64, n queue.Handlers, h queue.Handler) (*queue.Server, error)
	// Limiter is the rate limiter that all workers of a channel share.
	Limiter() *queue.Limiter
}

// Options say what a worker works with.
type Options struct {
	// ID is this process's id, from the store's RegisterWorker, and Version the
	// program's.
	ID       int64
	Version  string
	Store    Store
	Writer   Writer
	Queue    Queue
	Registry *providers.Registry
	// Dialer is handed to the providers.
	Dialer providers.Dialer
	// PublicURL is where providers reach this server; empty where nobody said so.
	PublicURL string
	// Mailboxes knows at which mailbox providers domains are; nil takes each for its own.
	Mailboxes Mailboxes
	// Files has what was uploaded to be sent; nil where nothing can be.
	Files Files
	// SendTimeout bounds one request to a provider; default 30 s.
	SendTimeout time.Duration
	// Installation names this Carillon among all others; adapters make ids that are
	// unique for ever of it.
	Installation string
	// Flights is where the flight recorder's files lie, and those of other workers
	// of this machine that died. Empty records nothing: whatever was claimed by a
	// worker that died is in doubt then.
	Flights string
	Clock   clock.Clock
	Logger  *slog.Logger
	// Links makes the addresses of the pages of a message's recipient; it is nil, or
	// they are empty, where no public address is configured.
	Links func(accountID, messageID int64) messages.Links
	// Hear takes replies that an adapter got by itself; nil drops them.
	Hear func(ctx context.Context, c providers.Channel, replies []providers.Reply) error
	// Meter counts what is sent; nil counts nothing.
	Meter Meter
	// Tracer follows messages; nil follows none.
	Tracer *tracing.Tracer
}

// Meter counts outcomes, for /metrics.
type Meter interface {
	// Outcome counts a message's outcome and how long its provider took, in seconds.
	Outcome(channelID int64, state messages.State, seconds float64)
	// Stage counts how long a message was in a stage of its way, in seconds: StageQueue,
	// StageClaim, StageTurn or StageRecord.
	Stage(stage string, seconds float64)
}

// The stages of a message's way through a worker, beside the provider's.
const (
	StageQueue  = "queue"  // from the feeder's mark until a worker has loaded it
	StageClaim  = "claim"  // the commit by which a worker has it
	StageTurn   = "turn"   // waiting for its slot and for room at the provider
	StageRecord = "record" // the commit by which its outcome is kept
)

// Times of the worker.
const (
	heartbeatInterval = 1 * time.Second
	// fenceAfter is how old the worker's own heartbeat may be while it still
	// sends. It lies well below the age at which the reaper takes a worker for
	// dead and settles its messages.
	fenceAfter         = campaigns.WorkerSilentAfter
	channelsInterval   = 250 * time.Millisecond
	defaultSendTimeout = 30 * time.Second
	shutdownTimeout    = 10 * time.Second
)

// Worker serves every channel.
type Worker struct {
	o        Options
	beat     atomic.Int64 // when the last heartbeat was asked for, ms since 1970
	channels map[int64]*channel
	// accepted are what was accepted on each channel, however often it is served anew.
	accepted map[int64]*rate
	// mailboxes is what came of messages to those that channels warm up for.
	mailboxes tallies
	// pools are the channels that count their recipients of a day together, by what they share.
	pools atomic.Pointer[map[pool]string]
	// draining are the channels that take nothing new any more and have something
	// in flight; drains counts them.
	draining sync.WaitGroup
	drains   atomic.Int64
	// served are the channels that the heartbeat tells of, inFlight is the number of
	// messages that are claimed and not recorded.
	served   atomic.Pointer[map[int64]*channel]
	inFlight atomic.Int64
	started  bool
	// serves ends first: the heart beats until the last message in flight is recorded.
	serves, beats loops.Group
}

// New makes a worker.
func New(o Options) *Worker {
	if o.Clock == nil {
		o.Clock = clock.System{}
	}
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	if o.SendTimeout == 0 {
		o.SendTimeout = defaultSendTimeout
	}
	return &Worker{o: o, channels: map[int64]*channel{}, accepted: map[int64]*rate{}}
}

// Start begins to serve the channels.
func (w *Worker) Start() {
	w.started = true
	w.beat.Store(w.o.Clock.Now().UnixMilli())
	w.beats.Go(w.heartbeats)
	w.serves.Go(w.serveChannels)
	if w.o.Flights != "" {
		w.serves.Go(w.findWrecks)
	}
}

// Stop takes no more work, finishes what is in flight, records it and gives the
// rest back: no attempt is spent by stopping.
func (w *Worker) Stop() {
	if !w.started {
		return
	}
	w.started = false
	// The heart beats until the last message in flight is recorded.
	w.serves.Stop()
	w.beats.Stop()
	ctx, cancel := context.WithTimeout(context.Background(), shutdownTimeout)
	defer cancel()
	if err := w.o.Store.RetireWorker(ctx, w.o.ID); err != nil {
		w.o.Logger.Warn("the worker could not sign off; it is taken for dead in a few seconds", "error", err)
	}
}

// heartbeats tell the store each second that this worker lives.
func (w *Worker) heartbeats(ctx context.Context) {
	for ctx.Err() == nil {
		asked := w.o.Clock.Now()
		beat, cancel := context.WithTimeout(ctx, fenceAfter)
		err := w.o.Store.Heartbeat(beat, w.o.ID, w.doing())
		cancel()
		if err == nil {
			w.beat.Store(asked.UnixMilli())
		} else if ctx.Err() == nil {
			w.o.Logger.Warn("the worker's heartbeat failed; sending stops until it comes through", "error", err)
		}
		w.noteMailboxes(ctx)
		_ = w.o.Clock.Sleep(ctx, heartbeatInterval)
	}
	w.noteMailboxes(context.WithoutCancel(ctx))
}

// doing is what the worker is at.
func (w *Worker) doing() campaigns.Beat {
	b := campaigns.Beat{Version: w.o.Version, InFlight: int(w.inFlight.Load()), Requests: map[int64]int{}, Accepted: map[int64]float64{}}
	if served := w.served.Load(); served != nil {
		b.Channels = slices.Sorted(maps.Keys(*served))
		for id, ch := range *served {
			b.Requests[id] = ch.room.all()
			if accepted := ch.accepted.perSecond(w.o.Clock.Now()); accepted > 0 {
				b.Accepted[id] = accepted
			}
		}
	}
	return b
}

// fenced reports whether others may have taken this worker for dead: it must
// not ask a provider then.
func (w *Worker) fenced() bool {
	return w.o.Clock.Now().UnixMilli()-w.beat.Load() > fenceAfter.Milliseconds()
}

// serveChannels starts and stops channels as they come, change and go.
func (w *Worker) serveChannels(ctx context.Context) {
	for ctx.Err() == nil {
		if list, err := w.o.Store.AllChannels(ctx); err == nil {
			w.notePools(list)
			w.reconcile(list)
		} else if ctx.Err() == nil {
			w.o.Logger.Warn("looking for channels failed, trying again", "error", err)
		}
		_ = w.o.Clock.Sleep(ctx, channelsInterval)
	}
	w.reconcile(nil)
	w.draining.Wait()
}

// maxDraining bounds the channels that drain while their successors send already.
const maxDraining = 16

// reconcile serves the channels of the list as they are now. A changed channel is
// served at once: what its predecessor has in flight, at a server that perhaps
// hangs, is not waited for.
func (w *Worker) reconcile(list []providers.Channel) {
	wanted := make(map[int64]providers.Channel, len(list))
	for _, c := range list {
		wanted[c.ID] = c
	}
	for id, running := range w.channels {
		c, exists := wanted[id]
		if exists && running.serves(c) {
			running.update(c)
			continue
		}
		delete(w.channels, id)
		w.drains.Add(1)
		w.draining.Go(func() {
			running.stop()
			w.drains.Add(-1)
		})
	}
	for id := range w.accepted {
		if _, exists := wanted[id]; !exists {
			delete(w.accepted, id)
		}
	}
	if w.drains.Load() >= maxDraining {
		w.draining.Wait()
	}
	for id, c := range wanted {
		if w.channels[id] != nil {
			continue
		}
		started, err := w.startChannel(c)
		if err != nil {
			w.o.Logger.Error("a channel can't be served", "channel", id, "provider", c.Provider, "error", err)
			continue
		}
		w.channels[id] = started
	}
	served := maps.Clone(w.channels)
	w.served.Store(&served)
}

func (w *Worker) startChannel(c providers.Channel) (*channel, error) {
	most, err := w.o.Registry.MostRequests(c.Provider, c.Config, c.Limits)
	if err != nil {
		return nil, err
	}
	provider, err := w.o.Registry.New(c.Provider, c.Config, providers.Deps{
		Installation: w.o.Installation, HookURL: providers.HookURL(w.o.PublicURL, c.ID),
		ChannelID: c.ID, Concurrency: most, Dialer: w.o.Dialer, Clock: w.o.Clock, Replaced: c.Replaced, SigningKeys: c.SigningKeys,
		Receive: func(ctx context.Context, receipts []providers.Receipt) error {
			return w.o.Writer.Receive(ctx, c.ID, receipts)
		},
		Hear: func(ctx context.Context, replies []providers.Reply) error {
			if w.o.Hear == nil {
				return nil
			}
			return w.o.Hear(ctx, c, replies)
		},
	})
	if err != nil {
		return nil, err
	}
	kind, err := w.o.Registry.Kind(c.Provider)
	if err != nil {
		return nil, errors.Join(err, provider.Close())
	}
	by := ways{requests: most, each: gathers(kind, provider), uploads: kind.Capabilities.Uploads}
	started := newChannel(w, c, provider, by)
	if started.window, err = w.windowOf(c); err != nil {
		return nil, errors.Join(err, provider.Close())
	}
	if w.o.Flights != "" {
		owner := flight.Owner{Installation: w.o.Installation, WorkerID: w.o.ID, ChannelID: c.ID}
		if started.flights, err = flight.Create(w.o.Flights, owner, 2*by.messages()+leastAhead+mostAhead); err != nil {
			w.o.Logger.Warn("there is no flight recorder: if this process is killed, all that it has claimed on the channel is in doubt",
				"channel", c.ID, "error", err)
		}
	}
	started.server, err = w.o.Queue.Serve(c.ID, w.o.ID, handlers, started.handle)
	if err != nil {
		return nil, errors.Join(err, provider.Close(), started.flights.Close())
	}
	return started, nil
}

// sameService reports whether a provider that serves a may go on for b.
func sameService(a, b providers.Channel) bool {
	return a.Provider == b.Provider && a.Address == b.Address && a.Limits.Concurrency == b.Limits.Concurrency &&
		a.Limits.MaxConcurrency == b.Limits.MaxConcurrency && jsonEqual(a.Config, b.Config) &&
		maps.EqualFunc(a.Replaced, b.Replaced, providers.Replaced.Equal) && providers.SameKeys(a.SigningKeys, b.SigningKeys)
}

func jsonEqual(a, b json.RawMessage) bool { return string(a) == string(b) }
