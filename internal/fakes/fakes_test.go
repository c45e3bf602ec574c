package fakes_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"carillon/internal/clock"
	"carillon/internal/fakes"
	"carillon/providers"
	"carillon/providers/builtin"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const secret = "the-secret-of-a-fake-0123"

// far is a fake that reports to the adapter under test, which reads what comes.
type far struct {
	t       *testing.T
	adapter providers.Provider
	hook    *httptest.Server
	mu      sync.Mutex
	told    map[int64][]providers.ReceiptStatus
	byID    map[string]int64
	wrote   map[string]string
	started *fakes.Server
}

// starter starts a fake.
type starter func(fakes.Options) (*fakes.Server, error)

// telling is a starter whose fake tells what messages it got.
func telling(start starter) (and starter, told func() []fakes.Message) {
	var mu sync.Mutex
	var list []fakes.Message
	and = func(o fakes.Options) (*fakes.Server, error) {
		o.Tell = func(m fakes.Message) {
			mu.Lock()
			defer mu.Unlock()
			list = append(list, m)
		}
		return start(o)
	}
	return and, func() []fakes.Message {
		mu.Lock()
		defer mu.Unlock()
		return slices.Clone(list)
	}
}

// newFar starts a fake, and an adapter of the provider with settings that lead to it.
func newFar(t *testing.T, provider string, start starter, settings func(address string) map[string]any) *far {
	f := &far{t: t, told: map[int64][]providers.ReceiptStatus{}, byID: map[string]int64{}, wrote: map[string]string{}}
	f.hook = httptest.NewServer(http.HandlerFunc(f.hear))
	t.Cleanup(f.hook.Close)
	var err error
	f.started, err = start(fakes.Options{Hook: f.hook.URL, Secret: secret, Templates: map[string]string{"hello": "Hello {{1}}"}})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, f.started.Close()) })
	registry, err := builtin.Registry()
	require.NoError(t, err)
	config, err := json.Marshal(settings(f.started.URL()))
	require.NoError(t, err)
	f.adapter, err = registry.New(provider, config, providers.Deps{
		Installation: "theinstallation1", ChannelID: 3, Dialer: providers.Dialer{AllowPrivate: true}, Clock: clock.System{}, HookURL: "https://n.example.org/hooks/3",
	})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, f.adapter.Close()) })
	return f
}

// hear reads a report, which must be signed rightly. One that comes before the answer comes again.
func (f *far) hear(w http.ResponseWriter, r *http.Request) {
	body, _ := io.ReadAll(r.Body)
	if token := r.URL.Query().Get("token"); token != "" { // as /hooks/{channel_id} does
		r.Header.Set(providers.HookTokenHeader, token)
	}
	var receipts []providers.Receipt
	var replies []providers.Reply
	var err error
	if parser, reports := f.adapter.(providers.CallbackParser); reports {
		receipts, err = parser.ParseCallback(r.Header, body)
	}
	if parser, hears := f.adapter.(providers.ReplyParser); err == nil && hears {
		replies, err = parser.ParseReplies(r.Header, body)
	}
	if err != nil {
		http.Error(w, err.Error(), http.StatusForbidden)
		return
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, reply := range replies {
		f.wrote[reply.From] = reply.Text
	}
	for _, receipt := range receipts {
		id := receipt.MessageID
		if id == 0 {
			id = f.byID[receipt.ProviderID]
		}
		if id == 0 {
			http.Error(w, "not known yet", http.StatusServiceUnavailable)
			return
		}
		f.told[id] = append(f.told[id], receipt.Status)
	}
}

// send has a message taken; code is with which it was refused.
func (f *far) send(id int64, to string, content providers.Content) (code string) {
	f.t.Helper()
	accepted, err := f.adapter.Send(f.t.Context(), providers.Message{ID: id, Attempt: 1, To: to, Content: content})
	var refused *providers.Error
	if errors.As(err, &refused) {
		return refused.Code
	}
	require.NoError(f.t, err)
	f.mu.Lock()
	defer f.mu.Unlock()
	f.byID[accepted.ProviderID] = id
	return ""
}

// write has somebody write to a number, page or account, and waits until that is heard.
func (f *far) write(number, from string) {
	f.t.Helper()
	said := url.Values{"to": {number}, "from": {from}, "text": {"Hello"}}
	r, err := http.NewRequestWithContext(f.t.Context(), http.MethodPost, f.started.URL()+"/written?"+said.Encode(), http.NoBody)
	require.NoError(f.t, err)
	answer, err := (&http.Transport{DisableKeepAlives: true}).RoundTrip(r)
	require.NoError(f.t, err)
	require.NoError(f.t, answer.Body.Close())
	require.Equal(f.t, http.StatusNoContent, answer.StatusCode)
	require.Eventually(f.t, func() bool {
		f.mu.Lock()
		defer f.mu.Unlock()
		return f.wrote[from] == "Hello"
	}, 20*time.Second, 5*time.Millisecond)
}

func (f *far) hears(id int64, want ...providers.ReceiptStatus) {
	f.t.Helper()
	require.Eventually(f.t, func() bool {
		f.mu.Lock()
		defer f.mu.Unlock()
		return len(f.told[id]) >= len(want)
	}, 20*time.Second, 5*time.Millisecond, "of message %d", id)
	f.mu.Lock()
	defer f.mu.Unlock()
	require.ElementsMatch(f.t, want, f.told[id])
}

// The adapters take the fakes for the providers, and the fakes do with each number as they say.
func TestWhatsApp(t *testing.T) {
	f := newFar(t, "whatsapp", fakes.WhatsApp, func(address string) map[string]any {
		return map[string]any{
			"api": address + "/v26.0", "phone_number_id": "106540352242922", "business_account_id": "102290129340398",
			"token": "a-token-of-a-fake-0123", "app_secret": secret,
		}
	})
	require.NoError(t, f.adapter.(providers.Checker).Check(t.Context()))
	kept, err := f.adapter.(providers.TemplateSyncer).SyncTemplates(t.Context())
	require.NoError(t, err)
	require.Len(t, kept, 1)
	require.Equal(t, providers.Template{
		Name: "hello", Language: "en", Status: providers.TemplateApproved, Category: "marketing", Body: "Hello {{1}}",
		BodySamples: []providers.PlaceValue{{Place: "1"}},
	}, kept[0])
	text, template := providers.Content{Text: "Hi"}, func(name string) providers.Content {
		return providers.Content{Text: "Hi", Kept: &providers.KeptTemplate{Name: name, Language: "en", Body: []providers.PlaceValue{{Place: "1", Value: "Ada"}}}}
	}
	require.Equal(t, "131047", f.send(1, "+4915112345699", text), "they have not written")
	for _, from := range []string{"+4915112345699", "+4915112345600", "+4915112345601", "+4915112345602", "+4915112345603", "+4915112345604"} {
		f.write("106540352242922", from)
	}
	require.Empty(t, f.send(1, "+4915112345699", text))
	f.hears(1, providers.ReceiptDelivered, providers.ReceiptRead)
	require.Equal(t, "131026", f.send(2, "+4915112345600", text))
	require.Equal(t, "131047", f.send(3, "+4915112345601", text))
	require.Empty(t, f.send(4, "+4915112345601", template("hello")))
	f.hears(4, providers.ReceiptDelivered)
	require.Equal(t, "132001", f.send(5, "+4915112345699", template("unheard_of")))
	require.Empty(t, f.send(6, "+4915112345602", text))
	f.hears(6, providers.ReceiptRejected)
	require.Equal(t, "130429", f.send(7, "+4915112345604", text))
	require.Empty(t, f.send(7, "+4915112345604", text))
	f.hears(7, providers.ReceiptDelivered)
	require.Empty(t, f.send(8, "+4915112345603", text))
	require.Zero(t, f.started.Dropped())
	require.Empty(t, f.told[8], "nothing is heard of it")
}

func TestMessenger(t *testing.T) {
	for provider, start := range map[string]func(fakes.Options) (*fakes.Server, error){"messenger": fakes.Messenger, "instagram": fakes.Instagram} {
		t.Run(provider, func(t *testing.T) {
			f := newFar(t, provider, start, func(address string) map[string]any {
				settings := map[string]any{"api": address + "/v26.0", "token": "a-token-of-a-fake-0123", "app_secret": secret}
				settings[map[string]string{"messenger": "page_id", "instagram": "account_id"}[provider]] = "17841400000000000"
				return settings
			})
			require.NoError(t, f.adapter.(providers.Checker).Check(t.Context()))
			told := map[string]providers.ReceiptStatus{"messenger": providers.ReceiptDelivered, "instagram": providers.ReceiptRead}[provider]
			text := providers.Content{Text: "Hi"}
			require.Equal(t, "10", f.send(1, "2412345678901299", text), "they have not written")
			for _, last := range []string{"99", "00", "01", "03", "04"} {
				f.write("17841400000000000", "24123456789012"+last)
			}
			require.Empty(t, f.send(1, "2412345678901299", text))
			f.hears(1, told)
			require.Equal(t, "100", f.send(2, "2412345678901200", text))
			require.Equal(t, "10", f.send(3, "2412345678901201", text))
			require.Equal(t, "613", f.send(4, "2412345678901204", text))
			require.Empty(t, f.send(4, "2412345678901204", text))
			f.hears(4, told)
			require.Empty(t, f.send(5, "2412345678901203", text))
			require.Zero(t, f.started.Dropped())
			require.Empty(t, f.told[5], "nothing is heard of it")
		})
	}
}

func TestViber(t *testing.T) {
	f := newFar(t, "viber", fakes.Viber, func(address string) map[string]any {
		return map[string]any{"api": address + "/pa", "token": secret, "sender": "News"}
	})
	require.NoError(t, f.adapter.(providers.Checker).Check(t.Context()))
	text := providers.Content{Text: "Hi"}
	require.Empty(t, f.send(1, "01234567890A=", text))
	f.hears(1, providers.ReceiptDelivered, providers.ReceiptRead)
	require.Equal(t, "6", f.send(2, "0123456789000", text))
	require.Empty(t, f.send(3, "0123456789002", text))
	f.hears(3, providers.ReceiptFailed)
	require.Empty(t, f.send(4, "0123456789003", text))
	require.Zero(t, f.started.Dropped())
	require.Empty(t, f.told[4], "nothing is heard of it")
}

func TestTwilio(t *testing.T) {
	f := newFar(t, "twilio", fakes.Twilio, func(address string) map[string]any {
		return map[string]any{"api": address, "account_sid": fmt.Sprintf("AC%032d", 1), "auth_token": secret, "from": "+15005550006"}
	})
	require.NoError(t, f.adapter.(providers.Checker).Check(t.Context()))
	text := providers.Content{Text: "Hi"}
	require.Empty(t, f.send(1, "+4915112345699", text))
	f.hears(1, providers.ReceiptDelivered)
	require.Equal(t, "21614", f.send(2, "+4915112345600", text))
	require.Empty(t, f.send(3, "+4915112345602", text))
	f.hears(3, providers.ReceiptRejected)
	require.Equal(t, "20429", f.send(4, "+4915112345604", text))
	require.Empty(t, f.send(4, "+4915112345604", text))
	f.hears(4, providers.ReceiptDelivered)
}

func TestVonage(t *testing.T) {
	f := newFar(t, "vonage", fakes.Vonage, func(address string) map[string]any {
		return map[string]any{"api": address, "api_key": "abcd1234", "api_secret": "a-secret-of-a-fake", "signature_secret": secret, "from": "+15005550006"}
	})
	require.NoError(t, f.adapter.(providers.Checker).Check(t.Context()))
	text := providers.Content{Text: "Hi"}
	require.Empty(t, f.send(1, "+4915112345699", text))
	f.hears(1, providers.ReceiptDelivered)
	require.Equal(t, "1170", f.send(2, "+4915112345600", text))
	require.Empty(t, f.send(3, "+4915112345602", text))
	f.hears(3, providers.ReceiptRejected)
	require.Equal(t, "1000", f.send(4, "+4915112345604", text))
	require.Empty(t, f.send(4, "+4915112345604", text))
	f.hears(4, providers.ReceiptDelivered)
	require.Empty(t, f.send(5, "+4915112345603", text))
	require.Zero(t, f.started.Dropped())
	require.Empty(t, f.told[5], "nothing is heard of it")
}

func TestAPNs(t *testing.T) {
	f := newFar(t, "apns", fakes.APNs, func(address string) map[string]any {
		settings := sample(t, "apns")
		settings["api"] = address
		return settings
	})
	require.NoError(t, f.adapter.(providers.Checker).Check(t.Context()))
	text := providers.Content{Text: "Hi"}
	require.Empty(t, f.send(1, "0a99", text))
	require.Equal(t, "Unregistered", f.send(2, "0a00", text))
	require.Equal(t, "TooManyRequests", f.send(3, "0a04", text))
	require.Empty(t, f.send(3, "0a04", text))
}

// A fake takes messages of this machine alone.
func TestAFakeListensOnLoopback(t *testing.T) {
	_, err := fakes.Twilio(fakes.Options{Listen: "0.0.0.0:0"})
	require.ErrorContains(t, err, "this machine alone")
}
