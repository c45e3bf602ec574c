// Package app is the composition root: it wires the parts together for the
// roles that a process plays and owns their lifecycle. Nobody but cmd imports
// it, and it holds no rules of its own.
package app

import (
	"errors"
	"fmt"
	"sync"
)

// stack stops what was started, last in first out, once.
type stack struct {
	mu    sync.Mutex
	items []stoppable
}

type stoppable struct {
	name string
	stop func() error
}

func (s *stack) push(name string, stop func() error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.items = append(s.items, stoppable{name, stop})
}

// stopAll stops everything and joins the errors. It may be called again.
func (s *stack) stopAll() error {
	var errs []error
	for {
		s.mu.Lock()
		if len(s.items) == 0 {
			s.mu.Unlock()
			return errors.Join(errs...)
		}
		last := s.items[len(s.items)-1]
		s.items = s.items[:len(s.items)-1]
		s.mu.Unlock()
		if err := last.stop(); err != nil {
			errs = append(errs, fmt.Errorf("stop %s: %w", last.name, err))
		}
	}
}

func quietly(stop func()) func() error {
	return func() error {
		stop()
		return nil
	}
}
