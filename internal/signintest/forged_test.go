package signintest

import (
	"crypto/rand"
	"crypto/rsa"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"carillon/internal/clock"
)

// corp is a provider of the account that is the forger.
func corp(f *forger, more object) object {
	settings := object{"name": "corp", "issuer": f.server.URL, "client_id": clientID, "client_secret": clientSecret, "domains": []string{"example.org"},
		"roles": []object{{"group": "marketing", "role": "editor"}, {"group": "guests", "role": "viewer"}}}
	for name, value := range more {
		settings[name] = value
	}
	return settings
}

func claim(name string, value any) func(*forged) {
	return func(a *forged) { a.claims[name] = value }
}

// after is an instant from now, as tokens have it.
func after(seconds int64) int64 { return clock.System{}.Now().Unix() + seconds }

// forgeries are answers that a provider must not get away with, and what is said of each.
func forgeries(t *testing.T) map[string]struct {
	forge func(*forged)
	says  string
} {
	t.Helper()
	other, err := rsa.GenerateKey(rand.Reader, 2048)
	require.NoError(t, err)
	byAnother := func(f *forger, signed string) []byte { return signRSA(f.t, other, signed) }
	return map[string]struct {
		forge func(*forged)
		says  string
	}{
		"another issuer":       {claim("iss", "https://elsewhere.example.org"), "not signed by it, for us, for now"},
		"another audience":     {claim("aud", "another program"), "not signed by it, for us, for now"},
		"no audience":          {func(a *forged) { delete(a.claims, "aud") }, "not signed by it, for us, for now"},
		"several audiences":    {claim("aud", []string{clientID, "another program"}), "given to another program"},
		"another party":        {claim("azp", "another program"), "given to another program"},
		"another nonce":        {claim("nonce", "of another sign-in"), "of another sign-in"},
		"no nonce":             {func(a *forged) { delete(a.claims, "nonce") }, "of another sign-in"},
		"over":                 {claim("exp", after(-1)), "it is over"},
		"without an end":       {func(a *forged) { delete(a.claims, "exp") }, "it is over"},
		"not yet valid":        {claim("nbf", after(3600)), "not signed by it, for us, for now"},
		"issued in the future": {claim("iat", after(3600)), "not yet"},
		"not signed": {func(a *forged) {
			a.header = object{"alg": "none"}
			a.sign = func(*forger, string) []byte { return nil }
		}, "not signed by it"},
		"signed with the public key": {func(a *forged) { a.header["alg"], a.sign = "HS256", byPublicKey }, "not signed by it"},
		"an unknown key":             {func(a *forged) { a.header["kid"], a.sign = "2", byAnother }, "not signed by it"},
		"another's key, by its name": {func(a *forged) { a.sign = byAnother }, "not signed by it"},
		"a key that it brings along": {func(a *forged) {
			a.header["jwk"] = object{"kty": "RSA", "n": b64(other.N.Bytes()), "e": "AQAB"}
			a.sign = byAnother
		}, "not signed by it"},
		"nothing signed":    {func(a *forged) { a.sign = nil }, "OAuth server"},
		"nobody":            {claim("sub", ""), "does not say who it is"},
		"a long subject":    {claim("sub", strings.Repeat("a", 256)), "does not say who it is"},
		"somebody else too": {func(a *forged) { delete(a.claims, "email") }, "can&#39;t be"},
	}
}

func TestForgedAnswersSignNobodyIn(t *testing.T) {
	p, f := serve(t), newForger(t)
	id := p.provider(corp(f, nil))
	n := 0
	fresh := func() *browser {
		n++
		return p.browser(fmt.Sprintf("192.0.2.%d", n))
	}
	for name, c := range forgeries(t) {
		f.says(c.forge, nil)
		if name == "somebody else too" {
			f.mu.Lock()
			f.info = object{"sub": "eve", "email": "eve@example.org", "email_verified": true}
			f.mu.Unlock()
		}
		b := fresh()
		refused := f.signIn(b, id)
		require.Equal(t, http.StatusUnauthorized, refused.status, "%s: %s", name, refused.body)
		require.Contains(t, refused.body, c.says, name)
		require.Nil(t, b.session(), name)
	}
	// Answers that are none: they are bounded, and nobody waits for ever.
	forever := func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body) // or nobody notices that the program has gone away
		w.Header().Set("Content-Type", "application/json")
		_, _ = io.WriteString(w, `{"a":"`)
		_ = http.NewResponseController(w).Flush()
		<-r.Context().Done()
	}
	huge := func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		_, _ = io.WriteString(w, `{"access_token":"`)
		for range 4 << 10 {
			if _, err := io.WriteString(w, strings.Repeat("a", 1<<10)); err != nil {
				return
			}
		}
		_, _ = io.WriteString(w, `"}`)
	}
	elsewhere := func(w http.ResponseWriter, r *http.Request) {
		http.Redirect(w, r, f.server.URL+"/elsewhere", http.StatusTemporaryRedirect)
	}
	for name, serve := range map[string]http.HandlerFunc{"endless": forever, "huge": huge, "a redirect": elsewhere} {
		f.says(nil, map[string]http.HandlerFunc{"/token": serve, "/elsewhere": func(http.ResponseWriter, *http.Request) {
			t.Error("the redirect was followed, with a secret")
		}})
		b := fresh()
		refused := f.signIn(b, id)
		require.Equal(t, http.StatusServiceUnavailable, refused.status, "%s: %s", name, refused.body)
		require.Nil(t, b.session(), name)
	}
	// What it says of itself is another's.
	f.says(nil, nil)
	mallory := newForger(t)
	mallory.serve["/.well-known/openid-configuration"] = func(w http.ResponseWriter, _ *http.Request) {
		_, _ = fmt.Fprintf(w, `{"issuer":%q,"authorization_endpoint":%q,"token_endpoint":%q,"jwks_uri":%q}`, f.server.URL, f.server.URL, f.server.URL, f.server.URL)
	}
	second := p.provider(corp(mallory, object{"name": "mallory"}))
	refused := fresh().call(http.MethodGet, "/sign-in/"+second, "")
	require.Equal(t, http.StatusServiceUnavailable, refused.status)
	require.Contains(t, refused.body, "calls itself otherwise")
	require.Equal(t, http.StatusNotFound, fresh().call(http.MethodGet, "/sign-in/99", "").status)
	require.Equal(t, http.StatusNotFound, fresh().call(http.MethodGet, "/sign-in/x", "").status)
	// Each forgery stands in the trail of the provider's account, from its address.
	require.Eventually(t, func() bool {
		entries := p.ask(http.MethodGet, "/v1/audit?action=refuse-sign-in&limit=100", nil)["items"].([]any)
		for _, e := range entries {
			entry := e.(map[string]any)
			require.Equal(t, "nobody", entry["actor"])
			require.NotEmpty(t, entry["request_id"])
			require.Equal(t, map[string]any{"route": "GET /sign-in/{id}/callback", "why": "identity provider " + id + " (corp)"}, entry["detail"])
		}
		return len(entries) == len(forgeries(t))
	}, time.Minute, 50*time.Millisecond)
	// It is no forgery that keeps people out: the honest answer lets in.
	b := fresh()
	in := f.signIn(b, id)
	require.Equal(t, http.StatusSeeOther, in.status, in.body)
	require.Equal(t, "editor", b.role())
}

func TestASignInIsOfOneBrowserAndOnce(t *testing.T) {
	p, f := serve(t), newForger(t)
	id, second := p.provider(corp(f, nil)), p.provider(corp(f, object{"name": "second"}))
	b, eve := p.browser("192.0.2.1"), p.browser("192.0.2.2")
	refused := func(why string, by *browser, provider string, back url.Values) {
		t.Helper()
		got := by.comeBack(provider, back)
		require.Equal(t, http.StatusUnauthorized, got.status, "%s: %s", why, got.body)
		require.Nil(t, by.session(), why)
	}
	const flow = "__Host-carillon-oidc"
	back := f.grant(b.begin(id))
	kept := b.cookies[flow]
	require.NotEmpty(t, kept)
	eve.begin(id)
	refused("another's browser", eve, id, back)
	refused("a browser without", p.browser("192.0.2.3"), id, back)
	eve.begin(second)
	refused("another provider's callback", eve, second, back)
	swapped := kept[:40] + kept[41:42] + kept[40:41] + kept[42:]
	if swapped == kept {
		swapped = kept[:40] + "." + kept[41:]
	}
	for name, cookie := range map[string]string{"changed": swapped, "cut off": kept[:20], "no base 64": "???", "empty": ""} {
		eve.cookies[flow] = cookie
		refused(name, eve, id, back)
	}
	// None of that has used it up.
	require.Equal(t, http.StatusSeeOther, b.comeBack(id, back).status)
	require.NotContains(t, b.cookies, flow)
	require.NotNil(t, b.session())
	again := p.browser("192.0.2.4")
	again.cookies[flow] = kept
	refused("again", again, id, back)
	again.cookies[flow] = kept
	back.Set("code", "another")
	refused("with another code", again, id, back)
	// A code of one sign-in opens no other.
	stolen := f.grant(b.begin(id))
	asked := eve.begin(id)
	refused("another's code", eve, id, url.Values{"state": {asked.Get("state")}, "code": {stolen.Get("code")}})
	// The provider says no, and another says that it is the provider.
	asked = eve.begin(id)
	no := eve.comeBack(id, url.Values{"state": {asked.Get("state")}, "error": {"access_denied<script>"}})
	require.Equal(t, http.StatusForbidden, no.status)
	require.Contains(t, no.body, "access_denied&lt;script&gt;")
	back = f.grant(eve.begin(id))
	back.Set("iss", "https://elsewhere.example.org")
	refused("from another", eve, id, back)
	// Whoever tries often waits.
	tries := 0
	for status := 0; status != http.StatusTooManyRequests; tries++ {
		require.Less(t, tries, 40)
		status = eve.comeBack(id, url.Values{"state": {"guessed"}}).status
	}
	require.NotNil(t, b.session(), "others wait for nobody")
}

func TestWhoIsLetInAndAsWhat(t *testing.T) {
	p, f := serve(t), newForger(t)
	id := p.provider(corp(f, nil))
	b := p.browser("192.0.2.1")
	forbidden := func(says string, forges ...func(*forged)) {
		t.Helper()
		f.says(func(a *forged) {
			for _, forge := range forges {
				forge(a)
			}
		}, nil)
		refused := f.signIn(b, id)
		require.Equal(t, http.StatusForbidden, refused.status, refused.body)
		require.Contains(t, refused.body, says)
		require.Nil(t, b.session())
	}
	forbidden("nobody here does", claim("email_verified", false))
	forbidden("nobody here does", claim("email_verified", "yes"))
	forbidden("nobody here does", func(a *forged) { delete(a.claims, "email_verified") })
	forbidden("nobody here does", claim("email", "ada@sub.example.org"))
	forbidden("nobody here does", claim("email", "ada@example.org@elsewhere.org"))
	forbidden("no role here", claim("groups", []string{"Marketing"}))
	forbidden("no role here", claim("groups", object{"marketing": true}))

	// Of several groups the role that may most, in a session like every other.
	f.says(claim("groups", []string{"guests", "marketing"}), nil)
	in := f.signIn(b, id)
	require.Equal(t, http.StatusSeeOther, in.status, in.body)
	require.Equal(t, p.base, in.location.String())
	who := b.session()
	require.Equal(t, "ada@example.org", who["email"])
	require.Equal(t, []any{"oidc"}, who["methods"])
	require.Equal(t, "editor", b.role())
	before := b.cookies["__Host-carillon"]
	require.Equal(t, http.StatusSeeOther, f.signIn(b, id).status)
	require.NotEqual(t, before, b.cookies["__Host-carillon"])
	planted := p.browser("192.0.2.1")
	planted.cookies["__Host-carillon"] = before
	require.Nil(t, planted.session(), "the session before has ended")
	// The provider speaks for the account alone, not for how the person signs in.
	for path, method := range map[string]string{"/v1/me/password": http.MethodPut, "/v1/me/totp": http.MethodPost, "/v1/me/sessions": http.MethodDelete} {
		got := b.call(method, path, `{"new":"a sentence that nobody else says"}`)
		require.Equal(t, http.StatusForbidden, got.status, path+got.body)
	}
	require.Equal(t, http.StatusForbidden, b.call(http.MethodPost, "/v1/session/account", `{"account_id":2}`).status)
	require.Equal(t, http.StatusOK, b.call(http.MethodGet, "/v1/me/sessions", "").status)

	// Another role of the group binds at the next sign-in; who has none is in nowhere.
	p.ask(http.MethodPatch, "/v1/identity-providers/"+id, object{"roles": []object{{"group": "marketing", "role": "sender"}}})
	require.Equal(t, "editor", b.role())
	require.Equal(t, http.StatusSeeOther, f.signIn(b, id).status)
	require.Equal(t, "sender", b.role())
	forbidden("no role here", claim("groups", []string{"guests"}))
	require.Equal(t, true, p.ask(http.MethodGet, "/v1/users/1", nil)["barred"])
	p.ask(http.MethodPatch, "/v1/identity-providers/"+id, object{"default_role": "viewer"})
	require.Equal(t, http.StatusSeeOther, f.signIn(b, id).status)
	require.Equal(t, "viewer", b.role())

	// The trail has it, and the sessions end with the provider.
	actions := map[any]bool{}
	items, ok := p.ask(http.MethodGet, "/v1/audit", nil)["items"].([]any)
	require.True(t, ok)
	for _, item := range items {
		entry, ok := item.(object)
		require.True(t, ok)
		actions[entry["action"]] = true
		require.NotContains(t, fmt.Sprint(entry), clientSecret)
	}
	for _, action := range []string{"sign-up", "sign-in", "bar-user", "create-identity-provider"} {
		require.True(t, actions[action], action)
	}
	shown := p.ask(http.MethodPatch, "/v1/identity-providers/"+id, object{"enabled": false, "client_secret": "********"})
	require.Equal(t, "********", shown["client_secret"])
	require.Nil(t, b.session())
	require.Equal(t, http.StatusNotFound, b.call(http.MethodGet, "/sign-in/"+id, "").status)
	p.ask(http.MethodPatch, "/v1/identity-providers/"+id, object{"enabled": true})
	require.Equal(t, http.StatusSeeOther, f.signIn(b, id).status, "the secret was left as it was")
	p.ask(http.MethodDelete, "/v1/identity-providers/"+id, nil)
	require.Nil(t, b.session())
}
