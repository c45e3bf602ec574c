package api_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/hmac"
	crand "crypto/rand"
	"crypto/sha1"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"maps"
	"math/rand/v2"
	"net/http"
	"slices"
	"strconv"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"carillon/internal/secret"
	"carillon/providers"
	"carillon/providers/builtin"
	"carillon/providers/hook"
	"carillon/store/storetest"
)

// hooked is how a provider proves itself at a hook.
type hooked struct {
	setting string
	// config is the configuration with a secret.
	config string
	// proof is what stands behind the path, and the headers, of a request with the secret.
	proof func(key string, at time.Time, body []byte) (query string, header http.Header)
	// body is what is posted, of a time and with the secret.
	body func(key string, at time.Time) string
	// public is what is configured of a key that signs; nil is the key itself.
	public func(key string) string
}

// with is the configuration with a key, a mask of one, or none.
func (h hooked) with(key string) string {
	if h.public != nil && key != "" && key != secret.Redacted {
		key = h.public(key)
	}
	return fmt.Sprintf(h.config, key)
}

// always is a body that is the same whoever posts it.
func always(body string) func(string, time.Time) string {
	return func(string, time.Time) string { return body }
}

func inTheAddress(key string, _ time.Time, _ []byte) (query string, header http.Header) {
	return "?token=" + key, nil
}

func signed(key string, at time.Time, body []byte) (query string, header http.Header) {
	signer, err := hook.NewSigner(secret.New(key))
	if err != nil {
		panic(err)
	}
	return "", signer.Header("evt_1", at, body)
}

// ellipticKey is the private key that a text stands for.
func ellipticKey(text string) *ecdsa.PrivateKey {
	number := sha256.Sum256([]byte(text))
	key, err := ecdsa.ParseRawPrivateKey(elliptic.P256(), number[:])
	if err != nil {
		panic(err)
	}
	return key
}

// ellipticHalf is its public half, as it is configured.
func ellipticHalf(text string) string {
	der, err := x509.MarshalPKIXPublicKey(&ellipticKey(text).PublicKey)
	if err != nil {
		panic(err)
	}
	return base64.StdEncoding.EncodeToString(der)
}

// signedByMeta is how Meta signs for all that it has.
func signedByMeta(key string, _ time.Time, body []byte) (query string, header http.Header) {
	mac := hmac.New(sha256.New, []byte(key))
	mac.Write(body)
	return "", http.Header{"X-Hub-Signature-256": {"sha256=" + hex.EncodeToString(mac.Sum(nil))}}
}

// signedByMailgun is a body with its signature in itself, of a token that is another one each
// time.
func signedByMailgun(key string, at time.Time) string {
	stamp, token := strconv.FormatInt(at.Unix(), 10), strconv.FormatUint(rand.Uint64(), 36)
	mac := hmac.New(sha256.New, []byte(key))
	mac.Write([]byte(stamp + token))
	return fmt.Sprintf(`{"signature":{"timestamp":%q,"token":%q,"signature":%q},"event-data":{}}`, stamp, token, hex.EncodeToString(mac.Sum(nil)))
}

// hookedOnes are all providers that report something.
var hookedOnes = map[string]hooked{
	"chatapi":         {"hook_token", `{"url":"https://example.org/instance12","token":"x","hook_token":%q}`, inTheAddress, always(`{}`), nil},
	"messengerpeople": {"hook_token", `{"api_key":"x","hook_token":%q}`, inTheAddress, always(`{}`), nil},
	"postmark":        {"hook_token", `{"token":"x","from":"news@example.org","hook_token":%q}`, inTheAddress, always(`{}`), nil},
	"mailgun": {"signing_key", `{"domain":"mg.example.org","api_key":"x","from":"news@example.org","signing_key":%q}`,
		func(string, time.Time, []byte) (query string, header http.Header) { return "", nil }, signedByMailgun, nil},
	"sendgrid": {"verification_key", `{"api_key":"x","from":"news@example.org","verification_key":%q}`,
		func(key string, at time.Time, body []byte) (query string, header http.Header) {
			stamp := strconv.FormatInt(at.Unix(), 10)
			sum := sha256.Sum256(append([]byte(stamp), body...))
			signature, err := ecdsa.SignASN1(crand.Reader, ellipticKey(key), sum[:])
			if err != nil {
				panic(err)
			}
			return "", http.Header{
				"X-Twilio-Email-Event-Webhook-Timestamp": {stamp},
				"X-Twilio-Email-Event-Webhook-Signature": {base64.StdEncoding.EncodeToString(signature)},
			}
		}, always(`[]`), ellipticHalf},
	"xms": {"verify_token", `{"url":"https://example.org/xms","api_key":"x","channel_id":"wa360:919999998888","verify_token":%q}`,
		func(key string, _ time.Time, _ []byte) (query string, header http.Header) {
			return "", http.Header{"X-Verify-Token": {key}}
		}, always(`{}`), nil},
	"chatwoot": {"secret", `{"url":"https://example.org","token":"x","account":1,"inbox":2,"secret":%q}`,
		func(key string, at time.Time, body []byte) (query string, header http.Header) {
			stamp := strconv.FormatInt(at.Unix(), 10)
			mac := hmac.New(sha256.New, []byte(key))
			mac.Write([]byte(stamp + "."))
			mac.Write(body)
			return "", http.Header{"X-Chatwoot-Timestamp": {stamp}, "X-Chatwoot-Signature": {"sha256=" + hex.EncodeToString(mac.Sum(nil))}}
		}, always(`{}`), nil},
	"telegram": {"secret_token", `{"token":"110201543:a-token-that-only-shows-the-form-0","secret_token":%q}`,
		func(key string, _ time.Time, _ []byte) (query string, header http.Header) {
			return "", http.Header{"X-Telegram-Bot-Api-Secret-Token": {key}}
		}, always(`{}`), nil},
	"whatsapp": {"app_secret", `{"phone_number_id":"106540352242922","token":"a-token-that-only-shows-the-form-0","app_secret":%q}`,
		signedByMeta, always(`{}`), nil},
	"messenger": {"app_secret", `{"page_id":"1234567890123456","token":"a-token-that-only-shows-the-form-0","app_secret":%q}`,
		signedByMeta, always(`{}`), nil},
	"instagram": {"app_secret", `{"account_id":"17841400000000000","token":"a-token-that-only-shows-the-form-0","app_secret":%q}`,
		signedByMeta, always(`{}`), nil},
	"viber": {"token", `{"sender":"News","token":%q}`, func(key string, _ time.Time, body []byte) (query string, header http.Header) {
		mac := hmac.New(sha256.New, []byte(key))
		mac.Write(body)
		return "", http.Header{"X-Viber-Content-Signature": {hex.EncodeToString(mac.Sum(nil))}}
	}, always(`{}`), nil},
	"twilio": {"auth_token", `{"account_sid":"AC00000000000000000000000000000001","from":"+15005550006","api_key_sid":"SK00000000000000000000000000000003",
		"api_key_secret":"0123456789abcdef","auth_token":%q}`, func(key string, _ time.Time, _ []byte) (query string, header http.Header) {
		mac := hmac.New(sha1.New, []byte(key)) // the address, and the only parameter
		mac.Write([]byte("https://n.example.org/hooks/1" + "MessageStatus" + "sent"))
		return "", http.Header{"X-Twilio-Signature": {base64.StdEncoding.EncodeToString(mac.Sum(nil))}}
	}, always(`MessageStatus=sent`), nil},
	"vonage": {"signature_secret", `{"api_key":"abcd1234","api_secret":"0123456789abcdef","from":"News24","signature_secret":%q}`,
		func(key string, _ time.Time, body []byte) (query string, header http.Header) {
			hash := sha256.Sum256(body)
			encode := base64.RawURLEncoding.EncodeToString
			token := encode([]byte(`{"alg":"HS256"}`)) + "." + encode(fmt.Appendf(nil, `{"payload_hash":%q}`, hex.EncodeToString(hash[:])))
			mac := hmac.New(sha256.New, []byte(key))
			mac.Write([]byte(token))
			return "", http.Header{"Authorization": {"Bearer " + token + "." + encode(mac.Sum(nil))}}
		}, always(`{}`), nil},
	"webhook": {"secret", `{"url":"https://example.org/hook","secret":%q}`, signed, always(`{"events":[]}`), nil},
	"smtp": {"bounce_token", `{"host":"mail.example.org","from":"news@example.org","bounce_token":%q}`, inTheAddress,
		always("Subject: Hello\r\n\r\nHello"), nil},
	"sandbox": {"secret", `{"secret":%q}`, signed, always(`{"events":[]}`), nil},
}

// keyless are the providers that prove themselves by the provider's own certificate: there is no
// secret to exchange.
var keyless = []string{"ses"}

// Who can report something proves itself by one secret, and that one can be exchanged.
func TestEveryHookHasASecretThatCanBeExchanged(t *testing.T) {
	registry, err := providers.NewRegistry(builtin.Kinds()...)
	require.NoError(t, err)
	for _, k := range registry.Kinds() {
		x, err := registry.Exchange(k.Name, nil, nil)
		require.NoError(t, err)
		if (k.Capabilities.Receipts || k.Capabilities.Replies) && !slices.Contains(keyless, k.Name) {
			require.Contains(t, hookedOnes, k.Name)
			require.Equal(t, []string{hookedOnes[k.Name].setting}, x.Presented, k.Name)
		} else {
			require.Empty(t, x.Presented, k.Name)
		}
	}
}

// post reports to the only channel with a secret, and returns the status.
func (s *server) post(h hooked, key string) int {
	body := h.body(key, s.clock.Now())
	query, header := h.proof(key, s.clock.Now(), []byte(body))
	pairs := []string{"Authorization", ""}
	for name := range header {
		pairs = append(pairs, name, header.Get(name))
	}
	return s.do("POST", "/hooks/1"+query, body, pairs...).Code
}

func (s *server) setSecret(h hooked, key string, seconds int) map[string]any {
	s.t.Helper()
	return s.ok("PATCH", "/v1/channels/1", fmt.Sprintf(`{"config":%s,"overlap_seconds":%d}`, h.with(key), seconds))
}

// keyOf is a secret of a hook, one for each number.
func keyOf(n int) string {
	return "whsec_" + base64.StdEncoding.EncodeToString(fmt.Appendf(nil, "%033d", n))
}

// lately is for how long a hook believes what it knew of its channel.
const lately = 2 * time.Second

// Whatever is done with a hook's secret, in whatever order: of all that it ever was the present one
// is taken, and the one before it until its time is over, if it was given one; nothing else ever is.
func TestAHookTakesTheSecretOfBeforeForItsTimeAlone(t *testing.T) {
	for name, h := range hookedOnes {
		onBoth(t, name, func(t *testing.T, dsn string) {
			s := newServerOn(t, dsn)
			s.ok("POST", "/v1/channels", fmt.Sprintf(`{"name":"hook","provider":%q,"config":%s}`, name, h.with(keyOf(1))))
			present, before, ends, last := 1, 0, time.Time{}, 1
			look := func(what string) {
				t.Helper()
				for n := range last + 2 { // 0, and the one after the last, were never a secret of it
					want := 401
					if n == present || n != 0 && n == before && s.clock.Now().Before(ends) {
						want = 200
					}
					require.Equal(t, want, s.post(h, keyOf(n)), "%s: secret %d, present %d, before %d until %s, now %s", what, n, present, before, ends, s.clock.Now())
				}
			}
			look("made")
			dice := rand.New(rand.NewPCG(7, uint64(len(name))))
			for range 30 {
				switch what := dice.IntN(6); what {
				case 0, 1: // another secret, at times that of before
					next := last + 1
					if before != 0 && dice.IntN(3) == 0 {
						next = before
					}
					seconds := dice.IntN(3) * dice.IntN(3600)
					s.setSecret(h, keyOf(next), seconds)
					before, present, last = present, next, max(last, next)
					ends = s.clock.Now().Add(time.Duration(seconds) * time.Second)
					s.clock.Advance(lately)
					look("exchanged")
				case 2: // something else is changed, the secret sent back masked or left out
					s.ok("PATCH", "/v1/channels/1", fmt.Sprintf(`{"name":"hook %d"}`, dice.Int()))
					s.ok("PATCH", "/v1/channels/1", fmt.Sprintf(`{"config":%s}`, h.with(secret.Redacted)))
					s.clock.Advance(lately)
					look("left")
				case 3:
					s.ok("POST", "/v1/channels/1/end-overlap", "")
					before = 0
					s.clock.Advance(lately)
					look("ended")
				case 4: // to the last instant at which both are taken, and the first at which not
					if left := ends.Sub(s.clock.Now()); before != 0 && left > 0 {
						s.clock.Advance(left - time.Millisecond)
						look("the last instant")
						s.clock.Advance(time.Millisecond)
						look("over")
					}
				case 5:
					s.clock.Advance(time.Duration(dice.IntN(1000)) * time.Second)
					_, err := s.store.Housekeep(t.Context())
					require.NoError(t, err)
					look("later")
				}
				view, shown := s.ok("GET", "/v1/channels/1", "")["secrets"].(map[string]any)[h.setting].(map[string]any)["replaced"].(map[string]any)
				if counts := before != 0 && s.clock.Now().Before(ends); counts {
					require.Equal(t, map[string]any{"ends_at": ends.Format(time.RFC3339)}, view)
				} else {
					require.False(t, shown, "%v", view)
				}
			}
			for n := range last + 1 {
				require.NotContains(t, s.log.String(), keyOf(n))
			}
		})
	}
}

// onBoth runs a test on SQLite and on PostgreSQL.
func onBoth(t *testing.T, name string, run func(t *testing.T, dsn string)) {
	t.Run(name+" on SQLite", func(t *testing.T) { run(t, storetest.NewestSQLite(t)) })
	t.Run(name+" on PostgreSQL", func(t *testing.T) { run(t, storetest.NewestPostgres(t)) })
}

// An overlap that would keep nothing is refused, with what to do, and changes nothing.
func TestAnOverlapThatWouldKeepNothingIsRefused(t *testing.T) {
	s := newServer(t)
	h := hookedOnes["chatapi"]
	s.ok("POST", "/v1/channels", fmt.Sprintf(`{"name":"chat","provider":"chatapi","config":`+h.config+`}`, keyOf(1)))
	s.ok("POST", "/v1/channels", `{"name":"mail","provider":"smtp","config":{"host":"mail.example.org","from":"a@example.org","password":"x","username":"u"}}`)
	for _, c := range []struct{ path, body, want string }{
		{"1", `{"overlap_seconds":60}`, "config.hook_token"},
		{"1", `{"name":"other","overlap_seconds":60}`, "is not replaced by another"},
		{"1", fmt.Sprintf(`{"config":`+h.config+`,"overlap_seconds":60}`, keyOf(1)), "is not replaced by another"},
		{"1", fmt.Sprintf(`{"config":`+h.config+`,"overlap_seconds":60}`, ""), "is not replaced by another"},
		{"1", fmt.Sprintf(`{"config":{"url":"https://example.net/i","token":"x","hook_token":%q},"overlap_seconds":60}`, keyOf(2)), "config.url changes"},
		{"1", fmt.Sprintf(`{"config":`+h.config+`,"overlap_seconds":2592001}`, keyOf(2)), "overlap_seconds"},
		{"1", fmt.Sprintf(`{"config":`+h.config+`,"overlap_seconds":-1}`, keyOf(2)), "overlap_seconds"},
		{"2", `{"config":{"host":"mail.example.org","from":"a@example.org","password":"y","username":"u"},"overlap_seconds":60}`, "config.bounce_token"},
	} {
		w := s.do("PATCH", "/v1/channels/"+c.path, c.body)
		require.Equal(t, 422, w.Code, c.body)
		require.Contains(t, w.Body.String(), c.want)
		require.Contains(t, w.Body.String(), "body.overlap_seconds")
		require.NotContains(t, w.Body.String(), keyOf(2))
	}
	require.Equal(t, "chat", s.ok("GET", "/v1/channels/1", "")["name"])
	s.clock.Advance(lately)
	require.Equal(t, 200, s.post(h, keyOf(1)))
	require.Equal(t, 401, s.post(h, keyOf(2)))
}

// What goes to another instance does not take what the one before proved itself by.
func TestAChannelThatMovesTakesNothingOfBefore(t *testing.T) {
	s := newServer(t)
	h := hookedOnes["chatapi"]
	s.ok("POST", "/v1/channels", fmt.Sprintf(`{"name":"chat","provider":"chatapi","config":`+h.config+`}`, keyOf(1)))
	s.setSecret(h, keyOf(2), 3600)
	s.ok("PATCH", "/v1/channels/1", fmt.Sprintf(`{"config":{"url":"https://example.net/i","token":"x","hook_token":%q}}`, keyOf(2)))
	s.clock.Advance(lately)
	require.Equal(t, 200, s.post(h, keyOf(2)))
	require.Equal(t, 401, s.post(h, keyOf(1)))
}

// Without a secret nothing is taken: not what one was before, and nothing that is signed with an
// empty one.
func TestAHookWhoseSecretIsTakenAwayTakesNothing(t *testing.T) {
	for name, h := range hookedOnes {
		if name == "webhook" || name == "viber" {
			continue // they need one
		}
		t.Run(name, func(t *testing.T) {
			s := newServer(t)
			s.ok("POST", "/v1/channels", fmt.Sprintf(`{"name":"x","provider":%q,"config":%s}`, name, h.with(keyOf(1))))
			s.setSecret(h, keyOf(2), 3600)
			s.ok("PATCH", "/v1/channels/1", fmt.Sprintf(`{"config":%s}`, h.with("")))
			s.clock.Advance(lately)
			for _, key := range []string{keyOf(1), keyOf(2), ""} {
				require.Equal(t, 401, s.post(h, key))
			}
			require.NotContains(t, s.ok("GET", "/v1/channels/1", "")["secrets"], h.setting)
		})
	}
}

// Of each secret it is known when it was set last and by whom, and that moves with the secret
// alone; of those that were set before it was recorded nothing is said.
func TestWhenASecretWasSetAndByWhom(t *testing.T) {
	onBoth(t, "channels", func(t *testing.T, dsn string) {
		s := newServerOn(t, dsn)
		_, deploy := s.key(`{"name":"deploy","role":"admin"}`)
		set := func() map[string]any {
			return s.ok("GET", "/v1/channels/1", "", "Authorization", "Bearer viewer-key-0123456789")["secrets"].(map[string]any)
		}
		entry := func(at time.Time, by string) map[string]any {
			return map[string]any{"set_at": at.Format(time.RFC3339), "set_by": by}
		}
		const config = `{"url":"https://example.org/hook","secret":%q,"headers":%s}`
		made := s.clock.Now()
		s.ok("POST", "/v1/channels", fmt.Sprintf(`{"name":"hook","provider":"webhook","config":`+config+`}`, keyOf(1),
			`{"Authorization":"Bearer one","X-Kept":"two"}`))
		first := entry(made, "key 1 (admin)")
		require.Equal(t, map[string]any{"secret": first, "headers.Authorization": first, "headers.X-Kept": first}, set())

		s.clock.Advance(time.Hour)
		for _, body := range []string{
			`{"name":"renamed","limits":{"per_second":3}}`,
			`{"config":{"url":"https://example.org/hook","timeout_ms":2000}}`,
			fmt.Sprintf(`{"config":`+config+`}`, "<redacted>", `{"Authorization":"<redacted>","X-Kept":"<redacted>"}`),
			fmt.Sprintf(`{"config":`+config+`}`, keyOf(1), `{"Authorization":"Bearer one","X-Kept":"two"}`), // the same again
		} {
			s.ok("PATCH", "/v1/channels/1", body, deploy...)
			require.Equal(t, map[string]any{"secret": first, "headers.Authorization": first, "headers.X-Kept": first}, set(), body)
		}
		wrong := fmt.Sprintf(`{"config":{"url":"https://example.org/hook","secret":%q,"no":1}}`, keyOf(2))
		require.Equal(t, 422, s.do("PATCH", "/v1/channels/1", wrong, deploy...).Code)
		require.Equal(t, first, set()["secret"], "it was refused")

		changed := entry(s.clock.Now(), fmt.Sprintf("key %d (deploy)", 5))
		s.ok("PATCH", "/v1/channels/1", fmt.Sprintf(`{"config":`+config+`}`, keyOf(2), `{"Authorization":"Bearer three","X-New":"four"}`), deploy...)
		require.Equal(t, map[string]any{"secret": changed, "headers.Authorization": changed, "headers.X-New": changed}, set())

		// The trail says which, and what none of them is.
		trail := s.do("GET", "/v1/audit?action=update-channel", "").Body.String()
		require.Contains(t, trail, "headers.Authorization")
		require.Contains(t, trail, "(deploy)")
		detail := s.ok("GET", "/v1/audit?limit=1&action=update-channel", "")["items"].([]any)[0].(map[string]any)["detail"].(map[string]any)
		require.Equal(t, map[string]any{"secret": changed, "headers.Authorization": changed, "headers.X-New": changed}, detail["after"].(map[string]any)["secrets"])
		for _, value := range []string{keyOf(1), keyOf(2), "Bearer one", "Bearer three", "four"} {
			require.NotContains(t, trail, value)
			require.NotContains(t, s.do("GET", "/v1/channels/1", "").Body.String(), value)
		}

		// As the channels of a version before this stand there.
		storetest.Open(t, dsn).Exec("UPDATE channels SET secrets_set = '{}'")
		require.Equal(t, map[string]any{"secret": map[string]any{}, "headers.Authorization": map[string]any{}, "headers.X-New": map[string]any{}}, set())
		s.ok("PATCH", "/v1/channels/1", fmt.Sprintf(`{"config":`+config+`}`, keyOf(3), `{"Authorization":"<redacted>","X-New":"<redacted>"}`), deploy...)
		require.Equal(t, map[string]any{"secret": changed, "headers.Authorization": map[string]any{}, "headers.X-New": map[string]any{}}, set())
	})
}

// The same of webhooks and of identity providers.
func TestWhenTheSecretsOfOthersWereSet(t *testing.T) {
	onBoth(t, "webhooks and identity providers", func(t *testing.T, dsn string) {
		s := newServerOn(t, dsn)
		_, deploy := s.key(`{"name":"deploy","role":"admin"}`)
		by := func(path string) map[string]string {
			found := map[string]string{}
			for name, view := range s.ok("GET", path, "")["secrets"].(map[string]any) {
				found[name] = fmt.Sprint(view.(map[string]any)["set_by"], " at ", view.(map[string]any)["set_at"])
			}
			return found
		}
		const first, then = "key 1 (admin) at 2026-03-01T12:00:00Z", "key 5 (deploy) at 2026-03-01T13:00:00Z"
		s.ok("POST", "/v1/webhooks", `{"url":"https://example.org/a","events":["message.sent"],"headers":{"Authorization":"one","X-A":"two"}}`)
		s.ok("POST", "/v1/identity-providers", `{"name":"corp","issuer":"https://login.example.org","client_id":"x","client_secret":"y"}`)
		require.Equal(t, map[string]string{"secret": first, "headers.Authorization": first, "headers.X-A": first}, by("/v1/webhooks/1"))
		require.Equal(t, map[string]string{"client_secret": first}, by("/v1/identity-providers/1"))

		s.clock.Advance(time.Hour)
		s.ok("PATCH", "/v1/webhooks/1", `{"description":"d"}`, deploy...)
		s.ok("PATCH", "/v1/identity-providers/1", `{"name":"c","client_secret":"********"}`, deploy...)
		require.Equal(t, map[string]string{"secret": first, "headers.Authorization": first, "headers.X-A": first}, by("/v1/webhooks/1"))
		require.Equal(t, map[string]string{"client_secret": first}, by("/v1/identity-providers/1"))

		s.ok("PATCH", "/v1/webhooks/1", `{"headers":{"Authorization":"three","X-A":"two"}}`, deploy...)
		require.Equal(t, map[string]string{"secret": first, "headers.Authorization": then, "headers.X-A": first}, by("/v1/webhooks/1"))
		s.ok("POST", "/v1/webhooks/1/secret", `{}`, deploy...)
		require.Equal(t, then, by("/v1/webhooks/1")["secret"])
		s.ok("PATCH", "/v1/identity-providers/1", `{"client_secret":"z"}`, deploy...)
		require.Equal(t, map[string]string{"client_secret": then}, by("/v1/identity-providers/1"))
	})
}

// /v1/providers says of which settings an old one can be taken.
func TestProvidersSayWhichSecretsCanOverlap(t *testing.T) {
	s := newServer(t)
	found := map[string][]string{}
	for _, p := range s.ok("GET", "/v1/providers", "")["items"].([]any) {
		provider := p.(map[string]any)
		settings := provider["config"].(map[string]any)["properties"].(map[string]any)
		for _, name := range slices.Sorted(maps.Keys(settings)) {
			if settings[name].(map[string]any)["x-overlap"] == true {
				found[provider["name"].(string)] = append(found[provider["name"].(string)], name)
			}
		}
	}
	want := map[string][]string{}
	for name, h := range hookedOnes {
		want[name] = []string{h.setting}
	}
	require.Equal(t, want, found)
}
