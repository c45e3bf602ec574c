package postmark

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"time"

	"carillon/providers"
	"carillon/providers/line"
)

// posted is what Postmark posts to a webhook, as far as it is read: one event.
type posted struct {
	RecordType  string
	TypeCode    int
	Name        string
	Description string
	Details     string
	Metadata    map[string]json.RawMessage
	DeliveredAt string
	BouncedAt   string
	ChangedAt   string
	// SuppressSending and SuppressionReason say of a subscription that it ended, and why: a
	// ManualSuppression whose Origin is the Recipient is somebody who left.
	SuppressSending   bool
	SuppressionReason string
	Origin            string
}

// fate is what a type of bounce says of a message.
type fate struct {
	status providers.ReceiptStatus
	bounce providers.BounceKind
}

// fates are the types of bounces by their codes (postmarkapp.com/developer/api/bounce-api, "Bounce
// types") that say more than that a message failed; those without a status say nothing of it.
var fates = map[int]fate{
	1:      {providers.ReceiptRejected, providers.BounceHard},
	2:      {providers.ReceiptFailed, providers.BounceSoft}, // the server was out of reach, or the mailbox full
	16:     {providers.ReceiptUnsubscribed, ""},             // a request to be taken off the list
	32:     {},                                              // a request to be put on it
	64:     {},                                              // an automatic answer
	128:    {},                                              // somebody who says that they have another address
	256:    {providers.ReceiptFailed, providers.BounceSoft}, // the DNS did not answer
	4096:   {providers.ReceiptFailed, providers.BounceSoft},
	16384:  {},                                                // a question whether a person has written
	100000: {providers.ReceiptRejected, providers.BounceHard}, // no address
	100001: {providers.ReceiptComplained, ""},
	100002: {providers.ReceiptRejected, ""}, // put out by hand
}

// ParseCallback reads what became of a message. What is not said of one of ours is taken, and
// means nothing.
func (p *Provider) ParseCallback(header http.Header, body []byte) ([]providers.Receipt, error) {
	if !p.deps.Takes("hook_token", p.config.HookToken, header.Get(providers.HookTokenHeader)) {
		return nil, &providers.Error{Kind: providers.ErrorAuth, Err: errors.New("the token in the address is not the channel's config.hook_token")}
	}
	var e posted
	if err := json.Unmarshal(body, &e); err != nil {
		return nil, &providers.Error{Kind: providers.ErrorContent, Err: fmt.Errorf("the body can't be read: %w", err)}
	}
	r := providers.Receipt{MessageID: p.deps.MessageOf(e.ours())}
	switch e.RecordType {
	case "Delivery":
		r.Status, r.At = providers.ReceiptDelivered, instant(e.DeliveredAt)
	case "Bounce":
		e.bounced(&r)
	case "SpamComplaint":
		r.Status, r.At = providers.ReceiptComplained, instant(e.BouncedAt)
	case "SubscriptionChange":
		if e.SuppressSending && e.SuppressionReason == "ManualSuppression" && e.Origin == "Recipient" {
			r.Status, r.At = providers.ReceiptUnsubscribed, instant(e.ChangedAt)
		}
	}
	if r.MessageID == 0 || r.Status == "" {
		return nil, nil
	}
	return []providers.Receipt{r}, nil
}

// ours is our id, which Postmark echoes.
func (e *posted) ours() (id string) {
	if json.Unmarshal(e.Metadata[ourID], &id) != nil {
		return ""
	}
	return id
}

// bounced says what a bounce means.
func (e *posted) bounced(r *providers.Receipt) {
	means, known := fates[e.TypeCode]
	if !known {
		means.status = providers.ReceiptFailed
	}
	r.Status, r.Bounce, r.At = means.status, means.bounce, instant(e.BouncedAt)
	r.Code, r.Detail = strconv.Itoa(e.TypeCode), line.Quote(e.Name+": "+e.Description+" "+e.Details)
}

// instant reads a time; zero for what is none.
func instant(text string) time.Time {
	at, err := time.Parse(time.RFC3339, text)
	if err != nil {
		return time.Time{}
	}
	return at.UTC()
}
