package worker

import (
	"context"
	"time"

	"carillon/messages"
	"carillon/providers"
	"carillon/queue"
)

// windowMargin is by how much sooner than the provider a window is taken for closed: between
// rendering and the request a message waits for its slot, and clocks differ.
const windowMargin = time.Minute

// windowOf is for how long after a recipient has written a channel of these settings may send
// them anything; 0 where it may always, or nobody knows who has written.
func (w *Worker) windowOf(c providers.Channel) (time.Duration, error) {
	window, err := w.o.Registry.ReplyWindow(c.Provider, c.Config)
	if err != nil || window == 0 {
		return 0, err
	}
	return window - windowMargin, nil
}

// closed reports whether only what the provider has approved may go to somebody who wrote then;
// zero is who did not.
func (ch *channel) closed(heardAt time.Time) bool {
	return ch.window > 0 && !heardAt.After(ch.now().Add(-ch.window))
}

// closedError says that somebody has not written lately, and there is nothing for them.
type closedError struct{ detail string }

func (e *closedError) Error() string { return "they have not written lately: " + e.detail }

// shut is a closedError; there may be a template for such people, but not for this one.
func shut(fallsBack bool) *closedError {
	if fallsBack {
		return &closedError{"the template of window_template is not approved on this channel in a language for them"}
	}
	return &closedError{}
}

// outside is what of a message's own content goes to who has not written lately.
func outside(c providers.Content) (providers.Content, error) {
	switch {
	case c.Kept != nil:
		return c, nil
	case c.Outside != nil:
		return *c.Outside, nil
	default:
		return c, shut(false)
	}
}

// verdict is judge, for a message that was believed to be within its recipient's window. Where
// the provider says that it was not, they are taken for who has not written from now on, and what
// there is for such people goes in another try: once, because then it is not believed any more,
// and whatever attempts there are, because nothing was taken.
func (ch *channel) verdict(ctx context.Context, e queue.Envelope, j item, accepted providers.Accepted, err error) (o messages.Outcome) {
	failure := providers.AsError(err)
	believed := err != nil && failure.WindowClosed && !j.wrote.IsZero()
	if believed && j.instead {
		o = ch.outcome(e, j.Item, messages.Pending)
		o.Unspent, o.Reason, o.DueAt = true, messages.ReasonWindow, o.At
		o.Kind, o.Code, o.Detail = string(failure.Kind), failure.Code, detailOf(failure)
	} else {
		o = ch.judgeAt(ctx, e, j, accepted, err)
	}
	if believed {
		o.Unheard = j.wrote
	}
	return o
}
