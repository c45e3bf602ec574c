package whatsapp_test

import (
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"carillon/internal/clock"
	"carillon/internal/secret"
	"carillon/providers"
	"carillon/providers/providertest"
	"carillon/providers/whatsapp"
)

// Each code means the same in a webhook as in an answer, whatever its title says: what is about the
// recipient rejects the message, all else fails it.
func TestFailuresInWebhooks(t *testing.T) {
	p := open(t, config("https://example.org")).(providers.CallbackParser)
	for kind, codes := range known {
		for _, code := range codes {
			want := providers.Receipt{
				MessageID: 7, Status: providers.ReceiptFailed, At: time.Unix(1764417600, 0).UTC(), Code: strconv.Itoa(code), Detail: "Rate limit hit: more https://x.org",
			}
			if kind == providers.ErrorRecipient {
				want.Status = providers.ReceiptRejected
			}
			if kind.StopsChannel() {
				want.Trouble = kind
			}
			if code == 131026 {
				want.Bounce = providers.BounceSoft
			}
			header, body := posted(about(wamid(7), "7-"+installation, want.At, fmt.Sprintf(
				`"status":"failed","errors":[{"code":%d,"title":"Rate limit hit","error_data":{"details":"more"},"href":"https://x.org"}]`, code)))
			receipts, err := p.ParseCallback(header, body)
			require.NoError(t, err)
			require.Equal(t, []providers.Receipt{want}, receipts)
		}
	}
	for errs, want := range map[string]string{`[]`: "failed WhatsApp does not say why", `[{}]`: "failed ", `[{"title":"x ` + token + `"}]`: " x <redacted>"} {
		header, body := posted(about(wamid(7), "", providertest.Now, `"status":"failed","errors":`+errs))
		receipts, err := p.ParseCallback(header, body)
		require.NoError(t, err)
		require.Equal(t, want, receipts[0].Code+" "+receipts[0].Detail)
		require.Equal(t, wamid(7), receipts[0].ProviderID, "without an echo it is the one that Meta calls so")
	}
}

// Of what is posted about several numbers, by several senders and in forms that nobody knew, what is
// this channel's and this installation's counts.
func TestWhoseStatus(t *testing.T) {
	p := open(t, config("https://example.org")).(providers.CallbackParser)
	change := func(number, items string) string {
		return fmt.Sprintf(`{"field":"messages","value":{"metadata":{"phone_number_id":%q},"new":{"x":[1]},"statuses":[%s]}}`, number, items)
	}
	status := func(id, echo, word string) string {
		return fmt.Sprintf(`{"id":%q,"status":%q,"timestamp":1764417600,"biz_opaque_callback_data":%q,"unknown":{"x":1}}`, id, word, echo)
	}
	ours := "-" + installation
	var many []string
	for id := range 3000 {
		many = append(many, status("wamid.x", strconv.Itoa(id+1)+ours, "read"))
	}
	header, body := signed(`{"new":7,"entry":[{"changes":[` +
		change(number, strings.Join([]string{
			status("wamid.a", "1"+ours, "read"), status("wamid.a", "1"+ours, "delivered"), status("wamid.a", "1"+ours, "delivered"), status("wamid.a", "1"+ours, "sent"),
			status("wamid.b", "2-anotherinstall1", "delivered"), status("wamid.b", "2", "delivered"), status("wamid.b", "order 7", "delivered"),
			status("wamid.b", "-7"+ours, "failed"), status("wamid.b", "007"+ours, "delivered"), status("wamid.b", "99999999999999999999"+ours, "read"),
			`7`, `{"id":{},"status":"read"}`, `{"id":"with spaces","status":"read"}`, `{"status":"deleted"}`, `{"id":"wamid.c","status":"played"}`,
		}, ",")) + `,` + change("106540352242999", status("wamid.d", "4"+ours, "read")) + `]},{"id":7,"changes":[` +
		change(number, status("wamid.e", "5"+ours, "delivered")) + `,{"field":"account_update","value":{"event":"x"}},` +
		change(number, strings.Join(many, ",")) + `]},{}]}`)
	receipts, err := p.ParseCallback(header, body)
	var refused providers.Refused
	require.ErrorAs(t, err, &refused)
	var places []string
	for _, f := range refused {
		places = append(places, f.Location)
	}
	require.Equal(t, []string{
		"entry[0].changes[0].value.statuses[10]", "entry[0].changes[0].value.statuses[11]", "entry[0].changes[0].value.statuses[12].id",
	}, places)
	require.Len(t, receipts, 5+len(many))
	at := time.Unix(1764417600, 0).UTC()
	require.Equal(t, []providers.Receipt{
		{MessageID: 1, Status: providers.ReceiptRead, At: at}, {MessageID: 1, Status: providers.ReceiptDelivered, At: at},
		{MessageID: 1, Status: providers.ReceiptDelivered, At: at}, {ProviderID: "wamid.c", Status: providers.ReceiptRead},
		{MessageID: 5, Status: providers.ReceiptDelivered, At: at},
	}, receipts[:5])
	require.Equal(t, int64(3000), receipts[len(receipts)-1].MessageID)
}

// Of what Meta tells, what people say, press and set is read, and the rest is taken.
func TestWhatIsPosted(t *testing.T) {
	p := open(t, config("https://example.org")).(providers.ReplyParser)
	for body, want := range map[string]string{
		`"type":"text","text":{"body":"stop"}`:                                                                              "stop",
		`"type":"button","button":{"payload":"p","text":"Stop promotions"}`:                                                 "p",
		`"type":"button","button":{"text":"Stop promotions"}`:                                                               "Stop promotions",
		`"type":"interactive","interactive":{"type":"button_reply","button_reply":{"id":"i","title":"Yes"}}`:                "i",
		`"type":"interactive","interactive":{"type":"button_reply","button_reply":{"title":"Yes"}}`:                         "Yes",
		`"type":"interactive","interactive":{"type":"list_reply","list_reply":{"id":"r","title":"R","description":"d"}}`:    "r",
		`"type":"interactive","interactive":{"type":"list_reply","list_reply":{"title":"R"}}`:                               "R",
		`"type":"image","image":{"caption":"look","id":"1"}`:                                                                "look",
		`"type":"image","image":{"id":"1"}`:                                                                                 "[image]",
		`"type":"video","video":{"id":"1"}`:                                                                                 "[video]",
		`"type":"document","document":{"filename":"a.pdf"}`:                                                                 "a.pdf",
		`"type":"audio","audio":{"voice":true}`:                                                                             "[audio]",
		`"type":"sticker","sticker":{"id":"1"}`:                                                                             "[sticker]",
		`"type":"location","location":{"latitude":1.5,"longitude":-2,"name":"M"}`:                                           "M 1.5,-2",
		`"type":"contacts","contacts":[{"name":{"formatted_name":"Zoë S"},"phones":[{"phone":"+49 1"},{"phone":"+49 2"}]}]`: "Zoë S +49 1 +49 2",
	} {
		header, raw := posted(`"messages":[{"from":"4917000000007","id":"wamid.in","timestamp":"1764417600","context":{"forwarded":true},` + body + `}]`)
		replies, err := p.ParseReplies(header, raw)
		require.NoError(t, err, body)
		require.Len(t, replies, 1, body)
		replies[0].Parts = providers.ReplyParts{}
		require.Equal(t, []providers.Reply{{ID: "wamid.in", From: person, Text: want, At: time.Unix(1764417600, 0).UTC()}}, replies, body)
	}
	for _, nothing := range []string{
		`"type":"reaction","reaction":{"emoji":"👍"}`, `"type":"system","system":{"type":"user_changed_number"}`, `"type":"unsupported"`, `"type":"interactive"`,
		`"type":"text","text":{"body":"x"},"from":"US.13491208655302741918"`, `"type":"text","text":{"body":"x"},"from":""`,
		`"type":"text","text":{"body":"x"},"group_id":"Y2FwaV9ncm91cDo"`,
	} {
		header, raw := posted(`"messages":[{"from":"4917000000007","id":"wamid.in",` + nothing + `}]`)
		replies, err := p.ParseReplies(header, raw)
		require.NoError(t, err, nothing)
		require.Empty(t, replies, nothing)
	}
	for bad, place := range map[string]string{
		`7`: "value.messages[0]", `{"type":"text","from":"4917000000007","id":"two words"}`: "value.messages[0].id", `{"text":"x"}`: "value.messages[0]",
	} {
		header, raw := posted(`"messages":[` + bad + `,{"from":"4917000000007","id":"wamid.in","type":"text","text":{"body":"x"}}]`)
		replies, err := p.ParseReplies(header, raw)
		require.ErrorContains(t, err, place)
		require.Len(t, replies, 1, "the others are taken")
	}
}

// Who stops or resumes a number's advertising in WhatsApp says so in the words that do it here.
func TestPreferences(t *testing.T) {
	p := open(t, config("https://example.org")).(providers.ReplyParser)
	header, body := posted(`"user_preferences":[
		{"wa_id":"4917000000007","detail":"User requested to stop","category":"marketing_messages","value":"stop","timestamp":1731705721},
		{"wa_id":"4917000000007","category":"marketing_messages","value":"resume","timestamp":"1731705722"},
		{"wa_id":"4917000000007","value":"maybe"},{"wa_id":"US.1","value":"stop"},{"value":"stop"},7]`)
	replies, err := p.ParseReplies(header, body)
	require.ErrorContains(t, err, "user_preferences[5]")
	at := time.Unix(1731705721, 0).UTC()
	require.Equal(t, []providers.Reply{
		{ID: "preference:4917000000007:stop:1731705721", From: person, Text: "STOP", At: at, Setting: true},
		{ID: "preference:4917000000007:resume:1731705722", From: person, Text: "START", At: at.Add(time.Second), Setting: true},
	}, replies)
	header, body = signed(`{"entry":[{"changes":[{"field":"smb_message_echoes","value":{"metadata":{"phone_number_id":"` + number + `"},
		"messages":[{"from":"4917000000007","id":"wamid.in","type":"text","text":{"body":"x"}}]}}]}]}`)
	replies, err = p.ParseReplies(header, body)
	require.NoError(t, err)
	require.Empty(t, replies, "what the business wrote itself is no reply")
}

// Meta is answered what it asks, and nobody else is.
func TestChallenge(t *testing.T) {
	ask := func(raw string, change func(q map[string][]string)) error {
		q := question(verify)
		change(q)
		_, err := open(t, []byte(raw)).(providers.Challenger).Challenge(q)
		return err
	}
	right := string(config("https://x.org"))
	require.NoError(t, ask(right, func(map[string][]string) {}))
	for raw, kind := range map[string]providers.ErrorKind{right: providers.ErrorContent, strings.Replace(right, verify, "", 1): providers.ErrorAuth} {
		err := ask(raw, func(q map[string][]string) { q["hub.mode"] = []string{"unsubscribe"} })
		require.Equal(t, kind, providers.AsError(err).Kind)
		err = ask(raw, func(q map[string][]string) { delete(q, "hub.challenge") })
		require.Equal(t, kind, providers.AsError(err).Kind)
	}
	err := ask(strings.Replace(right, verify, "", 1), func(q map[string][]string) { q["hub.verify_token"] = []string{""} })
	require.Equal(t, providers.ErrorAuth, providers.AsError(err).Kind, "without a token nobody is answered")
}

// Without a secret nothing that is posted is believed; what it was before is, for its time.
func TestSecretsOfTheHook(t *testing.T) {
	header, body := posted(`"statuses":[]`)
	none := strings.Replace(string(config("https://x.org")), appSecret, "", 1)
	_, err := open(t, []byte(none)).(providers.CallbackParser).ParseCallback(header, body)
	require.Equal(t, providers.ErrorAuth, providers.AsError(err).Kind)
	another := strings.Replace(string(config("https://x.org")), appSecret, "another-secret-0123456789", 1)
	for ends, taken := range map[time.Time]bool{providertest.Now.Add(-time.Hour): false, providertest.Now.Add(time.Hour): true} {
		p, err := whatsapp.Kind().New([]byte(another), providers.Deps{
			Clock: clock.NewFake(providertest.Now), Replaced: map[string]providers.Replaced{"app_secret": {Secret: secret.New(appSecret), EndsAt: ends}},
		})
		require.NoError(t, err)
		_, err = p.(providers.CallbackParser).ParseCallback(header, body)
		require.Equal(t, taken, err == nil)
		require.NoError(t, p.Close())
	}
}

// Whatever is posted is read or refused, and what is read can be kept.
func FuzzPosted(f *testing.F) {
	for _, seed := range []string{
		`"statuses":[{"id":"é","status":"read"}]`, `"statuses":[{"status":"failed","id":"x","errors":[{"code":"190"}]}]`,
		`"messages":[{"type":"location","from":"1","id":"x"}]`, `"messages":[{"type":"image","from":"1","id":"x","image":{"caption":"\u0000"}}]`,
		`"messages":[{"type":"interactive","from":"1","id":"x","interactive":{"list_reply":{"id":"\ud800"}}}]`,
		`"messages":[{"type":"location","from":"1","id":"x","location":{"latitude":1e300}}]`,
		`"user_preferences":[{"wa_id":"1","value":"stop","timestamp":-1}]`, `"statuses":null,"messages":[null]`,
		`"statuses":[{"biz_opaque_callback_data":"1-theinstallation1","status":"failed"}]`,
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, value string) {
		p := open(t, config("https://example.org"))
		for _, request := range [][]string{{value}, {value, "whole"}} {
			header, body := posted(value)
			if len(request) > 1 {
				header, body = signed(value)
			}
			requireKeepable(t, p, header, body)
		}
	})
}

func requireKeepable(t *testing.T, p providers.Provider, header http.Header, body []byte) {
	t.Helper()
	replies, _ := p.(providers.ReplyParser).ParseReplies(header, body)
	for _, r := range replies {
		require.True(t, providers.Key(r.ID))
		require.Regexp(t, `^\+[0-9]+$`, r.From)
		providertest.RequireKept(t, r.Parts)
	}
	receipts, _ := p.(providers.CallbackParser).ParseCallback(header, body)
	for _, r := range receipts {
		require.True(t, r.MessageID > 0 && r.ProviderID == "" || r.MessageID == 0 && providers.Key(r.ProviderID))
		if r.Status == providers.ReceiptFailed || r.Status == providers.ReceiptRejected {
			require.NotEmpty(t, r.Code+r.Detail)
		}
	}
}
