package signintest

import (
	"crypto"
	"crypto/hmac"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"maps"
	"math/big"
	"net/http"
	"net/http/httptest"
	"net/url"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"carillon/internal/clock"
)

const (
	clientID     = "carillon"
	clientSecret = "the secret of the client: 100% ours"
)

// forged is an answer that is about to be signed.
type forged struct {
	header, claims object
	// sign signs it, with the provider's key unless a forgery says otherwise.
	sign func(f *forger, signed string) []byte
}

// forger is a provider that says what it is told to.
type forger struct {
	t      *testing.T
	server *httptest.Server
	key    *rsa.PrivateKey

	mu sync.Mutex
	// asked are the requests that were sent here, by their codes, each of which opens once.
	asked map[string]url.Values
	// forge changes the next answer, and serve takes over a path.
	forge func(*forged)
	serve map[string]http.HandlerFunc
	info  object
}

func newForger(t *testing.T) *forger {
	t.Helper()
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	require.NoError(t, err)
	f := &forger{t: t, key: key, asked: map[string]url.Values{}, serve: map[string]http.HandlerFunc{}}
	f.server = httptest.NewServer(http.HandlerFunc(f.answer))
	t.Cleanup(f.server.Close)
	return f
}

func b64(raw []byte) string { return base64.RawURLEncoding.EncodeToString(raw) }

func (f *forger) answer(w http.ResponseWriter, r *http.Request) {
	f.mu.Lock()
	other := f.serve[r.URL.Path]
	f.mu.Unlock()
	if other != nil {
		other(w, r)
		return
	}
	var said any
	switch at := f.server.URL; r.URL.Path {
	case "/.well-known/openid-configuration":
		said = object{"issuer": at, "authorization_endpoint": at + "/authorize", "token_endpoint": at + "/token", "jwks_uri": at + "/keys",
			"userinfo_endpoint": at + "/me", "id_token_signing_alg_values_supported": []string{"RS256", "HS256", "none"}}
	case "/keys":
		said = object{"keys": []object{{"kty": "RSA", "kid": "1", "use": "sig", "alg": "RS256", "n": b64(f.key.N.Bytes()),
			"e": b64(big.NewInt(int64(f.key.E)).Bytes())}}}
	case "/token":
		said = f.token(w, r)
	case "/me":
		f.mu.Lock()
		said = f.info
		f.mu.Unlock()
	}
	w.Header().Set("Content-Type", "application/json")
	if err, wrong := said.(string); wrong {
		w.WriteHeader(http.StatusBadRequest)
		said = object{"error": err}
	}
	_ = json.NewEncoder(w).Encode(said)
}

// token takes a code, or says what is wrong with it.
func (f *forger) token(_ http.ResponseWriter, r *http.Request) any {
	f.mu.Lock()
	defer f.mu.Unlock()
	asked, known := f.asked[r.FormValue("code")]
	delete(f.asked, r.FormValue("code"))
	verifier := sha256.Sum256([]byte(r.FormValue("code_verifier")))
	id, presented, _ := r.BasicAuth()
	plain, err := url.QueryUnescape(presented)
	switch {
	case err != nil || id != clientID || plain != clientSecret:
		return "invalid_client"
	case !known || asked.Get("code_challenge_method") != "S256" || asked.Get("code_challenge") != b64(verifier[:]) ||
		asked.Get("redirect_uri") != r.FormValue("redirect_uri"):
		return "invalid_grant"
	}
	now := clock.System{}.Now().Unix()
	a := &forged{
		header: object{"alg": "RS256", "kid": "1"},
		claims: object{"iss": f.server.URL, "aud": clientID, "sub": "ada", "nonce": asked.Get("nonce"), "iat": now, "exp": now + 60, "name": "Ada",
			"email": "ada@example.org", "email_verified": true, "groups": []string{"marketing"}},
		sign: func(f *forger, signed string) []byte { return signRSA(f.t, f.key, signed) },
	}
	if f.forge != nil {
		f.forge(a)
	}
	answer := object{"access_token": "opens nothing", "token_type": "Bearer"}
	if a.sign != nil {
		answer["id_token"] = f.compact(a)
	}
	return answer
}

func (f *forger) compact(a *forged) string {
	header, err := json.Marshal(a.header)
	require.NoError(f.t, err)
	claims, err := json.Marshal(a.claims)
	require.NoError(f.t, err)
	signed := b64(header) + "." + b64(claims)
	return signed + "." + b64(a.sign(f, signed))
}

func signRSA(t *testing.T, key *rsa.PrivateKey, signed string) []byte {
	t.Helper()
	sum := sha256.Sum256([]byte(signed))
	signature, err := rsa.SignPKCS1v15(rand.Reader, key, crypto.SHA256, sum[:])
	require.NoError(t, err)
	return signature
}

// byPublicKey signs with HMAC and the text of the provider's public key, which everybody has.
func byPublicKey(f *forger, signed string) []byte {
	der, err := x509.MarshalPKIXPublicKey(&f.key.PublicKey)
	require.NoError(f.t, err)
	mac := hmac.New(sha256.New, pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: der}))
	mac.Write([]byte(signed))
	return mac.Sum(nil)
}

// says has the provider forge its answers from now on.
func (f *forger) says(forge func(*forged), serve map[string]http.HandlerFunc) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.forge, f.serve, f.info = forge, maps.Clone(serve), nil
	if f.serve == nil {
		f.serve = map[string]http.HandlerFunc{}
	}
}

// grant is what a browser comes back with that was sent here.
func (f *forger) grant(asked url.Values) url.Values {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.asked["code of "+asked.Get("state")] = asked
	return url.Values{"state": {asked.Get("state")}, "code": {"code of " + asked.Get("state")}}
}

// signIn goes there and back.
func (f *forger) signIn(b *browser, provider string) answer {
	return b.comeBack(provider, f.grant(b.begin(provider)))
}
