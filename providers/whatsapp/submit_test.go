package whatsapp_test

import (
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
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
