package twilio

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/mail"
	"net/url"
	"strconv"
	"strings"
	"time"

	"carillon/providers"
)

const (
	// mostListed is how many messages to one number are looked at. They can't be asked for by
	// the time when they came: those that Twilio has not sent yet have none.
	mostListed = 200
	// maxListed is how much of such a list is read, in bytes: a message has 1 to 3 KB.
	maxListed = 2 << 20
)

// resource is a message as Twilio lists it.
type resource struct {
	SID          string      `json:"sid"`
	From         string      `json:"from"`
	ServiceSID   string      `json:"messaging_service_sid"`
	Direction    string      `json:"direction"`
	Created      string      `json:"date_created"` // RFC 2822
	Status       string      `json:"status"`
	ErrorCode    json.Number `json:"error_code"`
	ErrorMessage string      `json:"error_message"`
}

// Find looks at what Twilio keeps of messages to the number. It keeps nothing of ours that would
// name one, so that it is told by number, sender and time: where two may be meant, nothing is
// told.
func (p *Provider) Find(ctx context.Context, s providers.Sought) (found providers.Found, err error) {
	query := url.Values{"To": {p.address(s.To)}, "PageSize": {strconv.Itoa(mostListed)}}
	if p.config.From != "" {
		query.Set("From", p.address(p.config.From))
	}
	var page struct {
		Messages *[]resource `json:"messages"`
		Next     string      `json:"next_page_uri"`
	}
	err = p.line.Look(ctx, func(ctx context.Context) (*http.Request, error) {
		return p.request(ctx, http.MethodGet, "/Messages.json?"+query.Encode())
	}, func(answer *http.Response) error {
		text, broken := io.ReadAll(io.LimitReader(answer.Body, maxListed))
		if failure := p.failure(answer, string(text)); failure != nil {
			return failure
		}
		if err := json.Unmarshal(text, &page); err != nil || broken != nil || page.Messages == nil {
			return &providers.Error{Kind: providers.ErrorTemporary, Err: errors.New("the answer is no list of Twilio's: check config.api")}
		}
		return nil
	})
	if err != nil {
		return providers.Found{}, err
	}
	return p.among(ctx, s, *page.Messages, page.Next != "")
}

// among tells a message among those of a list; more says that the list goes on.
func (p *Provider) among(ctx context.Context, s providers.Sought, list []resource, more bool) (providers.Found, error) {
	ids, by := []string{}, map[string]*resource{}
	for i := range list {
		m := &list[i]
		if !strings.HasPrefix(m.Direction, "outbound") || p.config.From == "" && m.ServiceSID != p.config.MessagingServiceSID {
			continue
		}
		created, read := instant(m.Created)
		if !read || !providers.Key(m.SID) {
			return providers.Found{Fate: providers.FateUntold, Detail: "its list has a message whose time or sid can't be read"}, nil
		}
		if within(created, s) {
			ids, by[m.SID] = append(ids, m.SID), m
		}
	}
	others, err := s.Others(ctx, ids)
	if err != nil {
		return providers.Found{}, &providers.Error{Kind: providers.ErrorTemporary, Err: err}
	}
	for id := range others {
		delete(by, id)
	}
	switch {
	case more:
		return providers.Found{Fate: providers.FateUntold, Detail: "it has more messages to this number than are looked at"}, nil
	case len(by) == 0:
		return providers.Found{Fate: providers.FateNotTaken}, nil
	case len(by) > 1 || !s.Alone:
		return providers.Found{Fate: providers.FateUntold, Detail: "it keeps no id of ours, and another message to this number may be meant"}, nil
	}
	found := providers.Found{Fate: providers.FateTaken}
	for id, m := range by {
		found.ProviderID = id
		if became, known := arrived[m.Status]; known {
			found.Receipt = p.receipt(became, url.Values{
				"MessageStatus": {m.Status}, "ErrorCode": {m.ErrorCode.String()}, "ErrorMessage": {m.ErrorMessage},
			})
		}
	}
	return found, nil
}

// within reports whether a message may be the one that is sought by when Twilio came to have it,
// in whole seconds.
func within(created time.Time, s providers.Sought) bool {
	return !created.Before(s.From.Add(-providers.ClockSlack)) && !created.After(s.Until.Add(providers.ClockSlack))
}

// instant reads a time as Twilio writes it, by RFC 2822.
func instant(text string) (at time.Time, read bool) {
	at, err := mail.ParseDate(text)
	return at, err == nil
}
