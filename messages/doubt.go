package messages

import (
	"time"

	"carillon/providers"
)

// Doubt is a message in state Unknown of which its provider is to be asked.
type Doubt struct {
	MessageID, ChannelID, AccountID, RunID int64
	// To is the recipient's address.
	To string
	// AskedFrom and Began are when the provider may have been asked to take it: from its
	// claim until it was in doubt.
	AskedFrom, Began time.Time
	// Alone says that no other message of the account to the same address is in doubt.
	Alone bool
	// Last says that the provider is not asked again.
	Last bool
}

// Finding is what a provider said of a message in doubt.
type Finding struct {
	Doubt
	providers.Found
}
