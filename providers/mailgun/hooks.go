package mailgun

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"net/http"
	"regexp"
	"strconv"
	"strings"
	"time"

	"carillon/providers"
	"carillon/providers/line"
	"carillon/providers/mail"
)

// How far the time of a signature may be from ours. Mailgun repeats for eight hours what was not
// taken, and does not say that it signs it again; what comes twice is known by its token.
const (
	oldest = 9 * time.Hour
	ahead  = 5 * time.Minute
)

// posted is what Mailgun posts to a webhook: one event.
type posted struct {
	Signature signature `json:"signature"`
	Event     event     `json:"event-data"`
}

// signature stands beside the event, and is of itself alone: of a time, in seconds, and a token
// that is another one each time.
type signature struct {
	// Timestamp is a text, and in some of Mailgun's own samples a number.
	Timestamp json.RawMessage `json:"timestamp"`
	Token     string          `json:"token"`
	Signature string          `json:"signature"`
}

// stamp is the time as it is signed.
func (s *signature) stamp() string { return strings.Trim(string(s.Timestamp), `"`) }

type event struct {
	Event string `json:"event"`
	// Timestamp is in seconds and parts of them.
	Timestamp float64 `json:"timestamp"`
	Severity  string  `json:"severity"`
	Reason    string  `json:"reason"`
	Status    struct {
		Code        int    `json:"code"`
		Enhanced    string `json:"enhanced-code"`
		Message     string `json:"message"`
		Description string `json:"description"`
	} `json:"delivery-status"`
	Reject struct {
		Reason string `json:"reason"`
	} `json:"reject"`
	Variables map[string]json.RawMessage `json:"user-variables"`
}

// ParseCallback reads what became of a message. What is not said of one of ours is taken, and
// means nothing.
func (p *Provider) ParseCallback(_ http.Header, body []byte) ([]providers.Receipt, error) {
	var proof struct {
		Signature signature `json:"signature"`
	}
	if err := json.Unmarshal(body, &proof); err != nil {
		return nil, &providers.Error{Kind: providers.ErrorAuth, Err: errors.New("the body has no signature that can be read")}
	}
	if err := p.proven(&proof.Signature); err != nil {
		return nil, err
	}
	var of posted
	if err := json.Unmarshal(body, &of); err != nil {
		return nil, &providers.Error{Kind: providers.ErrorContent, Err: fmt.Errorf("the body can't be read: %w", err)}
	}
	r := of.Event.receipt()
	if r.MessageID = p.deps.MessageOf(of.Event.ours()); r.MessageID == 0 || r.Status == "" {
		return nil, nil
	}
	return []providers.Receipt{r}, nil
}

// RequestID is the token, by which a repeat is known.
func (p *Provider) RequestID(_ http.Header, body []byte) string {
	var of posted
	if json.Unmarshal(body, &of) != nil || len(of.Signature.Token) > longestToken {
		return ""
	}
	return of.Signature.Token
}

// longestToken is in bytes; Mailgun's have 50.
const longestToken = 100

// proven checks a signature and its age.
func (p *Provider) proven(s *signature) error {
	refuse := func(format string, args ...any) error {
		return &providers.Error{Kind: providers.ErrorAuth, Err: fmt.Errorf(format, args...)}
	}
	right := false
	for _, key := range p.deps.Taken("signing_key", p.config.SigningKey) {
		mac := hmac.New(sha256.New, []byte(key.Reveal()))
		mac.Write([]byte(s.stamp() + s.Token))
		right = hmac.Equal([]byte(hex.EncodeToString(mac.Sum(nil))), []byte(s.Signature)) || right
	}
	if !right {
		return refuse("the signature is not that of the channel's config.signing_key")
	}
	seconds, err := strconv.ParseInt(s.stamp(), 10, 64)
	if err != nil {
		return refuse("signature.timestamp is no time in seconds")
	}
	if age := p.deps.Clock.Now().Sub(time.Unix(seconds, 0)); age > oldest || age < -ahead {
		return refuse("the signature is right, but its time is %s from this server's clock: set the clock that is wrong", age.Round(time.Second))
	}
	return nil
}

// ours is our id, which Mailgun echoes.
func (e *event) ours() (id string) {
	if json.Unmarshal(e.Variables[ourID], &id) != nil {
		return ""
	}
	return id
}

// receipt is what an event says of a message; without a status if it is nothing.
func (e *event) receipt() (r providers.Receipt) {
	if e.Timestamp > 0 && e.Timestamp < math.MaxInt32 {
		r.At = time.UnixMilli(int64(e.Timestamp * 1000)).UTC()
	}
	switch e.Event {
	case "delivered":
		r.Status = providers.ReceiptDelivered
	case "complained":
		r.Status = providers.ReceiptComplained
	case "unsubscribed":
		r.Status = providers.ReceiptUnsubscribed
	case "rejected":
		r.Status, r.Code, r.Detail = providers.ReceiptFailed, "rejected", line.Quote(e.Reject.Reason)
	case "failed":
		if e.Severity != "temporary" { // then Mailgun is still trying
			e.failed(&r)
		}
	}
	return r
}

// enhanced finds an enhanced code in what a server said.
var enhanced = regexp.MustCompile(`\b5\.\d{1,3}\.\d{1,3}\b`)

// failed says what a failure for good means.
func (e *event) failed(r *providers.Receipt) {
	r.Status = providers.ReceiptFailed
	r.Code = line.Quote(e.Reason)
	if e.Status.Code != 0 {
		r.Code = strconv.Itoa(e.Status.Code)
	}
	said := e.Status.Message
	if said == "" {
		said = e.Status.Description
	}
	r.Detail = line.Quote(strings.TrimSpace(e.Reason + " " + said))
	switch {
	case strings.HasPrefix(e.Reason, "suppress-"): // it bounced, complained or left before
		r.Status = providers.ReceiptRejected
		return
	case e.Reason == "old": // Mailgun has tried for long enough
		r.Bounce = providers.BounceSoft
		return
	}
	code := e.Status.Enhanced
	if code == "" {
		code = enhanced.FindString(said)
	}
	if r.Bounce = mail.BounceOf(code); r.Bounce == providers.BounceHard {
		r.Status = providers.ReceiptRejected
	}
}
