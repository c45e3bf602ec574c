package providers

import (
	"bytes"
	"crypto"
	"crypto/ed25519"
	"crypto/rsa"
	"crypto/x509"
	"encoding/base64"
	"encoding/pem"
	"errors"
	"fmt"
	"slices"
	"time"

	"carillon/internal/secret"
)

// SigningKey is the private key that mail of a domain is signed with (DKIM, RFC 6376).
type SigningKey struct {
	// Domain is the sender's domain, in lower case, and Selector the name below it at which
	// the public key is published: <selector>._domainkey.<domain>.
	Domain, Selector string
	// Private is in PEM form, PKCS #8.
	Private secret.String
	// CreatedAt and CreatedBy say who made it, or gave it, and when.
	CreatedAt time.Time
	CreatedBy string
	// SignsSince is since when mail is signed with it: since its record was seen to be
	// published. It is zero until then, because a signature that nobody can check counts as
	// none, and one that was replaced too early breaks what was well.
	SignsSince time.Time
}

// Equal reports whether two are the same in everything.
func (k SigningKey) Equal(other SigningKey) bool {
	return k.Domain == other.Domain && k.Selector == other.Selector && k.Private.Equal(other.Private.Reveal()) &&
		k.CreatedAt.Equal(other.CreatedAt) && k.CreatedBy == other.CreatedBy && k.SignsSince.Equal(other.SignsSince)
}

// The sizes of RSA keys that are taken, in bits. RFC 8301 wants 1024 at least, and 2048 of
// signers; above 4096 a record no longer fits what verifiers must support.
const (
	leastKeyBits = 1024
	mostKeyBits  = 4096
)

// Signer reads the private key: RSA of 1024 to 4096 bits, or Ed25519. Its errors quote nothing
// of it.
func (k SigningKey) Signer() (crypto.Signer, error) {
	block, rest := pem.Decode([]byte(k.Private.Reveal()))
	if block == nil {
		return nil, errors.New("must be a private key in PEM form, which begins with -----BEGIN PRIVATE KEY-----")
	}
	if len(bytes.TrimSpace(rest)) > 0 {
		return nil, errors.New("must be one private key in PEM form, and nothing behind it")
	}
	parsed, err := x509.ParsePKCS8PrivateKey(block.Bytes)
	if err != nil {
		// What openssl made of old, and what other senders hand out.
		parsed, err = x509.ParsePKCS1PrivateKey(block.Bytes)
	}
	if err != nil {
		return nil, errors.New("is not a private key that can be read: it must be RSA or Ed25519, without a passphrase")
	}
	switch key := parsed.(type) {
	case *rsa.PrivateKey:
		if bits := key.N.BitLen(); bits < leastKeyBits || bits > mostKeyBits {
			return nil, fmt.Errorf("is an RSA key of %d bits: it must have %d to %d", bits, leastKeyBits, mostKeyBits)
		}
		return key, nil
	case ed25519.PrivateKey:
		return key, nil
	}
	return nil, errors.New("must be an RSA or an Ed25519 key")
}

// Record is the text to publish for the key: the public half of it (RFC 6376, 3.6.1; of
// Ed25519 RFC 8463).
func (k SigningKey) Record() (string, error) {
	signer, err := k.Signer()
	if err != nil {
		return "", err
	}
	if key, is := signer.Public().(ed25519.PublicKey); is {
		return "v=DKIM1; k=ed25519; p=" + base64.StdEncoding.EncodeToString(key), nil
	}
	public, err := x509.MarshalPKIXPublicKey(signer.Public())
	if err != nil {
		return "", fmt.Errorf("encode the public key of selector %s: %w", k.Selector, err)
	}
	return "v=DKIM1; k=rsa; p=" + base64.StdEncoding.EncodeToString(public), nil
}

// Signing is the key of those of a channel that mail of a domain is signed with now: the one
// that came into use last. There may be none.
func Signing(keys []SigningKey, domain string) (SigningKey, bool) {
	var newest SigningKey
	for _, k := range keys {
		if k.Domain == domain && !k.SignsSince.IsZero() && !k.SignsSince.Before(newest.SignsSince) {
			newest = k
		}
	}
	return newest, newest.Domain != ""
}

// SameKeys reports whether two lists of keys are equal.
func SameKeys(a, b []SigningKey) bool { return slices.EqualFunc(a, b, SigningKey.Equal) }
