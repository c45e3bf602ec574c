package app

import (
	"context"
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
	// mostPersonMails are those that may wait; nobody asks for more but to do harm.
	mostPersonMails = 64
	// personMailTime bounds how long one takes.
	personMailTime = 30 * time.Second
)

// personMails writes to people who sign in, past the queue and the store: what opens something
// is kept nowhere, and nobody who may read messages reads it.
type personMails struct {
	store    *store.Store
	registry *providers.Registry
	dialer   providers.Dialer
	log      *slog.Logger
	waiting  chan access.PersonMail
	working  sync.WaitGroup
	end      context.CancelFunc
}

func newPersonMails(s *store.Store, r *providers.Registry, d providers.Dialer, log *slog.Logger) *personMails {
	ctx, end := context.WithCancel(context.Background())
	p := &personMails{store: s, registry: r, dialer: d, log: log, waiting: make(chan access.PersonMail, mostPersonMails), end: end}
	p.working.Go(func() { p.run(ctx) })
	return p
}

// MailPerson returns at once. Where too many wait, a mail is dropped: who waits for it asks again.
func (p *personMails) MailPerson(m access.PersonMail) {
	select {
	case p.waiting <- m:
	default:
		p.log.Warn("a mail about a password was dropped: too many wait", "account", m.AccountID, "channel", m.ChannelID)
	}
}

func (p *personMails) run(ctx context.Context) {
	for {
		select {
		case <-ctx.Done():
			return
		case m := <-p.waiting:
			if err := p.send(ctx, m); err != nil {
				p.log.Warn("a mail about a password was not sent: carillon channel test says what is wrong with the channel",
					"account", m.AccountID, "channel", m.ChannelID, "error", err)
			}
		}
	}
}

func (p *personMails) send(ctx context.Context, m access.PersonMail) error {
	ctx, cancel := context.WithTimeout(ctx, personMailTime)
	defer cancel()
	channel, err := p.store.GetChannel(ctx, m.AccountID, m.ChannelID)
	if err != nil {
		return err
	}
	adapter, err := p.registry.New(channel.Provider, channel.Config, providers.Deps{
		ChannelID: channel.ID, Concurrency: 1, Dialer: p.dialer, Clock: clock.System{},
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

// stop ends it; mails that wait are dropped.
func (p *personMails) stop() {
	p.end()
	p.working.Wait()
}
