package api_test

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
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

// What a keeper says besides (WebAuthn Level 3, 6.1): somebody was there, who was verified; the key
// is in what is said.
const (
	wasThere, wasVerified, hasKey = 0x01, 0x04, 0x40
)

// ofServer is the address that the tests' server is given, and its name.
const ofServer, nameOfServer = "https://n.example.org", "n.example.org"

var inURL = base64.RawURLEncoding

// keeper keeps one passkey, as a device does, and lies if it is told to.
type keeper struct {
	t            *testing.T
	key          *ecdsa.PrivateKey
	id, handle   string
	count        uint32
	flags        byte
	origin, name string
}

func newKeeper(t *testing.T) *keeper {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	require.NoError(t, err)
	id := make([]byte, 32)
	_, err = rand.Read(id)
	require.NoError(t, err)
	return &keeper{t: t, key: key, id: inURL.EncodeToString(id), flags: wasThere | wasVerified, origin: ofServer, name: nameOfServer}
}

// says is what the keeper says of itself.
func (k *keeper) says(flags byte) []byte {
	of := sha256.Sum256([]byte(k.name))
	k.count++
	return binary.BigEndian.AppendUint32(append(of[:], flags), k.count)
}

// client is what a browser says of what it was asked.
func (k *keeper) client(kind string, options map[string]any) []byte {
	said, err := json.Marshal(map[string]any{"type": kind, "challenge": options["challenge"], "origin": k.origin, "crossOrigin": false})
	require.NoError(k.t, err)
	return said
}

func (k *keeper) credential(response map[string]any) string {
	said, err := json.Marshal(map[string]any{
		"id": k.id, "rawId": k.id, "type": "public-key", "response": response, "clientExtensionResults": map[string]any{}, "authenticatorAttachment": "platform",
	})
	require.NoError(k.t, err)
	return string(said)
}

// cbor is a text (3) or bytes (2) of less than 64 KiB in the form of RFC 8949.
func cbor(major byte, content []byte) []byte {
	head := []byte{major<<5 | 25, byte(len(content) >> 8), byte(len(content))}
	switch {
	case len(content) < 24:
		head = []byte{major<<5 | byte(len(content))}
	case len(content) < 256:
		head = []byte{major<<5 | 24, byte(len(content))}
	}
	return append(head, content...)
}

// makes is what a browser answers that was asked for a passkey.
func (k *keeper) makes(options map[string]any) string {
	k.handle = options["user"].(map[string]any)["id"].(string)
	id, err := inURL.DecodeString(k.id)
	require.NoError(k.t, err)
	point, err := k.key.PublicKey.Bytes()
	require.NoError(k.t, err)
	said := append(k.says(k.flags|hasKey), make([]byte, 16)...)
	said = append(binary.BigEndian.AppendUint16(said, uint16(len(id))), id...)
	// The key as COSE has it (RFC 9053, 7.1.1): of two coordinates, on P-256, for ES256.
	said = append(said, 0xa5, 0x01, 0x02, 0x03, 0x26, 0x20, 0x01, 0x21)
	said = append(append(said, cbor(2, point[1:33])...), 0x22)
	said = append(said, cbor(2, point[33:])...)
	object := bytes.Join([][]byte{
		{0xa3}, cbor(3, []byte("fmt")), cbor(3, []byte("none")), cbor(3, []byte("attStmt")), {0xa0}, cbor(3, []byte("authData")), cbor(2, said),
	}, nil)
	return k.credential(map[string]any{
		"clientDataJSON": inURL.EncodeToString(k.client("webauthn.create", options)), "attestationObject": inURL.EncodeToString(object),
		"transports": []string{"internal"},
	})
}

// signs is what a browser answers that was asked who somebody is.
func (k *keeper) signs(options map[string]any) string {
	client, said := k.client("webauthn.get", options), k.says(k.flags)
	hash := sha256.Sum256(client)
	digest := sha256.Sum256(append(bytes.Clone(said), hash[:]...))
	signature, err := ecdsa.SignASN1(rand.Reader, k.key, digest[:])
	require.NoError(k.t, err)
	return k.credential(map[string]any{
		"clientDataJSON": inURL.EncodeToString(client), "authenticatorData": inURL.EncodeToString(said), "signature": inURL.EncodeToString(signature),
		"userHandle": k.handle,
	})
}

// begun is a request of the server to a browser.
type begun struct {
	id      string
	options map[string]any
}

func beginning(t *testing.T, w *httptest.ResponseRecorder) begun {
	t.Helper()
	require.Equal(t, http.StatusOK, w.Code, w.Body)
	out := decoded(t, w)
	return begun{out["challenge_id"].(string), out["public_key"].(map[string]any)}
}

func (p *person) beginPasskey() begun {
	p.t.Helper()
	return beginning(p.t, p.ask("POST", "/v1/me/passkeys/begin", fmt.Sprintf(`{"password":%q}`, goodPassword)))
}

func (p *person) takePasskey(b begun, name, credential string) *httptest.ResponseRecorder {
	return p.ask("POST", "/v1/me/passkeys", fmt.Sprintf(`{"name":%q,"challenge_id":%q,"credential":%s}`, name, b.id, credential))
}

// passkey takes a passkey, and returns what keeps it and what the server answered.
func (p *person) passkey(name string) (*keeper, map[string]any) {
	p.t.Helper()
	k, b := newKeeper(p.t), p.beginPasskey()
	w := p.takePasskey(b, name, k.makes(b.options))
	require.Equal(p.t, http.StatusCreated, w.Code, w.Body)
	return k, decoded(p.t, w)
}

func (p *person) beginSignIn() begun {
	p.t.Helper()
	return beginning(p.t, p.ask("POST", "/v1/session/passkey/begin", ""))
}

func (p *person) signInBy(b begun, credential string) *httptest.ResponseRecorder {
	return p.ask("POST", "/v1/session/passkey", fmt.Sprintf(`{"challenge_id":%q,"credential":%s}`, b.id, credential))
}

// Somebody without a password adds a second passkey, and takes the first one away, by a passkey that
// signs once more; another's, one that was used and none at all do neither.
func TestAPasskeyProvesAPersonOnceMore(t *testing.T) {
	s := newServer(t)
	id := s.invited("ada@example.org", "viewer", false)
	s.invited("eve@example.org", "viewer", false)
	p, eve := s.in("ada@example.org"), s.in("eve@example.org")
	phone, made := p.passkey("Phone")
	hers, _ := eve.passkey("Eve's")
	openRaw(t, s.dsn).exec("UPDATE users SET password = '' WHERE id = ?", id)
	once := func(k *keeper) string {
		b := p.beginSignIn()
		return fmt.Sprintf(`{"passkey":{"challenge_id":%q,"credential":%s}}`, b.id, k.signs(b.options))
	}
	drop := fmt.Sprintf("/v1/me/passkeys/%v/drop", made["id"])
	used := once(phone)
	b := beginning(t, p.ask("POST", "/v1/me/passkeys/begin", used))
	laptop := newKeeper(t)
	for _, wrong := range []string{`{}`, `{"password":""}`, used, once(hers), fmt.Sprintf(`{"password":%q}`, goodPassword)} {
		for _, path := range []string{"/v1/me/passkeys/begin", drop} {
			require.Equal(t, http.StatusUnauthorized, p.ask("POST", path, wrong).Code, "%s %s", path, wrong)
		}
	}
	w := p.takePasskey(b, "Laptop", laptop.makes(b.options))
	require.Equal(t, http.StatusCreated, w.Code, w.Body)
	w = p.ask("POST", drop, once(laptop))
	require.Equal(t, http.StatusNoContent, w.Code, w.Body)
	list := decoded(t, p.ask("GET", "/v1/me/passkeys", ""))["items"].([]any)
	require.Len(t, list, 1)
	require.Equal(t, "Laptop", list[0].(map[string]any)["name"])
	require.Equal(t, http.StatusUnauthorized, p.ask("POST", "/v1/me/passkeys/begin", once(phone)).Code, "it is gone")
}

func TestAPersonSignsInWithAPasskey(t *testing.T) {
	s := newServer(t)
	id := s.invited("ada@example.org", "editor", false)
	p, elsewhere := s.in("ada@example.org"), s.in("ada@example.org")
	require.Equal(t, http.StatusUnauthorized, p.ask("POST", "/v1/me/passkeys/begin", `{"password":"not the password"}`).Code)
	b := p.beginPasskey()
	require.Equal(t, map[string]any{"id": nameOfServer, "name": "Carillon"}, b.options["rp"])
	user := b.options["user"].(map[string]any)
	require.Equal(t, "ada@example.org", user["name"])
	handle, err := inURL.DecodeString(user["id"].(string))
	require.NoError(t, err)
	require.Len(t, handle, 32)
	require.Equal(t, map[string]any{"residentKey": "required", "requireResidentKey": true, "userVerification": "required"}, b.options["authenticatorSelection"])
	require.Equal(t, "none", b.options["attestation"])
	before, phone := p.cookies["__Host-carillon"], newKeeper(t)
	w := p.takePasskey(b, "Phone", phone.makes(b.options))
	require.Equal(t, http.StatusCreated, w.Code, w.Body)
	made := decoded(t, w)
	codes := made["codes"].([]any)
	require.Len(t, codes, 10, "recovery codes come with the first second factor")
	require.NotEqual(t, before, p.cookies["__Host-carillon"], "a new session at each rise")
	require.Equal(t, http.StatusOK, p.ask("GET", "/v1/session", "").Code)
	require.Equal(t, http.StatusUnauthorized, elsewhere.ask("GET", "/v1/session", "").Code)

	b = p.beginPasskey()
	require.Equal(t, user["id"], b.options["user"].(map[string]any)["id"])
	require.Equal(t, phone.id, b.options["excludeCredentials"].([]any)[0].(map[string]any)["id"], "a keeper has one of a person")
	_, second := p.passkey("Laptop")
	require.NotContains(t, second, "codes", "those that there are stay")

	// As a whole: no address, no password, no code.
	other := s.browser()
	begun := other.beginSignIn()
	require.Equal(t, nameOfServer, begun.options["rpId"])
	require.Equal(t, "required", begun.options["userVerification"])
	require.NotContains(t, begun.options, "allowCredentials")
	w = other.signInBy(begun, phone.signs(begun.options))
	require.Equal(t, http.StatusOK, w.Code, w.Body)
	require.Len(t, w.Result().Cookies(), 2)
	me := decoded(t, other.ask("GET", "/v1/session", ""))
	require.Equal(t, "ada@example.org", me["email"])
	require.Equal(t, []any{"passkey"}, me["methods"])
	require.EqualValues(t, 2, me["passkeys"])
	list := decoded(t, other.ask("GET", "/v1/me/passkeys", ""))["items"].([]any)
	require.Len(t, list, 2)
	require.Equal(t, "Phone", list[0].(map[string]any)["name"])
	require.Equal(t, "192.0.2.1", list[0].(map[string]any)["last_source"])
	require.Contains(t, list[0], "last_used_at")
	require.NotContains(t, list[1], "last_used_at")

	// Behind the password, in the place of a code; so does a recovery code.
	w = other.signIn("ada@example.org", goodPassword, "")
	require.Equal(t, "second_factor", decoded(t, w)["code"])
	require.Contains(t, w.Body.String(), "a passkey, or a recovery code")
	require.Equal(t, http.StatusUnauthorized, other.signIn("ada@example.org", goodPassword, "000000").Code)
	begun = other.beginSignIn()
	body := `{"email":"ada@example.org","password":%q,"passkey":{"challenge_id":%q,"credential":%s}}`
	require.Equal(t, http.StatusUnauthorized,
		other.ask("POST", "/v1/session", fmt.Sprintf(body, "wrong password", begun.id, phone.signs(begun.options))).Code)
	w = other.ask("POST", "/v1/session", fmt.Sprintf(body, goodPassword, begun.id, phone.signs(begun.options)))
	require.Equal(t, http.StatusOK, w.Code, w.Body)
	require.Equal(t, []any{"password", "passkey"}, decoded(t, w)["methods"])
	w = other.signIn("ada@example.org", goodPassword, codes[0].(string))
	require.Equal(t, []any{"password", "recovery"}, decoded(t, w)["methods"])

	// What admins see, and what people change.
	require.EqualValues(t, 2, s.ok("GET", fmt.Sprintf("/v1/users/%d", id), "")["passkeys"])
	path := fmt.Sprintf("/v1/me/passkeys/%v", made["id"])
	require.Equal(t, http.StatusNoContent, other.ask("PATCH", path, `{"name":"Old phone"}`).Code)
	require.Contains(t, other.ask("GET", "/v1/me/passkeys", "").Body.String(), "Old phone")
	require.Equal(t, http.StatusUnauthorized, other.ask("POST", path+"/drop", `{"password":"not the password"}`).Code)
	before = other.cookies["__Host-carillon"]
	require.Equal(t, http.StatusNoContent, other.ask("POST", path+"/drop", fmt.Sprintf(`{"password":%q}`, goodPassword)).Code)
	require.NotEqual(t, before, other.cookies["__Host-carillon"])
	require.Equal(t, http.StatusUnauthorized, p.ask("GET", "/v1/session", "").Code)
	require.EqualValues(t, 9, decoded(t, other.ask("GET", "/v1/session", ""))["recovery_left"])
	begun = s.browser().beginSignIn()
	require.Equal(t, http.StatusUnauthorized, s.browser().signInBy(begun, phone.signs(begun.options)).Code, "it was taken away")
	require.Equal(t, http.StatusNoContent,
		other.ask("POST", fmt.Sprintf("/v1/me/passkeys/%v/drop", second["id"]), fmt.Sprintf(`{"password":%q}`, goodPassword)).Code)
	require.EqualValues(t, 0, decoded(t, other.ask("GET", "/v1/session", ""))["recovery_left"], "they go with the last second factor")
	require.Equal(t, http.StatusOK, s.browser().signIn("ada@example.org", goodPassword, "").Code)

	// The trail has who did it, and nothing that opens something.
	trail := s.do("GET", "/v1/audit?limit=500", "").Body.String()
	for _, action := range []string{`"add-passkey","target":"passkey 1"`, `"rename-passkey","target":"passkey 1"`, `"drop-passkey","target":"passkey 1"`} {
		require.Contains(t, trail, `"action":`+action)
	}
	for _, hidden := range []string{codes[1].(string), goodPassword, phone.id, "Old phone"} {
		require.NotContains(t, trail, hidden)
		require.NotContains(t, s.log.String(), hidden)
	}
}

// Whatever is wrong with an answer, it is refused with the same words, and its challenge is used.
func TestAnswersOfPasskeysThatDoNotHold(t *testing.T) {
	s := newServer(t)
	s.invited("ada@example.org", "editor", false)
	s.invited("eve@example.org", "viewer", false)
	ada, evil := s.in("ada@example.org"), s.in("eve@example.org")
	phone, _ := ada.passkey("Phone")
	hers, _ := evil.passkey("Phone")
	for what, lies := range map[string]func(k *keeper, b *begun){
		"another origin":        func(k *keeper, _ *begun) { k.origin = "https://n.example.org.evil.example" },
		"another port":          func(k *keeper, _ *begun) { k.origin = "https://n.example.org:8443" },
		"without TLS":           func(k *keeper, _ *begun) { k.origin = "http://n.example.org" },
		"another server's name": func(k *keeper, _ *begun) { k.name = "evil.example" },
		"nobody was verified":   func(k *keeper, _ *begun) { k.flags = wasThere },
		"nobody was there":      func(k *keeper, _ *begun) { k.flags = wasVerified },
		"another key":           func(k *keeper, _ *begun) { k.key = newKeeper(t).key },
		"an unknown passkey":    func(k *keeper, _ *begun) { k.id = newKeeper(t).id },
		"an unknown person":     func(k *keeper, _ *begun) { k.handle = newKeeper(t).id },
		"no person":             func(k *keeper, _ *begun) { k.handle = "" },
		"another's passkey":     func(k *keeper, _ *begun) { k.id, k.key = hers.id, hers.key },
		"another challenge":     func(_ *keeper, b *begun) { b.options = ada.beginSignIn().options },
		"an unknown challenge":  func(_ *keeper, b *begun) { b.id += "x" },
		"that of a passkey":     func(_ *keeper, b *begun) { *b = ada.beginPasskey() },
		"it took too long":      func(_ *keeper, _ *begun) { s.clock.Advance(5 * time.Minute) },
		"the counter went back": func(k *keeper, _ *begun) { k.count = 0 },
		"a synced one, now":     func(k *keeper, _ *begun) { k.flags |= 0x18 },
	} {
		p := s.browser()
		b := p.beginSignIn()
		right, liar := *phone, *phone
		begun := b
		lies(&liar, &begun)
		w := p.signInBy(begun, liar.signs(begun.options))
		require.Equal(t, http.StatusUnauthorized, w.Code, "%s: %s", what, w.Body)
		require.Contains(t, w.Body.String(), "is none that is known here, or its answer does not hold", what)
		require.Empty(t, p.cookies, what)
		if begun.id == b.id {
			require.Equal(t, http.StatusUnauthorized, p.signInBy(b, right.signs(b.options)).Code, "%s: the challenge was used", what)
		}
	}
	require.Contains(t, s.do("GET", "/v1/audit?action=refuse-sign-in", "").Body.String(), `"why":"the counter of passkey 1 went back: there may be a copy of it"`)
	for _, garbage := range []string{`{}`, `[]`, `"x"`, `null`, `{"id":"x","type":"public-key","response":{}}`} {
		p := s.browser()
		require.Equal(t, http.StatusUnauthorized, p.signInBy(p.beginSignIn(), garbage).Code, garbage)
	}
	// No other site has a browser sign in, and a browser that keeps no cookie is told.
	p := s.browser()
	for _, path := range []string{"/v1/session/passkey/begin", "/v1/session/passkey"} {
		require.Equal(t, http.StatusForbidden, p.ask("POST", path, "", "Sec-Fetch-Site", "cross-site", "Origin", "https://evil.example").Code)
	}
	// What held is an answer to one challenge, once; and from another process, too.
	b := p.beginSignIn()
	answer := phone.signs(b.options)
	require.Equal(t, http.StatusOK, p.signInBy(b, answer).Code)
	require.Equal(t, http.StatusUnauthorized, s.browser().signInBy(b, answer).Code, "replayed")
	again := newServerOn(t, s.dsn)
	again.clock.Advance(s.clock.Now().Sub(noon))
	b = p.beginSignIn()
	w := again.browser().signInBy(b, phone.signs(b.options))
	require.Equal(t, http.StatusOK, w.Code, w.Body)
}

func TestPasskeysThatAreNotTaken(t *testing.T) {
	s := newServer(t)
	s.invited("ada@example.org", "editor", false)
	s.invited("eve@example.org", "viewer", false)
	ada, eve := s.in("ada@example.org"), s.in("eve@example.org")
	for what, lies := range map[string]func(k *keeper){
		"another origin":        func(k *keeper) { k.origin = "https://evil.example" },
		"another server's name": func(k *keeper) { k.name = "evil.example" },
		"nobody was verified":   func(k *keeper) { k.flags = wasThere },
	} {
		k, b := newKeeper(t), ada.beginPasskey()
		lies(k)
		w := ada.takePasskey(b, "Phone", k.makes(b.options))
		require.Equal(t, http.StatusUnprocessableEntity, w.Code, "%s: %s", what, w.Body)
		require.Contains(t, w.Body.String(), "is no passkey that was made at https://n.example.org", what)
	}
	b := ada.beginPasskey()
	require.Equal(t, http.StatusUnprocessableEntity, ada.takePasskey(b, "Phone", `{"id":7}`).Code)
	require.Equal(t, http.StatusConflict, ada.takePasskey(b, "Phone", newKeeper(t).makes(b.options)).Code, "the challenge was used")
	b = ada.beginPasskey()
	require.Equal(t, http.StatusConflict, eve.takePasskey(b, "Phone", newKeeper(t).makes(b.options)).Code, "it is another's")
	s.clock.Advance(5 * time.Minute)
	require.Equal(t, http.StatusConflict, ada.takePasskey(b, "Phone", newKeeper(t).makes(b.options)).Code, "it took too long")
	signIn := ada.beginSignIn()
	signIn.options["user"] = map[string]any{"id": "x"}
	require.Equal(t, http.StatusConflict, ada.takePasskey(signIn, "Phone", newKeeper(t).makes(signIn.options)).Code, "it is for a sign-in")
	b = ada.beginPasskey()
	require.Equal(t, http.StatusUnprocessableEntity, ada.takePasskey(b, "a\tb", newKeeper(t).makes(b.options)).Code, "its name can't be shown")
	phone, made := ada.passkey("Phone")
	b = eve.beginPasskey()
	require.Equal(t, http.StatusConflict, eve.takePasskey(b, "Phone", phone.makes(b.options)).Code, "it is known already")
	// Nobody else's, and no key has any.
	path := fmt.Sprintf("/v1/me/passkeys/%v", made["id"])
	require.Equal(t, http.StatusNotFound, eve.ask("PATCH", path, `{"name":"mine"}`).Code)
	require.Equal(t, http.StatusNotFound, eve.ask("POST", path+"/drop", fmt.Sprintf(`{"password":%q}`, goodPassword)).Code)
	require.Equal(t, http.StatusForbidden, s.do("GET", "/v1/me/passkeys", "").Code)
	require.Equal(t, http.StatusForbidden, ada.ask("POST", path+"/drop", fmt.Sprintf(`{"password":%q}`, goodPassword),
		"Sec-Fetch-Site", "cross-site", "Origin", "https://evil.example").Code)
}

// An app and passkeys stand beside each other, and the recovery codes for both.
func TestAnAppAndPasskeysBesideEachOther(t *testing.T) {
	s := newServer(t)
	id := s.invited("ada@example.org", "editor", false)
	p := s.in("ada@example.org")
	_, made := p.passkey("Phone")
	first := made["codes"].([]any)[0].(string)
	key := decoded(t, p.ask("POST", "/v1/me/totp", ""))["secret"].(string)
	code := func() string {
		c, err := totp.GenerateCode(key, s.clock.Now())
		require.NoError(t, err)
		return c
	}
	w := p.ask("PUT", "/v1/me/totp", fmt.Sprintf(`{"password":%q,"secret":%q,"code":%q}`, goodPassword, key, code()))
	require.Equal(t, http.StatusOK, w.Code, w.Body)
	codes := decoded(t, w)["codes"].([]any)
	w = p.signIn("ada@example.org", goodPassword, "")
	require.Contains(t, w.Body.String(), "a code of the authenticator app, or a passkey, or a recovery code")
	require.Equal(t, http.StatusUnauthorized, s.browser().signIn("ada@example.org", goodPassword, first).Code, "an app brings new ones")
	// Without the app the passkeys stay, and the codes with them.
	s.clock.Advance(time.Minute)
	p = s.browser()
	require.Equal(t, http.StatusOK, p.signIn("ada@example.org", goodPassword, code()).Code)
	s.clock.Advance(time.Minute)
	require.Equal(t, http.StatusNoContent, p.ask("POST", "/v1/me/totp/drop", fmt.Sprintf(`{"password":%q,"code":%q}`, goodPassword, code())).Code)
	w = s.browser().signIn("ada@example.org", goodPassword, "")
	require.Equal(t, "second_factor", decoded(t, w)["code"])
	require.Equal(t, http.StatusUnauthorized, s.browser().signIn("ada@example.org", goodPassword, code()).Code, "no code is made of nothing")
	empty, err := totp.GenerateCode("", s.clock.Now())
	require.NoError(t, err)
	require.Equal(t, http.StatusUnauthorized, s.browser().signIn("ada@example.org", goodPassword, empty).Code)
	require.Equal(t, http.StatusOK, s.browser().signIn("ada@example.org", goodPassword, codes[0].(string)).Code)

	// A new password leaves them; a link that takes the second factor away takes them, too.
	reset := func(body, password string) {
		token := s.ok("POST", fmt.Sprintf("/v1/users/%d/reset", id), body)["token"]
		w := s.browser().ask("POST", "/v1/password/reset", fmt.Sprintf(`{"token":%q,"password":%q}`, token, password))
		require.Equal(t, http.StatusNoContent, w.Code, w.Body)
	}
	const next = "a new one that holds"
	reset("", next)
	require.Equal(t, "second_factor", decoded(t, s.browser().signIn("ada@example.org", next, ""))["code"])
	reset(`{"without_totp":true}`, goodPassword)
	require.Equal(t, http.StatusOK, s.browser().signIn("ada@example.org", goodPassword, "").Code)
	user := s.ok("GET", fmt.Sprintf("/v1/users/%d", id), "")
	require.EqualValues(t, 0, user["passkeys"])
	// Codes are made with the first second factor again.
	_, made = s.in("ada@example.org").passkey("Phone")
	require.Len(t, made["codes"], 10)
	require.NotContains(t, strings.ToLower(s.log.String()), "panic")
}
