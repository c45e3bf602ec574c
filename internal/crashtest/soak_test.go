package crashtest

import (
	"fmt"
	"math/rand/v2"
	"os"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"carillon/internal/fakes"
	"carillon/internal/sink"
	"carillon/internal/testenv"
	"carillon/providers"
)

// storm is how long and how badly the network is bad in a soak.
type storm struct {
	// people is the audience of each of the three campaigns, rate what each channel may send a
	// second.
	people, rate int
	lasts        time.Duration
	// hit is how long something is bad at most, calm how long all is well at most after that.
	hit, calm time.Duration
	// limits and config are what the short form sets besides, for which everything takes too long.
	limits  providers.Limits
	timeout int
	// calmly is for how long the rate is measured when all is well again; 0 for not at all.
	calmly time.Duration
}

// stormOf is the short form, or the long one of CARILLON_TEST_MINUTES.
func stormOf(t *testing.T) storm {
	t.Helper()
	given := os.Getenv("CARILLON_TEST_MINUTES")
	if given == "" {
		return storm{
			people: 400, rate: 100, lasts: 5 * time.Second, hit: 600 * time.Millisecond, calm: 300 * time.Millisecond,
			limits: providers.Limits{DoubtsInARow: 1000}, timeout: 1000,
		}
	}
	minutes, err := strconv.Atoi(given)
	require.NoError(t, err, "CARILLON_TEST_MINUTES is a whole number of minutes")
	require.Positive(t, minutes, "CARILLON_TEST_MINUTES")
	// What WhatsApp takes of a number in a second, which is what a new channel may send.
	const rate = 80
	return storm{
		// More than can go while the weather is bad, so that there is something left when it is well.
		people: rate * 60 * minutes * 5 / 4, rate: rate, lasts: time.Duration(minutes) * time.Minute, hit: 12 * time.Second, calm: 15 * time.Second,
		calmly: 15 * time.Second,
	}
}

// soak is a campaign on each of three channels, and the network between all who take part.
type soak struct {
	*cluster
	storm
	random *rand.Rand
	// wires are all of them.
	wires []*wire
	hook  *wire
	// whatsApp is not idempotent and reports what became of messages, mail is not and does not,
	// and the program is told each again that is in doubt: it knows a repeat by its id.
	whatsApp *played
	mail     campaignTo
	program  campaignTo
	// began is when the weather did, hits how often something was bad.
	began time.Time
	hits  int
	// calms are the times in which all was well.
	calms []span
}

type span struct{ from, to time.Time }

// campaignTo is a campaign on a channel with the wire to its far end.
type campaignTo struct {
	far
	wire     *wire
	campaign int64
}

// played is WhatsApp, played by a fake: it knows recipients and not our ids.
type played struct {
	*fakes.Server
	wire     *wire
	campaign int64

	mu sync.Mutex
	// taken counts the messages that were by recipient, refused those that were not.
	taken, refused map[string]int
}

// TestSoak sends three campaigns with two processes, while the network between these and Redis,
// PostgreSQL, the providers and their receipts is bad in every way in turn, for each process by
// itself: everybody is accounted for, nobody gets it twice of whom it was not known, no second
// has more than may be, nothing is stuck, and no receipt is lost. It does not run beside other
// tests, as TestLimitsHold.
func TestSoak(t *testing.T) {
	seed := uint64(time.Now().UnixNano())
	if given := os.Getenv("CARILLON_TEST_SEED"); given != "" {
		var err error
		seed, err = strconv.ParseUint(given, 10, 64)
		require.NoError(t, err)
	}
	t.Logf("CARILLON_TEST_SEED=%d repeats what is bad when in this run", seed)
	s := &soak{storm: stormOf(t), random: rand.New(rand.NewPCG(seed, 3))}
	s.begin(t)
	s.weather()
	s.settle()
	s.proveRates()
	s.proveWhatsApp()
	for name, to := range map[string]campaignTo{"mail": s.mail, "program": s.program} {
		t.Log(name)
		most := mostOverHTTP
		if to.provider == "smtp" {
			most = mostOverSMTP
		}
		s.prove(to.campaign, to.far, expected{
			people: s.people, doubt: s.hits * 2 * most, unasked: s.people, resend: to.provider == "webhook",
		})
	}
}

// begin starts everything, with the campaigns.
func (s *soak) begin(t *testing.T) {
	t.Helper()
	redis, postgres := testenv.Redis(t), testenv.Postgres(t, testenv.WithFsync(false))
	s.cluster = newCluster(t, ownServers(redis, postgres))
	for i := range 2 { // each with a way of its own to what both stand on
		db := newWire(t, fmt.Sprintf("PostgreSQL of %d", i), postgres.Addr())
		cache := newWire(t, fmt.Sprintf("Redis of %d", i), redis.Addr())
		s.wires = append(s.wires, db, cache)
		s.serve("serve", serverEnv(
			strings.Replace(postgres.DSN(), postgres.Addr(), db.addr(), 1), strings.Replace(redis.URL(), redis.Addr(), cache.addr(), 1))...)
	}
	api := s.api()
	s.beginWhatsApp(api)
	mail, program := s.smtpSink(sink.Options{Answer: slowly}), s.httpSink(sink.Options{Answer: slowly})
	s.mail = s.over(mail, newWire(t, "mail", fmt.Sprint("127.0.0.1:", mail.config["port"]), marks{"MAIL FROM:", "\r\n.\r\n"}))
	s.program = s.over(program, newWire(t, "program", strings.TrimPrefix(program.config["url"].(string), "http://"), posts))
	s.wires = append(s.wires, s.whatsApp.wire, s.mail.wire, s.program.wire, s.hook)
	require.NoError(t, s.postNumbers())
	upload := s.awaitUpload(s.people)
	whatsApp := s.whatsAppChannel()
	s.whatsApp.campaign = s.draftOf(whatsApp, upload, object{"template": object{"name": "soak"}})
	limits := s.limits
	limits.PerSecond = float64(s.rate)
	s.mail.campaign = s.draftFor(s.createChannel(s.mail.far, limits, "hold"), upload)
	s.program.campaign = s.draftFor(s.createChannel(s.program.far, limits, "resend"), upload)
	for _, campaign := range []int64{s.whatsApp.campaign, s.mail.campaign, s.program.campaign} {
		s.startCampaign(campaign)
	}
}

// over puts a wire before a far end.
func (s *soak) over(to far, w *wire) campaignTo {
	if to.provider == "smtp" {
		host, port, _ := strings.Cut(w.addr(), ":")
		number, err := strconv.Atoi(port)
		require.NoError(s.t, err)
		to.config["host"], to.config["port"] = host, number
	} else {
		to.config["url"] = "http://" + w.addr()
	}
	s.hurried(to.config)
	return campaignTo{far: to, wire: w}
}

// hurried has a channel wait no longer for its provider than the form of the test does.
func (s *soak) hurried(config object) {
	if s.timeout > 0 {
		config["timeout_ms"] = s.timeout
	}
}

// posts are requests that send.
var posts = marks{begin: "POST /"}

const (
	soakSecret = "what-the-fake-signs-with-0123"
	soakText   = "Hello {{1}}, this is for you."
)

// beginWhatsApp starts the fake, which reports to an API.
func (s *soak) beginWhatsApp(api string) {
	s.t.Helper()
	p := &played{taken: map[string]int{}, refused: map[string]int{}}
	fake, err := fakes.WhatsApp(fakes.Options{
		Secret: soakSecret, Templates: map[string]string{"soak": soakText},
		Tries: 1000, Posters: 32, // as long as something is bad, and to catch up after it
		Tell: func(m fakes.Message) {
			p.mu.Lock()
			defer p.mu.Unlock()
			if m.Refused != "" {
				p.refused[m.To]++
				return
			}
			p.taken[m.To]++
		},
	})
	require.NoError(s.t, err)
	s.t.Cleanup(func() { require.NoError(s.t, fake.Close()) })
	p.Server, p.wire = fake, newWire(s.t, "WhatsApp", strings.TrimPrefix(fake.URL(), "http://"), posts)
	s.hook = newWire(s.t, "hook", strings.TrimPrefix(api, "http://"))
	s.whatsApp = p
}

// whatsAppChannel makes a channel, with the template that its campaign is of.
func (s *soak) whatsAppChannel() int64 {
	s.t.Helper()
	config := object{
		"api": "http://" + s.whatsApp.wire.addr() + "/v26.0", "phone_number_id": "106540352242922", "business_account_id": "102290129340398",
		"token": soakSecret, "app_secret": soakSecret,
	}
	s.hurried(config)
	limits := s.limits
	limits.PerSecond = float64(s.rate)
	channel := s.createChannel(far{provider: "whatsapp", config: config}, limits, "hold")
	s.whatsApp.ReportTo(fmt.Sprintf("http://%s/hooks/%d", s.hook.addr(), channel))
	s.mustPost("/v1/templates", object{
		"name": "soak", "category": "marketing", "kinds": []string{"whatsapp"}, "default_language": "en",
		"parameters":   []object{{"name": "1", "value": "{{ contact.first_name }}", "sample": "Ada"}},
		"translations": []object{{"language": "en", "body": soakText}},
	}, nil)
	s.mustPost(fmt.Sprintf("/v1/channels/%d/templates/sync", channel), object{}, nil)
	return channel
}

// number is a person's at WhatsApp; its last two digits say what the fake does with it.
func number(i int) string {
	if fate, special := map[int]fakes.Fate{0: fakes.Unknown, 1: fakes.Returned, 2: fakes.Silent}[i%50]; special {
		return fmt.Sprintf("+49152%06d%s", i, fate)
	}
	return fmt.Sprintf("+49151%06d%02d", i/80, 10+i%80)
}

// postNumbers hands in a CSV file of the people, with e-mail address and number.
func (s *soak) postNumbers() error {
	var lines strings.Builder
	lines.WriteString("email,whatsapp,first_name,coupon\n")
	for i := range s.people {
		fmt.Fprintf(&lines, "%s,%s,Name%d,C%d\n", address(i), number(i), i, i)
	}
	return s.postFile(lines.String())
}

// weather makes the network bad in one place or several, and good again, until the time is up.
func (s *soak) weather() {
	s.t.Helper()
	s.began = time.Now()
	s.t.Cleanup(s.timeline)
	var order []int
	for time.Since(s.began) < s.lasts {
		var heals []func()
		var said []string
		bad := map[*wire]bool{}
		for range 1 + s.random.IntN(3) {
			if len(order) == 0 { // each evil at each place, before any comes again
				order = s.random.Perm(len(s.wires) * len(evils))
			}
			w, e := s.wires[order[0]%len(s.wires)], evils[order[0]/len(s.wires)]
			if bad[w] {
				break
			}
			bad[w], order = true, order[1:]
			what, heal := w.hurt(s.t, e, s.random)
			said, heals = append(said, what), append(heals, heal)
			s.hits++
		}
		lasts := s.hit/4 + time.Duration(s.random.Int64N(int64(s.hit*3/4)))
		if s.random.IntN(6) == 0 {
			lasts *= 3
		}
		s.t.Logf("%6.1fs for %v: %s", time.Since(s.began).Seconds(), lasts.Round(time.Millisecond), strings.Join(said, "; "))
		<-time.After(lasts)
		for _, heal := range heals {
			heal()
		}
		calm := span{from: time.Now()}
		<-time.After(s.calm/4 + time.Duration(s.random.Int64N(int64(s.calm*3/4))))
		calm.to = time.Now()
		s.calms = append(s.calms, calm)
	}
}

// settle waits until nothing can move any more, once all is well.
func (s *soak) settle() {
	s.t.Helper()
	if s.calmly > 0 {
		s.awaitFullSpeed()
	}
	healed := time.Now()
	for _, campaign := range []int64{s.whatsApp.campaign, s.mail.campaign, s.program.campaign} {
		s.awaitFor(patience+s.lasts, "the campaign is finished", func() error {
			state, err := s.state(campaign)
			if err == nil && state.Status != "finished" {
				err = fmt.Errorf("it is %+v", state)
			}
			return err
		})
	}
	s.t.Logf("everything was over %v after all was well", time.Since(healed).Round(time.Millisecond))
	s.await("every receipt has come", func() error {
		state, err := s.state(s.whatsApp.campaign)
		if err == nil && state.Counts["sent"] > s.whatsApp.silent() {
			err = fmt.Errorf("%d are sent, of %d nothing is heard, and %d receipts were not posted: %v",
				state.Counts["sent"], s.whatsApp.silent(), s.whatsApp.Dropped(), state.Counts)
		}
		return err
	})
	require.Zero(s.t, s.whatsApp.Dropped(), "the fake has posted every receipt")
}

// silent is how many messages were taken of which nothing is ever heard.
func (p *played) silent() (n int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for to, copies := range p.taken {
		if strings.HasSuffix(to, string(fakes.Silent)) {
			n += copies
		}
	}
	return n
}

// awaitFullSpeed waits until each channel sends as fast as it may when all is well, and measures
// for how long it does.
func (s *soak) awaitFullSpeed() {
	s.t.Helper()
	healed := time.Now()
	for _, w := range s.sending() {
		s.await(w.name+" is sent to at full speed", func() error {
			now := time.Now()
			if n := w.meter.between(now.Add(-time.Second), now); n < s.rate*9/10 {
				return fmt.Errorf("%d of %d a second", n, s.rate)
			}
			return nil
		})
		s.t.Logf("%s was at full speed %v after all was well", w.name, time.Since(healed).Round(time.Millisecond))
	}
	from := time.Now()
	<-time.After(s.calmly)
	for _, w := range s.sending() {
		rate := float64(w.meter.between(from, time.Now())) / time.Since(from).Seconds() / float64(s.rate)
		s.t.Logf("%s: %.1f %% of the rate when all is well", w.name, 100*rate) // a busy machine may be too slow
	}
}

// timeline says how many messages left for each far end in each ten seconds.
func (s *soak) timeline() {
	for _, w := range s.sending() {
		times := w.meter.times()
		if len(times) == 0 {
			continue
		}
		counts := make([]int, 1+int(times[len(times)-1].Sub(s.began)/(10*time.Second)))
		for _, at := range times {
			counts[max(0, int(at.Sub(s.began)/(10*time.Second)))]++
		}
		s.t.Logf("%s, in each ten seconds: %v", w.name, counts)
	}
}

// sending are the wires to far ends.
func (s *soak) sending() []*wire { return []*wire{s.whatsApp.wire, s.mail.wire, s.program.wire} }

// proveRates holds what left for each far end to the channel's limit.
func (s *soak) proveRates() {
	s.t.Helper()
	for _, w := range s.sending() {
		most, times := w.meter.mostInASecond(), w.meter.times()
		best := 0.0
		for _, c := range s.calms {
			best = max(best, float64(w.meter.between(c.from, c.to))/c.to.Sub(c.from).Seconds())
		}
		s.t.Logf("%s: %d requests in %v, at most %d in a sliding second of %d, %.1f a second in the best calm", w.name, len(times),
			times[len(times)-1].Sub(times[0]).Round(time.Second), most, s.rate, best)
		require.LessOrEqual(s.t, most, s.rate+max(1, s.rate/100), w.name)
	}
}

// proveWhatsApp holds every message to what the fake took: it got each once at most, and what
// it took and reported has become what was reported, although many answers were lost.
func (s *soak) proveWhatsApp() {
	s.t.Helper()
	p := s.whatsApp
	run := s.proveBalanced(p.campaign, expected{people: s.people, status: "finished"})
	list := s.messages(run)
	require.Len(s.t, list, s.people, "everybody has one message")
	p.mu.Lock()
	defer p.mu.Unlock()
	states, settled := map[string]int{}, 0
	for _, m := range list {
		states[m.state]++
		copies, refused := p.taken[m.address], p.refused[m.address]
		delete(p.taken, m.address)
		require.LessOrEqual(s.t, copies, 1, "message %d is %s", m.id, m.state)
		fate := fakes.Fate(m.address[len(m.address)-2:])
		switch {
		case m.state == "unknown" && fate == fakes.Silent, m.state == "sent" && fate == fakes.Silent && copies == 1:
		case m.state == "unknown":
			require.Zero(s.t, copies, "message %d is in doubt, and the fake has taken and reported it", m.id)
		case fate == fakes.Unknown:
			require.Equal(s.t, "rejected", m.state, "message %d", m.id)
			require.NotZero(s.t, refused)
		case fate == fakes.Returned:
			require.Contains(s.t, []string{"rejected", "failed"}, m.state, "message %d", m.id)
			require.Equal(s.t, 1, copies, "message %d", m.id)
		default:
			require.Equal(s.t, "read", m.state, "message %d", m.id)
			require.Equal(s.t, 1, copies, "message %d", m.id)
			settled++
		}
	}
	require.Empty(s.t, p.taken, "the fake was asked for nobody else")
	require.LessOrEqual(s.t, states["unknown"], s.hits*2*mostOverHTTP, "no more are in doubt than were in flight")
	s.t.Logf("WhatsApp: %v, %d read, and the network was bad %d times", states, settled, s.hits)
}
