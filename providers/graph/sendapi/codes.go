package sendapi

import (
	"carillon/providers"
	"carillon/providers/graph"
)

// Advice that several codes share.
const (
	newToken      = "make a new access token and set config.token"
	permissions   = "give the app the permission to write messages for this page or account, and have Meta approve it"
	outsideWindow = "they have not written lately: in the last 24 hours, or in the last 7 days where the channel has the tag HUMAN_AGENT"
	theFile       = "the file must be at a public address over HTTPS, of a type and size that Meta takes"
)

// codes are those that Meta documents for the Send API. What is not here goes by the status of
// the answer. No address is suppressed at once: somebody who is not to be reached now may be so
// again when they write.
var codes = map[int]graph.Meaning{
	1:    {Kind: providers.ErrorTemporary},
	2:    {Kind: providers.ErrorTemporary},
	1200: {Kind: providers.ErrorTemporary},

	// Too fast: of the app, the user, the page, the API, and of the business by what it is used for.
	4:     {Kind: providers.ErrorThrottled},
	17:    {Kind: providers.ErrorThrottled},
	32:    {Kind: providers.ErrorThrottled},
	613:   {Kind: providers.ErrorThrottled},
	80001: {Kind: providers.ErrorThrottled},
	80002: {Kind: providers.ErrorThrottled},
	80006: {Kind: providers.ErrorThrottled},

	0:   {Kind: providers.ErrorAuth, Advice: newToken},
	3:   {Kind: providers.ErrorAuth, Advice: permissions},
	10:  {Kind: providers.ErrorAuth, Advice: permissions},
	102: {Kind: providers.ErrorAuth, Advice: newToken},
	190: {Kind: providers.ErrorAuth, Advice: newToken},
	368: {Kind: providers.ErrorAccount, Advice: "see the page or account in Meta's Business Support, and resume the channel when it is in order"},

	100: {Kind: providers.ErrorContent},
	// They have blocked whoever writes, or are gone.
	551: {Kind: providers.ErrorRecipient, Bounce: providers.BounceSoft},
}

// subcodes say more than the code before them, which is of permissions or parameters in general.
var subcodes = map[int]graph.Meaning{
	2018278: {Kind: providers.ErrorRecipient, Closed: true, Advice: outsideWindow},
	2018065: {Kind: providers.ErrorRecipient, Closed: true, Advice: outsideWindow},
	2534022: {Kind: providers.ErrorRecipient, Closed: true, Advice: outsideWindow},
	2018108: {Kind: providers.ErrorRecipient, Bounce: providers.BounceSoft},
	1545041: {Kind: providers.ErrorRecipient, Bounce: providers.BounceSoft},
	2018001: {Kind: providers.ErrorRecipient, Bounce: providers.BounceSoft, Advice: "an id is of somebody as one page or account knows them"},
	2534014: {Kind: providers.ErrorRecipient, Bounce: providers.BounceSoft},
	2018022: {Kind: providers.ErrorThrottled},
	2018028: {Kind: providers.ErrorAuth, Advice: "the app is not live: it may write to its own admins, developers and testers alone"},
	1893063: {Kind: providers.ErrorAccount, Advice: "Meta has restricted the page for a time: see it in Meta's Business Support"},
	2018008: {Kind: providers.ErrorContent, Advice: theFile},
	2018047: {Kind: providers.ErrorContent, Advice: theFile},
	2018109: {Kind: providers.ErrorContent, Advice: theFile},
	33:      {Kind: providers.ErrorSender, Advice: "check the id of the page or account in the configuration, and whether the token is for it"},
}

// The permissions of a token that are missing, each by a code of its own.
const firstPermission, lastPermission = 200, 299

// means is what a problem means; known is false where only the status of the answer says.
func (p Product) means(e *graph.Problem) (m graph.Meaning, known bool) {
	if m, known = subcodes[e.Subcode]; known {
		return m, true
	}
	if e.Code == nil {
		return m, false
	}
	if code := *e.Code; code >= firstPermission && code <= lastPermission {
		return graph.Meaning{Kind: providers.ErrorAuth, Advice: permissions}, true
	}
	m, known = codes[*e.Code]
	return m, known
}
