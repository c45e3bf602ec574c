package app

import (
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"carillon/configs"
	"carillon/internal/clock"
	"carillon/internal/sink"
	"carillon/internal/testenv"
	"carillon/messages"
	"carillon/providers"
	"carillon/queue"
)

// letterbox is a mail server that notes where each message goes, and when it began.
type letterbox struct {
	*sink.SMTP
	settings string

	mu sync.Mutex
	at map[int64]string // the domain, by message
}

func newLetterbox(t *testing.T, o sink.Options) *letterbox {
	l := &letterbox{at: map[int64]string{}}
	o.Record = true
	o.Seen = func(d sink.Delivery) {
		_, domain, _ := strings.Cut(strings.Trim(d.To, "<>"), "@")
		l.mu.Lock()
		defer l.mu.Unlock()
		l.at[d.ID] = domain
	}
	l.SMTP, l.settings = mailServer(t, o)
	return l
}

// began are the times at which messages began, by whether their domain is one of a group.
func (l *letterbox) began(group func(domain string) bool) (inside, outside []time.Time) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, ask := range l.Asks() {
		if group(l.at[ask.ID]) {
			inside = append(inside, ask.Began)
		} else {
			outside = append(outside, ask.Began)
		}
	}
	slices.SortFunc(inside, time.Time.Compare)
	slices.SortFunc(outside, time.Time.Compare)
	return inside, outside
}

// mostInASecond is how many of sorted times lie in a sliding second at most.
func mostInASecond(times []time.Time) (most int) {
	from := 0
	for i := range times {
		for times[i].Sub(times[from]) >= time.Second {
			from++
		}
		most = max(most, i-from+1)
	}
	return most
}

// slowDomain reports whether a domain is one of those that Google hosts.
func slowDomain(domain string) bool {
	return strings.HasPrefix(domain, "slow") || domain == "gmail.com"
}

func publishSlow(t *testing.T, config *configs.Config) {
	names := testenv.StartNames(t)
	config.DNSServer = names.Addr
	for i := range 4 {
		names.Mail(fmt.Sprintf("slow%d.example", i), "aspmx.l.google.com", "alt1.aspmx.l.google.com")
	}
	names.Mail("quick.example", "mx.quick.example")
}

// threeOfFive are at domains that Google hosts, its own among them; the others are not.
func threeOfFive(person int) string {
	switch i := person % 5; {
	case i > 2:
		return "quick.example"
	case i == 0 && person%2 == 0:
		return "gmail.com"
	default:
		return fmt.Sprintf("slow%d.example", person%4)
	}
}

// Of a campaign to people of whom three of five have their mailboxes at Google, on domains of their
// own, Google sees no more in any second than it may, from all workers together, and the others are
// sent theirs as fast as the channel goes. Everybody gets one, and who waits goes round about once.
func TestAMailboxProviderIsPacedAtTheSink(t *testing.T) {
	bothEngines(t, func(t *testing.T, config configs.Config) {
		const people, slow, rate, google = 400, 240, 200, 20
		publishSlow(t, &config)
		e := startTestEngine(t, config, AllRoles)
		if config.RedisURL.Reveal() != "" {
			startTestEngine(t, config, Roles{Worker: true})
		}
		far := newLetterbox(t, sink.Options{})
		limits := providers.Limits{PerSecond: rate, Mailboxes: providers.Mailboxes{"google": {PerSecond: google}}}
		s := perform(t, e, testChannel{provider: "smtp", config: far.settings, limits: limits, domain: threeOfFive}, people)
		run := finish(t, e, s.c)
		require.EqualValues(t, people, run.Counts[messages.Sent])
		require.EqualValues(t, people, far.Count())
		require.Empty(t, far.Duplicates())

		inside, outside := far.began(slowDomain)
		require.Len(t, inside, slow)
		list, err := e.Store.ListMessages(t.Context(), messages.MessageFilter{AccountID: s.f.account, RunID: run.ID, Limit: people})
		require.NoError(t, err)
		rounds := 0
		for _, m := range list {
			moves, err := e.Store.Transitions(t.Context(), m.ID)
			require.NoError(t, err)
			for _, move := range moves {
				if move.Reason == messages.ReasonMailbox {
					rounds += 1 + move.Repeats
				}
			}
		}
		took, quick := inside[slow-1].Sub(inside[0]), outside[len(outside)-1].Sub(outside[0])
		t.Logf("%d to Google at %d a second took %s, at most %d in a second; the %d others took %s; %.2f rounds for each that waited",
			slow, google, took, mostInASecond(inside), len(outside), quick, float64(rounds)/slow)
		require.LessOrEqual(t, mostInASecond(inside), google+1) // one that comes in as another second ends
		require.Greater(t, took.Seconds(), 0.9*slow/google)
		require.Less(t, quick, took/3, "nobody waits for Google")
		require.Less(t, rounds, 2*slow)
	})
}

// A mailbox provider that defers, by the words of the relay, is slowed alone; its messages go out
// in the end, and none has spent a try on it.
func TestAMailboxProviderThatDefersIsSlowedAlone(t *testing.T) {
	t.Parallel()
	config := testConfig(t)
	publishSlow(t, &config)
	e := startTestEngine(t, config, AllRoles)
	var mu sync.Mutex
	deferred := 0
	far := newLetterbox(t, sink.Options{Command: func(line string) string {
		mu.Lock()
		defer mu.Unlock()
		if strings.HasPrefix(line, "RCPT") && strings.Contains(line, "@gmail.com") && deferred < 8 {
			deferred++
			return "450 4.7.28 host gmail-smtp-in.l.google.com said: unusual rate of mail - gsmtp"
		}
		return ""
	}})
	limits := providers.Limits{PerSecond: 100, Mailboxes: providers.Mailboxes{"default": {}}}
	s := perform(t, e, testChannel{provider: "smtp", config: far.settings, limits: limits, domain: func(person int) string {
		if person%3 == 0 {
			return "gmail.com"
		}
		return "quick.example"
	}}, 150)
	run := finish(t, e, s.c)
	require.EqualValues(t, 150, run.Counts[messages.Sent])
	list, err := e.Store.ListMessages(t.Context(), messages.MessageFilter{AccountID: s.f.account, RunID: run.ID, Limit: 150})
	require.NoError(t, err)
	for _, m := range list {
		require.Equal(t, 1, m.Attempt, "no try is spent")
	}
	inside, outside := far.began(slowDomain)
	require.True(t, outside[len(outside)-1].Before(inside[len(inside)-1]), "the others go on")
	require.Greater(t, inside[len(inside)-1].Sub(outside[0]), 900*time.Millisecond, "it rests for a second")
	state, err := e.Queue.Limiter().State(t.Context(), queue.Channel{AccountID: s.f.account, ID: s.f.channel.ID, Mailbox: "google"}, s.f.channel.Epoch)
	require.NoError(t, err)
	require.Less(t, state.RateFactor, 1.0)
	state, err = e.Queue.Limiter().State(t.Context(), queue.Channel{AccountID: s.f.account, ID: s.f.channel.ID}, s.f.channel.Epoch)
	require.NoError(t, err)
	require.InDelta(t, 1, state.RateFactor, 1e-9, "the channel is not throttled")
}

// A resolver that never answers holds nothing up: every domain is its own mailbox provider then.
func TestAResolverThatIsAwayHoldsNothingUp(t *testing.T) {
	config := testConfig(t)
	config.DNSServer = "127.0.0.1:9" // nobody listens
	e := startTestEngine(t, config, AllRoles)
	far := newLetterbox(t, sink.Options{})
	limits := providers.Limits{PerSecond: 200, Mailboxes: providers.Mailboxes{"google": {PerSecond: 1}}}
	s := perform(t, e, testChannel{provider: "smtp", config: far.settings, limits: limits, domain: func(i int) string {
		return fmt.Sprintf("slow%d.example", i)
	}}, 200)
	began := clock.System{}.Now()
	require.EqualValues(t, 200, finish(t, e, s.c).Counts[messages.Sent])
	require.Less(t, clock.System{}.Now().Sub(began), 30*time.Second)
}
