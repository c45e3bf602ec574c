package bench

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"sync"
	"sync/atomic"
	"time"

	"carillon/campaigns"
	"carillon/messages"
	"carillon/webhooks"
)

// toldWithin is how long after the last message the last program may be told of it.
const toldWithin = 2 * time.Minute

// subscribers are programs that are told what becomes of messages, and count it.
type subscribers struct {
	server *http.Server
	served sync.WaitGroup
	ids    []int64
	events []atomic.Int64 // by program
	failed atomic.Int64
}

// subscribe has programs told of each message that is sent, in requests of a hundred.
func (b *bench) subscribe(ctx context.Context) (*subscribers, error) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	s := &subscribers{events: make([]atomic.Int64, b.s.Webhooks)}
	mux := http.NewServeMux()
	for i := range b.s.Webhooks {
		mux.HandleFunc(fmt.Sprintf("/%d", i), func(_ http.ResponseWriter, r *http.Request) {
			// Programs are elsewhere as a rule: what they cost here is kept small.
			body, err := io.ReadAll(r.Body)
			if err != nil {
				s.failed.Add(1)
			}
			s.events[i].Add(int64(bytes.Count(body, []byte(`"type":"message.sent"`))))
		})
	}
	s.server = &http.Server{Handler: mux, ReadHeaderTimeout: time.Minute}
	s.served.Go(func() { _ = s.server.Serve(listener) }) // it ends by Close
	for i := range b.s.Webhooks {
		w, _, err := b.engine.Webhooks.Create(ctx, webhooks.Webhook{
			AccountID: b.account, URL: fmt.Sprintf("http://%s/%d", listener.Addr(), i), Events: []webhooks.Event{"message.sent"},
			Batch: webhooks.Batch{Most: 100, Within: time.Second},
		}, "bench")
		if err != nil {
			return nil, errors.Join(err, s.server.Close())
		}
		s.ids = append(s.ids, w.ID)
	}
	return s, nil
}

// close waits until each was told of each message of campaigns, and of those beside
// them, and ends them.
func (s *subscribers) close(ctx context.Context, b *bench, sent []campaigns.Campaign) error {
	start, want := system.Now(), b.result.singles
	for _, c := range sent {
		run, err := b.engine.Store.GetRun(ctx, b.account, c.RunID)
		if err != nil {
			return err
		}
		want += run.Counts[messages.Sent]
	}
	behind := func() bool {
		for i := range s.events {
			if s.events[i].Load() < want {
				return true
			}
		}
		return false
	}
	for behind() && system.Now().Sub(start) < toldWithin {
		if err := system.Sleep(ctx, 20*time.Millisecond); err != nil {
			return err
		}
	}
	b.result.ToldSeconds = since(start)
	b.say("told %d programs, the last %.1f s after the last message", len(s.events), b.result.ToldSeconds)
	for i := range s.events {
		if n := s.events[i].Load(); n != want || s.failed.Load() > 0 {
			b.result.Verified = false
			b.say("program %d was told of %d messages, not %d", i, n, want)
		}
	}
	var errs []error
	for _, id := range s.ids {
		errs = append(errs, b.engine.Webhooks.Delete(ctx, b.account, id))
	}
	errs = append(errs, s.server.Close())
	s.served.Wait()
	return errors.Join(errs...)
}
