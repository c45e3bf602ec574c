package whatsapp_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"carillon/internal/sink"
	"carillon/providers"
)

const person = "+4917000000007"

func answers(n int) (all []providers.MessageButton) {
	for i := range n {
		all = append(all, providers.MessageButton{Type: providers.ButtonPostback, Caption: fmt.Sprintf("No %d", i+1)})
	}
	return all
}

func rows(n int) string {
	var all []string
	for i := range n {
		all = append(all, fmt.Sprintf(`{"id":"No %d","title":"No %d"}`, i+1, i+1))
	}
	return strings.Join(all, ",")
}

var see = providers.MessageButton{Type: providers.ButtonLink, Caption: "See", Info: "https://x.org/?a=1&b=2"}

// Each content goes in the form that WhatsApp has for it, with no parameter that it does not know, and
// what it has no form for goes in words.
func TestEveryForm(t *testing.T) {
	var got []byte
	s, err := sink.NewHTTP(sink.Options{Dialect: func(r *http.Request, body []byte) sink.Exchange {
		got = body
		return cloudAPI(r, body)
	}})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, s.Close()) })
	p := open(t, config(s.URL()))
	file := func(address string, of providers.AttachmentType) *providers.Attachment {
		return &providers.Attachment{URL: address, Caption: "b", Type: of, Filename: "n"}
	}
	jpg := file("https://x.org/a.jpg", "")
	reply := func(n int) string {
		return `"action":{"buttons":[{"type":"reply","reply":` + strings.ReplaceAll(rows(n), "},{", `}},{"type":"reply","reply":{`) + `}]}`
	}
	text := func(said string, preview bool) string {
		return fmt.Sprintf(`"type":"text","text":{"body":%q,"preview_url":%t}`, said, preview)
	}
	for name, c := range map[string]struct {
		content providers.Content
		want    string
	}{
		"text":  {providers.Content{Text: "Hello 🍏 <b> & \"x\""}, text("Hello 🍏 <b> & \"x\"", false)},
		"link":  {providers.Content{Text: "https://x.org"}, text("https://x.org", true)},
		"image": {providers.Content{Text: "a", Attachment: jpg}, `"type":"image","image":{"link":"https://x.org/a.jpg","caption":"a\nb"}`},
		"video": {providers.Content{Attachment: file("https://x.org/a.mp4", "")}, `"type":"video","video":{"link":"https://x.org/a.mp4","caption":"b"}`},
		"document": {
			providers.Content{Attachment: file("https://x.org/a.pdf", "")},
			`"type":"document","document":{"link":"https://x.org/a.pdf","caption":"b","filename":"n"}`,
		},
		"voice": {
			providers.Content{Attachment: &providers.Attachment{URL: "https://x.org/a", Type: providers.Voice}},
			`"type":"audio","audio":{"link":"https://x.org/a"}`,
		},
		"a sound with words": {
			providers.Content{Text: "a", Attachment: &providers.Attachment{URL: "https://x.org/a.mp3"}},
			`"type":"document","document":{"link":"https://x.org/a.mp3","caption":"a"}`,
		},
		"place": {providers.Content{Location: &providers.Location{Latitude: 12.5, Longitude: -6}}, `"type":"location","location":{"latitude":12.5,"longitude":-6}`},
		"place with an address alone": {
			providers.Content{Location: &providers.Location{Latitude: 12.5, Longitude: -6, Address: "1 Way", URL: "https://x.org"}},
			`"type":"location","location":{"latitude":12.5,"longitude":-6,"name":"1 Way","address":"https://x.org"}`,
		},
		"card": {
			providers.Content{Cards: []providers.Card{{Name: providers.CardName{Formatted: "Zoë"}, Phones: []providers.CardPhone{{Phone: "1"}}}}},
			`"type":"contacts","contacts":[{"name":{"formatted_name":"Zoë","first_name":"Zoë"},"phones":[{"phone":"1"}]}]`,
		},
		"answers": {providers.Content{Text: "a", Buttons: answers(3)}, `"type":"interactive","interactive":{"type":"button","body":{"text":"a"},` + reply(3) + `}`},
		"answers below a picture": {
			providers.Content{Text: "a", Attachment: jpg, Buttons: answers(1)},
			`"type":"interactive","interactive":{"type":"button","header":{"type":"image","image":{"link":"https://x.org/a.jpg"}},
				"body":{"text":"a\nb"},` + reply(1) + `}`,
		},
		"a list": {
			providers.Content{Text: "a", Buttons: answers(4)},
			`"type":"interactive","interactive":{"type":"list","body":{"text":"a"},"action":{"button":"☰","sections":[{"rows":[` + rows(4) + `]}]}}`,
		},
		"a link": {
			providers.Content{Text: "a", Buttons: []providers.MessageButton{see}},
			`"type":"interactive","interactive":{"type":"cta_url","body":{"text":"a"},
				"action":{"name":"cta_url","parameters":{"display_text":"See","url":"https://x.org/?a=1&b=2"}}}`,
		},
		"answers and a link": {
			providers.Content{Text: "a", Buttons: append([]providers.MessageButton{see}, answers(1)...)},
			`"type":"interactive","interactive":{"type":"button","body":{"text":"a\n\nSee: https://x.org/?a=1&b=2"},` + reply(1) + `}`,
		},
		"two links": {
			providers.Content{Text: "a", Buttons: []providers.MessageButton{see, see}}, text("a\n\nSee: https://x.org/?a=1&b=2\nSee: https://x.org/?a=1&b=2", true),
		},
		"no words":   {providers.Content{Buttons: []providers.MessageButton{see}}, text("See: https://x.org/?a=1&b=2", true)},
		"no words 2": {providers.Content{Buttons: answers(1)}, text(`Reply "No 1"`, false)},
		"a list below a picture": {
			providers.Content{Attachment: &providers.Attachment{URL: "https://x.org/a.jpg", Caption: "b"}, Buttons: answers(4)},
			`"type":"image","image":{"link":"https://x.org/a.jpg","caption":"b\n\nReply \"No 1\"\nReply \"No 2\"\nReply \"No 3\"\nReply \"No 4\""}`,
		},
		"a template": {
			providers.Content{Text: "not this", Kept: &providers.KeptTemplate{Name: "t", Language: "en"}},
			`"type":"template","template":{"name":"t","language":{"code":"en"}}`,
		},
		"a template with all": {
			providers.Content{Text: "not this", Attachment: file("https://x.org/a.mp3", ""), Kept: &providers.KeptTemplate{
				Name: "t", Language: "pt-BR",
				Body:    []providers.PlaceValue{{Place: "10", Value: "ten"}, {Place: "2", Value: " of two\n\tlines     and more "}},
				Buttons: []providers.ButtonValue{{Index: 0, Type: providers.TemplateURL, Value: "x"}, {Index: 1, Type: providers.TemplateCopyCode, Value: "C"}},
			}},
			`"type":"template","template":{"name":"t","language":{"code":"pt_BR"},"components":[
				{"type":"header","parameters":[{"type":"document","document":{"link":"https://x.org/a.mp3","filename":"n"}}]},
				{"type":"body","parameters":[{"type":"text","text":"of two lines and more"},{"type":"text","text":"ten"}]},
				{"type":"button","sub_type":"url","index":"0","parameters":[{"type":"text","text":"x"}]},
				{"type":"button","sub_type":"copy_code","index":"1","parameters":[{"type":"coupon_code","coupon_code":"C"}]}]}`,
		},
		"a template with names": {
			providers.Content{Kept: &providers.KeptTemplate{
				Name: "t", Language: "en", Header: []providers.PlaceValue{{Place: "who", Value: "Z"}},
				Body: []providers.PlaceValue{{Place: "b", Value: "x"}, {Place: "1", Value: "y"}},
			}},
			`"type":"template","template":{"name":"t","language":{"code":"en"},"components":[
				{"type":"header","parameters":[{"type":"text","parameter_name":"who","text":"Z"}]},
				{"type":"body","parameters":[{"type":"text","parameter_name":"b","text":"x"},{"type":"text","parameter_name":"1","text":"y"}]}]}`,
		},
	} {
		accepted, err := p.Send(t.Context(), providers.Message{ID: 7, To: person, Content: c.content})
		require.NoError(t, err, name)
		require.Equal(t, wamid(7), accepted.ProviderID, name)
		require.Equal(t, "200 OK accepted", accepted.Response, name)
		require.JSONEq(t, `{"messaging_product":"whatsapp","recipient_type":"individual","to":"`+person+`",
			"biz_opaque_callback_data":"7-theinstallation1",`+c.want+`}`, string(got), name)
	}
}

// What WhatsApp would refuse is refused before it is asked, in words that say what to do.
func TestRefusedBefore(t *testing.T) {
	far := serve(t, sink.Options{})
	p := open(t, far.Config)
	button := func(of providers.ButtonType, caption, info string, n int) []providers.MessageButton {
		return append([]providers.MessageButton{{Type: of, Caption: caption, Info: info}}, answers(n)...)
	}
	long := func(n int) string { return strings.Repeat("x", n) }
	kept := func(k providers.KeptTemplate) providers.Content { return providers.Content{Kept: &k} }
	first := func(b providers.ButtonValue) providers.Content {
		return kept(providers.KeptTemplate{Buttons: []providers.ButtonValue{b}})
	}
	body := func(all ...providers.PlaceValue) providers.Content { return kept(providers.KeptTemplate{Body: all}) }
	filled := providers.PlaceValue{Place: "1", Value: "x"}
	picture := &providers.Attachment{URL: "https://x.org/a.jpg"}
	called := []providers.Card{{Name: providers.CardName{Formatted: "Z"}, IMs: []providers.CardIM{{}}}}
	for want, c := range map[string]providers.Content{
		"4097 letters": {Text: strings.Repeat("😀", 2048) + "x"},
		"1025 letters, an emoji counted as two; WhatsApp takes at most 1024 beside a file":  {Text: long(1025), Attachment: picture},
		"1026 letters, an emoji counted as two; WhatsApp takes at most 1024 beside buttons": {Text: long(1026), Buttons: answers(1)},
		"1027 letters, an emoji counted as two; WhatsApp takes at most 1024 beside buttons": {Text: long(1027), Buttons: []providers.MessageButton{see}},
		"4098 letters, an emoji counted as two; WhatsApp takes at most 4096 above a list":   {Text: long(4098), Buttons: answers(4)},
		"21 letters, an emoji counted as two; WhatsApp takes at most 20 on a button":        {Text: "a", Buttons: button(providers.ButtonPostback, long(21), "", 0)},
		"22 letters": {Text: "a", Buttons: button(providers.ButtonLink, long(22), "https://x.org", 0)},
		"25 letters, an emoji counted as two; WhatsApp takes at most 24 in a list": {Text: "a", Buttons: button(providers.ButtonPostback, long(25), "", 3)},
		"257 letters; WhatsApp takes at most 256: give the button a shorter info":  {Text: "a", Buttons: button(providers.ButtonPostback, "b", long(257), 0)},
		"201 letters; WhatsApp takes at most 200":                                  {Text: "a", Buttons: button(providers.ButtonPostback, "b", long(201), 3)},
		`the contact card of "Z" says how they are called elsewhere`:               {Cards: called},
		`the place "2" of the template's body is empty for this recipient`:         body(filled, providers.PlaceValue{Place: "2", Value: " \n"}),
		`the place "who" of the template's header is empty`:                        kept(providers.KeptTemplate{Header: []providers.PlaceValue{{Place: "who"}}}),
		"the place of the template's button 2 is empty":                            first(providers.ButtonValue{Index: 1, Type: providers.TemplateURL}),
		`the code "xxxxxxxxxxxxxxxx" has 16 letters; WhatsApp copies at most 15`:   first(providers.ButtonValue{Type: providers.TemplateCopyCode, Value: long(16)}),
	} {
		_, err := p.Send(t.Context(), providers.Message{ID: 7, To: person, Content: c})
		require.ErrorContains(t, err, want)
		require.Equal(t, providers.ErrorContent, providers.AsError(err).Kind, want)
	}
	require.Zero(t, far.Tally.Asked())
}

// A list that does not end, or has no account, is an error and no short list.
func TestTemplatesThatCannotBeListed(t *testing.T) {
	for answer, want := range map[string]string{
		`{"data":[],"paging":{"cursors":{"after":"x"},"next":"https://x.org"}}`: "does not end",
		`{"data":[],"paging":{"next":"https://x.org"}}`:                         "does not end",
		`{"error":{"code":200}}`:                                                "auth 200", `{"error":{"code":80007}}`: "throttled 80007",
		`nothing`: "config.api", `{"data":7}`: "config.api",
	} {
		s, err := sink.NewHTTP(sink.Options{Dialect: func(*http.Request, []byte) sink.Exchange {
			return sink.Exchange{Reply: func(w http.ResponseWriter, _ []sink.Answer) { _, _ = w.Write([]byte(answer)) }}
		}})
		require.NoError(t, err)
		_, err = open(t, config(s.URL())).(providers.TemplateSyncer).SyncTemplates(t.Context())
		require.ErrorContains(t, err, want, answer)
		require.NoError(t, s.Close())
	}
	without := json.RawMessage(strings.Replace(string(config("https://x.org")), `"business_account_id":"`+account+`",`, "", 1))
	_, err := open(t, without).(providers.TemplateSyncer).SyncTemplates(t.Context())
	require.ErrorContains(t, err, "config.business_account_id is not set")
}
