package providertest

import (
	"cmp"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"carillon/internal/sink"
	"carillon/providers"
)

const (
	messengerSecret = "what-tokens-are-bought-with"
	messengerHook   = "what-callbacks-are-signed-with"
)

// subject is a messenger and its far end.
func (st style) subject() Subject {
	s := Subject{
		Kind:    st.kind(nil),
		Serve:   st.serve,
		Nowhere: func(addr string) json.RawMessage { return configFor("https://" + addr) },
		Secrets: []string{messengerSecret, messengerHook},
		Refusals: []Refusal{
			refused(400, 131026, providers.ErrorRecipient),
			closed(),
			refused(400, 131056, providers.ErrorRecipientBusy),
			refused(400, 132000, providers.ErrorContent),
			refused(400, 130429, providers.ErrorThrottled),
			refused(403, 368, providers.ErrorAccount),
			{Name: "400", Answer: sink.Answer{Code: 400, Text: "why not"}, Kind: providers.ErrorContent, Code: "400"},
			{Name: "401", Answer: sink.Answer{Code: 401}, Kind: providers.ErrorAuth, Code: "401"},
			{
				Name: "429", Answer: sink.Answer{Code: 429, Header: http.Header{"Retry-After": {"7"}}},
				Kind: providers.ErrorThrottled, Code: "429", RetryAfter: 7 * time.Second,
			},
			{Name: "500", Answer: sink.Answer{Code: 500}, Kind: providers.ErrorTemporary, Code: "500"},
		},
		Arrived: arrivals,
		Receipt: st.receipt,
		Reply:   st.reply,
		Parts:   AllParts(),
		Proof:   Password,
		Windows: map[string]time.Duration{`{"days":7}`: 7 * 24 * time.Hour},
	}
	if !st.bot {
		s.Proof, s.Tokens, s.Templates = Signed, true, kept
		s.Secrets = append(s.Secrets, FirstToken)
		s.Challenge = func() (url.Values, string) { return url.Values{"token": {messengerHook}, "say": {"1 & 2"}}, "1 & 2" }
	}
	// The provider quotes what it was told.
	s.Refusals[3].Answer.Text = fmt.Sprintf(`{"error":{"code":132000,"message":%q}}`, "not "+strings.Join(s.Secrets, " or "))
	return s
}

// refused is an answer with one of the provider's codes.
func refused(status, code int, kind providers.ErrorKind) Refusal {
	r := Refusal{
		Name: strconv.Itoa(code), Kind: kind, Code: strconv.Itoa(code),
		Answer: sink.Answer{Code: status, Text: fmt.Sprintf(`{"error":{"code":%d,"message":"because"}}`, code)},
	}
	if kind == providers.ErrorRecipient {
		r.Bounce = providers.BounceHard
	}
	return r
}

// closed is an answer that refuses who has not written.
func closed() Refusal {
	r := refused(400, 131047, providers.ErrorRecipient)
	r.Bounce, r.Window = "", true
	return r
}

func configFor(url string) json.RawMessage {
	return json.RawMessage(fmt.Sprintf(`{"url":%q,"secret":%q,"hook":%q}`, url, messengerSecret, messengerHook))
}

// serve starts the messenger's server.
func (st style) serve(t testing.TB, o sink.Options) Far {
	t.Helper()
	f := &farEnd{style: st}
	o.Dialect = f.speak
	s, err := sink.NewHTTP(o)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, s.Close()) })
	far := Far{Config: configFor(s.URL()), Tally: &s.Tally}
	if !st.bot {
		far.Tokens = &f.tokens
	}
	return far
}

// farEnd is the messenger's server.
type farEnd struct {
	style  style
	tokens TokenDesk
}

// speak is its API.
func (f *farEnd) speak(r *http.Request, body []byte) sink.Exchange {
	path, bearer := r.URL.Path, strings.TrimPrefix(r.Header.Get("Authorization"), "Bearer ")
	good := f.tokens.Good(bearer)
	if f.style.bot {
		path, good = strings.CutPrefix(path, "/bot"+messengerSecret)
	}
	switch {
	case path == "/token" && bearer == messengerSecret:
		return sink.Exchange{Reply: func(w http.ResponseWriter, _ []sink.Answer) {
			f.tokens.Give(w, r, func(token string) { _, _ = fmt.Fprintf(w, `{"access_token":%q}`, token) })
		}}
	case !good:
		return sink.Exchange{Reply: func(w http.ResponseWriter, _ []sink.Answer) { w.WriteHeader(http.StatusUnauthorized) }}
	case path == "/messages":
		return takes(body)
	}
	return sink.Exchange{Reply: func(w http.ResponseWriter, _ []sink.Answer) {
		answer := map[string]any{}
		if path == "/templates" {
			answer = page(r.URL.Query().Get("after"))
		}
		_ = json.NewEncoder(w).Encode(answer)
	}}
}

// takes reads messages, which it knows by their recipients, and gives each its id.
func takes(body []byte) sink.Exchange {
	list := recipients(body)
	ids := make([]int64, len(list))
	for i, m := range list {
		for _, kind := range providers.AddressKinds() {
			ids[i] = max(ids[i], Number(kind, restored(m.To)))
		}
	}
	return sink.Exchange{Messages: ids, Reply: func(w http.ResponseWriter, verdicts []sink.Answer) {
		results := make([]map[string]any, len(ids))
		for i, id := range ids {
			if verdicts[i].Code == 0 {
				results[i] = map[string]any{"id": idOf(id)}
				continue
			}
			results[i] = map[string]any{}
			_ = json.Unmarshal([]byte(verdicts[i].Text), &results[i])
			results[i]["status"] = verdicts[i].Code
		}
		_ = json.NewEncoder(w).Encode(map[string]any{"results": results})
	}}
}

func recipients(body []byte) []outgoing {
	var said struct{ Messages []outgoing }
	_ = json.Unmarshal(body, &said)
	return said.Messages
}

// restored is a recipient with the + that the messenger's API leaves out.
func restored(to string) string {
	for _, kind := range []providers.AddressKind{providers.Phone, providers.SMS, providers.WhatsApp} {
		if Number(kind, "+"+to) != 0 {
			return "+" + to
		}
	}
	return to
}

// idOf is the messenger's own id for a message. It differs from others in the case of
// its letters, and has in it what is escaped in an address.
func idOf(id int64) string {
	return "mid." + base64.StdEncoding.EncodeToString(fmt.Appendf(nil, "\xfb\xff~%05d", id)) + "+A"
}

func arrivals(t testing.TB, d sink.Delivery) []providers.Message {
	t.Helper()
	var messages []providers.Message
	for _, m := range recipients(d.Body) {
		messages = append(messages, providers.Message{To: restored(m.To), Content: providers.Content{
			Text: m.Text, Attachment: m.File, Buttons: m.Buttons, Location: m.Place, Cards: m.Cards, Kept: m.Template,
		}})
	}
	return messages
}

// receipt reports of a message by the messenger's id, and by ours if it was told it.
func (st style) receipt(t testing.TB, _ time.Time, r Report) (http.Header, []byte) {
	t.Helper()
	status := map[string]any{"id": idOf(r.MessageID), "status": r.Status}
	if st.echoes {
		status["client_ref"] = strconv.FormatInt(r.MessageID, 10)
	}
	if r.Status == providers.ReceiptFailed {
		status["error"] = problem{Code: 131026, Message: "undeliverable"}
	}
	return st.proven(t, map[string]any{"statuses": []any{status}})
}

func (st style) reply(t testing.TB, at time.Time, r providers.Reply) (http.Header, []byte) {
	t.Helper()
	return st.proven(t, map[string]any{"messages": []any{map[string]any{
		"id": r.ID, "from": strings.TrimPrefix(r.From, "+"), "text": cmp.Or(r.Text, r.Parts.Words()), "at": at, "parts": r.Parts,
	}}})
}

// proven is a request to /hooks/{channel_id}.
func (st style) proven(t testing.TB, content any) (http.Header, []byte) {
	t.Helper()
	body, err := json.Marshal(content)
	require.NoError(t, err)
	if st.bot {
		return http.Header{"X-Secret-Token": {messengerHook}}, body
	}
	return http.Header{"X-Signature": {signature(messengerHook, body)}}, body
}

// kept are the templates of the far end, of which two go on a page.
var kept = []providers.Template{
	{Name: "order_sent", Language: "en", Status: providers.TemplateApproved, Body: "Your order {{1}} is on its way."},
	{Name: "order_sent", Language: "de", Status: providers.TemplatePending, Body: "Ihre Bestellung {{1}} ist unterwegs."},
	{Name: "sale", Language: "en", Status: providers.TemplateRejected, Body: "Buy!", Reason: "ABUSIVE_CONTENT"},
	{Name: "sale", Language: "de", Status: providers.TemplatePaused, Body: "Kaufen!"},
	{Name: "sale", Language: "fr", Status: providers.TemplateDisabled, Body: "Achetez !", Reason: "ARCHIVED"},
	{Name: "hello", Language: "pl", Status: providers.TemplateApproved, Body: "Cześć {{1}}"},
	{Name: "bye", Language: "en", Status: providers.TemplateApproved, Body: "Bye {{1}}"},
}

func page(after string) map[string]any {
	from, _ := strconv.Atoi(after)
	to := min(from+2, len(kept))
	var list []any
	for _, t := range kept[from:to] {
		list = append(list, map[string]any{"name": t.Name, "language": t.Language, "status": strings.ToUpper(string(t.Status)), "body": t.Body, "reason": t.Reason})
	}
	answer := map[string]any{"templates": list}
	if to < len(kept) {
		answer["next"] = "/templates?after=" + strconv.Itoa(to)
	}
	return answer
}
