package twilio_test

import (
	"crypto/hmac"
	"crypto/sha1"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"os"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"carillon/internal/clock"
	"carillon/internal/fault"
	"carillon/internal/sink"
	"carillon/providers"
	"carillon/providers/providertest"
	"carillon/providers/twilio"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const (
	account = "AC00000000000000000000000000000001"
	token   = "a-token-that-only-shows-the-form"
	number  = "+15005550006"
)

func config(address string) json.RawMessage {
	return json.RawMessage(fmt.Sprintf(`{"api":%q,"account_sid":%q,"auth_token":%q,"from":%q,"timeout_ms":60000}`, address, account, token, number))
}

func parse(body []byte) url.Values {
	form, _ := url.ParseQuery(string(body)) // what can't be read has no recipient
	return form
}

// refused is a refusal in Twilio's words.
func refused(status, code int, message string) sink.Answer {
	const form = `{"code":%d,"message":%q,"more_info":"https://www.twilio.com/docs/errors/%d","status":%d}`
	return sink.Answer{Code: status, Text: fmt.Sprintf(form, code, message, code, status)}
}

func reply(a sink.Answer) sink.Exchange {
	return sink.Exchange{Reply: func(w http.ResponseWriter, _ []sink.Answer) {
		w.WriteHeader(a.Code)
		_, _ = w.Write([]byte(a.Text))
	}}
}

// parameters are all that Carillon asks with; an API takes others for a mistake.
var parameters = []string{"To", "From", "MessagingServiceSid", "Body", "MediaUrl", "StatusCallback"}

// messagesAPI plays Twilio.
func messagesAPI(r *http.Request, body []byte) sink.Exchange {
	name, password, _ := r.BasicAuth()
	path, known := strings.CutPrefix(r.URL.Path, "/2010-04-01/Accounts/"+account)
	form := parse(body)
	switch {
	case name != account && !strings.HasPrefix(name, "SK") || password != token:
		return reply(refused(401, 20003, "Authenticate"))
	case known && r.Method+path == "GET.json":
		return reply(sink.Answer{Code: 200, Text: `{"sid":"` + account + `","status":"active","type":"Full"}`})
	case !known || r.Method+path != "POST/Messages.json":
		return reply(refused(404, 20404, "The requested resource "+r.URL.Path+" was not found"))
	case r.Header.Get("Content-Type") != "application/x-www-form-urlencoded" || form.Get("To") == "":
		return reply(refused(400, 21604, "A 'To' phone number is required."))
	case form.Has("From") == form.Has("MessagingServiceSid"):
		return reply(refused(400, 21603, "A 'From' phone number is required."))
	case form.Has("From") && strings.HasPrefix(form.Get("From"), "whatsapp:") != strings.HasPrefix(form.Get("To"), "whatsapp:"):
		return reply(refused(400, 21910, "Invalid From and To pair. From and To should be of the same channel"))
	case form.Get("Body") == "" && form.Get("MediaUrl") == "":
		return reply(refused(400, 21619, "A text message body or media urls must be specified."))
	case providers.Units(form.Get("Body")) > 1600:
		return reply(refused(400, 21617, "The concatenated message body exceeds the 1600 character limit."))
	}
	for given := range form {
		if !slices.Contains(parameters, given) || len(form[given]) != 1 {
			return reply(refused(400, 20001, "Unknown parameter "+given))
		}
	}
	id := idOf(form)
	return sink.Exchange{Messages: []int64{id}, Reply: func(w http.ResponseWriter, _ []sink.Answer) {
		w.WriteHeader(http.StatusCreated)
		_, _ = fmt.Fprintf(w, `{"sid":%q,"status":"queued","error_code":null,"num_segments":"1","account_sid":%q}`, sid(id), account)
	}}
}

// idOf is our id: a message is known by its recipient.
func idOf(form url.Values) int64 {
	if to, ok := strings.CutPrefix(form.Get("To"), "whatsapp:"); ok {
		return max(1, providertest.Number(providers.WhatsApp, to))
	}
	return max(1, providertest.Number(providers.SMS, form.Get("To")))
}

func sid(id int64) string { return fmt.Sprintf("SM%032d", id) }

// listed lists what was taken for a number, and what somebody wrote from there.
func listed(query url.Values, taken []sink.Arrival) sink.Exchange {
	created := providertest.Now.Add(-providertest.Lag - 10*time.Second).Format(time.RFC1123Z)
	list := []string{fmt.Sprintf(`{"sid":%q,"direction":"inbound","date_created":%q,"status":"received"}`, sid(999), created)}
	for _, a := range taken {
		if a.ID == idOf(query) {
			list = append(list, fmt.Sprintf(`{"sid":%q,"direction":"outbound-api","date_created":%q,"status":"delivered","from":%q,"error_code":null}`,
				sid(a.ID), created, query.Get("From")))
		}
	}
	return sink.Exchange{Reply: func(w http.ResponseWriter, _ []sink.Answer) {
		_, _ = w.Write([]byte(`{"messages":[` + strings.Join(list, ",") + `],"next_page_uri":null}`))
	}}
}

func serve(t testing.TB, o sink.Options) providertest.Far {
	t.Helper()
	var s *sink.HTTP
	o.Dialect = func(r *http.Request, body []byte) sink.Exchange {
		if _, password, _ := r.BasicAuth(); r.Method == http.MethodGet && strings.HasSuffix(r.URL.Path, "/Messages.json") && password == token {
			return listed(r.URL.Query(), s.Arrivals())
		}
		return messagesAPI(r, body)
	}
	s, err := sink.NewHTTP(o)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, s.Close()) })
	return providertest.Far{Config: config(s.URL()), Tally: &s.Tally}
}

// posted is a request that Twilio signs.
func posted(form url.Values) (http.Header, []byte) {
	mac := hmac.New(sha1.New, []byte(token))
	mac.Write([]byte(providertest.HookURL))
	for _, name := range slices.Sorted(maps.Keys(form)) {
		mac.Write([]byte(name + form.Get(name)))
	}
	return http.Header{"X-Twilio-Signature": {base64.StdEncoding.EncodeToString(mac.Sum(nil))}}, []byte(form.Encode())
}

// status is what Twilio posts of a message.
func status(id int64, word string, more ...string) url.Values {
	form := url.Values{"MessageSid": {sid(id)}, "MessageStatus": {word}, "SmsSid": {sid(id)}, "SmsStatus": {word}, "AccountSid": {account}}
	for i := 0; i < len(more); i += 2 {
		form.Set(more[i], more[i+1])
	}
	return form
}

// said is a refusal and what it means.
func said(status, code int, kind providers.ErrorKind, bounce providers.BounceKind) providertest.Refusal {
	return providertest.Refusal{Name: strconv.Itoa(code), Answer: refused(status, code, "because of "+token), Kind: kind, Code: strconv.Itoa(code), Bounce: bounce}
}

// plain is an answer of somebody else's, such as a proxy before Twilio.
func plain(status int, kind providers.ErrorKind) providertest.Refusal {
	return providertest.Refusal{Name: strconv.Itoa(status), Answer: sink.Answer{Code: status, Text: "why not"}, Kind: kind, Code: strconv.Itoa(status)}
}

// codes are all that has a meaning of its own, by what it means.
var codes = []struct {
	kind   providers.ErrorKind
	bounce providers.BounceKind
	codes  []int
}{
	{providers.ErrorAuth, "", []int{20003}},
	{providers.ErrorAccount, "", []int{20404, 30002, 30037}},
	{providers.ErrorQuota, "", []int{30023, 63038}},
	{providers.ErrorThrottled, "", []int{20429, 21611, 30022, 63017, 63018}},
	{providers.ErrorTemporary, "", []int{30001, 30008}},
	{providers.ErrorRecipientBusy, "", []int{14107}},
	{providers.ErrorRecipient, providers.BounceHard, []int{21211, 21217, 21265, 21614, 21635, 30005}},
	{providers.ErrorRecipient, providers.BounceSoft, []int{21214, 30003, 30006, 63003, 63024}},
	{providers.ErrorRecipient, "", []int{
		21266, 21407, 21408, 21608, 21610, 21612, 21703, 30004, 30011, 63014, 63015, 63016, 63032, 63033,
	}},
	{providers.ErrorSender, "", []int{
		21601, 21603, 21606, 21609, 21659, 21660, 21661, 21701, 21702, 21704, 21705, 30032, 30033, 30034, 30035, 63001, 63007,
	}},
	{providers.ErrorContent, "", []int{21617, 30007, 63005, 63021, 21620}},
}

func refusals() []providertest.Refusal {
	doubt := func(code int, text string) providertest.Refusal {
		return providertest.Refusal{Name: "doubt " + text, Answer: sink.Answer{Code: code, Text: text}, Kind: providers.ErrorInDoubt}
	}
	slow := said(429, 20429, providers.ErrorThrottled, "")
	slow.Name, slow.Answer.Header, slow.RetryAfter = "Retry-After", http.Header{"Retry-After": {"7"}}, 7*time.Second
	full := said(429, 21611, providers.ErrorThrottled, "")
	full.Name = "a full queue as it is answered"
	gone := plain(410, providers.ErrorRecipient)
	gone.Bounce = providers.BounceHard
	list := []providertest.Refusal{
		slow, full, doubt(201, `{"status":"queued"}`), doubt(201, `{"sid":"a b"}`), doubt(200, "<html>welcome</html>"), doubt(204, ""),
		said(503, 20503, providers.ErrorTemporary, ""), said(403, 99999, providers.ErrorAuth, ""), plain(301, providers.ErrorAccount),
		plain(302, providers.ErrorTemporary), plain(400, providers.ErrorContent), plain(401, providers.ErrorAuth), plain(404, providers.ErrorTemporary),
		gone, plain(429, providers.ErrorThrottled), plain(500, providers.ErrorTemporary), plain(502, providers.ErrorTemporary),
	}
	for _, c := range codes {
		for _, code := range c.codes {
			list = append(list, said(400, code, c.kind, c.bounce))
		}
	}
	return list
}

func TestContract(t *testing.T) {
	words := map[providers.ReceiptStatus]url.Values{
		providers.ReceiptDelivered: status(0, "delivered"), providers.ReceiptRead: status(0, "read"),
		providers.ReceiptFailed:   status(0, "undelivered", "ErrorCode", "30007"),
		providers.ReceiptRejected: status(0, "failed", "ErrorCode", "30005"),
	}
	providertest.Run(t, providertest.Subject{
		Kind:     twilio.Kind(),
		Serve:    serve,
		Nowhere:  func(addr string) json.RawMessage { return config("https://" + addr) },
		Secrets:  []string{token},
		Refusals: refusals(),
		Unnamed:  true,
		Arrived: func(t testing.TB, d sink.Delivery) []providers.Message {
			form := parse(d.Body)
			require.Equal(t, providertest.HookURL, form.Get("StatusCallback"))
			require.Equal(t, strings.HasPrefix(form.Get("From"), "whatsapp:"), strings.HasPrefix(form.Get("To"), "whatsapp:"))
			c := providers.Content{Text: form.Get("Body")}
			if file := form.Get("MediaUrl"); file != "" {
				c.Text, c.Attachment = "", &providers.Attachment{URL: file, Caption: form.Get("Body")}
			}
			return []providers.Message{{To: strings.TrimPrefix(form.Get("To"), "whatsapp:"), Content: c}}
		},
		Proof:   providertest.Signed,
		Reports: []providers.ReceiptStatus{providers.ReceiptDelivered, providers.ReceiptRead, providers.ReceiptFailed, providers.ReceiptRejected},
		Receipt: func(_ testing.TB, _ time.Time, r providertest.Report) (http.Header, []byte) {
			form := maps.Clone(words[r.Status])
			form.Set("MessageSid", sid(r.MessageID))
			form.Set("SmsSid", sid(r.MessageID))
			return posted(form)
		},
		Reply: func(_ testing.TB, _ time.Time, r providers.Reply) (http.Header, []byte) {
			form := url.Values{"MessageSid": {r.ID}, "SmsStatus": {"received"}, "From": {r.From}, "To": {number}, "Body": {r.Text}, "NumMedia": {"0"}}
			written(form, r.Parts)
			return posted(form)
		},
		Parts: append([]providers.ReplyParts{
			{Button: &providers.ReplyOption{ID: "yes_1", Title: "Yes"}}, {Button: &providers.ReplyOption{Title: "Yes"}},
			{Location: &providers.Location{Latitude: 52.5125, Longitude: -13.25, Name: "Café", Address: "1 Way"}},
			{Media: &providers.ReplyFile{Type: providers.Image}},
		}, providertest.Files("look ✋", "")...),
	})
}

// written has a request say what there is beside words.
func written(form url.Values, p providers.ReplyParts) {
	switch p.Type() {
	case providers.ReplyButton:
		form.Set("Body", p.Button.Title)
		form.Set("ButtonText", p.Button.Title)
		if p.Button.ID != "" {
			form.Set("ButtonPayload", p.Button.ID)
		}
	case providers.ReplyLocation:
		form.Set("Latitude", strconv.FormatFloat(p.Location.Latitude, 'f', -1, 64))
		form.Set("Longitude", strconv.FormatFloat(p.Location.Longitude, 'f', -1, 64))
		form.Set("Label", p.Location.Name)
		form.Set("Address", p.Location.Address)
	case providers.ReplyMedia:
		types := map[providers.AttachmentType]string{
			providers.Image: "image/jpeg", providers.Video: "video/mp4", providers.Audio: "audio/ogg; codecs=opus", providers.Document: "application/pdf",
		}
		form.Set("Body", p.Media.Caption)
		form.Set("MediaUrl0", "https://x.org/a")
		form.Set("MediaContentType0", types[p.Media.Type])
	}
}

// open makes the adapter for a configuration, with the public address that a hook has.
func open(t testing.TB, raw json.RawMessage, hook string) providers.Provider {
	t.Helper()
	require.NoError(t, twilio.Kind().Validate(raw))
	p, err := twilio.Kind().New(raw, providers.Deps{
		HookURL: hook, Dialer: providers.Dialer{AllowPrivate: true}, Clock: clock.NewFake(providertest.Now),
	})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, p.Close()) })
	return p
}

// changed is the configuration with something else in place of a part of it.
func changed(raw json.RawMessage, part, other string) json.RawMessage {
	return json.RawMessage(strings.Replace(string(raw), part, other, 1))
}

// Each content goes in the parameters that Twilio has for it, of WhatsApp with the prefix on both
// sides.
func TestEveryForm(t *testing.T) {
	var got sink.Delivery
	far := serve(t, sink.Options{Seen: func(d sink.Delivery) { got = d }})
	const pool = `"messaging_service_sid":"MG00000000000000000000000000000002"`
	from := fmt.Sprintf(`"from":%q`, number)
	file := providers.Content{Text: "a", Attachment: &providers.Attachment{URL: "https://x.org/a.jpg?x=1&y=ü", Caption: "b"}}
	for name, c := range map[string]struct {
		config  json.RawMessage
		content providers.Content
		hook    string
		want    url.Values
	}{
		"text": {far.Config, providers.Content{Text: "Hello 🍏 & \"x\""}, "", url.Values{"From": {number}, "Body": {"Hello 🍏 & \"x\""}}},
		"file": {far.Config, file, "", url.Values{"From": {number}, "Body": {"a\nb"}, "MediaUrl": {"https://x.org/a.jpg?x=1&y=ü"}}},
		"file alone": {
			far.Config, providers.Content{Attachment: &providers.Attachment{URL: "https://x.org/a"}}, "",
			url.Values{"From": {number}, "MediaUrl": {"https://x.org/a"}},
		},
		"hook": {
			far.Config, providers.Content{Text: "x"}, "https://n.example.org/hooks/1",
			url.Values{"From": {number}, "Body": {"x"}, "StatusCallback": {"https://n.example.org/hooks/1"}},
		},
		"service": {
			changed(far.Config, from, pool), providers.Content{Text: "x"}, "",
			url.Values{"MessagingServiceSid": {"MG00000000000000000000000000000002"}, "Body": {"x"}},
		},
		"short code": {changed(far.Config, number, "12345"), providers.Content{Text: "x"}, "", url.Values{"From": {"12345"}, "Body": {"x"}}},
		"name":       {changed(far.Config, number, "My Company1"), providers.Content{Text: "x"}, "", url.Values{"From": {"My Company1"}, "Body": {"x"}}},
		"WhatsApp": {
			changed(far.Config, "{", `{"address":"whatsapp",`), providers.Content{Text: "x"}, "",
			url.Values{"From": {"whatsapp:" + number}, "Body": {"x"}, "To": {"whatsapp:+4917000000007"}},
		},
		"WhatsApp by a service": {
			changed(changed(far.Config, from, pool), "{", `{"address":"whatsapp",`), providers.Content{Text: "x"}, "",
			url.Values{"MessagingServiceSid": {"MG00000000000000000000000000000002"}, "Body": {"x"}, "To": {"whatsapp:+4917000000007"}},
		},
		"API key": {
			changed(far.Config, fmt.Sprintf(`"auth_token":%q`, token), fmt.Sprintf(`"api_key_sid":"SK00000000000000000000000000000003","api_key_secret":%q`, token)),
			providers.Content{Text: "x"}, "", url.Values{"From": {number}, "Body": {"x"}},
		},
	} {
		p := open(t, c.config, c.hook)
		if !c.want.Has("To") {
			c.want.Set("To", "+4917000000007")
		}
		_, err := p.Send(t.Context(), providers.Message{ID: 7, To: "+4917000000007", Content: c.content})
		require.NoError(t, err, name)
		require.Equal(t, c.want, parse(got.Body), name)
		require.NoError(t, p.(providers.Checker).Check(t.Context()), name)
	}
	require.Equal(t, providers.WhatsApp, twilio.Kind().AddressFor(changed(far.Config, "{", `{"address":"whatsapp",`)))
	require.Equal(t, providers.SMS, twilio.Kind().AddressFor(json.RawMessage(`[]`)))
	require.Equal(t, number, twilio.Kind().Sender(far.Config))
}

// What was refused is said with what to do.
func TestErrorsSayWhatHelps(t *testing.T) {
	for want, c := range map[string]struct {
		answer sink.Answer
		config func(json.RawMessage) json.RawMessage
		kind   providers.ErrorKind
	}{
		"refused by Twilio: Authenticate; check config.account_sid": {answer: refused(401, 20003, "Authenticate"), kind: providers.ErrorAuth},
		"Geo permissions":         {answer: refused(400, 21408, "x"), kind: providers.ErrorRecipient},
		"they have written STOP":  {answer: refused(400, 21610, "x"), kind: providers.ErrorRecipient},
		"set config.api to where": {answer: sink.Answer{Code: 301}, kind: providers.ErrorAccount},
		"not in Twilio's words":   {answer: sink.Answer{Code: 404, Text: "x"}, kind: providers.ErrorTemporary},
		"check config.from":       {answer: refused(400, 21659, "x"), kind: providers.ErrorSender},
		"reaches its own country": {
			refused(400, 21606, "x"), func(raw json.RawMessage) json.RawMessage { return changed(raw, number, "12345") }, providers.ErrorRecipient,
		},
		"is no WhatsApp sender":        {answer: refused(400, 63007, "x"), kind: providers.ErrorSender},
		"ten hours of messages wait":   {answer: refused(429, 21611, "SMS queue is full."), kind: providers.ErrorThrottled},
		"set public_url to an address": {answer: refused(400, 21609, "x"), kind: providers.ErrorSender},
	} {
		raw := serve(t, sink.Options{Answer: func(int64, int64) sink.Answer { return c.answer }}).Config
		if c.config != nil {
			raw = c.config(raw)
		}
		_, err := open(t, raw, "").Send(t.Context(), providers.Message{ID: 7, To: "+491", Content: providers.Content{Text: "x"}})
		require.ErrorContains(t, err, want)
		require.Equal(t, c.kind, providers.AsError(err).Kind, want)
	}
}

// A long text is refused before Twilio is asked.
func TestTooLong(t *testing.T) {
	far := serve(t, sink.Options{})
	_, err := open(t, far.Config, "").Send(t.Context(), providers.Message{ID: 7, To: "+491", Content: providers.Content{Text: strings.Repeat("😀", 801)}})
	require.ErrorContains(t, err, "1602 letters")
	require.Equal(t, "too_long", providers.AsError(err).Code)
	require.Zero(t, far.Tally.Asked())
}

// An account is looked at, and what is wrong with it said.
func TestCheck(t *testing.T) {
	for want, c := range map[string]struct {
		status int
		body   string
		kind   providers.ErrorKind
	}{
		"the account is suspended": {200, `{"sid":"x","status":"suspended"}`, providers.ErrorAccount},
		"is not Twilio":            {200, `{}`, providers.ErrorTemporary},
		"Authenticate":             {401, `{"code":20003,"message":"Authenticate","status":401}`, providers.ErrorAuth},
		"knows no such account":    {404, `{"code":20404,"message":"x","status":404}`, providers.ErrorAccount},
	} {
		s, err := sink.NewHTTP(sink.Options{Dialect: func(*http.Request, []byte) sink.Exchange { return reply(sink.Answer{Code: c.status, Text: c.body}) }})
		require.NoError(t, err)
		t.Cleanup(func() { require.NoError(t, s.Close()) })
		err = open(t, config(s.URL()+"/"), "").(providers.Checker).Check(t.Context())
		require.ErrorContains(t, err, want)
		require.Equal(t, c.kind, providers.AsError(err).Kind)
	}
}

func TestConfigRefused(t *testing.T) {
	good := string(config("https://example.org"))
	for want, c := range map[string][2]string{
		"config.api: must be":                        {"https://example.org", "ftp://example.org"},
		"config.account_sid: must be AC":             {account, "SK1"},
		"config.auth_token: must have 16":            {token, "a b"},
		"config.auth_token: is required":             {token, ""},
		"config.api_key_sid: must be SK":             {"{", `{"api_key_secret":"0123456789abcdef",`},
		"config.api_key_secret: is required":         {"{", `{"api_key_sid":"SK00000000000000000000000000000003",`},
		"config.from: is required":                   {number, ""},
		"one of the two":                             {"{", `{"messaging_service_sid":"MG00000000000000000000000000000002",`},
		"config.messaging_service_sid: must be MG":   {fmt.Sprintf(`"from":%q`, number), `"messaging_service_sid":"x"`},
		"is the number alone":                        {number, "whatsapp:" + number},
		"config.from: must be a number such as +155": {fmt.Sprintf(`"from":%q`, number), `"address":"whatsapp","from":"12345"`},
		"a short code, or a name of 1 to 11":         {number, "Company of twelve"},
	} {
		err := twilio.Kind().Validate(json.RawMessage(strings.Replace(good, c[0], c[1], 1)))
		require.True(t, fault.Is(err, fault.Invalid), "%s: %v", want, err)
		require.ErrorContains(t, err, want)
	}
	sample, err := os.ReadFile("testdata/config.json")
	require.NoError(t, err)
	require.NoError(t, twilio.Kind().Validate(sample))
	require.Equal(t, 5, twilio.Kind().MostRequests(json.RawMessage(`{"max_connections":5}`)))
}

// Whatever is answered to a message is an acceptance that can be kept or an error that says what it
// means, without the token.
func FuzzAnswered(f *testing.F) {
	for _, seed := range []string{
		`{"sid":"SM1"}`, `{"sid":1}`, `{"code":21610,"message":"` + token + `"}`, `{"code":-1}`, `{"code":1e99}`, `{"code":"21610"}`, "<html>",
	} {
		f.Add(201, seed)
		f.Add(400, seed)
	}
	f.Fuzz(func(t *testing.T, status int, body string) {
		if status < 200 || status > 599 || status == 204 || status == 304 {
			return // net/http writes no such answer with a body
		}
		p := open(t, serve(t, sink.Options{Answer: func(int64, int64) sink.Answer { return sink.Answer{Code: status, Text: body} }}).Config, "")
		accepted, err := p.Send(t.Context(), providers.Message{ID: 7, To: "+491", Content: providers.Content{Text: "x"}})
		if err == nil {
			require.True(t, providers.Key(accepted.ProviderID))
			return
		}
		e := providers.AsError(err)
		require.Contains(t, providers.ErrorKinds(), e.Kind)
		require.NotContains(t, err.Error(), token)
	})
}

// What is too large for the way that a channel sends is refused, whatever it is.
func TestFilesThatTwilioTakes(t *testing.T) {
	can := twilio.Kind().Capabilities
	for _, kind := range []providers.AddressKind{providers.SMS, providers.WhatsApp} {
		most := map[providers.AddressKind]int64{providers.SMS: 5_000_000, providers.WhatsApp: 16_000_000}[kind]
		for _, sort := range providers.AttachmentTypes() {
			f := providers.FileFacts{Sort: sort, ContentType: "image/png", Size: most, Linked: true}
			require.Empty(t, can.WrongFile(kind, f))
			f.Size++
			require.Contains(t, can.WrongFile(kind, f), "the channel sends at most "+providers.Megabytes(most))
		}
	}
}
