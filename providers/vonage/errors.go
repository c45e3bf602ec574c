package vonage

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strings"

	"carillon/providers"
	"carillon/providers/line"
)

// meaning is what a code of Vonage's says of a message that was refused, or of one that did not
// arrive.
type meaning struct {
	kind   providers.ErrorKind
	bounce providers.BounceKind
	// words say what to do, where Vonage's own words do not.
	words string
}

// Words that several codes share.
const (
	credentials = "check config.application_id and config.private_key, or the API key and secret"
	sender      = "check config.from, and what the recipient's country allows"
	credit      = "the account has no credit left"
)

// meanings are those of the codes behind the # of a problem's type, by
// https://developer.vonage.com/en/api-errors/messages and https://developer.vonage.com/en/api-errors.
// The others mean what the status says that they come with, and of a message that was taken that
// it failed.
var meanings = map[string]meaning{
	// The account and its limits.
	"unauthorized":      {kind: providers.ErrorAuth, words: credentials},
	"forbidden":         {kind: providers.ErrorAuth, words: credentials},
	"jwt-expired":       {kind: providers.ErrorAuth, words: "the clock of this machine is wrong"},
	"unprovisioned":     {kind: providers.ErrorAccount, words: "give the application the capability Messages"},
	"account-suspended": {kind: providers.ErrorAccount},
	"low-balance":       {kind: providers.ErrorQuota, words: credit},
	"1000":              {kind: providers.ErrorThrottled},
	"1030":              {kind: providers.ErrorTemporary},
	"1060":              {kind: providers.ErrorAccount, words: "the account is barred: ask Vonage's support"},
	"1070":              {kind: providers.ErrorQuota, words: credit},
	"1080":              {kind: providers.ErrorAccount, words: "the account may send by SMPP alone: ask Vonage's support"},
	"1100":              {kind: providers.ErrorTemporary},
	"1110":              {kind: providers.ErrorAuth, words: credentials},
	"1140":              {kind: providers.ErrorAccount, words: "the account lacks what this needs: ask Vonage's support"},
	// The sender.
	"1120": {kind: providers.ErrorSender, words: sender},
	"1420": {kind: providers.ErrorSender, words: sender},
	// What is sent.
	"1010": {kind: providers.ErrorContent},
	"1020": {kind: providers.ErrorContent},
	"1090": {kind: providers.ErrorContent},
	"1210": {kind: providers.ErrorContent, words: "a carrier takes it for spam, by its sender or its text"},
	"1320": {kind: providers.ErrorContent},
	// The recipient's number.
	"1040": {kind: providers.ErrorRecipient, words: "it may be a number of a country that there is not"},
	"1050": {kind: providers.ErrorRecipient, words: "Vonage sends nothing to this number"},
	"1160": {kind: providers.ErrorRecipient, words: "a trial account writes to the numbers in its list alone"},
	"1170": {kind: providers.ErrorRecipient, bounce: providers.BounceHard},
	"1180": {kind: providers.ErrorRecipient, bounce: providers.BounceSoft, words: "the telephone is switched off or out of reach"},
	"1190": {kind: providers.ErrorRecipient, bounce: providers.BounceHard, words: "the number is no longer in service"},
	"1200": {kind: providers.ErrorRecipient, bounce: providers.BounceSoft, words: "they have changed their carrier, and something went wrong"},
	"1240": {kind: providers.ErrorRecipient, words: "they have written STOP to this sender"},
	"1250": {kind: providers.ErrorRecipient, bounce: providers.BounceSoft},
	"1260": {kind: providers.ErrorRecipient, bounce: providers.BounceSoft},
	"1270": {kind: providers.ErrorRecipient, words: "their carrier does not let this through to somebody of their age"},
	"1280": {kind: providers.ErrorRecipient, words: "their carrier blocked it"},
	"1290": {kind: providers.ErrorRecipient, bounce: providers.BounceSoft, words: "they have no credit left to receive it"},
	"1300": {kind: providers.ErrorRecipient, bounce: providers.BounceSoft},
	"1310": {kind: providers.ErrorRecipient},
	"1430": {kind: providers.ErrorRecipient, bounce: providers.BounceHard},
	// What passes.
	"1220": {kind: providers.ErrorRecipientBusy, words: "the telephone was busy"},
	"1230": {kind: providers.ErrorTemporary, words: "a carrier's network failed"},
	"1241": {kind: providers.ErrorRecipientBusy, words: "too many messages to this number"},
	"1330": {kind: providers.ErrorTemporary, words: "the carrier does not say why"},
	"1360": {kind: providers.ErrorTemporary, words: "it could not be delivered in its time"},
}

// problem is what is wrong (RFC 9457), in an answer and in a status.
type problem struct {
	Type   string `json:"type"`
	Detail string `json:"detail"`
	// Title is a number in some statuses, and in others a text.
	Title json.RawMessage `json:"title"`
}

// code is what stands behind the # of its type; empty for a problem that is not Vonage's.
func (p problem) code() string {
	_, code, _ := strings.Cut(p.Type, "#")
	if len(code) > mostCode || !providers.Key(code) {
		return ""
	}
	return code
}

// mostCode bounds a code, in bytes.
const mostCode = 64

// said is the problem in words.
func (p problem) said() string {
	var title string
	if json.Unmarshal(p.Title, &title) != nil {
		return p.Detail
	}
	return strings.TrimSuffix(title+": "+p.Detail, ": ")
}

// read reads a problem of Vonage's; known is false for somebody else's words.
func read(text string) (said problem, known bool) {
	return said, json.Unmarshal([]byte(text), &said) == nil && said.code() != ""
}

// failure is what an answer that refuses means; nil for one that does not.
func (p *Provider) failure(answer *http.Response, text string) *providers.Error {
	failure := providers.ClassifyHTTP(answer.StatusCode, answer.Header, p.deps.Clock.Now())
	if failure == nil {
		return nil
	}
	said, known := read(text)
	if !known {
		return p.foreign(answer, failure, text)
	}
	failure.Code = p.clean(said.code())
	m, known := meanings[failure.Code]
	if known {
		failure.Kind, failure.Bounce = m.kind, m.bounce
	}
	failure.Err = errors.New("refused by Vonage")
	if quoted := line.Quote(p.clean(said.said())); quoted != "" {
		failure.Err = fmt.Errorf("refused by Vonage: %s", quoted)
	}
	if m.words != "" {
		failure.Err = fmt.Errorf("%w; %s", failure.Err, m.words)
	}
	return failure
}

// foreign is what a refusal means that is not in Vonage's words: somebody else's.
func (p *Provider) foreign(answer *http.Response, failure *providers.Error, text string) *providers.Error {
	return line.Foreign(failure, answer, "Vonage's words", p.clean(text))
}

// clean takes the secrets and the token out of what the other side says.
func (p *Provider) clean(text string) string {
	if p.tokens != nil {
		text = p.tokens.Scrub(text)
	}
	return p.scrub(text)
}
