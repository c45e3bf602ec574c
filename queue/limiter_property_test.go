package queue

import (
	"fmt"
	"math"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"carillon/internal/clock"
	"carillon/internal/testenv"
)

// epoch is where the tests' clocks start.
var epoch = time.Unix(limiterBase+50_000_000, 0).UTC()

// requireNoWindowAbove requires that no half-open window of any length holds more
// than rate * length + burst, lengths from a second on.
func requireNoWindowAbove(t require.TestingT, slots []time.Time, rate float64, burst int) {
	slots = slices.SortedFunc(slices.Values(slots), time.Time.Compare)
	for i := range slots {
		for j := i + 1; j < len(slots); j++ {
			// The shortest half-open window with both in it is a little longer than this.
			length := max(slots[j].Sub(slots[i]), time.Second)
			if most := rate*length.Seconds() + float64(max(1, burst)); float64(j-i+1) > most+1e-6 {
				require.Failf(t, "too fast", "%d slots within %v, limit %v a second and a burst of %d", j-i+1, length, rate, burst)
			}
		}
	}
}

// slowAndFast are rates from one a day on.
func slowAndFast() *rapid.Generator[float64] {
	return rapid.OneOf(rates(), rapid.Float64Range(0.00001, 0.2), rapid.SampledFrom([]float64{1.0 / 3600, 0.02, 0.1, 0.5, 1}))
}

// Several processes ask at random over days, a channel and a campaign have a
// limit, the provider throttles, Redis forgets everything and processes begin
// anew, seeded with what they wrote down of their last slots: no window of any
// length holds more than its rate and a burst.
func TestNoWindowHoldsMoreThanTheRate(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		fake := clock.NewFake(epoch)
		shared := newMemoryLimits(fake)
		processes := []*Limiter{newLimiter(shared, fake), newLimiter(shared, fake)}
		r := Reservation{ChannelID: 7, CampaignID: 3, SeedFirst: true, Limits: Limits{PerSecond: slowAndFast().Draw(t, "rate"),
			Burst: rapid.IntRange(0, 5).Draw(t, "burst")}, CampaignPerSecond: rapid.SampledFrom([]float64{0, 0.003, 0.05, 0.7, 4}).Draw(t, "campaign")}
		// What the store would know.
		written := Seed{CampaignID: 3, CampaignPerSecond: r.CampaignPerSecond, LastSlot: epoch.Add(-time.Hour), CampaignLastSlot: epoch.Add(-240 * time.Hour)}
		var all, phase []time.Time
		var late latecomers
		highest, burst := r.Limits.PerSecond, r.Limits.Burst
		for range rapid.IntRange(1, 120).Draw(t, "steps") {
			switch rapid.IntRange(0, 24).Draw(t, "step") {
			case 0:
				requireNoWindowAbove(t, phase, r.Limits.PerSecond, r.Limits.Burst)
				phase = nil
				r.Limits.PerSecond = slowAndFast().Draw(t, "rate")
				highest = max(highest, r.Limits.PerSecond)
			case 1: // a restart, or a lost Redis
				shared.forget()
				processes = []*Limiter{newLimiter(shared, fake), newLimiter(shared, fake)}
			case 2:
				require.NoError(t, processes[0].Throttle(context0, Channel{ID: 7}, 0, time.Duration(rapid.IntRange(0, 90).Draw(t, "seconds"))*time.Second))
			case 3, 4, 5, 6, 7, 8, 9:
				fake.Advance(time.Duration(rapid.Int64Range(0, 3_000_000).Draw(t, "us")) * time.Microsecond)
			case 10, 11:
				fake.Advance(time.Duration(rapid.Int64Range(0, 20_000).Draw(t, "s")) * time.Second)
			default:
				l := processes[rapid.IntRange(0, 1).Draw(t, "process")]
				r.Recipients = recipients(rapid.IntRange(1, 8).Draw(t, "k"))
				r.Missed = late.take(t, fake.Now(), &r)
				g, err := l.Reserve(context0, r)
				require.NoError(t, err)
				if g.Fresh && r.SeedFirst {
					require.Empty(t, g.Slots)
					require.NoError(t, l.Seed(context0, Channel{ID: 7}, written))
					again := r
					again.SeedFirst = false
					g, err = l.Reserve(context0, again)
					require.NoError(t, err)
				}
				r.Missed = 0
				slots := granted(fake.Now(), g)
				if len(slots) > 0 {
					written.LastSlot = fake.Now().Add(g.PaidFor)
					written.CampaignLastSlot = fake.Now().Add(g.CampaignPaidFor)
				}
				slots = late.miss(t, slots, g)
				all, phase = append(all, slots...), append(phase, slots...)
			}
		}
		requireNoWindowAbove(t, phase, r.Limits.PerSecond, r.Limits.Burst)
		requireNoWindowAbove(t, all, highest, burst)
		if r.CampaignPerSecond > 0 {
			requireNoWindowAbove(t, all, r.CampaignPerSecond, 1)
		}
	})
}

// latecomers have missed their slots, and will ask for others instead of them.
type latecomers []Slot

// miss has some of a grant's slots missed, and returns the times of those that are used.
func (l *latecomers) miss(t *rapid.T, slots []time.Time, g Grant) (used []time.Time) {
	misses := rapid.SampledFrom([]string{"none", "none", "the last", "all"}).Draw(t, "misses")
	for i, at := range slots {
		if misses == "none" || misses == "the last" && i < len(slots)-1 {
			used = append(used, at)
			continue
		}
		*l = append(*l, g.Slots[i])
	}
	return used
}

// take has one of them ask, if there is one whose slot has gone by.
func (l *latecomers) take(t *rapid.T, now time.Time, r *Reservation) int64 {
	if len(*l) == 0 || rapid.Bool().Draw(t, "nobody late") {
		return 0
	}
	i := rapid.IntRange(0, len(*l)-1).Draw(t, "who is late")
	mark := (*l)[i].Mark
	if sinceBase(now) < float64(mark) {
		return 0
	}
	*l = slices.Delete(*l, i, i+1)
	r.Recipients = recipients(1)
	return mark
}

// A channel that is asked all the time gets its rate, however low.
func TestSlowChannelReachesItsLimit(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		fake := clock.NewFake(epoch)
		l := newLimiter(newMemoryLimits(fake), fake)
		rate := rapid.Float64Range(0.00001, 1).Draw(t, "rate")
		r := Reservation{ChannelID: 1, Limits: Limits{PerSecond: rate}, Recipients: recipients(3)}
		var slots []time.Time
		for len(slots) < 10 {
			wait, err := l.Wait(context0, r)
			require.NoError(t, err)
			fake.Advance(wait)
			g, err := l.Reserve(context0, r)
			require.NoError(t, err)
			require.NotEmpty(t, g.Slots, "Wait says when there is a slot")
			slots = append(slots, granted(fake.Now(), g)...)
		}
		require.InEpsilon(t, 9/rate, slots[9].Sub(slots[0]).Seconds(), 0.03)
	})
}

// What a provider said to an earlier configuration holds no longer, nor does
// what it says to a request of that time.
func TestLaterEpochBeginsAnew(t *testing.T) {
	onBothLimiters(t, func(t *testing.T, l testLimiter) {
		r := Reservation{Limits: Limits{PerSecond: 100}, Recipients: recipients(1)}
		require.Len(t, l.reserve(t, r).Slots, 1)
		require.NoError(t, l.Throttle(t.Context(), Channel{ID: 1}, 0, 9999*time.Hour))
		l.fake.Advance(2 * time.Second)
		require.Empty(t, l.reserve(t, r).Slots)
		r.Epoch = 1
		wait, err := l.Wait(t.Context(), Reservation{ChannelID: 1, Epoch: 1, Limits: r.Limits})
		require.NoError(t, err)
		require.Zero(t, wait)
		require.Len(t, l.reserve(t, r).Slots, 1)
		require.NoError(t, l.Throttle(t.Context(), Channel{ID: 1}, 0, time.Hour), "of a request that was under way")
		l.fake.Advance(time.Second)
		require.Len(t, l.reserve(t, r).Slots, 1)
		state, err := l.State(t.Context(), Channel{ID: 1}, 1)
		require.NoError(t, err)
		require.Equal(t, State{RateFactor: 1}, state)
	})
}

// require the promise: no half-open second holds more than the limit.
func requireNoSecondAbove(t require.TestingT, slots []time.Time, limit float64) {
	slots = slices.SortedFunc(slices.Values(slots), time.Time.Compare)
	n := int(math.Ceil(limit))
	for i := n; i < len(slots); i++ {
		span := slots[i].Sub(slots[i-n])
		if span < time.Second { // not by require itself: there are many
			require.Failf(t, "too fast", "slots %d to %d of %d within %v, limit %v", i-n, i, len(slots), span, limit)
		}
	}
}

func rates() *rapid.Generator[float64] {
	return rapid.OneOf(
		rapid.Map(rapid.IntRange(1, 30), func(n int) float64 { return float64(n) }),
		rapid.Float64Range(0.2, 5),
		rapid.SampledFrom([]float64{50, 80, 200, 1000, 3000}),
	)
}

func recipients(n int) []string { return make([]string, n) }

// granted are the times of a grant's slots.
func granted(now time.Time, g Grant) []time.Time {
	var slots []time.Time
	for _, s := range g.Slots {
		if s.Denied == "" {
			slots = append(slots, now.Add(s.Wait))
		}
	}
	return slots
}

// Several processes reserve at random, limits change, Redis forgets everything:
// no sliding second may hold more than the limit in force.
func TestNoSlidingSecondHoldsMoreThanTheLimit(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		fake := clock.NewFake(epoch)
		shared := newMemoryLimits(fake)
		processes := []*Limiter{newLimiter(shared, fake), newLimiter(shared, fake), newLimiter(shared, fake)}
		limits := Limits{PerSecond: rates().Draw(t, "rate"), Burst: rapid.IntRange(0, 12).Draw(t, "burst")}
		ahead := time.Duration(rapid.IntRange(1, 2500).Draw(t, "ahead")) * time.Millisecond
		highest := limits.PerSecond
		var all, phase []time.Time
		var late latecomers
		flushed := false
		for range rapid.IntRange(1, 60).Draw(t, "steps") {
			switch rapid.IntRange(0, 20).Draw(t, "step") {
			case 0:
				requireNoSecondAbove(t, phase, limits.PerSecond)
				phase = nil
				limits.PerSecond = rates().Draw(t, "rate")
				limits.Burst = rapid.IntRange(0, 12).Draw(t, "burst")
				highest = max(highest, limits.PerSecond)
			case 1:
				// All processes must have had slots: one that had none can't know.
				if len(all) > 0 {
					shared.forget()
					flushed = true
				}
			case 2, 3, 4, 5, 6, 7:
				fake.Advance(time.Duration(rapid.Int64Range(0, 1_500_000).Draw(t, "us")) * time.Microsecond)
			default:
				which := rapid.IntRange(0, len(processes)-1).Draw(t, "process")
				if flushed {
					which = 0
				}
				r := Reservation{ChannelID: 7, Limits: limits, Recipients: recipients(rapid.IntRange(1, 40).Draw(t, "k")), MaxAhead: ahead}
				r.Missed = late.take(t, fake.Now(), &r)
				g, err := processes[which].Reserve(t.Context(), r)
				require.NoError(t, err)
				slots := granted(fake.Now(), g)
				for _, s := range slots {
					require.LessOrEqual(t, s.Sub(fake.Now()), ahead+time.Microsecond)
				}
				if len(slots) > 0 && which != 0 { // process 0 sees what the others do
					seen := &reservation{Reservation: Reservation{ChannelID: 7, Limits: limits, MaxAhead: ahead}, burst: max(1, limits.Burst)}
					processes[0].remember(seen, reply{factor: 1}, 0)
				}
				slots = late.miss(t, slots, g)
				all = append(all, slots...)
				phase = append(phase, slots...)
			}
		}
		requireNoSecondAbove(t, phase, limits.PerSecond)
		requireNoSecondAbove(t, all, highest)
	})
}

// forget is FLUSHALL.
func (b *memoryLimits) forget() {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.channels, b.accounts = map[Channel]*channelLimits{}, map[int64]keptPlace{}
}

// eager takes slots as fast as it gets them, as a worker does.
type eager struct {
	l    *Limiter
	fake *clock.Fake
	// late is how much later it comes back than it could.
	late time.Duration
}

// consume takes so many slots and returns their times.
func (w eager) consume(t require.TestingT, r Reservation, total int) []time.Time {
	var slots []time.Time
	for len(slots) < total {
		g, err := w.l.Reserve(context0, r)
		require.NoError(t, err)
		got := granted(w.fake.Now(), g)
		slots = append(slots, got...)
		next := w.fake.Now().Add(g.RetryIn)
		if len(got) > 0 {
			// The worker asks again when half of what it got is used.
			next = got[len(got)/2]
		}
		w.fake.Advance(max(next.Sub(w.fake.Now()), 0) + w.late)
	}
	return slots
}

func requireRate(t require.TestingT, slots []time.Time, limit float64) {
	span := slots[len(slots)-1].Sub(slots[0]).Seconds()
	reached := float64(len(slots)-1) / span
	require.GreaterOrEqual(t, reached, 0.95*limit, "%d slots in %v s", len(slots), span)
	requireNoSecondAbove(t, slots, limit)
}

func TestSaturatedChannelReachesItsLimit(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		fake := clock.NewFake(epoch)
		l := newLimiter(newMemoryLimits(fake), fake)
		rate := rates().Draw(t, "rate")
		worker := eager{l, fake, time.Duration(rapid.IntRange(0, 2000).Draw(t, "late")) * time.Microsecond}
		slots := worker.consume(t, Reservation{ChannelID: 1,
			Limits: Limits{PerSecond: rate, Burst: rapid.IntRange(0, 20).Draw(t, "burst")},
			// Enough of them to last until the worker is back.
			Recipients: recipients(rapid.IntRange(2+int(rate/100), 100).Draw(t, "k")),
			MaxAhead:   time.Second}, 40+int(3*rate))
		requireRate(t, slots, rate)
	})
}

func TestSaturatedCampaignReachesItsLimit(t *testing.T) {
	for _, channel := range []float64{0, 2000} {
		t.Run(fmt.Sprintf("channel %v", channel), func(t *testing.T) {
			rapid.Check(t, func(t *rapid.T) {
				fake := clock.NewFake(epoch)
				l := newLimiter(newMemoryLimits(fake), fake)
				rate := rates().Filter(func(r float64) bool { return r <= 1000 }).Draw(t, "rate")
				worker := eager{l, fake, time.Duration(rapid.IntRange(0, 2000).Draw(t, "late")) * time.Microsecond}
				slots := worker.consume(t, Reservation{ChannelID: 1, Limits: Limits{PerSecond: channel},
					CampaignID: 5, CampaignPerSecond: rate, Recipients: recipients(rapid.IntRange(2+int(rate/50), 100).Draw(t, "k")),
					MaxAhead: 500 * time.Millisecond}, 40+int(3*rate))
				requireRate(t, slots, rate)
			})
		})
	}
}

// A campaign with a low limit must not take the channel's time from others.
func TestSlowCampaignLeavesTheChannelToOthers(t *testing.T) {
	fake := clock.NewFake(epoch)
	l := newLimiter(newMemoryLimits(fake), fake)
	limits := Limits{PerSecond: 200}
	var slow, fast []time.Time
	for range 2000 {
		g, err := l.Reserve(t.Context(), Reservation{ChannelID: 1, Limits: limits, CampaignID: 1, CampaignPerSecond: 1,
			Recipients: recipients(10), MaxAhead: 250 * time.Millisecond})
		require.NoError(t, err)
		slow = append(slow, granted(fake.Now(), g)...)
		g, err = l.Reserve(t.Context(), Reservation{ChannelID: 1, Limits: limits, CampaignID: 2,
			Recipients: recipients(50), MaxAhead: 250 * time.Millisecond})
		require.NoError(t, err)
		fast = append(fast, granted(fake.Now(), g)...)
		fake.Advance(5 * time.Millisecond)
	}
	requireNoSecondAbove(t, slow, 1)
	require.InDelta(t, 10, len(slow), 1, "in ten seconds")
	all := slices.Concat(slow, fast)
	slices.SortFunc(all, time.Time.Compare)
	requireRate(t, all, 200)
}

// call is one step of the comparison of the two implementations.
type call struct {
	advance time.Duration
	op      int
	r       reservation
	retry   time.Duration
	seed    Seed
	// late is the place from the end of the slot, of those given out, that was missed;
	// 0 for none.
	late int
	// at are the mailbox providers of the recipients, in turn.
	at []Mailbox
	// of is whose throttling or seed it is.
	of string
}

// calls are with one spacing: when it grows, Redis has by real time forgotten
// less than the twin by the test's. For the same reason all of them together are
// shorter than what idle state is kept for.
func calls(spacing time.Duration) *rapid.Generator[call] {
	return rapid.Custom(func(t *rapid.T) call {
		c := call{
			advance: time.Duration(rapid.OneOf(rapid.Int64Range(0, 3_000_000), rapid.Int64Range(0, 9_900_000)).Draw(t, "us")) * time.Microsecond,
			op:      rapid.IntRange(0, 15).Draw(t, "op"),
			retry:   time.Duration(rapid.Int64Range(1, 30_000_000).Draw(t, "retry")) * time.Microsecond,
		}
		c.late = rapid.SampledFrom([]int{0, 0, 1, 1, 2, 5}).Draw(t, "late")
		c.of = rapid.SampledFrom([]string{"", "", "one", "two"}).Draw(t, "of")
		c.r.burst = rapid.IntRange(1, 10).Draw(t, "burst")
		c.r.MaxAhead = time.Duration(rapid.IntRange(1, 5000).Draw(t, "ahead")) * time.Millisecond
		c.r.lost = rapid.SampledFrom([]time.Duration{0, c.r.MaxAhead}).Draw(t, "lost")
		c.r.Limits.PerSecond = rapid.SampledFrom([]float64{0, 0.02, 0.3, 1, 7, 100}).Draw(t, "rate")
		c.r.Epoch = rapid.SampledFrom([]int64{0, 0, 0, 1, 2}).Draw(t, "epoch")
		c.r.SeedFirst = rapid.Bool().Draw(t, "seed first")
		c.r.CampaignID = rapid.Int64Range(1, 2).Draw(t, "campaign")
		c.r.CampaignPerSecond = rapid.SampledFrom([]float64{0, 0, 0.5, 3, 60}).Draw(t, "campaign rate")
		c.r.ChannelID = rapid.SampledFrom([]int64{1, 1, 2}).Draw(t, "channel")
		c.r.AccountID, c.r.AccountPerSecond = 5, rapid.SampledFrom([]float64{0, 0, 1, 4, 50}).Draw(t, "account rate")
		c.r.MaxGap = time.Duration(rapid.IntRange(1, 300).Draw(t, "gap")) * time.Millisecond
		c.r.Limits.PerRecipient = rapid.SampledFrom([]time.Duration{0, spacing}).Draw(t, "spacing")
		c.r.Limits.RecipientsPerDay = rapid.SampledFrom([]int{0, 0, 1, 3, 8}).Draw(t, "day")
		names := rapid.StringMatching("[a-l]")
		c.r.Recipients = rapid.SliceOfN(names, 1, 12).Draw(t, "recipients")
		c.r.recipientBurst = rapid.SampledFrom([]int{1, 1, 3}).Draw(t, "burst of a recipient")
		c.r.Limits.RecipientsPool = rapid.SampledFrom([]string{"", "", "both"}).Draw(t, "pool")
		c.r.CountedAs = rapid.SampledFrom([]string{"", "", "1", "1,2"}).Draw(t, "counted as")
		if rapid.Bool().Draw(t, "exempt") {
			c.r.Exempt = rapid.SliceOfN(rapid.Bool(), len(c.r.Recipients), len(c.r.Recipients)).Draw(t, "exempt ones")
		}
		c.r.Near = time.Duration(rapid.SampledFrom([]int{0, 300, 90_000}).Draw(t, "near")) * time.Millisecond
		if rapid.Bool().Draw(t, "mailboxes") {
			c.at = []Mailbox{{}, {Name: "one", PerSecond: rapid.SampledFrom([]float64{0, 0.4, 2, 30}).Draw(t, "one's rate")},
				{Name: "two", PerSecond: rapid.SampledFrom([]float64{0, 5}).Draw(t, "two's rate"),
					RecipientsPerDay: rapid.SampledFrom([]int{0, 1, 4}).Draw(t, "two's day")}}
		}
		c.seed.PerRecipient, c.seed.RecipientBurst = c.r.Limits.PerRecipient, c.r.recipientBurst
		c.seed.RecipientsPool, c.seed.CountedAs = c.r.Limits.RecipientsPool, c.r.CountedAs
		c.seed.LastSlot = epoch.Add(time.Duration(rapid.Int64Range(0, 100_000_000).Draw(t, "last")) * time.Microsecond)
		if rapid.Bool().Draw(t, "seed campaign") {
			c.seed.CampaignID, c.seed.CampaignPerSecond, c.seed.CampaignLastSlot = c.r.CampaignID, 3, c.seed.LastSlot
		}
		for _, name := range c.r.Recipients[:min(3, len(c.r.Recipients))] {
			c.seed.Recipients = append(c.seed.Recipients, SeedRecipient{Key: name, At: c.seed.LastSlot})
		}
		return c
	})
}

// place gives the recipients mailbox providers, the same one to the same recipient.
func (r *reservation) place(at []Mailbox) {
	r.Mailboxes, r.groups, r.groupOf = nil, nil, nil
	for _, recipient := range r.Recipients {
		if at != nil {
			r.Mailboxes = append(r.Mailboxes, at[int(recipient[0])%len(at)])
		}
	}
	r.group()
}

// requireTwins makes the same calls to limiter.lua and to its twin in Go.
func requireTwins(t *rapid.T, client redis.UniversalClient, steps []call) {
	require.NoError(t, client.FlushDB(context0).Err())
	fake := clock.NewFake(epoch)
	inGo, inLua := newMemoryLimits(fake), newRedisLimits(client, fake)
	inLua.now = inGo.now
	var marks []int64
	for i, c := range steps {
		fake.Advance(c.advance)
		var want, got reply
		var err error
		of := c.r.channel()
		of.Mailbox = c.of
		switch c.op {
		case 0:
			want, _ = inGo.throttle(context0, of, c.r.Epoch, c.retry)
			got, err = inLua.throttle(context0, of, c.r.Epoch, c.retry)
		case 1:
			want, _ = inGo.state(context0, of, c.r.Epoch)
			got, err = inLua.state(context0, of, c.r.Epoch)
			got.fresh = false
		case 2:
			_ = inGo.seed(context0, of, c.seed)
			err = inLua.seed(context0, of, c.seed)
		case 3, 4:
			// What knows nothing of recipients, of losses and of seeding.
			next := reservation{burst: c.r.burst, Reservation: Reservation{ChannelID: c.r.ChannelID, AccountID: c.r.AccountID,
				AccountPerSecond: c.r.AccountPerSecond, Epoch: c.r.Epoch, CampaignID: c.r.CampaignID,
				CampaignPerSecond: c.r.CampaignPerSecond, Limits: Limits{PerSecond: c.r.Limits.PerSecond}}}
			want, _ = inGo.next(context0, &next)
			got, err = inLua.next(context0, &next)
		default:
			if c.late > 0 && c.late <= len(marks) {
				c.r.Missed, c.r.Recipients = marks[len(marks)-c.late], c.r.Recipients[:1]
				c.r.Exempt = c.r.Exempt[:min(1, len(c.r.Exempt))]
			}
			c.r.place(c.at)
			want, _ = inGo.reserve(context0, &c.r)
			for _, wait := range want.waits {
				if wait >= 0 {
					marks = append(marks, want.now+wait)
				}
			}
			got, err = inLua.reserve(context0, &c.r)
		}
		require.NoError(t, err)
		if c.op < 5 {
			want.fresh, got.fresh = false, false
		}
		if len(want.waits) == 0 {
			want.waits, got.waits = nil, nil
		}
		require.Equal(t, want, got, "step %d: %+v", i, c)
	}
}

func TestLuaAndGoLimitersAreTwins(t *testing.T) {
	client, err := connect(testenv.SharedRedis(t).NewDatabase(t))
	require.NoError(t, err)
	defer func() { require.NoError(t, client.Close()) }()
	rapid.Check(t, func(t *rapid.T) {
		spacing := rapid.SampledFrom([]time.Duration{1500 * time.Millisecond, time.Hour}).Draw(t, "spacing")
		requireTwins(t, client, rapid.SliceOfN(calls(spacing), 1, 40).Draw(t, "calls"))
	})
}

// Workers reserve at the same time, and their reservations reach Redis in
// another order than they were made.
func TestConcurrentReserversShareOneLimit(t *testing.T) {
	client, err := connect(testenv.SharedRedis(t).NewDatabase(t))
	require.NoError(t, err)
	defer func() { require.NoError(t, client.Close()) }()
	var clockMicros atomic.Int64
	var mu sync.Mutex
	var slots []time.Time
	var workers sync.WaitGroup
	for range 6 {
		workers.Go(func() {
			limits := newRedisLimits(client, clock.System{})
			var now float64
			limits.now = func() float64 {
				now = sinceBase(epoch) + float64(clockMicros.Add(300))
				return now
			}
			for range 300 {
				answer, err := limits.reserve(context0, &reservation{burst: 5, Reservation: Reservation{ChannelID: 1,
					Limits: Limits{PerSecond: 300}, Recipients: recipients(3), MaxAhead: time.Second}})
				if err != nil {
					t.Error(err)
					return
				}
				mu.Lock()
				for _, wait := range answer.waits {
					slots = append(slots, time.UnixMicro(limiterBase*1_000_000+int64(now)+wait))
				}
				mu.Unlock()
			}
		})
	}
	workers.Wait()
	require.Greater(t, len(slots), 300)
	requireNoSecondAbove(t, slots, 300)
}
