package contacts

import "context"

// Expirer removes values of properties whose time is over.
type Expirer interface {
	// SweepExpired does so for a batch of contacts behind the id after and says
	// behind which to go on; 0 when it was through.
	SweepExpired(ctx context.Context, after int64) (next int64, err error)
}

// Sweeper goes through the contacts again and again. It is not safe for
// concurrent use.
type Sweeper struct {
	store Expirer
	after int64
}

// NewSweeper makes a sweeper that begins at the first contact.
func NewSweeper(store Expirer) *Sweeper { return &Sweeper{store: store} }

// Run sweeps the next batch; worked is false when it was through.
func (s *Sweeper) Run(ctx context.Context) (worked bool, err error) {
	next, err := s.store.SweepExpired(ctx, s.after)
	if err != nil {
		return false, err
	}
	s.after = next
	return next != 0, nil
}
