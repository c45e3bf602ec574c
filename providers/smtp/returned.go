package smtp

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"carillon/providers"
	"carillon/providers/bounce"
)

// tokenSetting is the setting by whose secret what comes back is known.
const tokenSetting = "bounce_token"

// markers know the messages of the channel in what comes back: by the present secret, and the one
// before it for as long as that is taken.
func (p *Provider) markers() (list []bounce.Marker) {
	for _, s := range p.deps.Taken(tokenSetting, p.config.BounceToken) {
		list = append(list, bounce.NewMarker(s, p.deps.Installation, p.deps.ChannelID))
	}
	return list
}

// ParseCallback reads a mail that came back and was posted. The token shows that a mail server of
// the channel's owner handed it on, and nothing about who wrote it: whose message it is about,
// the mark in it says alone.
func (p *Provider) ParseCallback(header http.Header, body []byte) ([]providers.Receipt, error) {
	if !p.deps.Takes(tokenSetting, p.config.BounceToken, header.Get(providers.HookTokenHeader)) {
		return nil, &providers.Error{Kind: providers.ErrorAuth, Err: errors.New("the token in the address is not the channel's config.bounce_token")}
	}
	m, err := bounce.Read(body)
	if err != nil {
		return nil, &providers.Error{Kind: providers.ErrorContent, Err: err}
	}
	markers := p.markers()
	for _, mark := range m.Marks {
		if slices.ContainsFunc(markers, func(k bounce.Marker) bool { return k.Knows(mark) }) {
			return p.receipts(mark.Message, m), nil
		}
	}
	return nil, nil // of somebody else's message, or forged
}

// RequestID is by what a mail is known that comes again.
func (p *Provider) RequestID(_ http.Header, body []byte) string {
	sum := sha256.Sum256(body)
	return hex.EncodeToString(sum[:])
}

// Expects reports whether an address is one that a message of the channel comes back to.
func (p *Provider) Expects(address string) bool {
	mark, ok := bounce.MarkOf(address)
	return ok && slices.ContainsFunc(p.markers(), func(k bounce.Marker) bool { return k.Knows(mark) })
}

// ParseReturned reads a mail that came to an address of the channel's: it is about that
// address's message, whatever else stands in it.
func (p *Provider) ParseReturned(address string, mail []byte) ([]providers.Receipt, error) {
	mark, _ := bounce.MarkOf(address)
	if !p.Expects(address) {
		return nil, &providers.Error{Kind: providers.ErrorAuth, Err: fmt.Errorf("no message comes back to %q", address)}
	}
	m, err := bounce.Read(mail)
	if err != nil {
		return nil, &providers.Error{Kind: providers.ErrorContent, Err: err}
	}
	return p.receipts(mark.Message, m), nil
}

// complaints are the types of reports of abuse by which a recipient says that a message was not
// wanted (RFC 5965, 7.3; opt-out is of the drafts before it, and some still send it). Of the
// others not-spam says the contrary, and auth-failure and virus are about what somebody sends.
var complaints = []string{"abuse", "fraud", "opt-out"}

// receipts is what a mail says of a message: one receipt, or none.
func (p *Provider) receipts(message int64, m bounce.Mail) []providers.Receipt {
	r := providers.Receipt{MessageID: message, At: p.written(m.Date)}
	switch {
	case slices.Contains(complaints, m.Feedback):
		r.Status, r.Code = providers.ReceiptComplained, m.Feedback
		return []providers.Receipt{r}
	case slices.ContainsFunc(m.Deliveries, func(d bounce.Delivery) bool { return d.Action == bounce.Delivered }):
		// One of several that an address stands for has it.
		r.Status = providers.ReceiptDelivered
		return []providers.Receipt{r}
	}
	if !p.failure(&r, m.Deliveries) {
		return nil
	}
	return []providers.Receipt{r}
}

// longestUnderway is for how long mail may be on its way before its date is not believed.
const longestUnderway = 30 * 24 * time.Hour

// written is when a mail was written, if that can be.
func (p *Provider) written(date time.Time) time.Time {
	if now := p.deps.Clock.Now(); date.After(now) || now.Sub(date) > longestUnderway {
		return time.Time{}
	}
	return date.UTC()
}

// failure says of a receipt why the message did not arrive; false if nothing failed. Where an
// address stands for several, it is given up for good only if every one of them is.
func (p *Provider) failure(r *providers.Receipt, deliveries []bounce.Delivery) bool {
	failed := false
	for _, d := range deliveries {
		if d.Action != bounce.Failed {
			continue
		}
		one := p.failed(d)
		if !failed {
			one.MessageID, one.At = r.MessageID, r.At
			*r, failed = one, true
		} else if one.Bounce != providers.BounceHard && r.Bounce == providers.BounceHard {
			r.Bounce = one.Bounce
		}
	}
	return failed
}

// failed is the receipt of a recipient who was given up, by what the server said at the end of it
// all: as if it had said so to us.
func (p *Provider) failed(d bounce.Delivery) providers.Receipt {
	answer := replyOf(d)
	at := body
	if code := answer.enhanced(); len(code) > 3 && (code[2:4] == "1." || code[2:4] == "2.") {
		at = recipient // of the address or its mailbox, whenever it was said
	}
	why := classify(at, answer)
	words := strings.TrimSpace(strings.TrimPrefix(answer.text, answer.enhanced())) // which the code has already
	r := providers.Receipt{Status: providers.ReceiptFailed, Bounce: why.Bounce, Code: why.Code, Detail: p.scrub(words)}
	switch {
	case why.Kind == providers.ErrorRecipient || why.Kind == providers.ErrorRecipientBusy:
		r.Status = providers.ReceiptRejected
		if why.Kind == providers.ErrorRecipientBusy {
			r.Bounce = providers.BounceSoft // it was busy for days
		}
	case why.Kind == providers.ErrorTemporary && answer.code/100 == 4, why.Kind == providers.ErrorContent:
		if gone(answer.enhanced()) {
			r.Bounce = providers.BounceSoft
		}
	}
	return r
}

// unreachable are the codes of a recipient's server that nobody found or that did not answer for
// days: of RFC 3463, and those of Exchange Online for the same.
var unreachable = []string{"5.4.1", "5.4.4", "5.4.7", "5.4.300", "5.4.310", "5.4.312", "5.4.316"}

// gone reports whether a server gave up because it could not reach the recipient's. Such an
// address may work again; one that never does is suppressed after some.
func gone(code string) bool {
	return slices.Contains(unreachable, code) || strings.HasPrefix(code, "4.4.")
}

// replyOf is what the server said, as its reply to us: with the code of the report where it has
// none.
func replyOf(d bounce.Delivery) reply {
	said := printable([]byte(d.Said))
	r := reply{code: 550}
	if strings.HasPrefix(d.Status, "4.") {
		r.code = 450
	}
	if len(said) > 3 && (said[3] == ' ' || said[3] == '-') {
		if code, err := strconv.Atoi(said[:3]); err == nil && (code/100 == 4 || code/100 == 5) {
			r.code, said = code, strings.TrimSpace(said[4:])
		}
	}
	if enhancedCode(said) == "" && d.Status != "" {
		said = strings.TrimSpace(d.Status + " " + said)
	}
	r.text = shorten(said)
	return r
}
