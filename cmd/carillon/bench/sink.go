package bench

import (
	"encoding/json"
	"fmt"
	"sync"
	"time"

	"carillon/internal/sink"
)

// receiver is a sink that can say when a certain message arrived.
type receiver interface {
	Count() int64
	Close() error
	// channel is the provider and configuration that send to it.
	channel() (provider string, config json.RawMessage)
	// next delivers the time of the next arrival.
	next() <-chan time.Time
	// wait delivers the time at which a message arrives.
	wait(id int64) <-chan time.Time
}

// arrivals tells those who wait.
type arrivals struct {
	mu      sync.Mutex
	waiting map[int64]chan time.Time // 0: whichever comes next
	early   map[int64]time.Time
	on      bool
}

func (a *arrivals) expect(id int64) <-chan time.Time {
	a.mu.Lock()
	defer a.mu.Unlock()
	ch := make(chan time.Time, 1)
	if at, ok := a.early[id]; ok {
		ch <- at
		return ch
	}
	if a.waiting == nil {
		a.waiting = map[int64]chan time.Time{}
	}
	a.waiting[id] = ch
	a.on = true
	return ch
}

func (a *arrivals) next() <-chan time.Time         { return a.expect(0) }
func (a *arrivals) wait(id int64) <-chan time.Time { return a.expect(id) }

// seen is called for each message that the sink is asked to take.
func (a *arrivals) seen(_, id int64) sink.Answer {
	now := system.Now()
	a.mu.Lock()
	defer a.mu.Unlock()
	if !a.on {
		return sink.Answer{}
	}
	for _, key := range []int64{0, id} {
		if ch, ok := a.waiting[key]; ok {
			ch <- now
			delete(a.waiting, key)
		}
	}
	// A message may arrive before somebody asks for it; only the last ones are
	// kept.
	if len(a.early) > 1000 || a.early == nil {
		a.early = map[int64]time.Time{}
	}
	a.early[id] = now
	return sink.Answer{}
}

type httpReceiver struct {
	*sink.HTTP
	arrivals
}

type smtpReceiver struct {
	*sink.SMTP
	arrivals
}

func newReceiver(kind string) (receiver, error) {
	switch kind {
	case "http":
		r := &httpReceiver{}
		var err error
		r.HTTP, err = sink.NewHTTP(sink.Options{Answer: r.seen})
		return r, err
	case "smtp", "smtp-plain":
		r := &smtpReceiver{}
		var err error
		r.SMTP, err = sink.NewSMTP(sink.Options{Answer: r.seen, Plain: kind == "smtp-plain"})
		return r, err
	}
	return nil, fmt.Errorf("unknown sink %q: one of http, smtp, smtp-plain", kind)
}

func (r *httpReceiver) channel() (string, json.RawMessage) {
	return "webhook", json.RawMessage(fmt.Sprintf(`{"url":%q,"secret":"whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSwMfKQ","max_connections":20}`, r.URL()))
}

func (r *smtpReceiver) channel() (string, json.RawMessage) {
	return "smtp", json.RawMessage(fmt.Sprintf(`{"host":"127.0.0.1","port":%d,"tls":"none","from":"news@example.com","from_name":"Carillon"}`, r.Port()))
}
