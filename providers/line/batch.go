package line

import (
	"context"
	"errors"
	"net/http"
	"time"

	"carillon/providers"
)

// Batch are messages on their way that go several in one request, and what becomes of each, in
// their order.
type Batch struct {
	Messages []providers.Message
	Results  []providers.Result
}

// NewBatch is a batch of messages of which nothing is known yet.
func NewBatch(messages []providers.Message) Batch {
	return Batch{Messages: messages, Results: make([]providers.Result, len(messages))}
}

// Together is one request for messages of a batch.
type Together struct {
	// Places are where the messages stand in the batch.
	Places []int
	// Request makes the request of those that go: a message that was withdrawn stays out.
	Request func(ctx context.Context, going []int) (*http.Request, []byte, error)
	// Read reads the answer: it notes what became of each that went, or returns what befell all.
	Read func(answer *http.Response, going []int) error
}

// errNobody says that no message of a request may begin.
var errNobody = errors.New("all messages were withdrawn")

// Ask makes one request. What befalls it as a whole is the result of each of its messages that
// has no other.
func (b Batch) Ask(ctx context.Context, l *Line, t Together) {
	var going []int
	together := &providers.Message{Commit: func() {
		for _, i := range going {
			b.Messages[i].Commits()
		}
	}}
	_, err := l.Ask(ctx, Asking{
		Message: together,
		Request: func(ctx context.Context) (*http.Request, []byte, error) {
			if going = b.begin(t.Places); len(going) == 0 {
				return nil, nil, errNobody
			}
			together.Latest = b.latest(going)
			return t.Request(ctx, going)
		},
		Read: func(answer *http.Response) (providers.Accepted, error) {
			return providers.Accepted{}, t.Read(answer, going)
		},
	})
	if err == nil {
		return
	}
	for _, i := range t.Places {
		if b.Results[i].Err == nil {
			b.Results[i].Err = err
		}
	}
}

// latest is until when a request for some messages may begin: for the first of them that is late.
func (b Batch) latest(going []int) (latest time.Time) {
	for _, i := range going {
		if at := b.Messages[i].Latest; !at.IsZero() && (latest.IsZero() || at.Before(latest)) {
			latest = at
		}
	}
	return latest
}

// begin asks each message whether it may, and returns the places of those that do.
func (b Batch) begin(places []int) (going []int) {
	for _, i := range places {
		if b.Results[i].Err = b.Messages[i].MayBegin(); b.Results[i].Err == nil {
			going = append(going, i)
		}
	}
	return going
}
