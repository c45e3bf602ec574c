// Package outgoing owns how programs of users are told what happens: the requests that the
// store keeps are made here, those of one webhook in their order and those of different
// ones side by side. It must not know what is told.
package outgoing

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"maps"
	"math/rand/v2"
	"net/http"
	"strings"
	"sync"
	"time"

	"carillon/internal/clock"
	"carillon/internal/secret"
	"carillon/providers"
	"carillon/providers/fetch"
	"carillon/providers/hook"
	"carillon/webhooks"
)

// Store keeps what is to be told.
type Store interface {
	// SequenceOutbox puts what happened in order, and reports whether there may be more.
	SequenceOutbox(ctx context.Context) (some bool, err error)
	// LiveWebhooks are those for which something waits, or may come.
	LiveWebhooks(ctx context.Context) ([]int64, error)
	// PrepareDeliveries makes requests of what happened, and says how long ago the first of
	// it did, and whether it got further.
	PrepareDeliveries(ctx context.Context, webhookID int64) (more bool, behind time.Duration, err error)
	// NextDeliveries are so many requests at most that come next, in their order.
	NextDeliveries(ctx context.Context, webhookID int64, most int) (w webhooks.Webhook, next []webhooks.Delivery, err error)
	// TriedDeliveries writes down a try of each; off says why the webhook is off now, or is
	// empty.
	TriedDeliveries(ctx context.Context, w webhooks.Webhook, tried []webhooks.Delivery, off string) error
}

// Poster makes requests: guarded from private addresses, bounded, without following
// redirects.
type Poster interface {
	Tell(ctx context.Context, address string, header http.Header, body []byte) fetch.Told
}

// Request is what is posted.
type Request struct {
	// Header has Content-Type application/json unless it names another.
	Header http.Header
	Body   []byte
}

// Format tells what happens in the words of another API. What is kept of a request are
// Carillon's own words: those of the format are made each time that it is made, of what is
// still kept then.
type Format interface {
	// Request makes the request that tells what happened; ok is false where the API tells
	// nothing of it, or it is gone: then it counts as told.
	Request(ctx context.Context, w webhooks.Webhook, d webhooks.Delivery, o webhooks.Occurrence) (r Request, ok bool, err error)
	// Took reports whether an answer says that the request was taken.
	Took(answer fetch.Told) bool
	// Tries is how often a request is made at most, 0 as often as Carillon's own, and
	// whether the webhook is switched off after that.
	Tries(w webhooks.Webhook) (most int, off bool)
}

// Formats are the formats that there are beside Carillon's own, by their names.
type Formats map[webhooks.Format]Format

// Bounds of telling.
const (
	// atATime is how many webhooks are told side by side.
	atATime = 64
	// giveUpAfter is how long a request is tried, and a webhook may fail before it is off.
	giveUpAfter = 24 * time.Hour
	// refusedTries is how often a request is made that the far end understands and refuses:
	// it holds up those behind it, and will hardly be taken another time.
	refusedTries = 5
	idle         = 200 * time.Millisecond
	// A group of requests is written down together: after a crash those are made again of
	// which the last group knows nothing. With that a database that is busy sending takes a
	// commit for fifty. No group goes on for longer than groupLasts, so that a webhook that
	// was paused or changed is soon told nothing more, or otherwise.
	groupMost  = 50
	groupLasts = 500 * time.Millisecond
	// writtenWithin is how long a process that ends waits for that.
	writtenWithin = 5 * time.Second
	// Telling gives way to sending: each webhook rests for rests times as long as the database
	// took for it, and that much longer for each that is told side by side, up to restsMost
	// because some of these only wait for their programs; unless it is behindMost late. Where
	// nobody else wants the database that is milliseconds; while a campaign goes out at full
	// speed, all of them together have a fifth of one writer's time.
	rests      = 5
	restsMost  = 10
	behindMost = time.Minute
)

// waits are the pauses after tries that failed; the last is kept.
var waits = []time.Duration{2 * time.Second, 10 * time.Second, time.Minute, 5 * time.Minute, 15 * time.Minute, time.Hour, 2 * time.Hour, 4 * time.Hour}

// Teller tells webhooks. It is safe for concurrent use.
type Teller struct {
	store   Store
	poster  Poster
	formats Formats
	clock   clock.Clock
	log     *slog.Logger

	mu      sync.Mutex
	running map[int64]bool
	all     sync.WaitGroup
}

// Way is how programs are told: by whom, and in which words beside Carillon's own.
type Way struct {
	Poster  Poster
	Formats Formats
}

// New makes a teller.
func New(store Store, way Way, c clock.Clock, log *slog.Logger) *Teller {
	return &Teller{store: store, poster: way.Poster, formats: way.Formats, clock: c, log: log, running: map[int64]bool{}}
}

// Pass puts what happened in order, and starts to tell each webhook that is not being told
// anyway, until ctx ends. One that is slow holds up no other.
func (t *Teller) Pass(ctx context.Context) (worked bool, err error) {
	if worked, err = t.store.SequenceOutbox(ctx); err != nil {
		return false, err
	}
	ids, err := t.store.LiveWebhooks(ctx)
	for _, id := range ids {
		t.start(ctx, id)
	}
	return worked, err
}

// Wait returns when nobody is being told any more: their contexts must have ended.
func (t *Teller) Wait() { t.all.Wait() }

func (t *Teller) start(ctx context.Context, id int64) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.running[id] || len(t.running) >= atATime {
		return
	}
	t.running[id] = true
	t.all.Go(func() {
		defer func() {
			t.mu.Lock()
			defer t.mu.Unlock()
			delete(t.running, id)
		}()
		if err := t.tell(ctx, id); err != nil && ctx.Err() == nil {
			t.log.Warn("telling a webhook failed, trying again", "webhook", id, "error", err)
			_ = t.clock.Sleep(ctx, idle) // an error is that ctx ended
		}
	})
}

// tell tells a webhook what waits, until nothing does or it has to wait.
func (t *Teller) tell(ctx context.Context, id int64) error {
	var behind, took time.Duration
	for ctx.Err() == nil {
		began := t.clock.Now()
		w, next, err := t.store.NextDeliveries(ctx, id, groupMost)
		if err != nil {
			return err
		}
		if len(next) == 0 {
			var more bool
			if more, behind, err = t.store.PrepareDeliveries(ctx, id); err != nil || !more {
				return err
			}
			took += t.clock.Now().Sub(began)
			continue
		}
		took += t.clock.Now().Sub(began)
		if next[0].NextTryAt.After(t.clock.Now()) {
			return nil
		}
		writing, err := t.tellGroup(ctx, w, next)
		if err != nil {
			return err
		}
		if behind < behindMost {
			if err := t.clock.Sleep(ctx, t.restAfter(took+writing)); err != nil {
				return err
			}
		}
		took = 0
	}
	return nil
}

// restAfter is how long a webhook rests for which the database took so long.
func (t *Teller) restAfter(took time.Duration) time.Duration {
	t.mu.Lock()
	defer t.mu.Unlock()
	return took * rests * time.Duration(1+min(len(t.running), restsMost))
}

// tellGroup makes requests in their order, up to the first that fails, writes down what
// became of them, and says how long that took to write.
func (t *Teller) tellGroup(ctx context.Context, w webhooks.Webhook, next []webhooks.Delivery) (writing time.Duration, err error) {
	began, off := t.clock.Now(), ""
	var tried []webhooks.Delivery
	for _, d := range next {
		if len(tried) > 0 && t.clock.Now().Sub(began) >= groupLasts {
			break
		}
		if d, off, err = t.try(ctx, w, d); err != nil {
			break
		}
		tried = append(tried, d)
		if d.State != webhooks.Delivered {
			break
		}
		w.FailingSince = nil
	}
	began = t.clock.Now()
	// What was told is written down also when the process ends, unless the database holds
	// that up: then it is told again.
	bounded, cancel := context.WithTimeout(context.WithoutCancel(ctx), writtenWithin)
	defer cancel()
	if failed := t.store.TriedDeliveries(bounded, w, tried, off); failed != nil {
		return 0, failed
	}
	if off != "" {
		t.log.Error("a webhook was switched off", "webhook", w.ID, "reason", off)
	}
	return t.clock.Now().Sub(began), err
}

// try makes a request once, and says what becomes of it, and why the webhook is off now if
// it is.
func (t *Teller) try(ctx context.Context, w webhooks.Webhook, d webhooks.Delivery) (_ webhooks.Delivery, off string, err error) {
	began := t.clock.Now()
	format := t.formats[w.Format]
	request, ok, err := t.request(ctx, format, w, d)
	if err != nil {
		return d, "", err
	}
	if !ok {
		d.State, d.TriedAt = webhooks.Delivered, &began
		return d, "", nil
	}
	answer := t.poster.Tell(ctx, w.URL, request.Header, request.Body)
	if ctx.Err() != nil {
		return d, "", ctx.Err() // whether it came is not known: it is made again
	}
	now := t.clock.Now()
	d.Tries, d.Status, d.Answer, d.Took, d.TriedAt = d.Tries+1, answer.Status, answer.Text, now.Sub(began), &now
	refused := answer.Status >= 400 && answer.Status < 500 && answer.Status != http.StatusRequestTimeout && answer.Status != http.StatusTooEarly &&
		answer.Status != http.StatusTooManyRequests
	took, most, ends := answer.Status >= 200 && answer.Status < 300, 0, false
	if format != nil {
		took = format.Took(answer)
		most, ends = format.Tries(w)
	}
	switch {
	case took:
		d.State = webhooks.Delivered
		return d, "", nil
	case answer.Status == http.StatusGone:
		d.State, off = webhooks.Failed, "it answered 410 Gone: it wants to be told nothing any more"
	case w.FailingSince != nil && now.Sub(*w.FailingSince) >= giveUpAfter:
		d.State, off = webhooks.Failed, fmt.Sprintf("no request succeeded since %s: %s", w.FailingSince.Format(time.RFC3339), said(answer))
	case most > 0 && d.Tries >= most:
		d.State = webhooks.Failed
		if ends {
			off = fmt.Sprintf("it did not take a request that was made %d times: %s", d.Tries, said(answer))
		}
	case most == 0 && (now.Sub(d.CreatedAt) >= giveUpAfter || refused && d.Tries >= refusedTries):
		d.State = webhooks.Failed
	}
	var asked time.Duration
	// A status that says yes is none to a format which reads the answer.
	if refusal := providers.ClassifyHTTP(answer.Status, http.Header{"Retry-After": {answer.After}}, now); refusal != nil {
		asked = refusal.RetryAfter
	}
	d.NextTryAt = now.Add(pause(d.Tries, asked))
	return d, off, nil
}

// request is that of a delivery, signed in Carillon's own way: there is nothing that those
// headers would disturb.
func (t *Teller) request(ctx context.Context, format Format, w webhooks.Webhook, d webhooks.Delivery) (r Request, ok bool, err error) {
	r.Body = []byte(d.Body)
	switch {
	case format != nil:
		var o webhooks.Occurrence
		if err := json.Unmarshal([]byte(d.Body), &o); err != nil {
			return r, false, fmt.Errorf("read delivery %d: %w", d.ID, err)
		}
		if r, ok, err = format.Request(ctx, w, d, o); err != nil || !ok {
			return r, false, err
		}
	case w.Format != webhooks.Own:
		return r, false, fmt.Errorf("there is no format %q", w.Format)
	}
	now := t.clock.Now()
	header, err := Header(w.Signing(now), d.Key, now, r.Body)
	if err != nil {
		return r, false, err
	}
	maps.Copy(header, r.Header)
	for name, value := range w.Headers {
		header.Set(name, value.Reveal())
	}
	r.Header = header
	return r, true, nil
}

func said(a fetch.Told) string {
	if a.Status == 0 {
		return a.Text
	}
	return fmt.Sprintf("it answered %d %s", a.Status, http.StatusText(a.Status))
}

// pause is how long is waited after so many tries: what the far end asks for, else longer
// and longer, and never the same for all.
func pause(tries int, asked time.Duration) time.Duration {
	if asked > 0 {
		return min(asked, giveUpAfter)
	}
	wait := waits[min(tries, len(waits))-1]
	return wait*4/5 + rand.N(wait*2/5)
}

// Header are the headers of a request, signed by the Standard Webhooks scheme with each of
// the secrets.
func Header(secrets []secret.String, key string, at time.Time, body []byte) (http.Header, error) {
	var header http.Header
	var signatures []string
	for _, s := range secrets {
		signer, err := hook.NewSigner(s)
		if err != nil {
			return nil, err
		}
		header = signer.Header(key, at, body)
		signatures = append(signatures, header.Get("Webhook-Signature"))
	}
	header.Set("Webhook-Signature", strings.Join(signatures, " "))
	header.Set("Content-Type", "application/json")
	return header, nil
}
