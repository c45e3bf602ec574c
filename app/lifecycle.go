// Package app is the composition root: it wires the parts together for the
// roles that a process plays and owns their lifecycle. Nobody but cmd imports
// it, and it holds no rules of its own.
package app

import (
	"errors"
	"fmt"
	"sync"
	"time"

	"carillon/internal/clock"
)

// stack stops what was started, last in first out, once.
type stack struct {
	mu    sync.Mutex
	items []stoppable
	// stopping is what is being stopped, and deadline when nobody waits for it any
	// more; zero where that is never.
	stopping string
	deadline time.Time
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
		last, ok := s.pop()
		if !ok {
			return errors.Join(errs...)
		}
		if err := last.stop(); err != nil {
			errs = append(errs, fmt.Errorf("stop %s: %w", last.name, err))
		}
	}
}

func (s *stack) pop() (last stoppable, ok bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.stopping = ""
	if len(s.items) == 0 {
		return last, false
	}
	last = s.items[len(s.items)-1]
	s.items = s.items[:len(s.items)-1]
	s.stopping = last.name
	return last, true
}

// stopWithin is stopAll that gives up: whatever hangs, it returns after patience,
// with an error that names the part. A part can ask for what is left of it.
func (s *stack) stopWithin(patience time.Duration) error {
	s.mu.Lock()
	if s.deadline.IsZero() {
		s.deadline = clock.System{}.Now().Add(patience)
	}
	s.mu.Unlock()
	done := make(chan error, 1)
	go func() { done <- s.stopAll() }()
	select {
	case err := <-done:
		return err
	case <-clock.System{}.After(s.left()):
		return fmt.Errorf("gave up after %s: %s does not stop; what it was doing is settled at the next start", patience, s.hanging())
	}
}

// left is how long stopping may still take.
func (s *stack) left() time.Duration {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.deadline.Sub(clock.System{}.Now())
}

// hanging is what is being stopped; empty for nothing.
func (s *stack) hanging() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.stopping
}

func quietly(stop func()) func() error {
	return func() error {
		stop()
		return nil
	}
}
