package api_test

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"

	"carillon/access"
)

func TestTemplates(t *testing.T) {
	s := newServer(t)
	channel := s.channel()
	s.contact("Ada", "ada@example.org")
	const letter = `"category":"utility","kinds":["email"],"default_language":"en","parameters":[{"name":"1","value":"$first_name$","sample":"Bob"}]`
	golden(t, "templates.txt", s.transcript(
		[]string{"POST", "/v1/templates", `{"name":"shipped",` + letter + `,"translations":[{"language":"en","email":{"subject":"On its way",` +
			`"html":"<style>p {color: red}</style><p>Dear {{1}}</p>"}},{"language":"pt_br","email":{"subject":"Saiu","text":"Olá {{1}}"}}]}`},
		[]string{"POST", "/v1/templates", `{"name":"shipped",` + letter + `,"translations":[]}`},
		[]string{"POST", "/v1/templates", `{"name":"Ü","category":"ads","kinds":["fax"],"default_language":"english",` +
			`"parameters":[{"name":"1","value":"$x$","sample":""}],` +
			`"translations":[{"language":"en","email":{"subject":"","mjml":"<mjml><mj-body>\n{{ 1 | shout }}<mj-foo></mj-foo></mj-body></mjml>"}}]}`},
		[]string{"GET", "/v1/templates?kind=email&limit=1"},
		[]string{"GET", "/v1/templates?kind=fax&category=ads"},
		[]string{"GET", "/v1/templates?cursor=x"},
		[]string{"PUT", "/v1/templates/1/translations/de", `{"version":1,"email":{"subject":"Unterwegs","text":"Hallo {{1}}"}}`},
		[]string{"PUT", "/v1/templates/1/translations/de", `{"version":1,"email":{"subject":"Los","text":"Hallo {{1}}"}}`},
		[]string{"PUT", "/v1/templates/1/translations/de", `{"body":"{{2}}","email":{"subject":"Los","text":"{{ contact.frist_name }}"}}`},
		[]string{"DELETE", "/v1/templates/1/translations/pt-BR"},
		[]string{"DELETE", "/v1/templates/1/translations/pt-BR"},
		[]string{"PUT", "/v1/templates/1", `{` + letter + `,"fallback":["de"],` +
			`"translations":[{"language":"en","email":{"subject":"On its way","text":"Dear {{1}}"}}]}`},
		[]string{"GET", "/v1/templates/1/versions?limit=2"},
		[]string{"GET", "/v1/templates/1/versions/1"},
		[]string{"GET", "/v1/templates/1/versions/9"},
		[]string{"GET", "/v1/templates/1/diff"},
		[]string{"GET", "/v1/templates/1/diff?from=1&to=2"},
		[]string{"POST", "/v1/templates/1/render", `{"version":1}`},
		[]string{"POST", "/v1/templates/1/render", `{"contact_id":1,"language":"pt-br","version":1,"params":{"1":"{{ contact.first_name | upcase }}"}}`},
		[]string{"POST", "/v1/templates/1/render", `{"contact_id":9}`},
		[]string{"POST", "/v1/templates/1/render", `{"kind":"sms","language":"fr","params":{"2":"x"},"button_suffix":"x"}`},
		[]string{"POST", "/v1/templates/preview", `{"kinds":["sms","email"],"default_language":"en","contact_id":1,"translations":[{"language":"en",` +
			`"body":"Dear {{ contact.first_name }} {{ contact.last_name }} €","email":{"subject":"Hi"}}]}`},
		[]string{"POST", "/v1/templates/preview", `{"kinds":["email"],"default_language":"en","translations":[{"language":"en",` +
			`"email":{"subject":"Hi","mjml":"<mjml><mj-body>\n<mj-foo></mj-foo></mj-body></mjml>"}}]}`},
		[]string{"GET", "/v1/templates"},
		[]string{"GET", "/v1/templates/1/coverage?kind=email"},
		[]string{"POST", "/v1/campaigns", fmt.Sprintf(`{"name":"Spring","channel_id":%d,"audience":{"all":true},
			"content":{"template":{"name":"shipped"}}}`, channel)},
		[]string{"GET", "/v1/templates/1/uses"},
		[]string{"GET", "/v1/templates/9/uses"},
		[]string{"DELETE", "/v1/templates/1"},
		[]string{"DELETE", "/v1/campaigns/1"},
		[]string{"PUT", "/v1/templates/1/translations/en/status", fmt.Sprintf(`{"channel_id":%d,"state":"rejected","reason":"too loud"}`, channel)},
		[]string{"PUT", "/v1/templates/1/translations/fr/status", fmt.Sprintf(`{"channel_id":%d,"state":"approved"}`, channel)},
		[]string{"GET", "/v1/templates/1"},
		[]string{"GET", "/v1/templates?q=SHIP&language=en&state=rejected"},
		[]string{"GET", "/v1/templates?q=_&language=en"},
		[]string{"GET", "/v1/templates?state=approved"},
		[]string{"GET", "/v1/templates?state=good&language=!"},
		[]string{"POST", "/v1/messages", fmt.Sprintf(`{"channel_id":%d,"contact_id":1,"content":{"template":{"name":"shipped","params":["Cy"]}}}`, channel)},
		[]string{"POST", "/v1/templates/1/duplicate", `{"name":"again"}`},
		[]string{"DELETE", "/v1/templates/1"},
		[]string{"POST", "/v1/templates", `{"name":"shipped",` + letter + `,"translations":[]}`},
		[]string{"GET", "/v1/templates/1"},
		[]string{"GET", "/v1/audit?limit=3"},
	))
}

func TestWhoMaySeeAndSaveTemplates(t *testing.T) {
	s := newServer(t)
	const template = `"kinds":["sms"],"default_language":"en","translations":[{"language":"en","body":"x"}]`
	s.ok("POST", "/v1/templates", `{"name":"a",`+template+`}`)
	edit, look := []access.Role{access.Admin, access.Editor}, []access.Role{access.Admin, access.Editor, access.Viewer}
	for _, c := range []struct {
		method, path, body string
		allowed            []access.Role
	}{
		{"POST", "/v1/templates", `{"name":"b",` + template + `}`, edit},
		{"PUT", "/v1/templates/1", `{` + template + `}`, edit},
		{"PUT", "/v1/templates/1/translations/de", `{"body":"x"}`, edit},
		{"DELETE", "/v1/templates/1/translations/de", "", edit},
		{"PUT", "/v1/templates/1/translations/en/status", `{"channel_id":1,"state":"draft"}`, edit},
		{"POST", "/v1/templates/1/duplicate", `{"name":"c"}`, edit},
		{"POST", "/v1/templates/1/render", `{}`, look},
		{"GET", "/v1/templates", "", look},
		{"GET", "/v1/templates/1", "", look},
		{"GET", "/v1/templates/1/versions", "", look},
		{"GET", "/v1/templates/1/diff", "", look},
		{"GET", "/v1/templates/1/coverage", "", look},
		{"GET", "/v1/templates/1/uses", "", look},
		{"POST", "/v1/templates/preview", `{` + template + `}`, edit},
		{"DELETE", "/v1/templates/1", "", edit},
	} {
		for _, role := range access.Roles() {
			w := s.do(c.method, c.path, c.body, as(role)...)
			may := false
			for _, r := range c.allowed {
				may = may || r == role
			}
			require.Equal(t, !may, w.Code == 403, "%s %s as %s: %d", c.method, c.path, role, w.Code)
		}
	}
}
