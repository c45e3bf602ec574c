// Package sendapitest owns what the tests of Messenger and Instagram share: a far end that plays
// Meta's Send API, its refusals, and what it posts. It must not know how the adapters read any of
// that.
package sendapitest

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"time"
	"unicode/utf8"

	"carillon/internal/sink"
	"carillon/providers"
	"carillon/providers/providertest"
)

// The secrets of the far end.
const (
	Token     = "EAAJB-a-token-of-a-page-0"
	AppSecret = "what-meta-signs-with-0123"
	Verify    = "what-meta-asks-with-0123"
	// Other is a sender's id that is not the channel's.
	Other = "999"
)

// Far is a far end.
type Far struct {
	// ID is the sender's, and Place where it hands messages in.
	ID, Place string
	Kind      providers.AddressKind
	// MostText is how much a text may have, in bytes where Bytes says so, else in characters.
	MostText int
	Bytes    bool
	// Typed says that each message must say what for it is.
	Typed bool
}

type button struct{ Type, Title, URL, Payload string }

type asked struct {
	Recipient struct{ ID string }
	Type      string `json:"messaging_type"`
	Tag       string
	Message   struct {
		Text       string
		Attachment *struct {
			Type    string
			Payload struct {
				URL, Text string
				Template  string `json:"template_type"`
				Buttons   []button
			}
		}
		Quick []struct {
			Type           string `json:"content_type"`
			Title, Payload string
		} `json:"quick_replies"`
	}
}

func parse(body []byte) (a asked) {
	_ = json.Unmarshal(body, &a) // what can't be read lacks all
	return a
}

func (f Far) size(text string) int {
	if f.Bytes {
		return len(text)
	}
	return utf8.RuneCountInString(text)
}

// wrong says why a message is refused; empty if it is not.
func (f Far) wrong(a asked) string {
	m := &a.Message
	titled := func(title, payload string) bool {
		return title != "" && utf8.RuneCountInString(title) <= 20 && len(payload) <= 1000
	}
	for _, q := range m.Quick {
		if q.Type != "text" || !titled(q.Title, q.Payload) || len(m.Quick) > 13 {
			return "a quick reply is wrong"
		}
	}
	switch file := m.Attachment; {
	case f.Typed && a.Type != "UPDATE" && (a.Type != "MESSAGE_TAG" || a.Tag == ""):
		return "messaging_type is wrong"
	case (m.Text == "") == (file == nil):
		return "a message has a text or an attachment"
	case f.size(m.Text) > f.MostText:
		return "the text is too long"
	case file == nil:
		return ""
	case file.Type == "template":
		p := &file.Payload
		wrong := func(b button) bool {
			return !titled(b.Title, b.Payload) || !slices.Contains([]string{"web_url", "postback", "phone_number"}, b.Type) || b.Type == "web_url" && b.URL == ""
		}
		few := len(p.Buttons) > 0 && len(p.Buttons) <= 3
		if p.Template != "button" || p.Text == "" || utf8.RuneCountInString(p.Text) > 640 || !few || slices.ContainsFunc(p.Buttons, wrong) {
			return "a template is wrong"
		}
	case !slices.Contains([]string{"image", "video", "audio", "file"}, file.Type) || file.Payload.URL == "":
		return "an attachment is wrong"
	}
	return ""
}

// API plays Meta.
func (f Far) API(r *http.Request, body []byte) sink.Exchange {
	reply := func(status int, answer string) sink.Exchange {
		return sink.Exchange{Reply: func(w http.ResponseWriter, _ []sink.Answer) {
			w.WriteHeader(status)
			_, _ = w.Write([]byte(answer))
		}}
	}
	place := "/v26.0/" + f.Place
	switch {
	case r.Header.Get("Authorization") != "Bearer "+Token:
		return reply(401, Problem(190, 0))
	case r.Method == http.MethodGet && r.URL.Path == place:
		return reply(200, fmt.Sprintf(`{"id":%q,"name":"News"}`, f.ID))
	case r.Method != http.MethodPost || r.URL.Path != place+"/messages":
		return reply(400, Problem(100, 33))
	}
	a := parse(body)
	if f.wrong(a) != "" {
		return reply(400, Problem(100, 0))
	}
	n := providertest.Number(f.Kind, a.Recipient.ID)
	return sink.Exchange{Messages: []int64{n}, Reply: func(w http.ResponseWriter, _ []sink.Answer) {
		_, _ = fmt.Fprintf(w, `{"recipient_id":%q,"message_id":%q}`, a.Recipient.ID, Mid(n))
	}}
}

// Mid is Meta's id for a message.
func Mid(n int64) string {
	return fmt.Sprintf("m_AG5Hz2Uq7tuwNEhXfYYKj8mJEM_QPpz5jdCK48PnKAjSdjfipqxqMvK8ma6AC8fplwlqLP_%d==", n)
}

// Arrived is the message of a request.
func Arrived(body []byte) []providers.Message {
	a := parse(body)
	c := providers.Content{Text: a.Message.Text}
	if file := a.Message.Attachment; file != nil {
		if c.Text = file.Payload.Text; file.Type != "template" {
			c.Attachment = &providers.Attachment{URL: file.Payload.URL}
		}
		types := map[string]providers.ButtonType{"web_url": providers.ButtonLink, "postback": providers.ButtonPostback, "phone_number": providers.ButtonCall}
		for _, b := range file.Payload.Buttons {
			c.Buttons = append(c.Buttons, providers.MessageButton{Type: types[b.Type], Caption: b.Title, Info: b.URL + b.Payload})
		}
	}
	for _, q := range a.Message.Quick {
		c.Buttons = append(c.Buttons, providers.MessageButton{Type: providers.ButtonPostback, Caption: q.Title, Info: q.Payload})
	}
	return []providers.Message{{To: a.Recipient.ID, Content: c}}
}

// Problem is a refusal in Meta's words.
func Problem(code, subcode int) string {
	more := ""
	if subcode != 0 {
		more = fmt.Sprintf(`,"error_subcode":%d`, subcode)
	}
	return fmt.Sprintf(`{"error":{"message":"(#%d) Title with %s","type":"OAuthException","code":%d%s,"fbtrace_id":"Az8or2yhqkZfEZ-"}}`, code, Token, code, more)
}

// windowClosed are the subcodes of who has not written lately.
var windowClosed = []int{2018278, 2018065, 2534022}

// Refusals are what the API refuses with, and what each means.
func Refusals() (all []providertest.Refusal) {
	add := func(kind providers.ErrorKind, bounce providers.BounceKind, status, code int, subcodes ...int) {
		if len(subcodes) == 0 {
			subcodes = []int{0}
		}
		for _, subcode := range subcodes {
			all = append(all, providertest.Refusal{
				Name: fmt.Sprintf("%d %d %d", status, code, subcode), Kind: kind, Bounce: bounce, Code: strconv.Itoa(code),
				Answer: sink.Answer{Code: status, Text: Problem(code, subcode)}, Window: slices.Contains(windowClosed, subcode),
			})
		}
	}
	for kind, codes := range map[providers.ErrorKind][]int{
		providers.ErrorTemporary: {1, 2, 1200}, providers.ErrorThrottled: {4, 17, 32, 613, 80001, 80002, 80006},
		providers.ErrorAuth: {0, 3, 10, 102, 190, 200, 230, 299}, providers.ErrorAccount: {368}, providers.ErrorContent: {100, 987654},
	} {
		for _, code := range codes {
			add(kind, "", 400, code)
		}
	}
	add(providers.ErrorRecipient, "", 403, 10, windowClosed...)
	add(providers.ErrorRecipient, providers.BounceSoft, 403, 10, 2018108)
	add(providers.ErrorRecipient, providers.BounceSoft, 400, 551, 0, 1545041)
	add(providers.ErrorRecipient, providers.BounceSoft, 400, 100, 2018001, 2534014)
	add(providers.ErrorThrottled, "", 400, 100, 2018022)
	add(providers.ErrorAuth, "", 403, 200, 2018028)
	add(providers.ErrorAccount, "", 403, 10, 1893063)
	add(providers.ErrorContent, "", 400, 100, 2018008, 2018047, 2018109)
	add(providers.ErrorSender, "", 400, 100, 33)
	add(providers.ErrorThrottled, "", 429, 987653)
	add(providers.ErrorTemporary, "", 503, 987652)
	for _, text := range []string{`{"recipient_id":"1"}`, `{"message_id":"é"}`, "<html>welcome</html>"} {
		all = append(all, providertest.Refusal{Name: "doubt " + text, Answer: sink.Answer{Code: 200, Text: text}, Kind: providers.ErrorInDoubt})
	}
	for status, kind := range map[int]providers.ErrorKind{301: providers.ErrorAccount, 401: providers.ErrorAuth, 502: providers.ErrorTemporary} {
		all = append(all, providertest.Refusal{
			Name: "plain " + strconv.Itoa(status), Answer: sink.Answer{Code: status, Text: "why not " + AppSecret}, Kind: kind, Code: strconv.Itoa(status),
		})
	}
	return all
}

// Posted is a request about a sender, signed.
func Posted(object, sender string, items ...string) (http.Header, []byte) {
	text := ""
	for i, item := range items {
		if i > 0 {
			text += ","
		}
		text += item
	}
	body := fmt.Appendf(nil, `{"object":%q,"entry":[{"id":%q,"time":1458668856463,"messaging":[%s]}]}`, object, sender, text)
	return Sign(body), body
}

// Sign is the header with which Meta posts a body.
func Sign(body []byte) http.Header {
	mac := hmac.New(sha256.New, []byte(AppSecret))
	mac.Write(body)
	return http.Header{"X-Hub-Signature-256": {"sha256=" + hex.EncodeToString(mac.Sum(nil))}}
}

// Reply is what somebody wrote.
func Reply(at time.Time, r providers.Reply) string {
	sort, said := "message", map[string]any{"mid": r.ID, "text": r.Text}
	switch p := r.Parts; p.Type() {
	case providers.ReplyButton:
		sort, said = "postback", map[string]any{"mid": r.ID, "title": p.Button.Title, "payload": p.Button.ID}
	case providers.ReplyLocation:
		said["attachments"] = []any{map[string]any{"type": "location", "title": p.Location.Name, "payload": map[string]any{
			"coordinates": map[string]float64{"lat": p.Location.Latitude, "long": p.Location.Longitude}}}}
	case providers.ReplyMedia:
		kind := string(p.Media.Type)
		if p.Media.Type == providers.Document {
			kind = "file"
		}
		said["text"], said["attachments"] = p.Media.Caption, []any{map[string]any{"type": kind, "payload": map[string]string{"url": "https://x.org"}}}
	}
	words, _ := json.Marshal(said) // texts can be written
	return fmt.Sprintf(`{"sender":{"id":%q},"recipient":{"id":"1"},"timestamp":%d,%q:%s}`, r.From, at.UnixMilli(), sort, words)
}

// Parts are what Meta tells of a reply beside its words.
func Parts() []providers.ReplyParts {
	return append([]providers.ReplyParts{
		{Button: &providers.ReplyOption{ID: "yes_1", Title: "Yes"}}, {Location: &providers.Location{Latitude: 52.5125, Longitude: -13.25, Name: "Café"}},
	}, append(providertest.Files("", ""), providertest.Files("look ✋", "")...)...)
}

// Challenge is a question whether an address wants to be posted to, and what answers it.
func Challenge() (query url.Values, answer string) {
	return url.Values{"hub.mode": {"subscribe"}, "hub.challenge": {"1158201444"}, "hub.verify_token": {Verify}}, "1158201444"
}
