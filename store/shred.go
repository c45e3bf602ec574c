package store

import "context"

// shred empties SQLite's write-ahead log, which holds what was erased as it was
// before. If readers keep it from doing so, Housekeep does it later.
func (s *Store) shred(ctx context.Context) error {
	if s.Postgres() {
		return nil
	}
	s.shredding.Store(true)
	emptied, err := s.db.EmptyLog(ctx)
	if emptied {
		s.shredding.Store(false)
	}
	return err
}
