package queue

import (
	"slices"
	"strconv"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"carillon/internal/clock"
)

// WhatsApp's pair: a message each six seconds, of which 45 may be had ahead.
var pair = Limits{PerRecipient: 6 * time.Second, RecipientBurst: 45}

func TestARecipientHasABurstAheadAndPaysForIt(t *testing.T) {
	onBothLimiters(t, func(t *testing.T, l testLimiter) {
		have := func(recipient string, n int) (got int, again time.Duration) {
			g := l.reserve(t, Reservation{Limits: pair, Recipients: slices.Repeat([]string{recipient}, n)})
			require.Len(t, g.Slots, n)
			for _, s := range g.Slots {
				if s.Denied == "" {
					require.Zero(t, s.Wait)
					got++
					continue
				}
				require.Equal(t, DeniedRecipientSpacing, s.Denied)
				again = s.RetryIn
			}
			return got, again
		}
		got, again := have("a", 50)
		require.Equal(t, 45, got)
		require.Equal(t, 6*time.Second, again)
		got, _ = have("b", 3)
		require.Equal(t, 3, got, "others have their own")
		l.fake.Advance(again)
		got, again = have("a", 2)
		require.Equal(t, 1, got)
		require.Equal(t, 6*time.Second, again)
		l.fake.Advance(time.Minute)
		got, _ = have("a", 20)
		require.Equal(t, 10, got, "what was had ahead is paid for by what is left out")
		l.fake.Advance(45 * 6 * time.Second)
		got, _ = have("a", 50)
		require.Equal(t, 45, got)

		// What Redis has forgotten is known of as if the burst had been had.
		l.forget()
		require.NoError(t, l.Seed(t.Context(), Channel{ID: 1}, Seed{LastSlot: l.fake.Now(), PerRecipient: pair.PerRecipient, RecipientBurst: pair.RecipientBurst,
			Recipients: []SeedRecipient{{"a", l.fake.Now()}, {"b", l.fake.Now().Add(-20 * time.Minute)}}}))
		got, again = have("a", 1)
		require.Zero(t, got)
		require.Equal(t, 6*time.Second, again)
		got, _ = have("b", 50)
		require.Equal(t, 45, got)
	})
}

// However one recipient's messages come, through whatever losses: no time holds more than its
// spacing allows, and the burst.
func TestNoTimeHoldsMoreOfARecipientThanItsSpacingAndABurst(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		fake := clock.NewFake(epoch)
		shared := newMemoryLimits(fake)
		l := newLimiter(shared, fake)
		limits := Limits{PerRecipient: time.Duration(rapid.IntRange(1, 20).Draw(t, "spacing")) * time.Second, RecipientBurst: rapid.IntRange(1, 8).Draw(t, "burst")}
		var slots []time.Time
		asked := 0
		for range rapid.IntRange(1, 80).Draw(t, "steps") {
			switch rapid.IntRange(0, 9).Draw(t, "step") {
			case 0:
				shared.forget()
			case 1, 2, 3, 4:
				fake.Advance(time.Duration(rapid.Int64Range(0, 40_000).Draw(t, "ms")) * time.Millisecond)
			default:
				r := Reservation{ChannelID: 1, SeedFirst: true, Limits: limits, Recipients: slices.Repeat([]string{"a"}, rapid.IntRange(1, 10).Draw(t, "messages"))}
				g, err := l.Reserve(context0, r)
				require.NoError(t, err)
				if g.Fresh {
					seed := Seed{LastSlot: epoch.Add(-time.Hour), PerRecipient: limits.PerRecipient, RecipientBurst: limits.RecipientBurst}
					if len(slots) > 0 {
						seed.Recipients = []SeedRecipient{{"a", slots[len(slots)-1]}}
					}
					require.NoError(t, l.Seed(context0, Channel{ID: 1}, seed))
					r.SeedFirst = false
					g, err = l.Reserve(context0, r)
					require.NoError(t, err)
				}
				asked += len(r.Recipients)
				slots = append(slots, granted(fake.Now(), g)...)
			}
		}
		requireNoWindowAbove(t, slots, 1/limits.PerRecipient.Seconds(), limits.RecipientBurst)
		require.GreaterOrEqual(t, len(slots), min(1, asked))
	})
}

// send is a message to somebody.
type send struct {
	to string
	at time.Time
}

// Several channels of one pool send at random over days, Redis forgets everything, and a
// channel comes to the pool that has sent before: nobody is written to whom not all of them
// together have written to in 24 hours, if these are as many as may be; and everybody else is.
func TestChannelsOfAPoolShareTheirRecipientsOfADay(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		fake := clock.NewFake(epoch)
		shared := newMemoryLimits(fake)
		l := newLimiter(shared, fake)
		most := rapid.IntRange(1, 6).Draw(t, "most")
		members := map[int64]bool{1: true, 2: true}
		by := map[int64][]send{}
		// written are the different recipients of the pool's channels in the last 24 hours.
		written := func() map[string]bool {
			different := map[string]bool{}
			for id := range members {
				for _, s := range by[id] {
					if fake.Now().Sub(s.at) < 24*time.Hour {
						different[s.to] = true
					}
				}
			}
			return different
		}
		for range rapid.IntRange(1, 60).Draw(t, "steps") {
			switch rapid.IntRange(0, 11).Draw(t, "step") {
			case 0:
				shared.forget()
			case 1:
				members[3] = true
			case 2, 3:
				fake.Advance(time.Duration(rapid.IntRange(0, 14*3600).Draw(t, "seconds")) * time.Second)
			default:
				r := Reservation{ChannelID: rapid.Int64Range(1, 3).Draw(t, "channel"), AccountID: 9, SeedFirst: true,
					Recipients: []string{strconv.Itoa(rapid.IntRange(1, 12).Draw(t, "recipient"))}}
				if members[r.ChannelID] {
					r.Limits, r.CountedAs = Limits{RecipientsPerDay: most, RecipientsPool: "us"}, strconv.Itoa(len(members))
				}
				g, err := l.Reserve(context0, r)
				require.NoError(t, err)
				if g.Fresh && r.CountedAs != "" {
					seed := Seed{RecipientsPool: "us", LastSlot: epoch.Add(-time.Hour), CountedAs: r.CountedAs}
					for id := range members {
						for _, s := range by[id] {
							seed.Recipients = append(seed.Recipients, SeedRecipient{s.to, s.at})
						}
					}
					require.NoError(t, l.Seed(context0, Channel{ID: r.ChannelID, AccountID: 9}, seed))
				}
				r.SeedFirst = false
				if g.Fresh {
					g, err = l.Reserve(context0, r)
					require.NoError(t, err)
				}
				if so := written(); members[r.ChannelID] {
					may := so[r.Recipients[0]] || len(so) < most
					require.Equal(t, may, g.Slots[0].Denied == "", "%d of %d", len(so), most)
				}
				for _, at := range granted(fake.Now(), g) {
					by[r.ChannelID] = append(by[r.ChannelID], send{r.Recipients[0], at})
				}
			}
		}
	})
}

// Who counts their recipients as something else is to be seeded, once.
func TestWhoCountsOtherwiseIsSeededAnew(t *testing.T) {
	onBothLimiters(t, func(t *testing.T, l testLimiter) {
		r := Reservation{AccountID: 3, SeedFirst: true, Limits: Limits{PerSecond: 100}, Recipients: []string{"a"}}
		fresh := func() bool {
			g := l.reserve(t, r)
			require.Equal(t, g.Fresh, len(g.Slots) == 0)
			return g.Fresh
		}
		seed := func(s Seed) {
			s.LastSlot = l.fake.Now().Add(-time.Hour)
			require.NoError(t, l.Seed(t.Context(), Channel{AccountID: 3, ID: 1}, s))
		}
		require.True(t, fresh(), "a new channel")
		seed(Seed{})
		require.False(t, fresh())

		// A limit of a day comes to a channel that has sent.
		r.Limits.RecipientsPerDay, r.CountedAs = 2, "own"
		require.True(t, fresh())
		many := Seed{CountedAs: "own"}
		for i := range 3 * seedPiece / 2 {
			many.Recipients = append(many.Recipients, SeedRecipient{strconv.Itoa(i), l.fake.Now()})
		}
		seed(many)
		require.False(t, fresh())
		require.Equal(t, DeniedRecipientsPerDay, l.reserve(t, r).Slots[0].Denied)

		// It counts with others, who are others, and alone again.
		for _, c := range []struct{ pool, as string }{{"us", "us:1,2"}, {"us", "us:1,2,3"}, {"", "own"}} {
			r.Limits.RecipientsPool, r.CountedAs = c.pool, c.as
			require.True(t, fresh(), c)
			require.True(t, fresh(), "until it is seeded")
			seed(Seed{RecipientsPool: c.pool, CountedAs: c.as})
			require.False(t, fresh(), c)
		}
		r.Limits.RecipientsPerDay, r.CountedAs = 0, ""
		require.False(t, fresh(), "nobody is counted")
		r.Limits.RecipientsPerDay, r.CountedAs = 2, "own"
		require.True(t, fresh(), "those of meanwhile were not")

		// What does not ask for it gets its slots.
		r.SeedFirst = false
		require.False(t, fresh())
	})
}

func TestWhoIsExemptIsNotCounted(t *testing.T) {
	onBothLimiters(t, func(t *testing.T, l testLimiter) {
		denials := func(r Reservation) (list []string) {
			for _, s := range l.reserve(t, r).Slots {
				list = append(list, s.Denied)
			}
			return list
		}
		r := Reservation{Limits: Limits{RecipientsPerDay: 1, PerRecipient: time.Second}, Recipients: []string{"a", "b", "c", "b"},
			Exempt: []bool{true, false, true, true}}
		require.Equal(t, []string{"", "", "", DeniedRecipientSpacing}, denials(r))
		l.fake.Advance(time.Hour)
		r.Exempt = nil
		require.Equal(t, []string{DeniedRecipientsPerDay, "", DeniedRecipientsPerDay, DeniedRecipientSpacing}, denials(r))
		r.Exempt = []bool{true}
		_, err := l.Reserve(t.Context(), Reservation{ChannelID: 1, Recipients: []string{"a", "b"}, Exempt: []bool{true}})
		require.ErrorContains(t, err, "reservation.exempt")
	})
}
