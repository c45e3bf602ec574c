package queue

import (
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"carillon/internal/clock"
)

// Two accounts with channels that have limits of their own, or none, campaigns with and
// without one: several processes ask at random, change the limits, are late and begin
// anew, and Redis forgets everything, some of whom knew nothing of the slots that others
// have. No sliding second of an account holds more than its limit, none of a channel
// more than the channel's.
func TestNoSlidingSecondOfAnAccountHoldsMoreThanItsLimit(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		fake := clock.NewFake(epoch)
		shared := newMemoryLimits(fake)
		processes := []*Limiter{newLimiter(shared, fake), newLimiter(shared, fake)}
		account := rapid.SampledFrom([]float64{1, 2, 5, 30, 400})
		own := rapid.SampledFrom([]float64{0, 0, 0.7, 3, 20, 500})
		limits := []float64{account.Draw(t, "account 1"), account.Draw(t, "account 2")}
		channels := make([]Limits, 6) // three of each account
		for i := range channels {
			channels[i] = Limits{PerSecond: own.Draw(t, "rate"), Burst: rapid.IntRange(0, 4).Draw(t, "burst")}
		}
		slots, late := make([][]time.Time, len(limits)), make([]latecomers, len(channels))
		ofChannel := make([][]time.Time, len(channels))
		lost := false
		for range rapid.IntRange(1, 120).Draw(t, "steps") {
			switch rapid.IntRange(0, 24).Draw(t, "step") {
			case 0:
				i := rapid.IntRange(0, 1).Draw(t, "whose limit")
				requireNoSecondAbove(t, slots[i], limits[i])
				slots[i], limits[i] = nil, account.Draw(t, "limit")
			case 1: // a lost Redis, and processes that know of nothing
				shared.forget()
				processes, lost = []*Limiter{newLimiter(shared, fake), newLimiter(shared, fake)}, true
			case 2, 3, 4, 5, 6, 7, 8:
				fake.Advance(time.Duration(rapid.Int64Range(0, 900_000).Draw(t, "us")) * time.Microsecond)
			case 9:
				fake.Advance(time.Duration(rapid.Int64Range(0, 900).Draw(t, "s")) * time.Second)
			default:
				which := rapid.IntRange(0, len(channels)-1).Draw(t, "channel")
				of := which / 3
				r := Reservation{ChannelID: int64(which + 1), AccountID: int64(of + 1), AccountPerSecond: limits[of], Limits: channels[which],
					CampaignID: 3, CampaignPerSecond: rapid.SampledFrom([]float64{0, 0, 4}).Draw(t, "campaign"),
					Recipients: recipients(rapid.IntRange(1, 20).Draw(t, "k")),
					MaxAhead:   time.Duration(rapid.IntRange(1, 1500).Draw(t, "ahead")) * time.Millisecond}
				r.Missed = late[which].take(t, fake.Now(), &r)
				g, err := processes[rapid.IntRange(0, 1).Draw(t, "process")].Reserve(context0, r)
				require.NoError(t, err)
				used := late[which].miss(t, granted(fake.Now(), g), g)
				slots[of], ofChannel[which] = append(slots[of], used...), append(ofChannel[which], used...)
			}
		}
		for i := range slots {
			requireNoSecondAbove(t, slots[i], limits[i])
		}
		for i, c := range channels {
			if c.PerSecond > 0 && !lost { // what is lost of a channel the worker seeds
				requireNoSecondAbove(t, ofChannel[i], c.PerSecond)
			}
		}
	})
}

// Channels that ask all the time share their account's rate and get all of it, while one
// of them has a lower limit of its own; the others' accounts are not slowed.
func TestSaturatedAccountReachesItsLimit(t *testing.T) {
	onBothLimiters(t, func(t *testing.T, l testLimiter) {
		for _, rate := range []float64{1, 8, 60} {
			r := Reservation{AccountID: int64(rate), AccountPerSecond: rate, Recipients: recipients(20), MaxAhead: 60 * ms}
			var all, free []time.Time
			var slow int
			begin := l.fake.Now()
			for next := [3]time.Time{}; l.fake.Now().Sub(begin) < 20*time.Second; l.fake.Advance(5 * ms) {
				for i := range next {
					if l.fake.Now().Before(next[i]) {
						continue
					}
					r.ChannelID, r.Limits, r.MaxAhead = int64(100*rate)+int64(i), Limits{}, 60*ms
					if i == 2 { // a slow one, which reserves far ahead
						r.Limits.PerSecond, r.MaxAhead = rate/4, time.Second
					}
					g := l.reserve(t, r)
					got := granted(l.fake.Now(), g)
					if all = append(all, got...); i == 2 {
						slow += len(got)
					}
					next[i] = l.fake.Now().Add(g.RetryIn)
				}
				if len(free) < 500 {
					free = append(free, granted(l.fake.Now(), l.reserve(t, Reservation{ChannelID: 9000 + int64(rate), AccountID: 9000, Recipients: recipients(1)}))...)
				}
			}
			slices.SortFunc(all, time.Time.Compare)
			requireRate(t, all, rate)
			require.Less(t, all[0].Sub(begin), 2100*ms)
			require.LessOrEqual(t, float64(slow), 20*rate/4+2)
			require.GreaterOrEqual(t, float64(slow), 20*rate/4*0.7, "the slow one has its turn")
			require.Len(t, free, 500)
			require.Less(t, free[499].Sub(free[0]), 3*time.Second, "another account is not slowed")
		}
	})
}
