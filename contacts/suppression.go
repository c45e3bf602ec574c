package contacts

import (
	"context"
	"iter"
	"strconv"
	"time"

	"carillon/providers"
)

// Suppression is an address that is never to be written to. It outlives the
// contact, so that a later upload does not bring the person back.
type Suppression struct {
	AccountID int64
	Kind      providers.AddressKind
	Address   string
	// Hash stands for an address that was erased; Address is empty then. Only
	// stores with the same master key know what it stands for.
	Hash string
	// Reason says why: one of the Reason constants or words of the operator.
	Reason string
	// OptedOut says that the recipient opted out, whatever else Reason says.
	OptedOut  bool
	CreatedAt time.Time
}

// The reasons of suppressions that rules know; others are an operator's words.
const (
	// Unsubscribed: the recipient opted out. Campaigns skip the address,
	// transactional messages still reach it; every other reason keeps everything
	// away.
	Unsubscribed = "unsubscribed"
	// Bounced: the address does not exist, or has bounced too often.
	Bounced = "bounced"
	// Complained: the recipient called a message spam.
	Complained = "complained"
)

// NeedsForce reports whether a suppression is only lifted by force: what the
// mail system or the recipient's complaint says is not for us to forget.
func NeedsForce(reason string) bool { return reason == Bounced || reason == Complained }

// SuppressionFilter selects suppressions. What is empty does not restrict.
type SuppressionFilter struct {
	AccountID int64
	Kind      providers.AddressKind
	Reason    string
	// Text occurs in the address, whatever the case.
	Text string
	// AfterKind and AfterAddress are the place behind which the list goes on.
	AfterKind    providers.AddressKind
	AfterAddress string
	Limit        int
}

// SuppressionStore keeps suppressions.
type SuppressionStore interface {
	// SuppressAll returns how many were not there yet.
	SuppressAll(ctx context.Context, accountID int64, list []Suppression, source, actor string) (added int64, err error)
	// Unsuppress is NotFound if the address is not suppressed, and a Conflict where that
	// needs force.
	Unsuppress(ctx context.Context, p Suppression, force bool, actor string) error
	// ListSuppressions lists in the order of kind and address.
	ListSuppressions(ctx context.Context, f SuppressionFilter) ([]Suppression, error)
	// EachSuppression goes through an account's suppressions, those of which a hash is
	// left among them; an error ends it.
	EachSuppression(ctx context.Context, accountID int64) iter.Seq2[Suppression, error]
}

// Suppressions lists the addresses never to write to, in the order of kind and address.
func (s *Consents) Suppressions(ctx context.Context, f SuppressionFilter) ([]Suppression, error) {
	return s.store.ListSuppressions(ctx, f)
}

// EachSuppression goes through all suppressions of an account, those of erased addresses
// among them; an error ends it.
func (s *Consents) EachSuppression(ctx context.Context, accountID int64) iter.Seq2[Suppression, error] {
	return s.store.EachSuppression(ctx, accountID)
}

// Cells are a suppression under SuppressionColumns.
func (p Suppression) Cells() []string {
	return []string{string(p.Kind), p.Address, p.Reason, strconv.FormatBool(p.OptedOut), p.CreatedAt.UTC().Format(time.RFC3339), p.Hash}
}
