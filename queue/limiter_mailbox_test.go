package queue

import (
	"math/rand/v2"
	"slices"
	"strconv"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"carillon/internal/clock"
)

// at has n items of one mailbox provider with a rate.
func at(name string, perSecond float64, n int) []Mailbox {
	return slices.Repeat([]Mailbox{{Name: name, PerSecond: perSecond}}, n)
}

// Several processes ask at random for two mailbox providers, limits change, the provider
// defers, Redis forgets everything: no sliding second of one holds more than its limit.
func TestNoSlidingSecondOfAMailboxHoldsMoreThanItsLimit(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		fake := clock.NewFake(epoch)
		shared := newMemoryLimits(fake)
		processes := []*Limiter{newLimiter(shared, fake), newLimiter(shared, fake)}
		limits := Limits{PerSecond: rapid.SampledFrom([]float64{0, 40, 500}).Draw(t, "channel")}
		rate := map[string]float64{"one": rates().Draw(t, "one's rate"), "two": rates().Draw(t, "two's rate")}
		all := map[string][]time.Time{}
		late := map[string]*latecomers{"one": {}, "two": {}}
		asked := false
		// Most of the time everybody asks for as much as there is.
		steps := append(slices.Repeat([]string{"ask", "wait"}, 24), "rate", "forget", "throttle", "pause")
		for range 300 {
			name := rapid.SampledFrom([]string{"one", "two"}).Draw(t, "whose")
			switch rapid.SampledFrom(steps).Draw(t, "step") {
			case "rate":
				requireNoSecondAbove(t, all[name], rate[name])
				all[name], *late[name] = nil, nil
				rate[name] = rates().Draw(t, "rate")
			case "forget":
				if asked { // who had no slots can't know
					shared.forget()
					processes = processes[:1]
				}
			case "throttle":
				require.NoError(t, processes[0].Throttle(context0, Channel{ID: 7, Mailbox: name}, 0, time.Duration(rapid.IntRange(0, 9000).Draw(t, "ms"))*ms))
			case "wait":
				fake.Advance(time.Duration(rapid.Int64Range(0, 30_000).Draw(t, "us")) * time.Microsecond)
			case "pause":
				fake.Advance(time.Duration(rapid.Int64Range(0, 1_500_000).Draw(t, "us")) * time.Microsecond)
			default:
				process := rapid.IntRange(0, len(processes)-1).Draw(t, "process")
				r := Reservation{ChannelID: 7, Limits: limits, Recipients: recipients(rapid.IntRange(1, 40).Draw(t, "k")),
					Near: time.Duration(rapid.IntRange(0, 700).Draw(t, "near")) * ms}
				r.Missed = late[name].take(t, fake.Now(), &r)
				r.Mailboxes = at(name, rate[name], len(r.Recipients))
				g, err := processes[process].Reserve(context0, r)
				require.NoError(t, err)
				for _, s := range g.Slots {
					if s.Denied != "" {
						require.Equal(t, DeniedMailbox, s.Denied)
						require.Positive(t, s.RetryIn)
						require.LessOrEqual(t, s.RetryIn, 24*time.Hour)
					}
				}
				used := granted(fake.Now(), g)
				if asked = asked || len(used) > 0; process != 0 && len(used) > 0 { // process 0 sees what the others do
					seen := &reservation{Reservation: Reservation{ChannelID: 7, Limits: limits, MaxAhead: DefaultMaxAhead}, burst: 1}
					processes[0].remember(seen, reply{factor: 1}, 0)
				}
				if len(used) == len(g.Slots) {
					used = late[name].miss(t, used, g)
				}
				all[name] = append(all[name], used...)
			}
		}
		for name, slots := range all {
			requireNoSecondAbove(t, slots, rate[name])
		}
	})
}

// waiting is a message that waits for a time.
type waiting struct {
	name string
	due  time.Time
	// tries is how often it has asked, and stored how often it was put off for longer than near.
	tries, stored int
}

// rounds are what messages make of which each mailbox provider has a rate.
type rounds struct {
	l    testLimiter
	r    Reservation
	rate map[string]float64
}

// goRound has messages go round as the store and the workers have them: what is due is taken in
// the order of its times, in chunks, and who is denied comes back a little later than it was told.
// It returns the slots of each name.
func (w rounds) goRound(t *testing.T, messages []*waiting) map[string][]time.Time {
	l, r := w.l, w.r
	const chunk, late = 50, 20 * ms
	slots := map[string][]time.Time{}
	for len(messages) > 0 {
		slices.SortStableFunc(messages, func(a, b *waiting) int { return a.due.Compare(b.due) })
		now := l.fake.Now()
		if wait := messages[0].due.Sub(now); wait > 0 {
			l.fake.Advance(wait)
			continue
		}
		n := 0
		for n < min(chunk, len(messages)) && !messages[n].due.After(now) {
			n++
		}
		r.Recipients, r.Mailboxes = recipients(n), nil
		for _, m := range messages[:n] {
			limits := Mailbox{}
			if rate := w.rate[m.name]; rate > 0 {
				limits = Mailbox{Name: m.name, PerSecond: rate}
			}
			r.Mailboxes = append(r.Mailboxes, limits)
		}
		g := l.reserve(t, r)
		var left []*waiting
		for i, m := range messages {
			switch {
			case i >= len(g.Slots):
				left = append(left, m)
			case g.Slots[i].Denied != "":
				m.tries++
				if m.due = now.Add(g.Slots[i].RetryIn); g.Slots[i].RetryIn > r.Near {
					m.stored++
					m.due = m.due.Add(late)
				}
				left = append(left, m)
			default:
				slots[m.name] = append(slots[m.name], now.Add(g.Slots[i].Wait))
			}
		}
		messages = left
		l.fake.Advance(max(g.RetryIn, time.Millisecond))
	}
	return slots
}

// Of a campaign to two mailbox providers of which one is slow, the other is not held up; the slow
// one gets its rate and no more, and its messages go round about once.
func TestASlowMailboxHoldsNobodyUp(t *testing.T) {
	onBothLimiters(t, func(t *testing.T, l testLimiter) {
		var messages []*waiting
		for i := range 1000 {
			name := "slow"
			if i%5 < 2 {
				name = "free"
			}
			messages = append(messages, &waiting{name: name, due: l.fake.Now()})
		}
		began := l.fake.Now()
		slots := rounds{l, Reservation{Limits: Limits{PerSecond: 200}, MaxAhead: 60 * ms, Near: 500 * ms}, map[string]float64{"slow": 20}}.
			goRound(t, slices.Clone(messages))
		requireNoSecondAbove(t, slots["slow"], 20)
		requireNoSecondAbove(t, slices.Concat(slots["slow"], slots["free"]), 200)
		require.Len(t, slots["free"], 400)
		require.Len(t, slots["slow"], 600)
		require.Less(t, slots["free"][399].Sub(began), 2400*ms, "at 200 a second less 20 it takes 2.3 s")
		require.Less(t, slots["slow"][599].Sub(began), 34*time.Second, "at 19.3 a second it takes 31 s")
		stored, tries := 0, 0
		for _, m := range messages {
			stored, tries = stored+m.stored, tries+m.tries
		}
		t.Logf("600 messages went round %d times by the store, and were denied %d times", stored, tries)
		require.Less(t, stored, 750)
		require.Less(t, tries, 1500)
	})
}

// A limit that is changed holds at once: nobody is told a time by what was before.
func TestAChangedLimitOfAMailboxTellsOtherTimes(t *testing.T) {
	onBothLimiters(t, func(t *testing.T, l testLimiter) {
		ask := func(rate float64) time.Duration {
			g := l.reserve(t, Reservation{Recipients: recipients(100), Mailboxes: at("one", rate, 100)})
			return g.Slots[99].RetryIn
		}
		require.InDelta(t, 100*1000/0.965/1000, ask(1).Seconds(), 2)
		require.InDelta(t, 200*1000/0.965/1000, ask(1).Seconds(), 3, "those before stand in line")
		require.Less(t, ask(50), 3*time.Second)
	})
}

// Who is gone from a line, because the campaign was canceled, keeps nobody waiting.
func TestALineInWhichNobodyComesIsNobodys(t *testing.T) {
	onBothLimiters(t, func(t *testing.T, l testLimiter) {
		r := Reservation{Recipients: recipients(500), Mailboxes: at("one", 1, 500)}
		l.reserve(t, r)
		l.fake.Advance(9 * time.Second)
		g := l.reserve(t, Reservation{Recipients: recipients(2), Mailboxes: at("one", 1, 2)})
		require.Empty(t, g.Slots[0].Denied)
		require.Greater(t, g.Slots[1].RetryIn, 500*time.Second)
		l.fake.Advance(11 * time.Second)
		g = l.reserve(t, Reservation{Recipients: recipients(2), Mailboxes: at("one", 1, 2)})
		require.Empty(t, g.Slots[0].Denied)
		require.Less(t, g.Slots[1].RetryIn, 2*time.Second)
	})
}

// Each campaign has a line of its own: one that comes later does not wait for all of those before,
// nor for those of one that was canceled.
func TestACampaignDoesNotStandBehindAnothersLine(t *testing.T) {
	onBothLimiters(t, func(t *testing.T, l testLimiter) {
		ask := func(campaign int64, n int) time.Duration {
			g := l.reserve(t, Reservation{CampaignID: campaign, Recipients: recipients(n), Mailboxes: at("one", 1, n)})
			return g.Slots[n-1].RetryIn
		}
		require.Greater(t, ask(1, 500), 500*time.Second)
		require.Less(t, ask(2, 10), 12*time.Second)
		require.Greater(t, ask(1, 10), 510*time.Second, "its own goes on")
		require.Less(t, ask(2, 10), 23*time.Second)
	})
}

// Two campaigns share what a mailbox provider takes, whichever came first, and nobody goes round
// again and again.
func TestTwoCampaignsShareAMailbox(t *testing.T) {
	onBothLimiters(t, func(t *testing.T, l testLimiter) {
		const each, rate = 300, 20.0
		type waiting struct {
			campaign int64
			due      time.Time
		}
		began := l.fake.Now()
		var left []waiting
		for i := range 2 * each { // the first one's all come before the second one's
			left = append(left, waiting{int64(1 + i/each), began})
		}
		sent, asked, random := map[int64]int{}, 0, rand.New(rand.NewPCG(1, 2))
		for len(left) > 0 {
			now := l.fake.Now()
			require.Less(t, now.Sub(began), 45*time.Second, "%d are left; at 19.3 a second it takes 31 s", len(left))
			var still []waiting
			random.Shuffle(len(left), func(i, j int) { left[i], left[j] = left[j], left[i] })
			for _, w := range left {
				if w.due.After(now) {
					still = append(still, w)
					continue
				}
				asked++
				r := Reservation{CampaignID: w.campaign, Recipients: []string{"anybody"}, Mailboxes: at("one", rate, 1), Near: 500 * time.Millisecond}
				r.MaxAhead = time.Millisecond
				switch g := l.reserve(t, r); {
				case len(g.Slots) == 0:
					still = append(still, waiting{w.campaign, now.Add(g.RetryIn)})
				case g.Slots[0].Denied != "":
					still = append(still, waiting{w.campaign, now.Add(g.Slots[0].RetryIn)})
				default:
					sent[w.campaign]++
				}
			}
			left = still
			if n := sent[1] + sent[2]; n >= each && n < each+5 {
				require.Greater(t, sent[2], each/4, "half of the time has gone, and %v are sent", sent)
			}
			l.fake.Advance(10 * time.Millisecond)
		}
		t.Logf("600 of two campaigns asked %d times", asked)
		require.Less(t, asked, 6*2*each)
	})
}

// The recipients of a day at a mailbox provider are different ones, and who is beyond them is told
// times that are spread over the next day; a raised number is at once.
func TestADayOfAMailboxHasItsRecipients(t *testing.T) {
	onBothLimiters(t, func(t *testing.T, l testLimiter) {
		ask := func(most, from, n int) Grant {
			r := Reservation{Limits: Limits{RecipientsPerDay: 1000}}
			for i := range n {
				r.Recipients = append(r.Recipients, strconv.Itoa(from+i))
				r.Mailboxes = append(r.Mailboxes, Mailbox{Name: "one", RecipientsPerDay: most})
			}
			return l.reserve(t, r)
		}
		g := ask(4, 0, 8)
		for i, s := range g.Slots {
			if i < 4 {
				require.Empty(t, s.Denied)
				continue
			}
			require.Equal(t, DeniedMailboxPerDay, s.Denied)
		}
		require.Equal(t, 24*time.Hour, g.Slots[4].RetryIn, "when the first has left")
		require.LessOrEqual(t, g.Slots[7].RetryIn, 24*time.Hour)
		require.Empty(t, ask(4, 2, 1).Slots[0].Denied, "they are of the day already")
		l.fake.Advance(time.Hour)
		require.Empty(t, ask(5, 100, 1).Slots[0].Denied)
		g = ask(5, 200, 2)
		require.Equal(t, 23*time.Hour, g.Slots[0].RetryIn)
		require.Equal(t, DeniedMailboxPerDay, g.Slots[1].Denied)
		l.fake.Advance(23 * time.Hour)
		require.Empty(t, ask(5, 200, 1).Slots[0].Denied)
		g = ask(5, 300, 8)
		for i, s := range g.Slots[3:] {
			require.Equal(t, DeniedMailboxPerDay, s.Denied, i)
		}
		require.Equal(t, DeniedRecipientsPerDay, l.reserve(t, Reservation{Limits: Limits{RecipientsPerDay: 1}, Recipients: []string{"x"},
			Mailboxes: at("one", 0, 1)}).Slots[0].Denied, "the channel's own day comes first")
	})
}

// A mailbox provider that defers is slowed alone, and gets its rate back when it is quiet.
func TestAMailboxIsThrottledAlone(t *testing.T) {
	onBothLimiters(t, func(t *testing.T, l testLimiter) {
		one := Channel{ID: 1, Mailbox: "one"}
		ask := func(name string, rate float64) Grant {
			return l.reserve(t, Reservation{Limits: Limits{PerSecond: 1000}, Recipients: recipients(1), Mailboxes: at(name, rate, 1)})
		}
		require.Empty(t, ask("one", 20).Slots[0].Denied)
		for range 2 {
			require.NoError(t, l.Throttle(t.Context(), one, 0, 3*time.Second))
			g := ask("one", 20)
			require.Equal(t, DeniedMailbox, g.Slots[0].Denied)
			require.InDelta(t, 3, g.Slots[0].RetryIn.Seconds(), 0.1)
			require.Empty(t, ask("two", 20).Slots[0].Denied)
			l.fake.Advance(3 * time.Second)
		}
		state, err := l.State(t.Context(), one, 0)
		require.NoError(t, err)
		require.InDelta(t, 0.5, state.RateFactor, 1e-6)
		state, err = l.State(t.Context(), Channel{ID: 1}, 0)
		require.NoError(t, err)
		require.Equal(t, State{RateFactor: 1}, state)
		slow, err := l.SlowMailboxes(t.Context(), Channel{ID: 1})
		require.NoError(t, err)
		require.Equal(t, []string{"one"}, slow)
		slow, err = l.SlowMailboxes(t.Context(), Channel{ID: 2})
		require.NoError(t, err)
		require.Empty(t, slow)
		require.Empty(t, ask("one", 20).Slots[0].Denied)
		require.InDelta(t, 0.1036, ask("one", 20).Slots[0].RetryIn.Seconds(), 0.001, "half of the rate")
		l.fake.Advance(70 * time.Second)
		require.Empty(t, ask("one", 20).Slots[0].Denied)
		require.InDelta(t, 0.0518, ask("one", 20).Slots[0].RetryIn.Seconds(), 0.001, "all of it")
		l.fake.Advance(time.Minute)
		slow, err = l.SlowMailboxes(t.Context(), Channel{ID: 1})
		require.NoError(t, err)
		require.Empty(t, slow)
	})
}

// What the store knows of a mailbox provider is seeded as a channel's is, and who begins anew waits
// for slots that others may still have.
func TestAMailboxIsSeeded(t *testing.T) {
	onBothLimiters(t, func(t *testing.T, l testLimiter) {
		ask := func(of string) Slot {
			return l.reserve(t, Reservation{Recipients: []string{of}, Mailboxes: []Mailbox{{Name: "one", PerSecond: 0.1, RecipientsPerDay: 2}}}).Slots[0]
		}
		require.NoError(t, l.Seed(t.Context(), Channel{ID: 1}, Seed{LastSlot: l.fake.Now().Add(-time.Hour)}))
		require.NoError(t, l.Seed(t.Context(), Channel{ID: 1, Mailbox: "one"}, Seed{LastSlot: l.fake.Now().Add(-4 * time.Second),
			Recipients: []SeedRecipient{{Key: "a", At: l.fake.Now().Add(-4 * time.Second)}, {Key: "b", At: l.fake.Now().Add(-time.Hour)}}}))
		require.InDelta(t, 11.36, ask("a").RetryIn.Seconds(), 0.01, "ten seconds after the last that somebody may still have had")
		l.fake.Advance(12 * time.Second)
		require.Equal(t, DeniedMailboxPerDay, ask("c").Denied)
		require.Empty(t, ask("a").Denied)
		g := l.reserve(t, Reservation{Recipients: recipients(1), Mailboxes: at("new", 20, 1)})
		require.Empty(t, g.Slots[0].Denied)
		l.forget()
		require.NoError(t, l.Seed(t.Context(), Channel{ID: 1}, Seed{LastSlot: l.fake.Now()}))
		g = l.reserve(t, Reservation{Recipients: recipients(1), Mailboxes: at("new", 20, 1)})
		require.Equal(t, DeniedMailbox, g.Slots[0].Denied, "somebody may have a slot within the next second")
	})
}
