package sendgrid

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"time"

	"carillon/providers"
	"carillon/providers/line"
)

// answered is a refusal in SendGrid's words.
type answered struct {
	Errors []struct {
		Message string `json:"message"`
		Field   string `json:"field"`
	} `json:"errors"`
}

// What SendGrid says in words alone, in lower case: its refusals have no codes.
const (
	noCredits  = "credits exceeded"
	unverified = "verified sender identity"
)

// failure is what an answer means that refuses; nil for one that does not.
func (p *Provider) failure(answer *http.Response, text string) *providers.Error {
	failure := providers.ClassifyHTTP(answer.StatusCode, answer.Header, p.deps.Clock.Now())
	if failure == nil {
		return nil
	}
	failure.Bounce = ""
	var a answered
	switch {
	case answer.StatusCode/100 == 3:
		failure.Err = fmt.Errorf("the server answered %s, and redirects are not followed: set config.api to where it points", answer.Status)
		return failure
	case json.Unmarshal([]byte(text), &a) != nil || len(a.Errors) == 0:
		if failure.Kind == providers.ErrorRecipient { // a 410 that is not SendGrid's says nothing of a mailbox
			failure.Kind = providers.ErrorAccount
		}
		failure.Err = p.quoting(fmt.Errorf("%w, and not in SendGrid's words: check config.api", failure.Err), text)
		return failure
	}
	said, words := a.Errors[0], strings.ToLower(a.Errors[0].Message)
	hint := ""
	switch {
	case strings.Contains(words, noCredits):
		failure.Kind, hint = providers.ErrorQuota, ": the account has no credits left"
	case strings.Contains(words, unverified):
		failure.Kind, hint = providers.ErrorSender, ": verify config.from, or authenticate its domain"
	case failure.Kind == providers.ErrorAuth:
		hint = ": config.api_key must be a key that may send mail"
	case answer.StatusCode == http.StatusBadRequest && strings.HasPrefix(said.Field, "personalizations.0.to"):
		failure.Kind = providers.ErrorRecipient
	case answer.StatusCode == http.StatusBadRequest && strings.HasPrefix(said.Field, "from"):
		failure.Kind = providers.ErrorSender
	case failure.Kind == providers.ErrorRecipient:
		failure.Kind = providers.ErrorContent
	case failure.Kind == providers.ErrorThrottled && failure.RetryAfter == 0:
		failure.RetryAfter = reset(answer.Header, p.deps.Clock.Now())
	}
	failure.Err = p.quoting(errors.New("refused by SendGrid"+hint), strings.TrimSpace(said.Message+" "+said.Field))
	return failure
}

// quoting is an error with what the other side said.
func (p *Provider) quoting(err error, said string) error {
	if quoted := line.Quote(p.scrub(said)); quoted != "" {
		return fmt.Errorf("%w: %s", err, quoted)
	}
	return err
}

// longestReset bounds what is believed of a limit's end.
const longestReset = time.Hour

// reset is how long it is until SendGrid counts anew, which it says as a time in seconds; zero if
// it does not say.
func reset(header http.Header, now time.Time) time.Duration {
	at, err := strconv.ParseInt(header.Get("X-RateLimit-Reset"), 10, 64)
	if err != nil {
		return 0
	}
	return min(max(time.Unix(at, 0).Sub(now), 0), longestReset)
}
