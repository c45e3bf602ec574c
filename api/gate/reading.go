package gate

import (
	"context"

	"carillon/access"
)

// BulkRead is how many people may be looked at at a time without an entry in the trail: a page of
// a list, as somebody reads it who works with it.
const BulkRead = 100

// Reading is a list of people that a caller was shown by an API of others.
type Reading struct {
	Caller access.Caller
	// Action and Target are the entry's; Action is what the operation of /v1 is called.
	Action, Target string
	// Through is the name of the API.
	Through string
	// Items are how many they were, and Further says that it was no first page.
	Items   int
	Further bool
}

// NoteReading writes down who read more people than a page of them.
func NoteReading(ctx context.Context, trail *access.Trail, r Reading) error {
	if r.Items == 0 || r.Items <= BulkRead && !r.Further {
		return nil
	}
	return trail.Add(context.WithoutCancel(ctx), access.AuditEntry{
		AccountID: r.Caller.AccountID, Actor: r.Caller.Actor(), Action: r.Action, Target: r.Target, RequestID: RequestID(ctx), Source: Source(ctx),
		Detail: map[string]any{"items": r.Items, "through": r.Through},
	})
}
