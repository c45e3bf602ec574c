package campaigns

import (
	"carillon/messages"
)

// Word is one word of a reference API that says how something stands, and what
// it is here. docs/states.md shows the list.
type Word struct {
	// API is the reference API, List the field or list that the word is from.
	API, List string
	Word      string
	// Kind says what the word is about.
	Kind WordKind
	// State is set where Kind is WordMessage, Status where it is WordCampaign.
	State  messages.State
	Status Status
	// Note says what the word means there, where that is not plain.
	Note string
}

// WordKind says what a word is about.
type WordKind int8

// The kinds of words.
const (
	// WordMessage stands for a message's State.
	WordMessage WordKind = iota
	// WordCampaign stands for a campaign's Status.
	WordCampaign
	// WordOther says nothing about where a message or a campaign stands; such a
	// word changes nothing.
	WordOther
)

// The reference APIs.
const (
	MessengerPeople = "MessengerPeople"
	Chat44mp        = "Chat44mp"
	ChatAPI         = "Chat-API"
	XMS             = "xms"
	Chatwoot        = "Chatwoot"
)

// The lists of words that more than one place names.
const (
	listInbound = "inbound status"
	listOutbox  = "outbox status"
)

// Vocabulary is every word of the five reference APIs' statuses, in the order
// of their documents. The documents leave some meanings open; the notes say
// where a meaning is our reading.
func Vocabulary() []Word {
	message := func(api, list, word string, state messages.State, note string) Word {
		return Word{API: api, List: list, Word: word, Kind: WordMessage, State: state, Note: note}
	}
	campaign := func(api, list, word string, status Status, note string) Word {
		return Word{API: api, List: list, Word: word, Kind: WordCampaign, Status: status, Note: note}
	}
	other := func(api, list, word, note string) Word {
		return Word{API: api, List: list, Word: word, Kind: WordOther, Note: note}
	}
	return []Word{
		message(MessengerPeople, "send_status", "0", messages.Sending, "pending and queued are shown as 0, too"),
		message(MessengerPeople, "send_status", "1", messages.Sent, "delivered on WhatsApp and Viber"),
		message(MessengerPeople, "send_status", "2", messages.Read, ""),
		message(MessengerPeople, "send_status", "-1", messages.Failed, ""),
		message(MessengerPeople, "send_status", "-2", messages.Rejected, "rejected, left the channel, or outside the 24 hours"),
		message(MessengerPeople, "send_status", "4", messages.Sent, "notification"),
		message(MessengerPeople, "send_status", "5", messages.Delivered, "notification"),
		message(MessengerPeople, "send_status", "6", messages.Read, "notification"),
		message(MessengerPeople, "send_status", "-5", messages.Failed, "notification"),
		message(MessengerPeople, "send_status", "-6", messages.Rejected, "notification; no such user"),

		other(Chat44mp, "answer's status", "success", "the request was carried out"),
		other(Chat44mp, "answer's status", "error", "the request was refused; nothing was made"),
		other(Chat44mp, "answer's status", "info", "no row changed"),

		message(ChatAPI, "sent in the answer", "true", messages.Pending, "taken into its queue, not sent yet"),
		message(ChatAPI, "ack", "sent", messages.Sent, "not in the document; clients know it"),
		message(ChatAPI, "ack", "delivered", messages.Delivered, ""),
		message(ChatAPI, "ack", "viewed", messages.Read, ""),

		message(XMS, listInbound, "READ", messages.Read, ""),
		message(XMS, listInbound, "DLVRD", messages.Delivered, ""),
		message(XMS, listInbound, "SENT", messages.Sent, ""),
		message(XMS, listInbound, "FAILD", messages.Failed, ""),
		other(XMS, listInbound, "DELTD", "the recipient's app deleted it later; it had been sent all the same"),

		message(XMS, listOutbox, "SCHLD", messages.Pending, "waits for its time"),
		message(XMS, listOutbox, "CRTD", messages.Pending, "created"),
		message(XMS, listOutbox, "INIT", messages.Queued, "our reading: about to be sent"),
		message(XMS, listOutbox, "SENT", messages.Sent, ""),
		message(XMS, listOutbox, "SENT_ERR", messages.Failed, "the provider answered with an error"),
		message(XMS, listOutbox, "SENT_EXC", messages.Unknown, "our reading: sending broke off, and nobody knows whether it went"),
		message(XMS, listOutbox, "SENTX", messages.Sent, "our reading: sent by another route"),
		message(XMS, listOutbox, "SENTX_ERR", messages.Failed, "our reading: the other route answered with an error"),
		message(XMS, listOutbox, "DLVRD", messages.Delivered, ""),
		message(XMS, listOutbox, "READ", messages.Read, ""),
		message(XMS, listOutbox, "NSENT", messages.Skipped, "our reading: kept from being sent"),
		message(XMS, listOutbox, "BLCKD", messages.Rejected, "the recipient blocked the sender"),
		message(XMS, listOutbox, "LIMIT", messages.Skipped, "our reading: over a limit, and not tried again"),
		message(XMS, listOutbox, "FAILD", messages.Failed, ""),
		message(XMS, listOutbox, "DELTD", messages.Canceled, "our reading: deleted before it was sent"),
		message(XMS, listOutbox, "CCWIN", messages.Rejected, "outside the customer care window"),
		other(XMS, listOutbox, "RECEIVD", "about a message that came in"),
		other(XMS, listOutbox, "FORWARDED", "about a message that came in"),
		other(XMS, listOutbox, "FORWARD_ERR", "about a message that came in"),
		other(XMS, listOutbox, "STATUS_FORWARD_ERR", "about passing a status on"),

		message(Chatwoot, "message status", "sent", messages.Sent, "not in the document; the public server has it"),
		message(Chatwoot, "message status", "delivered", messages.Delivered, "not in the document; the public server has it"),
		message(Chatwoot, "message status", "read", messages.Read, "not in the document; the public server has it"),
		message(Chatwoot, "message status", "failed", messages.Failed, "rejected is shown as failed, too; not in the document"),
		campaign(Chatwoot, "campaign status", "active", Scheduled, "waits for its time"),
		campaign(Chatwoot, "campaign status", "processing", Running, ""),
		campaign(Chatwoot, "campaign status", "completed", Finished, ""),
	}
}
