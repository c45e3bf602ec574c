package mailgun

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"time"

	"carillon/providers"
)

const (
	// mostEvents is the most that one page of events has (documentation.mailgun.com, "Events").
	mostEvents = 300
	// maxEvents is how much of such a page is read, in bytes: an event has about 2 KB.
	maxEvents = 2 << 20
	// trusted is how old events are before none is missing between them (the same, "Event
	// polling").
	trusted = 30 * time.Minute
)

// Find looks among what Mailgun accepted for the recipient at the time for our id. A sending key
// may not look: it takes a key of the account, or of a role that may read.
func (p *Provider) Find(ctx context.Context, s providers.Sought) (found providers.Found, err error) {
	query := url.Values{
		"event": {"accepted"}, "recipient": {s.To}, "limit": {strconv.Itoa(mostEvents)}, "ascending": {"yes"},
		"begin": {epoch(s.From.Add(-providers.ClockSlack))}, "end": {epoch(s.Until.Add(providers.ClockSlack))},
	}
	err = p.line.Look(ctx, func(ctx context.Context) (*http.Request, error) {
		return p.request(ctx, http.MethodGet, "/events?"+query.Encode(), "")
	}, func(answer *http.Response) error {
		text, broken := io.ReadAll(io.LimitReader(answer.Body, maxEvents))
		if failure := p.failure(answer, string(text)); failure != nil {
			return failure
		}
		if broken != nil {
			return &providers.Error{Kind: providers.ErrorTemporary, Err: errors.New("the answer was cut off")}
		}
		found, err = p.accepted(text, s)
		return err
	})
	return found, err
}

func epoch(at time.Time) string { return strconv.FormatInt(at.Unix(), 10) }

// accepted reads a page of events.
func (p *Provider) accepted(text []byte, s providers.Sought) (providers.Found, error) {
	var page struct {
		Items *[]struct {
			event
			Message struct {
				Headers struct {
					ID string `json:"message-id"`
				} `json:"headers"`
			} `json:"message"`
		} `json:"items"`
	}
	if err := json.Unmarshal(text, &page); err != nil || page.Items == nil {
		return providers.Found{}, &providers.Error{Kind: providers.ErrorTemporary, Err: errors.New("what answers there is not Mailgun: check config.api")}
	}
	for i := range *page.Items {
		e := &(*page.Items)[i]
		if e.Event != "accepted" || p.deps.MessageOf(e.ours()) != s.MessageID {
			continue
		}
		found := providers.Found{Fate: providers.FateTaken}
		if id := "<" + e.Message.Headers.ID + ">"; e.Message.Headers.ID != "" && providers.Key(id) {
			found.ProviderID = id // as the answer to a message has it
		}
		return found, nil
	}
	switch {
	case len(*page.Items) >= mostEvents:
		return providers.Found{Fate: providers.FateUntold, Detail: "it has taken too many messages for this address at that time"}, nil
	case p.deps.Clock.Now().Sub(s.Until) < trusted:
		return providers.Found{Fate: providers.FateUntold, Detail: "its events are complete after half an hour"}, nil
	}
	return providers.Found{Fate: providers.FateNotTaken}, nil
}
