package whatsapp

import (
	"time"

	"carillon/providers"
	"carillon/providers/graph"
)

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
var codes = map[int]graph.Meaning{
	// The token and what it may do.
	0:      {Kind: providers.ErrorAuth, Advice: newToken},
	3:      {Kind: providers.ErrorAuth, Advice: permissions},
	10:     {Kind: providers.ErrorAuth, Advice: permissions},
	190:    {Kind: providers.ErrorAuth, Advice: newToken},
	131005: {Kind: providers.ErrorAuth, Advice: permissions},

	// The number and the account.
	33:     {Kind: providers.ErrorSender, Advice: "the business phone number is gone: check config.phone_number_id"},
	131037: {Kind: providers.ErrorSender, Advice: "the number's display name waits for approval in WhatsApp Manager"},
	131045: {Kind: providers.ErrorSender, Advice: "register the number anew"},
	133010: {Kind: providers.ErrorSender, Advice: "register the number anew"},
	368:    {Kind: providers.ErrorAccount, Advice: businessPage},
	131031: {Kind: providers.ErrorAccount, Advice: businessPage},
	131042: {Kind: providers.ErrorAccount, Advice: "see to the account's means of payment, and resume the channel"},
	// Too many people blocked or reported what came from the number: each further one makes it worse.
	131048: {Kind: providers.ErrorAccount, Advice: "let the number rest, see its quality in WhatsApp Manager, and write to those who asked for it"},

	// Too fast.
	4:      {Kind: providers.ErrorThrottled},
	80007:  {Kind: providers.ErrorThrottled},
	130429: {Kind: providers.ErrorThrottled},

	// Meta's own troubles.
	1:      {Kind: providers.ErrorTemporary},
	2:      {Kind: providers.ErrorTemporary},
	131000: {Kind: providers.ErrorTemporary},
	131016: {Kind: providers.ErrorTemporary},
	131057: {Kind: providers.ErrorTemporary},
	133004: {Kind: providers.ErrorTemporary},

	// One recipient. 131049 says that they have had enough advertising, of whomever, and wants no
	// try for a day. It is no ErrorRecipientBusy: after some in a row that holds the channel for
	// as long as RetryAfter says, a day for everybody, and tries again sooner than it says.
	131056: {Kind: providers.ErrorRecipientBusy, After: pairGap},
	131049: {Kind: providers.ErrorRecipient, Advice: "Meta lets them have no more advertising now: try no sooner than in a day"},
	131050: {Kind: providers.ErrorRecipient, Advice: "they want no advertising of yours in WhatsApp"},
	131047: {Kind: providers.ErrorRecipient, Closed: true, Advice: outsideWindow},
	470:    {Kind: providers.ErrorRecipient, Closed: true, Advice: outsideWindow},
	131026: {Kind: providers.ErrorRecipient, Bounce: providers.BounceSoft},
	131021: {Kind: providers.ErrorRecipient, Advice: "it is the channel's own number"},
	131030: {Kind: providers.ErrorRecipient, Advice: "a test number writes only to those on its list in the App Dashboard"},
	130472: {Kind: providers.ErrorRecipient, Advice: "Meta tries something on them in which they get no advertising"},
	// It is the recipient's country that is closed, not the channel.
	130497: {Kind: providers.ErrorRecipient, Advice: "the account may not write to people in this country"},

	// The message. The engine pauses a campaign in which one after the other is refused alike.
	100:    {Kind: providers.ErrorContent},
	131008: {Kind: providers.ErrorContent},
	131009: {Kind: providers.ErrorContent},
	131051: {Kind: providers.ErrorContent},
	131052: {Kind: providers.ErrorContent, Advice: "the file must be at a public address over HTTPS, of a type and size that WhatsApp takes"},
	131053: {Kind: providers.ErrorContent, Advice: "the file must be at a public address over HTTPS, of a type and size that WhatsApp takes"},
	132000: {Kind: providers.ErrorContent, Advice: theTemplate},
	132001: {Kind: providers.ErrorContent, Advice: "there is no such template in this language, or it is not approved yet"},
	132005: {Kind: providers.ErrorContent, Advice: "the template is too long with these values"},
	132007: {Kind: providers.ErrorContent, Advice: theTemplate},
	132012: {Kind: providers.ErrorContent, Advice: theTemplate},
	132015: {Kind: providers.ErrorContent, Advice: "the template is paused because people did not like it: change it, or use another"},
	132016: {Kind: providers.ErrorContent, Advice: "the template is switched off for good: use another"},
	132018: {Kind: providers.ErrorContent, Advice: theTemplate},
}

const outsideWindow = "they have not written in the last 24 hours: only an approved template reaches them"

// The permissions of a token that are missing, each by a code of its own.
const firstPermission, lastPermission = 200, 299

// noSuchObject is what code 100 says behind it where it is not about the message: nobody is at
// the phone number's id, or not for this token.
const noSuchObject = 33

// means is what a problem means; known is false where only the status of the answer says.
func means(e *graph.Problem) (m graph.Meaning, known bool) {
	if e.Code == nil {
		return m, false
	}
	switch code := *e.Code; {
	case code >= firstPermission && code <= lastPermission:
		return graph.Meaning{Kind: providers.ErrorAuth, Advice: permissions}, true
	case code == 100 && e.Subcode == noSuchObject:
		return graph.Meaning{Kind: providers.ErrorSender, Advice: "check config.phone_number_id, and whether the token's system user has the account"}, true
	default:
		m, known = codes[code]
		return m, known
	}
}
