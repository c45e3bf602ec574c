package webpush_test

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"carillon/internal/clock"
	"carillon/internal/fakes"
	"carillon/internal/fault"
	"carillon/internal/sink"
	"carillon/providers"
	"carillon/providers/providertest"
	"carillon/providers/webpush"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// Keys that only show the form, of the site and of a browser: the latter are those of RFC 8291's
// example.
const (
	public  = "BAWYUEzp_1jNOOvE6lnfCJG2TPUtPyZFPQ-PVssBznyuSX1uvnIDVLrttCa0WnSJdGpaUEdxtVFELr_fIUg2xBg"
	private = "2giHMiS_30cEgcUQKx2LMlEDidJGelmShRqN5gDU7bY"
	browser = "q1dXpw3UpT5VOmu_cf_v6ih07Aems3njxI-JWgLcM94"
	p256dh  = "BCVxsr7N_eNgVRqvHtD0zTZsEc6-VV-JvLexhqUzORcxaOzi6-AYWXvTBHm4bjyPjs7Vd8pZGH6SRpkNtoIAiw4"
	auth    = "BTBZMqHH6r4Tts7J_aSIgg"
	subject = "mailto:ops@example.org"
)

func config() json.RawMessage {
	return json.RawMessage(fmt.Sprintf(`{"subject":%q,"public_key":%q,"private_key":%q,"services":"push.example.com, 127.0.0.1","timeout_ms":60000}`,
		subject, public, private))
}

// subscription is an address at a push service.
func subscription(service string, n int64) string {
	return fmt.Sprintf(`{"endpoint":"%s/send/%06d?key=a%%2Fb&v=2","keys":{"p256dh":%q,"auth":%q}}`, service, n, p256dh, auth)
}

func number(path string) int64 {
	n, _ := strconv.ParseInt(strings.TrimPrefix(path, "/send/"), 10, 64) // what is no number is nobody's
	return n
}

func reply(code int, text string) sink.Exchange {
	return sink.Exchange{Reply: func(w http.ResponseWriter, _ []sink.Answer) {
		w.WriteHeader(code)
		_, _ = w.Write([]byte(text))
	}}
}

const mismatch = "the VAPID credentials in the authorization header do not correspond to the credentials used to create the subscriptions.\n"

// service plays a push service: it takes what RFC 8030 and 8292 ask for.
func service(r *http.Request, body []byte) sink.Exchange {
	ttl, err := strconv.Atoi(r.Header.Get("TTL"))
	key, problem := fakes.SignedBy(r.Header.Get("Authorization"), "http://"+r.Host, clock.System{}.Now())
	switch {
	case r.Method != http.MethodPost || !strings.HasPrefix(r.URL.Path, "/send/"):
		return reply(404, "")
	case err != nil || ttl < 0:
		return reply(400, "missing TTL")
	case len(body) > 4096:
		return reply(413, "payload too large")
	case problem != "":
		return reply(403, "invalid JWT provided: "+problem)
	case key != public:
		return reply(403, mismatch)
	case r.Header.Get("Content-Encoding") != "aes128gcm" || r.URL.RawQuery != "key=a%2Fb&v=2":
		return reply(400, "bad request")
	}
	id := number(r.URL.Path)
	return sink.Exchange{Messages: []int64{id}, Reply: func(w http.ResponseWriter, _ []sink.Answer) {
		w.Header().Set("Location", fmt.Sprintf("http://%s/message/%d", r.Host, id))
		w.WriteHeader(http.StatusCreated)
	}}
}

// far serves push services, and remembers where the last is.
type far struct{ at atomic.Value }

func (f *far) serve(t testing.TB, o sink.Options) providertest.Far {
	t.Helper()
	o.Dialect = service
	s, err := sink.NewHTTP(o)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, s.Close()) })
	f.at.Store(s.URL())
	return providertest.Far{Config: config(), Tally: &s.Tally}
}

func (f *far) to(n int64) string { return subscription(f.at.Load().(string), n) }

func (f *far) nowhere(address string) json.RawMessage {
	f.at.Store("https://" + address)
	return config()
}

// payload is what a service worker reads.
type payload struct {
	ID, Title, Body, URL, Image, File string
	Actions                           []struct{ Action, Title string }
}

func read(t testing.TB, d sink.Delivery) (p payload) {
	t.Helper()
	text, err := fakes.Unseal(browser, auth, d.Body)
	require.NoError(t, err)
	require.NoError(t, json.Unmarshal(text, &p))
	return p
}

func (f *far) arrived(t testing.TB, d sink.Delivery) []providers.Message {
	p := read(t, d)
	c := providers.Content{Subject: p.Title, Text: p.Body}
	if file := p.Image + p.File; file != "" {
		c.Attachment = &providers.Attachment{URL: file}
	}
	for _, a := range p.Actions {
		c.Buttons = append(c.Buttons, providers.MessageButton{Type: providers.ButtonLink, Caption: a.Title, Info: a.Action})
	}
	return []providers.Message{{To: f.to(d.ID), Content: c}}
}

// said is an answer and what it means.
func said(status int, text string, kind providers.ErrorKind) providertest.Refusal {
	code := strconv.Itoa(status)
	return providertest.Refusal{Name: strings.TrimSpace(code + " " + text), Answer: sink.Answer{Code: status, Text: text}, Kind: kind, Code: code}
}

func refusals() []providertest.Refusal {
	list := []providertest.Refusal{
		said(400, "Bad Request", providers.ErrorContent), said(400, "UnauthorizedRegistration", providers.ErrorAuth),
		said(400, `{"reason":"BadJwtToken"}`, providers.ErrorAuth), said(401, `{"code":401,"errno":109,"message":"Request did not validate"}`, providers.ErrorAuth),
		said(401, `{"code":401,"errno":109,"message":"VAPID public key mismatch"}`, providers.ErrorRecipient),
		said(403, `{"reason":"BadJwtToken"} `+private, providers.ErrorAuth), said(403, `{"reason":"VapidPkHashMismatch"}`, providers.ErrorRecipient),
		said(403, mismatch, providers.ErrorRecipient), said(301, "", providers.ErrorRecipient), said(405, "", providers.ErrorRecipient),
		said(302, "", providers.ErrorTemporary), said(406, "", providers.ErrorRecipientBusy), said(413, "", providers.ErrorContent),
		said(429, "", providers.ErrorThrottled), said(500, "", providers.ErrorTemporary), said(503, "", providers.ErrorTemporary),
	}
	for _, status := range []int{404, 410} {
		gone := said(status, "", providers.ErrorRecipient)
		gone.Bounce = providers.BounceHard
		list = append(list, gone)
	}
	for status, kind := range map[int]providers.ErrorKind{429: providers.ErrorThrottled, 503: providers.ErrorThrottled} {
		slow := said(status, "slow", kind)
		slow.Answer.Header, slow.RetryAfter = http.Header{"Retry-After": {"7"}}, 7*time.Second
		list = append(list, slow)
	}
	for _, status := range []int{200, 202, 204} {
		list = append(list, said(status, "", ""))
	}
	return list
}

func TestContract(t *testing.T) {
	f := &far{}
	f.at.Store("")
	providertest.Run(t, providertest.Subject{
		Kind: webpush.Kind(), Serve: f.serve, Nowhere: f.nowhere, To: f.to, Arrived: f.arrived, Secrets: []string{private}, Refusals: refusals(), Unnamed: true,
		Key: func(d sink.Delivery) string {
			text, _ := fakes.Unseal(browser, auth, d.Body) // what can't be read has no id
			var p payload
			_ = json.Unmarshal(text, &p)
			return p.ID
		},
	})
}

func open(t testing.TB, raw json.RawMessage) providers.Provider {
	t.Helper()
	require.NoError(t, webpush.Kind().Validate(raw))
	p, err := webpush.Kind().New(raw, providers.Deps{
		Installation: "x", Dialer: providers.Dialer{AllowPrivate: true}, Clock: clock.NewFake(providertest.Now),
	})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, p.Close()) })
	return p
}

// changed is the configuration with something else in place of a part of it.
func changed(part, other string) json.RawMessage {
	return json.RawMessage(strings.Replace(string(config()), part, other, 1))
}

// Each content goes as docs/providers/webpush.md says to service workers.
func TestEveryContent(t *testing.T) {
	var got sink.Delivery
	f := &far{}
	f.serve(t, sink.Options{Seen: func(d sink.Delivery) { got = d }})
	p := open(t, config())
	link := func(info string) providers.MessageButton {
		return providers.MessageButton{Type: providers.ButtonLink, Caption: "See", Info: info}
	}
	file := func(address, caption string) *providers.Attachment {
		return &providers.Attachment{URL: address, Caption: caption}
	}
	for want, c := range map[string]providers.Content{
		`{"id":"7-x","title":"Grüße","body":"<b> & \"x\"\n😀"}`: {Subject: "Grüße", Text: "<b> & \"x\"\n😀"},
		`{"id":"7-x","body":"a\nb","image":"https://x.org/a.jpg?x=1&y=2"}`: {
			Text: "a", Attachment: file("https://x.org/a.jpg?x=1&y=2", "b"),
		},
		`{"id":"7-x","body":"a","url":"https://x.org/a.pdf","file":"https://x.org/a.pdf"}`: {
			Text: "a", Attachment: file("https://x.org/a.pdf", ""),
		},
		`{"id":"7-x","body":"a","url":"u","actions":[{"action":"u","title":"See"},{"action":"v","title":"See"}]}`: {
			Text: "a", Buttons: []providers.MessageButton{link("u"), link("v")},
		},
	} {
		accepted, err := p.Send(t.Context(), providers.Message{ID: 7, To: f.to(7), Content: c})
		require.NoError(t, err)
		require.Equal(t, "201 Created "+f.at.Load().(string)+"/message/7", accepted.Response)
		text, err := fakes.Unseal(browser, auth, got.Body)
		require.NoError(t, err)
		require.Equal(t, want, string(text))
	}
}

// What the settings say goes in headers, and as much as needed of the body.
func TestHeaders(t *testing.T) {
	var got sink.Delivery
	f := &far{}
	f.serve(t, sink.Options{Seen: func(d sink.Delivery) { got = d }})
	send := func(raw json.RawMessage, text string) {
		t.Helper()
		_, err := open(t, raw).Send(t.Context(), providers.Message{ID: 7, To: f.to(7), Content: providers.Content{Text: text}})
		require.NoError(t, err)
	}
	send(config(), "x")
	require.Equal(t, []string{"86400", "normal", "", "aes128gcm", "application/octet-stream"}, []string{
		got.Header.Get("TTL"), got.Header.Get("Urgency"), got.Header.Get("Topic"), got.Header.Get("Content-Encoding"), got.Header.Get("Content-Type"),
	})
	require.Len(t, got.Body, 1024+102)
	send(changed(`"timeout_ms"`, `"ttl":0,"urgency":"very-low","topic":"news_1","timeout_ms"`), strings.Repeat("x", 1100))
	require.Equal(t, []string{"0", "very-low", "news_1"}, []string{got.Header.Get("TTL"), got.Header.Get("Urgency"), got.Header.Get("Topic")})
	require.Len(t, got.Body, 2048+102)
	send(changed(subject, "https://example.org/contact"), strings.Repeat("x", 3970))
	require.Len(t, got.Body, 4096)
	claims, err := base64.RawURLEncoding.DecodeString(strings.Split(got.Header.Get("Authorization"), ".")[1])
	require.NoError(t, err)
	require.Contains(t, string(claims), `"sub":"https://example.org/contact"`)
	send(config(), strings.Repeat("x", 3993-len(`{"id":"7-x","body":""}`)))
	require.Len(t, got.Body, 4096)
}

// What can't go is refused before anybody is asked, in words that say what to do.
func TestRefusedBefore(t *testing.T) {
	f := &far{}
	served := f.serve(t, sink.Options{})
	p := open(t, config())
	long := providers.Content{Text: strings.Repeat("x", 3994-len(`{"id":"7-x","body":""}`))}
	for _, c := range []struct {
		to, want string
		kind     providers.ErrorKind
		content  providers.Content
	}{
		{f.to(7), "3994 bytes together; push services take at most 3993", providers.ErrorContent, long},
		{"visitor-1", "is no subscription", providers.ErrorRecipient, providers.Content{}},
		{strings.Replace(f.to(7), p256dh, p256dh[1:], 1), "must subscribe anew", providers.ErrorRecipient, providers.Content{}},
		{strings.Replace(f.to(7), auth, "x", 1), "must subscribe anew", providers.ErrorRecipient, providers.Content{}},
		{strings.Replace(f.to(7), "http:", "ftp:", 1), "must subscribe anew", providers.ErrorRecipient, providers.Content{}},
		{
			subscription("https://push.example.com.example.org", 7), `"push.example.com.example.org", which config.services does not name`,
			providers.ErrorRecipient, providers.Content{},
		},
	} {
		_, err := p.Send(t.Context(), providers.Message{ID: 7, To: c.to, Content: c.content})
		require.ErrorContains(t, err, c.want)
		require.Equal(t, c.kind, providers.AsError(err).Kind)
		require.Empty(t, providers.AsError(err).Bounce)
	}
	require.Zero(t, served.Tally.Asked())
}

// One browser's address that leads inwards stops nobody else's messages.
func TestPrivateEndpoint(t *testing.T) {
	p, err := webpush.Kind().New(config(), providers.Deps{}.WithDefaults())
	require.NoError(t, err)
	_, err = p.Send(t.Context(), providers.Message{ID: 7, To: subscription("https://127.0.0.1:9", 7), Content: providers.Content{Text: "x"}})
	require.Equal(t, providers.ErrorRecipient, providers.AsError(err).Kind, err.Error())
	require.True(t, providers.IsPrivate(err))
	require.NoError(t, p.Close())
}

func TestSettings(t *testing.T) {
	kind := webpush.Kind()
	for want, raw := range map[string]json.RawMessage{
		"config.subject":                 changed(subject, "ops@example.org"),
		"config.subject: must be mailto": changed(subject, "mailto:Ops <ops@example.org>"),
		"https address":                  changed(subject, "http://example.org"),
		"config.public_key":              changed(public, p256dh),
		"must be the public key of private_key: " + public: changed(public, "x"),
		"config.private_key":                   changed(private, private+"="),
		"a private key of P-256":               changed(private, "AAAA"),
		`config.services: has "https://x.org"`: changed("push.example.com", "https://x.org"),
		`has ""`:                               changed("push.example.com", ","),
		"config.topic":                         changed(`"timeout_ms"`, `"topic":"a b","timeout_ms"`),
		"config.ttl":                           changed(`"timeout_ms"`, `"ttl":2419201,"timeout_ms"`),
		"config.urgency":                       changed(`"timeout_ms"`, `"urgency":"now","timeout_ms"`),
	} {
		err := kind.Validate(raw)
		require.True(t, fault.Is(err, fault.Invalid), want)
		require.ErrorContains(t, err, want)
		require.NotContains(t, err.Error(), private)
	}
	require.NoError(t, kind.Validate(changed(subject, "https://example.org/contact")))
	ofBrowsers := json.RawMessage(fmt.Sprintf(`{"subject":%q,"public_key":%q,"private_key":%q}`, subject, public, private))
	for _, endpoint := range []string{
		"https://fcm.googleapis.com", "https://jmt17.google.com", "https://updates.push.services.mozilla.com", "https://web.push.apple.com",
		"https://wns2-par02p.notify.windows.com",
	} {
		_, err := open(t, ofBrowsers).Send(done(t), providers.Message{ID: 7, To: subscription(endpoint, 7)})
		require.ErrorContains(t, err, "not asked", "the service is known")
	}
}
