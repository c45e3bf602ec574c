package worker

import (
	"testing"
	"testing/synctest"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
)

// Whoever comes, goes and gives up, however often the size changes: no more are in
// than there is room for, but for those who were in when it became smaller, bulk
// messages leave places for transactional ones, and nobody waits for a place that
// is free.
func TestARoomIsNeverOverfilledAndNobodyWaitsForAFreePlace(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		size := rapid.IntRange(1, 20).Draw(t, "size")
		r, out, no := newRoom(size), 0, make(chan struct{})
		close(no) // whoever would have to wait leaves again
		for range rapid.IntRange(1, 80).Draw(t, "steps") {
			switch rapid.IntRange(0, 3).Draw(t, "step") {
			case 0:
				in := r.enter(no, true)
				require.Equal(t, out < size, in)
				if in {
					out++
				}
			case 1:
				in := r.enter(no, false)
				require.Equal(t, out < size-kept(size), in)
				if in {
					out++
				}
			case 2:
				if out > 0 {
					r.leave()
					out--
				}
			default:
				size = rapid.IntRange(1, 20).Draw(t, "resize")
				r.resize(size)
			}
			require.Equal(t, out, r.out)
			require.Empty(t, r.bulk)
			require.Empty(t, r.urgent)
		}
	})
}

func TestWhoWaitsForRoomIsLetInInTurnTransactionalFirst(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r, stop := newRoom(2), make(chan struct{}) // one of them for transactional messages
		require.True(t, r.enter(stop, false))
		require.False(t, r.crowded())
		in := make(chan string, 10)
		gaveUp := make(chan string, 10)
		wait := func(name string, urgent bool) {
			go func() {
				if r.enter(stop, urgent) {
					in <- name
				} else {
					gaveUp <- name
				}
			}()
			synctest.Wait()
		}
		wait("bulk 1", false)
		wait("bulk 2", false)
		require.True(t, r.crowded())
		require.Empty(t, in)
		wait("urgent 1", true)
		require.Equal(t, "urgent 1", <-in)
		wait("urgent 2", true)
		require.Empty(t, in)
		r.leave()
		synctest.Wait()
		require.Equal(t, "urgent 2", <-in)
		r.leave()
		synctest.Wait()
		require.Empty(t, in, "one place is kept")
		r.resize(3)
		synctest.Wait()
		require.Equal(t, "bulk 1", <-in)
		close(stop)
		require.Equal(t, "bulk 2", <-gaveUp)
		r.leave()
		r.leave()
		require.Zero(t, r.out)
	})
}
