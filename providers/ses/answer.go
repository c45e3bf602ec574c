package ses

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strings"

	"carillon/providers"
	"carillon/providers/line"
)

// outcome is what became of one message of SendBulkEmail.
type outcome struct{ Status, Error, MessageID string }

// meaning is what a code says.
type meaning struct {
	kind providers.ErrorKind
	hint string
}

// notFound is the code for something that the account does not have in the region.
const notFound = "NOT_FOUND"

// codes are what SES says, as the statuses of BulkEmailEntryResult are written; the names of errors
// (SendEmail and SendBulkEmail of the SES API v2, and its common errors) are made alike by codeOf.
// All others mean what their HTTP status does.
var codes = map[string]meaning{
	"MESSAGE_REJECTED":                 {providers.ErrorContent, ""},
	"INVALID_PARAMETER":                {providers.ErrorContent, ""},
	"BAD_REQUEST":                      {providers.ErrorContent, ""},
	"VALIDATION_ERROR":                 {providers.ErrorContent, ""},
	"VALIDATION":                       {providers.ErrorContent, ""},
	"MAIL_FROM_DOMAIN_NOT_VERIFIED":    {providers.ErrorSender, "publish the records of the identity's MAIL FROM domain, or have SES use its own"},
	"CONFIGURATION_SET_NOT_FOUND":      {providers.ErrorSender, "correct config.configuration_set"},
	"CONFIGURATION_SET_SENDING_PAUSED": {providers.ErrorSender, "the configuration set is paused: resume it in SES"},
	notFound:                           {providers.ErrorSender, "correct config.configuration_set and config.from: SES has none of that name in this region"},
	"ACCOUNT_SUSPENDED":                {providers.ErrorAccount, "SES has suspended the account: its console says why"},
	"ACCOUNT_SENDING_PAUSED":           {providers.ErrorAccount, "sending is paused for the account: the SES console says why"},
	"SENDING_PAUSED":                   {providers.ErrorAccount, "sending is paused for the account or the configuration set: the SES console says why"},
	"INVALID_SENDING_POOL_NAME":        {providers.ErrorAccount, "the configuration set names a pool of addresses that is not there"},
	"ACCOUNT_THROTTLED":                {providers.ErrorThrottled, ""},
	"TOO_MANY_REQUESTS":                {providers.ErrorThrottled, ""},
	"THROTTLING":                       {providers.ErrorThrottled, ""},
	"ACCOUNT_DAILY_QUOTA_EXCEEDED":     {providers.ErrorQuota, "the account has sent all that it may in 24 hours"},
	"LIMIT_EXCEEDED":                   {providers.ErrorQuota, ""},
	"TRANSIENT_FAILURE":                {providers.ErrorTemporary, ""},
	"FAILED":                           {providers.ErrorTemporary, ""},
	"ACCESS_DENIED":                    {providers.ErrorAuth, "allow the user of config.access_key_id what is named there"},
	"UNRECOGNIZED_CLIENT":              {providers.ErrorAuth, "correct config.access_key_id"},
	"INVALID_CLIENT_TOKEN_ID":          {providers.ErrorAuth, "correct config.access_key_id"},
	"SIGNATURE_DOES_NOT_MATCH":         {providers.ErrorAuth, "correct config.secret_access_key"},
	"INVALID_SIGNATURE":                {providers.ErrorAuth, "correct config.secret_access_key, and look at this machine's clock"},
	"INCOMPLETE_SIGNATURE":             {providers.ErrorAuth, ""},
	"REQUEST_EXPIRED":                  {providers.ErrorAuth, "set this machine's clock"},
	"EXPIRED_TOKEN":                    {providers.ErrorAuth, ""},
	"OPT_IN_REQUIRED":                  {providers.ErrorAuth, "the account has not signed up for SES in this region"},
	"MISSING_AUTHENTICATION_TOKEN":     {providers.ErrorAuth, ""},
	"SUBSCRIPTION_REQUIRED":            {providers.ErrorAuth, "the account has not signed up for SES in this region"},
	"CONFIGURATION_SET_DOES_NOT_EXIST": {providers.ErrorSender, "correct config.configuration_set"},
}

// codeOf is an error's name in the form of the statuses: TooManyRequestsException is
// TOO_MANY_REQUESTS.
func codeOf(name string) string {
	name, _, _ = strings.Cut(name, ":") // some have an address behind it
	if at := strings.LastIndex(name, "#"); at >= 0 {
		name = name[at+1:] // or one before it
	}
	if name = strings.TrimSuffix(name, "Exception"); strings.ContainsRune(name, '_') || !joined(name) {
		return name
	}
	var b strings.Builder
	for i, r := range name {
		if i > 0 && r >= 'A' && r <= 'Z' {
			b.WriteByte('_')
		}
		b.WriteRune(r)
	}
	return strings.ToUpper(b.String())
}

// joined reports whether a name is letters alone, of which some are lower case.
func joined(name string) bool {
	return strings.ToUpper(name) != name && !strings.ContainsFunc(name, func(r rune) bool { return (r|0x20) < 'a' || (r|0x20) > 'z' })
}

// addressed are words of SES for an address that it can't write to, in lower case.
var addressed = []string{"illegal address", "local address contains", "domain contains", "domain starts with", "domain ends with", "missing final '@domain'",
	"invalid email address"}

// result is what became of one message of many.
func (p *Provider) result(o *outcome) (providers.Accepted, error) {
	switch {
	case o.Status == "SUCCESS" && providers.Key(o.MessageID):
		return accepted(o.MessageID), nil
	case o.Status == "SUCCESS" || o.Status == "":
		return providers.Accepted{}, doubt()
	}
	return providers.Accepted{}, p.refusal(&providers.Error{Kind: providers.ErrorContent}, codeOf(o.Status), o.Error)
}

// failure is what an answer means that refuses a whole request; nil for one that does not.
func (p *Provider) failure(answer *http.Response, text string) *providers.Error {
	failure := providers.ClassifyHTTP(answer.StatusCode, answer.Header, p.deps.Clock.Now())
	if failure == nil {
		return nil
	}
	if answer.StatusCode/100 == 3 {
		failure.Err = fmt.Errorf("the server answered %s, and redirects are not followed: set config.api to where it points", answer.Status)
		return failure
	}
	var said struct {
		Message string
		Type    string `json:"__type"`
	}
	understood := json.Unmarshal([]byte(text), &said) == nil
	name := answer.Header.Get("X-Amzn-Errortype")
	if name == "" {
		name = said.Type
	}
	if understood && name != "" {
		return p.refusal(failure, codeOf(name), said.Message)
	}
	if failure.Kind == providers.ErrorRecipient { // a 410 that is not Amazon's says nothing of a mailbox
		failure.Kind, failure.Bounce = providers.ErrorAccount, ""
	}
	failure.Err = fmt.Errorf("%w, and not in Amazon's words: check config.api", failure.Err)
	if quoted := line.Quote(p.scrub(text)); quoted != "" {
		failure.Err = fmt.Errorf("%w: %s", failure.Err, quoted)
	}
	return failure
}

// refusal is what a code and its words mean.
func (p *Provider) refusal(failure *providers.Error, code, said string) *providers.Error {
	failure.Code, failure.Bounce = line.Quote(p.scrub(code)), ""
	known, ok := codes[code]
	if ok {
		failure.Kind = known.kind
	}
	lower := strings.ToLower(said)
	switch {
	case code == "MESSAGE_REJECTED" && strings.Contains(lower, "not verified"):
		// It names the identities that are not: the recipient's is one in the sandbox alone.
		if strings.Contains(lower, strings.ToLower(p.config.From)) {
			known = meaning{providers.ErrorSender, "verify config.from, or its domain, in this region"}
		} else {
			known = meaning{providers.ErrorAccount, "the account is in the sandbox: until SES grants it production access it sends to verified addresses alone"}
		}
		failure.Kind = known.kind
	case failure.Kind == providers.ErrorContent && containsAny(lower, addressed):
		failure.Kind = providers.ErrorRecipient
	case failure.Kind == providers.ErrorThrottled && strings.Contains(lower, "daily"):
		known = codes["ACCOUNT_DAILY_QUOTA_EXCEEDED"]
		failure.Kind = known.kind
	}
	text := "refused by Amazon SES"
	if quoted := line.Quote(p.scrub(said)); quoted != "" {
		text += ": " + quoted
	}
	if known.hint != "" {
		text += ": " + known.hint
	}
	failure.Err = errors.New(text)
	return failure
}

func containsAny(text string, list []string) bool {
	for _, one := range list {
		if strings.Contains(text, one) {
			return true
		}
	}
	return false
}
