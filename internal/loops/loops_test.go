package loops_test

import (
	"context"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"carillon/internal/loops"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func TestStopReturnsWhenAllAreGone(t *testing.T) {
	var g loops.Group
	var gone atomic.Int32
	began := make(chan struct{}, 3)
	for range 3 {
		g.Go(func(ctx context.Context) {
			began <- struct{}{}
			<-ctx.Done()
			gone.Add(1)
		})
	}
	for range 3 {
		<-began
	}
	require.Zero(t, gone.Load())
	g.Stop()
	require.Equal(t, int32(3), gone.Load())
	g.Stop()
	g.Go(func(context.Context) { gone.Add(1) })
	g.Stop()
	require.Equal(t, int32(3), gone.Load(), "nothing is begun after Stop")
}

func TestStopBeforeAnythingWasBegun(t *testing.T) {
	var g loops.Group
	g.Stop()
	g.Go(func(context.Context) { t.Error("it was stopped") })
	g.Stop()
}

// A loop may begin others, also while the group is being stopped.
func TestALoopBeginsOthers(t *testing.T) {
	var g loops.Group
	began := make(chan struct{})
	g.Go(func(ctx context.Context) {
		g.Go(func(context.Context) { close(began) })
		<-ctx.Done()
		g.Go(func(context.Context) { t.Error("it is being stopped") })
	})
	<-began
	g.Stop()
}
