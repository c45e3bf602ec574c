package webpush

import (
	"fmt"
	"net/http"
	"strings"

	"carillon/providers"
	"carillon/providers/line"
)

// What push services say in their answers, in small letters: RFC 8292 has no code for it.
var (
	// others are the words for a subscription that was made with another key: Google's, Mozilla's
	// and Apple's.
	others = []string{"do not correspond to the credentials", "does not correspond to the sender id", "public key mismatch", "vapidpkhashmismatch"}
	// proofs are in what says of a request that is wrong that it is its signature.
	proofs = []string{"unauthorizedregistration", "unauthorized registration", "authorization", "jwt", "vapid"}
)

func says(text string, words []string) bool {
	text = strings.ToLower(text)
	for _, w := range words {
		if strings.Contains(text, w) {
			return true
		}
	}
	return false
}

// read reads an answer. An id is of no use, because nothing asks for a message later; it stands
// in the record for who asks the push service.
func (p *Provider) read(answer *http.Response) (providers.Accepted, error) {
	text := line.Text(answer)
	failure := providers.ClassifyHTTP(answer.StatusCode, answer.Header, p.deps.Clock.Now())
	if failure == nil {
		where := line.Quote(p.scrub(answer.Header.Get("Location")))
		return providers.Accepted{Response: strings.TrimSpace(answer.Status + " " + where)}, nil
	}
	hint := ""
	switch status := answer.StatusCode; {
	case status == http.StatusNotFound, status == http.StatusGone:
		failure.Kind, failure.Bounce = providers.ErrorRecipient, providers.BounceHard
		hint = "the subscription has ended"
	case failure.Kind == providers.ErrorAuth && says(text, others):
		failure.Kind = providers.ErrorRecipient
		hint = "the subscription was made with another key than config.public_key: the browser must subscribe anew"
	case failure.Kind == providers.ErrorAuth, status == http.StatusBadRequest && says(text, proofs):
		failure.Kind = providers.ErrorAuth
		hint = "the signature is not taken: check config.subject, and the clock of this machine"
	case status == http.StatusNotAcceptable:
		failure.Kind = providers.ErrorRecipientBusy // how Microsoft says that one browser gets too much
	case failure.Kind == providers.ErrorAccount:
		failure.Kind = providers.ErrorRecipient
		hint = "the endpoint takes no messages"
	case status == http.StatusRequestEntityTooLarge:
		hint = "the message is too long for it: shorten it"
	}
	failure.Err = fmt.Errorf("the push service answered %s", answer.Status)
	if hint != "" {
		failure.Err = fmt.Errorf("%w: %s", failure.Err, hint)
	}
	if quoted := line.Quote(p.scrub(text)); quoted != "" {
		failure.Err = fmt.Errorf("%w: %s", failure.Err, quoted)
	}
	return providers.Accepted{}, failure
}
