package worker

import (
	"container/heap"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
)

// server answers requests: so many at once, each in so long, the others wait.
type server struct {
	capacity int // at once
	takes    time.Duration
	// jitter is the share by which it takes more or less.
	jitter float64
	// refuses all beyond so many at once; 0 refuses none.
	refusesBeyond int
}

// answer is one that is on its way.
type answer struct {
	began, ends time.Time
	failed      bool
}

type answers []answer

func (a answers) Len() int           { return len(a) }
func (a answers) Less(i, j int) bool { return a[i].ends.Before(a[j].ends) }
func (a answers) Swap(i, j int)      { a[i], a[j] = a[j], a[i] }
func (a *answers) Push(x any)        { *a = append(*a, x.(answer)) }
func (a *answers) Pop() any          { old := *a; x := old[len(old)-1]; *a = old[:len(old)-1]; return x }

type times []time.Time

func (t times) Len() int           { return len(t) }
func (t times) Less(i, j int) bool { return t[i].Before(t[j]) }
func (t times) Swap(i, j int)      { t[i], t[j] = t[j], t[i] }
func (t *times) Push(x any)        { *t = append(*t, x.(time.Time)) }
func (t *times) Pop() any          { old := *t; x := old[len(old)-1]; *t = old[:len(old)-1]; return x }

// sending is a channel that always has more to send, simulated.
type sending struct {
	g        *gradient
	server   server
	now      time.Time
	underWay answers
	free     times // when the server's places are free
	rand     *rand.Rand
	sent     int
	failures int
}

func newSending(g *gradient, s server) *sending {
	return &sending{g: g, server: s, now: noon, rand: rand.New(rand.NewPCG(1, 2))}
}

// run sends for a while, and returns the messages a second that the server took.
func (s *sending) run(d time.Duration) (rate float64) {
	end := s.now.Add(d)
	s.sent = 0
	for {
		for len(s.underWay) < s.g.now() {
			s.ask()
		}
		if s.underWay[0].ends.After(end) {
			s.now = end
			return float64(s.sent) / d.Seconds()
		}
		a := heap.Pop(&s.underWay).(answer)
		s.now = a.ends
		if a.failed {
			s.failures++
			s.g.failed(a.began, s.now)
		} else {
			s.sent++
			s.g.answered(a.began, s.now, func() bool { return true })
		}
	}
}

func (s *sending) ask() {
	if s.server.refusesBeyond > 0 && len(s.underWay) >= s.server.refusesBeyond {
		heap.Push(&s.underWay, answer{s.now, s.now.Add(s.server.takes / 4), true})
		return
	}
	for len(s.free) < s.server.capacity {
		heap.Push(&s.free, s.now)
	}
	for len(s.free) > s.server.capacity {
		heap.Pop(&s.free)
	}
	starts := s.now
	if s.free[0].After(starts) {
		starts = s.free[0]
	}
	takes := time.Duration(float64(s.server.takes) * (1 + s.server.jitter*(2*s.rand.Float64()-1)))
	s.free[0] = starts.Add(takes)
	heap.Fix(&s.free, 0)
	heap.Push(&s.underWay, answer{s.now, starts.Add(takes), false})
}

// best is how many messages a second the server takes of a client that knows how much
// to ask for, and long how long to look, so that chance does not decide.
func (s server) best(most int) (rate float64, long time.Duration) {
	rate = float64(min(s.capacity, most)) / s.takes.Seconds()
	return rate, max(10*time.Second, time.Duration(1000/rate*float64(time.Second)))
}

// Whatever the server is like, a few seconds after it is met it gets at least nine tenths
// of what it takes, and not much more at once than that needs.
func TestTheGradientFindsWhatAServerTakes(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s := server{
			capacity: rapid.IntRange(1, 150).Draw(t, "capacity"),
			takes:    time.Duration(rapid.IntRange(10, 300).Draw(t, "milliseconds")) * time.Millisecond,
			jitter:   rapid.Float64Range(0, 0.5).Draw(t, "jitter"),
		}
		most := rapid.IntRange(4, 200).Draw(t, "most")
		g := newGradient(most)
		sending := newSending(g, s)
		settle := 3*time.Second + 20*s.takes
		sending.run(settle)
		best, long := s.best(most)
		require.GreaterOrEqual(t, sending.run(long), 0.9*best)
		require.LessOrEqual(t, g.now(), 5*max(leastRequests, s.capacity))
	})
}

// A provider that becomes slower, faster, smaller or larger is followed within
// seconds.
func TestTheGradientFollowsAServerThatChanges(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		draw := func(name string) server {
			return server{
				capacity: rapid.IntRange(2, 150).Draw(t, name+" capacity"),
				takes:    time.Duration(rapid.IntRange(10, 300).Draw(t, name+" milliseconds")) * time.Millisecond,
				jitter:   0.2,
			}
		}
		const most = 128
		sending := newSending(newGradient(most), draw("first"))
		for _, name := range []string{"second", "third"} {
			sending.run(15 * time.Second)
			sending.server = draw(name)
			sending.run(8*time.Second + 20*sending.server.takes)
			best, long := sending.server.best(most)
			require.GreaterOrEqual(t, sending.run(long), 0.85*best, name)
		}
	})
}

func TestTheGradientBeginsLowAndDoublesWhileAnswersAreAsQuick(t *testing.T) {
	g := newGradient(128)
	require.Equal(t, 8, g.now())
	sending := newSending(g, server{capacity: 1000, takes: 200 * time.Millisecond})
	sending.run(3 * time.Second)
	require.Equal(t, 128, g.now())
}

// What answers take while connections are made and a campaign is planned does not
// decide how many requests there are afterwards.
func TestTheGradientMeasuresAnewWhenItIsWarm(t *testing.T) {
	g := newGradient(128)
	sending := newSending(g, server{capacity: 1000, takes: 30 * time.Millisecond})
	sending.run(300 * time.Millisecond)
	require.Greater(t, g.now(), 60)
	sending.server = server{capacity: 8, takes: 2 * time.Millisecond}
	sending.run(5 * time.Second)
	require.LessOrEqual(t, g.now(), 40)
	require.GreaterOrEqual(t, sending.run(5*time.Second), 0.95*8/0.002)
}

// A server that refuses the 21st request is not asked for it all the time.
func TestTheGradientKeepsAwayFromWhereErrorsCame(t *testing.T) {
	g := newGradient(128)
	sending := newSending(g, server{capacity: 1000, takes: 50 * time.Millisecond, refusesBeyond: 20})
	sending.run(5 * time.Second)
	sending.failures = 0
	rate := sending.run(30 * time.Second)
	require.GreaterOrEqual(t, rate, 0.7*20/0.05)
	require.LessOrEqual(t, sending.failures, 20, "of %d messages", sending.sent)
}

// A limit that nobody waits for stays: there is nothing to learn from it.
func TestTheGradientGrowsOnlyWhereItIsReached(t *testing.T) {
	g, now := newGradient(128), noon
	for range 1000 {
		g.answered(now, now.Add(50*time.Millisecond), func() bool { return false })
		now = now.Add(50 * time.Millisecond)
	}
	require.Equal(t, firstRequests, g.now())
}

// A quiet time says nothing of the provider: it neither costs a place nor the quick
// start of what comes then.
func TestAQuietTimeLeavesTheGradientAsItIs(t *testing.T) {
	g, now := newGradient(128), noon
	for range 100 { // a message each ten seconds
		g.answered(now, now.Add(50*time.Millisecond), func() bool { return false })
		now = now.Add(10 * time.Second)
	}
	require.Equal(t, firstRequests, g.now())
	sending := newSending(g, server{capacity: 1000, takes: 50 * time.Millisecond})
	sending.now = now
	sending.run(3 * time.Second)
	require.Equal(t, 128, g.now())
}

// Answers of before an error or the last change say nothing of now: of many that
// fail together one counts.
func TestErrorsThatComeTogetherCutTheLimitOnce(t *testing.T) {
	g := newGradient(128)
	for range 100 {
		g.failed(noon, noon.Add(time.Second))
	}
	require.Equal(t, 5, g.now())
	require.Equal(t, 1, newGradient(1).now())
}
