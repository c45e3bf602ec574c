package whatsapp_test

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"os"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"carillon/internal/fault"
	"carillon/internal/sink"
	"carillon/providers"
	"carillon/providers/providertest"
	"carillon/providers/whatsapp"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const (
	token        = "EAAJB-a-token-of-a-system-user-0"
	appSecret    = "what-meta-signs-with-0123"
	verify       = "what-meta-asks-with-0123"
	number       = "106540352242922"
	account      = "102290129340398"
	installation = "theinstallation1" // the suite's
)

func config(address string) json.RawMessage {
	return json.RawMessage(fmt.Sprintf(`{"api":%q,"phone_number_id":%q,"business_account_id":%q,"token":%q,"app_secret":%q,"verify_token":%q,"timeout_ms":60000}`,
		address+"/v26.0", number, account, token, appSecret, verify))
}

// wamid is Meta's id for a message.
func wamid(id int64) string {
	return "wamid." + base64.StdEncoding.EncodeToString(fmt.Appendf(nil, "\xfb\xff~%05d", id)) + "="
}

func serve(t testing.TB, o sink.Options) providertest.Far {
	t.Helper()
	o.Dialect = cloudAPI
	s, err := sink.NewHTTP(o)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, s.Close()) })
	return providertest.Far{Config: config(s.URL()), Tally: &s.Tally}
}

// said is an error in the Graph API's words.
func said(status, code int, kind providers.ErrorKind) providertest.Refusal {
	return providertest.Refusal{
		Name: strconv.Itoa(code), Kind: kind, Code: strconv.Itoa(code),
		Answer: sink.Answer{Code: status, Text: fmt.Sprintf(`{"error":{"message":"(#%d) Title with %s","type":"OAuthException","code":%d,
			"error_data":{"messaging_product":"whatsapp","details":"Details"},"fbtrace_id":"Az8or2yhqkZfEZ-"}}`, code, token, code)},
	}
}

// plain is an answer of somebody else's, such as a proxy before Meta.
func plain(status int, kind providers.ErrorKind) providertest.Refusal {
	return providertest.Refusal{
		Name: "plain " + strconv.Itoa(status), Answer: sink.Answer{Code: status, Text: "why not " + appSecret}, Kind: kind, Code: strconv.Itoa(status),
	}
}

// known are what the codes mean that Meta documents.
var known = map[providers.ErrorKind][]int{
	providers.ErrorAuth:          {0, 3, 10, 190, 200, 219, 299, 131005},
	providers.ErrorSender:        {33, 131037, 131045, 133010},
	providers.ErrorAccount:       {368, 131031, 131042, 131048},
	providers.ErrorThrottled:     {4, 80007, 130429},
	providers.ErrorTemporary:     {1, 2, 131000, 131016, 131057, 133004},
	providers.ErrorRecipientBusy: {131056},
	providers.ErrorRecipient:     {470, 130472, 130497, 131021, 131026, 131030, 131047, 131049, 131050},
	providers.ErrorContent: {
		100, 131008, 131009, 131051, 131052, 131053, 132000, 132001, 132005, 132007, 132012, 132015, 132016, 132018,
	},
}

func refusals() (all []providertest.Refusal) {
	for kind, codes := range known {
		for _, code := range codes {
			r := said(400, code, kind)
			switch code {
			case 131047, 470:
				r.Window = true
			case 131026:
				r.Bounce = providers.BounceSoft
			case 131056:
				r.RetryAfter = 6 * time.Second
			}
			all = append(all, r)
		}
	}
	slow := said(429, 130429, providers.ErrorThrottled)
	slow.Name, slow.Answer.Header, slow.RetryAfter = "130429 with Retry-After", http.Header{"Retry-After": {"7"}}, 7*time.Second
	whatever := said(500, 131047, providers.ErrorRecipient) // the code says it, not the status
	whatever.Name, whatever.Window = "131047 with 500", true
	nobody := said(400, 100, providers.ErrorSender)
	nobody.Name, nobody.Answer.Text = "no such number", strings.Replace(nobody.Answer.Text, `"code":100`, `"code":100,"error_subcode":33`, 1)
	passing := said(400, 987654, providers.ErrorTemporary)
	passing.Name, passing.Answer.Text = "passing", strings.Replace(passing.Answer.Text, `"code":987654`, `"code":987654,"is_transient":true`, 1)
	within := said(200, 131008, providers.ErrorContent)
	within.Name = "131008 with 200"
	uncoded := providertest.Refusal{Name: "without a code", Answer: sink.Answer{Code: 400, Text: `{"error":{}}`}, Kind: providers.ErrorContent, Code: "400"}
	doubt := func(code int, text string) providertest.Refusal {
		return providertest.Refusal{Name: "doubt " + text, Answer: sink.Answer{Code: code, Text: text}, Kind: providers.ErrorInDoubt}
	}
	gone := plain(410, providers.ErrorRecipient)
	gone.Bounce = providers.BounceHard
	return append(all, slow, whatever, nobody, passing, within, uncoded,
		said(400, 987654, providers.ErrorContent), said(403, 987653, providers.ErrorAuth), said(503, 987652, providers.ErrorTemporary),
		doubt(200, `{"messages":[]}`), doubt(200, `{"messages":[{"id":"é"}]}`), doubt(200, "<html>welcome</html>"), doubt(204, ""),
		plain(301, providers.ErrorAccount), plain(302, providers.ErrorTemporary), plain(401, providers.ErrorAuth), plain(404, providers.ErrorTemporary),
		plain(502, providers.ErrorTemporary), gone)
}

func TestContract(t *testing.T) {
	providertest.Run(t, providertest.Subject{
		Kind:     whatsapp.Kind(),
		Serve:    serve,
		Nowhere:  func(addr string) json.RawMessage { return config("https://" + addr) },
		Secrets:  []string{token, appSecret, verify},
		Refusals: refusals(),
		Arrived: func(_ testing.TB, d sink.Delivery) []providers.Message {
			r := parse(d.Body)
			return []providers.Message{{To: r.To, Content: r.content()}}
		},
		Apart:     true,
		Challenge: func() (url.Values, string) { return question(verify), "1158201444" },
		Templates: listed,
		Proof:     providertest.Signed,
		Reports: []providers.ReceiptStatus{
			providers.ReceiptDelivered, providers.ReceiptRead, providers.ReceiptFailed, providers.ReceiptRejected,
		},
		Receipt: func(_ testing.TB, at time.Time, r providertest.Report) (http.Header, []byte) {
			return posted(about(wamid(r.MessageID), fmt.Sprintf("%d-%s", r.MessageID, installation), at, reported[r.Status]))
		},
		Reply: func(t testing.TB, at time.Time, r providers.Reply) (http.Header, []byte) {
			sort, of := written(r)
			words, err := json.Marshal(of)
			require.NoError(t, err)
			return posted(fmt.Sprintf(`"messages":[{"from":%q,"id":%q,"timestamp":"%d","type":%q,%q:%s}]`, r.From[1:], r.ID, at.Unix(), sort, sort, words))
		},
		Parts: append(providertest.AllParts(), providers.ReplyParts{Button: &providers.ReplyOption{Title: "Stop promotions"}}),
	})
}

// written is a reply as Meta posts it: of which type, and what stands under that.
func written(r providers.Reply) (sort string, of any) {
	p := r.Parts
	switch p.Type() {
	case providers.ReplyButton:
		if p.Button.ID == "" {
			return "button", map[string]string{"text": p.Button.Title} // of a template without a payload
		}
		return "interactive", map[string]any{"type": "button_reply", "button_reply": p.Button}
	case providers.ReplyChoice:
		return "interactive", map[string]any{"type": "list_reply", "list_reply": p.Choice}
	case providers.ReplyLocation:
		return "location", p.Location
	case providers.ReplyMedia:
		return string(p.Media.Type), map[string]any{"id": "1", "caption": p.Media.Caption, "filename": p.Media.Filename, "mime_type": "x/y"}
	default:
		return "text", map[string]string{"body": r.Text}
	}
}

func question(token string) url.Values {
	return url.Values{"hub.mode": {"subscribe"}, "hub.challenge": {"1158201444"}, "hub.verify_token": {token}}
}

// reported are the statuses as Meta posts them.
var reported = map[providers.ReceiptStatus]string{
	providers.ReceiptDelivered: `"status":"delivered","pricing":{"billable":true}`,
	providers.ReceiptRead:      `"status":"read"`,
	providers.ReceiptFailed:    `"status":"failed","errors":[{"code":131000,"title":"Something went wrong","message":"x","error_data":{"details":"d"}}]`,
	providers.ReceiptRejected:  `"status":"failed","errors":[{"code":131026,"title":"Undeliverable","error_data":{"details":"d"},"href":"https://x.org/e"}]`,
}

// about is a list of one status.
func about(id, echo string, at time.Time, says string) string {
	if echo != "" {
		echo = fmt.Sprintf(`"biz_opaque_callback_data":%q,`, echo)
	}
	return fmt.Sprintf(`"statuses":[{"id":%q,"recipient_id":"4917000000007","timestamp":"%d",%s%s}]`, id, at.Unix(), echo, says)
}

// posted is a request of Meta's with what is about the channel's number.
func posted(value string) (http.Header, []byte) {
	return signed(fmt.Sprintf(`{"object":"whatsapp_business_account","entry":[{"id":%q,"changes":[{"field":"messages","value":{
		"messaging_product":"whatsapp","metadata":{"display_phone_number":"15550783881","phone_number_id":%q},%s}}]}]}`, account, number, value))
}

func signed(body string) (http.Header, []byte) {
	mac := hmac.New(sha256.New, []byte(appSecret))
	mac.Write([]byte(body))
	return http.Header{"X-Hub-Signature-256": {"sha256=" + hex.EncodeToString(mac.Sum(nil))}}, []byte(body)
}

// open makes the adapter for a configuration.
func open(t testing.TB, raw json.RawMessage) providers.Provider {
	t.Helper()
	return providertest.Open(t, whatsapp.Kind(), raw)
}

// The page for those who send says of each code what it means for them.
func TestCodesAreDocumented(t *testing.T) {
	page, err := os.ReadFile("../../docs/providers/whatsapp.md")
	require.NoError(t, err)
	_, table, _ := strings.Cut(string(page), "## What errors mean")
	for _, codes := range known {
		for _, code := range codes {
			if code > 200 && code < 299 {
				continue // between two that are named
			}
			require.Regexp(t, fmt.Sprintf(`(?m)^\| [0-9a-z, ]*\b%d\b[0-9a-z, ]* \|`, code), table)
		}
	}
}

// What stops the channel, and what a person can do about, says so.
func TestErrorsSayWhatHelps(t *testing.T) {
	for want, r := range map[string]providertest.Refusal{
		"refused by WhatsApp: (#190) Title with <redacted>: Details; make a new access token": said(401, 190, providers.ErrorAuth),
		"only an approved template reaches them":                                              said(400, 131047, providers.ErrorRecipient),
		"means of payment":                                                                    said(400, 131042, providers.ErrorAccount),
		"check config.api: why not <redacted>":                                                plain(502, providers.ErrorTemporary),
	} {
		p := open(t, serve(t, sink.Options{Answer: func(int64, int64) sink.Answer { return r.Answer }}).Config)
		_, err := p.Send(t.Context(), providers.Message{ID: 7, To: "+4917000000007", Content: providers.Content{Text: "x"}})
		require.ErrorContains(t, err, want)
	}
	far := serve(t, sink.Options{})
	for _, c := range []struct{ was, is, want string }{
		{token, "EAAJB-another-token-0123456", "auth 190"}, {number, "106540352242923", "sender 100"}, {"/v26.0", "/nothing", "temporary 404"},
	} {
		err := open(t, json.RawMessage(strings.Replace(string(far.Config), c.was, c.is, 1))).(providers.Checker).Check(t.Context())
		require.ErrorContains(t, err, c.want)
	}
}

func TestConfigRefused(t *testing.T) {
	right := string(config("https://x.org"))
	for field, change := range map[string][2]string{
		"config.api":                 {"https://x.org", "ftp://x.org"},
		"config.phone_number_id":     {number, "+1 555 078 3881"},
		"config.business_account_id": {account, "my shop"},
		"config.token":               {token, "short"},
		"config.token: is required":  {token, ""},
		"config.app_secret":          {appSecret, "short"},
		"config.verify_token":        {verify, "with spaces in it 0123"},
	} {
		err := whatsapp.Kind().Validate(json.RawMessage(strings.Replace(right, change[0], change[1], 1)))
		require.True(t, fault.Is(err, fault.Invalid), "%s: %v", field, err)
		require.ErrorContains(t, err, strings.Split(field, ":")[0])
	}
	sample, err := os.ReadFile("testdata/config.json")
	require.NoError(t, err)
	require.NoError(t, whatsapp.Kind().Validate(sample))
	require.Equal(t, 5, whatsapp.Kind().MostRequests(json.RawMessage(`{"max_connections":5}`)))
}

// Whatever is answered to a message is an acceptance that can be kept or an error that says what it
// means, without a secret.
func FuzzAnswered(f *testing.F) {
	providertest.FuzzAnswers(f, whatsapp.Kind(), serve, providertest.Answered{To: "+4917000000007", Secret: token, Seeds: []string{
		`{"messages":[{"id":"wamid.x","message_status":"held_for_quality_assessment"}]}`, `{"error":{"code":130429}}`, `{"error":{"code":1e9}}`,
		`{"error":{"code":-5,"message":"` + token + `"}}`, `{"error":null}`, `{"error":{"code":"190"}}`, `{"messages":[{"id":7}]}`,
	}})
}
