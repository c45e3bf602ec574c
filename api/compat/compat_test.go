package compat_test

import (
	"net/http"
	"net/http/httptest"
	"strconv"
	"testing"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"carillon/access"
	"carillon/api/compat"
	"carillon/api/gate"
	"carillon/internal/secret"
	"carillon/services/servicestest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// asking is a handler with a key for everything, and one for xms alone.
type asking struct {
	*servicestest.Fixture
	t       *testing.T
	handler http.Handler
}

func newAsking(t *testing.T, o compat.Options) *asking {
	a := &asking{Fixture: servicestest.New(t), t: t}
	for name, api := range map[string]string{"all": "", "xms": "xms"} {
		_, err := a.Store.AddKey(t.Context(), access.Key{AccountID: a.Account, Name: name, Role: access.Editor, API: api}, secret.New(name+"-key-0123456789"))
		require.NoError(t, err)
	}
	limits := gate.NewLimits(0, 1, a.Clock)
	a.handler = compat.New(compat.Deps{Services: a.Services, Wake: func() {}, Options: o, Behind: func(name string, of gate.Dialect) *gate.Gate {
		return gate.New(gate.Deps{
			Dialect: of, API: name, Keys: a.Keys, Answers: a.Store, Limits: limits, Clock: a.Clock,
			Served: a.Services.Settings.Serving(name),
		})
	}}, http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusTeapot) }))
	return a
}

func (a *asking) ask(method, address string, header map[string]string) *httptest.ResponseRecorder {
	r := httptest.NewRequestWithContext(a.t.Context(), method, address, nil)
	for name, value := range header {
		r.Header.Set(name, value)
	}
	w := httptest.NewRecorder()
	a.handler.ServeHTTP(w, r)
	return w
}

func TestEachAPIIsServedAtItsOwnPathsAndWhereItIsConfigured(t *testing.T) {
	a := newAsking(t, compat.Options{Prefix: "/compat", Hosts: map[string]string{"wa.example.org": "chatapi"}})
	const status = "status?token=all-key-0123456789"
	id := "/instance" + itoa(a.Text.ID) + "/"
	for address, want := range map[string]int{
		"http://x" + id + status: 200, "http://x/compat/chatapi" + id + status: 200, "http://WA.example.org:8080" + id + status: 200,
		"http://wa.example.org/v1/channels?token=all-key-0123456789": 404, // all paths are that API's there
		"http://x/v1/channels": http.StatusTeapot, "http://x/compat/nothing/": http.StatusTeapot, "http://x/compat": http.StatusTeapot,
	} {
		require.Equal(t, want, a.ask("GET", address, nil).Code, address)
	}
}

func itoa(id int64) string { return strconv.FormatInt(id, 10) }

// What keys may be made for, and settings may name, is what is served.
func TestEveryAPIIsNamedEverywhere(t *testing.T) {
	require.Equal(t, access.APIs(), compat.Names())
	for _, name := range compat.Names() {
		require.NoError(t, access.CheckAPI("api", name))
	}
}

func TestAKeyOfAnotherAPIOpensNothing(t *testing.T) {
	a := newAsking(t, compat.Options{})
	w := a.ask("GET", "http://x/instance"+itoa(a.Text.ID)+"/status?token=xms-key-0123456789", nil)
	require.Equal(t, 403, w.Code)
	require.Contains(t, w.Body.String(), "was made for xms alone")
}

func TestAnAccountSwitchesAPIsOnAndOff(t *testing.T) {
	a := newAsking(t, compat.Options{})
	address := "http://x/instance" + itoa(a.Text.ID) + "/status?token=all-key-0123456789"
	set := func(apis []string) error {
		settings, err := a.Services.Settings.Get(t.Context(), a.Account)
		require.NoError(t, err)
		settings.APIs = apis
		_, err = a.Services.Settings.Set(t.Context(), settings)
		return err
	}
	for _, c := range []struct {
		apis []string
		want int
	}{{[]string{"xms"}, 403}, {[]string{"chatapi", "xms"}, 200}, {[]string{}, 403}, {nil, 200}} {
		require.NoError(t, set(c.apis))
		w := a.ask("GET", address, nil)
		require.Equal(t, c.want, w.Code, c.apis)
		if c.want == 403 {
			require.Contains(t, w.Body.String(), "--apis")
		}
	}
	require.ErrorContains(t, set([]string{"telex"}), "is no API that is served")
}

func TestPagesOfNamedOriginsMayCall(t *testing.T) {
	a := newAsking(t, compat.Options{Origins: []string{"https://shop.example.org"}})
	address := "http://x/instance" + itoa(a.Text.ID) + "/status?token=all-key-0123456789"
	preflight := map[string]string{"Origin": "https://Shop.example.org", "Access-Control-Request-Method": "POST"}
	w := a.ask("OPTIONS", address, preflight)
	require.Equal(t, 204, w.Code)
	require.Equal(t, "https://Shop.example.org", w.Header().Get("Access-Control-Allow-Origin"))
	require.Contains(t, w.Header().Get("Access-Control-Allow-Methods"), "POST")
	w = a.ask("GET", address, map[string]string{"Origin": "https://shop.example.org"})
	require.Equal(t, 200, w.Code)
	require.Equal(t, "https://shop.example.org", w.Header().Get("Access-Control-Allow-Origin"))
	for _, origin := range []string{"https://evil.example.org", "http://shop.example.org", "null"} {
		require.Empty(t, a.ask("GET", address, map[string]string{"Origin": origin}).Header().Get("Access-Control-Allow-Origin"), origin)
	}
	preflight["Origin"] = "https://evil.example.org"
	require.NotEqual(t, 204, a.ask("OPTIONS", address, preflight).Code)
}
