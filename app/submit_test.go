package app

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"carillon/api"
)

// A template of the catalogue is handed in for review, in the languages that the provider does not
// keep, and goes as the provider's once it is approved.
func TestATemplateIsHandedInForReview(t *testing.T) {
	r := newReplying(t)
	const parameters = `"parameters":[{"name":"1","value":"{{ contact.first_name | default: 'you' }}","sample":"Ada"}]`
	r.post("/v1/templates", `{"name":"table_free","category":"utility","kinds":["whatsapp"],"default_language":"en",`+parameters+`,"translations":[
		{"language":"en","header":{"text":"For {{1}}"},"body":"Hello {{1}}, your table is free.","footer":"The Bells","buttons":[
			{"type":"quick_reply","text":"I come"},{"type":"url","text":"See it","url":"https://example.org/","suffix":"{{1}}"}]},
		{"language":"de","body":"Hallo {{1}}, Ihr Tisch ist frei."},
		{"language":"fr","header":{"media":{"type":"image","url":"https://example.org/bell.png"}},"body":"Bonjour {{1}}."}]}`)
	r.post("/v1/templates", `{"name":"rejected","category":"marketing","kinds":["whatsapp"],"default_language":"en",
		"translations":[{"language":"en","body":"Buy now"}]}`)
	submit := func(body string) (outcomes map[string]api.SubmittedTemplate) {
		t.Helper()
		var all api.SubmittedTemplates
		require.NoError(t, json.Unmarshal([]byte(r.do("POST", "/v1/channels/1/templates/submit", body)), &all))
		outcomes = map[string]api.SubmittedTemplate{}
		for _, one := range all.Languages {
			outcomes[one.Language] = one
		}
		return outcomes
	}
	foreseen := submit(`{"template":"table_free","dry_run":true}`)
	require.Equal(t, []string{"open", "open", "unfit"}, []string{foreseen["en"].Outcome, foreseen["de"].Outcome, foreseen["fr"].Outcome})
	require.Contains(t, foreseen["fr"].Reason, "the header is a file")
	require.NotContains(t, r.do("POST", "/v1/channels/1/templates/sync", ""), "table_free", "a dry run hands nothing in")

	people := map[string]string{"+491511230199": "en", "+491511230299": "de", "+491511230399": "fr"}
	for address, language := range people {
		r.post("/v1/contacts", fmt.Sprintf(`{"language":%q,"addresses":{"whatsapp":%q}}`, language, address))
	}
	skipped := func() (languages []string) {
		t.Helper()
		for _, m := range r.campaign(`{"template":{"name":"table_free"}}`) {
			if m.State == "skipped" {
				require.Equal(t, "window", m.Reason)
				languages = append(languages, people[m.Address])
			}
		}
		return languages
	}
	r.taken()
	done := submit(`{"template":"table_free"}`)
	require.Equal(t, []string{"submitted", "submitted", "unfit"}, []string{done["en"].Outcome, done["de"].Outcome, done["fr"].Outcome})
	require.EqualValues(t, "pending", done["en"].Status)
	require.ElementsMatch(t, []string{"en", "de", "fr"}, skipped(), "nobody has written, and the template waits")
	require.Equal(t, "pending", r.synced("table_free", "en").Status)
	require.Equal(t, "approved", r.synced("table_free", "en").Status)
	require.Equal(t, []string{"fr"}, skipped())
	require.Equal(t, map[string]string{"+491511230199": "template table_free", "+491511230299": "template table_free"}, r.taken())
	again := submit(`{"template":"table_free"}`)
	require.Equal(t, []string{"kept", "kept"}, []string{again["en"].Outcome, again["de"].Outcome}, "nothing is handed in twice")

	require.Equal(t, "submitted", submit(`{"template":"rejected"}`)["en"].Outcome)
	r.synced("rejected", "en")
	require.Equal(t, keptThere{"rejected", "en", "rejected", "INVALID_FORMAT"}, r.synced("rejected", "en"))

	for body, want := range map[string]string{
		`{"template":"unheard_of"}`: "there is no such template",
		`{}`:                        "template",
	} {
		answer, said := ask(t, r.client, "POST "+r.url+"/v1/channels/1/templates/submit", body)
		require.Equal(t, 422, answer.StatusCode, said)
		require.Contains(t, said, want)
	}
}

type keptThere struct{ Name, Language, Status, Reason string }

// synced is what the provider says of a template, which is taken over.
func (r *replying) synced(name, language string) keptThere {
	r.t.Helper()
	var all struct{ Templates []keptThere }
	require.NoError(r.t, json.Unmarshal([]byte(r.do("POST", "/v1/channels/1/templates/sync", "")), &all))
	for _, one := range all.Templates {
		if one.Name == name && one.Language == language {
			return one
		}
	}
	require.Fail(r.t, "is not kept", "%s %s", name, language)
	return keptThere{}
}

// What the provider keeps and the catalogue lacks is taken over once it is approved, and goes as the
// provider's at once.
func TestATemplateOfTheProviderIsTakenOver(t *testing.T) {
	r := newReplying(t)
	const madeThere = `{"name":"made_there","language":"de","category":"UTILITY","components":[
		{"type":"HEADER","format":"TEXT","text":"F\u00fcr {{1}}","example":{"header_text":["Zoe"]}},
		{"type":"BODY","text":"Hallo {{1}}, Ihr Tisch ist frei.","example":{"body_text":[["Ada"]]}},
		{"type":"BUTTONS","buttons":[{"type":"URL","text":"Zeigen","url":"https://example.org/{{1}}","example":["https://example.org/7"]}]}]}`
	request, err := http.NewRequestWithContext(t.Context(), http.MethodPost, r.fake.URL()+"/v26.0/1/message_templates", strings.NewReader(madeThere))
	require.NoError(t, err)
	request.Header.Set("Authorization", "Bearer a-token-of-a-fake-0123")
	answer, err := r.client.Do(request)
	require.NoError(t, err)
	require.NoError(t, answer.Body.Close())
	require.Equal(t, 200, answer.StatusCode)
	taken := func(body string) (outcomes map[string]api.ImportedTemplate) {
		t.Helper()
		var all api.ImportedTemplates
		require.NoError(t, json.Unmarshal([]byte(r.do("POST", "/v1/channels/1/templates/import", body)), &all))
		outcomes = map[string]api.ImportedTemplate{}
		for _, one := range all.Templates {
			outcomes[one.Name] = one
		}
		return outcomes
	}
	waits := taken(`{"template":"made_there"}`)["made_there"]
	require.Equal(t, "unfit", waits.Outcome)
	require.Contains(t, waits.Languages[0].Reason, "it is pending")
	foreseen := taken(`{"dry_run":true}`)
	require.Equal(t, "open", foreseen["made_there"].Outcome)
	require.Equal(t, "exists", foreseen["again"].Outcome)
	var none api.Page[api.Template]
	r.read("/v1/templates?q=made_there", &none)
	require.Empty(t, none.Items, "a dry run takes nothing over")
	made := taken(`{"template":"made_there"}`)["made_there"]
	require.Equal(t, "imported", made.Outcome)
	require.NotZero(t, made.TemplateID)

	var template api.Template
	r.read(fmt.Sprintf("/v1/templates/%d", made.TemplateID), &template)
	require.Equal(t, "Hallo {{1}}, Ihr Tisch ist frei.", template.Translations[0].Body)
	require.EqualValues(t, "approved", template.Statuses[0].State)
	r.post("/v1/contacts", `{"language":"de","addresses":{"whatsapp":"+491511230599"}}`)
	r.taken()
	r.campaign(`{"template":{"name":"made_there","params":["{{ contact.language }}","Zoe","7"]}}`)
	require.Equal(t, map[string]string{"+491511230599": "template made_there"}, r.taken(), "nobody has written, and it goes as the provider's")

	answer, said := ask(t, r.client, "POST "+r.url+"/v1/channels/1/templates/import", `{"template":"made_there"}`)
	require.Equal(t, 409, answer.StatusCode, said)
	require.Contains(t, said, "nothing is overwritten")
}
