package api_test

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"
)

// What a template can't do is said when it is saved, with line and name, wherever
// one comes in.
func TestTemplatesAreCheckedWhenTheyAreSaved(t *testing.T) {
	s := newServer(t)
	channel := s.channel()
	draft := s.campaign(channel, "")
	content := func(text string) string { return fmt.Sprintf(`{"subject":"s","text":%q}`, text) }
	for text, want := range map[string]string{
		"one\n{{ contact.first_name | shout }}":           `line 2: unknown filter \"shout\": abs, append, at_least`,
		"one\ntwo\n{% sectoin 'a' %}":                     `line 3: unknown tag \"sectoin\": if, unless, case`,
		"{% # note %}\n{% render 'footer' %}":             `line 2: there is no snippet \"footer\"`,
		"{% liquid\nassign a = 1\necho a | at_lest: 2 %}": `line 3: unknown filter \"at_lest\"`,
	} {
		for path, body := range map[string][2]string{
			"/v1/campaigns":                        {"POST", fmt.Sprintf(`{"name":"x","channel_id":%d,"audience":{"all":true},"content":%s}`, channel, content(text))},
			fmt.Sprintf("/v1/campaigns/%d", draft): {"PATCH", fmt.Sprintf(`{"content":%s}`, content(text))},
			"/v1/messages":                         {"POST", fmt.Sprintf(`{"channel_id":%d,"to":"a@example.org","content":%s}`, channel, content(text))},
		} {
			w := s.do(body[0], path, body[1])
			require.Equal(t, 422, w.Code, "%s %s: %s", path, text, w.Body)
			require.Contains(t, w.Body.String(), want, path)
			require.Contains(t, w.Body.String(), `"location":"body.content.text"`)
		}
	}
	s.contact("Ada", "ada@example.org")
	s.ok("PATCH", fmt.Sprintf("/v1/campaigns/%d", draft),
		fmt.Sprintf(`{"content":%s}`, content(`{% # note %}Hi {{ contact.firstname }}{{ contact.first_name or "you" }}`)))
	preview := s.ok("GET", fmt.Sprintf("/v1/campaigns/%d/preview", draft), "")
	require.Equal(t, []any{
		`{{ contact.first_name or "you" }} prints true or false and not a value; for a stand-in write {{ contact.first_name | default: "you" }}`,
		"contact.firstname is not known and renders as nothing; did you mean contact.first_name?",
	}, preview["notices"])
	w := s.do("POST", "/v1/messages", fmt.Sprintf(`{"channel_id":%d,"to":"a@example.org","content":%s}`, channel,
		content("{% # note %}code {{ 500000 | times: 2 }}")))
	require.Equal(t, 202, w.Code, w.Body)
}
