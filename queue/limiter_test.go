package queue

import (
	"fmt"
	"math"
	"slices"
	"strconv"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"carillon/internal/clock"
	"carillon/internal/fault"
	"carillon/internal/testenv"
)

// bench is a limiter whose time a test decides.
type testLimiter struct {
	*Limiter
	fake   *clock.Fake
	forget func()
}

// onBothLimiters runs a test on the memory of this process and on Redis.
func onBothLimiters(t *testing.T, test func(t *testing.T, l testLimiter)) {
	t.Run("memory", func(t *testing.T) {
		fake := clock.NewFake(epoch)
		b := newMemoryLimits(fake)
		test(t, testLimiter{newLimiter(b, fake), fake, b.forget})
	})
	t.Run("redis", func(t *testing.T) {
		client, err := connect(testenv.SharedRedis(t).NewDatabase(t))
		require.NoError(t, err)
		t.Cleanup(func() { require.NoError(t, client.Close()) })
		fake := clock.NewFake(epoch)
		b := newRedisLimits(client, fake)
		b.now = func() float64 { return sinceBase(fake.Now()) }
		test(t, testLimiter{newLimiter(b, fake), fake, func() { require.NoError(t, client.FlushDB(context0).Err()) }})
	})
}

func (l testLimiter) reserve(t *testing.T, r Reservation) Grant {
	t.Helper()
	if r.ChannelID == 0 {
		r.ChannelID = 1
	}
	g, err := l.Reserve(t.Context(), r)
	require.NoError(t, err)
	return g
}

func waits(g Grant) []time.Duration {
	var all []time.Duration
	for _, s := range g.Slots {
		all = append(all, s.Wait.Round(time.Millisecond))
	}
	return all
}

const ms = time.Millisecond

func TestFirstSlotIsNowAndTheOthersAreEvenlySpaced(t *testing.T) {
	onBothLimiters(t, func(t *testing.T, l testLimiter) {
		g := l.reserve(t, Reservation{Limits: Limits{PerSecond: 10}, Recipients: recipients(4)})
		require.Equal(t, []time.Duration{0, 102 * ms, 203 * ms, 305 * ms}, waits(g))
		require.True(t, g.Fresh)
		require.Zero(t, g.RetryIn)
		g = l.reserve(t, Reservation{Limits: Limits{PerSecond: 10}, Recipients: recipients(1)})
		require.Equal(t, []time.Duration{406 * ms}, waits(g))
		require.False(t, g.Fresh)
	})
}

func TestSlotsEndAtMaxAhead(t *testing.T) {
	onBothLimiters(t, func(t *testing.T, l testLimiter) {
		r := Reservation{Limits: Limits{PerSecond: 10}, Recipients: recipients(10), MaxAhead: 250 * ms}
		g := l.reserve(t, r)
		require.Len(t, g.Slots, 3)
		require.Equal(t, 180*ms, g.RetryIn.Round(ms), "when half of MaxAhead can be had")
		require.Empty(t, l.reserve(t, r).Slots)
		l.fake.Advance(g.RetryIn)
		require.Len(t, l.reserve(t, r).Slots, 2)
	})
}

func TestBurstIsHadAfterAQuietSecondAndPaidBack(t *testing.T) {
	onBothLimiters(t, func(t *testing.T, l testLimiter) {
		r := Reservation{Limits: Limits{PerSecond: 10, Burst: 3}, Recipients: recipients(5)}
		require.Equal(t, []time.Duration{0, 0, 0, 305 * ms, 406 * ms}, waits(l.reserve(t, r)))
		l.fake.Advance(1300 * ms) // less than a second after the last
		require.Equal(t, []time.Duration{0, 102 * ms, 203 * ms, 305 * ms, 406 * ms}, waits(l.reserve(t, r)))
		l.fake.Advance(1500 * ms)
		require.Equal(t, []time.Duration{0, 0, 0, 305 * ms, 406 * ms}, waits(l.reserve(t, r)))
	})
}

func TestChangedLimitTakesEffectAtOnce(t *testing.T) {
	onBothLimiters(t, func(t *testing.T, l testLimiter) {
		slow := Reservation{Limits: Limits{PerSecond: 0.1}, Recipients: recipients(1)}
		fast := Reservation{Limits: Limits{PerSecond: 100}, Recipients: recipients(2)}
		require.Len(t, l.reserve(t, slow).Slots, 1)
		require.Equal(t, []time.Duration{10 * ms, 20 * ms}, waits(l.reserve(t, fast)), "not ten seconds later")
		g := l.reserve(t, slow)
		require.Empty(t, g.Slots, "the next is ten seconds later")
		require.Greater(t, g.RetryIn, 9*time.Second)
	})
}

func TestCampaignLimitIsBesideTheChannels(t *testing.T) {
	onBothLimiters(t, func(t *testing.T, l testLimiter) {
		r := Reservation{Limits: Limits{PerSecond: 100}, CampaignID: 4, CampaignPerSecond: 2, Recipients: recipients(3)}
		g := l.reserve(t, r)
		require.Equal(t, []time.Duration{0}, waits(g))
		require.InDelta(t, 500, float64(g.RetryIn/ms), 10)
		other := l.reserve(t, Reservation{Limits: r.Limits, CampaignID: 5, Recipients: recipients(3)})
		require.Equal(t, []time.Duration{10 * ms, 20 * ms, 30 * ms}, waits(other), "no slot is left unused")
		l.fake.Advance(g.RetryIn)
		if g = l.reserve(t, r); len(g.Slots) == 0 { // the channel's next slot came sooner than thought
			l.fake.Advance(g.RetryIn)
			g = l.reserve(t, r)
		}
		require.Equal(t, []time.Duration{0}, waits(g))
		// Without a limit of the channel nobody else needs the time between.
		r.Limits, r.ChannelID = Limits{}, 2
		require.Equal(t, []time.Duration{0, 518 * ms}, waits(l.reserve(t, r)))
	})
}

func TestRecipientIsSpacedAndNothingIsChargedForADenial(t *testing.T) {
	onBothLimiters(t, func(t *testing.T, l testLimiter) {
		r := Reservation{Limits: Limits{PerSecond: 10, PerRecipient: 10 * time.Second}, Recipients: []string{"a", "b", "a", "c"}}
		g := l.reserve(t, r)
		require.Equal(t, DeniedRecipientSpacing, g.Slots[2].Denied)
		require.Equal(t, 10*time.Second, g.Slots[2].RetryIn)
		require.Equal(t, 203*ms, g.Slots[3].Wait.Round(ms), "the denied item took no slot")
		l.fake.Advance(9900 * ms)
		g = l.reserve(t, Reservation{Limits: r.Limits, Recipients: []string{"a", "d", "a"}})
		require.Equal(t, DeniedRecipientSpacing, g.Slots[0].Denied)
		require.Equal(t, 100*ms, g.Slots[0].RetryIn)
		require.Empty(t, g.Slots[1].Denied)
		require.Empty(t, g.Slots[2].Denied, "its slot is 101 ms later")
	})
}

func TestRecipientsPerDay(t *testing.T) {
	onBothLimiters(t, func(t *testing.T, l testLimiter) {
		limits := Limits{RecipientsPerDay: 2}
		g := l.reserve(t, Reservation{Limits: limits, Recipients: []string{"a", "b", "a", "c"}})
		require.Equal(t, DeniedRecipientsPerDay, g.Slots[3].Denied)
		require.Equal(t, 24*time.Hour, g.Slots[3].RetryIn)
		require.Empty(t, g.Slots[2].Denied, "a was written to already")
		l.fake.Advance(time.Hour)
		require.Empty(t, l.reserve(t, Reservation{Limits: limits, Recipients: []string{"a"}}).Slots[0].Denied)
		l.fake.Advance(23 * time.Hour) // b's day is over, a's is not
		g = l.reserve(t, Reservation{Limits: limits, Recipients: []string{"c", "d"}})
		require.Empty(t, g.Slots[0].Denied)
		require.Equal(t, time.Hour, g.Slots[1].RetryIn)
		g = l.reserve(t, Reservation{Limits: Limits{RecipientsPerDay: 1}, Recipients: []string{"d"}})
		require.Equal(t, 24*time.Hour, g.Slots[0].RetryIn, "a lowered limit waits for both")
		g = l.reserve(t, Reservation{Limits: Limits{RecipientsPerDay: 3}, Recipients: []string{"d"}})
		require.Empty(t, g.Slots[0].Denied, "a raised one waits for nobody")
	})
}

func TestDayOfManyRecipientsIsBounded(t *testing.T) {
	fake := clock.NewFake(epoch)
	b := newMemoryLimits(fake)
	l := testLimiter{Limiter: newLimiter(b, fake), fake: fake}
	limits := Limits{RecipientsPerDay: 100, PerRecipient: time.Minute}
	for i := range 5000 {
		l.reserve(t, Reservation{Limits: limits, Recipients: []string{strconv.Itoa(i % 300)}})
		fake.Advance(30 * time.Second)
	}
	c := b.channels[Channel{ID: 1}]
	require.LessOrEqual(t, c.days.count(), 100)
	require.LessOrEqual(t, len(c.days.order), 2*100+65)
	require.LessOrEqual(t, len(c.recipients), 10)
	require.Positive(t, l.memory())
}

func TestThrottleBlocksEverybodyAndRepeatsSlowDown(t *testing.T) {
	onBothLimiters(t, func(t *testing.T, l testLimiter) {
		r := Reservation{Limits: Limits{PerSecond: 10, Burst: 5}, Recipients: recipients(2), MaxAhead: 10 * time.Second}
		state := func() State {
			s, err := l.State(t.Context(), Channel{ID: 1}, 0)
			require.NoError(t, err)
			return s
		}
		throttle := func(d time.Duration) {
			require.NoError(t, l.Throttle(t.Context(), Channel{ID: 1}, 0, d))
		}
		require.Equal(t, State{RateFactor: 1}, state())
		throttle(3 * time.Second)
		require.Equal(t, State{BlockedFor: 3 * time.Second, RateFactor: 1}, state())
		require.Equal(t, []time.Duration{3000 * ms, 3102 * ms}, waits(l.reserve(t, r)), "and no burst")
		throttle(0)
		require.Equal(t, State{BlockedFor: 3 * time.Second, RateFactor: 1}, state(), "the answer of a request made before")
		l.fake.Advance(4 * time.Second)
		throttle(time.Second)
		require.Equal(t, State{BlockedFor: time.Second, RateFactor: 0.5, BackIn: 51 * time.Second}, state(), "the second within a minute")
		require.Equal(t, []time.Duration{1000 * ms, 1203 * ms}, waits(l.reserve(t, r)))
		for range 10 {
			l.fake.Advance(2 * time.Second)
			throttle(time.Second)
		}
		require.InDelta(t, 1.0/32, state().RateFactor, 1e-5)
		l.fake.Advance(11 * time.Second)
		require.InDelta(t, 1.0/32+0.1, state().RateFactor, 1e-5)
		l.fake.Advance(90 * time.Second)
		require.Equal(t, State{RateFactor: 1}, state())
		throttle(time.Second)
		require.InDelta(t, 1, state().RateFactor, 1e-9, "the last was more than a minute ago")
	})
}

func TestChannelWithoutLimitAsksRarelyAndHeedsThrottling(t *testing.T) {
	onBothLimiters(t, func(t *testing.T, l testLimiter) {
		r := Reservation{Recipients: recipients(3)}
		other := testLimiter{newLimiter(l.backend, l.fake), l.fake, nil} // another process
		require.Equal(t, []time.Duration{0, 0, 0}, waits(l.reserve(t, r)))
		require.NoError(t, other.Throttle(t.Context(), Channel{ID: 1}, 0, time.Second/2))
		require.Equal(t, []time.Duration{0, 0, 0}, waits(l.reserve(t, r)), "it has not heard of it yet")
		l.fake.Advance(openFor)
		require.Equal(t, []time.Duration{300 * ms, 300 * ms, 300 * ms}, waits(l.reserve(t, r)))
		require.NoError(t, l.Throttle(t.Context(), Channel{ID: 1}, 0, time.Second))
		l.fake.Advance(3 * time.Second)
		require.NoError(t, l.Throttle(t.Context(), Channel{ID: 1}, 0, time.Second))
		r.MaxAhead = 2 * time.Second
		require.Equal(t, []time.Duration{1000 * ms, 1002 * ms, 1004 * ms}, waits(l.reserve(t, r)), "half of a thousand a second")
	})
}

func TestLostStateStartsBehindTheSlotsGivenOut(t *testing.T) {
	onBothLimiters(t, func(t *testing.T, l testLimiter) {
		r := Reservation{Limits: Limits{PerSecond: 100}, Recipients: recipients(200)}
		slots := granted(l.fake.Now(), l.reserve(t, r))
		l.forget()
		l.fake.Advance(300 * ms)
		g := l.reserve(t, r)
		require.True(t, g.Fresh)
		require.Empty(t, g.Slots)
		l.fake.Advance(g.RetryIn)
		slots = append(slots, granted(l.fake.Now(), l.reserve(t, r))...)
		require.Greater(t, len(slots), 120)
		requireNoSecondAbove(t, slots, 100)
		l.forget()
		l.fake.Advance(2 * rememberedFor)
		require.Equal(t, time.Duration(0), l.reserve(t, r).Slots[0].Wait, "idle state may be missing")
	})
}

func TestSeedRestoresTheDay(t *testing.T) {
	onBothLimiters(t, func(t *testing.T, l testLimiter) {
		now := l.fake.Now()
		seed := Seed{LastSlot: now.Add(-time.Second), PerRecipient: time.Minute, Recipients: []SeedRecipient{
			{Key: "a", At: now.Add(-30 * time.Second)}, {Key: "b", At: now.Add(-23 * time.Hour)}, {Key: "c", At: now.Add(-25 * time.Hour)},
		}}
		require.NoError(t, l.Seed(t.Context(), Channel{ID: 1}, seed))
		require.NoError(t, l.Seed(t.Context(), Channel{ID: 1}, seed), "again")
		g := l.reserve(t, Reservation{Limits: Limits{PerSecond: 0.5, PerRecipient: time.Minute, RecipientsPerDay: 2},
			Recipients: []string{"a", "c", "b"}, MaxAhead: 2 * time.Second})
		require.False(t, g.Fresh)
		require.Equal(t, DeniedRecipientSpacing, g.Slots[0].Denied)
		require.Equal(t, DeniedRecipientsPerDay, g.Slots[1].Denied)
		require.Equal(t, time.Hour, g.Slots[1].RetryIn)
		require.Equal(t, 1030*ms, g.Slots[2].Wait.Round(ms))
	})
}

func TestClockThatWentBackDoesNotHoldTheChannelUp(t *testing.T) {
	onBothLimiters(t, func(t *testing.T, l testLimiter) {
		r := Reservation{Limits: Limits{PerSecond: 10}, CampaignID: 1, CampaignPerSecond: 8, Recipients: recipients(1)}
		l.reserve(t, r)
		l.fake.Advance(-time.Hour)
		require.Empty(t, l.reserve(t, r).Slots)
		l.fake.Advance(time.Second)
		require.Len(t, l.reserve(t, r).Slots, 1)
	})
}

func TestReservationsAreChecked(t *testing.T) {
	l := newLimiter(newMemoryLimits(clock.System{}), clock.System{})
	for i, r := range []Reservation{
		{}, {ChannelID: 1, Limits: Limits{PerSecond: -1}}, {ChannelID: 1, Limits: Limits{PerSecond: math.NaN()}},
		{ChannelID: 1, CampaignPerSecond: math.Inf(1)}, {ChannelID: 1, Limits: Limits{PerRecipient: -1}},
		{ChannelID: 1, Limits: Limits{RecipientsPerDay: -1}},
		{ChannelID: 1, Missed: 1, Recipients: recipients(2)},
	} {
		_, err := l.Reserve(t.Context(), r)
		require.True(t, fault.Is(err, fault.Invalid), "case %d: %v", i, err)
	}
	g, err := l.Reserve(t.Context(), Reservation{ChannelID: 1})
	require.NoError(t, err)
	require.Empty(t, g)
	require.True(t, fault.Is(l.Throttle(t.Context(), Channel{ID: 0}, 0, 0), fault.Invalid))
	require.True(t, fault.Is(l.Seed(t.Context(), Channel{ID: 0}, Seed{}), fault.Invalid))
	_, err = l.State(t.Context(), Channel{ID: 0}, 0)
	require.True(t, fault.Is(err, fault.Invalid))
}

// The script must work by Redis's own clock, and be loaded again after a flush.
func TestScriptOnEveryKindOfRedis(t *testing.T) {
	t.Parallel()
	onEveryRedis(t, func(t *testing.T, q *Queue) {
		r := Reservation{ChannelID: 9, Limits: Limits{PerSecond: 50, PerRecipient: time.Hour, RecipientsPerDay: 4}, CampaignID: 1,
			CampaignPerSecond: 40, Recipients: []string{"a", "b", "a"}}
		g, err := q.Limiter().Reserve(t.Context(), r)
		require.NoError(t, err)
		require.Zero(t, g.Slots[0].Wait)
		require.Equal(t, DeniedRecipientSpacing, g.Slots[2].Denied)
		if !q.Embedded() {
			require.NoError(t, q.eachMaster(t.Context(), scriptFlush))
		}
		require.NoError(t, q.Limiter().Throttle(t.Context(), Channel{ID: 9}, 0, time.Minute))
		s, err := q.Limiter().State(t.Context(), Channel{ID: 9}, 0)
		require.NoError(t, err)
		require.InDelta(t, time.Minute, s.BlockedFor, float64(20*time.Second))
		require.NoError(t, q.Limiter().Seed(t.Context(), Channel{ID: 9}, Seed{PerRecipient: time.Hour, Recipients: []SeedRecipient{{Key: "x", At: q.clock.Now()}}}))
	})
}

func BenchmarkReserve(b *testing.B) {
	for _, where := range []string{"embedded", "redis"} {
		for _, k := range []int{1, 32, 500} {
			for _, perRecipient := range []bool{false, true} {
				b.Run(fmt.Sprintf("%s/%d/recipients=%v", where, k, perRecipient), func(b *testing.B) {
					o := Options{}
					if where == "redis" {
						o.URL = testenv.SharedRedis(b).NewDatabase(b)
					}
					q := open(b, o)
					r := Reservation{ChannelID: 1, Limits: Limits{PerSecond: 1e9}, Recipients: slices.Repeat([]string{"0123456789abcdef"}, k)}
					if perRecipient {
						r.Limits.PerRecipient, r.Limits.RecipientsPerDay = time.Nanosecond, 1000
					}
					for b.Loop() {
						if _, err := q.Limiter().Reserve(context0, r); err != nil {
							b.Fatal(err)
						}
					}
				})
			}
		}
	}
}

func TestSeedFirstGivesNothingOutBeforeTheSeed(t *testing.T) {
	onBothLimiters(t, func(t *testing.T, l testLimiter) {
		r := Reservation{Limits: Limits{RecipientsPerDay: 1}, Recipients: []string{"b"}, SeedFirst: true}
		g := l.reserve(t, r)
		require.True(t, g.Fresh)
		require.Empty(t, g.Slots)
		require.NoError(t, l.Seed(t.Context(), Channel{ID: 1}, Seed{LastSlot: l.fake.Now().Add(-time.Hour),
			Recipients: []SeedRecipient{{Key: "a", At: l.fake.Now().Add(-time.Hour)}}}))
		r.SeedFirst = false
		require.Equal(t, DeniedRecipientsPerDay, l.reserve(t, r).Slots[0].Denied)
		r.SeedFirst = true
		require.False(t, l.reserve(t, r).Fresh, "seeded once is enough")
	})
}

// What is remembered of channels that are gone does not stay for ever; of one that
// is used all of its day is known.
func TestChannelsThatNobodyAsksForAreForgotten(t *testing.T) {
	fake := clock.NewFake(time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC))
	b := newMemoryLimits(fake)
	l := newLimiter(b, fake)
	reserve := func(channel int64, recipient string) Slot {
		g, err := l.Reserve(t.Context(), Reservation{ChannelID: channel, Limits: Limits{RecipientsPerDay: 1}, Recipients: []string{recipient}})
		require.NoError(t, err)
		return g.Slots[0]
	}
	for range 3 {
		for channel := range int64(50) {
			fake.Advance(time.Minute)
			reserve(1000+channel, "gone")
			require.Empty(t, reserve(1, "a").Denied)
			require.NotEmpty(t, reserve(1, "b").Denied, "the day's share is used up")
		}
		fake.Advance(11 * time.Hour)
	}
	fake.Advance(3 * 24 * time.Hour)
	require.Empty(t, reserve(7, "a").Denied)
	require.Len(t, b.channels, 1)
	require.Len(t, l.channels, 1)
}
