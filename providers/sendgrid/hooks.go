package sendgrid

import (
	"crypto/ecdsa"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net/http"
	"strconv"
	"time"

	"carillon/internal/fault"
	"carillon/providers"
	"carillon/providers/line"
	"carillon/providers/mail"
)

// The headers of a signed event webhook.
const (
	signatureHeader = "X-Twilio-Email-Event-Webhook-Signature"
	timeHeader      = "X-Twilio-Email-Event-Webhook-Timestamp"
)

// How far the time of a signature may be from ours. SendGrid repeats for a day what was not
// taken, and does not say that it signs it again; what comes twice says the same twice.
const (
	oldest = 25 * time.Hour
	ahead  = 5 * time.Minute
)

// event is one of what SendGrid posts.
type event struct {
	Event string `json:"event"`
	// Timestamp is in seconds.
	Timestamp int64 `json:"timestamp"`
	// OurID is our id, which SendGrid echoes.
	OurID string `json:"carillon"`
	// Type says of a bounce whether it is one, or the server only did not want us.
	Type           string `json:"type"`
	Classification string `json:"bounce_classification"`
	Reason         string `json:"reason"`
	// Status is the enhanced code.
	Status string `json:"status"`
}

// ParseCallback reads what became of messages. What is not said of one of ours is taken, and
// means nothing.
func (p *Provider) ParseCallback(header http.Header, body []byte) ([]providers.Receipt, error) {
	if err := p.proven(header, body); err != nil {
		return nil, err
	}
	var list []json.RawMessage
	if err := json.Unmarshal(body, &list); err != nil {
		return nil, &providers.Error{Kind: providers.ErrorContent, Err: fmt.Errorf("the body can't be read: %w", err)}
	}
	var receipts []providers.Receipt
	var refused providers.Refused
	for i, raw := range list {
		var e event
		if err := json.Unmarshal(raw, &e); err != nil {
			refused = append(refused, fault.Field{Location: fmt.Sprintf("[%d]", i), Message: "can't be read: " + line.Quote(err.Error())})
			continue
		}
		if r := e.receipt(p.deps.MessageOf(e.OurID)); r.MessageID != 0 && r.Status != "" {
			receipts = append(receipts, r)
		}
	}
	return receipts, refused.OrNil()
}

// proven checks the signature and its age.
func (p *Provider) proven(header http.Header, body []byte) error {
	refuse := func(format string, args ...any) error {
		return &providers.Error{Kind: providers.ErrorAuth, Err: fmt.Errorf(format, args...)}
	}
	stamp := header.Get(timeHeader)
	seconds, err := strconv.ParseInt(stamp, 10, 64)
	if err != nil {
		return refuse("%s is missing, or no time in seconds: switch the signature of the event webhook on", timeHeader)
	}
	signature, err := base64.StdEncoding.DecodeString(header.Get(signatureHeader))
	if err != nil || !p.signed(stamp, body, signature) {
		return refuse("%s is not that of the channel's config.verification_key", signatureHeader)
	}
	if age := p.deps.Clock.Now().Sub(time.Unix(seconds, 0)); age > oldest || age < -ahead {
		return refuse("the signature is right, but %s is %s from this server's clock: set the clock that is wrong", timeHeader, age.Round(time.Second))
	}
	return nil
}

// signed reports whether a key that is taken now has made a signature.
func (p *Provider) signed(stamp string, body, signature []byte) (right bool) {
	hash := sha256.New()
	hash.Write([]byte(stamp))
	hash.Write(body)
	sum := hash.Sum(nil)
	for _, s := range p.deps.Taken("verification_key", p.config.VerificationKey) {
		key, err := publicKey(s)
		right = err == nil && ecdsa.VerifyASN1(key, sum, signature) || right
	}
	return right
}

// dropped are the reasons for which SendGrid does not even try that say something of the
// recipient; all others are the message's.
var dropped = map[string]providers.ReceiptStatus{
	"Bounced Address": providers.ReceiptRejected, "Spam Reporting Address": providers.ReceiptRejected,
	"Unsubscribed Address": providers.ReceiptRejected, "Invalid": providers.ReceiptRejected,
}

// receipt is what an event says of a message of ours; without a status if it is nothing.
func (e *event) receipt(id int64) providers.Receipt {
	r := providers.Receipt{MessageID: id}
	if e.Timestamp > 0 {
		r.At = time.Unix(e.Timestamp, 0).UTC()
	}
	switch e.Event {
	case "delivered":
		r.Status = providers.ReceiptDelivered
	case "spamreport":
		r.Status = providers.ReceiptComplained
	case "unsubscribe":
		r.Status = providers.ReceiptUnsubscribed
	case "bounce":
		e.bounced(&r)
	case "dropped":
		r.Status = providers.ReceiptFailed
		if status, known := dropped[e.Reason]; known {
			r.Status = status
		}
		r.Code, r.Detail = "dropped", line.Quote(e.Reason)
	}
	return r
}

// classes are what SendGrid itself makes of a bounce where that says something of the address.
var classes = map[string]providers.BounceKind{"Invalid Address": providers.BounceHard, "Mailbox Unavailable": providers.BounceSoft}

// bounced says what a bounce means.
func (e *event) bounced(r *providers.Receipt) {
	r.Status = providers.ReceiptFailed
	r.Code, r.Detail = line.Quote(e.Status), line.Quote(e.Reason)
	if r.Code == "" {
		r.Code = "bounce"
	}
	if e.Type == "blocked" {
		return
	}
	if r.Bounce = mail.BounceOf(e.Status); r.Bounce == "" {
		r.Bounce = classes[e.Classification]
	}
	if r.Bounce == providers.BounceHard {
		r.Status = providers.ReceiptRejected
	}
}
