package targeting

import (
	"time"

	"carillon/providers"
)

// Suppression is an address that is never to be written to. It outlives the
// contact, so that a later upload does not bring the person back.
type Suppression struct {
	AccountID int64
	Kind      providers.AddressKind
	Address   string
	// Reason says why, such as "unsubscribed", "bounced", "complained" or words
	// of the operator.
	Reason    string
	CreatedAt time.Time
}
