// Package secret keeps secrets from being seen: a string that prints redacted
// everywhere, and a box that encrypts what is stored. It knows nothing of what
// the secrets are for.
package secret

import (
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

// Box encrypts with AES-256-GCM under keys derived from the master keys of a ring, and
// makes fingerprints with others.
type Box struct{ ring *Ring }

// What is sealed begins with the first and the id of the key; before there were several
// keys, with the second alone.
const (
	prefix    = "enc:v2:"
	prefixOld = "enc:v1:"
)

// MinMasterKey is how many characters a master key has at least.
const MinMasterKey = 16

// NewBox makes a box from the master key and others that open, each of at least
// MinMasterKey characters.
func NewBox(masterKey String, others ...String) (*Box, error) {
	for _, k := range append([]String{masterKey}, others...) {
		if len(k.Reveal()) < MinMasterKey {
			return nil, fmt.Errorf("a master key has fewer than %d characters: make one with `openssl rand -base64 32`", MinMasterKey)
		}
	}
	return &Box{NewRing(masterKey, others...)}, nil
}

// Ring is the keys of the box.
func (b *Box) Ring() *Ring { return b.ring }

// Seal encrypts plain for storing, under the key in use.
func (b *Box) Seal(plain []byte) (string, error) {
	k := b.ring.held.Load().using
	nonce := make([]byte, k.aead.NonceSize())
	if _, err := rand.Read(nonce); err != nil {
		return "", fmt.Errorf("read nonce: %w", err)
	}
	return prefix + k.id + ":" + base64.StdEncoding.EncodeToString(k.aead.Seal(nonce, nonce, plain, nil)), nil
}

// Open decrypts what Seal made. The error for a key that the ring has not names its id.
func (b *Box) Open(sealed string) ([]byte, error) {
	plain, _, err := b.OpenBy(sealed)
	return plain, err
}

// Prefix is what all begins with that is sealed by the key with an id.
func Prefix(id string) string { return prefix + id + ":" }

// OpenBy is Open, and says the id of the key that opened.
func (b *Box) OpenBy(sealed string) (plain []byte, id string, err error) {
	h := b.ring.held.Load()
	keys := h.keys
	rest, old := strings.CutPrefix(sealed, prefixOld)
	if !old {
		named, ok := strings.CutPrefix(sealed, prefix)
		if !ok {
			return nil, "", errors.New("open secret: not sealed by this version")
		}
		if id, rest, ok = strings.Cut(named, ":"); !ok || len(id) != keyIDLength {
			return nil, "", errDamaged
		}
		k := h.find(id)
		if k == nil {
			return nil, id, fmt.Errorf("open secret: it was sealed with the master key %s, which is not here: "+
				"set CARILLON_MASTER_KEY to that key, or add it to CARILLON_OTHER_MASTER_KEYS", id)
		}
		keys = []*key{k}
	}
	raw, err := base64.StdEncoding.DecodeString(rest)
	if err != nil {
		return nil, id, errDamaged
	}
	for _, k := range keys {
		if len(raw) < k.aead.NonceSize() {
			return nil, id, errDamaged
		}
		if plain, err := k.aead.Open(nil, raw[:k.aead.NonceSize()], raw[k.aead.NonceSize():], nil); err == nil {
			return plain, k.id, nil
		}
	}
	if !old {
		return nil, id, errDamaged
	}
	return nil, "", errors.New("open secret: the master key is not the one it was sealed with (CARILLON_MASTER_KEY, CARILLON_OTHER_MASTER_KEYS)")
}

var errDamaged = errors.New("open secret: damaged")

// Fingerprint is a keyed hash of parts, 64 hexadecimal digits: it shows whether
// something is known without saying what. Without the master key nobody can try
// out what it stands for.
func (b *Box) Fingerprint(parts ...string) string {
	return b.ring.held.Load().using.fingerprint(parts)
}

// Fingerprints are those of parts under every key of the ring: what was erased can't be
// marked anew under another.
func (b *Box) Fingerprints(parts ...string) []string {
	h := b.ring.held.Load()
	marks := make([]string, len(h.keys))
	for i, k := range h.keys {
		marks[i] = k.fingerprint(parts)
	}
	return marks
}

func (k *key) fingerprint(parts []string) string {
	mac := hmac.New(sha256.New, k.printKey)
	for _, part := range parts {
		mac.Write(binary.AppendUvarint(nil, uint64(len(part))))
		mac.Write([]byte(part))
	}
	return hex.EncodeToString(mac.Sum(nil))
}
