package access

import "context"

// TrailStore keeps who did what.
type TrailStore interface {
	// AddAudit writes an entry by itself; ID and At are set there.
	AddAudit(ctx context.Context, e AuditEntry) error
	// ListAudit lists an account's entries before the id before, newest first; 0 begins
	// with the newest.
	ListAudit(ctx context.Context, accountID, before int64, limit int) ([]AuditEntry, error)
}

// Trail is the service for the audit trail. It is safe for concurrent use.
type Trail struct{ store TrailStore }

// NewTrail makes the service.
func NewTrail(store TrailStore) *Trail { return &Trail{store: store} }

// Add writes down what was done; ID and At are set by whoever keeps it.
func (s *Trail) Add(ctx context.Context, e AuditEntry) error { return s.store.AddAudit(ctx, e) }

// List lists an account's entries before the id before, newest first; 0 begins with
// the newest.
func (s *Trail) List(ctx context.Context, accountID, before int64, limit int) ([]AuditEntry, error) {
	return s.store.ListAudit(ctx, accountID, before, limit)
}
