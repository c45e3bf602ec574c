package worker

import (
	"cmp"
	"context"
	"slices"
	"sync"
	"time"

	"carillon/messages"
	"carillon/providers"
	"carillon/providers/mail"
	"carillon/queue"
)

// Mailboxes knows at which mailbox providers domains are.
type Mailboxes interface {
	// Of names the mailbox providers of domains, in their order. It waits a second at most; a
	// domain of which nothing is known is its own.
	Of(ctx context.Context, domains []string) []string
}

const (
	// nearBy is how soon a mailbox provider has to have room for a message to wait here for it,
	// with its envelope, and not in the store. Others of the envelope are sent meanwhile, and it
	// ends when the last has gone: about as long as its share of the channel's window.
	nearBy = 500 * time.Millisecond
	// nearAlways has transactional messages be told the next times there are: they stand in no line.
	nearAlways = 24 * time.Hour
)

// locate finds out at which mailbox providers messages are, where the channel has limits for any.
func (ch *channel) locate(ctx context.Context, items []item) {
	if len(ch.limits.Load().Mailboxes) == 0 {
		return
	}
	domains := make([]string, len(items))
	for i := range items {
		domains[i] = mail.Domain(items[i].message.To)
	}
	for i, name := range ch.mailboxesOf(ctx, domains) {
		items[i].mailbox = name
	}
}

func (ch *channel) mailboxesOf(ctx context.Context, domains []string) []string {
	if known := ch.worker.o.Mailboxes; known != nil {
		return known.Of(ctx, domains)
	}
	return domains
}

// mailboxesOf are the limits of messages' mailbox providers. A message that was rendered before
// the channel had any has those of its domain.
func mailboxesOf(limits providers.Mailboxes, items []item) []queue.Mailbox {
	list := make([]queue.Mailbox, len(items))
	for i, j := range items {
		name := cmp.Or(j.mailbox, mail.Domain(j.message.To))
		if l, limited := limits.Of(name); limited {
			list[i] = queue.Mailbox{Name: name, PerSecond: l.PerSecond, RecipientsPerDay: l.RecipientsPerDay}
		}
	}
	return list
}

// near reports whether a message that was denied a slot waits for the next one here.
func near(s queue.Slot) bool { return s.Denied == queue.DeniedMailbox && s.RetryIn <= nearBy }

// denied are slots of which some are none, as of a revision of the channel.
type denied struct {
	slots []queue.Slot
	asOf  time.Time
}

// deny notes when items that were denied a slot ask again, if that is soon, and gives the others
// back.
func (ch *channel) deny(ctx context.Context, e queue.Envelope, items []item, d denied) error {
	now, back := ch.now(), map[string]*messages.Unqueuing{}
	for i, slot := range d.slots {
		items[i].again = time.Time{}
		switch {
		case slot.Denied == "":
		case near(slot):
			items[i].again = now.Add(slot.RetryIn)
		default:
			u := back[slot.Denied]
			if u == nil {
				u = &messages.Unqueuing{
					RunID: e.RunID, ChannelID: ch.c.ID, EnvelopeID: e.ID, Due: messages.Due{Reason: slot.Denied, AsOf: d.asOf}, At: map[int64]time.Time{},
				}
				back[slot.Denied] = u
			}
			u.MessageIDs, u.At[items[i].MessageID] = append(u.MessageIDs, items[i].MessageID), now.Add(slot.RetryIn)
			u.Due.At = u.At[items[i].MessageID]
		}
	}
	for _, u := range back {
		if err := ch.worker.o.Store.Unqueue(context.WithoutCancel(ctx), *u); err != nil {
			return err
		}
	}
	return nil
}

// dealtWith takes the first n of what is ready away, but for those that ask again soon.
func (b *batch) dealtWith(n int) {
	for _, j := range b.ready[:n] {
		if !j.again.IsZero() {
			b.near = append(b.near, j)
		}
	}
	b.ready = b.ready[n:]
	slices.SortStableFunc(b.near, func(x, y item) int { return x.again.Compare(y.again) })
}

// recall puts those whose time has come in front of what is ready. If nothing is, it says how long
// to wait.
func (b *batch) recall(now time.Time) time.Duration {
	n := 0
	for n < len(b.near) && !b.near[n].again.After(now) {
		n++
	}
	if n > 0 {
		b.ready, b.near = slices.Concat(b.near[:n], b.ready), b.near[n:]
	}
	if len(b.ready) > 0 {
		return 0
	}
	return b.near[0].again.Sub(now)
}

// seedMailboxes tells the limiter what the store knows of the last day of each mailbox provider.
func (ch *channel) seedMailboxes(ctx context.Context, sends []messages.RecentSend) error {
	limits := ch.limits.Load().Mailboxes
	if len(limits) == 0 {
		return nil
	}
	domains := make([]string, len(sends))
	for i, s := range sends {
		domains[i] = mail.Domain(s.Address)
	}
	seeds := map[string]*queue.Seed{}
	for i, name := range ch.mailboxesOf(ctx, domains) {
		l, limited := limits.Of(name)
		if !limited {
			continue
		}
		seed := seeds[name]
		if seed == nil {
			seed = &queue.Seed{}
			seeds[name] = seed
		}
		seed.LastSlot = later(seed.LastSlot, sends[i].At)
		if l.RecipientsPerDay > 0 {
			seed.Recipients = append(seed.Recipients, queue.SeedRecipient{Key: messages.RecipientKey(sends[i].Address), At: sends[i].At})
		}
	}
	now, at := ch.now(), ch.limiterID()
	for name, seed := range seeds {
		l, _ := limits.Of(name)
		// Slots of the last second are waited for whoever had them.
		over := l.PerSecond == 0 || now.Sub(seed.LastSlot) > 2*time.Duration(float64(time.Second)/l.PerSecond)
		if over && len(seed.Recipients) == 0 {
			continue
		}
		at.Mailbox = name
		if err := ch.worker.o.Queue.Limiter().Seed(ctx, at, *seed); err != nil {
			return err
		}
	}
	return nil
}

// judgeAt is judge, but for what a mailbox provider says that is paced: it is slowed alone.
func (ch *channel) judgeAt(ctx context.Context, e queue.Envelope, j item, accepted providers.Accepted, err error) messages.Outcome {
	limits, paced := ch.limits.Load().Mailboxes.Of(j.mailbox)
	failure := &providers.Error{}
	if err != nil {
		failure = providers.AsError(err)
	}
	if paced && limits.WarmUp.On() {
		ch.worker.mailboxes.add(ch.c.ID, j.mailbox, failure.Mailbox)
	}
	if !paced || !failure.Mailbox {
		return ch.judge(ctx, e, j.Item, accepted, err)
	}
	o := ch.outcome(e, j.Item, messages.Pending)
	o.Kind, o.Code, o.Detail = string(failure.Kind), failure.Code, detailOf(failure)
	if failure.Kind == providers.ErrorThrottled {
		o.Unspent, o.Reason, o.DueAt = true, messages.ReasonThrottled, o.At // the limiter says when it may go on
	} else {
		o.Reason = messages.ReasonTemporary
		ch.again(ctx, e, &o, failure.RetryAfter)
	}
	at := ch.limiterID()
	at.Mailbox = j.mailbox
	ch.worker.o.Logger.Debug("a mailbox provider asks to slow down", "channel", ch.c.ID, "mailbox", j.mailbox, "answer", o.Detail)
	if err := ch.worker.o.Queue.Limiter().Throttle(context.WithoutCancel(ctx), at, ch.epoch.Load(), failure.RetryAfter); err != nil {
		ch.worker.o.Logger.Warn("the limiter could not be told to slow a mailbox provider down", "channel", ch.c.ID, "mailbox", j.mailbox, "error", err)
	}
	return o
}

// tallies count what came of messages, by channel and mailbox provider, until the store is told.
// They are safe for concurrent use.
type tallies struct {
	mu sync.Mutex
	of map[int64]map[string]providers.Traffic
}

func (t *tallies) add(channelID int64, name string, deferred bool) {
	n := providers.Traffic{Asked: 1}
	if deferred {
		n.Deferred = 1
	}
	t.addAll(channelID, map[string]providers.Traffic{name: n})
}

func (t *tallies) addAll(channelID int64, by map[string]providers.Traffic) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.of == nil {
		t.of = map[int64]map[string]providers.Traffic{}
	}
	if t.of[channelID] == nil {
		t.of[channelID] = map[string]providers.Traffic{}
	}
	for name, n := range by {
		sum := t.of[channelID][name]
		sum.Asked, sum.Deferred = sum.Asked+n.Asked, sum.Deferred+n.Deferred
		t.of[channelID][name] = sum
	}
}

func (t *tallies) take() map[int64]map[string]providers.Traffic {
	t.mu.Lock()
	defer t.mu.Unlock()
	taken := t.of
	t.of = nil
	return taken
}

// noteMailboxes tells the store what came of messages to mailbox providers. What this process has
// not told when it dies, of a second, a warm-up does not know.
func (w *Worker) noteMailboxes(ctx context.Context) {
	for id, by := range w.mailboxes.take() {
		if err := w.o.Store.NoteMailboxes(ctx, id, by); err != nil {
			w.mailboxes.addAll(id, by) // until the next time
		}
	}
}
