package store

import "carillon/messages"

// What the black-box tests know of the inside: sizes of batches, so that they have
// more than one, and bounds that would take them too long to reach.

const (
	BulkAtOnce     = bulkAtOnce
	LateBatch      = lateBatch
	ErrorsAtOnce   = errorsAtOnce
	MaxTransitions = maxTransitions
	ValuesAtOnce   = valuesAtOnce
	ValuesInOne    = valuesInOne
	SettleAtOnce   = settleAtOnce
	SweptAtOnce    = sweptAtOnce
	HaltSeen       = haltFresh + haltBegins
	SealedColumns  = int(allSealed)
)

// ErrStopped is what a stopped writer says.
var ErrStopped = errStopped

// PlanInParts has batches planned in parts of so few contacts.
func (s *Store) PlanInParts(least int) { s.leastPlanPart = least }

// RememberRequests has the store remember so few requests of a channel's.
func (s *Store) RememberRequests(most int) { s.maxRequests = most }

// UndoingMoves are the moves of the ledger that messages.CanMove knows nothing of.
func UndoingMoves() map[messages.State]messages.State {
	undoing := map[messages.State]messages.State{}
	for _, m := range allMoves() {
		for _, from := range m.from {
			if m.undoes {
				undoing[from] = m.to
			}
		}
	}
	return undoing
}
