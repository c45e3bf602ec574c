package teams_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"regexp"
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
	"carillon/providers/teams"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const signature = "what-nobody-guesses-of-43-letters"

const host = "https://default0123456789abcdef0123456789abcd.ef.environment.api.powerplatform.com:443"

func webhook(n int) string {
	path := fmt.Sprintf("/powerautomate/automations/direct/workflows/%032d/triggers/manual/paths/invoke", n)
	return host + path + "?api-version=1&sp=%2Ftriggers%2Fmanual%2Frun&sv=1.0&sig=" + signature
}

func config(address string) json.RawMessage { return providertest.Rooms(address, webhook) }

var workflows = regexp.MustCompile(`^/powerautomate/automations/direct/workflows/([0-9]{32})/triggers/manual/paths/invoke$`)

// posted is what a workflow's webhook takes.
type posted struct {
	Type        string
	Attachments []struct {
		ContentType string
		Content     struct {
			Schema        string `json:"$schema"`
			Type, Version string
			Body          []struct {
				Type    string
				Inlines []struct {
					Type, Text   string
					SelectAction *struct{ Type, URL string }
				}
				Actions []struct{ Type, Title, URL string }
			}
		}
	}
}

// service plays a workflow. It has its number go with the request, as a header.
func service(r *http.Request, body []byte) sink.Exchange {
	reply := func(status int, code string) sink.Exchange {
		return sink.Exchange{Reply: func(w http.ResponseWriter, _ []sink.Answer) {
			w.WriteHeader(status)
			_, _ = fmt.Fprintf(w, `{"error":{"code":%q,"message":"no"}}`, code)
		}}
	}
	found := workflows.FindStringSubmatch(r.URL.Path)
	var read posted
	switch query := r.URL.Query(); {
	case query.Get("api-version") == "":
		return reply(400, "MissingApiVersionParameter")
	case query.Get("sig") != signature || query.Get("sp") != "/triggers/manual/run" || query.Get("sv") != "1.0":
		return reply(401, "DirectApiInvalidAuthorization")
	case found == nil:
		return reply(404, "WorkflowNotFound")
	case json.Unmarshal(body, &read) != nil || read.Type != "message" || len(read.Attachments) != 1:
		return reply(400, "TriggerInputSchemaMismatch")
	}
	r.Header.Set("Workflow", found[1])
	n, _ := strconv.ParseInt(found[1], 10, 64)
	return sink.Exchange{Messages: []int64{max(1, n)}, Reply: func(w http.ResponseWriter, _ []sink.Answer) { w.WriteHeader(http.StatusAccepted) }}
}

func serve(t testing.TB, o sink.Options) providertest.Far {
	t.Helper()
	o.Dialect = service
	s, err := sink.NewHTTP(o)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, s.Close()) })
	return providertest.Far{Config: config(s.URL()), Tally: &s.Tally}
}

// arrived reads a request as Teams shows it.
func arrived(t testing.TB, d sink.Delivery) []providers.Message {
	t.Helper()
	n, err := strconv.ParseInt(d.Header.Get("Workflow"), 10, 64)
	require.NoError(t, err)
	require.LessOrEqual(t, len(d.Body), 28<<10)
	var p posted
	require.NoError(t, json.Unmarshal(d.Body, &p))
	require.Equal(t, "application/vnd.microsoft.card.adaptive", p.Attachments[0].ContentType)
	card := p.Attachments[0].Content
	require.Equal(t, "AdaptiveCard", card.Type)
	var lines []string
	var c providers.Content
	for _, e := range card.Body {
		for _, a := range e.Actions {
			require.Equal(t, "Action.OpenUrl", a.Type)
			c.Buttons = append(c.Buttons, providers.MessageButton{Type: providers.ButtonLink, Caption: a.Title, Info: a.URL})
		}
		if e.Type != "RichTextBlock" {
			require.Equal(t, "ActionSet", e.Type)
			continue
		}
		line := ""
		for _, run := range e.Inlines {
			require.NotEmpty(t, run.Text)
			line += run.Text
		}
		lines = append(lines, strings.ReplaceAll(line, "\u00a0", ""))
	}
	c.Text = strings.Join(lines, "\n")
	return []providers.Message{{To: providertest.Address(providers.Custom, n), Content: c}}
}

// said is a refusal in Microsoft's words.
func said(status int, code string, kind providers.ErrorKind) providertest.Refusal {
	r := plain(status, kind)
	r.Name, r.Answer.Text = code, fmt.Sprintf(`{"error":{"code":%q,"message":"The workflow says %s."}}`, code, signature)
	return r
}

// dead is a refusal of a workflow that somebody has to look after.
func dead(status int, code string) providertest.Refusal {
	r := said(status, code, providers.ErrorRecipient)
	r.Code = code
	return r
}

// plain is an answer of somebody else's, such as a proxy before Microsoft.
func plain(status int, kind providers.ErrorKind) providertest.Refusal {
	return providertest.Refusal{Name: strconv.Itoa(status), Answer: sink.Answer{Code: status, Text: "why not"}, Kind: kind, Code: strconv.Itoa(status)}
}

func refusals() []providertest.Refusal {
	slow := said(429, "WorkflowRunInProgressLimitReached", providers.ErrorThrottled)
	slow.Answer.Header, slow.RetryAfter = http.Header{"Retry-After": {"8"}}, 8*time.Second
	itself := providertest.Refusal{Name: "answers itself", Answer: sink.Answer{Code: 200, Text: "posted"}}
	return []providertest.Refusal{
		slow, itself, dead(404, "WorkflowNotFound"), dead(400, "WorkflowTriggerIsNotEnabled"), dead(401, "DirectApiAuthorizationRequired"),
		dead(401, "DirectApiInvalidAuthorization"), dead(400, "MissingApiVersionParameter"), said(403, "AnotherCode", providers.ErrorRecipient),
		said(404, "AnotherCode", providers.ErrorRecipient), said(410, "AnotherCode", providers.ErrorRecipient),
		said(400, "TriggerInputSchemaMismatch", providers.ErrorContent), said(413, "RequestEntityTooLarge", providers.ErrorContent),
		said(502, "NoResponse", providers.ErrorInDoubt), said(504, "GatewayTimeout", providers.ErrorInDoubt),
		said(500, "InternalServerError", providers.ErrorTemporary),
		plain(301, providers.ErrorAccount), plain(302, providers.ErrorTemporary), plain(403, providers.ErrorAuth), plain(404, providers.ErrorTemporary),
		plain(410, providers.ErrorRecipient), plain(413, providers.ErrorContent), plain(429, providers.ErrorThrottled), plain(502, providers.ErrorTemporary),
	}
}

func TestContract(t *testing.T) {
	providertest.Run(t, providertest.Subject{
		Kind:     teams.Kind(),
		Serve:    serve,
		Nowhere:  func(addr string) json.RawMessage { return config("https://" + addr) },
		Secrets:  []string{signature},
		Refusals: refusals(),
		Arrived:  arrived,
	})
}

// open makes the adapter for a configuration.
func open(t testing.TB, raw json.RawMessage) providers.Provider {
	t.Helper()
	return providertest.Open(t, teams.Kind(), raw)
}

// A card has a line for each of the text, addresses that can be pressed, and rows of buttons.
func TestCard(t *testing.T) {
	var got []byte
	far := serve(t, sink.Options{Seen: func(d sink.Delivery) { got = d.Body }})
	p := open(t, far.Config)
	buttons := make([]providers.MessageButton, 7)
	var actions []string
	for i := range buttons {
		buttons[i] = providers.MessageButton{Type: providers.ButtonLink, Caption: "See", Info: "https://x.org/" + strconv.Itoa(i)}
		actions = append(actions, fmt.Sprintf(`{"type":"Action.OpenUrl","title":"See","url":"https://x.org/%d"}`, i))
	}
	m := providers.Message{ID: 7, To: providertest.Address(providers.Custom, 7), Content: providers.Content{
		Text: "See [us](https://x.org/a_b?c=1), or:\n\nhttps://x.org.", Buttons: buttons,
		Attachment: &providers.Attachment{URL: "https://x.org/a.pdf", Filename: "Price <list>.pdf", Caption: "Prices"},
	}}
	_, err := p.Send(t.Context(), m)
	require.NoError(t, err)
	line := func(runs string) string { return `{"type":"RichTextBlock","spacing":"None","inlines":[` + runs + `]}` }
	link := func(to string) string {
		return fmt.Sprintf(`{"type":"TextRun","text":%q,"selectAction":{"type":"Action.OpenUrl","url":%q}}`, to, to)
	}
	text := func(words string) string { return fmt.Sprintf(`{"type":"TextRun","text":%q}`, words) }
	body := strings.Join([]string{
		line(text("See [us](") + "," + link("https://x.org/a_b?c=1") + "," + text("), or:")), line(`{"type":"TextRun","text":"\u00a0"}`),
		line(link("https://x.org") + "," + text(".")), line(text("Prices")), line(text("Price <list>.pdf: ") + "," + link("https://x.org/a.pdf")),
		`{"type":"ActionSet","actions":[` + strings.Join(actions[:6], ",") + `]}`, `{"type":"ActionSet","actions":[` + actions[6] + `]}`,
	}, ",")
	require.JSONEq(t, `{"type":"message","attachments":[{"contentType":"application/vnd.microsoft.card.adaptive","content":{
		"$schema":"http://adaptivecards.io/schemas/adaptive-card.json","type":"AdaptiveCard","version":"1.4","msteams":{"width":"Full"},
		"body":[`+body+`]}}]}`, string(got))
	m.Content = providers.Content{Text: strings.Repeat("x\n", 1000)}
	_, err = p.Send(t.Context(), m)
	require.Equal(t, providers.ErrorContent, providers.AsError(err).Kind)
	require.ErrorContains(t, err, "at most 26624")
	require.Equal(t, int64(1), far.Tally.Asked(), "a workflow would say yes, and fail")
}

func TestConfigRefused(t *testing.T) {
	for raw, want := range map[string]string{
		`{"webhook":"https://example.webhook.office.com/webhookb2/` + signature + `"}`:           "config.webhook: is a connector's, and Microsoft has ended these",
		`{"rooms":{"ops":"https://x.api.powerplatform.com.example.org/?sig=` + signature + `"}}`: `config.rooms: the URL of "ops" must be a workflow's`,
		`{"webhook":"` + host + `/powerautomate/workflows/` + signature + `/x?api-version=1"}`:   "config.webhook: must hold sig",
		`{"webhook":"https://api.powerplatform.com/?sig=` + signature + `"}`:                     "config.webhook: must be a workflow's",
	} {
		err := teams.Kind().Validate(json.RawMessage(raw))
		require.True(t, fault.Is(err, fault.Invalid), "%s: %v", raw, err)
		require.ErrorContains(t, err, want)
		require.NotContains(t, err.Error(), signature)
	}
	sample, err := os.ReadFile("testdata/config.json")
	require.NoError(t, err)
	require.NoError(t, teams.Kind().Validate(sample))
	old := `{"webhook":"https://prod-23.westeurope.logic.azure.com:443/workflows/x/triggers/manual/paths/invoke?sig=x"}`
	require.NoError(t, teams.Kind().Validate(json.RawMessage(old)))
}

// Whatever is answered to a message is an acceptance or an error that says what it means, without
// the webhook.
func FuzzAnswered(f *testing.F) {
	for _, seed := range []string{
		"", "null", `{"error":{"code":"WorkflowNotFound"}}`,
		`{"error":{"code":"` + signature + `","message":"` + signature + `"}}`, `{"error":[]}`, `{"error":{"code":7}}`,
	} {
		f.Add(202, seed)
		f.Add(404, seed)
		f.Add(502, seed)
	}
	f.Fuzz(func(t *testing.T, status int, body string) {
		if status < 200 || status > 599 || status == 204 || status == 304 {
			return // net/http writes no such answer with a body
		}
		p := open(t, serve(t, sink.Options{Answer: func(int64, int64) sink.Answer { return sink.Answer{Code: status, Text: body} }}).Config)
		_, err := p.Send(t.Context(), providers.Message{ID: 7, To: providertest.Address(providers.Custom, 7), Content: providers.Content{Text: "x"}})
		if err == nil {
			return
		}
		e := providers.AsError(err)
		require.Contains(t, providers.ErrorKinds(), e.Kind)
		require.Empty(t, e.Bounce)
		require.NotContains(t, err.Error(), signature)
	})
}
