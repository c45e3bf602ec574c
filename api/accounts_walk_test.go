package api_test

import (
	"fmt"
	"maps"
	"net/http"
	"net/http/httptest"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/stretchr/testify/require"

	"carillon/access"
	"carillon/internal/secret"
	"carillon/store"
	"carillon/store/storetest"
)

// The ids of account B begin with firstOfB, and no other's do; what is made after it begins
// with firstAfterB.
const (
	firstOfB, firstAfterB = 77_000_000, 88_000_000
	// strangersKey is a key of account B.
	strangersKey = "stranger-key-0123456789"
)

var idOfB = regexp.MustCompile(`\b77\d{6}\b`)

// A key of one account asks for everything that there is in another one: whatever operation
// it calls, with the other's ids and names in the path, the query and the body, it is told
// nothing of it and changes nothing of it.
func TestNothingOfAnAccountIsSeenFromAnother(t *testing.T) {
	for name, dsn := range map[string]func(testing.TB) string{"SQLite": storetest.NewestSQLite, "PostgreSQL": storetest.NewestPostgres} {
		t.Run(name, func(t *testing.T) { walkAccounts(t, newServerOn(t, dsn(t))) })
	}
}

func walkAccounts(t *testing.T, s *server) {
	w := &walk{server: s, raw: openRaw(t, s.dsn), asked: map[string]int{}}
	w.own = w.fill(presenting(adminKey), s.account, "apple")
	w.raw.begin(firstOfB)
	other, _, err := s.store.CreateAccount(t.Context(), "strangers", secret.New(strangersKey+"-first"))
	require.NoError(t, err)
	_, err = s.store.AddKey(t.Context(), access.Key{AccountID: other.ID, Name: "okapi key", Role: access.Admin}, secret.New(strangersKey))
	require.NoError(t, err)
	w.raw.number(other.ID, firstOfB)
	w.others = w.fill(presenting(strangersKey), other.ID, "okapi")
	w.raw.begin(firstAfterB)
	w.knows()

	w.work()
	before := w.raw.rowsOf(idOfB)
	require.Greater(t, len(before), 100)
	w.dialects()
	require.Empty(t, w.complaints, strings.Join(w.complaints, "\n"))
	require.Equal(t, before, w.raw.rowsOf(idOfB), "by no API of others")
	w.watches()
	type place struct {
		method, path string
		op           *huma.Operation
	}
	var places []place
	s.operations(func(method, path string, op *huma.Operation) { places = append(places, place{method, path, op}) })
	// What takes away comes last, so that the others still find what is the caller's own.
	rank := func(p place) string {
		order := map[string]string{"GET": "0", "PUT": "1", "PATCH": "2", "POST": "3", "DELETE": "4"}[p.method]
		return order + p.path
	}
	slices.SortFunc(places, func(a, b place) int { return strings.Compare(rank(a), rank(b)) })
	for _, p := range places {
		if strings.HasPrefix(p.path, "/v1/") {
			w.ask(p.method, p.path, p.op)
		}
	}
	w.work()
	require.Empty(t, w.complaints, strings.Join(w.complaints, "\n"))
	require.Equal(t, before, w.raw.rowsOf(idOfB), "nothing of the other account is changed, and nothing of the own one is about it")
	w.deletes(other.ID, before)
	require.Greater(t, w.asked["path"], 100)
	require.GreaterOrEqual(t, w.asked["mixed"], 8)
	require.Greater(t, w.asked["query"], 50)
	require.Greater(t, w.asked["body"], 50)
}

// deletes deletes the other account: process after process, each of which is killed soon. Nothing
// of it is left then, and all of the own one.
func (w *walk) deletes(account int64, before []string) {
	w.t.Helper()
	w.operator()
	whatever := regexp.MustCompile("")
	own := slices.DeleteFunc(w.raw.rowsOf(whatever), func(row string) bool { return idOfB.MatchString(row) })
	path := fmt.Sprintf("/v1/accounts/%d", account)
	w.ok("DELETE", path+"?confirm=strangers&wait_hours=1", "", presenting(operatorKey)...)
	more, err := w.store.DeleteAccounts(w.t.Context())
	require.NoError(w.t, err)
	require.False(w.t, more, "its time is not over")
	require.GreaterOrEqual(w.t, len(w.raw.rowsOf(idOfB)), len(before))
	w.clock.Advance(time.Hour)
	for processes := 0; more || processes == 0; processes++ {
		s, err := store.Open(w.t.Context(), store.Options{DSN: w.dsn, Clock: w.clock})
		require.NoError(w.t, err)
		// The first ones are killed after so many pieces.
		for pieces := 0; pieces <= processes; pieces++ {
			if more, err = s.DeleteAccounts(w.t.Context()); !more || err != nil {
				break
			}
		}
		require.NoError(w.t, err)
		require.NoError(w.t, s.Close())
		if processes == 1 {
			shown := w.ok("GET", path, "", presenting(operatorKey)...)
			require.Positive(w.t, shown["deleted_rows"])
			require.Equal(w.t, 409, w.do("POST", path+"/restore", "", presenting(operatorKey)...).Code, "what is gone can't be brought back")
		}
	}
	require.Empty(w.t, w.raw.rowsOf(idOfB))
	require.Subset(w.t, w.raw.rowsOf(whatever), slices.DeleteFunc(own, changes.MatchString))
	require.Equal(w.t, 404, w.do("GET", path, "", presenting(operatorKey)...).Code)
}

// changes are rows that change by themselves while an account is deleted: keys are used.
var changes = regexp.MustCompile(`^(api_keys|idempotency|outbox) `)

// walk asks with a key of one account for what is another's.
type walk struct {
	*server
	raw *rawStore
	// own and others are what there is in the two accounts, by what it is called here.
	own, others map[string]string
	asked       map[string]int
	complaints  []string
}

// mayBeMade are operations that make a thing of one's own by a name, which may be what
// another's is called.
var mayBeMade = []string{"set-snippet", "set-variable", "take-events"}

// refusedOtherwise are operations whose refusal is another than that the thing is not there.
var refusedOtherwise = map[string]int{
	"get-account": 403, "update-account": 403, "delete-account": 403, "restore-account": 403,
	"end-my-session": 403, "rename-passkey": 403, "drop-passkey": 403,
}

// ask makes every request of an operation that names something of the other account.
func (w *walk) ask(method, path string, op *huma.Operation) {
	own, others := w.path(path, w.own), w.path(path, w.others)
	bodies := bodiesOf[op.OperationID]
	if op.RequestBody != nil && op.RequestBody.Content["application/json"] != nil && op.RequestBody.Required {
		require.NotEmpty(w.t, bodies, "%s: bodiesOf has no body that %s takes", op.OperationID, path)
	}
	body := ""
	if len(bodies) > 0 {
		body = put(bodies[0], w.own)
	}
	// What is the other's, below what is one's own, and the other way round.
	for _, mixed := range w.mixed(path) {
		if answer := w.send(method, mixed+required(op, w.own), body); answer.Code != 404 {
			w.complain("%s %s %s: %d instead of 404, %s", method, mixed, body, answer.Code, answer.Body)
		}
		w.asked["mixed"]++
	}
	if own != others && !slices.Contains(mayBeMade, op.OperationID) {
		want := 404
		if status, other := refusedOtherwise[op.OperationID]; other {
			want = status
		}
		answer := w.send(method, others+required(op, w.own), body)
		if answer.Code != want {
			w.complain("%s %s %s: %d instead of %d, %s", method, others, body, answer.Code, want, answer.Body)
		}
		w.asked["path"]++
	}
	for _, q := range op.Parameters {
		if q.In != "query" || slices.Contains(harmlessQueries, q.Name) {
			continue
		}
		value, known := w.others[q.Name]
		require.True(w.t, known, "%s: the walk does not know what to put into the query's %s", op.OperationID, q.Name)
		w.seesNothing(method, own+"?"+q.Name+"="+value, body)
		w.asked["query"]++
	}
	for _, b := range bodies {
		for _, hole := range holes.FindAllString(b, -1) {
			value, known := w.others[hole[1:]]
			if !known {
				require.Equal(w.t, "@example", hole, "%s: there is nothing for it", op.OperationID)
				continue
			}
			w.seesNothing(method, own+required(op, w.own), put(strings.Replace(b, hole, value, 1), w.own))
			w.asked["body"]++
		}
	}
	if method == http.MethodGet {
		w.seesNothing(method, own+required(op, w.own), "")
	}
}

// seesNothing makes a request whose answer, if it is none that refuses, has nothing of the other
// account in it.
func (w *walk) seesNothing(method, path, body string) {
	answer := w.send(method, path, body)
	said := answer.Body.String()
	switch {
	case answer.Code == 202 && strings.Contains(said, `"matched":0,`):
		// It says which messages it was to look for, and that there is none like that.
	case answer.Code >= 500, answer.Code == 405, answer.Code < 300 && idOfB.MatchString(said), strings.Contains(said, "okapi@"):
		w.complain("%s %s %s: %d %s", method, path, body, answer.Code, said)
	}
}

// work lets everything run that was ordered.
func (w *walk) work() {
	w.t.Helper()
	for worked := true; worked; {
		var err error
		worked, err = w.store.RunJobBatch(w.t.Context())
		require.NoError(w.t, err)
	}
	_, err := w.store.FireDue(w.t.Context())
	require.NoError(w.t, err)
	_, err = w.store.MoveFlows(w.t.Context())
	require.NoError(w.t, err)
}

// complain notes what is wrong; the walk goes on, to find all of it.
func (w *walk) complain(format string, args ...any) {
	w.complaints = append(w.complaints, fmt.Sprintf(format, args...))
}

// send makes a request with the admin's key of the first account.
func (w *walk) send(method, path, body string) answer {
	if path == "/v1/events" {
		return answer{Code: 200, Body: &strings.Builder{}} // a stream: it has a test of its own
	}
	got := w.do(method, path, body)
	text := &strings.Builder{}
	text.WriteString(got.Body.String())
	return answer{Code: got.Code, Body: text}
}

type answer struct {
	Code int
	Body *strings.Builder
}

// required is the query that an operation can't do without.
func required(op *huma.Operation, from map[string]string) string {
	query := ""
	for _, q := range op.Parameters {
		if q.In == "query" && q.Required {
			query += "&" + q.Name + "=" + from[q.Name]
		}
	}
	if query == "" {
		return ""
	}
	return "?" + query[1:]
}

// holes are places in a body for something of an account.
var holes = regexp.MustCompile(`@[a-z_]+`)

func put(body string, from map[string]string) string {
	return holes.ReplaceAllStringFunc(body, func(hole string) string {
		if value, known := from[hole[1:]]; known {
			return value
		}
		return hole // it is an address
	})
}

// pathParameter is one in the path of an operation.
var pathParameter = regexp.MustCompile(`/([a-z-]+)/\{([a-z_]+)\}`)

// path puts ids and names into a path. One that is new needs a line in fill.
func (w *walk) path(path string, from map[string]string) string {
	return pathParameter.ReplaceAllStringFunc(path, func(found string) string {
		part := pathParameter.FindStringSubmatch(found)
		if slices.Contains(sharedParameters, part[2]) {
			return "/" + part[1] + "/" + w.own[part[2]]
		}
		value, known := from[part[1]]
		require.True(w.t, known, "%s: the walk does not know what stands for {%s} behind %s", path, part[2], part[1])
		return "/" + part[1] + "/" + value
	})
}

// mixed are a path with each of its ids in turn the other account's, where there are several.
func (w *walk) mixed(path string) (all []string) {
	differ := func(part []string) bool {
		return !slices.Contains(sharedParameters, part[2]) && w.own[part[1]] != w.others[part[1]]
	}
	var parts []string
	for _, part := range pathParameter.FindAllStringSubmatch(path, -1) {
		if differ(part) {
			parts = append(parts, part[1])
		}
	}
	if len(parts) < 2 {
		return nil
	}
	for _, other := range parts {
		from := maps.Clone(w.own)
		from[other] = w.others[other]
		all = append(all, w.path(path, from))
	}
	return all
}

// watches opens the stream of events, whose snapshot has nothing of the other account in it.
func (w *walk) watches() {
	w.t.Helper()
	listener := httptest.NewServer(w.Server)
	defer listener.Close()
	stream := watch(w.t, listener.URL, adminKey)
	defer func() { _ = stream.response.Body.Close() }()
	first, ok := stream.next()
	require.True(w.t, ok)
	require.Equal(w.t, "snapshot", first.name)
	require.Contains(w.t, first.data, "apple news")
	require.NotRegexp(w.t, idOfB, first.data)
	require.NotContains(w.t, first.data, "okapi")
}

// sharedParameters are the same for everybody.
var sharedParameters = []string{"version", "language", "kind", "action"}

// harmlessQueries name nothing of an account.
var harmlessQueries = []string{
	"limit", "cursor", "from", "to", "interval", "timezone", "by", "format", "n", "count", "status", "archived", "page", "order", "bare", "ended", "state",
	"reason", "transactional", "review", "meaning", "all", "cancel_planning", "force", "dry_run", "at", "after", "wait_hours", "confirm", "kind", "unused", "name",
}

// knows makes sure that both accounts have the same kinds of things, and that they differ.
func (w *walk) knows() {
	require.Equal(w.t, slices.Sorted(maps.Keys(w.own)), slices.Sorted(maps.Keys(w.others)))
	for what, id := range w.others {
		if !slices.Contains(sharedParameters, what) && what != "category_name" {
			require.NotEqual(w.t, w.own[what], id, what)
			require.NotEmpty(w.t, id, "there is no %s in the other account", what)
		}
	}
}
