package xms_test

import (
	"encoding/json"
	"fmt"
	"math"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"carillon/access"
	"carillon/api/compat/xms"
	"carillon/contacts"
	"carillon/messages"
	"carillon/providers"
	"carillon/services/servicestest"
	"carillon/templates"
)

const send = "POST /message/send"

// body is a message to Ann's number on the chat channel.
func body(rest string) string {
	return `{"channelId":"wa360:3","to":{"phone":"4915112345671","name":"Ann"},` + rest + `}`
}

// L3252 to 3392 and L6531.
func TestSendText(t *testing.T) { servicestest.Each(t, textsAreSent) }

func textsAreSent(t *testing.T) {
	s := newServer(t)
	const said = `Hello, {{ world }} {% raw %} 🍏`
	answer := s.as(access.Sender, 200, send, body(`"type":"TEXT","text":{"body":"`+said+`","subject":"x"},"unknown":[1]`))
	result := answer["results"].([]any)[0]
	require.Equal(t, answer["data"], result, "clients read either")
	require.Equal(t, []string{"campaignId", "id", "templateCode", "templateId", "type"}, keysOf(result))
	require.Equal(t, "O", result.(map[string]any)["type"])
	m, content := s.message(result)
	require.Equal(t, providers.Content{Text: said}, content, "no Liquid is read in it, and chats have no subject")
	require.Equal(t, "+4915112345671", m.Address)
	require.Equal(t, 1, s.woken)
	ann, err := s.Contacts.Get(t.Context(), s.Account, m.ContactID)
	require.NoError(t, err)
	require.Equal(t, "Ann", ann.Name, "who is not known is taken in")

	for name, to := range map[string]string{
		"with + and blanks": `{"phone":"+49 151 12345671"}`, "a number": `{"phone":4915112345671}`, "contactId": fmt.Sprintf(`{"contactId":%d}`, ann.ID),
		"by the address": `{"contactId":"wa360:4915112345671"}`, "an unknown contactId and a number": `{"contactId":"99999999","phone":"4915112345671"}`,
	} {
		m, _ := s.message(s.results(send, `{"channelId":"wa360:3","to":`+to+`,"type":"text","text":{"body":"x"}}`)[0])
		require.Equal(t, ann.ID, m.ContactID, name)
	}
	// Somebody whose number is known under another kind is the same.
	m, _ = s.message(s.results(send, `{"channelId":"wa360:3","to":{"phone":"4915112345678"},"type":"text","text":{"body":"x"}}`)[0])
	require.Equal(t, s.People["Ada"].ID, m.ContactID)
	// Who was deleted stays so.
	require.NoError(t, s.Contacts.Delete(t.Context(), s.Account, ann.ID))
	m, _ = s.message(s.results(send, body(`"type":"text","text":{"body":"x"}`))[0])
	require.Equal(t, []any{int64(0), "+4915112345671"}, []any{m.ContactID, m.Address})

	m, content = s.message(s.results(send, `{"channelId":"mailto:1","to":{"email":"ada@example.org"},"type":"text","text":{"subject":"News","body":"Hello"}}`)[0])
	require.Equal(t, []any{"ada@example.org", "News", "Hello"}, []any{m.Address, content.Subject, content.Text})
	_, content = s.message(s.results(send, `{"channelId":"mailto:1","to":{"email":"ada@example.org"},"type":"text","text":{"body":"Hello you\nthere"}}`)[0])
	require.Equal(t, "Hello you", content.Subject, "e-mail needs a subject")
}

// The checks come in the order of the server, and all are 400.
func TestWhatIsRefused(t *testing.T) {
	s := newServer(t)
	for _, c := range []struct{ body, field, code, says string }{
		{`{}`, "channelId", "CHANNEL_MISSING", ""},
		{`{"channelId":"wa360:000"}`, "channelId", "CHANNEL_NOT_FOUND", "Channel : wa360:000 is Not Setup"},
		{`{"channelId":"wa360:3","messageIdResend":"nothing"}`, "messageIdResend", "MESSAGE_NOT_FOUND", ""},
		{`{"channelId":"wa360:3","messageIdResend":"4711"}`, "messageIdResend", "MESSAGE_NOT_FOUND", ""},
		{`{"channelId":"wa360:3"}`, "type", "TYPE_MISSING", ""},
		{`{"channelId":"wa360:3","type":"telex"}`, "type", "TYPE_INVALID", "telex"},
		{`{"channelId":"wa360:3","type":"text"}`, "text", "TEXT_DETAILS_MISSING", ""},
		{`{"channelId":"wa360:3","type":"text","text":{"body":""}}`, "text", "TEXT_DETAILS_MISSING", ""},
		{`{"channelId":"wa360:3","type":"template"}`, "template", "TEMPLATE_DETAILS_MISSING", "Either template.id or template.code is required"},
		{`{"channelId":"wa360:3","type":"template","template":{"data":{}}}`, "template", "TEMPLATE_DETAILS_MISSING", ""},
		{`{"channelId":"wa360:3","type":"document"}`, "document", "DOCUMENT_DETAILS_MISSING", ""},
		{`{"channelId":"wa360:3","type":"image"}`, "image", "IMAGE_DETAILS_MISSING", ""},
		{`{"channelId":"wa360:3","type":"video","video":{}}`, "video", "VIDEO_DETAILS_MISSING", ""},
		{`{"channelId":"wa360:3","type":"audio"}`, "audio", "AUDIO_DETAILS_MISSING", ""},
		{`{"channelId":"wa360:3","type":"voice","voice":{"link":"x"}}`, "audio", "AUDIO_DETAILS_MISSING", ""},
		{`{"channelId":"wa360:3","type":"location"}`, "location", "LOCATION_DETAILS_MISSING", ""},
		{`{"channelId":"wa360:3","type":"contacts","contacts":[]}`, "contacts", "CONTACTS_DETAILS_MISSING", ""},
		{`{"channelId":"wa360:3","type":"text","text":{"body":"x"}}`, "to", "INSUFFICIENT_CONTACT_DETAILS", ""},
		{`{"channelId":"wa360:3","type":"text","text":{"body":"x"},"to":{}}`, "to", "INSUFFICIENT_CONTACT_DETAILS", "to.phone"},
		{`{"channelId":"wa360:3","type":"text","text":{"body":"x"},"to":{"phone":"12"}}`, "to", "INSUFFICIENT_CONTACT_DETAILS", ""},
		{`{"channelId":"mailto:1","type":"text","text":{"body":"x"},"to":{"phone":"4915112345671"}}`, "to", "INSUFFICIENT_CONTACT_DETAILS", "to.email"},
		{body(`"type":"template","template":{"code":"NONE"}`), "template", "TEMPLATE_NOT_FOUND", "NONE"},
		{body(`"type":"template","template":{"id":"60d236c6142e53561cb7716c"}`), "template", "TEMPLATE_NOT_FOUND", ""},
		{body(`"type":"image","image":{"link":"nonsense"}`), "link", "PARAM_INVALID", "address"},
		{body(`"type":"location","location":{"latitude":"north","longitude":1}`), "location.latitude", "PARAM_INVALID", ""},
		{body(`"type":"location","location":{"latitude":91,"longitude":1}`), "location", "PARAM_INVALID", "90"},
		{body(`"type":"text","text":{"body":"x"},"options":{"buttons":[{"type":"DIAL","label":"x"}]}`), "options.buttons[0].type", "PARAM_INVALID", ""},
		{body(`"type":"text","text":{"body":"x"},"options":{"buttons":[{"type":"URL","label":"x","url":"y"}]}`), "options.buttons[0].info", "PARAM_INVALID", ""},
		{body(`"type":"contacts","contacts":[{}]`), "contacts[0]", "PARAM_INVALID", ""},
		{body(`"type":"text","text":"x"`), "text", "PARAM_INVALID", ""},
		{body(`"type":"text","text":{"body":["x"]}`), "", "PARAM_INVALID", ""},
		{`{"channelId":"tel:2","to":{"phone":"4915112345671"},"type":"location","location":{"latitude":1,"longitude":1}}`, "location", "PARAM_INVALID", "no places"},
		{`{"channelId":"tel:2","to":{"phone":"4915112345671"},"type":"contacts","contacts":[{"name":{"first_name":"x"}}]}`,
			"contacts", "PARAM_INVALID", "no contact cards"},
	} {
		answer := s.as(access.Admin, 400, send, c.body)
		require.Equal(t, "PARAM_INVALID", answer["statusKey"], c.body)
		refused := answer["errors"].([]any)[0].(map[string]any)
		require.Equal(t, []string{"codeKey", "description", "field", "obzect", "possibleValues"}, keysOf(refused))
		require.Equal(t, "OutBoundMsg", refused["obzect"])
		require.Equal(t, c.code, refused["codeKey"], c.body)
		if c.field != "" {
			require.Equal(t, c.field, refused["field"], c.body)
		}
		require.Contains(t, refused["description"], c.says, c.body)
		require.NotEmpty(t, refused["description"], c.body)
	}
	for _, broken := range []string{"{", "", "[]", `"x"`, "{} x"} {
		require.Equal(t, "PARAM_INVALID", s.as(access.Admin, 400, send, broken)["statusKey"], broken)
	}
	require.Equal(t, []any{"text", "template", "audio", "video", "image", "document"}, s.refused(send, `{"channelId":"wa360:3"}`)["possibleValues"])
	_, err := s.Channels.Pause(t.Context(), s.Account, s.chat.ID, "ada")
	require.NoError(t, err)
	require.Equal(t, "CHANNEL_DISABLED", s.refused(send, body(`"type":"text"`))["codeKey"])
	long := body(`"type":"text","text":{"body":"` + strings.Repeat("x", 20<<10) + `"}`)
	require.Equal(t, "REQUEST_ENTITY_TOO_LARGE", s.as(access.Admin, 413, send, long)["statusKey"])
	require.Zero(t, s.woken)
}

// L6501 to 6516, L4797 to 4816, L4731 to 4795, L7387 to 7417.
func TestSendEverythingElse(t *testing.T) {
	s := newServer(t)
	for kind, sort := range map[string]providers.AttachmentType{
		"image": providers.Image, "video": providers.Video, "document": providers.Document, "audio": providers.Audio, "voice": providers.Voice,
	} {
		field := strings.ReplaceAll(kind, "voice", "audio")
		_, content := s.message(s.results(send, body(`"type":"`+kind+`","`+field+`":{"link":"https://example.org/x.bin","caption":"{{ c }}","filename":"x"}`))[0])
		require.Equal(t, providers.Content{Attachment: &providers.Attachment{
			URL: "https://example.org/x.bin", Caption: "{{ c }}", Filename: "x", Type: sort,
		}}, content)
	}
	_, content := s.message(s.results(send, body(`"type":"location","location":{"address":"1 Hacker Way","latitude":"12.90909","longitude":6.90808,"name":"Main",
		"url":"https://example.org"}`))[0])
	require.Equal(t, &providers.Location{
		Latitude: 12.90909, Longitude: 6.90808, Name: "Main", Address: "1 Hacker Way", URL: "https://example.org",
	}, content.Location)
	_, content = s.message(s.results(send, body(`"type":"contacts","contacts":[{"name":{"first_name":"John","last_name":"Smith"},
		"phones":[{"phone":"+1 (940) 555-1234","type":"HOME","wa_id":16505551234}],"emails":[{"email":"test@example.org","type":"WORK"}],
		"org":{"company":"W","department":"D","title":"M"},"urls":[{"url":"https://example.org","type":"WORK"}],"birthday":"2000-01-01",
		"addresses":[{"street":"1 Hacker Way","city":"Menlo Park","state":"CA","zip":94025,"country":"United States","country_code":"us","type":"HOME"}],
		"ims":[{"service":"FACEBOOK","userid":"x"}]}]`))[0])
	require.Equal(t, []providers.Card{{
		Name: providers.CardName{Formatted: "John Smith", First: "John", Last: "Smith"}, Birthday: "2000-01-01",
		Phones: []providers.CardPhone{{Phone: "+1 (940) 555-1234", Type: "HOME", WaID: "16505551234"}},
		Emails: []providers.CardEmail{{Email: "test@example.org", Type: "WORK"}}, Org: &providers.CardOrg{Company: "W", Department: "D", Title: "M"},
		URLs: []providers.CardURL{{URL: "https://example.org", Type: "WORK"}}, IMs: []providers.CardIM{{Service: "FACEBOOK", UserID: "x"}},
		Addresses: []providers.CardAddress{{
			Street: "1 Hacker Way", City: "Menlo Park", State: "CA", Zip: "94025", Country: "United States", CountryCode: "us", Type: "HOME",
		}},
	}}, content.Cards)
	_, content = s.message(s.results(send, body(`"type":"text","text":{"body":"Choose"},"options":{"buttons":[
		{"type":"QUICK_REPLY","code":"yes","label":"Yes"},{"type":"URL","label":"Site","url":"https://example.org"},
		{"type":"PHONE_NUMBER","label":"Call","phone":"+91 9988776655"}],"buttonDisplayScheme":"auto"}`))[0])
	require.Equal(t, []providers.MessageButton{
		{Type: providers.ButtonPostback, Caption: "Yes", Info: "yes"}, {Type: providers.ButtonLink, Caption: "Site", Info: "https://example.org"},
		{Type: providers.ButtonCall, Caption: "Call", Info: "+919988776655"},
	}, content.Buttons)
	// Where a channel takes no files, they are links below a text.
	_, content = s.message(s.results(send, `{"channelId":"mailto:1","to":{"email":"ada@example.org"},"type":"document",
		"document":{"link":"https://example.org/x.pdf","caption":"The bill"}}`)[0])
	require.Equal(t, []string{"The bill", "The bill"}, []string{content.Subject, content.Text})
}

// L4841 to 4864.
func TestSendTemplate(t *testing.T) {
	s := newServer(t)
	id := fmt.Sprintf("%d:de", s.feedback().ID)
	result := s.results(send, body(`"type":"template","template":{"code":"FEEDBACK","lang":"en_US","data":{"amount":10,"currency":"{{ INR }}"},"linked":"x"},
		"campaignId":"c1"`))[0].(map[string]any)
	require.Equal(t, []any{"FEEDBACK", fmt.Sprintf("%d:en-US", s.feedbackID()), "c1"}, []any{result["templateCode"], result["templateId"], result["campaignId"]})
	m, content := s.message(result)
	require.Contains(t, content.Text, "You paid 10 {{ INR }} today.")
	require.Equal(t, "en-US", m.Language)
	// What is not given is blank.
	_, content = s.message(s.results(send, body(`"type":"template","template":{"code":"feedback","lang":"en_US","data":{"amount":10}}`))[0])
	require.Contains(t, content.Text, "You paid 10  today.")
	// A picture takes the place of the header's, or goes along.
	const picture = `"image":{"link":"https://example.org/a.png","filename":"a.png"}`
	_, content = s.message(s.results(send, body(`"type":"template","template":{"id":"`+id+`"},`+picture))[0])
	require.Equal(t, "https://example.org/a.png", content.Attachment.URL)
	_, content = s.message(s.results(send, body(`"type":"template","template":{"id":"`+id+`","lang":"en_US"},"image":{"link":"https://example.org/b.png"}`))[0])
	require.Equal(t, "https://example.org/b.png", content.Attachment.URL)
	require.Contains(t, content.Text, "You paid")
	_, content = s.message(s.results(send, body(`"type":"template","template":{"id":"`+id+`"}`))[0])
	require.Equal(t, "https://example.org/de.png", content.Attachment.URL)
	require.Equal(t, "TEMPLATE_NOT_FOUND", s.refused(send, body(`"type":"template","template":{"code":"FEEDBACK","lang":"fr"}`))["codeKey"])
	// The name in the message is the one that is given.
	_, err := s.Catalogue.CreateTemplate(t.Context(), greeting(s.Account))
	require.NoError(t, err)
	_, content = s.message(s.results(send, body(`"type":"template","template":{"code":"HELLO"}`))[0])
	require.Equal(t, "Dear Ann, hello.", content.Text)
	_, content = s.message(s.results(send, strings.Replace(body(`"type":"template","template":{"code":"HELLO"}`), `"Ann"`, `"Annie"`, 1))[0])
	require.Equal(t, "Dear Annie, hello.", content.Text)
}

// greeting is a template that calls people by their names.
func greeting(accountID int64) templates.Template {
	return templates.Template{AccountID: accountID, Name: "hello", Definition: templates.Definition{
		Category: "utility", Kinds: []providers.AddressKind{providers.WhatsApp}, Default: "en",
		Parameters:   []templates.Parameter{{Name: "1", Value: "{{ contact.name }}", Sample: "Ann"}},
		Translations: []templates.Translation{{Language: "en", Body: "Dear {{1}}, hello."}},
	}}
}

// L6356: nobody sees what a masked message says.
func TestMasked(t *testing.T) {
	s := newServer(t)
	m, content := s.message(s.results(send, body(`"type":"text","text":{"body":"code 1234"},"mask":true`))[0])
	require.Equal(t, providers.Content{Masked: true}, content)
	raw, err := s.Store.MessageContent(t.Context(), m.ID)
	require.NoError(t, err)
	require.Contains(t, string(raw), "code 1234", "who sends it needs it")
	require.Equal(t, "MESSAGE_NOT_FOUND", s.refused(send, fmt.Sprintf(`{"channelId":"wa360:3","messageIdResend":%d}`, m.ID))["codeKey"])
	// Once it is certain that it is sent no more it is forgotten.
	_, err = s.Store.Housekeep(t.Context())
	require.NoError(t, err)
	raw, err = s.Store.MessageContent(t.Context(), m.ID)
	require.NoError(t, err)
	require.NotEmpty(t, raw)
	_, err = s.Messages.Cancel(t.Context(), s.Account, m.ID, "ada")
	require.NoError(t, err)
	_, err = s.Store.Housekeep(t.Context())
	require.NoError(t, err)
	raw, err = s.Store.MessageContent(t.Context(), m.ID)
	require.NoError(t, err)
	require.Empty(t, raw)
}

func TestSendAgain(t *testing.T) {
	s := newServer(t)
	first, said := s.message(s.results(send, body(`"type":"text","text":{"body":"Hello {{ x }}"}`))[0])
	again, same := s.message(s.results(send, fmt.Sprintf(`{"channelId":"wa360:3","messageIdResend":"%d"}`, first.ID))[0])
	require.Equal(t, said, same)
	require.Equal(t, first.ContactID, again.ContactID)
	require.NotEqual(t, first.ID, again.ID)
}

// L6371 to 6378: what goes to nobody.
func TestConsentAndNotes(t *testing.T) {
	s := newServer(t)
	s.results(send, body(`"type":"text","text":{"body":"x"}`))
	out := s.results(send, body(`"type":"optout"`))[0].(map[string]any)
	require.Regexp(t, `^optout-\d+$`, out["id"])
	m, _ := s.message(s.results(send, body(`"type":"text","text":{"body":"still there?"}`))[0])
	require.Equal(t, []any{messages.Skipped, messages.ReasonOptedOut}, []any{m.State, m.Reason})
	in := s.results(send, body(`"type":"optin"`))[0].(map[string]any)
	require.Regexp(t, `^optin-\d+$`, in["id"])
	consents, err := s.Consents.List(t.Context(), s.Account, m.ContactID, 0, 10)
	require.NoError(t, err)
	require.Equal(t, []any{contacts.OptOut, contacts.OptIn}, []any{consents[0].Action, consents[1].Action})
	m, _ = s.message(s.results(send, body(`"type":"text","text":{"body":"there you are"}`))[0])
	require.Equal(t, messages.Pending, m.State)

	note := s.results(send, body(`"type":"system","text":{"body":"note"}`))[0].(map[string]any)
	require.Regexp(t, `^system-`, note["id"])
	events := s.events(m.ContactID)
	require.Len(t, events, 1)
	require.Equal(t, []any{"system_message", note["id"]}, []any{events[0].Name, events[0].Key})
	require.JSONEq(t, `{"body":"note","channelId":"wa360:3"}`, string(events[0].Payload))
	list, err := s.Messages.List(t.Context(), messages.MessageFilter{AccountID: s.Account, Limit: 10})
	require.NoError(t, err)
	require.Len(t, list, 3, "nothing goes out for these")
}

// Whatever the body is, it is read or refused with words, and what is read is what can be
// sent.
func FuzzSend(f *testing.F) {
	for _, seed := range []string{
		body(`"type":"text","text":{"body":"x"}`), body(`"type":"location","location":{"latitude":1e999,"longitude":"NaN"}`),
		body(`"type":"contacts","contacts":[{}]`),
		body(`"type":"image","image":{"link":"https://example.org/\u0001"}`), body(`"type":"template","template":{"code":"x","data":{"a":[{}],"a":null}}`),
		body(`"type":"text","text":{"body":"x"},"options":{"buttons":[{},{"type":"URL"}]},"mask":"perhaps"`), `{"channelId":{}}`, "{", "\xff", "null",
		body(`"type":"optout"`), body(`"messageIdResend":1e3`), body(`"type":"system"`), `{"id":1,"type":"CUSTOMER","data":{"name":null},"links":[null,{}]}`,
		`{"eventName":"ORDER..30d","links":[{"linkType":"x"}]}`,
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, body string) {
		content, err := xms.ContentOf([]byte(body))
		if err != nil {
			require.NotEmpty(t, err.Error())
			return
		}
		if content.Location != nil {
			require.False(t, math.IsNaN(content.Location.Latitude+content.Location.Longitude))
		}
		_, err = json.Marshal(content)
		require.NoError(t, err, "it can be kept")
	})
}

// What came after the document: messages are counted under a campaign's name.
func TestCampaigns(t *testing.T) {
	s := newServer(t)
	const query = "?campaignTitle=March&templateCode=FEEDBACK&contactType=WHATSAPP"
	require.Empty(t, s.results("GET /view/campaign"+query, ""))
	made := s.results("POST /create/campaign"+query+"&channelId=wa360:3&campaignMode=bot", "")[0]
	require.Equal(t, map[string]any{
		"campaignId": "1", "campaignTitle": "March", "templateCode": "FEEDBACK", "campaignMode": "BOT", "channelId": "wa360:3", "contactType": "WHATSAPP",
	}, made)
	require.Equal(t, made, s.results("POST /create/campaign"+query, "")[0], "one of the title stays as it is")
	require.Equal(t, made, s.results("GET /view/campaign?campaignTitle=March", "")[0])
	for range 2 {
		sent := s.results(send, body(`"type":"text","text":{"body":"x"},"campaignId":1`))[0].(map[string]any)
		require.Equal(t, "1", sent["campaignId"])
	}
	s.results(send, body(`"type":"text","text":{"body":"x"},"campaignId":"4711"`))
	counts, err := s.SeriesOf.Count(t.Context(), 1)
	require.NoError(t, err)
	require.EqualValues(t, 2, counts[messages.Pending])
	for query, field := range map[string]string{
		"":                                "campaignTitle",
		"?campaignTitle=a":                "templateCode",
		"?campaignTitle=a&templateCode=b": "contactType",
		"?campaignTitle=a&templateCode=b&contactType=telex":              "contactType",
		"?campaignTitle=a&templateCode=b&contactType=SMS&campaignMode=x": "campaignMode",
		"?campaignTitle=a&templateCode=b&contactType=SMS&channelId=x":    "channelId",
	} {
		require.Equal(t, field, s.refused("POST /create/campaign"+query, "")["field"], query)
	}
	require.Equal(t, "campaignTitle", s.refused("GET /view/campaign", "")["field"])
}
