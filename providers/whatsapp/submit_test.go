package whatsapp_test

import (
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"carillon/internal/secret"
	"carillon/providers"
	"carillon/providers/whatsapp"
)

// A template is handed in as Meta documents it, with an example of every value.
func TestSubmitTemplate(t *testing.T) {
	var asked string
	status, answer := http.StatusOK, `{"id":"7","status":"PENDING","category":"UTILITY"}`
	meta := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		asked = r.Method + " " + r.URL.Path + " " + string(body)
		w.WriteHeader(status)
		_, _ = io.WriteString(w, answer)
	}))
	defer meta.Close()
	open := func(account string) providers.TemplateSubmitter {
		raw, err := json.Marshal(map[string]any{
			"api": meta.URL + "/v26.0", "phone_number_id": "1", "business_account_id": account, "token": "a-token-that-is-long-enough",
		})
		require.NoError(t, err)
		p, err := whatsapp.Kind().New(raw, providers.Deps{Dialer: providers.Dialer{AllowPrivate: true}}.WithDefaults())
		require.NoError(t, err)
		t.Cleanup(func() { require.NoError(t, p.Close()) })
		return p.(providers.TemplateSubmitter)
	}
	of := providers.NewTemplate{
		Name: "order_shipped", Language: "pt-BR", Category: "utility", Header: "Para {{1}}", HeaderSamples: []providers.PlaceValue{{Place: "1", Value: "Ada"}},
		Body: "{{1}}, {{2}}", BodySamples: []providers.PlaceValue{{Place: "1", Value: "Ada"}, {Place: "2", Value: "4\n711"}}, Footer: "Bells",
		Buttons: []providers.NewButton{
			{Type: providers.NewQuickReply, Text: "Sim"}, {Type: providers.NewURL, Text: "Ver", Value: "https://example.org/", Sample: "4711"},
			{Type: providers.NewURL, Text: "Loja", Value: "https://example.org/"}, {Type: providers.NewPhone, Text: "Ligar", Value: "+4930123456"},
			{Type: providers.NewCopyCode, Text: "Copiar", Sample: "A1"},
		},
	}
	got, err := open("102").SubmitTemplate(t.Context(), of)
	require.NoError(t, err)
	require.Equal(t, providers.TemplatePending, got)
	const place = "POST /v26.0/102/message_templates "
	require.Contains(t, asked, place)
	require.JSONEq(t, `{"name":"order_shipped","language":"pt_BR","category":"UTILITY","parameter_format":"positional","components":[
		{"type":"HEADER","format":"TEXT","text":"Para {{1}}","example":{"header_text":["Ada"]}},
		{"type":"BODY","text":"{{1}}, {{2}}","example":{"body_text":[["Ada","4 711"]]}},{"type":"FOOTER","text":"Bells"},
		{"type":"BUTTONS","buttons":[{"type":"QUICK_REPLY","text":"Sim"},
			{"type":"URL","text":"Ver","url":"https://example.org/{{1}}","example":["https://example.org/4711"]},
			{"type":"URL","text":"Loja","url":"https://example.org/"},
			{"type":"PHONE_NUMBER","text":"Ligar","phone_number":"+4930123456"},{"type":"COPY_CODE","example":"A1"}]}]}`,
		asked[len(place):])
	_, err = open("102").SubmitTemplate(t.Context(), providers.NewTemplate{Name: "a", Language: "en", Category: "marketing", Body: "Hi {{name}}",
		BodySamples: []providers.PlaceValue{{Place: "name", Value: "Ada"}}})
	require.NoError(t, err)
	require.JSONEq(t, `{"name":"a","language":"en","category":"MARKETING","parameter_format":"named","components":[
		{"type":"BODY","text":"Hi {{name}}","example":{"body_text_named_params":[{"param_name":"name","example":"Ada"}]}}]}`, asked[len(place):])

	kind := func(err error) providers.ErrorKind { return providers.AsError(err).Kind }
	_, err = open("").SubmitTemplate(t.Context(), of)
	require.Equal(t, providers.ErrorAccount, kind(err))
	code := of
	code.Category = "authentication"
	_, err = open("102").SubmitTemplate(t.Context(), code)
	require.Equal(t, providers.ErrorContent, kind(err))
	status, answer = http.StatusBadRequest, `{"error":{"code":100,"message":"(#100) Invalid parameter"}}`
	_, err = open("102").SubmitTemplate(t.Context(), of)
	require.Equal(t, providers.ErrorContent, kind(err))
	status, answer = http.StatusOK, `<html>`
	_, err = open("102").SubmitTemplate(t.Context(), of)
	require.Equal(t, providers.ErrorTemporary, kind(err))
	meta.Close()
	_, err = open("102").SubmitTemplate(t.Context(), of)
	require.Equal(t, providers.ErrorTemporary, kind(err))
	require.NotContains(t, err.Error(), secret.New("a-token-that-is-long-enough").Reveal())
}

// What was handed in is listed as it was; what a template has besides is said, and loses no list.
func TestTemplatesAreListedWhole(t *testing.T) {
	var list []any
	meta := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method == http.MethodPost {
			var one map[string]any
			require.NoError(t, json.NewDecoder(r.Body).Decode(&one))
			one["status"] = "APPROVED"
			list = append(list, one)
			_, _ = io.WriteString(w, `{"id":"7","status":"PENDING"}`)
			return
		}
		require.NoError(t, json.NewEncoder(w).Encode(map[string]any{"data": list}))
	}))
	defer meta.Close()
	config := `{"api":"` + meta.URL + `/v26.0","phone_number_id":"1","business_account_id":"1","token":"a-token-that-is-long-enough"}`
	p, err := whatsapp.Kind().New(json.RawMessage(config), providers.Deps{Dialer: providers.Dialer{AllowPrivate: true}}.WithDefaults())
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, p.Close()) })
	for _, of := range []providers.NewTemplate{
		{Name: "numbered", Language: "pt-BR", Category: "utility", Header: "Para {{1}}", HeaderSamples: []providers.PlaceValue{{Place: "1", Value: "Zoë"}},
			Body: "{{2}}, {{1}}, {{2}}.", BodySamples: []providers.PlaceValue{{Place: "1", Value: "Ada"}, {Place: "2", Value: "4711"}}, Footer: "Bells",
			Buttons: []providers.NewButton{
				{Type: providers.NewQuickReply, Text: "Sim"}, {Type: providers.NewURL, Text: "Ver", Value: "https://example.org/", Sample: "4711"},
				{Type: providers.NewURL, Text: "Loja", Value: "https://example.org/"}, {Type: providers.NewPhone, Text: "Ligar", Value: "+4930123456"},
			}},
		{Name: "named", Language: "en", Category: "marketing", Body: "Hello {{first_name}}, {{order}}.",
			BodySamples: []providers.PlaceValue{{Place: "first_name", Value: "Ada"}, {Place: "order", Value: "A1"}},
			Buttons:     []providers.NewButton{{Type: providers.NewCopyCode, Sample: "SAVE"}}},
		{Name: "plain", Language: "de", Category: "marketing", Body: "Hallo"},
	} {
		_, err := p.(providers.TemplateSubmitter).SubmitTemplate(t.Context(), of)
		require.NoError(t, err)
		all, err := p.(providers.TemplateSyncer).SyncTemplates(t.Context())
		require.NoError(t, err)
		got := all[len(all)-1]
		require.ElementsMatch(t, of.BodySamples, got.BodySamples)
		of.BodySamples = got.BodySamples // whose order is the text's
		listed := providers.NewTemplate{
			Name: got.Name, Language: strings.ReplaceAll(got.Language, "_", "-"), Category: got.Category, Header: got.Header, Body: got.Body, Footer: got.Footer,
			HeaderSamples: got.HeaderSamples, BodySamples: got.BodySamples, Buttons: got.Buttons,
		}
		require.Equal(t, of, listed)
		require.Empty(t, got.Besides)
	}
	list = []any{json.RawMessage(`{"name":"more","language":"en","status":"APPROVED","components":[
		{"type":"HEADER","format":"IMAGE","example":{"header_handle":["https://example.org/x"]}},{"type":"BODY","text":"{{1}} {{2}}","example":"nothing of the kind"},
		{"type":"BUTTONS","buttons":[{"type":"FLOW","text":"Go"},{"type":"URL","text":"See","url":"https://example.org/{{1}}/more","example":"x"},
			{"type":"URL","text":"That","url":"https://example.org/{{1}}"},{"type":"COPY_CODE","text":"Copy","example":"A1"}]},
		{"type":"CAROUSEL","cards":[]},{"type":"BUTTONS","buttons":7}]}`)}
	all, err := p.(providers.TemplateSyncer).SyncTemplates(t.Context())
	require.NoError(t, err)
	require.Equal(t, []providers.Template{{
		Name: "more", Language: "en", Status: providers.TemplateApproved, Body: "{{1}} {{2}}", BodySamples: []providers.PlaceValue{{Place: "1"}, {Place: "2"}},
		Buttons: []providers.NewButton{
			{Type: providers.NewURL, Text: "That", Value: "https://example.org/", Sample: "example"}, {Type: providers.NewCopyCode, Text: "Copy", Sample: "A1"},
		},
		Besides: []string{
			"a header of the type IMAGE", "a button of the type FLOW", "a link that goes on behind its place",
			"a part of the type CAROUSEL", "buttons that can't be read",
		},
	}}, all)
}
