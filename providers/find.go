package providers

import (
	"context"
	"time"
)

// Finder is for providers that can be asked what became of a message whose answer was
// lost (Capabilities.Finds).
type Finder interface {
	// Find asks whether the provider took one message, and sends nothing. It is asked some
	// minutes after the doubt began, and again later where that could not be told. Every
	// error is a *Error, after which nothing is known.
	Find(ctx context.Context, s Sought) (Found, error)
}

// Sought is a message of which nobody knows whether its provider took it.
type Sought struct {
	// MessageID is our id, as in Message.ID.
	MessageID int64
	// To is the recipient's address, as in Message.To.
	To string
	// From and Until are when the provider was asked to take it, by our clock: not sooner
	// than the one, and not later than the other.
	From, Until time.Time
	// Alone says that no other message of the account to the same address is in doubt.
	Alone bool
	// Others says which of the provider's ids are known to be those of other messages.
	Others func(ctx context.Context, providerIDs []string) (map[string]bool, error)
}

// ClockSlack is how far a provider's clock may be from ours where a message is told by
// its time alone.
const ClockSlack = time.Minute

// Fate is what a provider knows of a message.
type Fate string

// The fates.
const (
	// FateUntold: it can't tell, such as where two messages may be meant.
	FateUntold   Fate = "untold"
	FateTaken    Fate = "taken"
	FateNotTaken Fate = "not_taken"
)

// Found is what a provider says of a message that is sought.
type Found struct {
	Fate Fate
	// ProviderID is the provider's id of a message that it took, as in
	// Accepted.ProviderID; empty if it has none.
	ProviderID string
	// Receipt is what the provider reports of a message that it took, if more than that:
	// its ids are the caller's to fill in. Nil if nothing more is known.
	Receipt *Receipt
	// Detail says why it is not told, for people.
	Detail string
}
