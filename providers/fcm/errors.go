package fcm

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"time"

	"carillon/providers"
	"carillon/providers/line"
)

// refusal is what Google's APIs answer to what they refuse.
type refusal struct {
	Error struct {
		Message string `json:"message"`
		Status  string `json:"status"`
		Details []struct {
			// ErrorCode is in Firebase's own detail.
			ErrorCode string `json:"errorCode"`
			Fields    []struct {
				Field string `json:"field"`
			} `json:"fieldViolations"`
		} `json:"details"`
	} `json:"error"`
}

// Codes that are asked for by name.
const (
	invalid    = "INVALID_ARGUMENT"
	quota      = "QUOTA_EXCEEDED"
	thirdParty = "THIRD_PARTY_AUTH_ERROR"
)

// quotaWait is how long Firebase wants to be left alone where it does not say so.
const quotaWait = time.Minute

// meaning is what a code says of a message.
type meaning struct {
	kind   providers.ErrorKind
	bounce providers.BounceKind
	// words say what to do.
	words string
}

// meanings are those of Firebase's codes and of Google's statuses, by
// https://firebase.google.com/docs/reference/fcm/rest/v1/ErrorCode. The others mean what the
// status says that they come with.
var meanings = map[string]meaning{
	"UNREGISTERED": {kind: providers.ErrorRecipient, bounce: providers.BounceHard, words: "the app was removed, or has another token"},
	// A key of another project would else have every address suppressed.
	"SENDER_ID_MISMATCH": {kind: providers.ErrorRecipient, words: "the token is of another project's app: check config.service_account if it is so for all"},
	invalid:              {kind: providers.ErrorContent},
	quota:                {kind: providers.ErrorThrottled},
	"UNAVAILABLE":        {kind: providers.ErrorTemporary},
	"INTERNAL":           {kind: providers.ErrorTemporary},
	thirdParty:           {kind: providers.ErrorAuth, words: "the project's key for Apple's push service, or for web push, is not taken"},
	"UNAUTHENTICATED":    {kind: providers.ErrorAuth, words: "the access token is not taken: make another key for the service account"},
	"PERMISSION_DENIED":  {kind: providers.ErrorAuth, words: "enable the Firebase Cloud Messaging API, and let the service account use it"},
	"NOT_FOUND":          {kind: providers.ErrorAccount, words: "Firebase knows no such project: check the file in config.service_account and config.api"},
	"RESOURCE_EXHAUSTED": {kind: providers.ErrorThrottled},
}

// failure is what an answer that refuses means; nil for one that does not.
func (p *Provider) failure(answer *http.Response, text string) *providers.Error {
	failure := providers.ClassifyHTTP(answer.StatusCode, answer.Header, p.deps.Clock.Now())
	if failure == nil {
		return nil
	}
	var said refusal
	if json.Unmarshal([]byte(text), &said) != nil || said.Error.Status == "" {
		return p.foreign(answer, failure, text)
	}
	failure.Code = said.code()
	m, known := meanings[failure.Code]
	if failure.Code == invalid && said.ofToken() {
		m = meaning{kind: providers.ErrorRecipient, bounce: providers.BounceHard, words: "the address is no registration token"}
	}
	if known {
		failure.Kind, failure.Bounce = m.kind, m.bounce
	}
	if failure.Kind == providers.ErrorThrottled {
		failure.RetryAfter = cmp.Or(failure.RetryAfter, quotaWait)
	}
	failure.Err = errors.New("refused by Firebase")
	if quoted := line.Quote(p.scrub(said.Error.Message)); quoted != "" {
		failure.Err = fmt.Errorf("refused by Firebase: %s", quoted)
	}
	if m.words != "" {
		failure.Err = fmt.Errorf("%w; %s", failure.Err, m.words)
	}
	return failure
}

// code is Firebase's own, or else Google's.
func (r *refusal) code() string {
	for _, d := range r.Error.Details {
		if providers.Key(d.ErrorCode) {
			return d.ErrorCode
		}
	}
	return line.Quote(r.Error.Status)
}

// ofToken reports whether it is the address that is wrong. Firebase names the field, or says so
// in words alone.
func (r *refusal) ofToken() bool {
	for _, d := range r.Error.Details {
		for _, f := range d.Fields {
			if f.Field == "message.token" {
				return true
			}
		}
	}
	return strings.Contains(strings.ToLower(r.Error.Message), "not a valid fcm registration token")
}

// foreign is what a refusal means that is not in Google's words: somebody else's.
func (p *Provider) foreign(answer *http.Response, failure *providers.Error, text string) *providers.Error {
	return line.Foreign(failure, answer, "Firebase's words", p.scrub(text))
}
