package app

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"carillon/access"
	"carillon/internal/clock"
	"carillon/providers"
	"carillon/store"
)

const (
	// mostLater is how much may wait to be done after an answer; nobody asks for more but to do
	// harm.
	mostLater = 256
	// personMailTime bounds how long a mail takes.
	personMailTime = 30 * time.Second
)

// afterwards does one after the other what no answer waits for.
type afterwards struct {
	log     *slog.Logger
	waiting chan func(ctx context.Context) error
	working sync.WaitGroup
	end     context.CancelFunc
}

func newAfterwards(log *slog.Logger) *afterwards {
	ctx, end := context.WithCancel(context.Background())
	a := &afterwards{log: log, waiting: make(chan func(ctx context.Context) error, mostLater), end: end}
	a.working.Go(func() { a.run(ctx) })
	return a
}

// do returns at once. Where too much waits, it is not done: who waits for a mail asks again.
func (a *afterwards) do(what func(ctx context.Context) error) {
	select {
	case a.waiting <- what:
	default:
		a.log.Warn("a refused sign-in was not written down, or a mail about a password not sent: too many wait")
	}
}

func (a *afterwards) run(ctx context.Context) {
	for {
		select {
		case <-ctx.Done():
			return
		case what := <-a.waiting:
			if err := what(ctx); err != nil && ctx.Err() == nil {
				a.log.Warn("a refused sign-in was not written down, or a mail about a password not sent", "error", err)
			}
		}
	}
}

// stop ends it; what waits is dropped.
func (a *afterwards) stop() {
	a.end()
	a.working.Wait()
}

// personMails writes to people who sign in, past the queue and the store: what opens something
// is kept nowhere, and nobody who may read messages reads it.
type personMails struct {
	store    *store.Store
	registry *providers.Registry
	dialer   providers.Dialer
	public   string
}

// MailPerson sends one mail. Its error names neither the person nor what the server said of one.
func (p personMails) MailPerson(ctx context.Context, m access.PersonMail) error {
	err := p.send(ctx, m)
	var refused *providers.Error
	if errors.As(err, &refused) {
		err = fmt.Errorf("the provider answers %s %s", refused.Kind, refused.Code)
	}
	if err != nil {
		err = fmt.Errorf("mail a link through channel %d (carillon channel test says what is wrong with it): %w", m.ChannelID, err)
	}
	return err
}

func (p personMails) send(ctx context.Context, m access.PersonMail) error {
	ctx, cancel := context.WithTimeout(ctx, personMailTime)
	defer cancel()
	channel, err := p.store.GetChannel(ctx, m.AccountID, m.ChannelID)
	if err != nil {
		return err
	}
	adapter, err := p.registry.New(channel.Provider, channel.Config, providers.Deps{
		ChannelID: channel.ID, Concurrency: 1, Dialer: p.dialer, Clock: clock.System{}, Replaced: channel.Replaced, SigningKeys: channel.SigningKeys,
		HookURL: providers.HookURL(p.public, channel.ID),
		Receive: func(context.Context, []providers.Receipt) error { return nil }, // no message waits for one
	})
	if err != nil {
		return fmt.Errorf("open the channel: %w", err)
	}
	defer func() { _ = adapter.Close() }() // it was sent, or its error is the one to tell
	_, err = adapter.Send(ctx, providers.Message{
		ID: clock.System{}.Now().UnixMicro(), Attempt: 1, Transactional: true, To: m.To,
		Content: providers.Content{Subject: m.Subject, Text: m.Text.Reveal()},
	})
	return err
}
