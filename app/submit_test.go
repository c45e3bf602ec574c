package app

import (
	"encoding/json"
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
		{"language":"fr","body":"Bonjour {{ contact.first_name }}, {{1}}."}]}`)
	r.post("/v1/templates", `{"name":"rejected","category":"marketing","kinds":["whatsapp"],"default_language":"en","translations":[{"language":"en","body":"Buy now"}]}`)
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
	require.Contains(t, foreseen["fr"].Reason, "the text has {{ contact.first_name }}, which is Liquid")
	require.NotContains(t, r.do("POST", "/v1/channels/1/templates/sync", ""), "table_free", "a dry run hands nothing in")

	done := submit(`{"template":"table_free"}`)
	require.Equal(t, []string{"submitted", "submitted", "unfit"}, []string{done["en"].Outcome, done["de"].Outcome, done["fr"].Outcome})
	require.EqualValues(t, "pending", done["en"].Status)
	require.Equal(t, "submitted", submit(`{"template":"rejected"}`)["en"].Outcome)
	again := submit(`{"template":"table_free"}`)
	require.Equal(t, []string{"kept", "kept"}, []string{again["en"].Outcome, again["de"].Outcome}, "nothing is handed in twice")

	r.do("POST", "/v1/channels/1/templates/sync", "")
	synced := r.do("POST", "/v1/channels/1/templates/sync", "")
	require.Contains(t, synced, `"status":"rejected"`)
	m := r.single(`{"channel_id":1,"to":"+491511230199","content":{"template":{"name":"table_free","language":"en"}}}`)
	require.NotEqual(t, "skipped", m.State, m)
	require.Equal(t, map[string]string{"+491511230199": "template table_free"}, r.taken())

	for body, want := range map[string]string{
		`{"template":"unheard_of"}`: "there is no such template",
		`{}`:                        "template",
	} {
		answer, said := ask(t, r.client, "POST "+r.url+"/v1/channels/1/templates/submit", body)
		require.Equal(t, 422, answer.StatusCode, said)
		require.Contains(t, said, want)
	}
}
