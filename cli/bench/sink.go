package bench

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"sync"
	"time"

	"carillon/internal/sink"
)

// Address is where a sink listens. Exactly one of URL (HTTP), API (a reporter's) and Port (SMTP on
// 127.0.0.1) is set.
type Address struct {
	URL  string `json:"url,omitempty"`
	API  string `json:"api,omitempty"`
	Port int    `json:"port,omitempty"`
}

// reporting is the transport of a sink that posts receipts. Nobody chooses it.
const reporting = "reporting"

// channel is the provider and configuration that send to the sink; whatever has a
// default keeps it.
func (a Address) channel() (provider string, config json.RawMessage) {
	if a.URL != "" {
		return "webhook", json.RawMessage(fmt.Sprintf(`{"url":%q,"secret":"whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSwMfKQ"}`, a.URL))
	}
	if a.API != "" {
		const config = `{"api":%q,"account_sid":%q,"auth_token":%q,"from":"+15005550006"}`
		return "twilio", json.RawMessage(fmt.Sprintf(config, a.API, reporterAccount, reporterToken))
	}
	return "smtp", json.RawMessage(fmt.Sprintf(`{"host":"127.0.0.1","port":%d,"tls":"none","from":"news@example.com","from_name":"Carillon"}`, a.Port))
}

// sinkRequest is a line that the sink's process reads.
type sinkRequest struct {
	// N names the request in its reply.
	N int64 `json:"n"`
	// Op is "count", or "wait", which is answered when the message has arrived whose
	// id is ID; 0 is whichever comes next. Of a reporter it is "report", to have receipts posted
	// to Hook, or held back without one, or "posted", which is answered when all are.
	Op   string `json:"op"`
	ID   int64  `json:"id,omitempty"`
	Hook string `json:"hook,omitempty"`
}

// sinkReply is a line that the sink's process writes; the first one has the
// address.
type sinkReply struct {
	N       int64   `json:"n"`
	Address Address `json:"address,omitzero"`
	// At is when the message arrived, in nanoseconds since 1970.
	At int64 `json:"at,omitempty"`
	// Asked, Count, Open and Violations are the sink's tally.
	Asked      int64 `json:"asked,omitempty"`
	Count      int64 `json:"count,omitempty"`
	Open       int64 `json:"open,omitempty"`
	Violations int64 `json:"violations,omitempty"`
	// Reported is what came of posting.
	Reported reported `json:"reported,omitzero"`
}

// receiver is a sink with its tally.
type receiver interface {
	Asked() int64
	Count() int64
	Open() int64
	Violations() int64
	Close() error
}

// arrivals tells those who wait.
type arrivals struct {
	mu      sync.Mutex
	waiting map[int64][]chan time.Time // 0: whichever comes next
	// early are the last messages that nobody has asked for yet.
	early map[int64]time.Time
}

// keptArrivals bounds arrivals.early: whoever asks does so within moments.
const keptArrivals = 5000

// expect delivers when a message arrives; 0 is whichever comes next.
func (a *arrivals) expect(id int64) <-chan time.Time {
	a.mu.Lock()
	defer a.mu.Unlock()
	ch := make(chan time.Time, 1)
	if at, ok := a.early[id]; ok && id != 0 {
		ch <- at
		return ch
	}
	if a.waiting == nil {
		a.waiting = map[int64][]chan time.Time{}
	}
	a.waiting[id] = append(a.waiting[id], ch)
	return ch
}

// seen is called for each message that the sink is asked to take.
func (a *arrivals) seen(_, id int64) sink.Answer {
	now := system.Now()
	a.mu.Lock()
	defer a.mu.Unlock()
	for _, key := range []int64{0, id} {
		for _, ch := range a.waiting[key] {
			ch <- now
		}
		delete(a.waiting, key)
	}
	if len(a.early) >= keptArrivals || a.early == nil {
		a.early = make(map[int64]time.Time, keptArrivals)
	}
	a.early[id] = now
	return sink.Answer{}
}

func newReceiver(s Scenario, a *arrivals, reports *reporter) (receiver, Address, error) {
	o := sink.Options{Answer: a.seen, Delay: s.latency(), Plain: s.Transport == "smtp-plain"}
	switch s.Transport {
	case "http":
		r, err := sink.NewHTTP(o)
		if err != nil {
			return nil, Address{}, err
		}
		return r, Address{URL: r.URL()}, nil
	case reporting:
		o.Dialect = reports.speak
		r, err := sink.NewHTTP(o)
		if err != nil {
			return nil, Address{}, err
		}
		return r, Address{API: r.URL()}, nil
	case "smtp", "smtp-plain":
		r, err := sink.NewSMTP(o)
		if err != nil {
			return nil, Address{}, err
		}
		return r, Address{Port: r.Port()}, nil
	}
	return nil, Address{}, fmt.Errorf("unknown transport %q: one of http, smtp, smtp-plain", s.Transport)
}

// serveSink is the sink's process: it receives until its input ends.
func serveSink(ctx context.Context, s Scenario, in io.Reader, out io.Writer) (err error) {
	var a arrivals
	var reports *reporter
	if s.Transport == reporting {
		reports = newReporter()
		defer reports.Close()
	}
	r, address, err := newReceiver(s, &a, reports)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, r.Close()) }()
	ctx, cancel := context.WithCancel(ctx)
	var wg sync.WaitGroup
	defer wg.Wait()
	defer cancel()
	var mu sync.Mutex
	encoder := json.NewEncoder(out)
	reply := func(reply sinkReply) error {
		mu.Lock()
		defer mu.Unlock()
		return encoder.Encode(reply)
	}
	if err := reply(sinkReply{Address: address}); err != nil {
		return err
	}
	decoder := json.NewDecoder(in)
	for {
		var q sinkRequest
		if err := decoder.Decode(&q); errors.Is(err, io.EOF) {
			return nil
		} else if err != nil {
			return fmt.Errorf("read what the sink is asked: %w", err)
		}
		switch q.Op {
		case "report":
			reports.report(q.Hook)
			fallthrough
		case "count":
			if err := reply(sinkReply{N: q.N, Asked: r.Asked(), Count: r.Count(), Open: r.Open(), Violations: r.Violations()}); err != nil {
				return err
			}
		case "posted":
			wg.Go(func() { _ = reply(sinkReply{N: q.N, Reported: reports.posted(ctx)}) }) // as below
		default:
			arrived := a.expect(q.ID)
			wg.Go(func() {
				select {
				case at := <-arrived:
					_ = reply(sinkReply{N: q.N, At: at.UnixNano()}) // a lost reply is waited for in vain, until ctx ends
				case <-ctx.Done():
				}
			})
		}
	}
}
