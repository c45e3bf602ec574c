package webhook_test

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"testing"
	"time"

	standardwebhooks "github.com/standard-webhooks/standard-webhooks/libraries/go"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"carillon/internal/clock"
	"carillon/internal/fault"
	"carillon/internal/secret"
	"carillon/internal/sink"
	"carillon/providers"
	"carillon/providers/providertest"
	"carillon/providers/webhook"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const (
	key   = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSwMfKQ9r8GKYqr"
	token = "Bearer t0ken-of-the-endpoint"
)

func config(url string) json.RawMessage {
	return json.RawMessage(fmt.Sprintf(
		`{"url": %q, "secret": %q, "headers": {"Authorization": %q}, "timeout_ms": 60000}`, url, key, token))
}

func serve(t testing.TB, o sink.Options) providertest.Far {
	t.Helper()
	s, err := sink.NewHTTP(o)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, s.Close()) })
	return providertest.Far{Config: config(s.URL() + "/messages"), Tally: &s.Tally}
}

func TestContract(t *testing.T) {
	retry := func(value string) http.Header { return http.Header{"Retry-After": {value}} }
	status := func(code int, header http.Header, kind providers.ErrorKind, after time.Duration) providertest.Refusal {
		return providertest.Refusal{
			Name:   fmt.Sprint(code, header.Get("Retry-After")),
			Answer: sink.Answer{Code: code, Header: header, Text: "why not"},
			Kind:   kind, Code: fmt.Sprint(code), RetryAfter: after,
		}
	}
	gone := status(410, nil, providers.ErrorRecipient, 0)
	gone.Bounce = providers.BounceHard
	providertest.Run(t, providertest.Subject{
		Kind:    webhook.Kind(),
		Serve:   serve,
		Nowhere: func(addr string) json.RawMessage { return config("https://" + addr) },
		Secrets: []string{key, strings.TrimPrefix(key, "whsec_"), token, "t0ken-of-the-endpoint"},
		Refusals: []providertest.Refusal{
			{Name: "201", Answer: sink.Answer{Code: 201}},
			{Name: "202", Answer: sink.Answer{Code: 202, Text: "later"}},
			{Name: "204", Answer: sink.Answer{Code: 204}},
			status(301, http.Header{"Location": {"/elsewhere"}}, providers.ErrorAccount, 0),
			status(302, http.Header{"Location": {"/elsewhere"}}, providers.ErrorTemporary, 0),
			status(307, http.Header{"Location": {"/elsewhere"}}, providers.ErrorTemporary, 0),
			status(400, nil, providers.ErrorContent, 0),
			status(401, nil, providers.ErrorAuth, 0),
			status(403, nil, providers.ErrorAuth, 0),
			status(402, nil, providers.ErrorQuota, 0),
			status(404, nil, providers.ErrorTemporary, 0),
			status(405, nil, providers.ErrorAccount, 0),
			status(407, nil, providers.ErrorAuth, 0),
			status(408, nil, providers.ErrorTemporary, 0),
			status(409, nil, providers.ErrorContent, 0),
			gone,
			status(413, nil, providers.ErrorContent, 0),
			status(422, nil, providers.ErrorContent, 0),
			status(425, nil, providers.ErrorTemporary, 0),
			status(429, nil, providers.ErrorThrottled, 0),
			status(429, retry("7"), providers.ErrorThrottled, 7*time.Second),
			status(429, retry(providertest.Now.Add(90*time.Second).Format(http.TimeFormat)), providers.ErrorThrottled, 90*time.Second),
			status(429, retry("999999999999"), providers.ErrorThrottled, 24*time.Hour),
			status(429, retry("-5"), providers.ErrorThrottled, 0),
			status(429, retry("soon"), providers.ErrorThrottled, 0),
			status(500, nil, providers.ErrorTemporary, 0),
			status(502, nil, providers.ErrorTemporary, 0),
			status(503, nil, providers.ErrorTemporary, 0),
			status(503, retry("30"), providers.ErrorThrottled, 30*time.Second),
			status(504, nil, providers.ErrorTemporary, 0),
		},
		Arrived: func(t testing.TB, d sink.Delivery) []providers.Message {
			var m struct {
				To string `json:"to"`
				providers.Content
			}
			require.NoError(t, json.Unmarshal(d.Body, &m))
			return []providers.Message{{To: m.To, Content: m.Content}}
		},
		Key:     func(d sink.Delivery) string { return d.Header.Get("Webhook-Id") },
		Receipt: providertest.SignedReceipt(key),
		Reply:   providertest.SignedReply(key),
		Parts:   providertest.AllParts(),
	})
}

// The request is what the documentation says, and its signature is one that the
// reference library accepts.
func TestRequest(t *testing.T) {
	var got sink.Delivery
	far := serve(t, sink.Options{Seen: func(d sink.Delivery) { got = d }})
	p, err := webhook.Kind().New(far.Config, providers.Deps{Dialer: providers.Dialer{AllowPrivate: true}})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, p.Close()) })
	m := providertest.Message(providers.Email, 42)
	m.Attempt = 3
	m.Content.Attachment = &providers.Attachment{URL: "https://example.com/a.pdf", Filename: "a.pdf"}
	m.Content.Buttons = []providers.MessageButton{{Type: providers.ButtonLink, Caption: "Our <shop>", Info: "https://example.com/?a=1&b=2"}}
	_, err = p.Send(t.Context(), m)
	require.NoError(t, err)

	verifier, err := standardwebhooks.NewWebhook(key)
	require.NoError(t, err)
	require.NoError(t, verifier.Verify(got.Body, got.Header))
	require.Equal(t, "msg_42", got.Header.Get("Webhook-Id"))
	require.Equal(t, token, got.Header.Get("Authorization"))
	require.Equal(t, "application/json", got.Header.Get("Content-Type"))
	want, err := os.ReadFile("testdata/message.json")
	require.NoError(t, err)
	require.JSONEq(t, string(want), string(got.Body))
}

// While the secret is exchanged, what is posted is signed by both: an endpoint that has not got the
// new one yet takes it all the same. To the millisecond, the one of before signs no more.
func TestTheSecretOfBeforeSignsForItsTime(t *testing.T) {
	const old = "whsec_QUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUE="
	var got sink.Delivery
	far := serve(t, sink.Options{Seen: func(d sink.Delivery) { got = d }})
	now := clock.NewFake(time.Date(2026, 11, 28, 12, 0, 0, 0, time.UTC))
	p, err := webhook.Kind().New(far.Config, providers.Deps{
		Dialer: providers.Dialer{AllowPrivate: true}, Clock: now,
		Replaced: map[string]providers.Replaced{"secret": {Secret: secret.New(old), EndsAt: now.Now().Add(time.Hour)}},
	})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, p.Close()) })
	signs := func(key string) bool {
		_, err := p.Send(t.Context(), providertest.Message(providers.Email, 42))
		require.NoError(t, err)
		verifier, err := standardwebhooks.NewWebhook(key)
		require.NoError(t, err)
		return verifier.VerifyIgnoringTimestamp(got.Body, got.Header) == nil
	}
	require.True(t, signs(key))
	now.Advance(time.Hour - time.Millisecond)
	require.True(t, signs(old))
	now.Advance(time.Millisecond)
	require.False(t, signs(old))
	require.True(t, signs(key))
}

func TestConfigRefused(t *testing.T) {
	for name, c := range map[string]struct{ config, field string }{
		"no url":             {`{"secret": "` + key + `"}`, "config.url"},
		"not http":           {`{"url": "ftp://example.com", "secret": "` + key + `"}`, "config.url"},
		"password in url":    {`{"url": "https://a:b@example.com", "secret": "` + key + `"}`, "config.url"},
		"fragment":           {`{"url": "https://example.com/#x", "secret": "` + key + `"}`, "config.url"},
		"no secret":          {`{"url": "https://example.com"}`, "config.secret"},
		"short secret":       {`{"url": "https://example.com", "secret": "whsec_AAAA"}`, "config.secret"},
		"masked secret":      {`{"url": "https://example.com", "secret": "<redacted>"}`, "config.secret"},
		"our header":         {`{"url": "https://example.com", "secret": "` + key + `", "headers": {"webhook-id": "x"}}`, "config.headers"},
		"repeating header":   {`{"url": "https://example.com", "secret": "` + key + `", "headers": {"idempotency-key": "x"}}`, "config.headers"},
		"not a header":       {`{"url": "https://example.com", "secret": "` + key + `", "headers": {"a b": "x"}}`, "config.headers"},
		"line break":         {`{"url": "https://example.com", "secret": "` + key + `", "headers": {"a": "x\r\nb: c"}}`, "config.headers"},
		"not a text":         {`{"url": 7, "secret": "` + key + `"}`, "config.url"},
		"too long a timeout": {`{"url": "https://example.com", "secret": "` + key + `", "timeout_ms": 999999999}`, "config.timeout_ms"},
		"no such address":    {`{"url": "https://example.com", "secret": "` + key + `", "address": "fax"}`, "config.address"},
		"not an object":      {`[]`, "config"},
	} {
		t.Run(name, func(t *testing.T) {
			err := webhook.Kind().Validate(json.RawMessage(c.config))
			require.True(t, fault.Is(err, fault.Invalid), "got %v", err)
			require.ErrorContains(t, err, c.field)
			require.NotContains(t, err.Error(), key)
		})
	}
}

// Without permission nothing private is reached, whatever the name says, and
// the channel stops because no retry can help.
func TestPrivateAddressRefused(t *testing.T) {
	s, err := sink.NewHTTP(sink.Options{})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, s.Close()) })
	_, port, _ := strings.Cut(s.Addr(), ":")
	for _, host := range []string{"127.0.0.1", "localhost", "[::ffff:127.0.0.1]"} {
		t.Run(host, func(t *testing.T) {
			p, err := webhook.Kind().New(config("http://"+host+":"+port), providers.Deps{})
			require.NoError(t, err)
			t.Cleanup(func() { require.NoError(t, p.Close()) })
			_, err = p.Send(t.Context(), providertest.Message(providers.Email, 1))
			require.Error(t, err)
			require.Equal(t, providers.ErrorAuth, providers.AsError(err).Kind, err.Error())
			require.ErrorContains(t, err, "CARILLON_ALLOW_PRIVATE_ADDRESSES")
			require.Zero(t, s.Connections())
		})
	}
}

// A proxy from the environment would dial for us, past the guard.
func TestProxyIgnored(t *testing.T) {
	t.Setenv("HTTP_PROXY", "http://192.0.2.1:1")
	t.Setenv("http_proxy", "http://192.0.2.1:1")
	far := serve(t, sink.Options{})
	p, err := webhook.Kind().New(far.Config, providers.Deps{Dialer: providers.Dialer{AllowPrivate: true}})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, p.Close()) })
	_, err = p.Send(t.Context(), providertest.Message(providers.Email, 1))
	require.NoError(t, err)
}

func TestUntrustedCertificateStopsTheChannel(t *testing.T) {
	s := httptest.NewUnstartedServer(http.NotFoundHandler())
	s.Config.ErrorLog = nil
	s.StartTLS()
	t.Cleanup(s.Close)
	p, err := webhook.Kind().New(config(s.URL), providers.Deps{Dialer: providers.Dialer{AllowPrivate: true}})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, p.Close()) })
	_, err = p.Send(t.Context(), providertest.Message(providers.Email, 1))
	require.Error(t, err)
	require.Equal(t, providers.ErrorAuth, providers.AsError(err).Kind, err.Error())
}

// An endpoint that doesn't answer within the timeout has been asked.
func TestTimeoutIsInDoubt(t *testing.T) {
	far := serve(t, sink.Options{Answer: func(int64, int64) sink.Answer { return sink.Answer{Wait: make(chan struct{})} }})
	short := strings.Replace(string(far.Config), "60000", "100", 1)
	p, err := webhook.Kind().New(json.RawMessage(short), providers.Deps{Dialer: providers.Dialer{AllowPrivate: true}, Clock: clock.System{}})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, p.Close()) })
	_, err = p.Send(t.Context(), providertest.Message(providers.Email, 1))
	require.Equal(t, providers.ErrorInDoubt, providers.AsError(err).Kind)
	require.ErrorIs(t, err, context.DeadlineExceeded)
}

func TestMaxConnectionsBoundTheRequestsAtOnce(t *testing.T) {
	release := make(chan struct{})
	far, err := sink.NewHTTP(sink.Options{Answer: func(_, _ int64) sink.Answer { return sink.Answer{Wait: release} }})
	require.NoError(t, err)
	defer func() { require.NoError(t, far.Close()) }()
	p, err := webhook.Kind().New(json.RawMessage(`{"url":"`+far.URL()+`","secret":"whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSwMfKQ","max_connections":2}`),
		providers.Deps{Concurrency: 8, Dialer: providers.Dialer{AllowPrivate: true}, Clock: clock.System{}})
	require.NoError(t, err)
	defer func() { require.NoError(t, p.Close()) }()
	sent := make(chan error, 8)
	for id := range int64(8) {
		go func() {
			_, err := p.Send(t.Context(), providers.Message{ID: id + 1, To: "a@example.com", Content: providers.Content{Text: "x"}})
			sent <- err
		}()
	}
	require.Eventually(t, func() bool { return far.Asked() == 2 }, 10*time.Second, time.Millisecond)
	close(release)
	for range 8 {
		require.NoError(t, <-sent)
	}
	require.LessOrEqual(t, far.Connections(), int64(2))
}

// What does not speak HTTP is not shown to whoever configured the address.
func TestForeignGreetingIsNotQuoted(t *testing.T) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	done := make(chan struct{})
	go func() {
		defer close(done)
		for _, greeting := range []string{"SSH-2.0-HiddenService\r\n", "HTTP/1.1 HiddenService\r\n\r\n", "HTTP/1.1 200 OK\r\nHiddenService\r\n\r\n"} {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			_, _ = http.ReadRequest(bufio.NewReader(conn))
			_, _ = io.WriteString(conn, greeting)
			_ = conn.Close()
		}
	}()
	p, err := webhook.Kind().New(config("http://"+listener.Addr().String()), providers.Deps{Dialer: providers.Dialer{AllowPrivate: true}})
	require.NoError(t, err)
	for id := range int64(3) {
		_, err = p.Send(t.Context(), providertest.Message(providers.Email, id+1))
		require.ErrorContains(t, err, "does not answer in HTTP")
		require.NotContains(t, err.Error(), "HiddenService")
		require.Equal(t, providers.ErrorInDoubt, providers.AsError(err).Kind)
	}
	require.NoError(t, p.Close())
	require.NoError(t, listener.Close())
	<-done
}
