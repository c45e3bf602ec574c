package migration_test

import (
	"context"
	"encoding/csv"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"carillon/internal/clock"
	"carillon/internal/fault"
	"carillon/internal/secret"
	"carillon/migration"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const key = "s3cret/key+of the source"

// recording is a clock that does not wait, and knows for how long it was told to.
type recording struct {
	clock.System
	slept []time.Duration
}

func (r *recording) Sleep(ctx context.Context, d time.Duration) error {
	r.slept = append(r.slept, d)
	return ctx.Err()
}

// crowd is a MessengerPeople with so many users, who are made as they are asked for.
type crowd struct {
	t     *testing.T
	users []int
	asked int
	// before is called with the number of each request, and may answer it itself.
	before func(n int, w http.ResponseWriter) (done bool)
	url    string
}

func newCrowd(t *testing.T, n int) *crowd {
	c := &crowd{t: t}
	for i := range n {
		c.users = append(c.users, i)
	}
	server := httptest.NewServer(http.HandlerFunc(c.answer))
	t.Cleanup(server.Close)
	c.url = server.URL
	return c
}

func (c *crowd) answer(w http.ResponseWriter, r *http.Request) {
	c.asked++
	if c.before != nil && c.before(c.asked, w) {
		return
	}
	if r.URL.Query().Get("apikey") != key {
		w.WriteHeader(http.StatusBadRequest)
		_, _ = fmt.Fprintf(w, `{"code":400,"reason":"the API key %s is unknown"}`, r.URL.Query().Get("apikey"))
		return
	}
	w.Header().Set("Content-Type", "application/json")
	switch path := strings.TrimPrefix(r.URL.Path, "/api/v14"); {
	case path == "/custom":
		_, _ = w.Write([]byte(`{"code":200,"custom":[{"id":7,"name":"Hair-Color","type":"enumeration","values":"brown,red","expiration":"-1","default":"blue"},
			{"id":"8","name":"hair_color","type":"mystery"}]}`))
	case path == "/newsletter/category":
		_, _ = w.Write([]byte(`{"code":200,"list":{"1":"Weather","2":"A|B"}}`))
	case strings.HasSuffix(path, "/categories"):
		c.categories(w, strings.Split(strings.Split(path, "/")[2], ","))
	case path == "/user":
		c.list(w, r)
	default: // the original knows fewer calls than we
		w.WriteHeader(http.StatusNotFound)
		_, _ = w.Write([]byte(`{"code":404,"reason":"unknown method"}`))
	}
}

// categories knows one user at a time, in a form of its own.
func (c *crowd) categories(w http.ResponseWriter, ids []string) {
	if len(ids) > 1 {
		w.WriteHeader(http.StatusBadRequest)
		return
	}
	_, _ = fmt.Fprintf(w, `{"code":200,"categories":{"1":"1","2":%t}}`, strings.HasSuffix(ids[0], "0"))
}

func (c *crowd) list(w http.ResponseWriter, r *http.Request) {
	q := r.URL.Query()
	limit, _ := strconv.Atoi(q.Get("limit"))
	offset, _ := strconv.Atoi(q.Get("offset"))
	list := c.users
	if q.Get("blocked") == "1" {
		list = nil
	}
	list = list[min(offset, len(list)):]
	var users []map[string]any
	for _, n := range list[:min(limit, len(list))] {
		users = append(users, map[string]any{
			"id": number(n), "messenger": "WB", "name": "User " + strconv.Itoa(n), "status": n%2 ^ 1, "blocked": "0", "stopped": n % 2,
			"customfields": map[string]any{"Hair-Color": "red", "new one": n},
		})
	}
	if err := json.NewEncoder(w).Encode(map[string]any{"code": 200, "user": users}); err != nil {
		c.t.Error(err)
	}
}

func number(n int) string { return strconv.Itoa(4915110000000 + n) }

// options are those that read a crowd.
func (c *crowd) options(clock clock.Clock) migration.Options {
	return migration.Options{System: migration.MessengerPeople, URL: c.url, Key: secret.New(key), Rate: 50, Clock: clock}
}

// read reads a source into a folder.
func read(t *testing.T, dir string, o migration.Options) (*migration.Folder, error) {
	t.Helper()
	f, err := migration.Open(dir, false)
	require.NoError(t, err)
	defer func() { require.NoError(t, f.Close()) }()
	return f, f.Read(t.Context(), o, func(int64, int64) {})
}

// people are the lines of contacts.csv by their column whatsapp.
func people(t *testing.T, f *migration.Folder) (whatsapp []string) {
	t.Helper()
	file, err := os.Open(f.Path(migration.ContactsFile))
	require.NoError(t, err)
	defer func() { require.NoError(t, file.Close()) }()
	lines, err := csv.NewReader(file).ReadAll()
	require.NoError(t, err)
	at := slices.Index(lines[0], "whatsapp")
	for _, line := range lines[1:] {
		whatsapp = append(whatsapp, line[at])
	}
	return whatsapp
}

// all are the addresses of users, each once.
func all(users []int) (whatsapp []string) {
	for _, n := range users {
		whatsapp = append(whatsapp, "+"+number(n))
	}
	return whatsapp
}

func TestWhatIsRead(t *testing.T) {
	c, dir := newCrowd(t, 21), t.TempDir()
	f, err := read(t, dir, c.options(&recording{}))
	require.NoError(t, err)
	require.Equal(t, all(c.users), people(t, f))
	require.EqualValues(t, 21, f.Report.People)
	require.EqualValues(t, 10, f.Report.OptedOut)
	require.EqualValues(t, 10, f.Report.Suppressions)
	text, err := os.ReadFile(filepath.Join(dir, migration.SuppressionsFile))
	require.NoError(t, err)
	require.Equal(t, 11, strings.Count(string(text), "\n"))
	require.Contains(t, string(text), "whatsapp,+4915110000001,unsubscribed\n")
	text, err = os.ReadFile(filepath.Join(dir, migration.ContactsFile))
	require.NoError(t, err)
	require.Contains(t, string(text), "attributes.hair_color,attributes.hair_color_2,attributes.new_one\n", "each property has a key of its own")
	require.Contains(t, string(text), ",User 20,,,,,,,,Weather|A/B,red,,20\n")
	require.Contains(t, string(text), ",User 1,,,,1,,,,Weather,red,,1\n", "whoever stopped is inactive")
	var kinds []string
	for _, left := range f.Definitions.Left {
		kinds = append(kinds, left.Kind)
		require.NotContains(t, left.Reason, key)
	}
	require.Equal(t, []string{"properties", "properties", "labels", "targeting lists", "templates"}, kinds, "what the source does not give is said")
}

// A source that fails at any request, and a process that was killed while it wrote: nobody is
// lost, nobody is there twice.
func TestAnInterruptedReadGoesOn(t *testing.T) {
	for _, fails := range []int{1, 4, 9, 540, 1100} {
		c, dir := newCrowd(t, 1200), t.TempDir()
		down := true
		c.before = func(n int, w http.ResponseWriter) bool {
			if down && n >= fails {
				w.WriteHeader(http.StatusBadGateway)
			}
			return down && n >= fails
		}
		waits := &recording{}
		_, err := read(t, dir, c.options(waits))
		require.ErrorContains(t, err, "answers 502", fails)
		require.Equal(t, fault.Unavailable, fault.CodeOf(err))
		require.Equal(t, fails+5, c.asked, "six tries, and then it is left")
		torn, err := os.OpenFile(filepath.Join(dir, "people.jsonl"), os.O_APPEND|os.O_WRONLY, 0o600)
		if err == nil { // half a page of a process that was killed
			_, err = torn.WriteString(`{"id":"WB:4915110000000","addresses":{"whatsapp":"4915110000000"}}` + "\n" + `{"id":"WB:49`)
			require.NoError(t, err)
			require.NoError(t, torn.Close())
		}
		down = false
		before := c.asked
		f, err := read(t, dir, c.options(waits))
		require.NoError(t, err)
		require.Equal(t, all(c.users), people(t, f), fails)
		asked := c.asked
		f, err = read(t, dir, c.options(waits))
		require.NoError(t, err)
		require.Equal(t, asked, c.asked, "what was read is not asked for again")
		require.Equal(t, all(c.users), people(t, f))
		require.Greater(t, asked, before)
	}
}

// Users who are deleted while the list is read move it: those who come behind are read all the
// same.
func TestAListThatMoves(t *testing.T) {
	c := newCrowd(t, 1600)
	c.before = func(n int, _ http.ResponseWriter) bool {
		if n == 530 { // the first page is read, with its categories
			c.users = slices.Delete(c.users, 100, 150)
		}
		return false
	}
	f, err := read(t, t.TempDir(), c.options(&recording{}))
	require.NoError(t, err)
	got := people(t, f)
	require.Subset(t, got, all(c.users), "nobody is lost")
	slices.Sort(got)
	require.Len(t, slices.Compact(slices.Clone(got)), len(got), "nobody is there twice")
	require.Len(t, got, 1600, "those who are gone had been read")

	stuck := newCrowd(t, 500)
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		q := r.URL.Query()
		q.Set("offset", "0") // it knows no offset
		r.URL.RawQuery = q.Encode()
		stuck.answer(w, r)
	}))
	defer server.Close()
	o := stuck.options(&recording{})
	o.URL = server.URL
	_, err = read(t, t.TempDir(), o)
	require.ErrorContains(t, err, "does not know limit and offset")
}

// desk is a Chatwoot with contacts by their numbers, fifteen a page.
type desk struct {
	contacts []int
	asked    int
	// before is called with the number of each request for contacts.
	before func(n int)
	// stuck says that the page is always the first.
	stuck bool
}

func (d *desk) answer(w http.ResponseWriter, r *http.Request) {
	switch {
	case strings.HasSuffix(r.URL.Path, "/custom_attribute_definitions"), strings.HasSuffix(r.URL.Path, "/custom_filters"):
		_, _ = w.Write([]byte("[]"))
	case strings.HasSuffix(r.URL.Path, "/labels"):
		_, _ = w.Write([]byte(`{"payload":[{"id":1,"title":"even"}]}`))
	case strings.HasSuffix(r.URL.Path, "/inboxes"):
		_, _ = w.Write([]byte(`{"payload":[]}`))
	default:
		d.asked++
		d.before(d.asked)
		d.list(w, r)
	}
}

func (d *desk) list(w http.ResponseWriter, r *http.Request) {
	list := d.contacts
	if r.URL.Query().Get("labels[]") != "" {
		list = slices.DeleteFunc(slices.Clone(list), func(n int) bool { return n%2 == 1 })
	}
	page, _ := strconv.Atoi(r.URL.Query().Get("page"))
	if d.stuck {
		page = 1
	}
	from := min((page-1)*15, len(list))
	payload := []map[string]any{}
	for _, n := range list[from:min(from+15, len(list))] {
		payload = append(payload, map[string]any{"id": n, "name": "Person", "phone_number": "+" + number(n)})
	}
	_ = json.NewEncoder(w).Encode(map[string]any{"payload": payload, "meta": map[string]any{"count": len(list), "current_page": strconv.Itoa(page)}})
}

// Contacts who are deleted while Chatwoot's list is read move it, too.
func TestPagesThatMove(t *testing.T) {
	d := &desk{}
	for n := range 100 {
		d.contacts = append(d.contacts, n)
	}
	d.before = func(n int) {
		if n == 4 || n == 6 {
			d.contacts = slices.Delete(d.contacts, 0, 20)
		}
	}
	server := httptest.NewServer(http.HandlerFunc(d.answer))
	defer server.Close()
	o := migration.Options{System: migration.Chatwoot, URL: server.URL, Account: "7", Key: secret.New(key), Rate: 50, Clock: &recording{}}
	f, err := read(t, t.TempDir(), o)
	require.NoError(t, err)
	got := people(t, f)
	require.Subset(t, got, all(d.contacts), "nobody is lost")
	require.EqualValues(t, 100, f.Report.People, "those who are gone had been read, and nobody is counted twice")
	require.EqualValues(t, len(got), f.Report.Lines)

	d.stuck, d.before = true, func(int) {}
	_, err = read(t, t.TempDir(), o)
	require.ErrorContains(t, err, "answers page 2 with the people of the page before")
}

func TestErrorsSayWhatMendsThem(t *testing.T) {
	echo := func(status int, kind, body string) http.HandlerFunc {
		return func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Content-Type", kind)
			w.Header().Set("Location", "https://elsewhere.example.org/?"+r.URL.RawQuery)
			w.WriteHeader(status)
			_, _ = fmt.Fprintf(w, body, key)
		}
	}
	for name, of := range map[string]struct {
		answer http.HandlerFunc
		words  string
		code   fault.Code
	}{
		"wrong key":    {echo(400, "application/json", `{"code":400,"reason":"the API key %s is unknown"}`), "give the source's own key", fault.Unauthorized},
		"401":          {echo(401, "application/json", `{"errors":["sign in with %s"]}`), "give the source's own key", fault.Unauthorized},
		"a page":       {echo(200, "text/html", "<html>%s"), "no JSON (text/html, it begins", fault.Invalid},
		"another form": {echo(200, "application/json", `{"custom":"%s"}`), "JSON of another form", fault.Invalid},
		"elsewhere":    {echo(301, "text/html", "%s"), "where the key does not follow", fault.Invalid},
		"not there":    {echo(404, "text/html", "%s"), "does --url name the API of messengerpeople", fault.NotFound},
		"too much":     {func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write(make([]byte, 33<<20)) }, "more than 32 MiB", fault.TooLarge},
		"breaks off": {func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Length", "9")
			_, _ = w.Write([]byte("{"))
		}, "breaks off", fault.Unavailable},
		"leave me for it": {echo(429, "application/json", `{"message":"%s"}`), "answers 429: <key>", fault.Unavailable},
	} {
		t.Run(name, func(t *testing.T) {
			server := httptest.NewServer(of.answer)
			defer server.Close()
			dir := t.TempDir()
			_, err := read(t, dir, migration.Options{System: migration.MessengerPeople, URL: server.URL, Key: secret.New(key), Rate: 50, Clock: &recording{}})
			require.ErrorContains(t, err, of.words)
			require.Equal(t, of.code, fault.CodeOf(err))
			require.NotContains(t, err.Error(), key)
			require.NotContains(t, err.Error(), "s3cret")
			require.NotContains(t, written(t, dir), "s3cret")
		})
	}
	for wrong, words := range map[string]string{
		"ftp://x": "must be the address", "nothing": "must be the address", "https://me:s3cret@example.org": "no name, password",
		"https://example.org/?apikey=s3cret": "no name, password", "http://example.org": "--insecure",
	} {
		_, err := read(t, t.TempDir(), migration.Options{System: migration.MessengerPeople, URL: wrong, Key: secret.New(key), Rate: 1, Clock: &recording{}})
		require.ErrorContains(t, err, words, wrong)
		require.NotContains(t, err.Error(), "s3cret", wrong)
	}
	for words, o := range map[string]migration.Options{
		"--ids 1-5000":               {System: migration.Chat44mp, URL: "https://example.org", Key: secret.New(key), Rate: 1},
		"number of the account":      {System: migration.Chatwoot, URL: "https://example.org", Key: secret.New(key), Rate: 1},
		"how many requests a second": {System: migration.Chatwoot, URL: "https://example.org/api/v1/accounts/1", Key: secret.New(key)},
		"the source's own key":       {System: migration.Chatwoot, URL: "https://example.org/api/v1/accounts/1", Rate: 1},
		"a line end or another":      {System: migration.Chatwoot, URL: "https://example.org/api/v1/accounts/1", Rate: 1, Key: secret.New("a\nb")},
		"messengerpeople, chatwoot":  {System: "else"},
		"must be ranges such as 1-5000": {
			System: migration.Chat44mp, URL: "https://example.org", Key: secret.New(key), Rate: 1, IDs: []migration.Range{{First: 3, Last: 1}},
		},
	} {
		_, err := read(t, t.TempDir(), o)
		require.ErrorContains(t, err, words)
	}
}

// written is everything that stands in a folder.
func written(t *testing.T, dir string) string {
	t.Helper()
	var b strings.Builder
	entries, err := os.ReadDir(dir)
	require.NoError(t, err)
	for _, e := range entries {
		text, err := os.ReadFile(filepath.Join(dir, e.Name()))
		require.NoError(t, err)
		b.Write(text)
		info, err := e.Info()
		require.NoError(t, err)
		require.Equal(t, os.FileMode(0o600), info.Mode().Perm(), "others have no business with it: %s", e.Name())
	}
	return b.String()
}

func TestASourceIsLeftAloneAsItWants(t *testing.T) {
	c := newCrowd(t, 3)
	after := "7"
	c.before = func(n int, w http.ResponseWriter) bool {
		if n == 2 || n == 3 {
			w.Header().Set("Retry-After", after)
			w.WriteHeader(http.StatusTooManyRequests)
			return true
		}
		return false
	}
	waits := &recording{}
	dir := t.TempDir()
	_, err := read(t, dir, c.options(waits))
	require.NoError(t, err)
	seven := 0
	for _, d := range waits.slept {
		if d == 7*time.Second {
			seven++
		}
	}
	require.Equal(t, 2, seven)
	require.NotContains(t, written(t, dir), "s3cret")

	c.asked, after = 0, "86400"
	_, err = read(t, t.TempDir(), c.options(waits))
	require.ErrorContains(t, err, "wants to be left alone for 24h0m0s")
	c.asked, after = 0, clock.System{}.Now().Add(9*time.Hour).Format(http.TimeFormat)
	_, err = read(t, t.TempDir(), c.options(waits))
	require.ErrorContains(t, err, "wants to be left alone for")
	c.asked, after = 0, "Thu, 01 Jan 1970 00:00:00 GMT"
	_, err = read(t, t.TempDir(), c.options(waits))
	require.NoError(t, err, "a time that is past")
}

// ticking is a clock on which time passes while somebody sleeps, and else not.
type ticking struct {
	clock.System
	now time.Time
}

func (c *ticking) Now() time.Time { return c.now }

func (c *ticking) Sleep(_ context.Context, d time.Duration) error {
	c.now = c.now.Add(d)
	return nil
}

func TestNoFasterThanTheRate(t *testing.T) {
	c := newCrowd(t, 100)
	start := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	passes := &ticking{now: start}
	o := c.options(passes)
	o.Rate = 4
	_, err := read(t, t.TempDir(), o)
	require.NoError(t, err)
	require.Equal(t, time.Duration(c.asked-1)*250*time.Millisecond, passes.now.Sub(start))
}

func TestAFolderIsOfOneSourceAndOneProcess(t *testing.T) {
	c, dir := newCrowd(t, 3), t.TempDir()
	f, err := migration.Open(dir, false)
	require.NoError(t, err)
	_, err = migration.Open(dir, false)
	require.ErrorContains(t, err, "another process works in the folder")
	require.NoError(t, f.Close())
	_, err = read(t, dir, c.options(&recording{}))
	require.NoError(t, err)
	other := c.options(&recording{})
	other.URL += "/api/v15"
	_, err = read(t, dir, other)
	require.ErrorContains(t, err, "--fresh")
	require.NoError(t, os.WriteFile(filepath.Join(dir, "read.json"), []byte("{"), 0o600))
	_, err = read(t, dir, c.options(&recording{}))
	require.ErrorContains(t, err, "is damaged")
	f, err = migration.Open(dir, true)
	require.NoError(t, err)
	require.NoError(t, f.Close())
	_, err = read(t, dir, c.options(&recording{}))
	require.NoError(t, err)
}

// What many people need is not more than what few do, but for a few bytes by which each is known
// again.
func TestManyPeopleInLittleMemory(t *testing.T) {
	most := func(n int) (peak uint64) {
		c := newCrowd(t, n)
		o := c.options(&recording{})
		f, err := migration.Open(t.TempDir(), false)
		require.NoError(t, err)
		defer func() { require.NoError(t, f.Close()) }()
		require.NoError(t, f.Read(t.Context(), o, func(int64, int64) {
			var m runtime.MemStats
			runtime.GC()
			runtime.ReadMemStats(&m)
			peak = max(peak, m.HeapAlloc)
		}))
		require.EqualValues(t, n, f.Report.People)
		return peak
	}
	few, many := most(1000), most(20_000)
	require.Less(t, many, few+4<<20)
}

// What a source answers, whatever it is, is read or refused, and its key is in no error.
func FuzzAnswers(f *testing.F) {
	for _, body := range []string{
		`{"code":200,"user":[{"id":1,"messenger":"WB","customfields":[]}]}`, `{"payload":[{"id":1,"custom_attributes":{"a":[1]}}],"meta":{"count":"x"}}`,
		`[{"id":1,"flow_name":"x"}]`, `{"status":"error","message":"API Key"}`, `{"custom":[{"name":"é","type":"number","default":"x"}],"list":[],"labels":[{}]}`,
		`{"data":{"1":[]},"subscriber_info":{"labels":"1,2"},"contact_type_id":"1,,2","email":"a@example.org"}`,
		`[{"attribute_key":"a","attribute_values":[1]}]`, `{"payload":[{"message_templates":[{"name":"a","components":[{"type":"HEADER","format":"IMAGE"}]}]}]}`,
		"", "null", "[]", `"x"`, `{"user":[{}]}`, `{"targeting":[{"id":11,"query":"[]"}],"templates":[{"translations":[{"header":1}]}]}`,
	} {
		f.Add(0, body)
		f.Add(1, body)
		f.Add(2, body)
	}
	f.Fuzz(func(t *testing.T, which int, body string) {
		system := migration.Systems()[uint(which)%3]
		n := 0
		o := migration.Options{
			System: system, URL: "https://example.org", Account: "1", Key: secret.New("s3cretkey"), Rate: 100, Clock: &recording{}, Country: "DE",
			IDs: []migration.Range{{First: 1, Last: 3}}, Subscribers: []string{"7"}, Pages: []string{"1"},
			Transport: transport(func(*http.Request) (*http.Response, error) {
				if n++; n > 500 { // a source may have as many pages as it likes
					return nil, fault.New(fault.Unavailable, "enough")
				}
				w := httptest.NewRecorder()
				_, _ = w.WriteString(body)
				return w.Result(), nil
			}),
		}
		folder, err := migration.Open(t.TempDir(), false)
		require.NoError(t, err)
		defer func() { require.NoError(t, folder.Close()) }()
		if err := folder.Read(t.Context(), o, func(int64, int64) {}); err != nil {
			require.NotContains(t, err.Error(), "s3cretkey")
			return
		}
		for _, r := range folder.Definitions.Rules {
			_, _ = folder.Rule(r, migration.Known{
				Key: func(p migration.Property) string { return p.Key }, List: func(migration.List) int64 { return 1 },
				Targeting: func(string) int64 { return 1 },
			})
		}
	})
}

type transport func(*http.Request) (*http.Response, error)

func (t transport) RoundTrip(r *http.Request) (*http.Response, error) { return t(r) }
