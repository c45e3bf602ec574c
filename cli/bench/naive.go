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
	"time"

	"github.com/wneessen/go-mail"

	"carillon/providers"
	"carillon/templates/liquid"
)

// The naive loop: what a program does that just sends the same content, with
// libraries that it knows and a fixed number of connections; no queue, no store,
// no limit, nothing to go on with when it is killed.
const (
	naiveConnections = 20
	naiveMessages    = 60_000
	// naiveFor is how long it runs at most: with a slow provider its rate is known
	// long before the last message.
	naiveFor = 4 * time.Second
	// naivePeople is how many different recipients it knows, in memory.
	naivePeople = 5000
)

// naive measures the loop with at most so many messages, in messages a second.
func naive(ctx context.Context, s Scenario, most int64) (float64, error) {
	loop, err := newLoop(s)
	if err != nil {
		return 0, err
	}
	send, err := opener(ctx, s.Sink)
	if err != nil {
		return 0, err
	}
	var next, sent atomic.Int64
	var wg sync.WaitGroup
	errs := make(chan error, naiveConnections)
	start := system.Now()
	for range naiveConnections {
		wg.Go(func() {
			one, done, err := send()
			if err != nil {
				errs <- err
				return
			}
			defer done()
			for n := next.Add(1); n <= most && system.Now().Sub(start) < naiveFor; n = next.Add(1) {
				m, err := loop.message(ctx, n)
				if err == nil {
					err = one(m)
				}
				if err != nil {
					errs <- err
					return
				}
				sent.Add(1)
			}
		})
	}
	wg.Wait()
	select {
	case err := <-errs:
		return 0, fmt.Errorf("naive loop: %w", err)
	default:
		return float64(sent.Load()) / since(start), nil
	}
}

// loop is what the naive loop sends: the content, compiled once, and people.
type loop struct {
	content *liquid.Content
	people  []liquid.Vars
}

func newLoop(s Scenario) (loop, error) {
	content, err := contentNamed(s.Content)
	if err != nil {
		return loop{}, err
	}
	compiled, err := liquid.Compile(content.Templates, nil)
	if err != nil {
		return loop{}, err
	}
	l := loop{content: compiled, people: make([]liquid.Vars, min(naivePeople, max(s.Recipients, 1)))}
	for i := range l.people {
		if l.people[i], err = content.person(i); err != nil {
			return l, err
		}
	}
	return l, nil
}

// letter is one message of the loop.
type letter struct {
	id      int64
	to      liquid.Vars
	content providers.Content
}

func (l loop) message(ctx context.Context, n int64) (letter, error) {
	to := l.people[n%int64(len(l.people))]
	content, err := l.content.Render(ctx, to)
	return letter{id: n, to: to, content: content}, err
}

// opener starts one connection of the loop.
func opener(ctx context.Context, to Address) (func() (one func(letter) error, done func(), err error), error) {
	if to.URL != "" {
		client := &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: naiveConnections}}
		return func() (func(letter) error, func(), error) {
			return func(l letter) error { return post(ctx, client, to.URL, l) }, client.CloseIdleConnections, nil
		}, nil
	}
	return func() (func(letter) error, func(), error) {
		client, err := mail.NewClient("127.0.0.1", mail.WithPort(to.Port), mail.WithTLSPolicy(mail.NoTLS), mail.WithoutNoop())
		if err != nil {
			return nil, nil, err
		}
		if err := client.DialWithContext(ctx); err != nil {
			return nil, nil, err
		}
		return func(l letter) error { return submit(client, l) }, func() { _ = client.Close() }, nil
	}, nil
}

func post(ctx context.Context, client *http.Client, url string, l letter) error {
	body, err := json.Marshal(map[string]any{
		"message_id": l.id, "to": l.to.Contact.Address, "subject": l.content.Subject, "text": l.content.Text, "html": l.content.HTML,
		"unsubscribe_url": l.to.UnsubscribeURL,
	})
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

func submit(client *mail.Client, l letter) error {
	m := mail.NewMsg()
	if err := m.From("news@example.com"); err != nil {
		return err
	}
	if err := m.To(l.to.Contact.Address); err != nil {
		return err
	}
	m.Subject(l.content.Subject)
	m.SetGenHeader(mail.HeaderListUnsubscribe, "<"+l.to.UnsubscribeURL+">")
	m.SetBodyString(mail.TypeTextPlain, l.content.Text)
	if l.content.HTML != "" {
		m.AddAlternativeString(mail.TypeTextHTML, l.content.HTML)
	}
	return client.Send(m)
}
