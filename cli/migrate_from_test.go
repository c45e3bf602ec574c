package cli

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/require"

	"carillon/access"
	"carillon/api/compat/chat44mp"
	"carillon/api/compat/chatwoot"
	"carillon/api/compat/messengerpeople"
	"carillon/api/gate"
	"carillon/contacts"
	"carillon/internal/secret"
	"carillon/providers"
	"carillon/providers/fetch"
	"carillon/services/servicestest"
	"carillon/templates"
)

const sourceKey = "the-key-of-the-source-0123456789"

// elsewhere is another system: a Carillon that speaks its API, over an account and a store of
// its own.
type elsewhere struct {
	*servicestest.Fixture
	t   *testing.T
	api string
	url string
	// asked counts requests; from the one that failsAt names on they fail, unless it is 0.
	asked   atomic.Int64
	failsAt int64
}

// nowhere takes what webhooks tell.
type nowhere struct{}

func (nowhere) Tell(context.Context, string, http.Header, []byte) fetch.Told { return fetch.Told{} }

func newElsewhere(t *testing.T, system string) *elsewhere {
	s := &elsewhere{Fixture: servicestest.New(t), t: t, api: system}
	channel, err := s.Channels.Create(t.Context(), providers.Channel{
		AccountID: s.Account, Name: "chat", Provider: "messenger", Config: json.RawMessage(`{}`), Timezone: "UTC",
	}, "test")
	require.NoError(t, err)
	key := access.Key{AccountID: s.Account, Name: "from", Role: access.Editor, API: system}
	if system == "messengerpeople" {
		key.ChannelID = channel.ID
	}
	_, err = s.Store.AddKey(t.Context(), key, secret.New(sourceKey))
	require.NoError(t, err)
	at := func(d gate.Dialect) *gate.Gate {
		return gate.New(gate.Deps{
			Dialect: d, API: system, Keys: s.Keys, Answers: s.Store, Limits: gate.NewLimits(0, 1, s.Clock), MaxBodyBytes: 1 << 20, LargeBody: "the bound",
			Clock: s.Clock,
		})
	}
	var handler http.Handler
	switch system {
	case "messengerpeople":
		handler = messengerpeople.New(messengerpeople.Deps{Services: s.Services, Wake: func() {}, Poster: nowhere{}, Clock: s.Clock}, at)
	case "chatwoot":
		handler = chatwoot.New(s.Services, func() {}, s.Clock, at)
	default:
		handler = chat44mp.New(s.Services, at)
	}
	listener := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if n := s.asked.Add(1); s.failsAt > 0 && n >= s.failsAt {
			w.WriteHeader(http.StatusInternalServerError)
			return
		}
		handler.ServeHTTP(w, r)
	}))
	t.Cleanup(listener.Close)
	s.url = listener.URL
	return s
}

// person is somebody there.
func (s *elsewhere) person(of contacts.Contact) contacts.Contact {
	s.t.Helper()
	of.AccountID = s.Account
	if of.Status == "" {
		of.Status = contacts.Active
	}
	made, err := s.Contacts.Create(s.t.Context(), of, "")
	require.NoError(s.t, err)
	return made
}

func (s *elsewhere) list(kind contacts.ListKind, name string, members ...contacts.Contact) contacts.List {
	s.t.Helper()
	made, err := s.Lists.Create(s.t.Context(), contacts.List{AccountID: s.Account, Kind: kind, Name: name})
	require.NoError(s.t, err)
	for _, m := range members {
		_, err := s.Lists.Add(s.t.Context(), contacts.MemberChange{
			AccountID: s.Account, Kind: kind, ListID: made.ID, Contacts: []int64{m.ID}, Source: contacts.SourceAPI, Actor: "test",
		})
		require.NoError(s.t, err)
	}
	return made
}

func (s *elsewhere) optOut(of contacts.Contact) {
	s.t.Helper()
	_, err := s.Consents.OptOut(s.t.Context(), contacts.ConsentChange{AccountID: s.Account, ContactID: of.ID, Source: contacts.SourceAPI, Actor: "test"})
	require.NoError(s.t, err)
}

// mp makes a call of MessengerPeople's.
func (s *elsewhere) mp(path string, pairs ...string) {
	s.t.Helper()
	form := url.Values{"apikey": {sourceKey}}
	for i := 0; i < len(pairs); i += 2 {
		form.Set(pairs[i], pairs[i+1])
	}
	r, err := http.NewRequestWithContext(s.t.Context(), http.MethodPost, s.url+"/api/v14"+path, strings.NewReader(form.Encode()))
	require.NoError(s.t, err)
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	s.send(r)
}

// cw makes a call of Chatwoot's.
func (s *elsewhere) cw(path, body string) {
	s.t.Helper()
	r, err := http.NewRequestWithContext(s.t.Context(), http.MethodPost, fmt.Sprintf("%s/api/v1/accounts/%d%s", s.url, s.Account, path), strings.NewReader(body))
	require.NoError(s.t, err)
	r.Header.Set("Content-Type", "application/json")
	r.Header.Set("Api-Access-Token", sourceKey)
	s.send(r)
}

func (s *elsewhere) send(r *http.Request) {
	s.t.Helper()
	response, err := http.DefaultClient.Do(r)
	require.NoError(s.t, err)
	defer func() { _ = response.Body.Close() }()
	require.Equal(s.t, http.StatusOK, response.StatusCode)
}

// from are the arguments that bring it over.
func (s *elsewhere) from(f *fixture, more ...string) []string {
	return append([]string{"migrate-from", s.api, "--url", s.url, "--folder", filepath.Join(f.dir, "from"), "--key-file", f.file("key", sourceKey+"\n"),
		"--rate", "100", "--output", "json"}, more...)
}

// move brings it over, which must succeed.
func (s *elsewhere) move(f *fixture, more ...string) (m moved) {
	s.t.Helper()
	require.NoError(s.t, json.Unmarshal([]byte(f.ok(s.from(f, more...)...)), &m))
	return m
}

// counts are what became of a kind: made, kept, left out.
func (m moved) counts(kind string) [3]int {
	for _, k := range m.Kinds {
		if k.Kind == kind {
			return [3]int{k.Made, k.Kept, k.Left}
		}
	}
	return [3]int{}
}

// everything is all that a migration may change.
func everything(f *fixture) string {
	var b strings.Builder
	for _, command := range []string{"properties ls", "categories ls", "labels ls", "groups ls", "targeting ls", "templates ls", "contacts ls", "suppressions ls",
		"uploads ls", "audit"} {
		b.WriteString(listed(f, command))
	}
	return b.String()
}

var changedAt = regexp.MustCompile(`"updated_at": "[^"]*"`)

// listed is a list without when its items were changed.
func listed(f *fixture, command string) string {
	return changedAt.ReplaceAllString(f.ok(append(strings.Fields(command), "--output", "json")...), "")
}

// untouched requires that a dry run changes nothing, and says what would become of people.
func (s *elsewhere) untouched(f *fixture, more ...string) moved {
	s.t.Helper()
	before := everything(f)
	m := s.move(f, append(more, "--dry-run")...)
	require.Equal(s.t, before, everything(f), "a dry run changes nothing")
	require.True(s.t, m.DryRun)
	return m
}

// again requires that all that was brought over is not brought over again, also where it is
// read anew.
func (s *elsewhere) again(f *fixture, more ...string) {
	s.t.Helper()
	before := everything(f)
	require.True(s.t, s.move(f, more...).Known)
	require.Equal(s.t, before, everything(f), "the same again changes nothing")
	m := s.move(f, append(more, "--fresh")...)
	for _, k := range m.Kinds {
		require.Zero(s.t, k.Made, k.Kind)
	}
	require.Zero(s.t, m.Upload.Created)
	for _, command := range []string{"contacts ls", "suppressions ls", "labels ls", "properties ls"} {
		require.Contains(s.t, before, listed(f, command), "what is read anew changes nothing")
	}
}

// states are the statuses of people by their names, with ! where an address is suppressed.
func states(f *fixture) map[string]string {
	var people, suppressed struct {
		Items []struct {
			Name      string            `json:"name"`
			FirstName string            `json:"first_name"`
			Status    string            `json:"status"`
			Addresses map[string]string `json:"addresses"`
			Kind      string            `json:"kind"`
			Address   string            `json:"address"`
		} `json:"items"`
	}
	require.NoError(f.t, json.Unmarshal([]byte(f.ok("contacts", "ls", "--output", "json")), &people))
	require.NoError(f.t, json.Unmarshal([]byte(f.ok("suppressions", "ls", "--output", "json")), &suppressed))
	out := map[string]bool{}
	for _, s := range suppressed.Items {
		out[s.Kind+" "+s.Address] = true
	}
	states := map[string]string{}
	for _, p := range people.Items {
		name, state := p.Name+p.FirstName, p.Status
		for kind, address := range p.Addresses {
			if out[kind+" "+address] {
				state = p.Status + "!"
			}
		}
		states[name] = state
	}
	return states
}

func on(kind providers.AddressKind, address string) map[providers.AddressKind]string {
	return map[providers.AddressKind]string{kind: address}
}

func TestMigrateFromMessengerPeople(t *testing.T) {
	s, f := newElsewhere(t, "messengerpeople"), newFixture(t)
	s.mp("/custom", "name", "Hair-Color", "type", "enum", "values", "brown,black", "default", "brown")
	s.mp("/custom", "name", "visits", "type", "number", "values", ">=0")
	anna := s.person(contacts.Contact{Name: "Anna", Addresses: on(providers.WhatsApp, "+4915112345671"),
		Given: map[string]json.RawMessage{"hair_color": json.RawMessage(`"black"`), "visits": json.RawMessage("7")}})
	s.optOut(s.person(contacts.Contact{Name: "Ben", Addresses: on(providers.WhatsApp, "+4915112345672")}))
	s.person(contacts.Contact{Name: "Cy", Addresses: on(providers.WhatsApp, "+4915112345673"), Status: contacts.Blocked})
	s.person(contacts.Contact{Name: "=Di|x", Addresses: on(providers.Telegram, "77"), Status: contacts.Inactive})
	s.list(contacts.Category, "Sport")
	s.list(contacts.Category, "Weather", anna)
	s.list(contacts.Label, "vip", anna)
	s.mp("/targeting", "name", "Dark", "query", `[{"field":"Hair-Color","operator":"equal","value":"black"},{"field":"category","operator":"equal","value":2}]`)
	s.mp("/targeting", "name", "Those", "query",
		`[{"field":"targeting","operator":"equal","value":11},{"field":"rufnummer","operator":"begins_with","value":"49"}]`)
	s.mp("/templates", "name", "news", "category", "ALERT_UPDATE", "translations", `[{"language":"en","body":"Hello {{1}}, welcome."}]`)

	// What is here already is kept; a type that differs is said.
	f.ok("properties", "create", "visits", "--type", "text")
	f.ok("labels", "create", "vip")
	would := s.untouched(f)
	m := s.move(f)
	require.Equal(t, would.Kinds, m.Kinds, "a dry run says what becomes of all")
	require.Equal(t, [3]int{1, 1, 0}, m.counts("properties"))
	require.Equal(t, [3]int{2, 0, 0}, m.counts("categories"))
	require.Equal(t, [3]int{0, 1, 0}, m.counts("labels"))
	require.Equal(t, [3]int{2, 0, 0}, m.counts("targeting lists"))
	require.Equal(t, [3]int{1, 0, 0}, m.counts("templates"))
	require.Contains(t, fmt.Sprint(m.Notes), "is of the type text here and number there")
	require.EqualValues(t, 4, m.Upload.Created)
	require.Zero(t, m.Upload.Refused+m.Upload.Incomplete)
	require.Equal(t, map[string]string{"Anna": "active", "Ben": "inactive", "Cy": "blocked!", "=Di|x": "inactive!"}, states(f))
	shown := f.ok("contacts", "show", "1", "--output", "json")
	require.Contains(t, shown, `"hair_color": "black"`)
	require.Contains(t, shown, `"visits": "7"`)
	categories := f.ok("categories", "ls", "--output", "json")
	require.Regexp(t, `"name": "Weather",\s+"number": 2,\s+"members": 1`, categories)
	require.Regexp(t, `"name": "Sport",\s+"number": 1,\s+"members": 0`, categories)
	for list := 1; list <= 2; list++ {
		require.Contains(t, f.ok("targeting", "count", fmt.Sprint(list), "--output", "json"), `"total": 1`, "the rules hold for Anna, as there")
	}
	s.again(f)
	f.ok("contacts", "set", "1", "--status", "blocked")
	s.move(f, "--fresh")
	require.Equal(t, "blocked", states(f)["Anna"], "nobody who is kept out here is let in")
}

func TestMigrateFromChatwoot(t *testing.T) {
	s, f := newElsewhere(t, "chatwoot"), newFixture(t)
	s.cw("/custom_attribute_definitions", `{"attribute_display_name":"Plan","attribute_display_type":"list","attribute_key":"Plan-1","attribute_model":1,
		"attribute_values":["gold"]}`)
	s.cw("/custom_attribute_definitions", `{"attribute_display_name":"Age","attribute_display_type":"number","attribute_key":"age","attribute_model":1}`)
	s.cw("/custom_attribute_definitions", `{"attribute_display_name":"Of a talk","attribute_key":"talk","attribute_model":0}`)
	s.cw("/labels", `{"title":"VIP","description":"the best","color":"#ff9300"}`)
	s.cw("/labels", `{"title":"stop"}`)
	s.cw("/contacts", `{"name":"Dora","phone_number":"+4915112345671","identifier":"d-1","custom_attributes":{"Plan-1":"gold","age":41,"shoe size":"42"},
		"additional_attributes":{"city":"Graz","bio":"x"}}`)
	s.cw("/contacts", `{"name":"Emil","email":"emil@example.org","blocked":true}`)
	s.cw("/contacts", `{"name":"Fay","email":"fay@example.org"}`)
	for n := range 33 { // of three pages
		s.person(contacts.Contact{Name: fmt.Sprintf("Person %d", n), Addresses: on(providers.Email, fmt.Sprintf("p%d@example.org", n))})
	}
	ids := map[string]int64{}
	people, err := s.Contacts.Search(t.Context(), contacts.ContactFilter{AccountID: s.Account, Limit: 100})
	require.NoError(t, err)
	for _, p := range people {
		ids[p.Name] = p.ID
	}
	s.cw(fmt.Sprintf("/contacts/%d/labels", ids["Dora"]), `{"labels":["vip"]}`)
	s.cw(fmt.Sprintf("/contacts/%d/labels", ids["Fay"]), `{"labels":["stop","vip"]}`)
	clause := `{"name":%q,"filter_type":"contact","query":{"payload":[{"attribute_key":%q,"filter_operator":"equal_to","values":[%q],"query_operator":null}]}}`
	s.cw("/custom_filters", fmt.Sprintf(clause, "Golden", "Plan-1", "gold"))
	s.cw("/custom_filters", fmt.Sprintf(clause, "Best", "labels", "vip"))
	s.cw("/custom_filters", fmt.Sprintf(clause, "Lost", "colour", "red"))
	_, err = s.Catalogue.CreateTemplate(t.Context(), templates.Template{AccountID: s.Account, Name: "hello", Definition: templates.Definition{
		Kinds: []providers.AddressKind{providers.WhatsApp}, Default: "pt-BR", Category: "utility",
		Translations: []templates.Translation{{Language: "pt-BR", Body: "Bom dia"}},
	}})
	require.NoError(t, err)

	flags := []string{"--account", fmt.Sprint(s.Account), "--opted-out-label", "Stop"}
	would := s.untouched(f, flags...)
	m := s.move(f, flags...)
	require.Equal(t, would.Kinds, m.Kinds)
	require.Equal(t, [3]int{4, 0, 0}, m.counts("properties"), "two that are defined, a value without a definition, and the city: %v", m.Notes)
	require.Equal(t, [3]int{2, 0, 0}, m.counts("labels"))
	require.Equal(t, [3]int{2, 0, 1}, m.counts("targeting lists"))
	require.Equal(t, [3]int{1, 0, 0}, m.counts("templates"))
	require.Contains(t, fmt.Sprint(m.Notes), "Lost left out: Invalid attribute key - [colour]")
	// Ada, Bob and Cy are there in every fixture.
	require.EqualValues(t, 39, m.People.People)
	require.EqualValues(t, 39, m.Upload.Created)
	require.Zero(t, m.Upload.Refused+m.Upload.Incomplete)
	got := states(f)
	require.Equal(t, []string{"active", "blocked", "active!"}, []string{got["Dora"], got["Emil"], got["Fay"]})
	found := f.ok("contacts", "ls", "--phone", "+4915112345671", "--output", "json")
	for _, part := range []string{`"plan_1": "gold"`, `"age": 41`, `"shoe_size": "42"`, `"city": "Graz"`,
		`"external_id": "d-1"`, `"whatsapp": "+4915112345671"`, `"sms"`} {
		require.Contains(t, found, part)
	}
	require.Regexp(t, `"name": "vip",\s+"description": "the best",\s+"color": "FF9300",\s+"members": 2`, f.ok("labels", "ls", "--output", "json"))
	require.Contains(t, f.ok("targeting", "count", "1", "--output", "json"), `"total": 1`)
	require.Contains(t, f.ok("targeting", "count", "2", "--output", "json"), `"total": 2`)
	s.again(f, flags...)
	code, _, said := f.run(s.from(f, "--account", fmt.Sprint(s.Account))...)
	require.Equal(t, exitRefused, code)
	require.Contains(t, said, "--fresh", "with other options it is read anew")
}

func TestMigrateFromChat44mp(t *testing.T) {
	s, f := newElsewhere(t, "chat44mp"), newFixture(t)
	page, err := s.Channels.List(t.Context(), s.Account, 0, 10)
	require.NoError(t, err)
	gina := s.person(contacts.Contact{FirstName: "Gina", Addresses: map[providers.AddressKind]string{
		providers.Email: "gina@example.org", providers.Facebook: "2499454673490220"}})
	hugo := s.person(contacts.Contact{FirstName: "Hugo", Number: "+393331234567"})
	s.optOut(hugo)
	s.person(contacts.Contact{FirstName: "Ida", Status: contacts.Inactive, Addresses: on(providers.Facebook, "77")})
	s.list(contacts.Group, "Clienti", gina, hugo)
	s.list(contacts.Label, "vip", gina)

	flags := []string{"--ids", fmt.Sprintf("1-%d,900-910", hugo.ID), "--subscribers",
		f.file("psids", "2499454673490220\n77\n78\n"), "--page", fmt.Sprint(page[0].ID)}
	would := s.untouched(f, flags...)
	m := s.move(f, flags...)
	require.Equal(t, would.Kinds, m.Kinds)
	require.Equal(t, [3]int{1, 0, 0}, m.counts("labels"))
	require.EqualValues(t, 6, m.Upload.Created, "Gina is one, by her address")
	got := states(f)
	require.Equal(t, []string{"active", "active!", "inactive"}, []string{got["Gina"], got["Hugo"], got["Ida"]})
	require.Equal(t, "active!", got["Bob"], "who opted out of mail of the fixture")
	found := f.ok("contacts", "ls", "--email", "gina@example.org", "--output", "json")
	require.Contains(t, found, `"facebook": "2499454673490220"`)
	require.Regexp(t, `"name": "Clienti",\s+"members": 2`, f.ok("groups", "ls", "--output", "json"))
	require.Regexp(t, `"name": "vip",\s+"members": 1`, f.ok("labels", "ls", "--output", "json"))
	s.again(f, flags...)
	code, _, said := f.run(s.from(f, "--fresh")...)
	require.Equal(t, exitRefused, code)
	require.Contains(t, said, "--ids 1-5000")
}

// crowded puts people into each system, so that all of its calls are made.
func (s *elsewhere) crowded() (flags []string) {
	var all []contacts.Contact
	var psids []string
	for n := range 40 {
		of := contacts.Contact{Name: fmt.Sprintf("Person %d", n), Addresses: map[providers.AddressKind]string{
			providers.WhatsApp: fmt.Sprintf("+49151123460%02d", n), providers.Facebook: fmt.Sprintf("77%02d", n), providers.Email: fmt.Sprintf("p%d@example.org", n),
		}}
		all, psids = append(all, s.person(of)), append(psids, of.Addresses[providers.Facebook])
	}
	s.list(contacts.Label, "one", all[:20]...)
	s.list(contacts.Label, "two", all[10:30]...)
	s.list(contacts.Category, "News", all...)
	s.optOut(all[3])
	switch s.api {
	case "chatwoot":
		return []string{"--account", fmt.Sprint(s.Account)}
	case "chat44mp":
		path := filepath.Join(s.t.TempDir(), "psids")
		require.NoError(s.t, os.WriteFile(path, []byte(strings.Join(psids, "\n")), 0o600))
		return []string{"--ids", "1-60", "--subscribers", path}
	}
	return nil
}

// A source that fails anywhere is read on from there: nobody is lost, nobody there twice, and the
// key stands nowhere.
func TestMigrateFromGoesOnWhereItWas(t *testing.T) {
	for _, system := range []string{"messengerpeople", "chatwoot", "chat44mp"} {
		t.Run(system, func(t *testing.T) {
			s, f := newElsewhere(t, system), newFixture(t)
			flags := s.crowded()
			s.move(f, append(flags, "--dry-run")...)
			folder := filepath.Join(f.dir, "from")
			whole, err := os.ReadFile(filepath.Join(folder, "contacts.csv"))
			require.NoError(t, err)
			require.Greater(t, strings.Count(string(whole), "\n"), 40)
			requests := s.asked.Load()
			step := max(1, requests/8)
			for fails := int64(1); fails <= requests; fails += step {
				require.NoError(t, os.RemoveAll(folder))
				s.asked.Store(0)
				s.failsAt = fails
				code, out, said := f.run(s.from(f, append(flags, "--dry-run")...)...)
				require.Equal(t, exitUnreachable, code, said)
				require.Contains(t, said, "goes on where it was")
				require.NotContains(t, out+said, sourceKey)
				s.failsAt = 0
				s.move(f, append(flags, "--dry-run")...)
				got, err := os.ReadFile(filepath.Join(folder, "contacts.csv"))
				require.NoError(t, err)
				require.Equal(t, string(whole), string(got), "failed at %d of %d", fails, requests)
			}
			m := s.move(f, flags...)
			require.Zero(t, m.Upload.Refused)
			// A process that was killed before it noted the upload sends it once more.
			before := states(f)
			require.NoError(t, os.Remove(filepath.Join(folder, "taken.json")))
			m = s.move(f, flags...)
			require.Zero(t, m.Upload.Created)
			require.Equal(t, before, states(f))
			entries, err := os.ReadDir(folder)
			require.NoError(t, err)
			for _, e := range entries {
				text, err := os.ReadFile(filepath.Join(folder, e.Name()))
				require.NoError(t, err)
				require.NotContains(t, string(text), sourceKey, e.Name())
			}
		})
	}
}

func TestMigrateFromSaysWhatIsWrong(t *testing.T) {
	for _, system := range []string{"messengerpeople", "chatwoot", "chat44mp"} {
		s, f := newElsewhere(t, system), newFixture(t)
		flags := s.crowded()
		code, _, said := f.run(s.from(f, append(flags, "--key-file", f.file("wrong", "wrong-key-123"))...)...)
		require.Equal(t, exitForbidden, code, said)
		require.Contains(t, said, "refuses the key")
		require.NotContains(t, said, "wrong-key-123")
		code, _, said = f.run(s.from(f, append(flags, "--url", f.url+"/nothing/accounts/1")...)...)
		require.NotZero(t, code)
		require.Contains(t, said, "--url name the API")
		code, _, said = f.run(s.from(f, append(flags, "--url", "http://example.org")...)...)
		require.Equal(t, exitRefused, code)
		require.Contains(t, said, "--insecure")
		require.Empty(t, states(f), "nobody was taken in")
	}
	s, f := newElsewhere(t, "chat44mp"), newFixture(t)
	code, _, said := f.run("migrate-from", "chat44mp", "--url", s.url)
	require.Equal(t, exitUsage, code)
	require.Contains(t, said, fromKey)
	for _, wrong := range []string{"x", "3-1", "0", "1-", "1,,2"} {
		code, _, said = f.run("migrate-from", "chat44mp", "--url", s.url, "--key", "x", "--ids", wrong)
		require.Equal(t, exitUsage, code, wrong)
		require.Contains(t, said, "such as 1-5000,7001")
	}
	code, _, _ = f.run("migrate-from", "else")
	require.Equal(t, exitUsage, code)
	f.env = append(f.env, fromKey+"="+sourceKey)
	require.Contains(t, f.ok("migrate-from", "chat44mp", "--url", s.url, "--ids", "1-3", "--folder", filepath.Join(f.dir, "env")), "Created")
	require.Contains(t, f.ok("migrate-from", "chat44mp", "--url", s.url, "--ids", "1-3", "--folder", filepath.Join(f.dir, "env")), "Nothing to do")
}
