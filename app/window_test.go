package app

import (
	"encoding/json"
	"fmt"
	"maps"
	"math/rand/v2"
	"net/http"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"carillon/internal/clock"
	"carillon/internal/fakes"
	"carillon/internal/secret"
)

// moved is the machine's clock, set back by some time.
type moved struct {
	clock.System
	by atomic.Int64
}

func (m *moved) Now() time.Time { return m.System.Now().Add(-time.Duration(m.by.Load())) }

const number, appSecret = "106540352242922", "a-secret-of-the-app-0123"

// replying is a server with a channel that leads to a fake of Meta's.
type replying struct {
	t *testing.T
	// to is whom people write to.
	to     string
	fake   *fakes.Server
	clock  *moved
	url    string
	client *http.Client
	mu     sync.Mutex
	told   []fakes.Message
	wrote  int
}

// reply is a server, and a fake that leads to its first channel what people write to whom to is.
func reply(t *testing.T, to string, start func(fakes.Options) (*fakes.Server, error)) *replying {
	r := &replying{t: t, to: to, clock: &moved{}, client: &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}}
	var err error
	r.fake, err = start(fakes.Options{Secret: appSecret, Clock: r.clock, Templates: map[string]string{"again": "Write to us, {{1}}."},
		Tell: func(m fakes.Message) {
			r.mu.Lock()
			defer r.mu.Unlock()
			r.told = append(r.told, m)
		}})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, r.fake.Close()) })
	c := startConfig(t)
	c.AllowPrivateAddresses, c.AdminKey = true, secret.New("admin-key-0123456789")
	s, err := Start(t.Context(), c, AllRoles, Notices{Say: func(string) {}})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, s.Stop()) })
	r.url = s.URL
	r.fake.ReportTo(s.URL + "/hooks/1")
	return r
}

func newReplying(t *testing.T) *replying {
	r := reply(t, number, fakes.WhatsApp)
	require.EqualValues(t, 1, r.post("/v1/channels", r.settings("chat", `,"app_secret":"`+appSecret+`"`)))
	r.post("/v1/templates", `{"name":"again","category":"utility","kinds":["whatsapp"],"default_language":"en",
		"parameters":[{"name":"1","value":"{{ contact.first_name | default: 'you' }}","sample":"Ada"}],
		"translations":[{"language":"en","body":"Write to us, {{1}}."}]}`)
	r.do("POST", "/v1/channels/1/templates/sync", "")
	return r
}

func (r *replying) settings(name, more string) string {
	return fmt.Sprintf(`{"name":%q,"provider":"whatsapp","limits":{"per_second":1000},"config":{"api":%q,"phone_number_id":%q,"business_account_id":"1",
		"token":"a-token-of-a-fake-0123"%s}}`, name, r.fake.URL()+"/v26.0", number, more)
}

func (r *replying) do(method, path, body string) string {
	r.t.Helper()
	answer, content := ask(r.t, r.client, method+" "+r.url+path, body)
	require.Less(r.t, answer.StatusCode, 300, "%s %s: %s", method, path, content)
	return content
}

// refused is what is said of a request that can't be meant.
func (r *replying) refused(method, path, body string) string {
	r.t.Helper()
	answer, said := ask(r.t, r.client, method+" "+r.url+path, body)
	require.Equal(r.t, 422, answer.StatusCode, said)
	return said
}

func (r *replying) read(path string, into any) {
	r.t.Helper()
	require.NoError(r.t, json.Unmarshal([]byte(r.do("GET", path, "")), into))
}

func (r *replying) post(path, body string) int64 {
	r.t.Helper()
	var of struct {
		ID int64 `json:"id"`
	}
	require.NoError(r.t, json.Unmarshal([]byte(r.do("POST", path, body)), &of))
	return of.ID
}

// write has somebody write to the channel, as long ago as age.
func (r *replying) write(from string, age time.Duration) {
	r.clock.by.Store(int64(age))
	r.fake.Write(r.to, strings.TrimPrefix(from, "+"), "Hello")
	r.clock.by.Store(0)
	r.wrote++
}

// heard waits until all that was written has come.
func (r *replying) heard() {
	r.t.Helper()
	require.Eventually(r.t, func() bool {
		var page struct {
			Items []struct{} `json:"items"`
		}
		r.read("/v1/replies?limit=500", &page)
		return len(page.Items) == r.wrote
	}, 30*time.Second, 10*time.Millisecond)
}

type became struct{ State, Reason, Detail, Address string }

// single sends one message and waits for what becomes of it.
func (r *replying) single(body string) (m became) {
	r.t.Helper()
	id := r.post("/v1/messages", body)
	require.Eventually(r.t, func() bool {
		r.read(fmt.Sprintf("/v1/messages/%d", id), &m)
		return m.State != "pending" && m.State != "queued" && m.State != "sending"
	}, 30*time.Second, 5*time.Millisecond)
	return m
}

// campaign sends a campaign to everybody and waits for its end.
func (r *replying) campaign(content string) []became {
	r.t.Helper()
	return r.run(r.post("/v1/campaigns", fmt.Sprintf(`{"name":"c","channel_id":1,"audience":{"all":true},"content":%s}`, content)))
}

// run starts a campaign and waits for its end.
func (r *replying) run(id int64) []became {
	r.t.Helper()
	r.do("POST", fmt.Sprintf("/v1/campaigns/%d/start", id), "")
	var runs struct {
		Items []struct {
			ID     int64
			Status string
		}
	}
	require.Eventually(r.t, func() bool {
		r.read(fmt.Sprintf("/v1/campaigns/%d/runs", id), &runs)
		return len(runs.Items) == 1 && runs.Items[0].Status == "finished"
	}, time.Minute, 20*time.Millisecond)
	var page struct{ Items []became }
	r.read(fmt.Sprintf("/v1/runs/%d/messages?limit=500", runs.Items[0].ID), &page)
	return page.Items
}

// taken forgets what the fake was asked, and returns it: what was taken by address.
func (r *replying) taken() (took map[string]string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	took = map[string]string{}
	for _, m := range r.told {
		require.Empty(r.t, m.Refused, "%s to %s", m.Text, m.To)
		took[m.To] = m.Text
	}
	r.told = nil
	return took
}

// Whoever writes, whenever: nobody is sent what the provider refuses because they have not
// written, and everybody who has written lately is sent what was meant for them.
func TestNobodyIsSentWhatTheWindowIsClosedFor(t *testing.T) {
	t.Parallel()
	r := newReplying(t)
	random := rand.New(rand.NewPCG(7, 11))
	const people, rounds = 40, 6
	var addresses [people]string
	var last [people]time.Time
	for i := range addresses {
		addresses[i] = fmt.Sprintf("+49151123%02d99", i)
		r.post("/v1/contacts", fmt.Sprintf(`{"first_name":"N%d","addresses":{"whatsapp":%q}}`, i, addresses[i]))
	}
	for round := range rounds {
		for i := range addresses {
			for range random.IntN(3) {
				age := time.Duration(random.Int64N(int64(47 * time.Hour)))
				if age > 23*time.Hour+50*time.Minute && age < 24*time.Hour {
					age = 24 * time.Hour // what ends while the test runs is another test's
				}
				if at := (clock.System{}).Now().Add(-age); at.After(last[i]) {
					last[i] = at
				}
				r.write(addresses[i], age)
			}
		}
		r.heard()
		open := func(i int) bool { return last[i].After((clock.System{}).Now().Add(-24*time.Hour + time.Minute)) }
		content, template := `{"text":"Hello {{ contact.first_name }}"}`, round%2 == 1
		if template {
			content = `{"text":"Hello {{ contact.first_name }}","window_template":"again"}`
		}
		outside := 0
		states := map[string]became{}
		for _, m := range r.campaign(content) {
			states[m.Address] = m
		}
		took := r.taken()
		for i, address := range addresses {
			want, text := "", ""
			switch {
			case open(i):
				text = fmt.Sprintf("text Hello N%d", i)
			case template:
				text, outside = "template again", outside+1
			default:
				want, outside = "window", outside+1
			}
			require.Equal(t, want, states[address].Reason, "round %d: %+v", round, states[address])
			require.Equal(t, want != "", states[address].State == "skipped", address)
			require.Equal(t, text, took[address], "round %d: %s", round, address)
		}
		require.NotZero(t, outside)
		require.Less(t, outside, people)
		for range 10 {
			i := random.IntN(people)
			m := r.single(fmt.Sprintf(`{"channel_id":1,"to":%q,"content":%s}`, addresses[i], strings.ReplaceAll(content, "contact.first_name", "'you'")))
			switch took := r.taken(); {
			case open(i):
				require.Equal(t, "text Hello you", took[addresses[i]])
			case template:
				require.Equal(t, "template again", took[addresses[i]])
			default:
				require.Equal(t, became{"skipped", "window", "", addresses[i]}, m)
				require.Empty(t, took)
			}
		}
	}
}

// What a campaign would do is foreseen, single messages and flows know of the window, and a
// channel that hears nobody sends as if there were none.
func TestTheWindowIsForeseen(t *testing.T) {
	r := newReplying(t)
	for i, language := range []string{"en", "en", "de"} {
		r.post("/v1/contacts", fmt.Sprintf(`{"language":%q,"addresses":{"whatsapp":"+491511230%d99","email":"n%d@example.org"}}`, language, i, i))
	}
	r.write("+491511230099", time.Hour)
	r.write("+491511230299", 25*time.Hour)
	r.heard()
	draft := func(content string) string {
		return fmt.Sprintf("/v1/campaigns/%d", r.post("/v1/campaigns", fmt.Sprintf(`{"name":"c","channel_id":1,"audience":{"all":true},"content":%s}`, content)))
	}
	plain, falls, kept := draft(`{"text":"Hi"}`), draft(`{"text":"Hi","window_template":"again"}`), draft(`{"template":{"name":"again"}}`)
	require.Contains(t, r.do("GET", plain+"/preview", ""), `"outside_window":{"skipped":2,"template":0}`)
	require.Contains(t, r.do("GET", falls+"/preview", ""), `"outside_window":{"skipped":0,"template":2}`)
	require.NotContains(t, r.do("GET", kept+"/preview", ""), "outside_window")
	require.Contains(t, r.do("GET", plain+"/checks", ""), "2 recipients would be skipped: they have not written to the channel in the last 24 hours")
	require.NotContains(t, r.do("GET", falls+"/checks", ""), `"window"`)
	for what, wrong := range map[string]string{
		`{"name":"c","channel_id":1,"audience":{"all":true},"content":{"text":"Hi","window_template":"unheard_of"}}`: "content.window_template",
	} {
		answer, said := ask(t, r.client, "POST "+r.url+"/v1/campaigns", what)
		require.Equal(t, 422, answer.StatusCode, said)
		require.Contains(t, said, wrong)
	}
	require.Contains(t, r.do("POST", "/v1/messages/preview", `{"channel_id":1,"to":"+491511230199","content":{"text":"Hi"}}`), `"skipped":"window"`)
	require.NotContains(t, r.do("POST", "/v1/messages/preview", `{"channel_id":1,"to":"+491511230099","content":{"text":"Hi"}}`), `"skipped"`)
	require.Contains(t, r.do("POST", "/v1/messages/preview", `{"channel_id":1,"to":"+491511230199","content":{"text":"Hi","window_template":"again"}}`),
		"Write to us, you.")

	// A template that is in use stays.
	answer, said := ask(t, r.client, "DELETE "+r.url+"/v1/templates/1", "")
	require.Equal(t, 409, answer.StatusCode, said)

	// Who does not get it by WhatsApp gets it by another way.
	mail := r.post("/v1/channels", `{"name":"mail","provider":"sandbox","config":{"receipts":"none"}}`)
	answer, said = ask(t, r.client, "POST "+r.url+"/v1/campaigns", fmt.Sprintf(
		`{"name":"c","channel_id":%d,"audience":{"all":true},"content":{"subject":"Hi","text":"Hi","window_template":"again"}}`, mail))
	require.Equal(t, 422, answer.StatusCode, said)
	require.Contains(t, said, "a sandbox channel sends anything to everybody at any time")
	flow := r.post("/v1/flows", fmt.Sprintf(`{"name":"f","channel_id":1,"audience":{"all":true},"steps":[
		{"id":"chat","kind":"send","content":{"text":"Hi"},"exits":{"skipped:window":"mail"},"next":"done"},
		{"id":"done","kind":"end","outcome":"chat"},
		{"id":"mail","kind":"send","channel_id":%d,"content":{"subject":"Hi","text":"Hi"}},
		{"id":"mailed","kind":"end","outcome":"mail"}]}`, mail))
	r.do("POST", fmt.Sprintf("/v1/flows/%d/start", flow), "")
	require.Eventually(t, func() bool {
		report := r.do("GET", fmt.Sprintf("/v1/flows/%d/report", flow), "")
		return strings.Contains(report, `"inside":0`) && strings.Contains(report, `"entered":3`)
	}, time.Minute, 20*time.Millisecond)
	report := r.do("GET", fmt.Sprintf("/v1/flows/%d/report", flow), "")
	require.Regexp(t, `"outcome":"chat"[^}]*:1\b`, report)
	require.Regexp(t, `"outcome":"mail"[^}]*:2\b`, report)
	require.Equal(t, map[string]string{"+491511230099": "text Hi"}, r.taken())

	// A channel to which nobody can post knows of nobody who wrote.
	deaf := r.post("/v1/channels", r.settings("deaf", ""))
	require.Equal(t, "rejected", r.single(fmt.Sprintf(`{"channel_id":%d,"to":"+491511230199","content":{"text":"Hi"}}`, deaf)).State)
}

// A window is as long as the channel's tag says, and without templates who is outside of it gets
// nothing: Meta takes all that it is asked to, and is not asked for the rest.
func TestAWindowIsAsLongAsTheTagSays(t *testing.T) {
	const day = 24 * time.Hour
	wrote := map[string]time.Duration{"2412345678900199": time.Hour, "2412345678900299": day + time.Hour, "2412345678900399": 6*day + 23*time.Hour,
		"2412345678900499": 7*day + time.Hour, "2412345678900599": 0}
	for provider, of := range map[string]struct {
		start func(fakes.Options) (*fakes.Server, error)
		who   string
	}{"messenger": {fakes.Messenger, "page_id"}, "instagram": {fakes.Instagram, "account_id"}} {
		for tag, window := range map[string]time.Duration{"": day, "HUMAN_AGENT": 7 * day} {
			t.Run(provider+tag, func(t *testing.T) {
				r := reply(t, "17841400000000000", of.start)
				settings := func(name, more string) string {
					return fmt.Sprintf(`{"name":%q,"provider":%q,"limits":{"per_second":1000},"config":{"api":%q,%q:%q,"token":"a-token-of-a-fake-0123"%s}}`,
						name, provider, r.fake.URL()+"/v26.0", of.who, r.to, more)
				}
				more := `,"app_secret":"` + appSecret + `"`
				if tag != "" {
					more += `,"tag":"` + tag + `"`
				}
				require.EqualValues(t, 1, r.post("/v1/channels", settings("talk", more)))
				kind, want := map[string]string{"messenger": "facebook", "instagram": "instagram"}[provider], map[string]string{}
				for who, age := range wrote {
					r.post("/v1/contacts", fmt.Sprintf(`{"addresses":{%q:%q}}`, kind, who))
					if age == 0 {
						continue
					}
					r.write(who, age)
					if age < window {
						want[who] = "Hi"
					}
				}
				r.heard()
				warned := r.do("GET", fmt.Sprintf("/v1/campaigns/%d/checks", r.post("/v1/campaigns",
					`{"name":"c","channel_id":1,"audience":{"all":true},"content":{"text":"Hi"}}`)), "")
				require.Contains(t, warned, fmt.Sprintf("%d recipients would be skipped: they have not written to the channel in the last %s, and a %s channel "+
					"sends such people nothing", len(wrote)-len(want), map[string]string{"": "24 hours", "HUMAN_AGENT": "7 days"}[tag], provider))
				require.NotContains(t, warned, "window_template")
				for _, m := range r.campaign(`{"text":"Hi"}`) {
					require.Equal(t, want[m.Address] == "", m.State == "skipped", "%+v", m)
					require.Equal(t, want[m.Address] == "", m.Reason == "window", "%+v", m)
				}
				require.Equal(t, want, r.taken())
				require.Equal(t, "window", r.single(`{"channel_id":1,"to":"2412345678900499","content":{"text":"Hi"}}`).Reason)

				said := r.refused("POST", "/v1/messages", `{"channel_id":1,"to":"2412345678900499","content":{"text":"Hi","window_template":"again"}}`)
				require.Contains(t, said, "content.window_template")
				require.Contains(t, said, "has no template that could go to who has not written lately")
				deaf := r.post("/v1/channels", settings("deaf", ""))
				require.Equal(t, "rejected", r.single(fmt.Sprintf(`{"channel_id":%d,"to":"2412345678900499","content":{"text":"Hi"}}`, deaf)).State)
			})
		}
	}
}

// A flow is played with the window: who has written lately, as it is known or said, is told what
// all are told, and so is who answers; the others go by the exit of who is skipped, or get the
// template.
func TestTheWindowIsPlayed(t *testing.T) {
	r := newReplying(t)
	for i := range 2 {
		r.post("/v1/contacts", fmt.Sprintf(`{"addresses":{"whatsapp":"+491511230%d99"}}`, i))
	}
	r.write("+491511230099", time.Hour)
	r.heard()
	flow := func(content, wait string) int64 {
		return r.post("/v1/flows", fmt.Sprintf(`{"name":"f","channel_id":1,"audience":{"all":true},"steps":[
			{"id":"hello","kind":"send","content":%s,"exits":{"skipped:window":"closed"},"next":"really"},
			{"id":"closed","kind":"end","outcome":"closed"},
			{"id":"really","kind":"ask","content":{"template":{"name":"again"}},"question":{"type":"text","timeout":"1h"},"next":"pause"},
			{"id":"pause","kind":"wait","wait":{"for":%q},"next":"more"},
			{"id":"more","kind":"send","content":{"text":"More"},"exits":{"skipped:window":"late"},"next":"done"},
			{"id":"late","kind":"end","outcome":"late"},
			{"id":"done","kind":"end","outcome":"done"}]}`, content, wait))
	}
	plain, falls := `{"text":"Hi"}`, `{"text":"Hi","window_template":"again"}`
	for _, c := range []struct{ content, wait, ask, want string }{
		{plain, "2h", `{}`, "1 Hi, 1 not: window, 1 Write to us, you., 1 More; 1 closed, 1 done"},
		{plain, "23h30m", `{}`, "1 Hi, 1 not: window, 1 Write to us, you., 1 More; 1 closed, 1 done"},
		{plain, "23h30m", `{"answers":{"really":[""]}}`, "1 Hi, 1 not: window, 1 Write to us, you., 1 not: window; 1 closed, 1 late"},
		{plain, "24h1m", `{}`, "1 Hi, 1 not: window, 1 Write to us, you., 1 not: window; 1 closed, 1 late"},
		{plain, "2h", `{"wrote":"never"}`, "2 not: window; 2 closed"},
		{plain, "2h", `{"wrote":"24h1m"}`, "2 not: window; 2 closed"},
		{plain, "2h", `{"wrote":"23h"}`, "2 Hi, 2 Write to us, you., 2 More; 2 done"},
		{falls, "2h", `{"wrote":"never"}`, "2 Write to us, you., 2 Write to us, you., 2 More; 2 done"},
		{falls, "2h", `{"wrote":"0s"}`, "2 Hi, 2 Write to us, you., 2 More; 2 done"},
	} {
		var sim struct {
			Messages []struct {
				Step, Skipped string
				Content       struct{ Text string }
			}
			Outcomes []struct {
				Outcome string
				Count   int
			}
			Notices []string
		}
		require.NoError(t, json.Unmarshal([]byte(r.do("POST", fmt.Sprintf("/v1/flows/%d/simulate", flow(c.content, c.wait)), c.ask)), &sim))
		require.Contains(t, strings.Join(sim.Notices, "; "), "only to who has written lately")
		said, ended := map[string]int{}, map[string]int{}
		for _, m := range sim.Messages {
			what := m.Content.Text
			if m.Skipped != "" {
				what = "not: " + m.Skipped
			}
			said[m.Step+" "+what]++
		}
		for _, o := range sim.Outcomes {
			ended[o.Outcome] = o.Count
		}
		list := func(counts map[string]int, order ...string) string {
			var all []string
			for _, key := range order {
				for _, what := range slices.Sorted(maps.Keys(counts)) {
					if what == key || strings.HasPrefix(what, key+" ") {
						all = append(all, fmt.Sprintf("%d %s", counts[what], strings.TrimPrefix(what, key+" ")))
					}
				}
			}
			return strings.Join(all, ", ")
		}
		require.Equal(t, c.want, list(said, "hello", "really", "more")+"; "+list(ended, "closed", "late", "done"), "%+v", c)
	}
	require.Contains(t, r.refused("POST", fmt.Sprintf("/v1/flows/%d/simulate", flow(plain, "2h")), `{"wrote":"yesterday"}`), "wrote")
}

// asked forgets what the fake was asked, and returns it in its order: whom, and what with which
// code.
func (r *replying) asked() (list []string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, m := range r.told {
		list = append(list, strings.TrimSpace(m.To+" "+m.Text+" "+m.Refused))
	}
	r.told = nil
	return list
}

// Where the provider says that a window is closed of which we know otherwise, the template goes
// instead, in one more try whatever attempts there are, and nobody is asked again to find that out.
func TestARefusedWindowIsTriedOnceWithTheTemplate(t *testing.T) {
	r := newReplying(t)
	const text, falls = `{"text":"Hi"}`, `{"text":"Hi","window_template":"again"}`
	single := func(to, content string) became {
		return r.single(fmt.Sprintf(`{"channel_id":1,"to":%q,"content":%s}`, to, content))
	}
	write := func(addresses ...string) {
		for _, address := range addresses {
			r.write(address, time.Hour)
		}
		r.heard()
	}
	// These numbers are refused as outside of the window, whatever they wrote.
	const one, other, third = "+491511230001", "+491511230101", "+491511230201"
	write(one)
	m := single(one, falls)
	require.Contains(t, []string{"sent", "delivered", "read"}, m.State, "%+v", m)
	require.Equal(t, []string{one + " text Hi 131047", one + " template again"}, r.asked())
	single(one, falls)
	require.Equal(t, []string{one + " template again"}, r.asked(), "the window is known to be closed")
	require.Equal(t, "window", single(one, text).Reason)
	require.Empty(t, r.asked())

	// Who writes anew is believed anew; without a template there is nothing to try.
	write(one)
	require.Equal(t, "rejected", single(one, text).State)
	require.Equal(t, "window", single(one, text).Reason)
	require.Equal(t, []string{one + " text Hi 131047"}, r.asked())

	// A campaign with one attempt, of two who are refused, one who is not, and one who did not write.
	for _, address := range []string{other, third, "+491511230299", "+491511230399"} {
		r.post("/v1/contacts", fmt.Sprintf(`{"addresses":{"whatsapp":%q}}`, address))
	}
	write(other, third, "+491511230299")
	id := r.post("/v1/campaigns", fmt.Sprintf(`{"name":"c","channel_id":1,"audience":{"all":true},"content":%s,"throttle":{"max_attempts":1}}`, falls))
	for _, m := range r.run(id) {
		require.Contains(t, []string{"sent", "delivered", "read"}, m.State, "%+v", m)
	}
	asked := r.asked()
	slices.Sort(asked)
	require.Equal(t, []string{other + " template again", other + " text Hi 131047", third + " template again", third + " text Hi 131047",
		"+491511230299 text Hi", "+491511230399 template again"}, asked)

	// On a channel that hears nobody nothing was believed: the provider decides.
	deaf := r.post("/v1/channels", r.settings("deaf", ""))
	require.Equal(t, "rejected", r.single(fmt.Sprintf(`{"channel_id":%d,"to":%q,"content":%s}`, deaf, one, falls)).State)
	require.Equal(t, []string{one + " text Hi 131047"}, r.asked())
}
