package worker

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"carillon/messages"
	"carillon/providers"
	"carillon/queue"
)

// pool is a name under which channels of an account count their recipients of a day together.
type pool struct {
	accountID int64
	name      string
}

// notePools keeps which channels count together.
func (w *Worker) notePools(list []providers.Channel) {
	members := map[pool]string{}
	byID := func(a, b providers.Channel) int { return int(a.ID - b.ID) }
	for _, c := range slices.SortedFunc(slices.Values(list), byID) {
		if c.Limits.RecipientsPool != "" {
			members[pool{c.AccountID, c.Limits.RecipientsPool}] += " " + strconv.FormatInt(c.ID, 10)
		}
	}
	w.pools.Store(&members)
}

// countedAs says whose recipients of a day a channel counts: its own, those of its pool's channels
// of now, and those of mailbox providers. Where anything of it changes they are seeded anew.
func (ch *channel) countedAs(l *providers.Limits) string {
	var parts []string
	switch {
	case l.RecipientsPerDay == 0:
	case l.RecipientsPool == "":
		parts = append(parts, "its own")
	default:
		of := pool{ch.c.AccountID, l.RecipientsPool}
		var members string
		if pools := ch.worker.pools.Load(); pools != nil {
			members = (*pools)[of]
		}
		parts = append(parts, "of "+of.name+members)
	}
	for _, name := range slices.Sorted(maps.Keys(l.Mailboxes)) {
		if l.Mailboxes[name].RecipientsPerDay > 0 {
			parts = append(parts, "at "+name)
		}
	}
	return strings.Join(parts, ", ")
}

// seedPool tells the limiter whom the other channels of a pool have written to.
func (ch *channel) seedPool(ctx context.Context, name string, since time.Time) error {
	members, err := ch.worker.o.Store.PooledChannels(ctx, ch.c.AccountID, name)
	if err != nil {
		return err
	}
	for _, id := range members {
		if id == ch.c.ID {
			continue
		}
		sends, err := ch.worker.o.Store.RecentSends(ctx, id, since)
		if err != nil {
			return err
		}
		if err := ch.worker.o.Queue.Limiter().Seed(ctx, ch.limiterID(), queue.Seed{RecipientsPool: name, Recipients: recipientsOf(sends)}); err != nil {
			return fmt.Errorf("seed the recipients of channel %d: %w", id, err)
		}
	}
	return nil
}

func recipientsOf(sends []messages.RecentSend) []queue.SeedRecipient {
	list := make([]queue.SeedRecipient, len(sends))
	for i, s := range sends {
		list[i] = queue.SeedRecipient{Key: messages.RecipientKey(s.Address), At: s.At}
	}
	return list
}

// answering are those of items that answer somebody within the provider's window, which none of
// its limits of a day counts; nil if none does.
func answering(items []item) (exempt []bool) {
	for i := range items {
		if !items[i].answers {
			continue
		}
		if exempt == nil {
			exempt = make([]bool, len(items))
		}
		exempt[i] = true
	}
	return exempt
}
