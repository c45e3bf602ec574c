// Package trail owns how the audit trail is copied to where who can change the database can't
// change it: into a file, and to syslog. What is copied, and how far, the store knows; it must not
// know what entries mean.
package trail

import (
	"context"
	"log/slog"
	"time"

	"carillon/access"
	"carillon/internal/clock"
)

// Store keeps the trail, and how far it was copied. Its errors have no code but Unavailable.
type Store interface {
	// UncopiedAudit are the next entries, so many at most, of the first account behind the id
	// after that has some with a place which were not copied to there; without an account if
	// none has.
	UncopiedAudit(ctx context.Context, to access.TrailCopy, after int64, most int) (access.Uncopied, error)
	// CopiedAudit notes that an account's entries up to a place were copied; it never goes back.
	CopiedAudit(ctx context.Context, to access.TrailCopy, account, seq int64) error
}

// Target is where entries are copied to.
type Target interface {
	// Write returns when the entries are there, as far as that can be known; after an error some
	// may be.
	Write(ctx context.Context, entries []access.AuditEntry) error
	Close() error
}

const (
	// copiedAtOnce is how many entries are copied before it is noted: so many may be there
	// twice after a crash.
	copiedAtOnce = 500
	// firstPause and longestPause are how long to wait after a failure: twice as long after
	// each.
	firstPause, longestPause = time.Second, time.Minute
)

// Exporter copies the trail to one target. One call of Pass at a time is made, by who leads.
type Exporter struct {
	store  Store
	to     access.TrailCopy
	target Target
	clock  clock.Clock
	log    *slog.Logger

	pause time.Duration // 0 while it works
	next  time.Time
}

// Deps is what an exporter is made of; all of it is needed.
type Deps struct {
	Store  Store
	Clock  clock.Clock
	Logger *slog.Logger
}

// NewExporter makes what copies entries that the store keeps to a target.
func NewExporter(to access.TrailCopy, target Target, d Deps) *Exporter {
	return &Exporter{store: d.Store, to: to, target: target, clock: d.Clock, log: d.Logger}
}

// Pass copies a batch of each account, and reports whether there may be more. After an error it
// does nothing for a while: entries wait, in the store, for as long as they are kept.
func (e *Exporter) Pass(ctx context.Context) (more bool, err error) {
	if e.clock.Now().Before(e.next) {
		return false, nil
	}
	more, err = e.pass(ctx)
	switch {
	case err != nil:
		e.pause = min(max(2*e.pause, firstPause), longestPause)
		e.next = e.clock.Now().Add(e.pause)
	case e.pause > 0:
		e.pause = 0
		e.log.InfoContext(ctx, "the audit trail is copied again", "to", e.to)
	}
	return more, err
}

func (e *Exporter) pass(ctx context.Context) (more bool, err error) {
	for after := int64(0); ; {
		batch, err := e.store.UncopiedAudit(ctx, e.to, after, copiedAtOnce)
		if err != nil || batch.AccountID == 0 {
			return more, err
		}
		if batch.Lost > 0 {
			e.log.ErrorContext(ctx, "entries of the audit trail were gone before they were copied: they were kept for too short a time, or somebody removed them",
				"to", e.to, "account", batch.AccountID, "entries", batch.Lost)
		}
		if len(batch.Entries) > 0 {
			if err := e.target.Write(ctx, batch.Entries); err != nil {
				return more, err
			}
		}
		if err := e.store.CopiedAudit(ctx, e.to, batch.AccountID, batch.Through); err != nil {
			return more, err
		}
		more = more || len(batch.Entries) == copiedAtOnce
		after = batch.AccountID
	}
}
