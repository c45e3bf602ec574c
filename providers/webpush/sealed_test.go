package webpush_test

import (
	"context"
	"crypto/aes"
	"crypto/cipher"
	"crypto/ecdh"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/hkdf"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"math/big"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"carillon/internal/sink"
	"carillon/providers"
)

// done is a context that has ended.
func done(t testing.TB) context.Context {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	return ctx
}

// unseal decrypts a body as a browser does (RFC 8291).
func unseal(privateKey, secret string, body []byte) ([]byte, error) {
	const header = 16 + 4 + 1 + 65
	if len(body) < header || body[20] != 65 {
		return nil, errors.New("the header is not RFC 8188's")
	}
	salt, from := body[:16], body[21:header]
	d, err := base64.RawURLEncoding.DecodeString(privateKey)
	if err != nil {
		return nil, err
	}
	own, err := ecdh.P256().NewPrivateKey(d)
	if err != nil {
		return nil, err
	}
	sender, err := ecdh.P256().NewPublicKey(from)
	if err != nil {
		return nil, err
	}
	shared, err := own.ECDH(sender)
	if err != nil {
		return nil, err
	}
	authSecret, err := base64.RawURLEncoding.DecodeString(secret)
	if err != nil {
		return nil, err
	}
	derive := func(key, salt []byte, info string, length int) []byte {
		if err != nil {
			return nil
		}
		var derived []byte
		derived, err = hkdf.Key(sha256.New, key, salt, info, length)
		return derived
	}
	ikm := derive(shared, authSecret, "WebPush: info\x00"+string(own.PublicKey().Bytes())+string(from), 32)
	key := derive(ikm, salt, "Content-Encoding: aes128gcm\x00", 16)
	nonce := derive(ikm, salt, "Content-Encoding: nonce\x00", 12)
	if err != nil {
		return nil, err
	}
	block, err := aes.NewCipher(key)
	if err != nil {
		return nil, err
	}
	gcm, err := cipher.NewGCM(block)
	if err != nil {
		return nil, err
	}
	text, err := gcm.Open(nil, nonce, body[header:], nil)
	if err != nil {
		return nil, err
	}
	whole, ok := strings.CutSuffix(strings.TrimRight(string(text), "\x00"), "\x02")
	if !ok {
		return nil, errors.New("the last record does not end as RFC 8188 says")
	}
	return []byte(whole), nil
}

// signedBy is the key that an Authorization header of RFC 8292 is signed with, and what is wrong
// with it.
func signedBy(header, audience string, now time.Time) (key, problem string) {
	token, key, ok := strings.Cut(strings.TrimPrefix(header, "vapid t="), ", k=")
	parts := strings.Split(token, ".")
	if !ok || len(parts) != 3 {
		return "", "no token and key"
	}
	raw, err := base64.RawURLEncoding.DecodeString(key)
	if err != nil {
		return "", "no public key"
	}
	signer, err := ecdsa.ParseUncompressedPublicKey(elliptic.P256(), raw)
	if err != nil {
		return "", "no public key"
	}
	signature, err := base64.RawURLEncoding.DecodeString(parts[2])
	if err != nil || len(signature) != 64 {
		return "", "no signature of 64 bytes"
	}
	digest := sha256.Sum256([]byte(parts[0] + "." + parts[1]))
	if !ecdsa.Verify(signer, digest[:], new(big.Int).SetBytes(signature[:32]), new(big.Int).SetBytes(signature[32:])) {
		return "", "wrong signature"
	}
	var head struct{ Alg, Typ string }
	var claims struct {
		Aud, Sub string
		Exp      int64
	}
	for part, into := range map[string]any{parts[0]: &head, parts[1]: &claims} {
		text, err := base64.RawURLEncoding.DecodeString(part)
		if err != nil || json.Unmarshal(text, into) != nil {
			return "", "no JSON"
		}
	}
	left := time.Unix(claims.Exp, 0).Sub(now)
	switch {
	case head.Alg != "ES256":
		return "", "alg " + head.Alg
	case claims.Aud != audience:
		return "", "aud " + claims.Aud
	case left <= 0 || left > 24*time.Hour:
		return "", fmt.Sprint("exp in ", left)
	case !strings.HasPrefix(claims.Sub, "https://") && !(strings.HasPrefix(claims.Sub, "mailto:") && strings.Count(claims.Sub, ":") == 1):
		return "", "sub " + claims.Sub
	}
	return key, ""
}

// What the test reads by is right: it reads what RFC 8291 has as its example, and what another
// implementation encrypted and signed.
func TestVectors(t *testing.T) {
	body, err := base64.RawURLEncoding.DecodeString("DGv6ra1nlYgDCS1FRnbzlwAAEABBBP4z9KsN6nGRTbVYI_c7VJSPQTBtkgcy27mlmlMoZIIgDll6e3vCYLocInmYWAmS6TlzAC8w" +
		"EqKK6PBru3jl7A_yl95bQpu6cVPTpK4Mqgkf1CXztLVBSt2Ks3oZwbuwXPXLWyouBWLVWGNWQexSgSxsj_Qulcy4a-fN")
	require.NoError(t, err)
	text, err := unseal(browser, auth, body)
	require.NoError(t, err)
	require.Equal(t, "When I grow up, I want to be a watermelon", string(text))
	raw, err := os.ReadFile("testdata/sealed.json")
	require.NoError(t, err)
	var vectors []struct {
		Name         string
		Subscription struct {
			Endpoint string
			Keys     struct{ Auth string }
		}
		PrivateKey, Text, Body string
		Headers                map[string]any
	}
	require.NoError(t, json.Unmarshal(raw, &vectors))
	require.NotEmpty(t, vectors)
	for _, v := range vectors {
		body, err := base64.RawURLEncoding.DecodeString(v.Body)
		require.NoError(t, err, v.Name)
		text, err := unseal(v.PrivateKey, v.Subscription.Keys.Auth, body)
		require.NoError(t, err, v.Name)
		require.Equal(t, v.Text, string(text), v.Name)
		origin := v.Subscription.Endpoint[:strings.Index(v.Subscription.Endpoint[8:], "/")+8]
		_, problem := signedBy(v.Headers["Authorization"].(string), origin, vectorsMade)
		require.Empty(t, problem, v.Name)
	}
}

// vectorsMade is when the vectors were made.
var vectorsMade = time.Date(2026, 11, 29, 15, 5, 0, 0, time.UTC)

// The request has the headers that another implementation sends, and no others of Web Push.
func TestHeadersAsOthers(t *testing.T) {
	raw, err := os.ReadFile("testdata/sealed.json")
	require.NoError(t, err)
	var vectors []struct{ Headers map[string]any }
	require.NoError(t, json.Unmarshal(raw, &vectors))
	var got sink.Delivery
	f := &far{}
	f.serve(t, sink.Options{Seen: func(d sink.Delivery) { got = d }})
	_, err = open(t, changed(`"timeout_ms"`, `"topic":"news","urgency":"high","timeout_ms"`)).Send(t.Context(),
		providers.Message{ID: 7, To: f.to(7), Content: providers.Content{Text: "x"}})
	require.NoError(t, err)
	theirs := vectors[1].Headers
	for name, value := range theirs {
		require.NotEmpty(t, got.Header.Get(name), name)
		if name != "Authorization" {
			require.Equal(t, fmt.Sprint(value), got.Header.Get(name), name)
		}
	}
}

// FuzzSubscription has nothing in an address bring the adapter down, or go anywhere that the
// settings do not name.
func FuzzSubscription(f *testing.F) {
	f.Add(subscription("https://push.example.com", 1))
	f.Add(subscription("https://127.0.0.1@example.org", 1))
	f.Add(`{"endpoint":null,"keys":{"p256dh":7}}`)
	f.Add("visitor")
	f.Fuzz(func(t *testing.T, address string) {
		_, err := open(t, config()).Send(done(t), providers.Message{ID: 7, To: address, Content: providers.Content{Text: "x"}})
		require.Contains(t, []providers.ErrorKind{providers.ErrorRecipient, providers.ErrorTemporary}, providers.AsError(err).Kind)
	})
}
