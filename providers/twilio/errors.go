package twilio

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strconv"

	"carillon/providers"
	"carillon/providers/line"
)

// meaning is what a code of Twilio's says of a message that was refused, or of one that did not
// arrive.
type meaning struct {
	kind   providers.ErrorKind
	bounce providers.BounceKind
	// words say it, and what to do, where Twilio's own words do not.
	words string
}

// Codes that mean something else to a short code, which reaches one country alone.
const (
	noSender   = 21606
	notTwilios = 21659
)

// meanings are those of the codes, by https://www.twilio.com/docs/api/errors. The others mean
// what the status says that they come with, and of a message that was taken that it failed.
var meanings = map[int]meaning{
	// The account and its limits.
	20003: {kind: providers.ErrorAuth, words: "check config.account_sid and the auth token or API key"},
	20404: {kind: providers.ErrorAccount, words: "Twilio knows no such account: check config.account_sid and config.api"},
	20429: {kind: providers.ErrorThrottled},
	30002: {kind: providers.ErrorAccount, words: "the account is suspended: the Console says why"},
	30037: {kind: providers.ErrorAccount, words: "the account may not send: the Console says why"},
	63038: {kind: providers.ErrorQuota, words: "the account has sent what it may in 24 hours"},
	// Pace. A queue that is full has room again after a while.
	21611: {kind: providers.ErrorThrottled, words: "ten hours of messages wait at Twilio already"},
	30001: {kind: providers.ErrorTemporary, words: "more than ten hours of messages waited at Twilio: limit the channel to what the sender may send"},
	30022: {kind: providers.ErrorThrottled, words: "faster than carriers allow the campaign: limit the channel"},
	30023: {kind: providers.ErrorQuota, words: "what carriers allow the brand in a day is used up"},
	63017: {kind: providers.ErrorThrottled},
	63018: {kind: providers.ErrorThrottled, words: "more than the WhatsApp sender may send"},
	// Too many messages between two numbers within 30 seconds; nobody else is meant.
	14107: {kind: providers.ErrorRecipientBusy},
	// The recipient's number.
	21211: {kind: providers.ErrorRecipient, bounce: providers.BounceHard},
	21214: {kind: providers.ErrorRecipient, bounce: providers.BounceSoft},
	21217: {kind: providers.ErrorRecipient, bounce: providers.BounceHard},
	21265: {kind: providers.ErrorRecipient, bounce: providers.BounceHard},
	21266: {kind: providers.ErrorRecipient},
	21407: {kind: providers.ErrorRecipient},
	21614: {kind: providers.ErrorRecipient, bounce: providers.BounceHard},
	21635: {kind: providers.ErrorRecipient, bounce: providers.BounceHard},
	30003: {kind: providers.ErrorRecipient, bounce: providers.BounceSoft, words: "the telephone is switched off or out of reach"},
	30004: {kind: providers.ErrorRecipient, words: "blocked on its way to this recipient"},
	30005: {kind: providers.ErrorRecipient, bounce: providers.BounceHard, words: "the number is unknown, or no longer in service"},
	// It may be the carrier's fault, too, so that one does not suppress the number.
	30006: {kind: providers.ErrorRecipient, bounce: providers.BounceSoft, words: "a landline, or a carrier that can't be reached"},
	30011: {kind: providers.ErrorRecipient, words: "this number takes no MMS"},
	63003: {kind: providers.ErrorRecipient, bounce: providers.BounceSoft, words: "no such address at WhatsApp"},
	63024: {kind: providers.ErrorRecipient, bounce: providers.BounceSoft, words: "not on WhatsApp, or with a version of it that is too old"},
	// What the recipient wants, or what is allowed towards them.
	21408: {kind: providers.ErrorRecipient, words: "allow the country in the Console under Messaging, Settings, Geo permissions"},
	21608: {kind: providers.ErrorRecipient, words: "a trial account writes to verified numbers alone"},
	21610: {kind: providers.ErrorRecipient, words: "they have written STOP to this sender, and are heard again once they write START"},
	21612: {kind: providers.ErrorRecipient, words: "this sender does not reach this recipient"},
	21703: {kind: providers.ErrorRecipient, words: "the messaging service has no sender for this recipient"},
	63014: {kind: providers.ErrorRecipient, words: "they have blocked the sender"},
	63015: {kind: providers.ErrorRecipient, words: "they have not joined the WhatsApp sandbox"},
	63016: {kind: providers.ErrorRecipient, words: "they have not written in the last 24 hours, and WhatsApp takes nothing but approved templates then"},
	63032: {kind: providers.ErrorRecipient, words: "WhatsApp does not deliver to this number, which is part of an experiment"},
	63033: {kind: providers.ErrorRecipient, words: "they want no marketing on WhatsApp"},
	// The sender.
	21601:      {kind: providers.ErrorSender},
	21603:      {kind: providers.ErrorSender, words: "check config.from"},
	noSender:   {kind: providers.ErrorSender, words: "check config.from"},
	21609:      {kind: providers.ErrorSender, words: "set public_url to an address that Twilio reaches"},
	notTwilios: {kind: providers.ErrorSender, words: "check config.from"},
	21660:      {kind: providers.ErrorSender, words: "config.from is another account's"},
	21661:      {kind: providers.ErrorSender, words: "config.from can't send SMS"},
	21701:      {kind: providers.ErrorSender, words: "check config.messaging_service_sid"},
	21702:      {kind: providers.ErrorSender, words: "check config.messaging_service_sid"},
	21704:      {kind: providers.ErrorSender, words: "put a sender into the messaging service"},
	21705:      {kind: providers.ErrorSender, words: "check config.messaging_service_sid"},
	30032:      {kind: providers.ErrorSender, words: "the toll-free number is not verified"},
	30033:      {kind: providers.ErrorSender, words: "the sender's A2P 10DLC campaign is suspended"},
	30034:      {kind: providers.ErrorSender, words: "the sender is not registered for A2P 10DLC, and US carriers take nothing from it"},
	30035:      {kind: providers.ErrorSender, words: "the sender's registration is not complete yet"},
	63001:      {kind: providers.ErrorSender},
	63007:      {kind: providers.ErrorSender, words: "config.from is no WhatsApp sender of the account"},
	// What is sent.
	21617: {kind: providers.ErrorContent},
	30007: {kind: providers.ErrorContent, words: "taken for spam, or against a carrier's rules"},
	30008: {kind: providers.ErrorTemporary, words: "the carrier does not say why"},
	63005: {kind: providers.ErrorContent},
	63021: {kind: providers.ErrorContent, words: "the content is refused by WhatsApp"},
}

// meaningOf is what a code means to this channel.
func (p *Provider) meaningOf(code int) (meaning, bool) {
	m, known := meanings[code]
	if (code == noSender || code == notTwilios) && short.MatchString(p.config.From) {
		m = meaning{kind: providers.ErrorRecipient, words: "a short code reaches its own country alone: check config.from if nobody is reached"}
	}
	return m, known
}

// failure is what an answer that refuses means; nil for one that does not.
func (p *Provider) failure(answer *http.Response, text string) *providers.Error {
	failure := providers.ClassifyHTTP(answer.StatusCode, answer.Header, p.deps.Clock.Now())
	if failure == nil {
		return nil
	}
	var said struct {
		Code    int    `json:"code"`
		Message string `json:"message"`
	}
	if json.Unmarshal([]byte(text), &said) != nil || said.Code <= 0 {
		return p.foreign(answer, failure, text)
	}
	failure.Code = strconv.Itoa(said.Code)
	m, known := p.meaningOf(said.Code)
	if known {
		failure.Kind, failure.Bounce = m.kind, m.bounce
	}
	failure.Err = errors.New("refused by Twilio")
	if quoted := line.Quote(p.scrub(said.Message)); quoted != "" {
		failure.Err = fmt.Errorf("refused by Twilio: %s", quoted)
	}
	if m.words != "" {
		failure.Err = fmt.Errorf("%w; %s", failure.Err, m.words)
	}
	return failure
}

// foreign is what a refusal means that is not in Twilio's words: somebody else's.
func (p *Provider) foreign(answer *http.Response, failure *providers.Error, text string) *providers.Error {
	return line.Foreign(failure, answer, "Twilio's words", p.scrub(text))
}
