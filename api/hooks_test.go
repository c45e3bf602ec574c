package api_test

import (
	"context"
	"crypto/hmac"
	"crypto/sha1"
	"encoding/base64"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"carillon/api"
	"carillon/providers"
	"carillon/providers/webhook"
	"carillon/store"
)

// lookUps counts which channels the hooks look up, and holds those of held up.
type lookUps struct {
	*store.Store
	held int64
	free chan struct{}

	mu    sync.Mutex
	asked map[int64]int
}

func (l *lookUps) AnyChannel(ctx context.Context, id int64) (providers.Channel, error) {
	l.mu.Lock()
	l.asked[id]++
	l.mu.Unlock()
	if id == l.held {
		<-l.free
	}
	return l.Store.AnyChannel(ctx, id)
}

// Posting to channels that don't exist costs a look-up by id, and keeps nobody from
// a channel that does.
func TestHooksToUnknownChannelsHoldNobodyUp(t *testing.T) {
	spy := &lookUps{held: 77, free: make(chan struct{}), asked: map[int64]int{}}
	s := newServer(t, func(s *server, d *api.Deps) {
		spy.Store = s.store
		d.Services = s.over(spy)
	})
	s.ok("POST", "/v1/channels", `{"name":"hook","provider":"webhook","config":{"url":"https://example.org/hook",`+
		`"secret":"whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSwMfKQ9r8GKYqr"}}`)
	post := func(path string) int { return s.do("POST", path, `{}`, "Authorization", "").Code }
	var waits sync.WaitGroup
	waits.Go(func() { post("/hooks/77") })
	require.Eventually(t, func() bool {
		spy.mu.Lock()
		defer spy.mu.Unlock()
		return spy.asked[77] == 1
	}, 10*time.Second, time.Millisecond)
	for range 3 {
		require.Equal(t, 401, post("/hooks/1"), "no signature")
		require.Equal(t, 404, post("/hooks/9"))
	}
	close(spy.free)
	waits.Wait()
	require.Equal(t, map[int64]int{1: 1, 9: 3, 77: 1}, spy.asked, "one that exists is known for a while")
	s.clock.Advance(time.Hour)
	s.ok("DELETE", "/v1/channels/1", "")
	require.Equal(t, 404, post("/hooks/1"))
}

// Who signs nothing proves who they are by what stands in the address, which no log shows.
func TestATokenInTheAddressOfAHook(t *testing.T) {
	s := newServer(t)
	s.ok("POST", "/v1/channels", `{"name":"chat","provider":"chatapi",
		"config":{"url":"https://example.org/instance12","token":"x","hook_token":"0123456789abcdef"}}`)
	// What is no JSON is refused as such once it is known whose it is.
	for path, status := range map[string]int{"/hooks/1": 401, "/hooks/1?token=0123456789abcdeX": 401, "/hooks/1?token=0123456789abcdef": 422} {
		require.Equal(t, status, s.do("POST", path, `{`, "Authorization", "").Code, path)
	}
	require.NotContains(t, s.log.String(), "0123456789abcde")
}

// Who asks first whether the address is one to be posted to is answered what they ask, in plain
// text, if they prove who they are; nobody else learns anything.
func TestAQuestionBeforeAHook(t *testing.T) {
	s := newServer(t)
	s.ok("POST", "/v1/channels", `{"name":"wa","provider":"whatsapp",
		"config":{"phone_number_id":"106540352242922","token":"a-token-that-only-shows-the-form-0","verify_token":"0123456789abcdef"}}`)
	s.ok("POST", "/v1/channels", `{"name":"chat","provider":"chatapi",
		"config":{"url":"https://example.org/instance12","token":"x","hook_token":"0123456789abcdef"}}`)
	s.ok("POST", "/v1/channels", `{"name":"mail","provider":"smtp","config":{"host":"mail.example.org","from":"news@example.org"}}`)
	const right = "?hub.mode=subscribe&hub.challenge=%3Cb%3E1158201444&hub.verify_token=0123456789abcdef"
	for path, status := range map[string]int{
		"/hooks/1" + right: 200, "/hooks/1": 401, "/hooks/1" + right + "0": 401, "/hooks/1?hub.verify_token=0123456789abcdef": 422,
		"/hooks/2" + right: 404, "/hooks/3" + right: 404, "/hooks/9" + right: 404, "/hooks/x" + right: 404,
	} {
		w := s.do("GET", path, "", "Authorization", "")
		require.Equal(t, status, w.Code, path)
		if status == 200 {
			require.Equal(t, "<b>1158201444", w.Body.String())
			require.Equal(t, "text/plain; charset=utf-8", w.Header().Get("Content-Type"))
			require.Equal(t, "nosniff", w.Header().Get("X-Content-Type-Options"))
		} else {
			require.NotContains(t, w.Body.String(), "1158201444", path)
		}
	}
	require.NotContains(t, s.log.String(), "0123456789abcde")
}

// A provider may tell of thousands in one request, which is taken as a whole: of messages that
// are not known yet each is kept until they are.
func TestThousandsOfReceiptsComeInOneRequest(t *testing.T) {
	s := newServer(t)
	s.ok("POST", "/v1/channels", `{"name":"wa","provider":"whatsapp",
		"config":{"phone_number_id":"1","token":"a-token-that-only-shows-the-form-0","app_secret":"0123456789abcdef"}}`)
	const most = 5000
	statuses := make([]string, most)
	for i := range statuses {
		statuses[i] = fmt.Sprintf(`{"id":"wamid.%d","status":"delivered","timestamp":"%d","recipient_id":"49%d"}`, i, s.clock.Now().Unix(), i)
	}
	body := `{"entry":[{"changes":[{"field":"messages","value":{"metadata":{"phone_number_id":"1"},"statuses":[` + strings.Join(statuses, ",") + `]}}]}]}`
	_, header := hookedOnes["whatsapp"].proof("0123456789abcdef", time.Time{}, []byte(body))
	require.JSONEq(t, fmt.Sprintf(`{"accepted":%d}`, most), s.hook(1, body, header))
	require.Len(t, openRaw(t, s.dsn).texts("SELECT DISTINCT provider_id FROM receipts WHERE channel_id = 1"), most)
}

// hook posts to a channel's hook until it is answered.
func (s *server) hook(channel int, body string, header http.Header) (answer string) {
	s.t.Helper()
	done := make(chan string, 1)
	go func() {
		done <- s.do("POST", fmt.Sprintf("/hooks/%d", channel), body, "Authorization", "", "X-Hub-Signature-256", header.Get("X-Hub-Signature-256")).Body.String()
	}()
	require.Eventually(s.t, func() bool {
		s.clock.Advance(time.Millisecond) // the writer waits a little for more receipts
		select {
		case answer = <-done:
			return true
		default:
			return false
		}
	}, 10*time.Second, time.Millisecond)
	return answer
}

// What was sent by others from the same number is no message of this Carillon's.
func TestHooksKnowWhatWasSentByOthers(t *testing.T) {
	s := newServer(t, func(_ *server, d *api.Deps) { d.Options.Installation = "theinstallation1" })
	s.ok("POST", "/v1/channels", `{"name":"wa","provider":"whatsapp",
		"config":{"phone_number_id":"1","token":"a-token-that-only-shows-the-form-0","app_secret":"0123456789abcdef"}}`)
	for echo, accepted := range map[string]int{"7-theinstallation1": 1, "7-anotherinstall1": 0, "7": 0} {
		body := `{"entry":[{"changes":[{"field":"messages","value":{"metadata":{"phone_number_id":"1"},"statuses":[
			{"id":"wamid.x","status":"read","biz_opaque_callback_data":"` + echo + `"}]}}]}]}`
		_, header := hookedOnes["whatsapp"].proof("0123456789abcdef", time.Time{}, []byte(body))
		require.JSONEq(t, fmt.Sprintf(`{"accepted":%d}`, accepted), s.hook(1, body, header), echo)
	}
}

// What Twilio posts is a form, of which it signs the public address; it is answered in TwiML that sends
// nothing back, and what it posts again changes nothing.
func TestAFormIsPostedToAHook(t *testing.T) {
	s := newServer(t)
	h := hookedOnes["twilio"]
	s.ok("POST", "/v1/channels", fmt.Sprintf(`{"name":"sms","provider":"twilio","config":`+h.config+`}`, keyOf(1)))
	form := url.Values{"Body": {"Blue & green"}, "From": {"+4916000000007"}, "MessageSid": {"SM1"}, "SmsStatus": {"received"}}
	mac := hmac.New(sha1.New, []byte(keyOf(1)))
	mac.Write([]byte("https://n.example.org/hooks/1BodyBlue & greenFrom+4916000000007MessageSidSM1SmsStatusreceived"))
	signature := base64.StdEncoding.EncodeToString(mac.Sum(nil))
	for range 2 {
		w := s.do("POST", "/hooks/1", form.Encode(), "Authorization", "", "Content-Type", "application/x-www-form-urlencoded; charset=UTF-8",
			"X-Twilio-Signature", signature)
		require.Equal(t, 200, w.Code, w.Body.String())
		require.Equal(t, "text/xml; charset=utf-8", w.Header().Get("Content-Type"))
		require.Equal(t, `<?xml version="1.0" encoding="UTF-8"?><Response/>`, w.Body.String())
	}
	replies := s.ok("GET", "/v1/replies", "")["items"].([]any)
	require.Len(t, replies, 1)
	require.Equal(t, []any{"Blue & green", "+4916000000007"}, []any{replies[0].(map[string]any)["text"], replies[0].(map[string]any)["address"]})
	w := s.do("POST", "/hooks/1", form.Encode()+"&x=y", "X-Twilio-Signature", signature)
	require.Equal(t, 401, w.Code)
	require.Contains(t, w.Body.String(), "https://n.example.org/hooks/1")
}

// asking is an adapter that must ask somebody before it can read what is posted.
type asking struct {
	begun, free, closed chan struct{}
	answer              error
}

func (a *asking) Send(context.Context, providers.Message) (providers.Accepted, error) {
	return providers.Accepted{}, &providers.Error{Kind: providers.ErrorContent, Err: errors.New("it only hears")}
}

func (a *asking) PrepareCallback(context.Context, http.Header, []byte) error {
	a.begun <- struct{}{}
	<-a.free
	return a.answer
}

func (a *asking) ParseCallback(http.Header, []byte) ([]providers.Receipt, error) {
	select {
	case <-a.closed:
		return nil, errors.New("it was closed")
	default:
		return nil, nil
	}
}

func (a *asking) Close() error {
	close(a.closed)
	return nil
}

// Who is asked something by a provider's request keeps nobody waiting who posts to another channel,
// or to the same, and the adapter that asks is closed when it is done. What can't be checked now
// is to come again.
func TestAHookThatAsksKeepsNobodyWaiting(t *testing.T) {
	adapters := make(chan *asking, 2)
	s := newServer(t, func(s *server, d *api.Deps) {
		kinds, err := providers.NewRegistry(webhook.Kind(), providers.Define(providers.Kind{
			Name: "asking", Title: "Asking", Capabilities: providers.Capabilities{Address: providers.Email, Receipts: true},
		}, nil, func(*struct{}, providers.Deps) (providers.Provider, error) {
			a := &asking{begun: make(chan struct{}), free: make(chan struct{}), closed: make(chan struct{})}
			adapters <- a
			return a, nil
		}))
		require.NoError(t, err)
		s.kinds, d.Providers = kinds, kinds
		d.Services = s.over(s.store)
	})
	s.ok("POST", "/v1/channels", `{"name":"asks","provider":"asking","config":{}}`)
	s.ok("POST", "/v1/channels", `{"name":"hook","provider":"webhook","config":{"url":"https://example.org/hook",
		"secret":"whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSwMfKQ9r8GKYqr"}}`)
	post := func(path string) int { return s.do("POST", path, `{}`, "Authorization", "").Code }
	answers := make(chan int, 3)
	for range 2 {
		go func() { answers <- post("/hooks/1") }()
	}
	before := <-adapters
	<-before.begun
	<-before.begun
	require.Equal(t, 401, post("/hooks/2"))
	s.clock.Advance(lately)
	s.ok("PATCH", "/v1/channels/1", `{"name":"asks no more"}`)
	go func() { answers <- post("/hooks/1") }()
	after := <-adapters
	<-after.begun
	select {
	case <-before.closed:
		require.Fail(t, "it was closed while it asked")
	default:
	}
	close(before.free)
	require.Equal(t, 200, <-answers)
	require.Equal(t, 200, <-answers)
	<-before.closed
	after.answer = &providers.Error{Kind: providers.ErrorTemporary, Err: errors.New("nobody answers")}
	close(after.free)
	require.Equal(t, 503, <-answers)
	require.Contains(t, s.log.String(), "can't be checked now")
}
