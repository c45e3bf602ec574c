package whatsapp

import (
	"time"

	"carillon/providers"
)

// meaning is what a code of the Graph API means for a message.
type meaning struct {
	kind   providers.ErrorKind
	bounce providers.BounceKind
	after  time.Duration
	// advice is what a person can do.
	advice string
}

// pairGap is in how many seconds one message may go to the same person; more are lent ahead, and
// whoever has used these up is refused.
const pairGap = 6 * time.Second

// Advice that several codes share.
const (
	newToken     = "make a new access token for the system user and set config.token"
	permissions  = "the token's system user needs the app, the WhatsApp account and whatsapp_business_messaging"
	businessPage = "see the account in Meta's Business Support, and resume the channel when it is in order"
	theTemplate  = "compare the template in WhatsApp Manager with what is sent"
)

// codes are those that Meta documents for messages. What is not here goes by the status of the
// answer. A message that is refused for its recipient's sake is rejected, and its address
// suppressed only where it came back as dead, which Meta says of none for sure: 131026 stands
// for several reasons, so that only several in a row suppress.
var codes = map[int]meaning{
	// The token and what it may do.
	0:      {kind: providers.ErrorAuth, advice: newToken},
	3:      {kind: providers.ErrorAuth, advice: permissions},
	10:     {kind: providers.ErrorAuth, advice: permissions},
	190:    {kind: providers.ErrorAuth, advice: newToken},
	131005: {kind: providers.ErrorAuth, advice: permissions},

	// The number and the account.
	33:     {kind: providers.ErrorSender, advice: "the business phone number is gone: check config.phone_number_id"},
	131037: {kind: providers.ErrorSender, advice: "the number's display name waits for approval in WhatsApp Manager"},
	131045: {kind: providers.ErrorSender, advice: "register the number anew"},
	133010: {kind: providers.ErrorSender, advice: "register the number anew"},
	368:    {kind: providers.ErrorAccount, advice: businessPage},
	131031: {kind: providers.ErrorAccount, advice: businessPage},
	131042: {kind: providers.ErrorAccount, advice: "see to the account's means of payment, and resume the channel"},
	// Too many people blocked or reported what came from the number: each further one makes it worse.
	131048: {kind: providers.ErrorAccount, advice: "let the number rest, see its quality in WhatsApp Manager, and write to those who asked for it"},

	// Too fast.
	4:      {kind: providers.ErrorThrottled},
	80007:  {kind: providers.ErrorThrottled},
	130429: {kind: providers.ErrorThrottled},

	// Meta's own troubles.
	1:      {kind: providers.ErrorTemporary},
	2:      {kind: providers.ErrorTemporary},
	131000: {kind: providers.ErrorTemporary},
	131016: {kind: providers.ErrorTemporary},
	131057: {kind: providers.ErrorTemporary},
	133004: {kind: providers.ErrorTemporary},

	// One recipient. 131049 says that they have had enough advertising, of whomever, and wants no
	// try for a day. It is no ErrorRecipientBusy: after some in a row that holds the channel for
	// as long as RetryAfter says, a day for everybody, and tries again sooner than it says.
	131056: {kind: providers.ErrorRecipientBusy, after: pairGap},
	131049: {kind: providers.ErrorRecipient, advice: "Meta lets them have no more advertising now: try no sooner than in a day"},
	131050: {kind: providers.ErrorRecipient, advice: "they want no advertising of yours in WhatsApp"},
	131047: {kind: providers.ErrorRecipient, advice: outsideWindow},
	470:    {kind: providers.ErrorRecipient, advice: outsideWindow},
	131026: {kind: providers.ErrorRecipient, bounce: providers.BounceSoft},
	131021: {kind: providers.ErrorRecipient, advice: "it is the channel's own number"},
	131030: {kind: providers.ErrorRecipient, advice: "a test number writes only to those on its list in the App Dashboard"},
	130472: {kind: providers.ErrorRecipient, advice: "Meta tries something on them in which they get no advertising"},
	// It is the recipient's country that is closed, not the channel.
	130497: {kind: providers.ErrorRecipient, advice: "the account may not write to people in this country"},

	// The message. The engine pauses a campaign in which one after the other is refused alike.
	100:    {kind: providers.ErrorContent},
	131008: {kind: providers.ErrorContent},
	131009: {kind: providers.ErrorContent},
	131051: {kind: providers.ErrorContent},
	131052: {kind: providers.ErrorContent, advice: "the file must be at a public address over HTTPS, of a type and size that WhatsApp takes"},
	131053: {kind: providers.ErrorContent, advice: "the file must be at a public address over HTTPS, of a type and size that WhatsApp takes"},
	132000: {kind: providers.ErrorContent, advice: theTemplate},
	132001: {kind: providers.ErrorContent, advice: "there is no such template in this language, or it is not approved yet"},
	132005: {kind: providers.ErrorContent, advice: "the template is too long with these values"},
	132007: {kind: providers.ErrorContent, advice: theTemplate},
	132012: {kind: providers.ErrorContent, advice: theTemplate},
	132015: {kind: providers.ErrorContent, advice: "the template is paused because people did not like it: change it, or use another"},
	132016: {kind: providers.ErrorContent, advice: "the template is switched off for good: use another"},
	132018: {kind: providers.ErrorContent, advice: theTemplate},
}

const outsideWindow = "they have not written in the last 24 hours: only an approved template reaches them"

// The permissions of a token that are missing, each by a code of its own.
const firstPermission, lastPermission = 200, 299

// noSuchObject is what code 100 says behind it where it is not about the message: nobody is at
// the phone number's id, or not for this token.
const noSuchObject = 33

// means is what a problem means; known is false where only the status of the answer says.
func (e *problem) means() (m meaning, known bool) {
	if e.Code == nil {
		return m, false
	}
	switch code := *e.Code; {
	case code >= firstPermission && code <= lastPermission:
		return meaning{kind: providers.ErrorAuth, advice: permissions}, true
	case code == 100 && e.Subcode == noSuchObject:
		return meaning{kind: providers.ErrorSender, advice: "check config.phone_number_id, and whether the token's system user has the account"}, true
	default:
		m, known = codes[code]
		return m, known
	}
}
