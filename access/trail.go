package access

import (
	"context"
	"strings"
	"time"
)

// AuditEntry is one thing that somebody did.
type AuditEntry struct {
	ID        int64
	AccountID int64
	// Actor is who did it, such as "key 3 (deploy)" or "cli".
	Actor string
	// Action is what was done, such as "clear-queue".
	Action string
	// Target is to what, such as "campaign 17", and TargetName what that was called then;
	// empty for what has no name, and for people.
	Target, TargetName string
	// Detail is whatever else should be known, such as what was there before and after;
	// it must hold no secret and nobody's data. May be nil.
	Detail map[string]any
	// RequestID is the request that did it, and Source the address that it came from;
	// empty for what no request did.
	RequestID, Source string
	At                time.Time
	// Seq is the entry's place in the account's chain, and Hash the hash there; 0 and empty
	// until it is sealed. Erased says that the detail was emptied because it told of a
	// person.
	Seq    int64
	Hash   string
	Erased bool
}

// AuditQuery says which entries of an account are asked for; what is empty does not
// narrow.
type AuditQuery struct {
	AccountID int64
	Actor     string
	// Action is exact, or ends in an asterisk for all that begin with what is before it.
	Action            string
	Target, RequestID string
	// From is the first instant, and To the one before which an entry was written.
	From, To time.Time
	// Before is the id before which the list goes on; 0 begins with the newest.
	Before int64
	// Oldest has the oldest first, behind the id After.
	Oldest bool
	After  int64
	// Limit bounds the list.
	Limit int
}

// ChainPlace is a place in an account's chain of entries, and the hash there. It can be
// noted outside, and compared later.
type ChainPlace struct {
	Seq  int64
	Hash string
}

// ChainProblem is the first thing that is wrong with a chain.
type ChainProblem struct {
	// Seq is the place, and EntryID the entry there; 0 where there is none.
	Seq, EntryID int64
	What         string
}

// ChainStep is what a step along a chain found.
type ChainStep struct {
	// Place is how far the chain is right, and Head the newest place.
	Place, Head ChainPlace
	// Floor is the place up to which entries were removed because their time was over.
	Floor int64
	// Checked is how many entries of the step are right, Erased how many of these are without
	// their detail.
	Checked, Erased int64
	// Unsealed is how many have no place yet; it is set with Done.
	Unsealed int64
	// Done says that there is nothing more to walk: the chain was walked to its head, or
	// Problem is set.
	Done    bool
	Problem *ChainProblem
}

// ChainWalk says which step along a chain is wanted.
type ChainWalk struct {
	AccountID int64
	// After is the place behind which to go on, as the step before returned it; the zero value
	// begins with the oldest entry.
	After ChainPlace
	// Noted is a head that was noted before; the zero value compares with none.
	Noted ChainPlace
	// Most is how many entries to look at.
	Most int
}

// TrailCopy is a place to which the trail is copied.
type TrailCopy string

// The places to which it can be copied.
const (
	CopyFile   TrailCopy = "file"
	CopySyslog TrailCopy = "syslog"
)

// UncopiedStays is for how long beyond its time an entry stays that was not copied yet to where the
// trail is copied: its account's time for entries, or the deletion of its account.
const UncopiedStays = 7 * 24 * time.Hour

// Uncopied are entries of an account that were not copied to a place yet, in the order of
// their chain.
type Uncopied struct {
	AccountID int64
	Entries   []AuditEntry
	// Lost is how many were gone before, because their time was over; Through is the place up to
	// which nothing is left to copy with these entries.
	Lost, Through int64
}

// Backlog is what waits to be copied.
type Backlog struct {
	Entries int64
	// Oldest is when the oldest of them was written; zero if none waits.
	Oldest time.Time
}

// TrailStore keeps who did what.
type TrailStore interface {
	// AddAudit writes an entry by itself; ID and At are set there.
	AddAudit(ctx context.Context, e AuditEntry) error
	// ListAudit lists entries, newest first if nothing else is asked for.
	ListAudit(ctx context.Context, q AuditQuery) ([]AuditEntry, error)
	// WalkAudit checks entries in the order of their chain.
	WalkAudit(ctx context.Context, w ChainWalk) (ChainStep, error)
}

// Trail is the service for the audit trail. It is safe for concurrent use.
type Trail struct{ store TrailStore }

// NewTrail makes the service.
func NewTrail(store TrailStore) *Trail { return &Trail{store: store} }

// Add writes down what was done; ID and At are set by whoever keeps it.
func (s *Trail) Add(ctx context.Context, e AuditEntry) error { return s.store.AddAudit(ctx, e) }

// List lists entries, newest first if nothing else is asked for.
func (s *Trail) List(ctx context.Context, q AuditQuery) ([]AuditEntry, error) {
	return s.store.ListAudit(ctx, q)
}

// Walk checks the next entries of an account's chain.
func (s *Trail) Walk(ctx context.Context, w ChainWalk) (ChainStep, error) {
	return s.store.WalkAudit(ctx, w)
}

// exportedAtOnce is how many entries are read at a time.
const exportedAtOnce = 500

// Each hands all entries to do, the oldest first; what is written meanwhile is among them.
func (s *Trail) Each(ctx context.Context, q AuditQuery, do func(AuditEntry) error) error {
	for q.Oldest, q.Limit = true, exportedAtOnce; ; {
		entries, err := s.store.ListAudit(ctx, q)
		if err != nil || len(entries) == 0 {
			return err
		}
		for _, e := range entries {
			if err := do(e); err != nil {
				return err
			}
			q.After = e.ID
		}
	}
}

// AuditLine is an entry as it is exported: one line of JSON.
type AuditLine struct {
	ID         int64          `json:"id"`
	Account    int64          `json:"account"`
	At         time.Time      `json:"at"`
	Actor      string         `json:"actor"`
	Action     string         `json:"action"`
	Target     string         `json:"target"`
	TargetName string         `json:"target_name,omitempty"`
	Detail     map[string]any `json:"detail,omitempty"`
	RequestID  string         `json:"request_id,omitempty"`
	Source     string         `json:"source,omitempty"`
	Seq        int64          `json:"seq,omitempty"`
	Hash       string         `json:"hash,omitempty"`
}

// Refusal reports whether the entry tells that somebody was not let in.
func (e AuditEntry) Refusal() bool { return strings.HasPrefix(e.Action, refusals) }

// Line is the entry as it is exported.
func (e AuditEntry) Line() AuditLine {
	return AuditLine{
		ID: e.ID, Account: e.AccountID, At: e.At, Actor: e.Actor, Action: e.Action, Target: e.Target, TargetName: e.TargetName, Detail: e.Detail,
		RequestID: e.RequestID, Source: e.Source, Seq: e.Seq, Hash: e.Hash,
	}
}
