package fakes

import (
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
	"strings"
	"time"
)

// Unseal decrypts a body as a browser does (RFC 8291), with the private key and the secret of its
// subscription, both in base64url.
func Unseal(privateKey, secret string, body []byte) ([]byte, error) {
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

// SignedBy is the key that an Authorization header of RFC 8292 is signed with, and what is wrong
// with it.
func SignedBy(header, audience string, now time.Time) (key, problem string) {
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
