package scheduler

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"carillon/messages"
	"carillon/queue"
)

// freely lets every run have what it can use, in envelopes of so many.
func freely(perEnvelope int) asking {
	return func(context.Context, *messages.Feedable) (terms, error) { return terms{perEnvelope, 1 << 30}, nil }
}

func waiting(runID int64, weight int, pending int64) *messages.Feedable {
	return &messages.Feedable{ChannelID: 1, RunID: runID, Weight: weight, Pending: pending}
}

// given are the envelopes that each run gets.
func given(t require.TestingT, turns turns, items []*messages.Feedable, room int) map[int64]int {
	list, err := turns.shares(context.Background(), items, room, freely(1))
	require.NoError(t, err)
	got := map[int64]int{}
	for _, s := range list {
		require.Positive(t, s.envelopes)
		got[s.item.RunID] += s.envelopes
	}
	return got
}

// However the room comes, over time each run gets its share, exact to one envelope
// for each of the runs; and whole rounds are exact.
func TestSharesAreFair(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		weights := rapid.SliceOfN(rapid.IntRange(1, 100), 1, 6).Draw(t, "weights")
		items, total := make([]*messages.Feedable, len(weights)), 0
		for i, w := range weights {
			items[i] = waiting(int64(i+1), w, 1<<40)
			total += w
		}
		turns, got, all := turns{}, make([]int, len(weights)), 0
		take := func(room int) {
			sum := 0
			for id, n := range given(t, turns, items, room) {
				got[id-1] += n
				sum += n
			}
			require.Equal(t, max(0, room), sum, "all the room is given")
			all += sum
		}
		for range rapid.IntRange(1, 60).Draw(t, "passes") {
			take(rapid.IntRange(-2, queue.BulkPerWorker).Draw(t, "room"))
			for i, w := range weights {
				exact := float64(all) * float64(w) / float64(total)
				require.InDelta(t, exact, got[i], float64(len(weights)), "run %d of weights %v after %d", i, weights, all)
			}
		}
		take((total - all%total) % total)
		for i, w := range weights {
			require.Equal(t, all/total*w, got[i])
		}
	})
}

func TestSharesOfRunsThatComeAndGo(t *testing.T) {
	turns := turns{}
	require.Empty(t, given(t, turns, nil, 8))
	require.Empty(t, given(t, turns, []*messages.Feedable{waiting(1, 1, 9)}, 0))
	require.Empty(t, given(t, turns, []*messages.Feedable{waiting(1, 1, 9)}, -3), "a window may be over-full")
	given(t, turns, []*messages.Feedable{waiting(1, 1, 900), waiting(2, 100, 900)}, 300)
	require.Equal(t, map[int64]int{3: 2, 4: 2}, given(t, turns, []*messages.Feedable{waiting(3, 0, 9), waiting(4, 1, 9)}, 4),
		"who is gone leaves nothing behind, and no weight counts as one")
	require.Len(t, turns, 2)
	given(t, turns, []*messages.Feedable{waiting(3, 1, 900)}, 500)
	require.Equal(t, map[int64]int{3: 2, 5: 2}, given(t, turns, []*messages.Feedable{waiting(3, 1, 9), waiting(5, 1, 9)}, 4),
		"who is new begins where the others stand, with nothing to make up for")
	given(t, turns, []*messages.Feedable{waiting(5, 1, 900)}, 500)
	require.Equal(t, map[int64]int{5: 2, 3: 2}, given(t, turns, []*messages.Feedable{waiting(5, 1, 9), waiting(3, 1, 9)}, 4), "so does who comes again")
}

// Runs that have little take what they have, and the rest goes to those with more.
func TestNobodyGetsRoomThatItCanNotUse(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		pending := rapid.SliceOfN(rapid.Int64Range(0, 40), 1, 60).Draw(t, "pending")
		per := rapid.IntRange(1, 12).Draw(t, "per envelope")
		room := rapid.IntRange(0, 500).Draw(t, "room")
		items, all := make([]*messages.Feedable, len(pending)), int64(0)
		for i, n := range pending {
			items[i] = waiting(int64(i+1), rapid.IntRange(1, 5).Draw(t, "weight"), n)
			all += n
		}
		list, err := turns{}.shares(t.Context(), items, room, freely(per))
		require.NoError(t, err)
		var taken int64
		for _, s := range list {
			require.Equal(t, per, s.perEnvelope)
			require.LessOrEqual(t, int64((s.envelopes-1)*per), s.item.Pending-1, "no envelope is empty")
			taken += min(int64(s.envelopes*per), s.item.Pending)
		}
		require.GreaterOrEqual(t, taken, min(all, int64(room)), "no room is left while somebody waits")
		require.Less(t, taken, int64(room+per), "to an envelope")
	})
}

// Whoever can't be fed when its turn comes, as its own limit has no slot in sight or
// nobody knows, takes none of the room and keeps nobody from being looked at.
func TestWhoCanNotBeFedHasHadItsTurn(t *testing.T) {
	const many = 3 * maxAsked
	items := make([]*messages.Feedable, many)
	for i := range items {
		items[i] = waiting(int64(i+1), 1, 10)
	}
	turns, asked, down := turns{}, map[int64]int{}, errors.New("down")
	for range 4 {
		list, err := turns.shares(t.Context(), items, 10, func(_ context.Context, item *messages.Feedable) (terms, error) {
			asked[item.RunID]++
			switch {
			case item.RunID == many:
				return terms{1, 10}, nil
			case item.RunID == 1:
				return terms{}, down
			}
			return terms{}, nil
		})
		if asked[many] == 0 {
			require.Empty(t, list)
		}
		if len(asked) <= maxAsked {
			require.ErrorIs(t, err, down)
		}
	}
	require.Len(t, asked, many, "all of them had their turn")
	for id, n := range asked {
		require.LessOrEqual(t, n, 2, "run %d", id)
	}
}

// Very many runs of one message each fill the window as one of very many does, a
// bounded number in each pass, and each is fed once.
func TestManySmallRunsFillTheWindow(t *testing.T) {
	f := newFixture()
	const many = 5_000
	for id := range int64(many) {
		f.campaign(id+1, 1, nil)
	}
	f.limit(1, 100)
	most := 0
	for range 2_000 {
		before := len(f.queue.envelopes)
		_, err := f.feeder.pass(t.Context())
		require.NoError(t, err)
		require.LessOrEqual(t, len(f.queue.envelopes)-before, maxFed)
		// Ten of them are sent, the oldest ones.
		window := f.queue.windows[1]
		window.Bulk += len(f.queue.envelopes) - before
		most = max(most, window.Bulk)
		window.Bulk -= min(10, window.Bulk)
		f.queue.windows[1] = window
		f.clock.Advance(100 * time.Millisecond)
		if len(f.queue.envelopes) == many {
			break
		}
	}
	require.InDelta(t, windowSeconds*100, most, 16, "two seconds of a hundred")
	require.Len(t, f.fed(), many)
	for id, n := range f.fed() {
		require.Equal(t, 1, n, "run %d", id)
	}
}

// Looking which of very many runs there are to feed takes a bounded share of the
// time; transactional messages do not wait for it.
func TestLookingTakesABoundedShare(t *testing.T) {
	f := newFixture()
	f.campaign(7, 1_000_000, nil)
	f.store.listing = func() { f.clock.Advance(500 * time.Millisecond) }
	began := f.clock.Now()
	for range 1_000 {
		_, err := f.feeder.pass(t.Context())
		require.NoError(t, err)
		f.clock.Advance(10 * time.Millisecond)
		f.queue.windows[1] = queue.Window{}
	}
	listing := time.Duration(f.store.passed("feed")) * 500 * time.Millisecond
	passed := f.clock.Now().Sub(began)
	require.InDelta(t, 1.0/(1+listingShare), listing.Seconds()/passed.Seconds(), 0.02)
	require.Len(t, f.store.requests, 1_000, "it is fed all the time")

	f.store.feedable = append(f.store.feedable, messages.Feedable{ChannelID: 1, Pending: 1})
	_, err := f.feeder.pass(t.Context())
	require.NoError(t, err)
	require.Equal(t, 1, f.fed()[0])
}

// What is in the window is counted by what was put there.
func TestInsideIsWhatWasPutThere(t *testing.T) {
	var p pace
	require.Equal(t, 48, p.inside(16, 3), "another leader fed them")
	p.fed(25, 10)
	p.fed(1, 10)
	require.Equal(t, 26, p.inside(4, 3))
	require.Equal(t, 6, p.inside(2, 3), "the last ones")
	require.Equal(t, 32, p.inside(6, 3))
	require.Zero(t, p.inside(0, 3))
	for range 5 * maxSizes {
		p.fed(1, 1)
	}
	require.LessOrEqual(t, len(p.sizes), 2*maxSizes)
	require.Equal(t, maxSizes, p.inside(maxSizes, 1_000))
}
