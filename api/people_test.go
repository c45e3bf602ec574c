package api_test

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/pquerna/otp/totp"
	"github.com/stretchr/testify/require"
)

// person is a browser that may be signed in.
type person struct {
	*server
	cookies map[string]string
	source  string
}

const goodPassword = "correct horse battery staple"

func (s *server) browser() *person {
	return &person{server: s, cookies: map[string]string{}, source: "192.0.2.1"}
}

// ask makes a request as a page of the console does.
func (p *person) ask(method, path, body string, header ...string) *httptest.ResponseRecorder {
	r := httptest.NewRequest(method, "https://carillon.example.org"+path, strings.NewReader(body))
	r.RemoteAddr = p.source + ":1234"
	r.Header.Set("Sec-Fetch-Site", "same-origin")
	r.Header.Set("Origin", "https://carillon.example.org")
	r.Header.Set("User-Agent", "Firefox")
	if body != "" {
		r.Header.Set("Content-Type", "application/json")
	}
	for name, value := range p.cookies {
		r.AddCookie(&http.Cookie{Name: name, Value: value})
	}
	for i := 0; i+1 < len(header); i += 2 {
		r.Header.Set(header[i], header[i+1])
	}
	w := httptest.NewRecorder()
	p.ServeHTTP(w, r)
	for _, c := range w.Result().Cookies() {
		if c.MaxAge < 0 {
			delete(p.cookies, c.Name)
		} else {
			p.cookies[c.Name] = c.Value
		}
	}
	return w
}

func (p *person) signIn(email, password, code string) *httptest.ResponseRecorder {
	body, err := json.Marshal(map[string]string{"email": email, "password": password, "code": code})
	require.NoError(p.t, err)
	return p.ask("POST", "/v1/session", string(body))
}

// invited makes a user of a role, with goodPassword.
func (s *server) invited(email, role string, approver bool) int64 {
	s.t.Helper()
	made := s.ok("POST", "/v1/invitations", fmt.Sprintf(`{"email":%q,"role":%q,"approver":%v}`, email, role, approver))
	w := s.browser().ask("POST", "/v1/invitation/accept", fmt.Sprintf(`{"token":%q,"name":"Ada","password":%q}`, made["token"], goodPassword))
	require.Equal(s.t, http.StatusOK, w.Code, w.Body)
	return int64(decoded(s.t, w)["id"].(float64))
}

// in is a browser in which somebody is signed in.
func (s *server) in(email string) *person {
	s.t.Helper()
	p := s.browser()
	w := p.signIn(email, goodPassword, "")
	require.Equal(s.t, http.StatusOK, w.Code, w.Body)
	return p
}

func TestAPersonIsInvitedSignsInAndWorks(t *testing.T) {
	s := newServer(t)
	made := s.ok("POST", "/v1/invitations", `{"email":"Ada@Example.org","role":"editor"}`)
	token := made["token"].(string)
	require.Equal(t, "https://n.example.org/invitation#"+token, made["link"])
	require.Equal(t, "ada@example.org", made["email"])
	p := s.browser()
	shown := decoded(t, p.ask("POST", "/v1/invitation", fmt.Sprintf(`{"token":%q}`, token)))
	require.Equal(t, "editor", shown["role"])
	require.Contains(t, shown["invited_by"], "admin")
	// A weak password leaves the invitation as it is.
	w := p.ask("POST", "/v1/invitation/accept", fmt.Sprintf(`{"token":%q,"name":"Ada","password":"password123"}`, token))
	require.Equal(t, http.StatusUnprocessableEntity, w.Code)
	require.Contains(t, w.Body.String(), "most common")
	accept := fmt.Sprintf(`{"token":%q,"name":"Ada","password":%q}`, token, goodPassword)
	w = p.ask("POST", "/v1/invitation/accept", accept)
	require.Equal(t, http.StatusOK, w.Code, w.Body)
	require.Equal(t, http.StatusNotFound, p.ask("POST", "/v1/invitation/accept", accept).Code, "it was used")

	require.Equal(t, http.StatusUnauthorized, p.ask("GET", "/v1/session", "").Code)
	w = p.signIn("ADA@example.org", goodPassword, "")
	require.Equal(t, http.StatusOK, w.Code, w.Body)
	cookies := w.Result().Cookies()
	require.Len(t, cookies, 2)
	for _, c := range cookies {
		require.True(t, strings.HasPrefix(c.Name, "__Host-carillon"), c.Name)
		require.True(t, c.Secure && c.HttpOnly && c.SameSite == http.SameSiteLaxMode && c.Path == "/" && c.Domain == "", c)
	}
	require.Equal(t, "no-store", w.Header().Get("Cache-Control"))
	me := decoded(t, p.ask("GET", "/v1/session", ""))
	require.Equal(t, "ada@example.org", me["email"])
	require.Equal(t, "tests", me["account"].(map[string]any)["name"])
	require.Equal(t, []any{"password"}, me["methods"])
	// What the role allows, and no more.
	require.Equal(t, http.StatusCreated, p.ask("POST", "/v1/contacts", `{"addresses":{"email":"bob@example.org"}}`).Code)
	w = p.ask("GET", "/v1/keys", "")
	require.Equal(t, http.StatusForbidden, w.Code)
	require.Contains(t, w.Body.String(), "your role in this account is editor")
	// Who did it stands in the trail.
	entries := s.ok("GET", "/v1/audit", "")["items"].([]any)
	require.Contains(t, fmt.Sprint(entries), "create-contact")
	require.Contains(t, fmt.Sprint(entries), "user 1 (ada@example.org)")
	for _, action := range []string{"invite-user", "accept-invitation", "sign-in"} {
		require.Contains(t, fmt.Sprint(entries), action)
	}
	require.NotContains(t, fmt.Sprint(entries), token)
	// Signed out, the cookie opens nothing, and a copy of it neither.
	stolen := p.cookies["__Host-carillon"]
	require.Equal(t, http.StatusNoContent, p.ask("DELETE", "/v1/session", "").Code)
	require.NotContains(t, p.cookies, "__Host-carillon")
	p.cookies["__Host-carillon"] = stolen
	require.Equal(t, http.StatusUnauthorized, p.ask("GET", "/v1/session", "").Code)
}

func TestWhoIsUnknownIsAnsweredAsAWrongPassword(t *testing.T) {
	s := newServer(t)
	s.invited("ada@example.org", "viewer", false)
	p := s.browser()
	known, unknown := p.signIn("ada@example.org", "wrong password here", ""), p.signIn("bob@example.org", "wrong password here", "")
	require.Equal(t, http.StatusUnauthorized, known.Code)
	require.Equal(t, http.StatusUnauthorized, unknown.Code)
	require.Equal(t, known.Body.String(), unknown.Body.String())
	require.Empty(t, p.cookies)
	forgotten := p.ask("POST", "/v1/password/forgotten", `{"email":"bob@example.org"}`)
	require.Equal(t, http.StatusAccepted, forgotten.Code)
	require.Equal(t, forgotten.Code, p.ask("POST", "/v1/password/forgotten", `{"email":"ada@example.org"}`).Code)
}

func TestAnotherSiteCanDoNothingWithASession(t *testing.T) {
	s := newServer(t)
	s.invited("ada@example.org", "admin", false)
	p := s.in("ada@example.org")
	contact := `{"addresses":{"email":"bob@example.org"}}`
	for _, from := range [][]string{
		{"Sec-Fetch-Site", "cross-site", "Origin", "https://evil.example"},
		{"Sec-Fetch-Site", "same-site", "Origin", "https://other.example.org"},
		{"Sec-Fetch-Site", "", "Origin", "https://evil.example"},
		{"Sec-Fetch-Site", "", "Origin", "null"},
	} {
		require.Equal(t, http.StatusForbidden, p.ask("POST", "/v1/contacts", contact, from...).Code, from)
		require.Equal(t, http.StatusForbidden, p.ask("DELETE", "/v1/session", "", from...).Code, from)
		// Nor can it sign somebody in as somebody else.
		body := fmt.Sprintf(`{"email":"ada@example.org","password":%q}`, goodPassword)
		require.Equal(t, http.StatusForbidden, p.ask("POST", "/v1/session", body, from...).Code, from)
	}
	require.Equal(t, http.StatusCreated, p.ask("POST", "/v1/contacts", contact).Code)
	require.Empty(t, p.ask("GET", "/v1/session", "", "Origin", "https://evil.example", "Sec-Fetch-Site", "cross-site").Header().Get("Access-Control-Allow-Origin"))
	// A browser that would keep no cookie is told why.
	w := s.browser().ask("POST", "/v1/session", `{"email":"ada@example.org","password":"x"}`, "Origin", "http://carillon.example.org")
	require.Equal(t, http.StatusUnprocessableEntity, w.Code)
	require.Contains(t, w.Body.String(), "https://carillon.example.org")
}

func TestASessionIsANewOneAtEachRise(t *testing.T) {
	s := newServer(t)
	s.invited("ada@example.org", "viewer", false)
	p := s.browser()
	// What a browser has before somebody signs in is not what opens afterwards.
	p.cookies["__Host-carillon"] = "planted"
	require.Equal(t, http.StatusOK, p.signIn("ada@example.org", goodPassword, "").Code)
	first := p.cookies["__Host-carillon"]
	require.NotEqual(t, "planted", first)
	// Signing in again ends the session before.
	require.Equal(t, http.StatusOK, p.signIn("ada@example.org", goodPassword, "").Code)
	second := p.cookies["__Host-carillon"]
	old := s.browser()
	old.cookies["__Host-carillon"] = first
	require.Equal(t, http.StatusUnauthorized, old.ask("GET", "/v1/session", "").Code)
	// So does a new password, here and elsewhere.
	elsewhere := s.in("ada@example.org")
	next := "another sentence nobody says"
	require.Equal(t, http.StatusUnauthorized, p.ask("PUT", "/v1/me/password", fmt.Sprintf(`{"present":"wrong password","new":%q}`, next)).Code)
	require.Equal(t, http.StatusOK, elsewhere.ask("GET", "/v1/session", "").Code)
	require.Equal(t, http.StatusNoContent, p.ask("PUT", "/v1/me/password", fmt.Sprintf(`{"present":%q,"new":%q}`, goodPassword, next)).Code)
	require.NotEqual(t, second, p.cookies["__Host-carillon"])
	require.Equal(t, http.StatusOK, p.ask("GET", "/v1/session", "").Code)
	require.Equal(t, http.StatusUnauthorized, elsewhere.ask("GET", "/v1/session", "").Code)
	old.cookies["__Host-carillon"] = second
	require.Equal(t, http.StatusUnauthorized, old.ask("GET", "/v1/session", "").Code)
	require.Equal(t, http.StatusUnauthorized, s.browser().signIn("ada@example.org", goodPassword, "").Code)
	require.Equal(t, http.StatusOK, s.browser().signIn("ada@example.org", next, "").Code)
}

func TestSessionsEndByThemselves(t *testing.T) {
	s := newServer(t)
	s.invited("ada@example.org", "viewer", false)
	idle := s.in("ada@example.org")
	s.clock.Advance(11 * time.Hour)
	require.Equal(t, http.StatusOK, idle.ask("GET", "/v1/session", "").Code)
	s.clock.Advance(12 * time.Hour)
	require.Equal(t, http.StatusUnauthorized, idle.ask("GET", "/v1/session", "").Code, "not seen for 12 hours")
	busy := s.in("ada@example.org")
	for range 14*24/11 + 1 {
		s.clock.Advance(11 * time.Hour)
		busy.ask("GET", "/v1/session", "")
	}
	require.Equal(t, http.StatusUnauthorized, busy.ask("GET", "/v1/session", "").Code, "14 days are over however much it was used")
}

func TestWhatAnAdminSaysBindsAtOnce(t *testing.T) {
	s := newServer(t)
	id := s.invited("ada@example.org", "admin", false)
	p, path := s.in("ada@example.org"), fmt.Sprintf("/v1/users/%d", id)
	require.Equal(t, http.StatusOK, p.ask("GET", "/v1/keys", "").Code)
	s.ok("PATCH", path, `{"role":"viewer"}`)
	require.Equal(t, http.StatusForbidden, p.ask("GET", "/v1/keys", "").Code)
	require.Equal(t, http.StatusOK, p.ask("GET", "/v1/contacts", "").Code)
	require.Len(t, s.ok("GET", path+"/sessions", "")["items"], 1)
	s.ok("DELETE", path+"/sessions", "")
	require.Equal(t, http.StatusUnauthorized, p.ask("GET", "/v1/contacts", "").Code)
	p = s.in("ada@example.org")
	s.ok("DELETE", path, "")
	require.Equal(t, http.StatusUnauthorized, p.ask("GET", "/v1/contacts", "").Code)
	require.Equal(t, http.StatusUnauthorized, p.signIn("ada@example.org", goodPassword, "").Code, "who is in no account is forgotten")
	require.Equal(t, http.StatusNotFound, s.do("GET", path, "").Code)
	require.NotEqual(t, id, s.invited("ada@example.org", "viewer", false), "no id comes back")
}

func TestOwnSessionsAreListedAndEnded(t *testing.T) {
	s := newServer(t)
	s.invited("ada@example.org", "sender", false)
	phone, desk := s.in("ada@example.org"), s.in("ada@example.org")
	list := decoded(t, desk.ask("GET", "/v1/me/sessions", ""))["items"].([]any)
	require.Len(t, list, 2)
	mine, other := list[0].(map[string]any), list[1].(map[string]any)
	require.Equal(t, true, mine["current"])
	require.Equal(t, false, other["current"])
	require.Equal(t, "192.0.2.1", other["source"])
	require.Equal(t, "Firefox", other["agent"])
	require.Equal(t, http.StatusNoContent, desk.ask("DELETE", fmt.Sprintf("/v1/me/sessions/%v", other["id"]), "").Code)
	require.Equal(t, http.StatusUnauthorized, phone.ask("GET", "/v1/session", "").Code)
	phone = s.in("ada@example.org")
	require.Equal(t, http.StatusNoContent, desk.ask("DELETE", "/v1/me/sessions", "").Code)
	require.Equal(t, http.StatusUnauthorized, phone.ask("GET", "/v1/session", "").Code)
	require.Equal(t, http.StatusOK, desk.ask("GET", "/v1/session", "").Code)
	// Nobody else's.
	s.invited("bob@example.org", "admin", false)
	bob := s.in("bob@example.org")
	require.Equal(t, http.StatusNotFound, bob.ask("DELETE", fmt.Sprintf("/v1/me/sessions/%v", mine["id"]), "").Code)
	// A key has none.
	w := s.do("GET", "/v1/me/sessions", "")
	require.Equal(t, http.StatusForbidden, w.Code)
	require.Contains(t, w.Body.String(), "people who are signed in")
}

func TestASecondFactor(t *testing.T) {
	s := newServer(t)
	s.invited("ada@example.org", "editor", false)
	p := s.in("ada@example.org")
	begun := decoded(t, p.ask("POST", "/v1/me/totp", ""))
	key := begun["secret"].(string)
	require.Contains(t, begun["uri"], "otpauth://totp/Carillon:ada@example.org?")
	drawn, err := base64.StdEncoding.DecodeString(begun["png"].(string))
	require.NoError(t, err)
	require.Equal(t, "\x89PNG", string(drawn[:4]))
	code := func(after time.Duration) string {
		c, err := totp.GenerateCode(key, s.clock.Now().Add(after))
		require.NoError(t, err)
		return c
	}
	set := func(password, code string) *httptest.ResponseRecorder {
		return p.ask("PUT", "/v1/me/totp", fmt.Sprintf(`{"password":%q,"secret":%q,"code":%q}`, password, key, code))
	}
	require.Equal(t, http.StatusUnauthorized, set("not the password", code(0)).Code)
	require.Equal(t, http.StatusUnprocessableEntity, set(goodPassword, code(time.Hour)).Code)
	w := set(goodPassword, code(0))
	require.Equal(t, http.StatusOK, w.Code, w.Body)
	recovery := decoded(t, w)["codes"].([]any)
	require.Len(t, recovery, 10)
	require.Equal(t, http.StatusOK, p.ask("GET", "/v1/session", "").Code, "the browser goes on, with a new session")

	other := s.browser()
	w = other.signIn("ada@example.org", goodPassword, "")
	require.Equal(t, http.StatusUnauthorized, w.Code)
	require.Equal(t, "second_factor", decoded(t, w)["code"])
	require.Equal(t, "unauthorized", decoded(t, other.signIn("ada@example.org", "wrong password", ""))["code"], "a code is asked for behind the password alone")
	require.Equal(t, http.StatusUnauthorized, other.signIn("ada@example.org", goodPassword, code(0)).Code, "the code that took the factor was used")
	// Clocks may be off by a step, either way, and no code opens twice.
	s.clock.Advance(10 * time.Minute)
	late := code(-30 * time.Second)
	require.Equal(t, http.StatusOK, other.signIn("ada@example.org", goodPassword, late).Code)
	require.Equal(t, http.StatusUnauthorized, other.signIn("ada@example.org", goodPassword, late).Code, "replayed")
	require.Equal(t, http.StatusUnauthorized, other.signIn("ada@example.org", goodPassword, code(-60*time.Second)).Code, "before one that was used")
	require.Equal(t, http.StatusUnauthorized, other.signIn("ada@example.org", goodPassword, code(60*time.Second)).Code, "two steps ahead")
	require.Equal(t, http.StatusOK, other.signIn("ada@example.org", goodPassword, code(30*time.Second)).Code)
	require.Equal(t, http.StatusUnauthorized, other.signIn("ada@example.org", goodPassword, code(0)).Code, "behind one that was used")
	// A recovery code opens once, however it is typed.
	typed := strings.ToLower(strings.ReplaceAll(recovery[3].(string), "-", " "))
	require.Equal(t, http.StatusOK, other.signIn("ada@example.org", goodPassword, typed).Code)
	require.Equal(t, http.StatusUnauthorized, other.signIn("ada@example.org", goodPassword, typed).Code)
	me := decoded(t, other.ask("GET", "/v1/session", ""))
	require.EqualValues(t, 9, me["recovery_left"])
	require.Equal(t, []any{"password", "recovery"}, me["methods"])
	// Given up with both alone.
	require.Equal(t, http.StatusUnauthorized, other.ask("POST", "/v1/me/totp/drop", fmt.Sprintf(`{"password":%q,"code":"000000"}`, goodPassword)).Code)
	require.Equal(t, http.StatusNoContent,
		other.ask("POST", "/v1/me/totp/drop", fmt.Sprintf(`{"password":%q,"code":%q}`, goodPassword, recovery[4])).Code)
	require.Equal(t, http.StatusOK, s.browser().signIn("ada@example.org", goodPassword, "").Code)
	// Nothing that opens something is in the log or in the trail.
	trail := s.do("GET", "/v1/audit?limit=500", "").Body.String()
	for _, hidden := range []string{key, recovery[5].(string), goodPassword, p.cookies["__Host-carillon"]} {
		require.NotContains(t, trail, hidden)
		require.NotContains(t, s.log.String(), hidden)
	}
}

func TestAnAdminHelpsSomebodyInWhoForgotThePassword(t *testing.T) {
	s := newServer(t)
	id := s.invited("ada@example.org", "editor", false)
	p := s.in("ada@example.org")
	made := s.ok("POST", fmt.Sprintf("/v1/users/%d/reset", id), "")
	first := made["token"].(string)
	require.Equal(t, "https://n.example.org/reset#"+first, made["link"])
	token := s.ok("POST", fmt.Sprintf("/v1/users/%d/reset", id), "")["token"].(string)
	reset := func(token, password string) int {
		return s.browser().ask("POST", "/v1/password/reset", fmt.Sprintf(`{"token":%q,"password":%q}`, token, password)).Code
	}
	require.Equal(t, http.StatusNotFound, reset(first, "a new one that holds"), "the second took its place")
	require.Equal(t, http.StatusUnprocessableEntity, reset(token, "password123"))
	require.Equal(t, http.StatusNoContent, reset(token, "a new one that holds"))
	require.Equal(t, http.StatusNotFound, reset(token, "a newer one that holds"), "it was used")
	require.Equal(t, http.StatusUnauthorized, p.ask("GET", "/v1/session", "").Code, "all sessions end")
	require.Equal(t, http.StatusOK, p.signIn("ada@example.org", "a new one that holds", "").Code)
	token = s.ok("POST", fmt.Sprintf("/v1/users/%d/reset", id), "")["token"].(string)
	s.clock.Advance(time.Hour)
	require.Equal(t, http.StatusNotFound, reset(token, "a newer one that holds"), "its hour is over")
}

// Who has lost the phone gets in by a link, and until it is used the second factor holds.
func TestALinkTakesTheSecondFactorAwayOnceItIsUsed(t *testing.T) {
	s := newServer(t)
	id := s.invited("ada@example.org", "editor", false)
	p := s.in("ada@example.org")
	key := decoded(t, p.ask("POST", "/v1/me/totp", ""))["secret"].(string)
	code, err := totp.GenerateCode(key, s.clock.Now())
	require.NoError(t, err)
	require.Equal(t, http.StatusOK, p.ask("PUT", "/v1/me/totp", fmt.Sprintf(`{"password":%q,"secret":%q,"code":%q}`, goodPassword, key, code)).Code)
	token := s.ok("POST", fmt.Sprintf("/v1/users/%d/reset", id), `{"without_totp":true}`)["token"]
	w := s.browser().signIn("ada@example.org", goodPassword, "")
	require.Equal(t, "second_factor", decoded(t, w)["code"])
	const next = "a new one that holds"
	require.Equal(t, http.StatusNoContent, s.browser().ask("POST", "/v1/password/reset", fmt.Sprintf(`{"token":%q,"password":%q}`, token, next)).Code)
	require.Equal(t, http.StatusOK, s.browser().signIn("ada@example.org", next, "").Code)
	require.Equal(t, false, s.ok("GET", fmt.Sprintf("/v1/users/%d", id), "")["has_totp"])
}

func TestApproversApproveWhateverTheirRole(t *testing.T) {
	s := newServer(t)
	s.invited("ada@example.org", "editor", false)
	s.invited("eve@example.org", "viewer", true)
	s.ok("PATCH", "/v1/settings", `{"approval":{"required":true}}`)
	campaign := s.campaign(s.channel(), "")
	ada, eve := s.in("ada@example.org"), s.in("eve@example.org")
	path := fmt.Sprintf("/v1/campaigns/%d/", campaign)
	require.Equal(t, http.StatusForbidden, eve.ask("POST", path+"propose", "").Code)
	require.Equal(t, http.StatusOK, ada.ask("POST", path+"propose", "").Code)
	w := ada.ask("POST", path+"approve", "")
	require.Equal(t, http.StatusForbidden, w.Code)
	require.Contains(t, w.Body.String(), "is no approver")
	w = eve.ask("POST", path+"approve", "")
	require.Equal(t, http.StatusOK, w.Code, w.Body)
	require.Contains(t, w.Body.String(), "user 2 (eve@example.org)")
}

func TestPeopleAreNotTakenWhereKeysAreMeant(t *testing.T) {
	s := newServer(t)
	s.invited("ada@example.org", "admin", false)
	p := s.in("ada@example.org")
	// A key that is presented decides, whatever the browser is in.
	require.Equal(t, http.StatusUnauthorized, p.ask("GET", "/v1/contacts", "", "Authorization", "Bearer wrong-key-0123456789").Code)
	w := p.ask("GET", "/v1/session", "", "Authorization", "Bearer "+adminKey)
	require.Equal(t, http.StatusForbidden, w.Code)
}

// Who asks what is kept of them as a person who works here gets it.
func TestWhatIsKnownOfAPersonIsExported(t *testing.T) {
	s := newServer(t)
	made := s.ok("POST", "/v1/invitations", `{"email":"ada@example.org","role":"editor"}`)
	user := s.ok("POST", "/v1/invitation/accept", fmt.Sprintf(`{"token":%q,"name":"Ada","password":%q}`, made["token"], goodPassword))
	id := idOf(user)
	s.ok("PATCH", "/v1/users/"+id, `{"role":"viewer"}`)
	s.ok("POST", "/v1/session", fmt.Sprintf(`{"email":"ada@example.org","password":%q}`, goodPassword))
	x := s.ok("GET", "/v1/users/"+id+"/export", "")
	require.Equal(t, "ada@example.org", x["user"].(map[string]any)["email"])
	require.Len(t, x["sessions"], 1)
	actions := func(of string) (list []string) {
		for _, e := range x[of].([]any) {
			list = append(list, e.(map[string]any)["action"].(string))
		}
		return list
	}
	require.Contains(t, actions("did"), "sign-in")
	require.Contains(t, actions("undergone"), "update-user")
	newest := s.ok("GET", "/v1/audit?limit=1", "")["items"].([]any)[0].(map[string]any)
	require.Equal(t, "export-user", newest["action"])
	require.Equal(t, 404, s.do("GET", "/v1/users/99/export", "").Code)
}

func TestTheFirstPersonOfAnAccount(t *testing.T) {
	s := newServer(t)
	p := s.browser()
	require.JSONEq(t, `{"nobody":true,"identity_providers":[]}`, p.ask("GET", "/v1/session/ways", "").Body.String())
	w := s.do("POST", "/v1/invitations", `{"role":"editor"}`)
	require.Equal(t, 422, w.Code)
	require.Contains(t, w.Body.String(), "body.role")
	made := s.ok("POST", "/v1/invitations", `{"role":"admin"}`)
	token, _ := made["token"].(string)
	w = p.ask("POST", "/v1/invitation", `{"token":"`+token+`"}`)
	require.Equal(t, 200, w.Code)
	require.Contains(t, w.Body.String(), `"email":""`)
	for _, email := range []string{"", "ada", "ada@localhost"} {
		w = p.ask("POST", "/v1/invitation/accept", fmt.Sprintf(`{"token":%q,"email":%q,"name":"Ada","password":%q}`, token, email, goodPassword))
		require.Equal(t, 422, w.Code, email)
		require.Contains(t, w.Body.String(), "body.email")
	}
	w = p.ask("POST", "/v1/invitation/accept", fmt.Sprintf(`{"token":%q,"email":"Ada@example.org","name":"Ada","password":%q}`, token, goodPassword))
	require.Equal(t, 200, w.Code, w.Body.String())
	require.Equal(t, 200, p.signIn("ada@example.org", goodPassword, "").Code)
	require.Equal(t, 200, p.ask("GET", "/v1/users", "").Code, "the first is an admin")
	require.Contains(t, p.ask("GET", "/v1/session/ways", "").Body.String(), `"nobody":false`)
	require.Equal(t, 409, s.do("POST", "/v1/invitations", `{"role":"admin"}`).Code)
}
