package apns

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"time"

	"carillon/providers"
	"carillon/providers/line"
)

// meaning is what a reason of Apple's says of a message.
type meaning struct {
	kind   providers.ErrorKind
	bounce providers.BounceKind
	after  time.Duration
	// words say what to do.
	words string
}

// Words and codes that several places share.
const (
	badToken    = "BadDeviceToken"
	credentials = "check config.team_id, config.key_id and config.private_key"
	topic       = "check config.topic, and whether the key is for that app"
	strange     = "no device of this environment: check config.api if it is so for all"
	environment = "make a key for this environment, or set config.api to the other"
)

// renewed is how long Apple wants to be left alone by who renews tokens too often.
const renewed = 20 * time.Minute

// meanings are those of the reasons, by
// https://developer.apple.com/documentation/usernotifications/handling-notification-responses-from-apns.
// The others mean what the status says that they come with.
var meanings = map[string]meaning{
	"Unregistered": {kind: providers.ErrorRecipient, bounce: providers.BounceHard, words: "the app was removed, or has another token"},
	"ExpiredToken": {kind: providers.ErrorRecipient, bounce: providers.BounceHard, words: "the app has another token"},
	// One does not suppress the address: of a channel that leads to the other environment it
	// would be every one.
	badToken:                 {kind: providers.ErrorRecipient, bounce: providers.BounceSoft, words: strange},
	"DeviceTokenNotForTopic": {kind: providers.ErrorRecipient, words: "the token is another app's: check config.topic if it is so for all"},
	// Of one device.
	"TooManyRequests": {kind: providers.ErrorRecipientBusy},

	"TooManyProviderTokenUpdates": {kind: providers.ErrorThrottled, after: renewed, words: "the key is used in other places, too"},
	"IdleTimeout":                 {kind: providers.ErrorTemporary},
	"InternalServerError":         {kind: providers.ErrorTemporary},
	"ServiceUnavailable":          {kind: providers.ErrorTemporary},
	"Shutdown":                    {kind: providers.ErrorTemporary},

	"ExpiredProviderToken":       {kind: providers.ErrorAuth, words: "the clock of this machine is wrong"},
	"InvalidProviderToken":       {kind: providers.ErrorAuth, words: credentials},
	"MissingProviderToken":       {kind: providers.ErrorAuth, words: credentials},
	"Forbidden":                  {kind: providers.ErrorAuth, words: credentials},
	"UnrelatedKeyIdInToken":      {kind: providers.ErrorAuth, words: credentials},
	"BadEnvironmentKeyIdInToken": {kind: providers.ErrorAuth, words: environment},

	"BadTopic":        {kind: providers.ErrorSender, words: topic},
	"MissingTopic":    {kind: providers.ErrorSender, words: topic},
	"TopicDisallowed": {kind: providers.ErrorSender, words: topic},
	"BadCollapseId":   {kind: providers.ErrorSender, words: "shorten config.collapse_id"},

	"BadPath":          {kind: providers.ErrorAccount, words: "check config.api"},
	"MethodNotAllowed": {kind: providers.ErrorAccount, words: "check config.api"},

	"BadExpirationDate": {kind: providers.ErrorContent},
	"BadMessageId":      {kind: providers.ErrorContent},
	"BadPriority":       {kind: providers.ErrorContent},
	"InvalidPushType":   {kind: providers.ErrorContent},
	"PayloadEmpty":      {kind: providers.ErrorContent},
	"PayloadTooLarge":   {kind: providers.ErrorContent, words: "shorten the title and the text"},
}

// mostReason bounds a reason, in bytes.
const mostReason = 64

// failure is what an answer that refuses means; nil for one that does not.
func (p *Provider) failure(answer *http.Response, text string) *providers.Error {
	failure := providers.ClassifyHTTP(answer.StatusCode, answer.Header, p.deps.Clock.Now())
	if failure == nil {
		return nil
	}
	var said struct {
		Reason string `json:"reason"`
	}
	if json.Unmarshal([]byte(text), &said) != nil || len(said.Reason) > mostReason || !providers.Key(said.Reason) {
		return p.foreign(answer, failure, text)
	}
	failure.Code = p.clean(said.Reason)
	m, known := meanings[failure.Code]
	if known {
		failure.Kind, failure.Bounce, failure.RetryAfter = m.kind, m.bounce, max(failure.RetryAfter, m.after)
	} else if failure.Kind == providers.ErrorRecipient {
		failure.Bounce = "" // of what nobody knows yet
	}
	failure.Err = errors.New("refused by Apple")
	if m.words != "" {
		failure.Err = fmt.Errorf("%w; %s", failure.Err, m.words)
	}
	return failure
}

// foreign is what a refusal means that is not in Apple's words: somebody else's.
func (p *Provider) foreign(answer *http.Response, failure *providers.Error, text string) *providers.Error {
	if failure.Kind == providers.ErrorRecipient {
		failure.Kind, failure.Bounce = providers.ErrorTemporary, "" // who is not Apple knows of no device
	}
	return line.Foreign(failure, answer, "Apple's words", p.clean(text))
}

// clean takes the key and the token out of what the other side says.
func (p *Provider) clean(text string) string {
	return p.scrub(p.tokens.Scrub(text))
}
