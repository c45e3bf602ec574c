package bench

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"sync"
	"sync/atomic"

	"github.com/wneessen/go-mail"
)

// The naive loop: what a program does that just sends, with a library that it
// knows and a fixed number of workers; no queue, no store, no limit.
const (
	ceilingConnections = 20
	ceilingMessages    = 60_000
)

// ceiling measures the naive loop against the sink.
func ceiling(ctx context.Context, s Scenario, r receiver) (float64, error) {
	send, err := naive(ctx, r)
	if err != nil {
		return 0, err
	}
	total := int64(min(ceilingMessages, max(s.Recipients, 1000)))
	var next atomic.Int64
	var wg sync.WaitGroup
	errs := make(chan error, ceilingConnections)
	start := system.Now()
	for range ceilingConnections {
		wg.Go(func() {
			one, done, err := send()
			if err != nil {
				errs <- err
				return
			}
			defer done()
			for n := next.Add(1); n <= total; n = next.Add(1) {
				if err := one(n); err != nil {
					errs <- err
					return
				}
			}
		})
	}
	wg.Wait()
	select {
	case err := <-errs:
		return 0, fmt.Errorf("naive loop: %w", err)
	default:
		return float64(total) / since(start), nil
	}
}

// opener starts one worker of the loop.
type opener func() (one func(n int64) error, done func(), err error)

func naive(ctx context.Context, r receiver) (opener, error) {
	switch r := r.(type) {
	case *httpReceiver:
		client := &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: ceilingConnections}}
		return func() (func(int64) error, func(), error) {
			return func(n int64) error { return post(ctx, client, r.URL(), n) }, client.CloseIdleConnections, nil
		}, nil
	case *smtpReceiver:
		return func() (func(int64) error, func(), error) {
			client, err := mail.NewClient("127.0.0.1", mail.WithPort(r.Port()), mail.WithTLSPolicy(mail.NoTLS), mail.WithoutNoop())
			if err != nil {
				return nil, nil, err
			}
			if err := client.DialWithContext(ctx); err != nil {
				return nil, nil, err
			}
			return func(n int64) error { return submit(client, n) }, func() { _ = client.Close() }, nil
		}, nil
	}
	return nil, fmt.Errorf("no naive loop for %T", r)
}

func post(ctx context.Context, client *http.Client, url string, n int64) error {
	body, err := json.Marshal(map[string]any{"message_id": n, "to": fmt.Sprintf("person%d@example.com", n), "subject": "News", "text": letter(n)})
	if err != nil {
		return err
	}
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, url, bytes.NewReader(body))
	if err != nil {
		return err
	}
	request.Header.Set("Content-Type", "application/json")
	response, err := client.Do(request)
	if err != nil {
		return err
	}
	_, _ = io.Copy(io.Discard, response.Body)
	return response.Body.Close()
}

func submit(client *mail.Client, n int64) error {
	m := mail.NewMsg()
	if err := m.From("news@example.com"); err != nil {
		return err
	}
	if err := m.To(fmt.Sprintf("person%d@example.com", n)); err != nil {
		return err
	}
	m.Subject(fmt.Sprintf("News for N%d", n))
	m.SetBodyString(mail.TypeTextPlain, letter(n))
	return client.Send(m)
}

func letter(n int64) string {
	return fmt.Sprintf("Dear N%d L%d,\n\nyour coupon is C%d. It is good until the end of the month.\n\n"+
		"The bells ring at eight, and we should be glad to see you at the tower with everybody you know.\n\nYours, the ringers\n", n, n, n)
}
