package api

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"sync"
	"time"

	"carillon/api/gate"
	"carillon/channels"
	"carillon/internal/clock"
	"carillon/internal/fault"
	"carillon/messages"
	"carillon/providers"
)

// maxHookBody bounds what a provider may post at once: Meta posts up to 3 MB. hookBodies bounds what the bodies of
// providers, which prove themselves by them, may take of memory together; in bytes.
const (
	maxHookBody = 4 << 20
	hookBodies  = 64 << 20
)

// Times for which the hooks remember channels.
const (
	// channelFor is how long a channel is believed; a change of its configuration
	// takes effect for its receipts within that time.
	channelFor = 2 * time.Second
	// unaskedFor is how long the adapter is kept of a channel that nobody posts to.
	unaskedFor = 10 * time.Minute
)

// hooks holds the adapters that read what providers post. It knows only channels
// that exist, and each was looked up by its id: what is posted to others costs a
// look-up, and neither memory nor the others' time.
type hooks struct {
	channels *channels.Service
	reports  *messages.Reports
	registry *providers.Registry
	options  Options
	// public is where providers reach this server; empty where nobody said so.
	public string
	clock  clock.Clock

	mu    sync.Mutex
	known map[int64]*hooked
	swept time.Time
}

// hooked is a channel that is posted to.
type hooked struct {
	channel  providers.Channel
	lookedUp time.Time
	// reader is made for the channel as it was at madeFor; nil before the first use.
	reader  *reader
	madeFor time.Time
}

// close puts the adapter out of use. The lock must be held.
func (k *hooked) close() error {
	if k.reader == nil {
		return nil
	}
	out := k.reader
	k.reader = nil
	return out.leave()
}

// reader is an adapter that reads what is posted. It is closed by whoever leaves it last: those
// who read with it, who do so without the lock, and the channel that it was made for.
type reader struct {
	adapter providers.Provider
	users   int
}

// leave ends one use. The lock must be held.
func (r *reader) leave() error {
	if r.users--; r.users > 0 {
		return nil
	}
	return r.adapter.Close()
}

func newHooks(d Deps) *hooks {
	return &hooks{channels: d.Channels, reports: d.Reports, registry: d.Providers, options: d.Options, public: d.PublicURL, clock: d.Clock,
		known: map[int64]*hooked{}}
}

func (h *hooks) close() error {
	h.mu.Lock()
	defer h.mu.Unlock()
	var errs []error
	for id, k := range h.known {
		errs = append(errs, k.close())
		delete(h.known, id)
	}
	return errors.Join(errs...)
}

// with reads by the adapter of a channel. It may take its time: who posts to other channels, or
// to this one, does not wait, and the adapter is not closed meanwhile.
func (h *hooks) with(channel providers.Channel, read func(providers.Provider) error) error {
	h.mu.Lock()
	r, err := h.reader(channel)
	if err != nil {
		h.mu.Unlock()
		return err
	}
	r.users++
	h.mu.Unlock()
	defer func() {
		h.mu.Lock()
		defer h.mu.Unlock()
		_ = r.leave() // it only read callbacks
	}()
	return read(r.adapter)
}

// posted is what a provider reports in one request.
type posted struct {
	messages.Report
	// refused are the first of the items that can't be used, unusable how many
	// there are.
	refused  providers.Refused
	unusable int
	// words is what the provider takes for a sign that this was taken, of the Content-Type form;
	// nil where the status is one.
	words []byte
	form  string
}

// HookAnswer is what a provider is told.
type HookAnswer struct {
	Accepted int                 `json:"accepted" doc:"How many receipts and replies were taken."`
	Repeated bool                `json:"repeated,omitempty" doc:"It was taken before, and changed nothing."`
	Refused  int                 `json:"refused,omitempty" doc:"How many items can't be used."`
	Errors   []gate.ProblemField `json:"errors,omitempty" doc:"Why, of the first of them."`
}

// maxRefused is how many items of a request are named that can't be used.
const maxRefused = 20

// parse reads a request for a channel.
func (h *hooks) parse(ctx context.Context, id int64, header http.Header, body []byte) (p posted, err error) {
	channel, err := h.lookUp(ctx, id)
	if err != nil {
		return p, err
	}
	p.Channel = channel
	err = h.with(channel, func(adapter providers.Provider) error {
		if err := reportsBack(channel, adapter); err != nil {
			return err
		}
		if asks, ok := adapter.(providers.CallbackPreparer); ok {
			if err := asks.PrepareCallback(ctx, header, body); err != nil {
				return err
			}
		}
		return p.read(adapter, header, body)
	})
	return p, err
}

// read reads a request.
func (p *posted) read(adapter providers.Provider, header http.Header, body []byte) (err error) {
	callbacks, reports := adapter.(providers.CallbackParser)
	written, listens := adapter.(providers.ReplyParser)
	if reports {
		p.Receipts, err = callbacks.ParseCallback(header, body)
		if err := p.refuse(err); err != nil {
			return err
		}
	}
	if listens {
		p.Replies, err = written.ParseReplies(header, body)
		if err := p.refuse(err); err != nil {
			return err
		}
	}
	if named, ok := adapter.(providers.RequestIdentifier); ok {
		p.Request = named.RequestID(header, body)
	}
	if particular, ok := adapter.(providers.Acknowledger); ok {
		p.words, p.form = particular.Acknowledgement(body), "application/json"
	}
	if particular, ok := adapter.(providers.AcknowledgerIn); ok {
		p.form = particular.AcknowledgementType()
	}
	if p.unusable > 0 && len(p.Receipts)+len(p.Replies) == 0 {
		return fault.InvalidFields(p.refused)
	}
	return nil
}

// refuse notes items that can't be used; what is wrong with the whole stays an
// error.
func (p *posted) refuse(err error) error {
	var items providers.Refused
	if !errors.As(err, &items) {
		return err
	}
	p.unusable += len(items)
	p.refused = append(p.refused, items[:min(len(items), maxRefused-len(p.refused))]...)
	return nil
}

// expects refuses what is posted to a channel that does not exist or reports
// nothing back, before any of it is read.
func (h *hooks) expects(ctx context.Context, id int64) error {
	channel, err := h.lookUp(ctx, id)
	if err != nil {
		return err
	}
	return h.with(channel, func(adapter providers.Provider) error { return reportsBack(channel, adapter) })
}

// challenge answers a provider that asks whether it may post to a channel.
func (h *hooks) challenge(ctx context.Context, id int64, query url.Values) (answer string, err error) {
	channel, err := h.lookUp(ctx, id)
	if err != nil {
		return "", err
	}
	err = h.with(channel, func(adapter providers.Provider) (err error) {
		if err := reportsBack(channel, adapter); err != nil {
			return err
		}
		asked, ok := adapter.(providers.Challenger)
		if !ok {
			return fault.New(fault.NotFound, "a %s channel is asked nothing: it is posted to", channel.Provider)
		}
		answer, err = asked.Challenge(query)
		return err
	})
	return answer, err
}

// lookUp is a channel as it is now, or was channelFor ago. The store is asked
// without the lock: whoever posts to one channel waits for no other.
func (h *hooks) lookUp(ctx context.Context, id int64) (providers.Channel, error) {
	now := h.clock.Now()
	h.mu.Lock()
	h.sweep(now)
	if k := h.known[id]; k != nil && now.Sub(k.lookedUp) < channelFor {
		defer h.mu.Unlock()
		return k.channel, nil
	}
	h.mu.Unlock()
	channel, err := h.channels.Any(ctx, id)
	h.mu.Lock()
	defer h.mu.Unlock()
	k := h.known[id]
	switch {
	case fault.Is(err, fault.NotFound):
		if k != nil {
			_ = k.close() // its channel is gone
			delete(h.known, id)
		}
		return channel, fault.New(fault.NotFound, "there is no channel %d", id)
	case err != nil:
		return channel, err
	case k == nil:
		k = &hooked{}
		h.known[id] = k
	}
	k.channel, k.lookedUp = channel, now
	return channel, nil
}

// sweep forgets channels that nobody posts to any more. The lock must be held.
func (h *hooks) sweep(now time.Time) {
	if now.Sub(h.swept) < unaskedFor {
		return
	}
	h.swept = now
	for id, k := range h.known {
		if now.Sub(k.lookedUp) >= unaskedFor {
			_ = k.close()
			delete(h.known, id)
		}
	}
}

// reportsBack refuses a channel whose provider has nothing to say.
func reportsBack(channel providers.Channel, adapter providers.Provider) error {
	_, reports := adapter.(providers.CallbackParser)
	if _, listens := adapter.(providers.ReplyParser); !reports && !listens {
		return fault.New(fault.NotFound, "a %s channel reports nothing back", channel.Provider)
	}
	return nil
}

// reader has the adapter for the channel as it was looked up. The lock must be held.
func (h *hooks) reader(channel providers.Channel) (*reader, error) {
	id := channel.ID
	k := h.known[id]
	if k == nil { // it was deleted, or forgotten, in between
		return nil, fault.New(fault.NotFound, "there is no channel %d", id)
	}
	if k.reader != nil && !k.madeFor.Equal(channel.UpdatedAt) {
		_ = k.close()
	}
	if k.reader == nil {
		provider, err := h.registry.New(channel.Provider, channel.Config, providers.Deps{
			Installation: h.options.Installation, ChannelID: id, Concurrency: 1, Dialer: h.options.Dialer, Clock: h.clock, Replaced: channel.Replaced,
			HookURL: providers.HookURL(h.public, id),
			Receive: func(ctx context.Context, receipts []providers.Receipt) error {
				return h.reports.Receive(ctx, id, receipts)
			},
		})
		if err != nil {
			return nil, fmt.Errorf("open channel %d for its receipts: %w", id, err)
		}
		k.reader, k.madeFor = &reader{adapter: provider, users: 1}, channel.UpdatedAt
	}
	return k.reader, nil
}

// hookedChannel is the id of the channel that a request is for.
func hookedChannel(r *http.Request) (int64, error) {
	id, err := strconv.ParseInt(r.PathValue("channel_id"), 10, 64)
	if err != nil || id <= 0 {
		return 0, fault.New(fault.NotFound, "there is no such channel")
	}
	return id, nil
}

func (s *Server) hookRoutes() {
	s.mux.public("GET /hooks/{channel_id}", func(w http.ResponseWriter, r *http.Request) {
		id, err := hookedChannel(r)
		if err != nil {
			writeProblem(w, err)
			return
		}
		words, err := s.hooks.challenge(r.Context(), id, r.URL.Query())
		if err != nil {
			s.refuseHook(w, r, id, err)
			return
		}
		// It is what was asked, letter by letter: no browser may take it for a page.
		w.Header().Set("Content-Type", "text/plain; charset=utf-8")
		w.Header().Set("X-Content-Type-Options", "nosniff")
		_, _ = io.WriteString(w, words)
	})
	s.mux.public("POST /hooks/{channel_id}", func(w http.ResponseWriter, r *http.Request) {
		id, err := hookedChannel(r)
		if err != nil {
			writeProblem(w, err)
			return
		}
		if err := s.hooks.expects(r.Context(), id); err != nil {
			s.refuseHook(w, r, id, err)
			return
		}
		body, release, err := gate.ReadBody(r, maxHookBody, s.hookBodies)
		if err != nil {
			writeProblem(w, gate.RefusedBody(w, err, "report less at once"))
			return
		}
		defer release()
		if token := r.URL.Query().Get("token"); token != "" {
			r.Header.Set(providers.HookTokenHeader, token)
		}
		p, err := s.hooks.parse(r.Context(), id, r.Header, body)
		answer := HookAnswer{Accepted: len(p.Receipts) + len(p.Replies), Refused: p.unusable}
		if err == nil {
			answer.Repeated, err = s.take(r.Context(), p.Report)
		}
		if err != nil {
			s.refuseHook(w, r, id, err)
			return
		}
		if p.unusable > 0 {
			answer.Errors = gate.ProblemOf(fault.InvalidFields(p.refused), "body").Errors
			s.Logger.WarnContext(r.Context(), "some of what a provider reported can't be used", "channel", id, "refused", p.unusable, "first", p.refused[0].Location,
				"source", gate.Source(r.Context()))
		}
		if p.words != nil {
			w.Header().Set("Content-Type", p.form)
			_, _ = w.Write(p.words)
			return
		}
		w.Header().Set("Content-Type", "application/json")
		_ = json.NewEncoder(w).Encode(answer)
	})
}

// take takes what a provider reports, and says that there may be something to do: what
// people wrote may have moved messages.
func (s *Server) take(ctx context.Context, report messages.Report) (repeated bool, err error) {
	repeated, err = s.Reports.Take(ctx, report)
	if len(report.Replies) > 0 {
		s.Wake()
	}
	return repeated, err
}

// refuseHook answers so that a provider repeats what it should and nothing
// else.
func (s *Server) refuseHook(w http.ResponseWriter, r *http.Request, id int64, err error) {
	var refused *providers.Error
	switch {
	case errors.As(err, &refused) && refused.Kind == providers.ErrorAuth:
		err = fault.New(fault.Unauthorized, "%v", refused.Err)
	case errors.As(err, &refused) && refused.Kind == providers.ErrorTemporary:
		s.Logger.WarnContext(r.Context(), "what a provider reports can't be checked now", "channel", id, "source", gate.Source(r.Context()), "error", refused.Err)
		err = fault.New(fault.Unavailable, "%v", refused.Err)
	case errors.As(err, &refused):
		err = fault.New(fault.Invalid, "%v", refused.Err)
	case gate.StatusOf(err) >= http.StatusInternalServerError:
		s.Logger.ErrorContext(r.Context(), "receipts failed", "channel", id, "request_id", gate.RequestID(r.Context()),
			"source", gate.Source(r.Context()), "error", err)
	}
	writeProblem(w, err)
}
