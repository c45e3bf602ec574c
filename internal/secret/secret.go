// Package secret keeps secrets from being seen: a string that prints redacted
// everywhere, and a box that encrypts what is stored. It knows nothing of what
// the secrets are for.
package secret

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"log/slog"
	"strings"
)

// Redacted is what a secret prints.
const Redacted = "<redacted>"

// String is a secret text: every way of printing it shows Redacted; only
// Reveal gives it away. It is held by a pointer because fmt can't call methods
// of unexported fields: printing a struct around it shows an address at most.
type String struct{ value *string }

// New wraps a secret.
func New(value string) String {
	if value == "" {
		return String{}
	}
	return String{value: &value}
}

// Reveal is the secret itself.
func (s String) Reveal() string {
	if s.value == nil {
		return ""
	}
	return *s.value
}

// Empty reports whether there is no secret.
func (s String) Empty() bool { return s.value == nil }

// Equal reports whether the secret is the one that somebody presents, in a time that does not
// tell how much of it is right. An empty one equals nothing.
func (s String) Equal(presented string) bool {
	return !s.Empty() && subtle.ConstantTimeCompare([]byte(s.Reveal()), []byte(presented)) == 1
}

// String is Redacted, or nothing for an empty secret.
func (s String) String() string {
	if s.Empty() {
		return ""
	}
	return Redacted
}

// Format prints Redacted for every verb and flag.
func (s String) Format(f fmt.State, _ rune) { _, _ = f.Write([]byte(s.String())) }

// GoString is Redacted.
func (s String) GoString() string { return s.String() }

// LogValue is Redacted.
func (s String) LogValue() slog.Value { return slog.StringValue(s.String()) }

// MarshalText is Redacted: a secret never leaves in JSON or YAML.
func (s String) MarshalText() ([]byte, error) { return []byte(s.String()), nil }

// UnmarshalText takes the secret in.
func (s *String) UnmarshalText(text []byte) error {
	*s = New(string(text))
	return nil
}

// Box encrypts with AES-256-GCM under a key derived from the master key, and
// makes fingerprints with another.
type Box struct {
	aead     cipher.AEAD
	printKey []byte
}

const prefix = "enc:v1:"

// NewBox makes a box from the master key, which must have at least 16
// characters.
func NewBox(masterKey String) (*Box, error) {
	if len(masterKey.Reveal()) < 16 {
		return nil, errors.New("the master key has fewer than 16 characters: make one with `openssl rand -base64 32`")
	}
	key := sha256.Sum256([]byte("carillon secret box\x00" + masterKey.Reveal()))
	block, err := aes.NewCipher(key[:])
	if err != nil {
		return nil, fmt.Errorf("make cipher: %w", err)
	}
	aead, err := cipher.NewGCM(block)
	if err != nil {
		return nil, fmt.Errorf("make cipher: %w", err)
	}
	printKey := sha256.Sum256([]byte("carillon fingerprint\x00" + masterKey.Reveal()))
	return &Box{aead: aead, printKey: printKey[:]}, nil
}

// Seal encrypts plain for storing.
func (b *Box) Seal(plain []byte) (string, error) {
	nonce := make([]byte, b.aead.NonceSize())
	if _, err := rand.Read(nonce); err != nil {
		return "", fmt.Errorf("read nonce: %w", err)
	}
	return prefix + base64.StdEncoding.EncodeToString(b.aead.Seal(nonce, nonce, plain, nil)), nil
}

// Open decrypts what Seal made. The error for a wrong master key says so.
func (b *Box) Open(sealed string) ([]byte, error) {
	rest, ok := strings.CutPrefix(sealed, prefix)
	if !ok {
		return nil, errors.New("open secret: not sealed by this version")
	}
	raw, err := base64.StdEncoding.DecodeString(rest)
	if err != nil || len(raw) < b.aead.NonceSize() {
		return nil, errors.New("open secret: damaged")
	}
	plain, err := b.aead.Open(nil, raw[:b.aead.NonceSize()], raw[b.aead.NonceSize():], nil)
	if err != nil {
		return nil, errors.New("open secret: the master key is not the one it was sealed with (CARILLON_MASTER_KEY)")
	}
	return plain, nil
}

// Fingerprint is a keyed hash of parts, 64 hexadecimal digits: it shows whether
// something is known without saying what. Without the master key nobody can try
// out what it stands for.
func (b *Box) Fingerprint(parts ...string) string {
	mac := hmac.New(sha256.New, b.printKey)
	for _, part := range parts {
		mac.Write(binary.AppendUvarint(nil, uint64(len(part))))
		mac.Write([]byte(part))
	}
	return hex.EncodeToString(mac.Sum(nil))
}
