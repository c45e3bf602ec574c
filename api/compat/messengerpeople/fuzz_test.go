package messengerpeople_test

import (
	"encoding/json"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"carillon/api/compat/messengerpeople"
	"carillon/contacts/property"
	"carillon/providers"
	"carillon/targeting/rule"
	"carillon/templates/liquid"
)

var ofFuzz = []property.Property{
	{Key: "hair_color", Name: "Hair-Color", Type: property.Text}, {Key: "loyalty", Type: property.Number, Default: json.RawMessage("0")},
}

// Whatever is written comes back as it was written, and is no template but where a name
// stands between dollars.
func FuzzTexts(f *testing.F) {
	for _, text := range []string{
		"Hello $profile_name$", "$Hair-Color$$loyalty$", "$5 and $10", "{{ x }} {% if %}", "{{{{%", "{% endraw %}$a$b$", "$$profile_name$$",
		"{$profile_name$}", "🍏$", "{",
	} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		if len(text) > 2000 || strings.Contains(text, "contact.") || strings.Contains(text, `{{ "{" }}`) || strings.ContainsAny(text, "\x00\r") ||
			strings.ToValidUTF8(text, "") != text {
			return
		}
		template := messengerpeople.Liquid(text, ofFuzz)
		require.Equal(t, text, messengerpeople.Said(template, ofFuzz))
		compiled, err := liquid.Compile(providers.Content{Text: template}, nil)
		require.NoError(t, err, "%q", template)
		filled, err := compiled.Render(t.Context(), liquid.Vars{
			Contact: liquid.Contact{Name: "$N$", Attributes: `{"hair_color":"brown","loyalty":7}`}, Of: &liquid.Occasion{},
		})
		require.NoError(t, err)
		if !strings.Contains(text, "$") {
			require.Equal(t, text, filled.Text)
		}
	})
}

// Keys are found in whatever stands before what can't be read, and nothing else is.
func FuzzKeys(f *testing.F) {
	for _, body := range []string{
		"apikey=abc", `{"apikey":"abc"}`, `{"a":{"apikey":"no"},"apikey":"abc"`, "--b\r\nContent-Disposition: form-data; name=\"apikey\"\r\n\r\nabc\r\n--b--",
		"[", "%zz&apikey=abc", `{"apikey":1}`, "{", "--b", "\xff",
	} {
		for _, kind := range []string{"", "application/json", "application/x-www-form-urlencoded", "multipart/form-data; boundary=b", "multipart/form-data"} {
			f.Add(body, kind, true)
			f.Add(body, kind, false)
		}
	}
	f.Fuzz(func(t *testing.T, body, kind string, whole bool) {
		r := httptest.NewRequestWithContext(t.Context(), "POST", "/api/v14/user/csv", nil)
		r.Header["Content-Type"] = []string{kind}
		for name, value := range messengerpeople.KeyWithin(r, []byte(body), whole) {
			require.LessOrEqual(t, len(name)+len(value), 2*len(body))
		}
	})
}

// A query is said in Carillon's words or refused, and what comes out is JSON that a rule can
// be read from or that says what is wrong.
func FuzzQueries(f *testing.F) {
	for _, query := range []string{
		brown, `{"query":` + brown + `}`, `[{"field":"rufnummer","operator":"not_in","value":["49",7]}]`, `[{"field":"messenger","operator":"equal","value":"WB"}]`,
		`[{"id":"blocked","operator":"equal","value":true}]`, `{"condition":"OR","not":true,"rules":[{"rules":[]}]}`, `[[]]`, `7`, `{"rules":{}}`,
		`[{"field":"category","operator":"in","value":[1,"2",null]}]`,
		`[{"field":"targeting","operator":"equal","value":1e9}]`, `[{"field":"status","value":{"days_before":1}}]`,
	} {
		f.Add(query)
	}
	schema := rule.NewSchema(rule.Vocabulary{Properties: ofFuzz, Kinds: providers.AddressKinds()})
	f.Fuzz(func(t *testing.T, query string) {
		said, err := messengerpeople.Inward(query, ofFuzz)
		if err != nil {
			return
		}
		require.True(t, json.Valid(said))
		if parsed, err := rule.Parse(said, schema); err == nil {
			_, err = parsed.MarshalJSON()
			require.NoError(t, err)
		}
	})
}

// Whatever is asked with a key is answered: with 200 or 400, as JSON with its code first.
func FuzzCalls(f *testing.F) {
	for _, seed := range [][2]string{
		{"chat", `{"id":"4915112345671","message":"x","meta":{"a":1},"buttons":[{"type":"link"}]}`}, {"custom", "name=a&type=number&values=>=2&position=x"},
		{"chat/notification", `{"batch_ids":[1,{}],"notification_template":7}`}, {"templates",
			`{"name":"a","category":"AUTO_REPLY","translations":[{"header":{"type":7}}]}`},
		{"newsletter", "message=x&sendtime=2027-02-30 09:00"}, {"content", "text=x&date=99999999999999"}, {"targeting", `name=x&query={"rules":[{}]}`},
		{"login", "username=x&password=y"},
		{"newsletter/category", `{"name":["x"]}`}, {"channel/labels", "name=x&color=zz"},
	} {
		f.Add(seed[0], seed[1], "application/json")
		f.Add(seed[0], seed[1], form)
	}
	s := newServer(f)
	f.Fuzz(func(t *testing.T, path, body, kind string) {
		if _, err := url.ParseRequestURI("/api/v14/" + path); err != nil || strings.ContainsAny(path, " ?#") || !messengerpeople.Serves("/api/v14/"+path) {
			return
		}
		s.t = t
		w := s.raw("POST", path+"?apikey="+apiKey, kind, strings.NewReader(body))
		require.Contains(t, []int{200, 400}, w.Code, "%s", w.Body.String())
		require.True(t, json.Valid(w.Body.Bytes()))
		require.True(t, strings.HasPrefix(w.Body.String(), `{"code":`))
	})
}
