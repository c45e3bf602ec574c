package app

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"carillon/campaigns"
	"carillon/configs"
	"carillon/internal/clock"
	"carillon/internal/sink"
	"carillon/messages"
	"carillon/providers"
	"carillon/queue"
)

// people is the list that the tests could burn.
const people = 600

func mailServer(t *testing.T, o sink.Options) (s *sink.SMTP, config string) {
	t.Helper()
	s, err := sink.NewSMTP(o)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, s.Close()) })
	return s, fmt.Sprintf(`{"host":"127.0.0.1","port":%d,"tls":"none","from":"news@example.org"}`, s.Port())
}

func endpoint(t *testing.T, o sink.Options) (s *sink.HTTP, config string) {
	t.Helper()
	s, err := sink.NewHTTP(o)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, s.Close()) })
	return s, fmt.Sprintf(`{"url":%q,"secret":"whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSwMfKQ9r8GKYqr"}`, s.URL()+"/messages")
}

// stage is a campaign to people that is under way.
type stage struct {
	t *testing.T
	e *Engine
	f testFixture
	c campaigns.Campaign
}

func perform(t *testing.T, e *Engine, channel testChannel, n int) stage {
	t.Helper()
	f := newFixture(t, e, channel, n)
	c, err := e.Campaigns.Start(t.Context(), f.account, f.campaign(t, e, "Hello").ID, true)
	require.NoError(t, err)
	e.Wake()
	return stage{t, e, f, c}
}

func (s stage) run() campaigns.Run {
	s.t.Helper()
	run, err := s.e.Store.GetRun(s.t.Context(), s.f.account, s.c.RunID)
	require.NoError(s.t, err)
	return run
}

func (s stage) channel() providers.Channel {
	s.t.Helper()
	c, err := s.e.Store.GetChannel(s.t.Context(), s.f.account, s.f.channel.ID)
	require.NoError(s.t, err)
	return c
}

// settled waits until the channel is in a state of health and nothing of the run
// is under way.
func (s stage) settled(state providers.HealthState) messages.Counts {
	s.t.Helper()
	var run campaigns.Run // one reading: a degraded channel soon tries a few again
	require.Eventually(s.t, func() bool {
		run = s.run()
		return s.channel().Health.State == state && run.PlanDone && run.Counts[messages.Queued]+run.Counts[messages.Sending] == 0
	}, 30*time.Second, 5*time.Millisecond)
	return run.Counts
}

// What a provider refuses for everybody costs nobody a message: the channel says
// why in words, and when it is corrected all go out.
func TestWhatIsRefusedForEverybodyBurnsNobody(t *testing.T) {
	t.Parallel() // most of it is waiting for a channel's next try
	at := func(verb, reply string) sink.Options {
		return sink.Options{Command: func(line string) string {
			if strings.HasPrefix(line, verb) {
				return reply
			}
			return ""
		}}
	}
	after := func(code int, text string) sink.Options {
		return sink.Options{Answer: func(int64, int64) sink.Answer { return sink.Answer{Code: code, Text: text} }}
	}
	for _, c := range []struct {
		name, provider string
		far            sink.Options
		health         providers.HealthState
		says           string
	}{
		{"sender", "smtp", at("MAIL", "553 5.7.1 <news@example.org>: Sender address rejected: not owned by user x"), providers.HealthStopped, "refuses the sender"},
		{"sender said at RCPT", "smtp", at("RCPT", "553 5.7.1 <news@example.org>: Sender address rejected: not owned by user x"), providers.HealthStopped,
			"not owned by user"},
		{"daily quota", "smtp", at("MAIL", "550-5.4.5 Daily user sending quota exceeded.\r\n550 5.4.5 x - gsmtp"), providers.HealthHeld, "quota exceeded"},
		{"quota after the dot", "smtp", after(554, "5.2.0 STOREDRV.Submission.Exception:SubmissionQuotaExceededException"), providers.HealthHeld, "used up"},
		{"account after the dot", "smtp", after(554, "Sending paused for this account."), providers.HealthStopped, "refuses us"},
		{"redirect", "webhook", after(301, ""), providers.HealthStopped, "redirects are not followed"},
		{"method", "webhook", after(405, ""), providers.HealthStopped, "check config.url"},
		{"nobody there", "webhook", after(404, ""), providers.HealthDegraded, "check config.url"},
		{"passing redirect", "webhook", after(302, ""), providers.HealthDegraded, "redirects are not followed"},
	} {
		t.Run(c.name, func(t *testing.T) {
			bothEngines(t, func(t *testing.T, config configs.Config) {
				e := startTestEngine(t, config, AllRoles)
				var bad, good string
				if c.provider == "smtp" {
					_, bad = mailServer(t, c.far)
					_, good = mailServer(t, sink.Options{})
				} else {
					_, bad = endpoint(t, c.far)
					_, good = endpoint(t, sink.Options{})
				}
				s := perform(t, e, testChannel{provider: c.provider, config: bad}, people)
				require.Equal(t, messages.Counts{messages.Pending: people}, s.settled(c.health))
				ch := s.channel()
				require.Contains(t, ch.Health.Reason, c.says)
				require.NotZero(t, ch.Health.Since)
				require.Equal(t, c.health == providers.HealthStopped, ch.Status == providers.ChannelStopped)
				require.Equal(t, c.health == providers.HealthStopped, ch.Health.NextTry.IsZero())

				ch.Config = json.RawMessage(good)
				_, err := e.Store.UpdateChannel(t.Context(), ch)
				require.NoError(t, err)
				if c.health == providers.HealthStopped {
					require.NoError(t, e.Store.ResumeChannel(t.Context(), s.f.account, ch.ID, "test"))
				}
				began := clock.System{}.Now()
				require.Eventually(t, func() bool { return s.run().Counts[messages.Sent] > 0 }, 20*time.Second, 5*time.Millisecond)
				if c.health != providers.HealthDegraded { // whose first few tries wait for their next
					require.Less(t, clock.System{}.Now().Sub(began), 5*time.Second)
				}
				require.Eventually(t, func() bool { return s.channel().Health == providers.Health{State: providers.HealthOK} }, 5*time.Second, 5*time.Millisecond)
				require.Eventually(t, func() bool { return s.run().Counts[messages.Sent] == people }, 40*time.Second, 20*time.Millisecond)
			})
		})
	}
}

// A server that closes after the final dot leaves a handful in doubt.
func TestDoubtHasAnEnd(t *testing.T) {
	bothEngines(t, func(t *testing.T, config configs.Config) {
		e := startTestEngine(t, config, AllRoles)
		var broken atomic.Bool
		broken.Store(true)
		far, bad := mailServer(t, sink.Options{Answer: func(int64, int64) sink.Answer {
			if broken.Load() {
				return sink.Answer{Drop: sink.AfterAccepting}
			}
			return sink.Answer{}
		}})
		s := perform(t, e, testChannel{provider: "smtp", config: bad}, people)
		counts := s.settled(providers.HealthDegraded)
		require.Equal(t, messages.Counts{messages.Unknown: providers.DefaultDoubtsInARow, messages.Pending: people - providers.DefaultDoubtsInARow}, counts)
		require.Equal(t, int64(providers.DefaultDoubtsInARow), far.Asked(), "whoever was not asked is not in doubt")
		require.Contains(t, s.channel().Health.Reason, "in doubt")
		broken.Store(false)
		require.NoError(t, e.Store.PauseChannel(t.Context(), s.f.account, s.f.channel.ID, "test"))
		require.NoError(t, e.Store.ResumeChannel(t.Context(), s.f.account, s.f.channel.ID, "test"))
		require.Eventually(t, func() bool {
			return s.run().Counts[messages.Sent] == people-providers.DefaultDoubtsInARow && s.channel().Health.State == providers.HealthOK
		}, 20*time.Second, 20*time.Millisecond)
	})
}

// A long Retry-After is said on the channel, and resuming begins anew.
func TestAHoldIsShownAndResumingEndsIt(t *testing.T) {
	bothEngines(t, func(t *testing.T, config configs.Config) {
		e := startTestEngine(t, config, AllRoles)
		var asks atomic.Int64
		_, far := endpoint(t, sink.Options{Answer: func(int64, int64) sink.Answer {
			if asks.Add(1) == 1 {
				return sink.Answer{Code: 429, Header: http.Header{"Retry-After": {"9999999999"}}}
			}
			return sink.Answer{}
		}})
		s := perform(t, e, testChannel{provider: "webhook", config: far}, people)
		require.Eventually(t, func() bool { return s.channel().Health.State == providers.HealthHeld }, 20*time.Second, time.Millisecond)
		require.Contains(t, s.channel().Health.Reason, "held by the provider until")
		require.NoError(t, e.Store.ResumeChannel(t.Context(), s.f.account, s.f.channel.ID, "test"))
		require.Eventually(t, func() bool { return s.run().Counts[messages.Sent] == people && s.channel().Health.Well() }, 20*time.Second, 20*time.Millisecond)
	})
}

// Refusals alike, whatever their code, pause the campaign.
func TestRefusalsAlikePauseTheCampaign(t *testing.T) {
	eachEngine(t, func(t *testing.T, config configs.Config) {
		e := startTestEngine(t, config, AllRoles)
		var broken atomic.Bool
		broken.Store(true)
		_, bad := mailServer(t, sink.Options{Answer: func(int64, int64) sink.Answer {
			if broken.Load() {
				return sink.Answer{Code: 554, Text: "5.7.1 we do not like this"}
			}
			return sink.Answer{}
		}})
		s := perform(t, e, testChannel{provider: "smtp", config: bad}, people)
		require.Eventually(t, func() bool {
			run := s.run()
			return run.Status == campaigns.RunPaused && run.Counts[messages.Queued]+run.Counts[messages.Sending] == 0
		}, 20*time.Second, 5*time.Millisecond)
		run := s.run()
		require.Equal(t, int64(providers.DefaultRefusalsInARow-1), run.Counts[messages.Failed])
		require.Contains(t, run.Reason, "20 messages were refused alike")
		require.Contains(t, run.Reason, "we do not like this")
		require.Equal(t, providers.HealthOK, s.channel().Health.State)
		broken.Store(false)
		require.NoError(t, e.Store.ResumeCampaign(t.Context(), s.f.account, s.c.ID, "test"))
		require.Eventually(t, func() bool { return s.run().Counts[messages.Sent] > 500 }, 20*time.Second, 20*time.Millisecond)
		require.Empty(t, s.run().Reason)
	})
}

// Three bad addresses of a small list, and one that gets mail too quickly, stop
// nothing.
func TestBadAddressesStopNothing(t *testing.T) {
	eachEngine(t, func(t *testing.T, config configs.Config) {
		e := startTestEngine(t, config, AllRoles)
		_, far := mailServer(t, sink.Options{Command: func(line string) string {
			for _, bad := range []string{"person1@", "person2@", "person3@"} {
				if strings.HasPrefix(line, "RCPT TO:<"+bad) {
					return "550 5.1.1 no such user"
				}
			}
			if strings.HasPrefix(line, "RCPT TO:<person4@") {
				return "450-4.2.1 The user you are trying to contact is receiving mail too quickly. Please\r\n450 4.2.1 resend your message at a later time."
			}
			return ""
		}})
		s := perform(t, e, testChannel{provider: "smtp", config: far}, 6)
		require.Eventually(t, func() bool {
			return s.run().Counts == messages.Counts{messages.Sent: 2, messages.Rejected: 3, messages.Pending: 1}
		}, 20*time.Second, 20*time.Millisecond)
		require.Equal(t, providers.HealthOK, s.channel().Health.State)
		state, err := e.Queue.Limiter().State(t.Context(), queue.Channel{AccountID: s.f.account, ID: s.f.channel.ID}, s.channel().Epoch)
		require.NoError(t, err)
		require.Zero(t, state.BlockedFor)
		waiting, err := e.Store.ListMessages(t.Context(), messages.MessageFilter{AccountID: s.f.account, RunID: s.c.RunID, Reason: messages.ReasonTemporary,
			Limit: 10})
		require.NoError(t, err)
		require.Len(t, waiting, 1)
		require.Equal(t, 1, waiting[0].Attempt, "its tries are counted")
	})
}

// A corrected channel is used at once by every worker process, also where the old
// server hangs, and its health begins anew.
func TestACorrectedChannelIsUsedAtOnce(t *testing.T) {
	eachEngine(t, func(t *testing.T, config configs.Config) {
		release := make(chan struct{})
		_, hanging := mailServer(t, sink.Options{Command: func(string) string {
			<-release
			return "drop"
		}})
		e := startTestEngine(t, config, AllRoles)
		if !config.StoreDSN.Empty() {
			for range 2 {
				startTestEngine(t, config, Roles{Worker: true})
			}
		}
		s := perform(t, e, testChannel{provider: "smtp", config: hanging}, people)
		require.Eventually(t, func() bool { return s.run().Counts[messages.Sending] > 0 }, 20*time.Second, 5*time.Millisecond)
		_, good := mailServer(t, sink.Options{})
		ch := s.channel()
		ch.Config = json.RawMessage(good)
		_, err := e.Store.UpdateChannel(t.Context(), ch)
		require.NoError(t, err)
		began := clock.System{}.Now()
		require.Eventually(t, func() bool { return s.run().Counts[messages.Sent] > 0 }, 10*time.Second, time.Millisecond)
		took := clock.System{}.Now().Sub(began)
		t.Logf("the first message went out %s after the change", took)
		close(release)
		require.Less(t, took, 2*time.Second)
		require.Eventually(t, func() bool { return s.run().Counts[messages.Sent] > people*9/10 && s.channel().Health.Well() }, 20*time.Second, 20*time.Millisecond)
	})
}

// After the answer to a change no request begins with what was before, in any
// worker process.
func TestNoRequestBeginsWithTheOldConfiguration(t *testing.T) {
	eachEngine(t, func(t *testing.T, config configs.Config) {
		e := startTestEngine(t, config, AllRoles)
		if !config.StoreDSN.Empty() {
			for range 2 {
				startTestEngine(t, config, Roles{Worker: true})
			}
		}
		old, before := endpoint(t, sink.Options{Record: true})
		far, after := endpoint(t, sink.Options{})
		s := perform(t, e, testChannel{provider: "webhook", config: before}, 20_000)
		require.Eventually(t, func() bool { return old.Asked() > 1000 }, 20*time.Second, time.Millisecond)
		ch := s.channel()
		ch.Config = json.RawMessage(after)
		_, err := e.Store.UpdateChannel(t.Context(), ch)
		require.NoError(t, err)
		answered := clock.System{}.Now()
		require.Eventually(t, func() bool { return s.run().Status == campaigns.RunFinished }, 60*time.Second, 20*time.Millisecond)
		for _, ask := range old.Asks() {
			require.False(t, ask.Began.After(answered), "message %d began %s after the answer", ask.ID, ask.Began.Sub(answered))
		}
		require.Equal(t, int64(20_000), old.Asked()+far.Asked())
	})
}
