package chatwoot_test

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"hash/crc32"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"carillon/internal/clock"
	"carillon/internal/sink"
	"carillon/providers"
	"carillon/providers/chatwoot"
	"carillon/providers/providertest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const (
	token  = "t0ken-of-an-agent"
	secret = "what-the-webhook-signs-with"
)

func config(url string) json.RawMessage {
	return json.RawMessage(fmt.Sprintf(`{"url":%q,"token":%q,"account":1,"inbox":2,"secret":%q,"timeout_ms":60000}`, url, token, secret))
}

// far is a Chatwoot with its contacts.
type far struct {
	mu     sync.Mutex
	people map[int64]string
	// talking are those with whom a conversation is open; its number is theirs.
	talking map[int64]bool
}

var everybody = &far{people: map[int64]string{}, talking: map[int64]bool{}}

// numberOf is the number of a message to an address.
func numberOf(address string) (n int64) {
	for _, kind := range providers.AddressKinds() {
		n = max(n, providertest.Number(kind, address))
	}
	return n
}

// messageID is the id that the far end gives to a message.
func messageID(n int64) int64 { return 70_000 + n }

// speak is its API.
func (f *far) speak(r *http.Request, body []byte) sink.Exchange {
	f.mu.Lock()
	defer f.mu.Unlock()
	answer := func(status int, value any) sink.Exchange {
		return sink.Exchange{Reply: func(w http.ResponseWriter, _ []sink.Answer) {
			w.WriteHeader(status)
			_ = json.NewEncoder(w).Encode(value)
		}}
	}
	if r.Header.Get("Api-Access-Token") != token {
		return answer(401, map[string]any{"error": "Invalid Access Token"})
	}
	var said struct {
		Phone      string `json:"phone_number"`
		Email      string `json:"email"`
		Identifier string `json:"identifier"`
		Contact    int64  `json:"contact_id"`
	}
	_ = json.Unmarshal(body, &said)
	path := strings.TrimPrefix(r.URL.Path, "/api/v1/accounts/1/")
	first, rest, _ := strings.Cut(path, "/")
	second, rest, _ := strings.Cut(rest, "/")
	switch {
	case path == "contacts/search":
		list := []any{}
		for id, address := range f.people {
			if address == r.URL.Query().Get("q") {
				list = append(list, shown(id, address))
			}
		}
		return answer(200, map[string]any{"payload": list})
	case path == "contacts":
		address := said.Phone + said.Email + said.Identifier
		id := numberOf(address)
		f.people[id] = address
		return answer(200, map[string]any{"payload": map[string]any{"contact": shown(id, address)}})
	case first == "contacts" && rest == "conversations":
		list := []any{map[string]any{"id": 1, "inbox_id": 99, "status": "open"}, map[string]any{"id": 1, "inbox_id": 2, "status": "resolved"}}
		if n, _ := strconv.ParseInt(second, 10, 64); f.talking[n] {
			list = append(list, map[string]any{"id": n, "inbox_id": 2, "status": "open"})
		}
		return answer(200, map[string]any{"payload": list})
	case path == "conversations":
		return sink.Exchange{Messages: []int64{said.Contact}, Reply: func(w http.ResponseWriter, _ []sink.Answer) {
			_ = json.NewEncoder(w).Encode(map[string]any{"id": 5, "messages": []any{map[string]any{"id": messageID(said.Contact)}}})
		}}
	case first == "conversations" && rest == "messages":
		n, _ := strconv.ParseInt(second, 10, 64)
		return sink.Exchange{Messages: []int64{n}, Reply: func(w http.ResponseWriter, _ []sink.Answer) {
			_ = json.NewEncoder(w).Encode(map[string]any{"id": messageID(n)})
		}}
	}
	return answer(200, map[string]any{"id": 2})
}

func shown(id int64, address string) map[string]any {
	return map[string]any{"id": id, "phone_number": address, "email": address, "identifier": address}
}

func serve(t testing.TB, o sink.Options) providertest.Far {
	t.Helper()
	o.Dialect = everybody.speak
	s, err := sink.NewHTTP(o)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, s.Close()) })
	return providertest.Far{Config: config(s.URL()), Tally: &s.Tally}
}

// signed is a request of the webhook.
func signed(t testing.TB, at time.Time, content any) (http.Header, []byte) {
	t.Helper()
	body, err := json.Marshal(content)
	require.NoError(t, err)
	mac := hmac.New(sha256.New, []byte(secret))
	_, err = fmt.Fprintf(mac, "%d.%s", at.Unix(), body)
	require.NoError(t, err)
	return http.Header{
		"X-Chatwoot-Timestamp": {fmt.Sprint(at.Unix())}, "X-Chatwoot-Signature": {"sha256=" + hex.EncodeToString(mac.Sum(nil))},
	}, body
}

// Chatwoot reads Liquid in what it sends, but not in code.
func TestATextIsNoTemplate(t *testing.T) {
	for text, want := range map[string]string{
		"Hello {you} 🍏":      "Hello {you} 🍏",
		"{{ you }} {% if %}": `{{ "{" }}{ you }} {{ "{" }}% if %}`,
		"{{{`{{ a }}`{{`":    `{{ "{" }}{{ "{" }}{{ "{" }}` + "`{{ a }}`" + `{{ "{" }}{{ "{" }}` + "`",
	} {
		var got string
		s, err := sink.NewHTTP(sink.Options{Dialect: func(r *http.Request, body []byte) sink.Exchange {
			var m struct{ Message struct{ Content string } }
			if json.Unmarshal(body, &m) == nil && m.Message.Content != "" {
				got = m.Message.Content
			}
			return everybody.speak(r, body)
		}})
		require.NoError(t, err)
		t.Cleanup(func() { require.NoError(t, s.Close()) })
		p, err := chatwoot.Kind().New(config(s.URL()), providers.Deps{Dialer: providers.Dialer{AllowPrivate: true}})
		require.NoError(t, err)
		m := providertest.Message(providers.WhatsApp, 7)
		m.Content = providers.Content{Text: text}
		_, err = p.Send(t.Context(), m)
		require.NoError(t, err)
		require.NoError(t, p.Close())
		require.Equal(t, want, got)
	}
}

func receipt(t testing.TB, at time.Time, r providertest.Report) (http.Header, []byte) {
	t.Helper()
	id := messageID(r.MessageID)
	of := map[string]any{"event": "message_updated", "id": id, "message_type": "outgoing", "conversation": map[string]any{
		"messages": []any{map[string]any{"id": id, "status": r.Status}},
	}}
	return signed(t, at, of)
}

func reply(t testing.TB, at time.Time, r providers.Reply) (http.Header, []byte) {
	t.Helper()
	id := crc32.ChecksumIEEE([]byte(r.ID)) // there they are numbers
	of := map[string]any{"event": "message_created", "id": id, "content": r.Text, "message_type": "incoming", "created_at": at.UTC().Format(time.RFC3339Nano),
		"inbox": map[string]any{"id": 2}, "conversation": map[string]any{"meta": map[string]any{"sender": map[string]any{"phone_number": r.From}}}}
	if l := r.Parts.Location; l != nil {
		of["attachments"] = []any{map[string]any{
			"file_type": "location", "coordinates_lat": l.Latitude, "coordinates_long": l.Longitude, "fallback_title": l.Name, "data_url": "https://x.org",
		}}
	} else if f := r.Parts.Media; f != nil {
		sort := string(f.Type)
		if f.Type == providers.Document {
			sort = "file"
		}
		of["content"], of["attachments"] = f.Caption, []any{map[string]any{"file_type": sort, "data_url": "https://x.org/a"}}
	}
	return signed(t, at, of)
}

func arrived(t testing.TB, d sink.Delivery) []providers.Message {
	t.Helper()
	var said struct {
		Contact int64                    `json:"contact_id"`
		Message struct{ Content string } `json:"message"`
	}
	require.NoError(t, json.Unmarshal(d.Body, &said))
	everybody.mu.Lock()
	defer everybody.mu.Unlock()
	return []providers.Message{{To: everybody.people[said.Contact], Content: providers.Content{Text: said.Message.Content}}}
}

func TestContract(t *testing.T) {
	status := func(code int, header http.Header, kind providers.ErrorKind, after time.Duration) providertest.Refusal {
		return providertest.Refusal{
			Name: fmt.Sprint(code), Answer: sink.Answer{Code: code, Header: header, Text: fmt.Sprintf(`{"error":"not with %s or %s"}`, token, secret)},
			Kind: kind, Code: fmt.Sprint(code), RetryAfter: after,
		}
	}
	providertest.Run(t, providertest.Subject{
		Kind: chatwoot.Kind(), Serve: serve, Arrived: arrived, Receipt: receipt, Reply: reply,
		Parts: append([]providers.ReplyParts{{Location: &providers.Location{Latitude: 52.5125, Longitude: -13.25, Name: "Café"}}},
			append(providertest.Files("look ✋", ""), providertest.Files("", "")...)...),
		Nowhere: func(addr string) json.RawMessage { return config("https://" + addr) },
		Secrets: []string{token, secret},
		Refusals: []providertest.Refusal{
			status(401, nil, providers.ErrorAuth, 0),
			status(403, nil, providers.ErrorAuth, 0),
			status(422, nil, providers.ErrorContent, 0),
			status(429, http.Header{"Retry-After": {"7"}}, providers.ErrorThrottled, 7*time.Second),
			status(500, nil, providers.ErrorTemporary, 0),
		},
	})
}

// A message goes into the open conversation, with the template that its metadata name.
func TestOpenConversationAndTemplate(t *testing.T) {
	const to = "+4915199900042"
	var seen []sink.Delivery
	f := &far{people: map[int64]string{42: to}, talking: map[int64]bool{42: true}}
	s, err := sink.NewHTTP(sink.Options{Dialect: f.speak, Seen: func(d sink.Delivery) { seen = append(seen, d) }})
	require.NoError(t, err)
	defer func() { require.NoError(t, s.Close()) }()
	p, err := chatwoot.Kind().New(config(s.URL()), providers.Deps{
		Concurrency: 1, Dialer: providers.Dialer{AllowPrivate: true}, Clock: clock.NewFake(providertest.Now),
	})
	require.NoError(t, err)
	defer func() { require.NoError(t, p.Close()) }()
	accepted, err := p.Send(t.Context(), providers.Message{ID: 1, To: to, Content: providers.Content{Text: "Order 7"},
		Metadata: map[string]string{chatwoot.TemplateParams: `{"name":"order","processed_params":{"1":"7"}}`}})
	require.NoError(t, err)
	require.Equal(t, fmt.Sprint(messageID(42)), accepted.ProviderID)
	require.JSONEq(t, `{"content":"Order 7","message_type":"outgoing","private":false,"template_params":{"name":"order","processed_params":{"1":"7"}}}`,
		string(seen[0].Body))
	_, err = p.Send(t.Context(), providers.Message{ID: 1, To: to, Metadata: map[string]string{chatwoot.TemplateParams: `[]`}})
	require.Equal(t, providers.ErrorContent, providers.AsError(err).Kind)

	// What is no status of the message tells nothing; an error does.
	parser := p.(providers.CallbackParser)
	for body, want := range map[string]int{
		`{"event":"message_updated","id":7,"message_type":"outgoing","conversation":{"messages":[{"id":8,"status":"read"}]}}`: 0,
		`{"event":"message_updated","id":7,"message_type":"outgoing","conversation":{"messages":[{"id":7,"status":"sent"}]}}`: 0,
		`{"event":"message_updated","id":7,"message_type":"incoming","conversation":{"messages":[{"id":7,"status":"read"}]}}`: 0,
		`{"event":"message_updated","id":7,"message_type":"outgoing","content_attributes":{"external_error":"unreachable"}}`:  1,
		`{"event":"conversation_created","id":7}`: 0,
	} {
		header, text := signed(t, providertest.Now, json.RawMessage(body))
		receipts, err := parser.ParseCallback(header, text)
		require.NoError(t, err, body)
		require.Len(t, receipts, want, body)
	}
}
