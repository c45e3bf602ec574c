package store

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"carillon/internal/clock"
	"carillon/tracking"
)

// Who clicks is not held up for long by a database that takes nothing: the click is lost,
// and its number told.
func TestClicksAreLostOnlyWhereThereIsNoRoom(t *testing.T) {
	s := openTestStore(t, sqliteDSN(t))
	s.clock = clock.NewFake(time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC))
	w := &EngagementWriter{store: s, events: make(chan tracking.Event, 1), gone: make(chan struct{})} // nobody writes
	w.Engaged(t.Context(), tracking.Event{})
	done := make(chan struct{})
	go func() {
		w.Engaged(t.Context(), tracking.Event{})
		close(done)
	}()
	for waiting := false; !waiting; {
		s.clock.(*clock.Fake).Advance(engagedPatience)
		select {
		case <-done:
			waiting = true
		case <-time.After(time.Millisecond):
		}
	}
	require.EqualValues(t, 1, w.Lost())
	require.EqualValues(t, 1, w.Pending())
	close(w.gone)
	w.Engaged(t.Context(), tracking.Event{})
	require.EqualValues(t, 2, w.Lost())
}
