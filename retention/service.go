package retention

import (
	"context"
	"slices"
	"time"

	"carillon/internal/clock"
)

// MostCounted is how many rows of a kind are counted before it is said that there are more.
const MostCounted = 100_000

// Store keeps what accounts chose; *store.Store does.
type Store interface {
	// Retention is an account's choice.
	Retention(ctx context.Context, accountID int64) (Choice, error)
	// SetRetention replaces it.
	SetRetention(ctx context.Context, accountID int64, c Choice) error
	// CountRemovable counts what of a kind an account has from before an instant that can be
	// removed: messages about, by the statistics, the others up to most.
	CountRemovable(ctx context.Context, of Removable, most int64) (int64, error)
	// Sizes says what takes the room.
	Sizes(ctx context.Context) (Sizes, error)
}

// Removable names what of a kind an account has from before an instant.
type Removable struct {
	AccountID int64
	Kind      Kind
	Before    time.Time
}

// Removal is how much a choice would remove of a kind at once.
type Removal struct {
	Kind Kind
	Days int
	// Rows is how many; More that there are more than these.
	Rows int64
	More bool
}

// Part is what takes room in the store, such as messages with their indexes.
type Part struct {
	// Name is a Kind, or contacts, statistics, other.
	Name string
	// Bytes is the room, indexes among it; 0 where the database does not tell.
	Bytes int64
	// Rows is about how many there are.
	Rows int64
	// Oldest is when the oldest came; zero if there is none, or its age is nothing by which
	// it is removed.
	Oldest time.Time
}

// Partition is a time of messages with all that belongs to them, on PostgreSQL.
type Partition struct {
	Number      int64
	Since       time.Time // zero for the first one
	Bytes, Rows int64
}

// Sizes are what takes the room of a store.
type Sizes struct {
	Database   string // postgres or sqlite3
	Bytes      int64
	Parts      []Part
	Partitions []Partition
}

// Service says and changes how long what is kept.
type Service struct {
	store Store
	clock clock.Clock
}

// NewService makes the service.
func NewService(store Store, c clock.Clock) *Service { return &Service{store: store, clock: c} }

// Get is what an account keeps.
func (s *Service) Get(ctx context.Context, accountID int64) (Choice, error) {
	return s.store.Retention(ctx, accountID)
}

// Change replaces for how long an account keeps some kinds, and returns the whole choice. What
// is too old then is removed within the hour, a little at a time.
func (s *Service) Change(ctx context.Context, accountID int64, by Choice) (Choice, error) {
	c, err := s.store.Retention(ctx, accountID)
	if err != nil {
		return nil, err
	}
	if c, err = c.Changed(by); err != nil {
		return nil, err
	}
	return c, s.store.SetRetention(ctx, accountID, c)
}

// Preview says what a change would remove at once; it changes nothing.
func (s *Service) Preview(ctx context.Context, accountID int64, by Choice) (list []Removal, err error) {
	c, err := s.store.Retention(ctx, accountID)
	if err != nil {
		return nil, err
	}
	if c, err = c.Changed(by); err != nil {
		return nil, err
	}
	for _, r := range rules {
		if _, changed := by[r.Kind]; !changed {
			continue
		}
		before, removes := c.Before(r.Kind, s.clock.Now())
		if !removes {
			continue
		}
		n, err := s.store.CountRemovable(ctx, Removable{accountID, r.Kind, before}, MostCounted+1)
		if err != nil {
			return nil, err
		}
		removal := Removal{Kind: r.Kind, Days: c.Days(r.Kind), Rows: n}
		if r.Kind != Messages && n > MostCounted {
			removal.Rows, removal.More = MostCounted, true
		}
		list = append(list, removal)
	}
	return list, nil
}

// Sizes says what takes the room of the store, the largest first.
func (s *Service) Sizes(ctx context.Context) (Sizes, error) {
	sizes, err := s.store.Sizes(ctx)
	slices.SortStableFunc(sizes.Parts, func(a, b Part) int {
		if a.Bytes != b.Bytes {
			return int(min(max(b.Bytes-a.Bytes, -1), 1))
		}
		return int(min(max(b.Rows-a.Rows, -1), 1))
	})
	return sizes, err
}
