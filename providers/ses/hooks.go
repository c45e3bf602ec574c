package ses

import (
	"context"
	"encoding/json"
	"net/http"
	"time"

	"carillon/providers"
	"carillon/providers/line"
)

// event is what SES reports of a mail: an event of a configuration set, or a feedback notification
// of an identity, as far as they are read (the SES developer guide, "Contents of event data" and
// "Notification contents").
type event struct {
	EventType        string
	NotificationType string
	Mail             struct {
		MessageID string
		Tags      map[string][]string
	}
	Bounce struct {
		BounceType, BounceSubType, Timestamp string
		BouncedRecipients                    []struct{ Status, DiagnosticCode string }
	}
	Complaint struct{ ComplaintSubType, ComplaintFeedbackType, Timestamp string }
	Delivery  struct{ Timestamp string }
	Reject    struct{ Reason string }
	Failure   struct{ ErrorMessage string }
}

// fate is what a type of bounce says of a message.
type fate struct {
	status providers.ReceiptStatus
	bounce providers.BounceKind
}

// suppressed is the subtype of a bounce, and of a complaint, of an address that SES writes to no
// more because of what was before: nothing was sent.
const suppressed = "OnAccountSuppressionList"

// fates are the types and subtypes of bounces (the SES developer guide, "Bounce types"); of a
// subtype that is not there the type alone counts.
var fates = map[string]fate{
	"Permanent":               {providers.ReceiptRejected, providers.BounceHard},
	"Permanent/" + suppressed: {providers.ReceiptRejected, ""},
	"Transient/General":       {providers.ReceiptFailed, providers.BounceSoft},
	"Transient/MailboxFull":   {providers.ReceiptFailed, providers.BounceSoft},
}

// fateOf is that of a bounce: one that says nothing of the address fails alone.
func fateOf(kind, detail string) fate {
	if f, ok := fates[kind+"/"+detail]; ok {
		return f
	}
	if f, ok := fates[kind]; ok {
		return f
	}
	return fate{providers.ReceiptFailed, ""}
}

// PrepareCallback has SNS's certificate there, and confirms a subscription to the topic.
func (p *Provider) PrepareCallback(ctx context.Context, _ http.Header, body []byte) error {
	return p.topic.prepare(ctx, body)
}

// ParseCallback reads what became of a message. What is not said of one of ours is taken, and
// means nothing.
func (p *Provider) ParseCallback(_ http.Header, body []byte) ([]providers.Receipt, error) {
	posted, err := p.topic.read(body)
	if err != nil || posted.Type != notification {
		return nil, err
	}
	return p.receipts(posted.Message), nil
}

// receipts are what a message of the topic's means. What is no event is said by SNS or SES of
// themselves, such as that a topic was set.
func (p *Provider) receipts(text string) []providers.Receipt {
	var e event
	if json.Unmarshal([]byte(text), &e) != nil {
		return nil
	}
	r, said := e.receipt()
	if !said || !p.about(&e, &r) {
		return nil
	}
	return []providers.Receipt{r}
}

// about says in a receipt which message it is of; false for none of ours. Events of a configuration
// set have our id; a feedback notification of an identity has SES's alone.
func (p *Provider) about(e *event, r *providers.Receipt) bool {
	if tags := e.Mail.Tags[ourID]; len(tags) == 1 {
		r.MessageID = p.deps.MessageOf(tags[0])
		return r.MessageID != 0
	}
	if e.EventType != "" || !providers.Key(e.Mail.MessageID) {
		return false
	}
	r.ProviderID = e.Mail.MessageID
	return true
}

// receipt is what an event means; false if that is nothing.
func (e *event) receipt() (r providers.Receipt, said bool) {
	kind := e.EventType
	if kind == "" {
		kind = e.NotificationType
	}
	switch kind {
	case "Delivery":
		r.Status, r.At = providers.ReceiptDelivered, instant(e.Delivery.Timestamp)
	case "Bounce":
		e.bounced(&r)
	case "Complaint":
		e.complained(&r)
	case "Reject": // SES took it, and then found a virus in it
		r.Status, r.Code, r.Detail = providers.ReceiptFailed, kind, line.Quote(e.Reject.Reason)
	case "Rendering Failure":
		r.Status, r.Code, r.Detail = providers.ReceiptFailed, "RenderingFailure", line.Quote(e.Failure.ErrorMessage)
	}
	return r, r.Status != ""
}

// bounced says what a bounce means.
func (e *event) bounced(r *providers.Receipt) {
	b := &e.Bounce
	means := fateOf(b.BounceType, b.BounceSubType)
	r.Status, r.Bounce, r.At = means.status, means.bounce, instant(b.Timestamp)
	r.Code = line.Quote(b.BounceType + "/" + b.BounceSubType)
	if len(b.BouncedRecipients) > 0 {
		r.Detail = line.Quote(b.BouncedRecipients[0].Status + " " + b.BouncedRecipients[0].DiagnosticCode)
	}
}

// complained says what a complaint means.
func (e *event) complained(r *providers.Receipt) {
	c := &e.Complaint
	r.At = instant(c.Timestamp)
	switch {
	case c.ComplaintFeedbackType == "not-spam":
	case c.ComplaintSubType == suppressed:
		r.Status, r.Code = providers.ReceiptRejected, "Complaint/"+suppressed
		r.Detail = "SES sent nothing: the address is on the account's suppression list because of a complaint"
	default:
		r.Status = providers.ReceiptComplained
	}
}

// RequestID is SNS's id of a message, by which one that comes again is known.
func (p *Provider) RequestID(_ http.Header, body []byte) string {
	posted, err := p.topic.read(body)
	if err != nil {
		return ""
	}
	return posted.MessageID
}

// instant reads a time; zero for what is none.
func instant(text string) time.Time {
	at, err := time.Parse(time.RFC3339, text)
	if err != nil {
		return time.Time{}
	}
	return at.UTC()
}
