package mailgun

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strings"

	"carillon/providers"
	"carillon/providers/line"
)

// wordings are what Mailgun says in words alone, in lower case, and what that means: its refusals
// have no codes. The first that is found counts.
var wordings = []struct {
	words string
	kind  providers.ErrorKind
	hint  string
}{
	{"'to' parameter is not a valid address", providers.ErrorRecipient, ""},
	{"'from' parameter is not a valid address", providers.ErrorSender, "correct config.from"},
	{"recipient limit exceeded", providers.ErrorQuota, "what the account may send is used up"},
	{"request limit exceeded", providers.ErrorQuota, "what the account may send is used up"},
	{"unverified", providers.ErrorSender, "publish the DNS records that Mailgun shows of config.domain, and have it verify them"},
	{"domain not found", providers.ErrorSender, "correct config.domain, or config.api if the domain is in the other region"},
	{"sandbox subdomains are for test", providers.ErrorAccount, "add a domain of your own, or the address to the authorized recipients"},
	{"not allowed to send", providers.ErrorAccount, "ask Mailgun why"},
}

// failure is what an answer means that refuses; nil for one that does not.
func (p *Provider) failure(answer *http.Response, text string) *providers.Error {
	failure := providers.ClassifyHTTP(answer.StatusCode, answer.Header, p.deps.Clock.Now())
	if failure == nil {
		return nil
	}
	failure.Bounce = ""
	if failure.Kind == providers.ErrorRecipient { // a 410 says nothing of a mailbox
		failure.Kind = providers.ErrorAccount
	}
	if answer.StatusCode/100 == 3 {
		failure.Err = fmt.Errorf("the server answered %s, and redirects are not followed: set config.api to where it points", answer.Status)
		return failure
	}
	var a struct {
		Message string `json:"message"`
	}
	said := text // of a wrong key it is a bare word
	if json.Unmarshal([]byte(text), &a) == nil && a.Message != "" {
		said = a.Message
		failure.Err = errors.New("refused by Mailgun")
		if answer.StatusCode < http.StatusInternalServerError && failure.Kind != providers.ErrorThrottled {
			reading(failure, strings.ToLower(a.Message))
		}
	}
	if failure.Kind == providers.ErrorAuth {
		failure.Err = errors.New("refused by Mailgun: config.api_key must be a sending key of config.domain, and config.api of its region")
	}
	if quoted := line.Quote(p.scrub(said)); quoted != "" {
		failure.Err = fmt.Errorf("%w: %s", failure.Err, quoted)
	}
	return failure
}

// reading takes what Mailgun's words say of a refusal.
func reading(failure *providers.Error, words string) {
	for _, w := range wordings {
		if strings.Contains(words, w.words) {
			failure.Kind = w.kind
			if w.hint != "" {
				failure.Err = errors.New("refused by Mailgun: " + w.hint)
			}
			return
		}
	}
}
