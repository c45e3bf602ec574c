package app

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"

	"carillon/channels"
	"carillon/internal/clock"
	"carillon/messages"
	"carillon/providers"
	"carillon/queue"
)

const (
	// doubtsEvery is how often it is looked whether a provider is to be asked about messages in
	// doubt.
	doubtsEvery = 15 * time.Second
	// mostDoubts bounds how many are asked about before others of the leader's work are looked
	// at again.
	mostDoubts = 100
	// doubtTurn is how long a slot of the channel's rate is waited for.
	doubtTurn = 2 * time.Second
)

// errNoTurn says that a channel has no room for a question now.
var errNoTurn = errors.New("the channel's rate has no room")

// askAboutDoubts asks the providers that can be asked what became of messages in doubt. One that
// does not answer holds nobody else's up for longer than the asking is bounded, and each question
// takes a slot of its channel's rate, as a message does.
func (e *Engine) askAboutDoubts(ctx context.Context) (worked bool, err error) {
	var names []string
	for _, kind := range e.Registry.Kinds() {
		if kind.Capabilities.Finds {
			names = append(names, kind.Name)
		}
	}
	list, err := e.Store.TakeDoubts(ctx, names, mostDoubts)
	if err != nil {
		return false, fmt.Errorf("look for messages in doubt: %w", err)
	}
	byChannel := map[int64][]messages.Doubt{}
	for _, d := range list {
		byChannel[d.ChannelID] = append(byChannel[d.ChannelID], d)
	}
	for _, id := range slices.Sorted(maps.Keys(byChannel)) {
		if err := e.askAbout(ctx, byChannel[id]); err != nil {
			e.log.Warn("what became of messages in doubt could not be asked", "channel", id, "error", err)
		}
	}
	return len(list) == mostDoubts, ctx.Err()
}

// askAbout asks about doubts of one channel.
func (e *Engine) askAbout(ctx context.Context, doubts []messages.Doubt) error {
	c, err := e.Store.GetChannel(ctx, doubts[0].AccountID, doubts[0].ChannelID)
	if err != nil {
		return err
	}
	turn := func(ctx context.Context) error { return e.takeTurn(ctx, c) }
	list := make([]channels.Seeking, len(doubts))
	settled, asked := 0, 0
	for i, d := range doubts {
		list[i] = channels.Seeking{
			Sought: providers.Sought{
				MessageID: d.MessageID, To: d.To, From: d.AskedFrom, Until: d.Began, Alone: d.Alone,
				Others: func(ctx context.Context, ids []string) (map[string]bool, error) {
					return e.Store.OtherMessages(ctx, c.AccountID, c.ID, ids)
				},
			},
			Turn: turn,
			Told: func(ctx context.Context, found providers.Found, err error) error {
				asked++
				if err != nil {
					found = providers.Found{Fate: providers.FateUntold, Detail: err.Error()}
				}
				done, failure := e.Store.SettleFound(ctx, messages.Finding{Doubt: d, Found: found})
				if done {
					settled++
				}
				return failure
			},
		}
	}
	err = e.Channels.Find(ctx, c.AccountID, c.ID, list)
	if asked < len(doubts) {
		err = errors.Join(err, e.Store.ReturnDoubts(ctx, doubts[asked:]))
	}
	if settled > 0 {
		e.log.Info("the provider was asked, and messages are in doubt no longer", "channel", c.ID, "asked", asked, "settled", settled)
	}
	return err
}

// takeTurn waits for a slot of a channel's rate. What Redis has forgotten of a channel is for its
// workers to remember: then nothing has been sent for long, and the interval is kept alone.
func (e *Engine) takeTurn(ctx context.Context, c providers.Channel) error {
	limits := c.Bounds().WithDefaults()
	grant, err := e.Queue.Limiter().Reserve(ctx, queue.Reservation{
		ChannelID: c.ID, AccountID: c.AccountID, AccountPerSecond: float64(c.AccountPerSecond), Epoch: c.Epoch, MaxAhead: doubtTurn,
		Limits: queue.Limits{PerSecond: limits.PerSecond, Burst: limits.Burst}, Recipients: []string{""},
		SeedFirst: true,
	})
	wait := time.Duration(0)
	switch {
	case err != nil:
		return err
	case len(grant.Slots) > 0:
		wait = grant.Slots[0].Wait
	case !grant.Fresh:
		return errNoTurn
	case limits.PerSecond > 0:
		wait = time.Duration(float64(time.Second) / limits.PerSecond)
	}
	if wait > doubtTurn {
		return errNoTurn
	}
	return clock.System{}.Sleep(ctx, wait)
}
