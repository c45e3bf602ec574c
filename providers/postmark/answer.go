package postmark

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"strings"

	"carillon/providers"
	"carillon/providers/line"
)

// answered is what is answered to a message, and to a request that is refused.
type answered struct {
	ErrorCode *int
	Message   string
	MessageID string
}

// codes are Postmark's error codes that say more than the status that they come with
// (postmarkapp.com/developer/api/overview, "API error codes"). All others are the message's
// fault, or an error of ours in making it.
var codes = map[int]struct {
	kind providers.ErrorKind
	hint string
}{
	10:   {providers.ErrorAuth, "config.token is not the token of a server"},
	100:  {providers.ErrorTemporary, ""},
	400:  {providers.ErrorSender, "add config.from to the sender signatures, or verify its domain"},
	401:  {providers.ErrorSender, "confirm the sender signature by the mail that Postmark sent to config.from"},
	405:  {providers.ErrorQuota, "the account has no credits left"},
	406:  {providers.ErrorRecipient, "Postmark keeps the address as one that bounced, complained or left; it can be reactivated there"},
	412:  {providers.ErrorAccount, "until Postmark has approved the account it sends to addresses of the domain of config.from alone"},
	413:  {providers.ErrorAccount, "ask Postmark why the account may not send"},
	429:  {providers.ErrorThrottled, ""},
	1235: {providers.ErrorSender, "correct config.stream and config.transactional_stream"},
	1236: {providers.ErrorSender, "correct config.stream and config.transactional_stream"},
}

// invalid is the code of a field that Postmark can't read, which its words name.
const invalid = 300

// result is what became of one message.
func (p *Provider) result(a *answered) (providers.Accepted, error) {
	switch {
	case a.ErrorCode == nil || *a.ErrorCode == 0 && !providers.Key(a.MessageID):
		return providers.Accepted{}, &providers.Error{Kind: providers.ErrorInDoubt, Err: errors.New("the answer has no id: whether it was taken is not known")}
	case *a.ErrorCode == 0:
		return providers.Accepted{ProviderID: a.MessageID, Response: line.Quote("0 " + p.scrub(a.Message))}, nil
	}
	return providers.Accepted{}, p.refusal(&providers.Error{Kind: providers.ErrorContent}, a)
}

// failure is what an answer means that refuses a whole request; nil for one that does not.
func (p *Provider) failure(answer *http.Response, text string) *providers.Error {
	failure := providers.ClassifyHTTP(answer.StatusCode, answer.Header, p.deps.Clock.Now())
	if failure == nil {
		return nil
	}
	var a answered
	switch {
	case answer.StatusCode/100 == 3:
		failure.Err = fmt.Errorf("the server answered %s, and redirects are not followed: set config.api to where it points", answer.Status)
		return failure
	case json.Unmarshal([]byte(text), &a) == nil && a.ErrorCode != nil:
		return p.refusal(failure, &a)
	}
	if failure.Kind == providers.ErrorRecipient { // a 410 that is not Postmark's says nothing of a mailbox
		failure.Kind, failure.Bounce = providers.ErrorAccount, ""
	}
	failure.Err = fmt.Errorf("%w, and not in Postmark's words: check config.api", failure.Err)
	if quoted := line.Quote(p.scrub(text)); quoted != "" {
		failure.Err = fmt.Errorf("%w: %s", failure.Err, quoted)
	}
	return failure
}

// refusal is what Postmark's own code means, which failure has the status of.
func (p *Provider) refusal(failure *providers.Error, a *answered) *providers.Error {
	failure.Code, failure.Bounce = strconv.Itoa(*a.ErrorCode), ""
	words := "refused by Postmark"
	if quoted := line.Quote(p.scrub(a.Message)); quoted != "" {
		words += ": " + quoted
	}
	known, ok := codes[*a.ErrorCode]
	switch {
	case ok:
		failure.Kind = known.kind
	case *a.ErrorCode == invalid && strings.Contains(a.Message, "'To'"):
		failure.Kind = providers.ErrorRecipient
	case *a.ErrorCode == invalid && strings.Contains(a.Message, "'From'"):
		failure.Kind = providers.ErrorSender
	}
	if known.hint != "" {
		words += ": " + known.hint
	}
	failure.Err = errors.New(words)
	return failure
}
